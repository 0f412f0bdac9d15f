// SPDX-License-Identifier: GPL-2.0-only
#include "sink/otlp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "sink/otlp_answer.h"
#include "sink/otlp_batch.h"
#include "sink/otlp_queue.h"

#define NS_PER_MS     1000000ll
#define BODY_MAX      (4 << 20) /* bytes after which a request takes no more blocks */
#define BLOCK_MAX     (1 << 20) /* bytes of a batch */
#define ROUNDS	      16	/* requests one flush may end: others want their turn */
#define RETRY_MIN     (250 * NS_PER_MS)
#define RETRY_MAX     (15000 * NS_PER_MS)
#define RETRY_ASKED   (3600000 * NS_PER_MS) /* longer a receiver cannot ask us to wait */
#define TELL_AGAIN_NS (60000 * NS_PER_MS)

#define KIND_PROTOBUF 1
#define KIND_JSON     2

enum drop {
	DROP_QUEUE_FULL,   /* the receiver was down or slow for too long */
	DROP_SPOOL_FULL,   /* the same, with a spool: the oldest on disk went */
	DROP_SPOOL_FAILED, /* the disk did not take them */
	DROP_REJECTED,	   /* by a receiver that took the others of the request */
	DROP_REFUSED,	   /* by a receiver that must not be asked again */
	DROP_DAMAGED,	   /* on disk, while they waited */
	DROP_UNSENT,	   /* still in memory at the end */
	DROP_NO_MEMORY,
	DROPS
};

static const char *const drop_names[DROPS] = {
	[DROP_QUEUE_FULL] = "queue_full",
	[DROP_SPOOL_FULL] = "spool_full",
	[DROP_SPOOL_FAILED] = "spool_failed",
	[DROP_REJECTED] = "rejected",
	[DROP_REFUSED] = "refused",
	[DROP_DAMAGED] = "damaged",
	[DROP_UNSENT] = "unsent",
	[DROP_NO_MEMORY] = "no_memory",
};

_Static_assert(DROPS <= EXPORTER_DROPS_MAX, "as many as statistics have room for");

struct otlp {
	struct otlp_config config;
	struct otlp_origin origin;
	struct http_post_target target;
	struct http_post *http;
	struct otlp_batch batch;
	struct otlp_queue *queue;
	bool spooled;
	size_t block_max; /* bytes at which a batch is full */

	/* The request under way, or to be sent again. */
	struct buf body, packed;
	struct spool_block sent; /* what is in it */
	bool busy;

	bool up;      /* the last answer was a good one, or there was none */
	bool failing; /* the same request is to be sent again */
	bool told, ending;
	int64_t retry_at, begun, told_at;
	struct backoff backoff;
	uint64_t delivered, drops[DROPS];
	uint64_t seen_dropped;	   /* events dropped, and of those lost anywhere, */
	uint64_t untold[LOSS_MAX]; /* the ones that no record tells of yet */
};

static void otlp_free(void *arg)
{
	struct otlp *o = arg;

	if (!o)
		return;
	http_post_free(o->http);
	otlp_batch_free(&o->batch);
	otlp_queue_free(o->queue);
	buf_free(&o->body);
	buf_free(&o->packed);
	otlp_config_free(&o->config);
	free(o);
}

static int open_queue(struct otlp *o, const struct otlp_options *options)
{
	struct spool *spool = NULL;

	if (options->spool) {
		spool = spool_open("--spool", options->spool, options->spool_size,
				   options->spool_owner,
				   o->config.json ? KIND_JSON : KIND_PROTOBUF);
		if (!spool)
			return -EINVAL;
	}
	o->spooled = spool;
	/* The spool takes blocks of half its size, and a batch is full after a record too many. */
	o->block_max =
		spool && options->spool_size / 4 < BLOCK_MAX ? options->spool_size / 4 : BLOCK_MAX;
	o->queue = otlp_queue_new(spool);
	if (!o->queue)
		log_error("--otlp: out of memory");
	return o->queue ? 0 : -ENOMEM;
}

static int start(struct otlp *o, const struct otlp_options *options)
{
	const struct otlp_config *c = &o->config;

	o->target = (struct http_post_target){
		.url = c->url,
		.user_agent =
			"pyaudit-trace/" PYAUDIT_VERSION " OTel-OTLP-Exporter-C/" PYAUDIT_VERSION,
		.content_type = c->json ? "application/json" : "application/x-protobuf",
		.headers = c->headers.data,
		.headers_len = c->headers.len,
		.ca = c->ca,
		.cert = c->cert,
		.key = c->key,
		.timeout_ms = c->timeout_ms,
		.gzip = c->gzip,
	};
	otlp_origin_init(&o->origin, &c->attributes);
	o->origin.identity_in_records = options->identity_in_records;
	otlp_batch_init(&o->batch, c);
	backoff_init(&o->backoff, RETRY_MIN, RETRY_MAX);
	o->up = true;
	o->http = http_post_new("--otlp", &o->target);
	return o->http ? open_queue(o, options) : -EINVAL;
}

int otlp_new(const struct otlp_options *options, struct otlp **made)
{
	struct otlp *o = calloc(1, sizeof(*o));
	int err;

	*made = NULL;
	if (!o) {
		log_error("--otlp: out of memory");
		return -ENOMEM;
	}
	err = otlp_config_init(&o->config, options->url);
	if (!err && !o->config.disabled)
		err = start(o, options);
	if (!err && !o->config.disabled) {
		log_info("otlp: %s", o->config.url);
		*made = o;
		return 0;
	}
	if (!err)
		log_warn("--otlp: OTEL_SDK_DISABLED is true: nothing is sent");
	otlp_free(o);
	return err;
}

/* What a batch or a block held cannot be kept. */
static void drop(struct otlp *o, enum drop why, uint64_t events)
{
	if (events && !o->drops[why])
		log_warn("--otlp: events are dropped: %s", drop_names[why]);
	o->drops[why] += events;
}

/* Moves the batch into the queue. */
static void seal(struct otlp *o)
{
	struct buf data = {0};
	struct spool_block block;
	uint64_t events = o->batch.block.count;
	int err;

	if (!o->batch.block.records)
		return;
	err = otlp_batch_seal(&o->batch, &data, &block) ?: otlp_queue_put(o->queue, &data, &block);
	if (!err)
		return;
	buf_free(&data);
	if (err == -ENOMEM)
		drop(o, DROP_NO_MEMORY, events);
	else
		drop(o, o->spooled ? DROP_SPOOL_FAILED : DROP_QUEUE_FULL, events);
}

static bool has_room(const struct otlp *o)
{
	struct otlp_queue_stats stats;

	if (o->spooled)
		return true;
	otlp_queue_stats(o->queue, &stats);
	return stats.bytes + o->batch.block.len < stats.size &&
	       stats.events + o->batch.block.records < o->config.queue;
}

static bool is_full(const struct otlp *o)
{
	return o->batch.block.records >= o->config.batch || o->batch.block.len >= o->block_max;
}

/* Says in the stream how many events are missing at this place; what there is no room for is said
 * later. */
static void add_losses(struct otlp *o, int64_t time)
{
	uint64_t dropped = o->drops[DROP_QUEUE_FULL] + o->drops[DROP_SPOOL_FAILED];
	struct audit_event event = {.type = RECORD_LOST, .time.ns = time};
	int i;

	o->untold[LOSS_OUTPUT] += dropped - o->seen_dropped;
	o->seen_dropped = dropped;
	for (i = 0; i < LOSS_MAX; i++) {
		event.lost = (struct loss){i, o->untold[i]};
		if (!o->untold[i] || !has_room(o) || otlp_batch_add(&o->batch, &o->origin, &event))
			continue;
		o->untold[i] = 0;
		if (is_full(o))
			seal(o);
	}
}

static void otlp_record(void *arg, const struct audit_event *event)
{
	struct otlp *o = arg;
	bool counts = event->type == RECORD_AUDIT;

	if (event->type == RECORD_LOST)
		o->untold[event->lost.reason] += event->lost.count;
	add_losses(o, event->time.ns);
	if (event->type == RECORD_LOST || !otlp_wants(event))
		return;
	if (!has_room(o)) {
		drop(o, DROP_QUEUE_FULL, counts);
		return;
	}
	if (otlp_batch_add(&o->batch, &o->origin, event))
		drop(o, DROP_NO_MEMORY, counts);
	if (is_full(o))
		seal(o);
}

/* Takes blocks until the request is full. Blocks of JSON are elements of a list. */
static int collect(struct otlp *o)
{
	struct spool_block block;
	uint32_t room;
	size_t before;
	int ret = 0;

	o->body.len = 0;
	o->sent = (struct spool_block){0};
	if (o->config.json)
		buf_lit(&o->body, "{\"resourceLogs\":[");
	while (o->body.len < BODY_MAX) {
		before = o->body.len;
		if (o->config.json && o->sent.records)
			buf_char(&o->body, ',');
		/* A block that an earlier run has kept may be larger. */
		room = o->sent.records < o->config.batch ? o->config.batch - o->sent.records : 0;
		ret = otlp_queue_peek(o->queue, o->sent.records ? room : UINT32_MAX, &o->body,
				      &block);
		if (ret <= 0) {
			buf_truncate(&o->body, before);
			break;
		}
		o->sent.count += block.count;
		o->sent.records += block.records;
	}
	if (o->config.json)
		buf_lit(&o->body, "]}");
	if (ret >= 0 && !o->body.failed)
		return o->sent.records > 0;
	o->body.failed = false;
	return -ENOMEM;
}

static int pack(struct otlp *o)
{
	z_stream z = {.next_in = (Bytef *)o->body.data, .avail_in = (uInt)o->body.len};
	int ret;

	o->packed.len = 0;
	/* 16: with a gzip header */
	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	if (!buf_reserve(&o->packed, deflateBound(&z, o->body.len))) {
		o->packed.failed = false;
		deflateEnd(&z);
		return -ENOMEM;
	}
	z.next_out = (Bytef *)o->packed.data;
	z.avail_out = (uInt)o->packed.cap;
	ret = deflate(&z, Z_FINISH);
	o->packed.len = z.total_out;
	deflateEnd(&z);
	return ret == Z_STREAM_END ? 0 : -ENOMEM;
}

static int post(struct otlp *o)
{
	const struct buf *body = o->config.gzip ? &o->packed : &o->body;

	if (o->config.gzip && pack(o))
		return -ENOMEM;
	return http_post_begin(o->http, body->data, body->len);
}

/* asked: ns to wait, if the receiver says so; else 0. */
static void retry_later(struct otlp *o, int64_t asked)
{
	int64_t delay = asked < RETRY_ASKED ? asked : RETRY_ASKED;

	o->retry_at = clock_ns(CLOCK_MONOTONIC) + (asked ? delay : backoff_next(&o->backoff));
	o->failing = true;
	o->up = false;
	otlp_queue_rewind(o->queue);
}

/* A receiver that goes on failing is told of now and then. */
static bool may_tell(struct otlp *o)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);

	if (o->told && now - o->told_at < TELL_AGAIN_NS)
		return false;
	o->told = true;
	o->told_at = now;
	return true;
}

static void settle(struct otlp *o, const struct otlp_answer *a, int status)
{
	uint64_t rejected = a->rejected < o->sent.count ? a->rejected : o->sent.count;
	bool warned = a->rejected || a->message[0];

	otlp_queue_take(o->queue);
	backoff_reset(&o->backoff);
	o->up = false;
	if (a->verdict == OTLP_REFUSED) {
		if (may_tell(o))
			log_warn("--otlp: %s: answers %d, which means not to send that again%s%s",
				 o->config.url, status, a->message[0] ? ": " : "", a->message);
		drop(o, DROP_REFUSED, o->sent.count);
		return;
	}
	if (warned && may_tell(o))
		log_warn("--otlp: %s: rejects %llu records of a request%s%s", o->config.url,
			 (unsigned long long)a->rejected, a->message[0] ? ": " : "", a->message);
	else if (!warned && o->failing)
		log_warn("--otlp: delivers again");
	drop(o, DROP_REJECTED, rejected);
	o->delivered += o->sent.count - rejected;
	o->up = true;
	o->failing = false;
	o->told = o->told && warned;
}

static void on_answer(struct otlp *o, const struct http_answer *http)
{
	char status[32] = "";
	struct otlp_answer a;

	o->busy = false;
	otlp_answer_read(http, &a);
	if (a.verdict != OTLP_RETRY) {
		settle(o, &a, http->status);
		return;
	}
	if (http->status)
		snprintf(status, sizeof(status), "answers %d", http->status);
	if (may_tell(o))
		log_warn("--otlp: %s: %s%s%s; trying again, events wait meanwhile", o->config.url,
			 status, http->status && a.message[0] ? ": " : "", a.message);
	retry_later(o, http->retry_after * NS_PER_MS);
}

/* In memory a batch waits until it is full or old; on disk it is safe at once, and what waits there
 * is sent together. */
static bool is_time(struct otlp *o, int64_t now)
{
	struct otlp_queue_stats stats;

	if (!o->spooled || o->ending || now - o->begun >= o->config.delay_ms * NS_PER_MS)
		return true;
	otlp_queue_stats(o->queue, &stats);
	return stats.events >= o->config.batch;
}

static void begin_request(struct otlp *o)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	int ret;

	if (now < o->retry_at || !is_time(o, now))
		return;
	ret = collect(o);
	if (!ret)
		return;
	if (ret > 0 && !post(o)) {
		o->busy = true;
		o->begun = now;
		return;
	}
	retry_later(o, 0);
}

static void otlp_flush(void *arg)
{
	struct otlp *o = arg;
	struct http_answer answer;
	int round;

	if (o->batch.block.records &&
	    (o->ending || o->spooled ||
	     clock_ns(CLOCK_MONOTONIC) - o->batch.since >= o->config.delay_ms * NS_PER_MS))
		seal(o);
	for (round = 0; round < ROUNDS; round++) {
		if (!o->busy)
			begin_request(o);
		if (!o->busy || !http_post_step(o->http, &answer))
			return;
		on_answer(o, &answer);
	}
}

/* Is asked when no more events will come: those that wait to be more need not wait then. What is on
 * disk is safe, and is not waited for if the receiver does not take it. */
static bool otlp_idle(void *arg)
{
	struct otlp *o = arg;
	struct otlp_queue_stats stats;

	o->ending = true;
	otlp_queue_stats(o->queue, &stats);
	if (o->spooled && o->failing && !o->batch.block.records)
		return true;
	return !o->busy && !o->batch.block.records && !stats.events;
}

static bool otlp_end_step(void *arg)
{
	otlp_flush(arg);
	return otlp_idle(arg);
}

static void otlp_drop_unsent(void *arg)
{
	struct otlp *o = arg;

	seal(o);
	http_post_cancel(o->http);
	o->busy = false;
	otlp_queue_rewind(o->queue);
	drop(o, DROP_UNSENT, otlp_queue_clear(o->queue));
}

static int otlp_poll(void *arg, struct pollfd *fd)
{
	return http_post_poll(((struct otlp *)arg)->http, fd);
}

static void otlp_own(void *arg, uid_t uid)
{
	otlp_queue_own(((struct otlp *)arg)->queue, uid);
}

static void otlp_stats(const void *arg, struct exporter_stats *stats)
{
	const struct otlp *o = arg;
	struct otlp_queue_stats q;
	size_t i;

	otlp_queue_stats(o->queue, &q);
	*stats = (struct exporter_stats){
		.delivered = o->delivered,
		.recovered = q.spool.recovered,
		.waiting = o->spooled ? q.spool.waiting : 0,
		.keeps = o->spooled,
		.queue_bytes = q.bytes + o->batch.block.len,
		.queue_max = q.size,
		.up = o->up,
		.n_drops = DROPS,
	};
	for (i = 0; i < DROPS; i++)
		stats->drops[i] = (struct exporter_drop){drop_names[i], o->drops[i]};
	stats->drops[DROP_SPOOL_FULL].count += q.spool.overwritten;
	stats->drops[DROP_DAMAGED].count += q.spool.damaged;
}

const struct exporter_ops otlp_ops = {
	.record = otlp_record,
	.flush = otlp_flush,
	.idle = otlp_idle,
	.end_step = otlp_end_step,
	.drop_unsent = otlp_drop_unsent,
	.give_up = otlp_drop_unsent,
	.poll = otlp_poll,
	.own = otlp_own,
	.stats = otlp_stats,
	.free = otlp_free,
};
