/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The OpenTelemetry context of a thread, as its process publishes it for readers from outside:
 * OTEP 4947 "thread context" (opentelemetry-specification, oteps/profiles/4947-thread-ctx.md, as
 * merged at 631bbb4b749f). The exported thread-local variable `otel_thread_ctx_v1` points to a
 * record, or is NULL. Only the thread itself changes either, and it stands still in our probe, so
 * they are read once.
 *
 * User space finds out where a process has the variable (user/enrich/thread_context.h); the kernel
 * side reads it at each event of such a process.
 */
#ifndef PYAUDIT_OTEL_CONTEXT_H
#define PYAUDIT_OTEL_CONTEXT_H

#define THREAD_CONTEXT_SYMBOL "otel_thread_ctx_v1"

/* The fixed head of a record: byte-packed, in host order, at an even address. Attributes follow,
 * which are not read. */
struct thread_context_record {
	__u8 trace_id[16], span_id[8]; /* all zeros: none active */
	__u8 valid;		       /* 1: the record is; anything else: it is not */
	__u8 trace_flags;
	__u16 attributes_size;
};

/*
 * Where a variable lies: at an offset from the thread pointer (module 0), or from the block that
 * the thread has for a module, whose address is in its DTV. That is a table by module number, its
 * address is the second word of the thread's control block; an entry is of 16 bytes with glibc, of
 * 8 with musl.
 */
struct context_place {
	__u32 module;
	__u32 dtv_stride;
	__s64 offset;
	__u64 generation; /* glibc: a DTV that is older has another module's block there; 0: none is
			   */
};

/* Of one process: the variables of different libraries, of which the first that has a valid record
 * counts. */
#define CONTEXT_PLACES 4

struct process_context {
	__u32 n;
	__u32 reserved;
	struct context_place places[CONTEXT_PLACES];
};

#endif
