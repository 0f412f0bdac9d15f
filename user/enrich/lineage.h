/* SPDX-License-Identifier: GPL-2.0-only */
/* Which audit event has started which process: the last of the forking thread that starts one. */
#ifndef PYAUDIT_LINEAGE_H
#define PYAUDIT_LINEAGE_H

#include "decode/audit_event.h"

struct lineage;

struct lineage *lineage_new(void); /* NULL without memory */
void lineage_free(struct lineage *l);

/* An event that starts a process has gone out. time: boot clock, ns. name is kept as it is. */
void lineage_event(struct lineage *l, uint32_t tid, uint64_t time, const char *name, uint64_t seq);

/* A thread has forked a process. */
void lineage_fork(struct lineage *l, uint32_t tid, uint64_t time, uint32_t child);

/* What has started the process; name NULL: not known. What lies far back is forgotten. */
struct event_ref lineage_of(const struct lineage *l, uint32_t child);

#endif
