/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The trace and span an event is raised in: the context its thread publishes
 * (include/otel_context.h). What cannot be read, or is not valid, is no context. */
#ifndef PYAUDIT_BPF_TRACE_H
#define PYAUDIT_BPF_TRACE_H

/* What musl and glibc have in place of a block that the thread has not got yet. */
#define NO_BLOCK(block) ((block) + 1 <= 1)

/* The address of the thread's block of a module; 0: none yet. thread: the thread pointer. */
static __always_inline __u64 context_block(const struct context_place *p, __u64 thread)
{
	__u64 dtv, head[3], block;

	if (read_user(&dtv, sizeof(dtv), thread + 8))
		return 0;
	if (p->dtv_stride == 8) {
		/* musl 1.2, src/env/__init_tls.c: the number of entries comes first */
		if (read_user(head, 8, dtv) || p->module > head[0])
			return 0;
	} else {
		/* glibc, sysdeps/generic/dl-dtv.h: entry -1 has their number, entry 0 the
		 * generation of the table */
		if (read_user(head, sizeof(head), dtv - 16) || p->module > head[0] ||
		    head[2] < p->generation)
			return 0;
	}
	if (read_user(&block, sizeof(block), dtv + (__u64)p->module * p->dtv_stride))
		return 0;
	return NO_BLOCK(block) ? 0 : block;
}

static __always_inline bool is_zero(const void *data, __u32 words)
{
	const __u64 *p = data;
	__u64 any = 0;
	__u32 i;

	UNROLL
	for (i = 0; i < words; i++)
		any |= p[i];
	return !any;
}

/* Reads the context at a place. Returns whether there is one. */
static __always_inline bool read_context(const struct context_place *p, __u64 thread,
					 struct thread_context_record *r)
{
	__u64 base = thread, at;

	if (p->module)
		base = context_block(p, thread);
	if (!base || read_user(&at, sizeof(at), base + p->offset) || !at || at & 1 ||
	    read_user(r, sizeof(*r), at) || r->valid != 1)
		return false;
	return !is_zero(r->trace_id, 2) && !is_zero(r->span_id, 1);
}

static __always_inline void put_context(struct wire_trace *t, const struct thread_context_record *r)
{
	__builtin_memset(t, 0, sizeof(*t));
	__builtin_memcpy(t->trace_id, r->trace_id, sizeof(t->trace_id));
	__builtin_memcpy(t->span_id, r->span_id, sizeof(t->span_id));
	t->flags = r->trace_flags;
}

/* The first context that there is among the places. Returns whether there is one. */
static __always_inline bool find_context(const struct process_context *c, __u64 thread,
					 struct wire_trace *t)
{
	struct thread_context_record r __attribute__((aligned(8)));
	__u32 i;

	UNROLL
	for (i = 0; i < CONTEXT_PLACES && i < c->n; i++)
		if (read_context(&c->places[i], thread, &r)) {
			put_context(t, &r);
			return true;
		}
	return false;
}

#endif
