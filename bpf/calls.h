/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The watched system calls of traced processes (--syscalls), and which audit event each follows.
 *
 * Raw tracepoints: two links instead of two for each call, no tracefs, and there from 5.10 on. What
 * every other process pays is a look at the call's number.
 *
 * A call is written down when it is entered, while its texts are as the kernel will read them, and
 * sent when it returns (open_calls.h).
 *
 * What is done behind CPython's back is told by what no event explains, so only threads of
 * processes in which CPython has raised an event since their last exec count; and children between
 * fork and exec, which act for the thread that forked them.
 */
#ifndef PYAUDIT_BPF_CALLS_H
#define PYAUDIT_BPF_CALLS_H

#include "i386.h"

#define CLONE_THREAD 0x10000
#define PROT_WRITE   2
#define PROT_EXEC    4
#define MAP_ANON     0x20
#define X32_BIT	     0x40000000
#define ARGV_MAX     32

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SYSCALL_MAX);
	__type(key, __u32);
	__type(value, struct call_shape);
} call_shapes SEC(".maps");

static __always_inline struct call_shape *shape_of(__u64 nr)
{
	__u32 key = nr & ~X32_BIT;

	return bpf_map_lookup_elem(&call_shapes, &key);
}

/* A number in user memory, as the kernel will take it from there. */
static __always_inline __u64 number_at(__u64 addr)
{
	__u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)addr);
	return value;
}

/* Address number i of those in user memory. */
static __always_inline __u64 address_at(const struct wire_syscall *c, __u64 addr, __u32 i)
{
	return c->flags & WIRE_CALL_I386 ? (__u32)number_at(addr + i * 4) : number_at(addr + i * 8);
}

/* Is the call one that counts? Its arguments are in the record; numbers that are in a struct take
 * its address's place. */
static __always_inline bool is_wanted(const struct call_shape *shape, struct wire_syscall *c)
{
	__u32 at = shape->number_arg & 3;

	if (shape->has_number) {
		bounded(at);
		c->args[at & 3] = number_at(c->args[at & 3]);
	}
	switch (shape->when) {
	case CALL_PROCESS: return !(c->args[0] & CLONE_THREAD);
	case CALL_ADDRESSED:
		return shape->text_kind[0] == CALL_ARG_MSGHDR ? address_at(c, c->args[1], 0)
							      : c->args[4];
	case CALL_EXECUTABLE:
		return c->args[2] & PROT_EXEC &&
		       (c->nr != 9 || c->args[2] & PROT_WRITE || c->args[3] & MAP_ANON);
	default: return true;
	}
}

static __always_inline long read_path(struct scratch *s, __u64 at, __u64 addr)
{
	long n = read_user_str(record_at(s, at), WIRE_MAX_CALL_TEXT, addr);

	return n > 0 ? n - 1 : n;
}

/* The arguments of an exec, each with its NUL. */
__noinline int read_argv(__u32 slot, __u32 at, __u32 arg)
{
	struct scratch *s = scratch_of(slot);
	struct wire_syscall *c;
	__u64 addr, text, len = 0;
	__u32 i;
	long n;

	if (!s)
		return 0;
	c = (struct wire_syscall *)s->record;
	addr = arg == 2 ? c->args[2] : c->args[1];
	for (i = 0; i < ARGV_MAX; i++) {
		text = address_at(c, addr, i);
		if (!text)
			break;
		n = read_user_str(record_at(s, at_most(at, 4096) + at_most(len, 1024)),
				  at_most(WIRE_MAX_CALL_TEXT - at_most(len, WIRE_MAX_CALL_TEXT),
					  WIRE_MAX_CALL_TEXT),
				  text);
		if (n > 0)
			len += n;
		if (n <= 0 || len >= WIRE_MAX_CALL_TEXT) {
			c->text_cut |= 2;
			break;
		}
	}
	return at_most(len, WIRE_MAX_CALL_TEXT);
}

static __always_inline long read_address(struct scratch *s, __u64 at, __u64 addr, __u64 len)
{
	__u64 n = at_most(len, 128);

	if (!n || !addr)
		return 0;
	return read_user(record_at(s, at), n, addr) ?: (long)n;
}

/* Reads text number i. Returns its length or a negative errno. */
static __always_inline long read_text(__u32 slot, struct scratch *s, struct wire_syscall *c,
				      __u32 kind, __u32 arg, __u64 at)
{
	arg &= 7;
	if (arg > 5)
		return 0;
	bounded(arg);
	if (arg > 5)
		return 0;
	switch (kind) {
	case CALL_ARG_PATH: return c->args[arg] ? read_path(s, at, c->args[arg]) : 0;
	case CALL_ARG_ARGV: return read_argv(slot, at, arg);
	case CALL_ARG_SOCKADDR:
		return read_address(s, at, c->args[arg], arg < 5 ? (__u32)c->args[arg + 1] : 0);
	case CALL_ARG_MSGHDR:
		return read_address(s, at, address_at(c, c->args[arg], 0),
				    (__u32)address_at(c, c->args[arg], 1));
	default: return 0;
	}
}

__noinline int do_text(__u32 slot, __u32 i)
{
	struct scratch *s = scratch_of(slot);
	struct wire_syscall *c;
	struct call_shape *shape;
	__u64 at;
	long n;

	if (!s)
		return 0;
	i &= 1;
	c = (struct wire_syscall *)s->record;
	shape = shape_of(c->nr);
	if (!shape)
		return 0;
	at = text_start(c, i);
	n = read_text(slot, s, c, i ? shape->text_kind[1] : shape->text_kind[0],
		      i ? shape->text_arg[1] : shape->text_arg[0], at);
	if (n < 0) {
		if (i)
			c->text_error[1] = -n;
		else
			c->text_error[0] = -n;
		return 0;
	}
	if (n >= WIRE_MAX_CALL_TEXT - 1)
		c->text_cut |= 1 << i;
	n = at_most(n, WIRE_MAX_CALL_TEXT);
	*(__u64 *)record_at(s, at + n) = 0;
	if (i)
		c->text_len[1] = n;
	else
		c->text_len[0] = n;
	s->used = at + WIRE_PAD(n);
	return 0;
}

static __always_inline void name_event(struct wire_syscall *c, __u64 thread)
{
	struct name_key *name = bpf_map_lookup_elem(&filtered_names, &thread);

	if (name)
		__builtin_memcpy(c->event_name, name, sizeof(c->event_name));
}

/* Whose event a call follows: the thread's own last, or, before a child has raised any, that of the
 * thread that forked it. Returns false where nothing is to be said about the thread. */
static __always_inline bool find_event(struct wire_syscall *c, struct scratch *s, __u64 id,
				       bool exec)
{
	__u32 pid = id >> 32;
	struct target *target = bpf_map_lookup_elem(&targets, &pid);
	struct thread_event *e = bpf_map_lookup_elem(&thread_events, &id);

	if (!target || !(target->flags & TARGET_PYTHON)) {
		e = exec ? bpf_map_lookup_elem(&forked, &pid) : 0;
		if (!e)
			return false;
		c->flags |= target || knob_adopt ? 0 : WIRE_CALL_UNSEEN;
	}
	s->image = NO_IMAGE;
	if (!e) {
		c->probe = target->probe;
		return true;
	}
	c->event = e->time;
	c->event_pid = e->pid;
	c->event_tid = e->tid;
	c->flags |= (e->pid != pid ? WIRE_CALL_CHILD : 0) | (e->lost ? WIRE_CALL_UNCERTAIN : 0);
	c->probe = e->probe;
	if (e->named)
		name_event(c, id);
	s->image = e->image;
	s->bias = e->bias;
	s->tstate = e->tstate;
	return true;
}

static __always_inline void own_numbers(struct wire_syscall *c)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	c->ns_pid = own_number(BPF_CORE_READ(task, group_leader));
	c->ns_tid = own_number(task);
}

/* Is the number that of a call to look at? */
static __always_inline bool is_watched(__u64 nr)
{
	struct call_shape *shape = shape_of(nr);

	return (shape && shape->class) || (i386_watches(nr) && is_i386());
}

/* Takes number and arguments. Returns the shape, or NULL if it is not watched. */
static __always_inline struct call_shape *take_call(struct wire_syscall *c, struct pt_regs *regs,
						    __u64 nr)
{
	struct call_shape *shape;

	if (is_i386())
		return i386_take(c, regs, nr) ? shape_of(c->nr) : 0;
	shape = shape_of(nr);
	c->nr = nr & ~X32_BIT;
	c->args[0] = PT_REGS_PARM1_CORE_SYSCALL(regs);
	c->args[1] = PT_REGS_PARM2_CORE_SYSCALL(regs);
	c->args[2] = PT_REGS_PARM3_CORE_SYSCALL(regs);
	c->args[3] = PT_REGS_PARM4_CORE_SYSCALL(regs);
	c->args[4] = PT_REGS_PARM5_CORE_SYSCALL(regs);
	c->args[5] = BPF_CORE_READ(regs, r9);
	return shape && shape->class ? shape : 0;
}

static __always_inline void call_enter(__u32 slot, struct scratch *s, struct pt_regs *regs,
				       __u64 nr)
{
	struct wire_syscall *c = (struct wire_syscall *)s->record;
	__u64 id = bpf_get_current_pid_tgid();
	struct call_shape *shape;
	struct wire_syscall *before;

	__builtin_memset(c, 0, sizeof(*c));
	shape = take_call(c, regs, nr);
	if (!shape || !find_event(c, s, id, shape->text_kind[1] == CALL_ARG_ARGV) ||
	    !is_wanted(shape, c))
		return;
	if (shape->has_pid)
		own_numbers(c);
	s->used = sizeof(*c);
	do_text(slot, 0);
	do_text(slot, 1);
	if (knob_stack_depth && s->image != NO_IMAGE && !(c->flags & WIRE_CALL_CHILD)) {
		s->stack = 0;
		s->has_tstate = s->tstate != 0;
		capture_stack(slot);
		c->stack = s->stack;
	}
	head_fill(&c->head, at_most(s->used, OPEN_CALL), WIRE_SYSCALL);
	before = open_call_of(id);
	if (before && is_made_again(c, before))
		c->head.time = before->head.time;
	if (bpf_map_update_elem(&open_calls, &id, s->record, BPF_ANY))
		__sync_fetch_and_add(&lost_calls, 1);
}

/* sys_enter(regs, number) */
SEC("raw_tp/sys_enter")
int on_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct scratch *s;
	__u32 slot, pid;

	if (!is_watched(ctx->args[1]))
		return 0;
	pid = bpf_get_current_pid_tgid() >> 32;
	if (!bpf_map_lookup_elem(&targets, &pid) && !bpf_map_lookup_elem(&forked, &pid))
		return 0;
	if (bpf_map_pop_elem(&free_scratches, &slot)) {
		__sync_fetch_and_add(&lost_calls, 1);
		return 0;
	}
	s = scratch_of(slot);
	if (s)
		call_enter(slot, s, (struct pt_regs *)ctx->args[0], ctx->args[1]);
	scratch_release(slot);
	return 0;
}

/* The kernel has read a path by now, so that its page is there. */
static __always_inline void read_late(struct wire_syscall *c, const struct call_shape *shape)
{
	__u32 arg = shape->text_arg[0] & 3;
	long n;

	if (!c->text_error[0] || shape->text_kind[0] != CALL_ARG_PATH || c->head.size != sizeof(*c))
		return;
	bounded(arg);
	n = read_user_str(c + 1, WIRE_MAX_CALL_TEXT, c->args[arg & 3]);
	if (n <= 0)
		return;
	n = at_most(n - 1, WIRE_MAX_CALL_TEXT);
	c->text_error[0] = 0;
	c->text_len[0] = n;
	c->flags |= WIRE_CALL_LATE_TEXT;
	c->head.size = sizeof(*c) + WIRE_PAD(n);
}

/* sys_exit(regs, result) */
SEC("raw_tp/sys_exit")
int on_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
	struct call_shape *shape;
	__u64 id = bpf_get_current_pid_tgid();
	struct wire_syscall *c;

	if (!is_watched(BPF_CORE_READ(regs, orig_ax)))
		return 0;
	c = open_call_of(id);
	/* What a signal's handler calls, before the call it interrupted is made again. */
	if (!c || is_interrupted(c->ret))
		return 0;
	shape = shape_of(c->nr);
	if (!shape)
		return 0;
	if (is_interrupted(ctx->args[1])) {
		c->ret = ctx->args[1];
		return 0;
	}
	read_late(c, shape);
	call_over(id, c, ctx->args[1]);
	return 0;
}

/* signal_deliver(signal, info, action): before the handler is run, or what there is in its place */
SEC("raw_tp/signal_deliver")
int on_signal(struct bpf_raw_tracepoint_args *ctx)
{
	struct k_sigaction *action = (struct k_sigaction *)ctx->args[2];
	__u64 id = bpf_get_current_pid_tgid();
	struct wire_syscall *c = open_call_of(id);

	if (!c || !is_interrupted(c->ret) || (__u64)BPF_CORE_READ(action, sa.sa_handler) <= SIG_IGN)
		return 0;
	c->ret = after_handler(c->ret, BPF_CORE_READ(action, sa.sa_flags));
	if (c->ret == -EINTR)
		call_over(id, c, c->ret);
	return 0;
}

#endif
