/* SPDX-License-Identifier: GPL-2.0-only */
/* Writers turn one decoded record into bytes. The output (sink/output.h) delivers them. */
#ifndef PYAUDIT_SINK_H
#define PYAUDIT_SINK_H

#include "base/buf.h"
#include "decode/audit_event.h"

struct format_ops {
	const char *name; /* of --format */
	/* Appends one whole record, its line end included. seq numbers records from 1. color: use
	 * ANSI colours. A format that does not show this type of record appends nothing. */
	void (*write)(struct buf *out, const struct audit_event *event, uint64_t seq, bool color);
};

extern const struct format_ops format_text, format_json, format_folded, format_ecs, format_ocsf;

/* The format of that name, or NULL. */
const struct format_ops *format_find(const char *name);

/* Writes the table for --list-events: those rows for which wanted(row, arg) is true. */
void list_events_text(struct buf *out, bool (*wanted)(const struct event_row *, void *), void *arg);
void list_events_json(struct buf *out, bool (*wanted)(const struct event_row *, void *), void *arg);

#endif
