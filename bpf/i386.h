/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * System calls by the 32-bit entry (int 0x80), which 64-bit code can use as well: their numbers
 * mean other calls, their arguments are 32 bits wide and lie in other registers.
 */
#ifndef PYAUDIT_BPF_I386_H
#define PYAUDIT_BPF_I386_H

#define TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, I386_CALLS);
	__type(key, __u32);
	__type(value, struct i386_call);
} i386_calls SEC(".maps");

/* NULL: it is not watched. */
static __always_inline struct i386_call *i386_call_at(__u32 index)
{
	struct i386_call *call = bpf_map_lookup_elem(&i386_calls, &index);

	return call && call->nr ? call : 0;
}

/* May the number be that of a call to look at by this entry? Which one socketcall makes its first
 * argument says. */
static __always_inline bool i386_watches(__u64 nr)
{
	return nr == I386_SOCKETCALL || i386_call_at(nr);
}

/* Does the call that is under way come by this entry? */
static __always_inline bool is_i386(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
}

static __always_inline void i386_read_array(struct wire_syscall *c, __u32 at)
{
	__u32 array[6] = {}, i;

	bpf_probe_read_user(array, sizeof(array), (void *)(__u64)at);
#pragma unroll
	for (i = 0; i < 6; i++)
		c->args[i] = array[i];
}

/* Takes number and arguments as the other entry has them; false: it is not watched. */
static __always_inline bool i386_take(struct wire_syscall *c, struct pt_regs *regs, __u32 nr)
{
	struct i386_call *call;
	__u32 first = BPF_CORE_READ(regs, bx), second = BPF_CORE_READ(regs, cx);
	bool socketcall = nr == I386_SOCKETCALL;

	if (socketcall && first >= I386_SOCKETCALL_MAX)
		return false;
	call = i386_call_at(socketcall ? SYSCALL_MAX + first : nr);
	if (!call)
		return false;
	c->nr = call->nr;
	c->flags |= WIRE_CALL_I386;
	if (call->args == I386_ARRAY) {
		i386_read_array(c, socketcall ? second : first);
		return true;
	}
	c->args[0] = first;
	if (call->args == I386_FIRST)
		return true;
	c->args[1] = second;
	c->args[2] = (__u32)BPF_CORE_READ(regs, dx);
	if (call->args == I386_HALVES)
		c->args[1] |= c->args[2] << 32;
	c->args[3] = (__u32)BPF_CORE_READ(regs, si);
	c->args[4] = (__u32)BPF_CORE_READ(regs, di);
	c->args[5] = (__u32)BPF_CORE_READ(regs, bp);
	return true;
}

#endif
