/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What an event has to pass, and the counting: a traced process, a work area. */
#ifndef PYAUDIT_BPF_GATES_H
#define PYAUDIT_BPF_GATES_H

static __always_inline __u32 *told_place(__u32 pid)
{
	__u32 slot = pid % TOLD_SLOTS;

	return bpf_map_lookup_elem(&told, &slot);
}

/* Has the process been told? Then it is a target. */
static __always_inline bool is_told(__u32 pid)
{
	__u32 *place = told_place(pid);

	return place && *place == pid;
}

static __always_inline void set_told(__u32 pid)
{
	__u32 *place = told_place(pid);

	if (place)
		*place = pid;
}

static __always_inline void forget_told(__u32 pid)
{
	__u32 *place = told_place(pid);

	if (place && *place == pid)
		*place = 0;
}

/* Is the current process traced? filter: the number of the one in force. */
static __always_inline bool process_traced(__u32 filter)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct target none = {};

	if (!process_wanted(filter))
		return false;
	if ((knob_targets_only || knob_adopt) && is_told(pid))
		return true;
	if (knob_targets_only)
		return bpf_map_lookup_elem(&targets, &pid) != 0;
	if (knob_adopt && !bpf_map_lookup_elem(&targets, &pid))
		bpf_map_update_elem(&targets, &pid, &none, BPF_ANY);
	return true;
}

/* Tells user space what the current process is, once, before its first event. If there is no room,
 * the next event tries again. */
static __always_inline void introduce(void)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32, slot;
	struct target *target;

	if (is_told(pid))
		return;
	target = bpf_map_lookup_elem(&targets, &pid);
	if (!target)
		return;
	if (!(target->flags & TARGET_TOLD)) {
		if (bpf_map_pop_elem(&free_scratches, &slot))
			return;
		/* Another thread may tell it too; none of their events comes before. */
		if (!describe_process(slot))
			target->flags |= TARGET_TOLD;
		scratch_release(slot);
	}
	if (target->flags & TARGET_TOLD)
		set_told(pid);
}

static __always_inline struct counts *own_counts(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

static __always_inline void count_seen(void)
{
	struct counts *c = own_counts();

	if (c)
		__sync_fetch_and_add(&c->seen, 1);
}

static __always_inline void count_filtered(void)
{
	struct counts *c = own_counts();

	if (c)
		__sync_fetch_and_add(&c->filtered, 1);
}

static __always_inline void count_seen_and_filtered(void)
{
	struct counts *c = own_counts();

	if (!c)
		return;
	__sync_fetch_and_add(&c->seen, 1);
	__sync_fetch_and_add(&c->filtered, 1);
}

/* Is there room in the ring for what is not of the lives of processes? The rest is kept for those:
 * of a program whose start is not told nothing is seen. */
static __always_inline bool ring_has_room(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) <= knob_full_fill;
}

/* Whoever reads the ring is woken only when it fills up. */
static __always_inline __u64 ring_flags(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > knob_wakeup_fill ? BPF_RB_FORCE_WAKEUP
									      : BPF_RB_NO_WAKEUP;
}

#define NO_SCRATCH 0xffffffff

static __always_inline __u32 scratch_claim(void)
{
	__u32 slot;

	if (bpf_map_pop_elem(&free_scratches, &slot)) {
		__sync_fetch_and_add(&lost[WIRE_LOSS_SCRATCH], 1);
		if (knob_syscalls)
			announce_lost();
		return NO_SCRATCH;
	}
	return slot;
}

#endif
