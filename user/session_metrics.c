// SPDX-License-Identifier: GPL-2.0-only
/* --metrics: the counters of a session, gathered when somebody asks for them. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "enrich/self.h"
#include "session_state.h"
#include "sink/http_server.h"
#include "sink/metrics.h"

#define NS_PER_SECOND 1000000000ll
#define LOOK_NS	      NS_PER_SECOND	   /* between two looks at whether events are lost */
#define UNHEALTHY_NS  (30 * NS_PER_SECOND) /* for how long /healthz tells of a loss */

struct session_metrics {
	struct http_server *server;
	struct metrics_events events;
	struct tracer_ring ring; /* before it was last emptied */
	uint64_t ring_peak, records;
	int64_t start_time;
	/* Of the last look, and when a look last found more of them. */
	int64_t looked;
	uint64_t lost[LOSS_MAX], dropped; /* dropped: by exporters */
	int64_t lost_at[LOSS_MAX], dropped_at;
};

static struct metrics_process own_usage(const struct session_metrics *sm)
{
	struct self_usage usage;

	self_usage(&usage);
	return (struct metrics_process){
		.start_time = sm->start_time / 1e9,
		.cpu_seconds = usage.cpu_ns / 1e9,
		.rss_bytes = usage.rss_bytes,
		.peak_bytes = usage.peak_bytes,
	};
}

static struct exporter_stats output_stats(const struct output *o)
{
	return (struct exporter_stats){
		.name = "output",
		.queue_bytes = output_queued(o),
		.queue_max = output_queue_max(o),
		.delivered = output_delivered(o),
		.drops = {{"output", output_lost(o)}},
		.n_drops = 1,
		.up = !output_gone(o),
	};
}

static int make_metrics(struct buf *body, void *arg)
{
	const struct session *s = arg;
	const struct session_metrics *sm = s->metrics;
	struct images_counts images;
	struct metrics m = {
		.records = sm->records,
		.events = &sm->events,
		.decode_errors = s->undecodable,
		.ring_bytes = sm->ring.size,
		.ring_used_bytes = sm->ring.used,
		.ring_peak_bytes = sm->ring_peak,
		.processes = process_count_announced(s->processes),
		.process = own_usage(sm),
		.output = output_stats(s->output),
		.has_output = !s->options->to_socket,
	};

	session_totals(s, &m.totals);
	images_count(s->images, &images);
	m.uprobe_files = images.uprobe_files;
	m.usdt_files = images.usdt_files;
	m.incomplete_files = images.incomplete_files;
	m.emulated = images.emulated;
	m.stepped = images.stepped;
	metrics_write(body, &m);
	return 200;
}

static uint64_t dropped_by(const struct totals *totals)
{
	uint64_t dropped = 0;
	size_t i, k;

	for (i = 0; i < totals->n_exporters; i++)
		for (k = 0; k < totals->exporters[i].n_drops; k++)
			dropped += totals->exporters[i].drops[k].count;
	return dropped;
}

/* Notes whether events were lost since the last look. */
static void look_at_losses(struct session *s, int64_t now)
{
	struct session_metrics *sm = s->metrics;
	struct totals totals;
	uint64_t dropped;
	int i;

	sm->looked = now;
	session_totals(s, &totals);
	for (i = 0; i < LOSS_MAX; i++) {
		if (totals.lost[i] != sm->lost[i])
			sm->lost_at[i] = now;
		sm->lost[i] = totals.lost[i];
	}
	dropped = dropped_by(&totals);
	if (dropped != sm->dropped)
		sm->dropped_at = now;
	sm->dropped = dropped;
}

static bool is_recent(int64_t at, int64_t now)
{
	return at && now - at <= UNHEALTHY_NS;
}

/* One more reason; returns the status. */
static int complain(struct buf *body, const char *reason)
{
	buf_str(body, body->len ? ", " : "events are being lost: ");
	buf_str(body, reason);
	return 503;
}

static int make_health(struct buf *body, void *arg)
{
	struct session *s = arg;
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	int i, status = 200;

	look_at_losses(s, now);
	for (i = 0; i < LOSS_MAX; i++)
		if (is_recent(s->metrics->lost_at[i], now))
			status = complain(body, loss_reasons[i]);
	if (is_recent(s->metrics->dropped_at, now))
		status = complain(body, "exporters");
	buf_str(body, status == 200 ? "ok\n" : "\n");
	return status;
}

/* That there is an answer is the answer. */
static int make_live(struct buf *body, void *arg)
{
	buf_lit(body, "ok\n");
	return 200;
}

static const struct http_page pages[] = {
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", make_metrics},
	{"/healthz", "text/plain; charset=utf-8", make_health},
	{"/livez", "text/plain; charset=utf-8", make_live},
	{0},
};

int session_metrics_open(struct session *s)
{
	struct session_metrics *sm;

	if (!s->options->metrics)
		return 0;
	s->metrics = sm = calloc(1, sizeof(*sm));
	if (!sm || metrics_events_init(&sm->events)) {
		log_error("--metrics: out of memory");
		return -1;
	}
	sm->start_time = session_now();
	sm->server = http_server_open("--metrics", s->options->metrics, pages, s);
	if (!sm->server)
		return -1;
	log_info("metrics: http://%s/metrics", http_server_address(sm->server));
	return 0;
}

void session_metrics_count(struct session *s, const struct audit_event *event)
{
	if (s->metrics)
		metrics_events_count(&s->metrics->events, event);
}

void session_metrics_record(struct session *s)
{
	if (s->metrics)
		s->metrics->records++;
}

void session_metrics_look(struct session *s)
{
	struct session_metrics *sm = s->metrics;

	if (!sm)
		return;
	tracer_ring_fill(s->tracer, &sm->ring);
	if (sm->ring.used > sm->ring_peak)
		sm->ring_peak = sm->ring.used;
}

void session_metrics_serve(struct session *s)
{
	int64_t now;

	if (!s->metrics)
		return;
	now = clock_ns(CLOCK_MONOTONIC);
	if (now - s->metrics->looked >= LOOK_NS)
		look_at_losses(s, now);
	http_server_run(s->metrics->server);
}

void session_metrics_close(struct session *s)
{
	if (!s->metrics)
		return;
	http_server_free(s->metrics->server);
	metrics_events_free(&s->metrics->events);
	free(s->metrics);
	s->metrics = NULL;
}
