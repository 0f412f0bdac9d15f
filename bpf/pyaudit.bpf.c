// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The kernel side: one short program per entry point, then the headers they call down into.
 *
 *   knobs.h      what is fixed at load
 *   maps.h       all maps and counters
 *   scratch.h    the work area of one capture, and appending values to the record in it
 *   object.h     PyObject -> wire value
 *   identify.h   objects that are named by what identifies them
 *   units.h      C format string and varargs -> wire values; the steps of the walk
 *   arguments.h  where a call's arguments are
 *   walk.h       the walk as the verifier likes it
 *   literal.h    strings in pages that are not there yet
 *   filter.h     glob matching         verdict.h  -e
 *   context.h    what a process is: its file, command line, cgroup
 *   narrow.h     -u, --comm, --cgroup  rate.h     --rate       arg.h  --arg
 *   gates.h      what an event has to pass, and counting
 *   once.h       an event that meets two probes    hits.h  which hits are one event's
 *   inode.h      files that are one underneath
 *   frames.h     Python frames and code objects
 *   stack.h      the call stack of an event
 *   trace.h      the trace and span of an event
 *   name.h       names of events       event.h    one event, from call to ring
 *   quick.h      sys.audit() events that are left out by name
 *   process.h    fork, exec, exit
 *   announce.h   each thread's last event
 *   open_calls.h system calls under way    calls.h   their beginning and end
 *
 * An event passes three gates: is the process traced, does the name pass the filter, is there a
 * work area. Then its values are captured into the work area, and the record is copied to the ring,
 * sized by its content. Every event that came through the first gate is counted as seen, and then
 * as filtered, or lost with its reason, or it is in the ring.
 *
 * Written for 5.10 and later. The uprobe programs sleep where the kernel lets them, for literal.h
 * alone. Loops are bounded, and the body of each long one is a global function: the verifier then
 * looks at the body once and not once an iteration. Global functions take scalars only (memory
 * arguments came with 5.15), so they get the work area's number.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "image_config.h"
#include "wire.h"
#include "wire_syscall.h"

#define ESRCH	3
#define EFAULT	14
#define EINVAL	22
#define ENOTSUP 95
#define ENOBUFS 105
#define SIGSTOP 19

WIRE_ASSERTS;
WIRE_SYSCALL_ASSERTS;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* bpf/literal.h */
static __always_inline long read_literal(void *dst, __u32 size, __u64 addr, __u32 image,
					 __u64 bias);

#include "knobs.h"

/* Reads user memory and sleeps until its page is there. The object is built without, too, for the
 * programs on tracepoints: the verifier refuses them for such a call even where it is never
 * reached. */
static __always_inline long read_user_waiting(void *dst, __u32 size, __u64 addr)
{
#ifdef NEVER_SLEEPS
	return -EFAULT;
#else
	return bpf_copy_from_user(dst, size, (const void *)addr);
#endif
}

/* A page that is not there, swapped out say, or being moved, is brought in where programs may
 * sleep. */
static __always_inline long read_user(void *dst, __u32 size, __u64 addr)
{
	long err = bpf_probe_read_user(dst, size, (const void *)addr);

	return err && knob_sleepable ? read_user_waiting(dst, size, addr) : err;
}

/* Returns the length with its NUL, or a negative errno. */
static __always_inline long read_user_str(void *dst, __u32 size, __u64 addr)
{
	return bpf_probe_read_user_str(dst, size, (const void *)addr);
}

static __always_inline void copy_kernel(void *dst, __u32 size, const void *src)
{
	bpf_probe_read_kernel(dst, size, src);
}

#include "maps.h"

/* What a type of that name is captured as; name: TYPE_NAME_KEY bytes, zero-padded. */
static __always_inline int recipe_of(const char *name)
{
	__u32 *recipe = bpf_map_lookup_elem(&named_types, name);

	return recipe ? *recipe : RECIPE_PLAIN;
}

#include "literal.h"
#include "filter.h"
#include "arguments.h"
#include "walk.h"
#include "verdict.h"
#include "context.h"
#include "narrow.h"
#include "announce.h"
#include "gates.h"
#include "rate.h"
#include "arg.h"
#include "once.h"
#include "name.h"
#include "stack.h"
#include "trace.h"
#include "event.h"
#include "quick.h"
#include "open_calls.h"
#include "process.h"
#include "calls.h"
#include "inode.h"

/*
 * Since 6.13 programs of this kind may be given a stack that belongs to the CPU, on
 * the ground that they are not preempted. On uprobes they are, and two would share it: variables of
 * one end up in the other, and both own one work area. A program with a tail call keeps to its
 * task's stack; one that is never reached is enough.
 */
static __always_inline void keep_stack(void *ctx)
{
	if (knob_never)
		bpf_tail_call(ctx, (void *)0, 0);
}

/* static int sys_audit_tstate(PyThreadState *, const char *event, const char *format, va_list) */
SEC("uprobe")
int on_sys_audit_tstate(struct pt_regs *ctx)
{
	struct call call = {
		.name = PT_REGS_PARM2(ctx), .format = PT_REGS_PARM3(ctx), .filter = filter_number};
	struct probe_config *probe;
	__u32 number, slot;
	struct scratch *s;

	keep_stack(ctx);
	probe = probe_of(ctx, &number);
	if (!probe || !call.name || !process_traced(call.filter) ||
	    c_call_forwarded(ctx, probe, call.name))
		return 0;
	call_place(&call, ctx, probe);
	s = event_admit(&call, &slot);
	if (!s)
		return 0;
	record_start(s, probe, number, PT_REGS_IP(ctx));
	has_tstate(s, ctx);
	if (knob_args && call.format)
		load_va_list(s, PT_REGS_PARM4(ctx));
	event_capture(s, slot, &call);
	scratch_release(slot);
	return 0;
}

/* int PySys_Audit(const char *event, const char *format, ...): the body in 3.8, the way in for
 * others */
static __always_inline int variadic(struct pt_regs *ctx, struct call *call, __u32 first)
{
	struct probe_config *probe;
	__u32 number, slot;
	struct scratch *s;

	probe = probe_of(ctx, &number);
	if (!probe || !call->name || !process_traced(call->filter) ||
	    c_call_forwarded(ctx, probe, call->name))
		return 0;
	call_place(call, ctx, probe);
	s = event_admit(call, &slot);
	if (!s)
		return 0;
	record_start(s, probe, number, PT_REGS_IP(ctx));
	s->gp[2] = PT_REGS_PARM3(ctx);
	s->gp[3] = PT_REGS_PARM4(ctx);
	s->gp[4] = PT_REGS_PARM5(ctx);
	s->gp[5] = ctx->r9;
	s->gp_next = first;
	if (first == 3)
		has_tstate(s, ctx);
	/* Behind the return address. */
	s->overflow = PT_REGS_SP(ctx) + probe->stack_adjust + 8;
	event_capture(s, slot, call);
	scratch_release(slot);
	return 0;
}

SEC("uprobe")
int on_pysys_audit(struct pt_regs *ctx)
{
	struct call call = {
		.name = PT_REGS_PARM1(ctx), .format = PT_REGS_PARM2(ctx), .filter = filter_number};

	keep_stack(ctx);
	return variadic(ctx, &call, 2);
}

/* static int _PySys_Audit(PyThreadState *, const char *event, const char *format, ...) */
SEC("uprobe")
int on_pysys_audit_t(struct pt_regs *ctx)
{
	struct call call = {
		.name = PT_REGS_PARM2(ctx), .format = PT_REGS_PARM3(ctx), .filter = filter_number};

	keep_stack(ctx);
	return variadic(ctx, &call, 3);
}

static __always_inline void sys_audit_event(struct pt_regs *ctx, struct probe_config *probe,
					    __u32 number, __u32 slot, struct scratch *s)
{
	__u64 items = PT_REGS_PARM2(ctx);
	struct call call = {.items = items + 8,
			    .n_items = PT_REGS_PARM3(ctx) - 1,
			    .filter = s->filter,
			    .name_loaded = true};
	__u8 verdict;

	record_start(s, probe, number, PT_REGS_IP(ctx));
	if (read_items(s, items, call.n_items + 1) || !load_object_name(slot))
		return;
	count_seen();
	call.name = s->name_addr;
	remember_call(s->name_addr, s->utf8_at, PT_REGS_SP(ctx) + probe->stack_adjust);
	verdict = loaded_name_verdict(slot, s);
	if (verdict_goes_on(&call, verdict, (struct name_key *)s->name))
		event_capture(s, slot, &call);
}

/* static PyObject *sys_audit(PyObject *self, PyObject *const *args, Py_ssize_t nargs) */
SEC("uprobe")
int on_sys_audit(struct pt_regs *ctx)
{
	__u32 number, slot, filter = filter_number;
	struct probe_config *probe;
	struct scratch *s;

	keep_stack(ctx);
	probe = probe_of(ctx, &number);
	if (!probe || (__s64)PT_REGS_PARM3(ctx) < 1 || !process_traced(filter))
		return 0;
	if (filter_of(filter)->by_name && quickly_filtered(ctx, probe, filter))
		return 0;
	slot = scratch_claim();
	if (slot == NO_SCRATCH) {
		count_seen();
		return 0;
	}
	s = scratch_of(slot);
	if (s) {
		s->filter = filter;
		sys_audit_event(ctx, probe, number, slot, s);
	}
	scratch_release(slot);
	return 0;
}

static __always_inline __u64 operand(struct pt_regs *ctx, const struct probe_operand *o)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)ctx + o->reg);
	if (o->memory && read_user(&value, sizeof(value), value + o->displacement))
		value = 0;
	return value;
}

/* USDT python:audit(const char *event, PyObject *tuple) */
SEC("uprobe")
int on_usdt(struct pt_regs *ctx)
{
	struct call call = {.filter = filter_number};
	struct probe_config *probe;
	__u32 number, slot;
	struct scratch *s;

	keep_stack(ctx);
	probe = probe_of(ctx, &number);
	if (!probe || !process_traced(call.filter))
		return 0;
	call.name = operand(ctx, &probe->operand[0]);
	call.tuple = operand(ctx, &probe->operand[1]);
	if (!call.name)
		return 0;
	call_place(&call, ctx, probe);
	s = event_admit(&call, &slot);
	if (!s)
		return 0;
	record_start(s, probe, number, PT_REGS_IP(ctx));
	event_capture(s, slot, &call);
	scratch_release(slot);
	return 0;
}
