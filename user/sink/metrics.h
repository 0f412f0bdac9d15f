/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracer's own counters as Prometheus reads them: text exposition format 0.0.4. Label values
 * are from closed sets (the event table, reasons, sinks of the command line): nothing that a traced
 * process chooses makes a series. Series are there with 0 from the start, so that the first event
 * of a kind is a rise.
 */
#ifndef PYAUDIT_METRICS_H
#define PYAUDIT_METRICS_H

#include "base/buf.h"
#include "decode/audit_event.h"

/* Events as they came in: of each row of the event table, and of names it does not have. */
struct metrics_events {
	uint64_t *by_row; /* as many as the table has rows */
	uint64_t custom;
};

/* 0, or -ENOMEM. */
int metrics_events_init(struct metrics_events *events);
void metrics_events_free(struct metrics_events *events);
void metrics_events_count(struct metrics_events *events, const struct audit_event *event);

struct metrics_process {
	double start_time;   /* seconds since the epoch */
	double cpu_seconds;  /* user and system */
	uint64_t rss_bytes;  /* resident now; 0: not known */
	uint64_t peak_bytes; /* resident at most */
};

/* Everything a scrape tells; gathered by the caller. */
struct metrics {
	const struct metrics_events *events;
	struct totals totals;
	uint64_t records; /* of all types, given to the sinks */
	uint64_t decode_errors;
	uint64_t ring_bytes, ring_used_bytes, ring_peak_bytes;
	/* CPython images with probes on them: by kind, and those whose coverage has gaps. */
	uint64_t uprobe_files, usdt_files, incomplete_files;
	uint64_t emulated, stepped; /* probes, by how the kernel executes what is under them */
	uint64_t processes;
	struct metrics_process process;
	struct exporter_stats output; /* the exporters are in totals */
	bool has_output;	      /* else one of them is the output */
};

void metrics_write(struct buf *out, const struct metrics *metrics);

#endif
