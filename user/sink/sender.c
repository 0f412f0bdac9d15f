// SPDX-License-Identifier: GPL-2.0-only
#include "sink/sender.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"

#define QUEUE_MAX   (16 << 20) /* bytes that wait to be sent */
#define TAIL_MAX    (8 << 20)  /* bytes kept that were sent to a TCP receiver */
#define TAIL_NS	    (10 * 1000000000ll)
#define ROUND_BYTES (1 << 20) /* sent at once: others want their turn */
#define RETRY_MIN   (100 * 1000000ll)
#define RETRY_MAX   (5 * 1000000000ll)
#define ANSWER_NS   1000000000ll /* at the end, for a receiver to close after it has read all */
#define COMPACT_AT  (4 << 20)

const char *const sender_drops[SENDER_DROPS] = {
	[SENDER_QUEUE_FULL] = "queue_full",
	[SENDER_TOO_LARGE] = "too_large",
	[SENDER_UNSENT] = "unsent",
	[SENDER_UNCONFIRMED] = "unconfirmed",
};

/* Where a message ends in the queue. */
struct mark {
	size_t end;
	int64_t sent_at; /* when it was sent last; 0: never */
	bool counts;
};

/* The queue holds, in this order: what is confirmed and not yet moved out, what was sent and may
 * have to be sent again, and what waits. */
struct sender {
	const char *what;
	struct channel *channel;
	struct buf queue;
	struct mark *marks;
	size_t n_marks, cap_marks;
	size_t confirmed, sent; /* marks before these are */
	size_t written;		/* bytes that were sent: inside of message `sent` */
	uint64_t delivered, dropped[SENDER_DROPS], resent;
	bool lines; /* each message ends with a line end */
	bool up, told;
	int64_t retry_at;
	struct backoff backoff;
	int64_t asked_at; /* when it was told that no more will come */
};

struct sender *sender_new(const char *what, const struct address *address, int flags)
{
	struct sender *s = calloc(1, sizeof(*s));

	if (!s) {
		log_error("%s: out of memory", what);
		return NULL;
	}
	s->what = what;
	backoff_init(&s->backoff, RETRY_MIN, RETRY_MAX);
	s->lines = flags & SENDER_LINES;
	s->channel = channel_new(what, address, flags);
	if (s->channel)
		return s;
	free(s);
	return NULL;
}

void sender_free(struct sender *s)
{
	if (!s)
		return;
	channel_free(s->channel);
	buf_free(&s->queue);
	free(s->marks);
	free(s);
}

static size_t start_of(const struct sender *s, size_t mark)
{
	return mark ? s->marks[mark - 1].end : 0;
}

static size_t waiting(const struct sender *s)
{
	return start_of(s, s->n_marks) - s->written;
}

struct buf *sender_begin(struct sender *s)
{
	return waiting(s) > QUEUE_MAX ? NULL : &s->queue;
}

static bool room_for_mark(struct sender *s)
{
	size_t cap = s->cap_marks ? s->cap_marks * 2 : 256;
	struct mark *marks;

	if (s->n_marks < s->cap_marks)
		return true;
	marks = reallocarray(s->marks, cap, sizeof(*marks));
	if (!marks)
		return false;
	s->marks = marks;
	s->cap_marks = cap;
	return true;
}

int sender_end(struct sender *s, bool counts)
{
	size_t start = start_of(s, s->n_marks);
	int err = 0;

	if (s->queue.failed || !room_for_mark(s))
		err = -ENOMEM;
	else if (channel_is_datagram(s->channel) &&
		 s->queue.len - start > channel_datagram_max(s->channel))
		err = -EMSGSIZE;
	if (err) {
		s->queue.failed = false;
		buf_truncate(&s->queue, start);
		return err;
	}
	if (s->queue.len > start)
		s->marks[s->n_marks++] = (struct mark){.end = s->queue.len, .counts = counts};
	return 0;
}

void sender_drop(struct sender *s, enum sender_drop why)
{
	s->dropped[why]++;
}

/* Moves out what is confirmed. */
static void compact(struct sender *s)
{
	size_t start = start_of(s, s->confirmed), i;

	if (!start || (start < COMPACT_AT && start < s->queue.len))
		return;
	memmove(s->queue.data, s->queue.data + start, s->queue.len - start);
	s->queue.len -= start;
	s->written -= start;
	s->n_marks -= s->confirmed;
	s->sent -= s->confirmed;
	memmove(s->marks, s->marks + s->confirmed, s->n_marks * sizeof(*s->marks));
	for (i = 0; i < s->n_marks; i++)
		s->marks[i].end -= start;
	s->confirmed = 0;
}

static void confirm_to(struct sender *s, size_t mark)
{
	if (mark == s->confirmed)
		return;
	s->confirmed = mark;
	backoff_reset(&s->backoff);
	if (s->told)
		log_warn("%s: delivers again", s->what);
	s->told = false;
}

/* What had been sent, and was unread, before something showed that the receiver was there. */
struct seen {
	size_t written, unread;
};

/* Which of the messages sent need not be kept any more. */
static void confirm(struct sender *s, const struct seen *seen, int64_t now)
{
	size_t mark = s->confirmed;

	if (channel_tells_reads(s->channel)) {
		/* In the kernel's measure a message takes more than its length, never less. */
		while (mark < s->sent && s->marks[mark].end + seen->unread <= seen->written)
			mark++;
	} else if (channel_is_datagram(s->channel)) {
		mark = s->sent ? s->sent - 1 : 0;
	} else {
		while (mark < s->sent && (s->written - s->marks[mark].end > TAIL_MAX ||
					  (s->marks[mark].end + seen->unread <= seen->written &&
					   now - s->marks[mark].sent_at > TAIL_NS)))
			mark++;
	}
	if (mark > s->confirmed)
		confirm_to(s, mark);
	compact(s);
}

/* From which message on is to be sent again after the connection broke with err? */
static size_t first_unread(const struct sender *s, int err)
{
	size_t unread, mark = s->sent;

	if (channel_tells_reads(s->channel))
		return err == -EPIPE ? s->sent : s->confirmed;
	if (channel_is_datagram(s->channel) || err != -EPIPE)
		return s->confirmed;
	unread = channel_unread(s->channel);
	while (mark > s->confirmed && s->written - s->marks[mark - 1].end < unread)
		mark--;
	return mark;
}

static void retry_later(struct sender *s, int64_t now)
{
	s->retry_at = now + backoff_next(&s->backoff);
	s->up = false;
}

/* Once, until something has been delivered again. */
static void tell(struct sender *s, const char *what, const char *why)
{
	if (!s->told)
		log_warn("%s: %s: %s; trying again, events wait meanwhile", s->what, what, why);
	s->told = true;
}

static void on_break(struct sender *s, int err, int64_t now)
{
	size_t mark = first_unread(s, err);

	confirm_to(s, mark);
	tell(s, "the connection broke", strerror(-err));
	s->sent = mark;
	s->written = start_of(s, mark);
	channel_close(s->channel);
	retry_later(s, now);
}

static void try_connect(struct sender *s, int64_t now)
{
	int ret;

	if (now < s->retry_at)
		return;
	ret = channel_connect(s->channel);
	if (!ret)
		return;
	if (ret > 0) {
		s->up = true;
		return;
	}
	tell(s, "cannot connect", channel_error(s->channel));
	retry_later(s, now);
}

static void drop_message(struct sender *s)
{
	struct mark *m = &s->marks[s->sent];

	/* It keeps its place, as a message of nothing that was sent. */
	s->dropped[SENDER_TOO_LARGE] += m->counts;
	m->counts = false;
	m->sent_at = clock_ns(CLOCK_MONOTONIC);
	s->written = m->end;
	s->sent++;
}

static void note_sent(struct sender *s, struct mark *m, int64_t now)
{
	if (m->sent_at)
		s->resent++;
	else
		s->delivered += m->counts;
	m->sent_at = now;
}

/* Sends the next piece. Returns the bytes, -EAGAIN, or what it broke with. */
static ssize_t send_some(struct sender *s, int64_t now)
{
	bool datagram = channel_is_datagram(s->channel);
	size_t end = datagram ? s->marks[s->sent].end : start_of(s, s->n_marks);
	ssize_t n;

	/* What separates the messages of a stream has no place in a datagram. */
	n = channel_send(s->channel, s->queue.data + s->written,
			 end - s->written - (datagram && s->lines));

	if (n == -EMSGSIZE && datagram) {
		drop_message(s);
		return 0;
	}
	if (n < 0)
		return n;
	s->written += datagram ? end - s->written : (size_t)n;
	while (s->sent < s->n_marks && s->marks[s->sent].end <= s->written)
		note_sent(s, &s->marks[s->sent++], now);
	return n;
}

/* A receiver that goes empties its socket, which then looks read. Of a stream that is told as soon;
 * of datagrams only to who sends another. */
static bool ends_unheard(const struct sender *s)
{
	return channel_is_datagram(s->channel) && channel_tells_reads(s->channel);
}

void sender_flush(struct sender *s)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	struct seen seen;
	size_t done = 0;
	bool there, broke;
	ssize_t n = 0;

	if (!s->up)
		try_connect(s, now);
	if (!s->up)
		return;
	seen = (struct seen){s->written, channel_unread(s->channel)};
	n = channel_listen(s->channel);
	there = n >= 0 && !ends_unheard(s);
	while (n >= 0 && s->sent < s->n_marks && done < ROUND_BYTES) {
		n = send_some(s, now);
		done += n > 0 ? n : 0;
	}
	broke = n < 0 && n != -EAGAIN;
	if ((there || done) && (!broke || channel_tells_reads(s->channel)))
		confirm(s, &seen, now);
	if (broke)
		on_break(s, (int)n, now);
}

bool sender_idle(const struct sender *s)
{
	return s->sent == s->n_marks;
}

/* Whether the receiver has read all, as far as it can be known. */
static bool is_read(struct sender *s, int64_t now)
{
	int err;

	if (channel_is_datagram(s->channel) || channel_tells_reads(s->channel))
		return !channel_unread(s->channel);
	if (!s->asked_at) {
		s->asked_at = now;
		channel_shutdown(s->channel);
	}
	err = channel_listen(s->channel);
	if (err == -EPIPE) /* its answer: it has closed as well */
		return !channel_unread(s->channel);
	if (err) {
		on_break(s, err, now);
		return false;
	}
	/* Acknowledged, and it does not close: some never do, and of TLS it is not asked. */
	return !channel_unread(s->channel) && now - s->asked_at > ANSWER_NS;
}

bool sender_end_step(struct sender *s)
{
	if (s->confirmed == s->n_marks)
		return true;
	/* After it was asked to close, that it does is an answer and not a break. */
	if (!s->asked_at || !s->up)
		sender_flush(s);
	if (!s->up || !sender_idle(s)) {
		s->asked_at = 0;
		return s->confirmed == s->n_marks;
	}
	if (is_read(s, clock_ns(CLOCK_MONOTONIC)))
		confirm_to(s, s->sent);
	return s->confirmed == s->n_marks;
}

/* Drops the messages from mark on. */
static void drop_from(struct sender *s, size_t mark)
{
	size_t i;

	for (i = mark; i < s->n_marks; i++) {
		if (!s->marks[i].counts)
			continue;
		s->dropped[s->marks[i].sent_at ? SENDER_UNCONFIRMED : SENDER_UNSENT]++;
		s->delivered -= s->marks[i].sent_at != 0;
	}
	s->n_marks = mark;
	buf_truncate(&s->queue, start_of(s, mark));
}

void sender_drop_unsent(struct sender *s)
{
	size_t start = start_of(s, s->sent);

	drop_from(s, s->sent);
	if (s->written == start)
		return;
	/* A message was cut in the middle: what comes after it must not be taken for its rest. */
	channel_close(s->channel);
	s->up = false;
	s->retry_at = 0;
	s->written = start;
}

void sender_give_up(struct sender *s)
{
	drop_from(s, s->confirmed);
	s->sent = s->n_marks;
	s->written = start_of(s, s->n_marks);
}

int sender_fd(const struct sender *s)
{
	return s->up ? channel_fd(s->channel) : -1;
}

bool sender_wants(const struct sender *s)
{
	return s->up && s->sent < s->n_marks;
}

void sender_stats(const struct sender *s, struct sender_stats *stats)
{
	*stats = (struct sender_stats){
		.delivered = s->delivered,
		.resent = s->resent,
		.queue_bytes = waiting(s),
		.queue_max = QUEUE_MAX,
		.up = s->up,
	};
	memcpy(stats->dropped, s->dropped, sizeof(stats->dropped));
}
