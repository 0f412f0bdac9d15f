// SPDX-License-Identifier: GPL-2.0-only
#include "sink/forward.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sink/journal.h"
#include "sink/sender.h"
#include "sink/syslog.h"

struct forward {
	enum forward_kind kind;
	const struct format_ops *format;
	struct address address;
	struct syslog_origin origin;
	struct sender *sender;
	uint64_t seq;
	uint64_t seen_dropped;	   /* events dropped, and of those lost anywhere, */
	uint64_t untold[LOSS_MAX]; /* the ones that no record tells of yet */
	uint64_t reduced;
};

static const struct {
	const char *address, *port;
	int flags;
} kinds[] = {
	[FORWARD_JOURNAL] = {"unix:" JOURNAL_SOCKET, NULL, CHANNEL_MEMFD},
	[FORWARD_SYSLOG] = {"unix:" SYSLOG_SOCKET, NULL, SENDER_LINES},
	[FORWARD_LINES] = {NULL, NULL, SENDER_LINES | CHANNEL_STREAM_FIRST},
};

/* RFC 5426 and RFC 5425; for plain TCP there is no number but that of UDP. */
static const char *default_port(enum forward_kind kind, const char *address)
{
	if (kind != FORWARD_SYSLOG)
		return NULL;
	return strncmp(address, "tls:", 4) ? "514" : "6514";
}

static int parse(enum forward_kind kind, const char *text, struct address *address,
		 const char **why)
{
	int err = address_parse(address, text, default_port(kind, text), why);

	if (err == -ENOMEM)
		*why = "out of memory";
	if (err)
		return err;
	if (address->facility && kind != FORWARD_SYSLOG)
		*why = "facility is for syslog; leave it out";
	else if (address->facility && syslog_facility(address->facility) < 0)
		*why = "unknown facility; give daemon, auth, local0 to local7, ... or 0 to 23";
	else if (kind == FORWARD_LINES && address->kind == ADDRESS_UDP)
		*why = "datagrams get lost; give unix:, tcp: or tls:";
	else
		return 0;
	address_free(address);
	return -EINVAL;
}

bool forward_takes(enum forward_kind kind, const char *address, const char **why)
{
	struct address a;

	if (parse(kind, address, &a, why))
		return false;
	address_free(&a);
	return true;
}

struct forward *forward_new(enum forward_kind kind, const char *what, const char *address,
			    const struct format_ops *format)
{
	struct forward *f = calloc(1, sizeof(*f));
	const char *text = address ?: kinds[kind].address, *why;

	if (!f) {
		log_error("%s: out of memory", what);
		return NULL;
	}
	f->kind = kind;
	f->format = kind == FORWARD_JOURNAL ? &format_journal : format;
	if (parse(kind, text, &f->address, &why)) {
		log_error("%s '%.200s': %s", what, text, why);
		free(f);
		return NULL;
	}
	syslog_origin_init(&f->origin, f->address.facility ? syslog_facility(f->address.facility)
							   : SYSLOG_DEFAULT_FACILITY);
	f->sender = sender_new(what, &f->address, kinds[kind].flags);
	if (!f->sender) {
		address_free(&f->address);
		free(f);
		return NULL;
	}
	/* So that a receiver that is not there is told of at once. */
	sender_flush(f->sender);
	return f;
}

static void write_syslog(const struct forward *f, struct buf *out, const struct audit_event *event)
{
	if (f->address.kind == ADDRESS_TCP || f->address.kind == ADDRESS_TLS) {
		syslog_frame(out, &f->origin, event, f->seq + 1);
		return;
	}
	syslog_message(out, &f->origin, event, f->seq + 1);
	buf_char(out, '\n');
}

static int queue(struct forward *f, const struct audit_event *event)
{
	struct buf *out = sender_begin(f->sender);
	size_t before;
	int err;

	if (!out)
		return -ENOBUFS;
	before = out->len;
	if (f->kind == FORWARD_SYSLOG)
		write_syslog(f, out, event);
	else
		f->format->write(out, event, f->seq + 1, false);
	if (out->len == before && !out->failed)
		return 0; /* not shown in this format */
	err = sender_end(f->sender, event->type == RECORD_AUDIT);
	if (!err)
		f->seq++;
	return err;
}

/* The event without its arguments, and said to be cut. */
static int queue_reduced(struct forward *f, const struct audit_event *event)
{
	struct audit_event less = *event;
	int err;

	less.n_args = less.n_values = 0;
	err = queue(f, &less);
	f->reduced += !err;
	return err;
}

static uint64_t dropped(const struct forward *f)
{
	struct sender_stats stats;

	sender_stats(f->sender, &stats);
	return stats.dropped[SENDER_QUEUE_FULL] + stats.dropped[SENDER_TOO_LARGE];
}

/* Says in the stream how many events are missing at this place; what there is no room for is said
 * later. */
static void tell_losses(struct forward *f, int64_t time)
{
	struct audit_event event = {.type = RECORD_LOST, .time.ns = time};
	uint64_t now = dropped(f);
	int i;

	f->untold[LOSS_OUTPUT] += now - f->seen_dropped;
	f->seen_dropped = now;
	for (i = 0; i < LOSS_MAX; i++) {
		event.lost = (struct loss){i, f->untold[i]};
		if (f->untold[i] && !queue(f, &event))
			f->untold[i] = 0;
	}
}

static void forward_record(void *arg, const struct audit_event *event)
{
	struct forward *f = arg;
	int err;

	if (event->type == RECORD_LOST)
		f->untold[event->lost.reason] += event->lost.count;
	tell_losses(f, event->time.ns);
	if (event->type == RECORD_LOST)
		return;
	err = queue(f, event);
	if (err == -EMSGSIZE && event->type == RECORD_AUDIT && event->n_args)
		err = queue_reduced(f, event);
	if (err && event->type == RECORD_AUDIT)
		sender_drop(f->sender, err == -EMSGSIZE ? SENDER_TOO_LARGE : SENDER_QUEUE_FULL);
}

static void forward_flush(void *arg)
{
	sender_flush(((struct forward *)arg)->sender);
}

static bool forward_idle(void *arg)
{
	return sender_idle(((struct forward *)arg)->sender);
}

static bool forward_end_step(void *arg)
{
	return sender_end_step(((struct forward *)arg)->sender);
}

static void forward_drop_unsent(void *arg)
{
	sender_drop_unsent(((struct forward *)arg)->sender);
}

static void forward_give_up(void *arg)
{
	sender_give_up(((struct forward *)arg)->sender);
}

static int forward_poll(void *arg, struct pollfd *fd)
{
	const struct sender *sender = ((struct forward *)arg)->sender;

	if (!sender_wants(sender))
		return 0;
	*fd = (struct pollfd){.fd = sender_fd(sender), .events = POLLOUT};
	return 1;
}

static void forward_stats(const void *arg, struct exporter_stats *stats)
{
	struct sender_stats s;
	size_t i;

	sender_stats(((const struct forward *)arg)->sender, &s);
	*stats = (struct exporter_stats){.delivered = s.delivered,
					 .queue_bytes = s.queue_bytes,
					 .queue_max = s.queue_max,
					 .up = s.up,
					 .n_drops = SENDER_DROPS};
	for (i = 0; i < SENDER_DROPS; i++)
		stats->drops[i] = (struct exporter_drop){sender_drops[i], s.dropped[i]};
}

static void forward_free(void *arg)
{
	struct forward *f = arg;

	sender_free(f->sender);
	address_free(&f->address);
	free(f);
}

const struct exporter_ops forward_ops = {
	.record = forward_record,
	.flush = forward_flush,
	.idle = forward_idle,
	.end_step = forward_end_step,
	.drop_unsent = forward_drop_unsent,
	.give_up = forward_give_up,
	.poll = forward_poll,
	.stats = forward_stats,
	.free = forward_free,
};
