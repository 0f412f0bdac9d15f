/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that outlives a tracer that crashes or is killed, to let go on what is stopped in its
 * exec at that moment: nobody else would.
 */
#ifndef PYAUDIT_GUARD_H
#define PYAUDIT_GUARD_H

#include <stddef.h>
#include <stdint.h>

/* Starts it. held: process numbers, or 0, in memory that is shared with processes forked from this
 * one. Returns a descriptor, which must stay open, or a negative errno. The guard is not a child of
 * ours, and keeps no capability but CAP_KILL. */
int guard_start(const uint32_t *held, size_t n);

/* Ends it: nothing is held any more. Closes the descriptor. SIGPIPE has to be ignored. */
void guard_end(int fd);

#endif
