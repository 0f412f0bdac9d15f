/* SPDX-License-Identifier: GPL-2.0-only */
/* An entry of the process cache, and the two ways it is filled. */
#ifndef PYAUDIT_ENRICH_PROCESS_ENTRY_H
#define PYAUDIT_ENRICH_PROCESS_ENTRY_H

#include "base/buf.h"
#include "enrich/cgroup.h"
#include "enrich/process.h"

#define CMDLINE_MAX (64 * 1024) /* bytes of a command line that are read from /proc */

struct process_entry {
	struct process_info info; /* first: what callers hold is this entry */
	char *exe, *cwd, *cmdline;
	size_t cmdline_len;
	struct cgroup_identity cgroup;
	struct buf otel;
	int64_t otel_at;    /* when to look again: monotonic clock, ns */
	unsigned int looks; /* so many times it has been looked at */
	bool stale;	    /* what was read is of the file before the last exec */
};

/* Frees what was read; pid and ppid stay. */
void process_entry_clear(struct process_entry *e);

/* Lets info point at what was read. */
void process_entry_publish(struct process_entry *e);

/* Fills e from /proc, or only what e lacks: nothing when the process is gone or its number belongs
 * to another. A zombie has no files and no memory, and tells its parent only. */
void process_entry_read(struct process_entry *e);

/* Fills e, which is clear, from what the kernel side saw. */
void process_entry_take(struct process_entry *e, const struct wire_process *wire);

#endif
