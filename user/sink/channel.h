/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection to a receiver, and what is known of how far the receiver has read. Nothing here
 * waits: connecting, names included, goes on while the caller does other things.
 *
 * TCP and TLS connect through libcurl, which looks names up without blocking and does the
 * handshake; UDP looks its name up once, when it is opened.
 */
#ifndef PYAUDIT_CHANNEL_H
#define PYAUDIT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "sink/address.h"

enum channel_flags {
	CHANNEL_STREAM_FIRST = 1, /* of a unix socket: try a stream before a datagram socket */
	CHANNEL_MEMFD = 2, /* a datagram that is too large goes as a sealed file, as journald has it
			    */
};

struct channel;

/* Does not connect yet. address is the caller's and must outlive the channel. NULL after one line
 * said why; what names the option in it. */
struct channel *channel_new(const char *what, const struct address *address, int flags);
void channel_free(struct channel *channel);

/* Begins to connect, or goes on with it. 1: connected, 0: not yet, else a negative errno, and
 * channel_error has the words; it is closed then. */
int channel_connect(struct channel *channel);

/* Sends bytes of a stream, or one datagram. Returns how many were taken, -EAGAIN when none can be
 * now (a stream is then to be offered the same bytes again), -EMSGSIZE for a datagram that is too
 * large, or what the connection broke with: -EPIPE when the receiver has closed it, another errno
 * when it was reset. */
ssize_t channel_send(struct channel *channel, const void *data, size_t len);

/* Takes what the receiver says and throws it away. 0, or what the connection broke with. */
int channel_listen(struct channel *channel);

/* Bytes that the receiver has not read (unix sockets: in the kernel's measure, 0 is exact), or that
 * its kernel has not acknowledged (TCP). Also of a connection that broke, until it is closed. */
size_t channel_unread(const struct channel *channel);

/* No more will be sent; what channel_listen breaks with then is the receiver's answer. */
void channel_shutdown(struct channel *channel);
void channel_close(struct channel *channel);

bool channel_is_datagram(const struct channel *channel);
/* The largest datagram, as far as is known: SIZE_MAX where there is no such limit. */
size_t channel_datagram_max(const struct channel *channel);
/* Whether what channel_unread tells is what the receiver itself has not read. */
bool channel_tells_reads(const struct channel *channel);

/* To be polled; -1: nothing. */
int channel_fd(const struct channel *channel);

/* Why connecting failed last. */
const char *channel_error(const struct channel *channel);

#endif
