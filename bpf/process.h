/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The life of traced processes: fork, exec, exit. */
#ifndef PYAUDIT_BPF_PROCESS_H
#define PYAUDIT_BPF_PROCESS_H

#define PF_EXITING	  4 /* include/linux/sched.h */
#define SIGNAL_GROUP_EXIT 4 /* include/linux/sched/signal.h */

static __always_inline struct target *current_target(__u32 *pid)
{
	*pid = bpf_get_current_pid_tgid() >> 32;
	return bpf_map_lookup_elem(&targets, pid);
}

/* A child that executes nothing yet has its parent's memory, and variables where that has them. */
static __always_inline void inherit_context(__u32 pid, __u32 child)
{
	struct process_context *c = any_contexts ? bpf_map_lookup_elem(&contexts, &pid) : 0;

	if (c && (knob_follow || knob_adopt))
		bpf_map_update_elem(&contexts, &child, c, BPF_ANY);
}

static __always_inline void forget_context(__u32 pid)
{
	if (any_contexts)
		bpf_map_delete_elem(&contexts, &pid);
}

/* sched_process_fork(parent, child): in the parent, before the child runs */
SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *child = (void *)ctx->args[1];
	__u32 pid, child_pid = BPF_CORE_READ(child, tgid);
	struct target *parent = current_target(&pid), new = {};
	struct wire_fork r = {};

	if (child_pid == pid)
		return 0;
	inherit_context(pid, child_pid);
	if (!parent)
		return 0;
	if (knob_syscalls) {
		call_forks(child_pid);
		announce_fork(child_pid, parent, &new);
	}
	if (knob_follow)
		bpf_map_update_elem(&targets, &child_pid, &new, BPF_ANY);
	head_fill(&r.head, sizeof(r), WIRE_FORK);
	r.child = child_pid;
	bpf_ringbuf_output(&ring, &r, sizeof(r), 0);
	return 0;
}

/* What was told of the process is wrong now. */
static __always_inline void note_exec(__u32 pid, struct target *target)
{
	__u64 now = bpf_ktime_get_boot_ns();

	bpf_map_update_elem(&execs, &pid, &now, BPF_ANY);
	if (target)
		target->flags = 0;
	forget_told(pid);
}

/* sched_process_exec(task, old pid, bprm): the new program has not run yet. With -a every file that
 * has not been looked at is told. */
SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct linux_binprm *bprm = (void *)ctx->args[2];
	struct inode *inode = BPF_CORE_READ(bprm, file, f_inode);
	struct wire_exec r = {};
	struct file_id id = {};
	struct target *target;
	bool known;
	__u32 pid;

	target = current_target(&pid);
	if (knob_syscalls) {
		call_executed(ctx->args[1]);
		announce_forget(pid);
	}
	forget_context(pid);
	if (!target && !knob_adopt)
		return 0;
	note_exec(pid, target);
	r.dev = id.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	r.ino = id.ino = BPF_CORE_READ(inode, i_ino);
	known = bpf_map_lookup_elem(&known_files, &id) != 0;
	if (!target && known)
		return 0;
	/* What it is now, also if it raises no event and is gone in a moment. */
	if (target && knob_follow && !knob_adopt)
		introduce();
	head_fill(&r.head, sizeof(r), WIRE_EXEC);
	r.known = known;
	r.stopped = knob_stop_on_exec && !known;
	/* Stopped only when user space will hear of it. */
	if (!bpf_ringbuf_output(&ring, &r, sizeof(r), BPF_RB_FORCE_WAKEUP) && r.stopped) {
		held[pid % WIRE_HELD_SLOTS] = pid;
		bpf_send_signal(SIGSTOP);
	}
	return 0;
}

/* Probes that are put into one process are its first thread's, or those of the thread they were put
 * there by when that had ended, and go with it. */
static __always_inline void tell_thread(struct task_struct *task)
{
	struct wire_thread r = {};

	if (knob_adopt || !(BPF_CORE_READ(task, group_leader, flags) & PF_EXITING) ||
	    BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		return;
	head_fill(&r.head, sizeof(r), WIRE_THREAD);
	bpf_ringbuf_output(&ring, &r, sizeof(r), BPF_RB_FORCE_WAKEUP);
}

/* sched_process_exit(task): once for each thread; the process is gone with its last */
SEC("raw_tp/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	struct wire_exit r = {};
	struct target *target;
	__u32 pid;

	target = current_target(&pid);
	if (knob_syscalls) {
		call_forget();
		announce_forget(pid);
	}
	if (BPF_CORE_READ(task, signal, live.counter)) {
		if (target)
			tell_thread(task);
		return 0;
	}
	forget_context(pid);
	if (!target)
		return 0;
	bpf_map_delete_elem(&execs, &pid);
	head_fill(&r.head, sizeof(r), WIRE_EXIT);
	r.status = BPF_CORE_READ(task, signal, group_exit_code);
	if (!r.status)
		r.status = BPF_CORE_READ(task, exit_code);
	bpf_map_delete_elem(&targets, &pid);
	forget_told(pid);
	bpf_ringbuf_output(&ring, &r, sizeof(r), BPF_RB_FORCE_WAKEUP);
	return 0;
}

#endif
