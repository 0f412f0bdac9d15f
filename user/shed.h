/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --max-cpu: the tracer's own share of a CPU. Looked at once a second; while it is above the limit,
 * the events that come most often are left out, by name, in the kernel, and counted as lost by the
 * reason "cpu". When there is room again they are let in one after the other, the last left out
 * first, and less eagerly where that has turned out too early. Names the event table does not list
 * are left out together.
 */
#ifndef PYAUDIT_SHED_H
#define PYAUDIT_SHED_H

#include <stdint.h>

#include "decode/audit_event.h"

struct shed;

/* Leaves the events of a name out, or no longer; NULL: of all that are not listed. */
typedef void (*shed_fn)(const char *name, bool out, void *arg);

/* percent: of one CPU. NULL without memory. */
struct shed *shed_new(unsigned int percent, shed_fn fn, void *arg);
void shed_free(struct shed *s);

/* An event came through. */
void shed_count(struct shed *s, const struct audit_event *event);

/* To be called often; now: any clock, ns; cpu: time this process has used, ns. */
void shed_look(struct shed *s, uint64_t now, uint64_t cpu);

#endif
