/* SPDX-License-Identifier: GPL-2.0-only */
/* Which events are wanted, and what of them may be told: -e, --arg, -u, --comm, --cgroup and
 * --rate, put together for the kernel, what of them is left for user space, and --redact. */
#ifndef PYAUDIT_SELECTION_H
#define PYAUDIT_SELECTION_H

#include "decode/audit_event.h"
#include "options.h"
#include "redact/redact.h"

struct selection;

/* As options have it; what is needed of them is copied. NULL after one line said what is wrong. */
struct selection *selection_new(const struct options *o);
void selection_free(struct selection *s); /* takes NULL too */

/* What the kernel is to be told; it is the selection's. Finds the control group of --cgroup: NULL
 * after one line said that there is none. */
const struct tracer_filter *selection_for_kernel(struct selection *s);

/* It stays the selection's. */
struct redactor *selection_redactor(const struct selection *s);

/* Whether an event that the kernel let pass by this selection is wanted. */
bool selection_passes(struct selection *s, const struct audit_event *event);

#endif
