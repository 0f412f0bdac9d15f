/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Watched calls that have been entered and are not over, by thread.
 *
 * A call is over when it returns, but for two. An exec is when the new program is there: what is
 * told of the process from then on is told of that, and the thread that made it has its leader's
 * number from then on. One that a signal interrupts is when it is known what it comes to
 * (interrupted.h), or its thread ends of it.
 */
#ifndef PYAUDIT_BPF_OPEN_CALLS_H
#define PYAUDIT_BPF_OPEN_CALLS_H

#include "interrupted.h"

#define OPEN_CALL 4096 /* bytes: a record with its texts and the deepest stack */

struct open_call {
	char record[OPEN_CALL];
};

/* Not one that drops its oldest: those are under way still. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u64);	/* pid_tgid */
	__type(value, struct open_call);
} open_calls SEC(".maps");

/* That of a thread; NULL: there is none. */
static __always_inline struct wire_syscall *open_call_of(__u64 id)
{
	struct open_call *open = bpf_map_lookup_elem(&open_calls, &id);

	return open ? (struct wire_syscall *)open->record : 0;
}

/* Where text number i of the record in the work area begins. */
static __always_inline __u64 text_start(const struct wire_syscall *c, __u32 i)
{
	return sizeof(*c) + (i ? WIRE_PAD(at_most(c->text_len[0], WIRE_MAX_CALL_TEXT)) : 0);
}

/* After an exec the arguments are where the kernel has put them, all of them. */
static __always_inline void read_new_argv(struct wire_syscall *c)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 start = BPF_CORE_READ(task, mm, arg_start), end = BPF_CORE_READ(task, mm, arg_end);
	__u64 at = at_most(text_start(c, 1), sizeof(*c) + WIRE_MAX_CALL_TEXT), n = end - start;
	char *to = (char *)c + at;

	if (c->stack || !n)
		return;
	n = at_most(n, WIRE_MAX_CALL_TEXT);
	if (read_user(to, n, start))
		return;
	*(__u64 *)(to + n) = 0;
	c->text_len[1] = n;
	c->text_error[1] = 0;
	c->text_cut = end - start > WIRE_MAX_CALL_TEXT ? 2 : 0;
	c->head.size = at + WIRE_PAD(n);
}

static __always_inline void call_over(__u64 id, struct wire_syscall *c, __s64 ret)
{
	c->ret = ret;
	c->duration = bpf_ktime_get_boot_ns() - c->head.time;
	if (!ring_has_room() ||
	    bpf_ringbuf_output(&ring, c, at_most(c->head.size, OPEN_CALL), ring_flags()))
		__sync_fetch_and_add(&lost_calls, 1);
	bpf_map_delete_elem(&open_calls, &id);
}

/* The current process has executed something. tid: of the thread that did, when it called. */
static __always_inline void call_executed(__u32 tid)
{
	__u64 id = bpf_get_current_pid_tgid() >> 32 << 32 | tid;
	struct wire_syscall *c = open_call_of(id);

	if (!c || is_interrupted(c->ret))
		return;
	read_new_argv(c);
	call_over(id, c, 0);
}

/* The current thread makes a process, whose number its namespace may have another for. */
static __always_inline void call_forks(__u32 child)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct wire_syscall *c = open_call_of(id);

	if (c)
		c->child = child;
}

/* The current thread ends, perhaps of the signal that interrupted its call. */
static __always_inline void call_forget(void)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct wire_syscall *c = open_call_of(id);

	if (!c)
		return;
	if (is_interrupted(c->ret))
		call_over(id, c, -EINTR);
	else
		bpf_map_delete_elem(&open_calls, &id);
}

#endif
