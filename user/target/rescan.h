/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes whose mapped files are looked at again a few times, soon after they executed something: the
 * dynamic loader maps libpython only then. */
#ifndef PYAUDIT_TARGET_RESCAN_H
#define PYAUDIT_TARGET_RESCAN_H

#include <sys/types.h>

struct rescan;

struct rescan *rescan_new(void); /* NULL without memory */
void rescan_free(struct rescan *r);

/* Looks at pid now-ish and at growing intervals up to a second. Starts over if it is being looked at. */
void rescan_add(struct rescan *r, pid_t pid);
void rescan_forget(struct rescan *r, pid_t pid);

/* Calls fn for each process that is due. */
void rescan_run(struct rescan *r, void (*fn)(pid_t pid, void *arg), void *arg);

#endif
