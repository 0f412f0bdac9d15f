// SPDX-License-Identifier: GPL-2.0-only
#include "sink/address.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const char *const schemes[] = {
	[ADDRESS_UNIX] = "unix:",
	[ADDRESS_UDP] = "udp:",
	[ADDRESS_TCP] = "tcp:",
	[ADDRESS_TLS] = "tls:",
};

#define N_SCHEMES (sizeof(schemes) / sizeof(*schemes))

static int scheme_of(const char *text)
{
	size_t i;

	for (i = 0; i < N_SCHEMES; i++)
		if (!strncmp(text, schemes[i], strlen(schemes[i])))
			return (int)i;
	return -1;
}

int address_has_scheme(const char *text)
{
	return scheme_of(text) >= 0;
}

static int bad(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

static const struct parameter {
	const char *name;
	size_t field;
	bool tls;
} parameters[] = {
	{"ca=", offsetof(struct address, ca), true},
	{"cert=", offsetof(struct address, cert), true},
	{"key=", offsetof(struct address, key), true},
	{"facility=", offsetof(struct address, facility), false},
};

static int take_parameter(struct address *a, const char *text, const char **why)
{
	size_t i, len;

	for (i = 0; i < sizeof(parameters) / sizeof(*parameters); i++) {
		const struct parameter *p = &parameters[i];

		len = strlen(p->name);
		if (strncmp(text, p->name, len))
			continue;
		if (!text[len])
			return bad(why, "a parameter without a value; give one, or leave it out");
		if (p->tls && a->kind != ADDRESS_TLS)
			return bad(
				why,
				"ca, cert and key are for tls; leave them out, or give tls:HOST");
		*(const char **)((char *)a + p->field) = text + len;
		return 0;
	}
	return bad(why, "unknown parameter; there are ca, cert, key and facility");
}

/* Cuts the parameters off and takes each. */
static int take_parameters(struct address *a, char *text, const char **why)
{
	char *comma = strchr(text, ','), *next;
	int err = 0;

	while (comma && !err) {
		*comma = '\0';
		next = strchr(comma + 1, ',');
		if (next)
			*next = '\0';
		err = take_parameter(a, comma + 1, why);
		if (next)
			*next = ',';
		comma = next;
	}
	if (!err && a->key && !a->cert)
		err = bad(why, "a key without a cert; give both");
	return err;
}

static bool is_port(const char *text)
{
	size_t len = strlen(text);

	return len && len <= 5 && text[strspn(text, "0123456789")] == '\0' && atoi(text) > 0 &&
	       atoi(text) <= 65535;
}

static int take_host(struct address *a, char *text, const char *default_port, const char **why)
{
	char *end = text, *colon;

	a->host = text;
	a->port = default_port;
	if (*text == '[') {
		end = strchr(text, ']');
		if (!end)
			return bad(why, "a bracket is not closed; give [ADDR6]:PORT");
		*end++ = '\0';
		a->host = text + 1;
	}
	colon = strchr(end, ':');
	if (colon && (strchr(colon + 1, ':') || (colon != end && *text == '[')))
		return bad(why, "an IPv6 address goes into brackets; give [ADDR6]:PORT");
	if (colon) {
		*colon = '\0';
		a->port = colon + 1;
	}
	if (!a->host[0] || (*text == '[' && *end && end != colon))
		return bad(why, "no host; give HOST:PORT");
	if (strpbrk(a->host, "/?#@ "))
		return bad(why, "not a host name; give a name or an address");
	if (!a->port)
		return bad(why, "no port; give HOST:PORT");
	return is_port(a->port) ? 0 : bad(why, "not a port; give a number from 1 to 65535");
}

static int take_path(struct address *a, const char *text, const char **why)
{
	a->path = text;
	if (!*text || !strcmp(text, "@"))
		return bad(why, "no path; give unix:PATH");
	if (strlen(text) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return bad(why, "too long; a socket's path has at most 107 bytes");
	return 0;
}

int address_parse(struct address *address, const char *text, const char *default_port,
		  const char **why)
{
	int kind = scheme_of(text), err;
	char *rest;

	*address = (struct address){.text = strdup(text)};
	if (!address->text)
		return -ENOMEM;
	if (kind < 0) {
		err = bad(why, "not an address; give unix:PATH, udp:HOST, tcp:HOST or tls:HOST");
	} else {
		address->kind = kind;
		rest = address->text + strlen(schemes[kind]);
		err = take_parameters(address, rest, why);
		if (!strncmp(rest, "//", 2) && (kind != ADDRESS_UNIX || rest[2] == '/'))
			rest += 2;
		if (!err)
			err = kind == ADDRESS_UNIX ? take_path(address, rest, why)
						   : take_host(address, rest, default_port, why);
	}
	if (err)
		address_free(address);
	return err;
}

void address_free(struct address *address)
{
	free(address->text);
	*address = (struct address){0};
}
