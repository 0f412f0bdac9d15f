/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the current process is: read in the kernel at its first event, so that it is right also for
 * a process that is gone a moment later.
 *
 * Paths are walked from their last name up, as d_path() does it: within a mount by the dentries'
 * parents, from a mount's root on at the place it is mounted. Each name becomes a part of the
 * record; user space puts them together.
 */
#ifndef PYAUDIT_BPF_CONTEXT_H
#define PYAUDIT_BPF_CONTEXT_H

#define PATH_STEPS   96 /* names and mounts of a path */
#define CGROUP_STEPS 32
#define CONTEXT_MAX  65536 /* bytes of parts before the command line */

/* Who raises the event. */
static __always_inline void head_who(struct wire_header *h)
{
	struct task_struct *task;
	__u64 id;

	if (knob_task) {
		task = bpf_get_current_task_btf();
		h->pid = task->tgid;
		h->tid = task->pid;
		h->uid = task->cred->uid.val;
		__builtin_memcpy(h->comm, task->comm, sizeof(h->comm));
		return;
	}
	id = bpf_get_current_pid_tgid();
	h->pid = id >> 32;
	h->tid = id;
	h->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(h->comm, sizeof(h->comm));
}

static __always_inline void head_fill(struct wire_header *h, __u32 size, __u16 kind)
{
	h->size = size;
	h->kind = kind;
	h->flags = 0;
	h->time = bpf_ktime_get_boot_ns();
	h->lost = lost[WIRE_LOSS_RING] + lost[WIRE_LOSS_SCRATCH];
	head_who(h);
}

/* Appends a part whose text is a NUL-terminated name in kernel memory; NULL: an empty one. */
static __always_inline void put_part(struct scratch *s, __u16 kind, __u16 flags, const void *name)
{
	struct wire_part *p = (struct wire_part *)record_at(s, s->used);
	char *text = record_at(s, s->used + sizeof(*p));
	long n = name ? bpf_probe_read_kernel_str(text, WIRE_MAX_PART, name) : 0;

	if (s->used > CONTEXT_MAX)
		return;
	n = n > 0 ? n - 1 : 0;
	*(__u64 *)record_at(s, s->used + sizeof(*p) + n) = 0;
	p->kind = kind;
	p->flags = flags;
	p->len = n;
	s->used += sizeof(*p) + WIRE_PAD(n);
}

/* Is this the root directory of the current process? Of one in a chroot that is where paths begin.
 */
static __always_inline bool is_own_root(const struct dentry *d, const struct mount *m)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 mnt = (__u64)m + bpf_core_field_offset(struct mount, mnt);

	return BPF_CORE_READ(task, fs, root.dentry) == d &&
	       (__u64)BPF_CORE_READ(task, fs, root.mnt) == mnt;
}

/* One step up a path. Returns 1 at its root. */
__noinline int path_step(__u32 slot, __u32 kind)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct dentry *d, *root, *parent;
	struct mount *m, *above;

	if (!s)
		return 1;
	d = (struct dentry *)s->dentry;
	m = (struct mount *)s->mount;
	if (is_own_root(d, m)) {
		put_part(s, kind, 0, 0);
		return 1;
	}
	root = BPF_CORE_READ(m, mnt.mnt_root);
	parent = BPF_CORE_READ(d, d_parent);
	if (d != root) {
		put_part(s, kind, BPF_CORE_READ(d, d_hash.pprev) ? 0 : WIRE_PART_DELETED,
			 BPF_CORE_READ(d, d_name.name));
		s->dentry = (__u64)parent;
		if (d != parent)
			return 0;
	}
	above = BPF_CORE_READ(m, mnt_parent);
	if (d == root && above && above != m) {
		s->dentry = (__u64)BPF_CORE_READ(m, mnt_mountpoint);
		s->mount = (__u64)above;
		return 0;
	}
	put_part(s, kind, 0, 0);
	return 1;
}

static __always_inline void put_file_path(__u32 slot, struct scratch *s, __u32 kind,
					  struct vfsmount *mnt, struct dentry *dentry)
{
	int i;

	if (!mnt || !dentry)
		return;
	s->dentry = (__u64)dentry;
	s->mount = (__u64)mnt - bpf_core_field_offset(struct mount, mnt);
	for (i = 0; i < PATH_STEPS; i++)
		if (path_step(slot, kind))
			break;
}

static __always_inline struct kernfs_node *node_parent(struct kernfs_node *node)
{
	struct kernfs_node___v6 *v6 = (void *)node;
	struct kernfs_node___v5 *v5 = (void *)node;

	return bpf_core_field_exists(v6->__parent) ? BPF_CORE_READ(v6, __parent)
						   : BPF_CORE_READ(v5, parent);
}

__noinline int cgroup_step(__u32 slot, __u32 kind)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct kernfs_node *node, *parent;

	if (!s)
		return 1;
	node = (struct kernfs_node *)s->node;
	parent = node_parent(node);
	put_part(s, kind, 0, parent ? BPF_CORE_READ(node, name) : 0);
	s->node = (__u64)parent;
	return !parent;
}

/* The group in the hierarchy of controller number i. */
static __always_inline struct cgroup *group_of(struct css_set *set, __u32 i)
{
	struct cgroup_subsys_state *css = 0;

	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)set + bpf_core_field_offset(struct css_set, subsys) +
				      (i & 15) * sizeof(css));
	return BPF_CORE_READ(css, cgroup);
}

/* The path of one hierarchy: number i of cgroup v1 that is one of its own, or that of v2. */
__noinline int put_cgroup(__u32 slot, __u32 kind, __u32 i)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup *group = BPF_CORE_READ(set, dfl_cgrp), *v1;
	int step;

	if (!s)
		return 0;
	if (kind == WIRE_PART_CGROUP1) {
		v1 = group_of(set, i);
		if (!v1 || BPF_CORE_READ(v1, root) == BPF_CORE_READ(group, root))
			return 0;
		group = v1;
	}
	s->node = (__u64)BPF_CORE_READ(group, kn);
	for (step = 0; step < CGROUP_STEPS; step++)
		if (cgroup_step(slot, kind))
			break;
	return 0;
}

/* Its length as /proc/PID/cmdline has it; a part only if it could be read. */
static __always_inline __u64 put_cmdline(struct scratch *s, struct mm_struct *mm)
{
	__u64 start = BPF_CORE_READ(mm, arg_start), len = BPF_CORE_READ(mm, arg_end) - start, n;
	struct wire_part *p = (struct wire_part *)record_at(s, s->used);

	n = at_most(len, WIRE_MAX_STRING);
	if (!n || read_user(record_room(s, s->used + sizeof(*p)), n, start))
		return len;
	*(__u64 *)record_at(s, s->used + sizeof(*p) + n) = 0;
	p->kind = WIRE_PART_CMDLINE;
	p->flags = 0;
	p->len = n;
	s->used += sizeof(*p) + WIRE_PAD(n);
	return len;
}

static __always_inline __u32 own_number(struct task_struct *leader)
{
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	int number = 0;

	if (level < 64)
		bpf_probe_read_kernel(&number, sizeof(number),
				      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
					      level * bpf_core_type_size(struct upid) +
					      bpf_core_field_offset(struct upid, nr));
	return number;
}

/* Puts a struct wire_process into the ring. Returns 0 if there was room. */
__noinline int describe_process(__u32 slot)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct wire_process *r;
	__u32 pid, i;
	__u64 *exec;

	if (!s)
		return -EFAULT;
	s->used = sizeof(*r);
	put_file_path(slot, s, WIRE_PART_EXE, BPF_CORE_READ(mm, exe_file, f_path.mnt),
		      BPF_CORE_READ(mm, exe_file, f_path.dentry));
	put_file_path(slot, s, WIRE_PART_CWD, BPF_CORE_READ(task, fs, pwd.mnt),
		      BPF_CORE_READ(task, fs, pwd.dentry));
	put_cgroup(slot, WIRE_PART_CGROUP, 0);
	for (i = 0; i < 16 && i < bpf_core_enum_value(enum cgroup_subsys_id, CGROUP_SUBSYS_COUNT);
	     i++)
		put_cgroup(slot, WIRE_PART_CGROUP1, i);
	r = (struct wire_process *)s->record;
	r->cmdline = put_cmdline(s, mm);
	head_fill(&r->head, at_most(s->used, WIRE_MAX_RECORD), WIRE_PROCESS);
	pid = r->head.pid;
	exec = bpf_map_lookup_elem(&execs, &pid);
	r->exec = exec ? *exec : 0;
	r->start = BPF_CORE_READ(leader, start_boottime);
	r->ppid = BPF_CORE_READ(leader, real_parent, tgid);
	r->ns_pid = own_number(leader);
	return bpf_ringbuf_output(&ring, r, at_most(s->used, WIRE_MAX_RECORD), 0);
}

#endif
