/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files as they are mapped executable, anywhere on the machine: exec, the dynamic loader, dlopen.
 * The kernel tells of each such mapping through perf events (PERF_RECORD_MMAP2,
 * perf_event_open(2)), so nothing has to be looked for. Needs CAP_PERFMON.
 */
#ifndef PYAUDIT_KERNEL_MAPPINGS_H
#define PYAUDIT_KERNEL_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mappings;

struct mapping {
	pid_t pid;		     /* in our pid namespace */
	uint64_t start, end, offset; /* offset: in the file, bytes */
	/* What the file goes by in the kernel. That need not be what fstat(2) says, but it is one
	 * file's alone for as long as that exists. */
	uint64_t dev, ino, generation;
	const char *path; /* as the process sees it; NUL-terminated, at most PATH_MAX bytes */
};

/* A record of the kernel's in one piece; its header tells its size. False: it is of another kind,
 * or of a mapping that is of no file. */
bool mappings_parse(const void *record, struct mapping *mapping);

/* Begins to listen. NULL with errno set (not reported). */
struct mappings *mappings_open(void);
void mappings_close(struct mappings *m);

/* Calls fn for what was mapped since the last time. Returns how many records were lost: then
 * somebody has to look for himself. */
uint64_t mappings_read(struct mappings *m, void (*fn)(const struct mapping *mapping, void *arg),
		       void *arg);

#endif
