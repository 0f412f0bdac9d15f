/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The last audit event of each thread, for the system calls it explains (--syscalls). */
#ifndef PYAUDIT_BPF_ANNOUNCE_H
#define PYAUDIT_BPF_ANNOUNCE_H

#define NO_IMAGE 0xffffffff

/* Events after a lost one for which a thread's system calls are not judged: as many as user space
 * looks back. */
#define LOST_SHADOW 8

struct thread_event {
	__u64 time; /* boot clock, ns: as the record has it */
	__u64 bias;
	__u64 tstate; /* the thread's, 0 not known: without the GIL it is not to be found */
	__u32 pid, tid;
	__u32 image, probe;
	__u32 lost;  /* events left until calls are judged again */
	__u32 named; /* it was filtered out and is not told: its name is in filtered_names */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u64);	/* pid_tgid */
	__type(value, struct thread_event);
} thread_events SEC(".maps");

/* Children that have not executed anything yet, and the event of the thread that forked them. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u32);	/* thread group id */
	__type(value, struct thread_event);
} forked SEC(".maps");

/* The names of threads' last events of which user space does not hear, zero-padded. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u64);	/* pid_tgid */
	__type(value, struct name_key);
} filtered_names SEC(".maps");

__u64 lost_calls; /* system calls whose record was lost */

/* Notes the event in the work area as the thread's last. */
static __always_inline void announce(const struct scratch *s, __u64 time)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct thread_event now = {.time = time,
				   .bias = s->bias,
				   .pid = id >> 32,
				   .tid = id,
				   .image = s->image,
				   .probe = s->probe};
	struct thread_event *last = bpf_map_lookup_elem(&thread_events, &id);
	struct target *target;

	now.tstate = s->tstate;
	if (last) {
		now.lost = last->lost ? last->lost - 1 : 0;
		now.tstate = s->tstate ?: last->tstate;
	}
	bpf_map_update_elem(&thread_events, &id, &now, BPF_ANY);
	target = bpf_map_lookup_elem(&targets, &now.pid);
	if (!target)
		return;
	target->probe = s->probe;
	target->flags |= TARGET_PYTHON;
}

/* What there is to say of a thread that has raised no event. */
static __always_inline struct thread_event no_event(const struct target *target)
{
	__u64 id = bpf_get_current_pid_tgid();

	return (struct thread_event){
		.pid = id >> 32, .tid = id, .image = NO_IMAGE, .probe = target ? target->probe : 0};
}

/* An event that is not told: what comes next does not follow the one before. */
static __always_inline void announce_filtered(const struct name_key *name)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct thread_event *last = bpf_map_lookup_elem(&thread_events, &id);

	if (!last)
		return;
	last->time = bpf_ktime_get_boot_ns();
	last->named = !bpf_map_update_elem(&filtered_names, &id, name, BPF_ANY);
}

/* An event of this thread does not reach user space: what it would have explained cannot be told.
 */
static __always_inline void announce_lost(void)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct thread_event *last = bpf_map_lookup_elem(&thread_events, &id), first;
	__u32 pid = id >> 32;

	if (last) {
		last->lost = LOST_SHADOW;
		return;
	}
	first = no_event(bpf_map_lookup_elem(&targets, &pid));
	first.time = bpf_ktime_get_boot_ns();
	first.lost = LOST_SHADOW;
	bpf_map_update_elem(&thread_events, &id, &first, BPF_ANY);
}

/* The current thread forks a process, which runs what we run. */
static __always_inline void announce_fork(__u32 child, const struct target *parent,
					  struct target *child_target)
{
	__u64 id = bpf_get_current_pid_tgid(), child_id = (__u64)child << 32 | child;
	struct thread_event *last = bpf_map_lookup_elem(&thread_events, &id), none;
	struct name_key *name;

	child_target->flags = parent->flags & TARGET_PYTHON;
	child_target->probe = parent->probe;
	if (!child_target->flags)
		return;
	none = no_event(parent);
	last = last ?: &none;
	bpf_map_update_elem(&forked, &child, last, BPF_ANY);
	bpf_map_update_elem(&thread_events, &child_id, last, BPF_ANY);
	name = last->named ? bpf_map_lookup_elem(&filtered_names, &id) : 0;
	if (name)
		bpf_map_update_elem(&filtered_names, &child_id, name, BPF_ANY);
}

/* The current process runs something else now, or has ended. */
static __always_inline void announce_forget(__u32 pid)
{
	__u64 id = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&forked, &pid);
	bpf_map_delete_elem(&thread_events, &id);
}

#endif
