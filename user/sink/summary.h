/* SPDX-License-Identifier: GPL-2.0-only */
/* -c: how often each event was raised. */
#ifndef PYAUDIT_SUMMARY_H
#define PYAUDIT_SUMMARY_H

#include "base/buf.h"
#include "decode/audit_event.h"

struct summary;

struct summary *summary_new(void); /* NULL without memory */
void summary_free(struct summary *s);

/* Counts an audit event. Names past a bound (a hostile program can invent any number) are counted
 * together as "(other)". Returns false without memory. */
bool summary_count(struct summary *s, const struct audit_event *event);

struct summary_row {
	const char *name;
	uint64_t count;
};

/* All rows, most frequent first; *n is their number. Good until the next call. NULL without memory.
 */
struct summary_row *summary_rows(struct summary *s, size_t *n);

/* The table, as strace -c prints one. */
void summary_text(struct summary *s, struct buf *out);

#endif
