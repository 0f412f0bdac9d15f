/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which processes publish the OpenTelemetry context of their threads (OTEP 4947), and where each
 * has the thread-local variable: include/otel_context.h says what that is.
 *
 * A file that exports the variable makes each process that maps it a candidate. What the dynamic
 * loader has resolved for the process is read from its memory, soon after the mapping and now and
 * then later, as the loader may not be done, or a library may be taken out again. Nothing is
 * guessed: as long as it is not known, the process has no context.
 */
#ifndef PYAUDIT_ENRICH_THREAD_CONTEXT_H
#define PYAUDIT_ENRICH_THREAD_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/types.h>

#include "python/elf_tls.h"
#include "target/files.h"
#include "otel_context.h"

struct contexts;

/* Is told what is known of a process now; n is 0 when it publishes nothing any more. */
typedef void (*contexts_fn)(pid_t pid, const struct process_context *context, void *arg);

struct contexts *contexts_new(contexts_fn fn, void *arg); /* NULL without memory */
void contexts_free(struct contexts *c);

/* The process has mapped the file, or executes it. Returns whether it exports the variable: then
 * this is to be called for each process that maps it. */
bool contexts_file(struct contexts *c, const struct target_file *file, pid_t pid);

/* A process has forked: the child has what its parent has. */
void contexts_fork(struct contexts *c, pid_t parent, pid_t child);

/* The process has ended, or executed something: what it had mapped until then (boot clock, ns) is
 * gone. fn is not told. */
void contexts_forget(struct contexts *c, pid_t pid, uint64_t until);

/* Looks at what is due. */
void contexts_poll(struct contexts *c);

/* Reads from a process where the variable is. bias: address of the file in the process less its
 * link address. 0, -EAGAIN (the loader has not resolved it), -EFAULT (not there), or -ENOTSUP: not
 * understood. */
int thread_context_place(pid_t pid, const struct elf_tls *tls, uint64_t bias,
			 struct context_place *place);

#endif
