/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the channel share: channel.c (local sockets and UDP) and channel_remote.c (TCP
 * and TLS, through libcurl). */
#ifndef PYAUDIT_CHANNEL_STATE_H
#define PYAUDIT_CHANNEL_STATE_H

#include <stdio.h>
#include <sys/socket.h>

#include "sink/channel.h"

#define TLS_CHUNK 16384 /* a TLS record's content */

struct channel {
	const struct address *address;
	int flags; /* enum channel_flags */
	int type;  /* SOCK_STREAM or SOCK_DGRAM */
	int fd;	   /* connected; -1 otherwise */
	int buffer;
	struct addrinfo *udp, *udp_next; /* next: NULL: the first */
	char error[256];

	/* TCP and TLS */
	void *multi, *easy; /* CURLM, CURL; easy is NULL while it is not connected or connecting */
	char curl_error[256];
	char chunk[TLS_CHUNK]; /* what was offered last: OpenSSL wants to be offered the same */
	size_t chunk_len;
};

static inline bool channel_is_remote(const struct channel *c)
{
	return c->address->kind == ADDRESS_TCP || c->address->kind == ADDRESS_TLS;
}

int channel_remote_init(struct channel *c, const char *what);
void channel_remote_exit(struct channel *c);
int channel_remote_connect(struct channel *c);
void channel_remote_close(struct channel *c);
ssize_t channel_tls_send(struct channel *c, const void *data, size_t len);
ssize_t channel_tls_recv(struct channel *c, void *data, size_t len);

#endif
