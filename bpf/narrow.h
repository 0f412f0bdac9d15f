/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* -u, --comm and --cgroup: which processes -a is about. What was found out of a name or of a
 * control group is kept. */
#ifndef PYAUDIT_BPF_NARROW_H
#define PYAUDIT_BPF_NARROW_H

#define CGROUP_DEPTH 32

/* The control group of the current task in the hierarchy of --cgroup. */
static __always_inline struct kernfs_node *current_group(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct css_set *set = BPF_CORE_READ(task, cgroups);

	return knob_cgroup_subsys < 0 ? BPF_CORE_READ(set, dfl_cgrp, kn)
				      : BPF_CORE_READ(group_of(set, knob_cgroup_subsys), kn);
}

/* Is it the group asked for, or below it? */
__noinline int group_inside(void)
{
	struct kernfs_node *node = current_group();
	__u64 id = BPF_CORE_READ(node, id);
	__u8 *known = bpf_map_lookup_elem(&group_verdicts, &id), inside = 0;
	int i;

	if (known)
		return *known;
	for (i = 0; i < CGROUP_DEPTH && node && !inside; i++) {
		inside = BPF_CORE_READ(node, id) == knob_cgroup_id;
		node = node_parent(node);
	}
	bpf_map_update_elem(&group_verdicts, &id, &inside, BPF_ANY);
	return inside;
}

struct comm_key {
	char text[WIRE_COMM_LEN];
};

/* Tries the glob on a name not met before. Without a work area it passes: rather a process too
 * many than one hidden. */
static __always_inline bool comm_try(const struct comm_key *key)
{
	struct scratch *s;
	__u32 slot;
	__u8 pass = 1;

	if (bpf_map_pop_elem(&free_scratches, &slot))
		return true;
	s = bpf_map_lookup_elem(&scratches, &slot);
	if (s) {
		__builtin_memcpy(s->name, key->text, WIRE_COMM_LEN);
		s->name[WIRE_COMM_LEN] = 0;
		for (s->name_len = 0; s->name_len < WIRE_COMM_LEN; s->name_len++)
			if (!key->text[s->name_len & (WIRE_COMM_LEN - 1)])
				break;
		pass = glob_matches(slot, COMM_PATTERN) != 0;
		bpf_map_update_elem(&comm_verdicts, key, &pass, BPF_ANY);
	}
	bpf_map_push_elem(&free_scratches, &slot, BPF_ANY);
	return pass;
}

static __always_inline bool comm_passes(const struct comm_key *key)
{
	__u8 *known = bpf_map_lookup_elem(&comm_verdicts, key);

	return known ? *known : comm_try(key);
}

/* The name of the thread or of its process. */
__noinline int comm_wanted(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct comm_key key = {};

	bpf_get_current_comm(key.text, sizeof(key.text));
	if (comm_passes(&key))
		return 1;
	bpf_probe_read_kernel(key.text, sizeof(key.text),
			      (void *)BPF_CORE_READ(task, group_leader) +
				      bpf_core_field_offset(struct task_struct, comm));
	return comm_passes(&key);
}

/* Is the current process one of those asked for? */
static __always_inline bool process_wanted(void)
{
	if (knob_by_uid && (__u32)bpf_get_current_uid_gid() != knob_uid)
		return false;
	if (knob_by_cgroup && !group_inside())
		return false;
	return !knob_by_comm || comm_wanted();
}

#endif
