/* SPDX-License-Identifier: GPL-2.0-only */
/* --format folded: how often each event was raised from each Python call stack, a line each as
 * flamegraph.pl, inferno and speedscope read them: frames from the outermost in, then the event,
 * and the count. */
#ifndef PYAUDIT_FOLDED_H
#define PYAUDIT_FOLDED_H

#include "base/buf.h"
#include "decode/audit_event.h"

struct folded;

struct folded *folded_new(void); /* NULL without memory */
void folded_free(struct folded *f);

/* Counts an audit event. What is past a bound (FOLDED_LINES, FOLDED_BYTES) is counted together as
 * "(other)". Returns false without memory. */
bool folded_count(struct folded *f, const struct audit_event *event);

#define FOLDED_LINES 65536
#define FOLDED_BYTES (64u << 20)

/* Appends all lines, sorted, and forgets them. */
void folded_write(struct folded *f, struct buf *out);

#endif
