// SPDX-License-Identifier: GPL-2.0-only
#include "sink/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sink/format.h"

int metrics_events_init(struct metrics_events *events)
{
	size_t n;

	event_table(&n);
	*events = (struct metrics_events){.by_row = calloc(n, sizeof(*events->by_row))};
	return events->by_row ? 0 : -ENOMEM;
}

void metrics_events_free(struct metrics_events *events)
{
	free(events->by_row);
	*events = (struct metrics_events){0};
}

void metrics_events_count(struct metrics_events *events, const struct audit_event *event)
{
	size_t n;

	if (event->row)
		events->by_row[event->row - event_table(&n)]++;
	else
		events->custom++;
}

/* A line: the family's name, its labels if there are any, the value. */
static void put_number(struct buf *out, const char *name, const char *labels, uint64_t value)
{
	buf_str(out, name);
	buf_str(out, labels);
	buf_char(out, ' ');
	buf_u64(out, value);
	buf_char(out, '\n');
}

static void put_double(struct buf *out, const char *name, double value)
{
	buf_str(out, name);
	buf_char(out, ' ');
	format_float(out, value);
	buf_char(out, '\n');
}

/* A label and its value; the names of sinks may hold what a command line had. */
static void put_label(struct buf *out, char before, const char *name, const char *value)
{
	buf_char(out, before);
	buf_str(out, name);
	buf_lit(out, "=\"");
	for (; *value; value++) {
		if (*value == '\n') {
			buf_lit(out, "\\n");
			continue;
		}
		if (*value == '\\' || *value == '"')
			buf_char(out, '\\');
		buf_char(out, *value);
	}
	buf_char(out, '"');
}

static void end_labels(struct buf *out, uint64_t value)
{
	buf_lit(out, "} ");
	buf_u64(out, value);
	buf_char(out, '\n');
}

static void put_event(struct buf *out, const char *family, const char *event, const char *category,
		      uint64_t count)
{
	buf_str(out, family);
	put_label(out, '{', "event", event);
	put_label(out, ',', "category", category);
	end_labels(out, count);
}

static void put_events(struct buf *out, const char *name, const struct metrics *m)
{
	size_t n, i;
	const struct event_row *table = event_table(&n);

	/* Nothing raises Windows' events here. */
	for (i = 0; i < n; i++)
		if (strcmp(table[i].platform, "windows") || m->events->by_row[i])
			put_event(out, name, table[i].name, table[i].category,
				  m->events->by_row[i]);
	put_event(out, name, "custom", "custom", m->events->custom);
}

static void put_seen(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->totals.seen);
}

static void put_delivered(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->totals.delivered);
}

static void put_filtered(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->totals.filtered);
}

static void put_lost(struct buf *out, const char *name, const struct metrics *m)
{
	int i;

	for (i = 0; i < LOSS_MAX; i++) {
		buf_str(out, name);
		put_label(out, '{', "reason", format_loss(i));
		end_labels(out, m->totals.lost[i]);
	}
}

static void put_records(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->records);
}

static void put_decode_errors(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->decode_errors);
}

static void put_ring_size(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->ring_bytes);
}

static void put_ring_used(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->ring_used_bytes);
}

static void put_ring_peak(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->ring_peak_bytes);
}

static void put_files(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "{kind=\"uprobe\"}", m->uprobe_files);
	put_number(out, name, "{kind=\"usdt\"}", m->usdt_files);
}

static void put_incomplete(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->incomplete_files);
}

static void put_probes(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "{execution=\"emulated\"}", m->emulated);
	put_number(out, name, "{execution=\"single_stepped\"}", m->stepped);
}

static void put_processes(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->processes);
}

static void put_sink(struct buf *out, const char *name, const struct exporter_stats *sink,
		     uint64_t value)
{
	buf_str(out, name);
	put_label(out, '{', "sink", sink->name);
	end_labels(out, value);
}

/* The output and then the exporters; NULL after the last. */
static const struct exporter_stats *sink_at(const struct metrics *m, size_t i)
{
	if (m->has_output && !i)
		return &m->output;
	i -= m->has_output;
	return i < m->totals.n_exporters ? &m->totals.exporters[i] : NULL;
}

#define for_each_sink(s, m) for (size_t i_ = 0; ((s) = sink_at((m), i_)); i_++)

static void put_sink_queue(struct buf *out, const char *name, const struct metrics *m)
{
	const struct exporter_stats *s;

	for_each_sink(s, m) put_sink(out, name, s, s->queue_bytes);
}

static void put_sink_queue_max(struct buf *out, const char *name, const struct metrics *m)
{
	const struct exporter_stats *s;

	for_each_sink(s, m) put_sink(out, name, s, s->queue_max);
}

static void put_sink_delivered(struct buf *out, const char *name, const struct metrics *m)
{
	const struct exporter_stats *s;

	for_each_sink(s, m) put_sink(out, name, s, s->delivered);
}

static void put_sink_dropped(struct buf *out, const char *name, const struct metrics *m)
{
	const struct exporter_stats *s;
	size_t k;

	for_each_sink(s, m) for (k = 0; k < s->n_drops; k++)
	{
		buf_str(out, name);
		put_label(out, '{', "sink", s->name);
		put_label(out, ',', "reason", s->drops[k].reason);
		end_labels(out, s->drops[k].count);
	}
}

static void put_sink_up(struct buf *out, const char *name, const struct metrics *m)
{
	const struct exporter_stats *s;

	for_each_sink(s, m) put_sink(out, name, s, s->up);
}

static void put_build(struct buf *out, const char *name, const struct metrics *m)
{
	buf_str(out, name);
	put_label(out, '{', "version", PYAUDIT_VERSION);
	end_labels(out, 1);
}

static void put_start_time(struct buf *out, const char *name, const struct metrics *m)
{
	put_double(out, name, m->process.start_time);
}

static void put_cpu(struct buf *out, const char *name, const struct metrics *m)
{
	put_double(out, name, m->process.cpu_seconds);
}

static void put_rss(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->process.rss_bytes);
}

static void put_rss_peak(struct buf *out, const char *name, const struct metrics *m)
{
	put_number(out, name, "", m->process.peak_bytes);
}

static const struct family {
	const char *name, *type, *help;
	void (*put)(struct buf *out, const char *name, const struct metrics *m);
} families[] = {
	{"pyaudit_events_total", "counter",
	 "Audit events taken from the ring, by name in the event table; names it does not have are "
	 "custom.",
	 put_events},
	{"pyaudit_events_seen_total", "counter",
	 "Audit events raised by traced processes: delivered, filtered, lost, or still on the way.",
	 put_seen},
	{"pyaudit_events_delivered_total", "counter",
	 "Audit events delivered, as the summary counts them.", put_delivered},
	{"pyaudit_events_filtered_total", "counter", "Audit events that were not asked for.",
	 put_filtered},
	{"pyaudit_events_lost_total", "counter", "Audit events lost, by reason.", put_lost},
	{"pyaudit_records_total", "counter", "Records of all types given to the sinks.",
	 put_records},
	{"pyaudit_decode_errors_total", "counter",
	 "Records from the kernel that could not be understood.", put_decode_errors},
	{"pyaudit_ring_size_bytes", "gauge", "Size of the kernel's ring buffer.", put_ring_size},
	{"pyaudit_ring_used_bytes", "gauge",
	 "Bytes that were in the ring buffer when it was last emptied.", put_ring_used},
	{"pyaudit_ring_peak_bytes", "gauge", "The most bytes found in the ring buffer so far.",
	 put_ring_peak},
	{"pyaudit_probed_files", "gauge",
	 "Files with a CPython in them that have probes, by how they are probed.", put_files},
	{"pyaudit_probed_files_incomplete", "gauge",
	 "Of those, how many have events that probes cannot see; the process records say which.",
	 put_incomplete},
	{"pyaudit_probes", "gauge",
	 "Places in these files that have a probe, by how the kernel executes the instruction.",
	 put_probes},
	{"pyaudit_traced_processes", "gauge", "Traced processes that are known to run.",
	 put_processes},
	{"pyaudit_sink_queue_bytes", "gauge", "Bytes that wait to be delivered.", put_sink_queue},
	{"pyaudit_sink_queue_max_bytes", "gauge", "Bytes that may wait before events are dropped.",
	 put_sink_queue_max},
	{"pyaudit_sink_delivered_total", "counter", "Audit events a sink has delivered.",
	 put_sink_delivered},
	{"pyaudit_sink_dropped_total", "counter", "Audit events a sink has dropped, by reason.",
	 put_sink_dropped},
	{"pyaudit_sink_up", "gauge", "1 if the last attempt of a sink to deliver did not fail.",
	 put_sink_up},
	{"pyaudit_build_info", "gauge", "The version of pyaudit-trace; the value is always 1.",
	 put_build},
	{"process_start_time_seconds", "gauge", "Start of the tracer, seconds since the epoch.",
	 put_start_time},
	{"process_cpu_seconds_total", "counter", "CPU time of the tracer, user and system.",
	 put_cpu},
	{"process_resident_memory_bytes", "gauge", "Resident memory of the tracer.", put_rss},
	{"process_resident_memory_max_bytes", "gauge", "The most resident memory so far.",
	 put_rss_peak},
};

void metrics_write(struct buf *out, const struct metrics *metrics)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		const struct family *f = &families[i];

		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
		f->put(out, f->name, metrics);
	}
}
