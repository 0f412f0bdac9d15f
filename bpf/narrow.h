/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* -u, --comm and --cgroup: which processes -a is about. What was found out of a name or of a
 * control group is kept. */
#ifndef PYAUDIT_BPF_NARROW_H
#define PYAUDIT_BPF_NARROW_H

#define CGROUP_DEPTH 32

/* The control group of the current task in a hierarchy, as a filter names it. */
static __always_inline struct kernfs_node *current_group(__s32 subsys)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct css_set *set = BPF_CORE_READ(task, cgroups);

	return subsys < 0 ? BPF_CORE_READ(set, dfl_cgrp, kn)
			  : BPF_CORE_READ(group_of(set, subsys), kn);
}

/* What is kept of a name or group: of filter `number`, that it passes. */
static __always_inline __u64 kept_verdict(__u32 number, bool passes)
{
	return (__u64)number << 1 | passes;
}

static __always_inline bool is_of(__u64 kept, __u32 number)
{
	return kept >> 1 == number;
}

/* Is it the group that filter `number` asks for, or below it? */
__noinline int group_inside(__u32 number)
{
	const struct live_filter *f = filter_of(number);
	struct kernfs_node *node = current_group(f->cgroup_subsys);
	__u64 id = BPF_CORE_READ(node, id), kept;
	__u64 *known = bpf_map_lookup_elem(&group_verdicts, &id);
	bool inside = false;
	int i;

	if (known && is_of(*known, number))
		return *known & 1;
	for (i = 0; i < CGROUP_DEPTH && node && !inside; i++) {
		inside = BPF_CORE_READ(node, id) == f->cgroup_id;
		node = node_parent(node);
	}
	kept = kept_verdict(number, inside);
	bpf_map_update_elem(&group_verdicts, &id, &kept, BPF_ANY);
	return inside;
}

struct comm_key {
	char text[WIRE_COMM_LEN];
};

/* Tries the glob on a name not met before. Without a work area it passes: rather a process too
 * many than one hidden. */
static __always_inline bool comm_try(const struct comm_key *key, __u32 number)
{
	struct scratch *s;
	bool pass = true;
	__u32 slot;
	__u64 kept;

	if (bpf_map_pop_elem(&free_scratches, &slot))
		return true;
	s = bpf_map_lookup_elem(&scratches, &slot);
	if (s) {
		__builtin_memcpy(s->name, key->text, WIRE_COMM_LEN);
		s->name[WIRE_COMM_LEN] = 0;
		for (s->name_len = 0; s->name_len < WIRE_COMM_LEN; s->name_len++)
			if (!key->text[s->name_len & (WIRE_COMM_LEN - 1)])
				break;
		pass = glob_matches(slot, number % FILTERS * FILTER_PATTERNS + COMM_PATTERN) != 0;
		kept = kept_verdict(number, pass);
		bpf_map_update_elem(&comm_verdicts, key, &kept, BPF_ANY);
	}
	scratch_release(slot);
	return pass;
}

static __always_inline bool comm_passes(const struct comm_key *key, __u32 number)
{
	__u64 *known = bpf_map_lookup_elem(&comm_verdicts, key);

	return known && is_of(*known, number) ? *known & 1 : comm_try(key, number);
}

/* The name of the thread or of its process. */
__noinline int comm_wanted(__u32 number)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct comm_key key = {};

	bpf_get_current_comm(key.text, sizeof(key.text));
	if (comm_passes(&key, number))
		return 1;
	bpf_probe_read_kernel(key.text, sizeof(key.text),
			      (void *)BPF_CORE_READ(task, group_leader) +
				      bpf_core_field_offset(struct task_struct, comm));
	return comm_passes(&key, number);
}

/* Is the current process one of those that filter `number` asks for? */
static __always_inline bool process_wanted(__u32 number)
{
	const struct live_filter *f = filter_of(number);

	if (f->by_uid && (__u32)bpf_get_current_uid_gid() != f->uid)
		return false;
	if (f->by_cgroup && !group_inside(number))
		return false;
	return !f->by_comm || comm_wanted(number);
}

#endif
