/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes that the correlator must remember: those made without an event, until it is known what
 * they execute, and the children of os.fork(). What there is no room for is told or judged at once.
 */
#ifndef PYAUDIT_FORKS_H
#define PYAUDIT_FORKS_H

#include "decode/audit_event.h"
#include "wire_syscall.h"

struct forks;

struct forks *forks_new(void); /* NULL without memory */
void forks_free(struct forks *f);

/* The call that made the process is kept, until then (boot clock, ns). False: there is no room. */
bool forks_keep(struct forks *f, const struct wire_syscall *wire, uint64_t until);

/* A call that is kept: that made this child; that this process made; whose time is over. The
 * caller frees it. NULL: there is none, or none any more. */
struct wire_syscall *forks_take_child(struct forks *f, uint32_t child);
struct wire_syscall *forks_take_of(struct forks *f, uint32_t pid);
struct wire_syscall *forks_take_due(struct forks *f, uint64_t now);

/* What the child executes is explained, and the call that made it may return later. Asked once. */
void forks_explain(struct forks *f, uint32_t child);
bool forks_explained(struct forks *f, uint32_t child);

/* os.fork() has made the child. */
void forks_announce(struct forks *f, uint32_t child);
bool forks_announced(const struct forks *f, uint32_t child);

#endif
