/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a receiver listens, as the command line has it:
 *
 *   unix:PATH             a socket in the file system; unix:@NAME an abstract one
 *   udp:HOST[:PORT]       HOST is a name, an IPv4 address, or an IPv6 address in brackets
 *   tcp:HOST[:PORT]
 *   tls:HOST[:PORT]
 *
 * and then any of ",NAME=VALUE". The scheme may be followed by "//", as in a URL.
 */
#ifndef PYAUDIT_ADDRESS_H
#define PYAUDIT_ADDRESS_H

enum address_kind { ADDRESS_UNIX, ADDRESS_UDP, ADDRESS_TCP, ADDRESS_TLS };

struct address {
	enum address_kind kind;
	const char *path;	     /* of unix */
	const char *host, *port;     /* of the others; host without brackets */
	const char *ca, *cert, *key; /* files in PEM form; NULL: not given */
	const char *facility;	     /* of syslog; NULL: not given */
	char *text;		     /* what they point into */
};

/* Parses text into *address, to be freed. default_port (NULL: a port must be given) is used where
 * none is. Returns 0, -EINVAL with *why saying what is wrong with it, or -ENOMEM. */
int address_parse(struct address *address, const char *text, const char *default_port,
		  const char **why);
void address_free(struct address *address);

/* Whether text begins with a scheme: is meant as an address and not as a file name. */
int address_has_scheme(const char *text);

#endif
