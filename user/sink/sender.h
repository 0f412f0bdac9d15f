/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages on their way to one receiver: a bounded queue over a channel that connects again by
 * itself. What the receiver may not have read when a connection broke is sent again, so that a
 * message arrives at least once; each counts once, as delivered or by the reason it was dropped.
 *
 * What may not have been read is known as well as the kernel tells it. Unix sockets: exactly; but
 * if the receiver of datagrams went while none was sent, those since the last that it took while it
 * was seen to be there. TCP and TLS: a receiver that closed in order had read all that its kernel
 * acknowledged; when it was reset, what was sent in the last seconds, at most some megabytes, is
 * sent again. UDP: the datagram that was refused.
 */
#ifndef PYAUDIT_SENDER_H
#define PYAUDIT_SENDER_H

#include <stdint.h>

#include "base/buf.h"
#include "sink/channel.h"

enum sender_drop {
	SENDER_QUEUE_FULL,  /* the receiver was down or slow for too long */
	SENDER_TOO_LARGE,   /* no datagram can be that large */
	SENDER_UNSENT,	    /* still in the queue at the end */
	SENDER_UNCONFIRMED, /* sent, and at the end it is not known whether it was read */
	SENDER_DROPS
};

extern const char *const sender_drops[SENDER_DROPS];

struct sender_stats {
	/* Messages that count. What was sent and then dropped at the end is no longer delivered. */
	uint64_t delivered, dropped[SENDER_DROPS];
	uint64_t resent; /* messages sent again */
	size_t queue_bytes, queue_max;
	bool up; /* connected */
};

struct sender;

/* Each message ends with a line end, which is left out where messages are datagrams. Besides the
 * flags of a channel. */
#define SENDER_LINES 0x100

/* what names it in messages. The address must outlive it. NULL after one line said why. */
struct sender *sender_new(const char *what, const struct address *address, int flags);
void sender_free(struct sender *s);

/* Where to append a message, whole and with its framing; NULL when there is no room. To be followed
 * by sender_end. */
struct buf *sender_begin(struct sender *s);

/* Ends the message. Returns 0, -EMSGSIZE when it is too large for a datagram, or -ENOMEM: then it
 * is taken back. Nothing is counted. */
int sender_end(struct sender *s, bool counts);

/* Counts one message that could not be queued. */
void sender_drop(struct sender *s, enum sender_drop why);

/* Sends what can be sent without waiting; to be called when the descriptor is ready, and every some
 * milliseconds. */
void sender_flush(struct sender *s);

/* Whether all that was queued has been sent once. */
bool sender_idle(const struct sender *s);

/* Sends the rest and has the receiver confirm it, a step at a time: to be called every some
 * milliseconds until it returns true. Nothing can be queued from the first on. */
bool sender_end_step(struct sender *s);

/* Drops what has not gone out. */
void sender_drop_unsent(struct sender *s);

/* At the end: drops also what was sent and is not confirmed. */
void sender_give_up(struct sender *s);

/* To be polled for POLLOUT while sender_wants; -1: nothing. */
int sender_fd(const struct sender *s);
bool sender_wants(const struct sender *s);

void sender_stats(const struct sender *s, struct sender_stats *stats);

#endif
