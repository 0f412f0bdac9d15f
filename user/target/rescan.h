/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes whose mapped files are looked at again a few times, soon after they executed something:
 * the dynamic loader maps libpython only then. */
#ifndef PYAUDIT_TARGET_RESCAN_H
#define PYAUDIT_TARGET_RESCAN_H

#include <stdint.h>
#include <sys/types.h>

struct rescan;

struct rescan *rescan_new(void); /* NULL without memory */
void rescan_free(struct rescan *r);

/* What is looked at: a process, and the file it executed as the kernel names it. */
struct rescan_entry {
	pid_t pid;
	uint64_t dev, ino;
	unsigned int age_ms; /* since it was added */
};

/* Looks at a process at once and at growing intervals up to a second. Starts over if it is looked
 * at already. */
void rescan_add(struct rescan *r, pid_t pid, uint64_t dev, uint64_t ino);
void rescan_forget(struct rescan *r, pid_t pid);

/* Calls fn for each process that is due. */
void rescan_run(struct rescan *r, void (*fn)(const struct rescan_entry *entry, void *arg),
		void *arg);

#endif
