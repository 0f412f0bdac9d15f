// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system calls of the tracer, its exporters and the libraries they use. Three verdicts:
 *
 *   allowed   what is in the lists below.
 *   killed    what only an attacker would call here: the process ends at once.
 *   ENOSYS    the rest, noted in the kernel's log. A C library of tomorrow that tries a newer call
 *             falls back to an older one, as on an older kernel; a tracer that has run for months
 *             must not die of an upgrade.
 *
 * PYAUDIT_SECCOMP=log lets everything pass and notes it, to find what is missing here; =off leaves
 * the filter out.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "confine.h"

/* By name: a library that is older than a call does not know it, and then nothing can make it. */
static const char *const allowed[] = {
	/* files */
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"lseek",
	"close",
	"close_range",
	"open",
	"openat",
	"openat2",
	"stat",
	"fstat",
	"lstat",
	"newfstatat",
	"statx",
	"statfs",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents",
	"getdents64",
	"getcwd",
	"fcntl",
	"ioctl",
	"flock",
	"fadvise64",
	"dup",
	"dup2",
	"dup3",
	"pipe",
	"pipe2",
	"sendfile",
	"copy_file_range",
	"ftruncate",
	"fallocate",
	"fsync",
	"fdatasync",
	"sync_file_range",
	"rename",
	"renameat",
	"renameat2",
	"unlink",
	"unlinkat",
	"mkdir",
	"mkdirat",
	"rmdir",
	"fchmod",
	"fchown",
	"umask",
	"inotify_init1",
	"inotify_add_watch",
	"inotify_rm_watch",
	/* memory */
	"mmap",
	"munmap",
	"mprotect",
	"mremap",
	"madvise",
	"msync",
	"mincore",
	"brk",
	"memfd_create",
	"membarrier",
	"process_vm_readv",
	/* waiting */
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"eventfd",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	"signalfd",
	"signalfd4",
	"nanosleep",
	"clock_nanosleep",
	"futex",
	"futex_waitv",
	"restart_syscall",
	/* sockets */
	"socketpair",
	"connect",
	"bind",
	"listen",
	"accept",
	"accept4",
	"shutdown",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"getsockopt",
	"setsockopt",
	"getsockname",
	"getpeername",
	/* processes, and the threads in which libraries resolve names */
	"fork",
	"vfork",
	"exit",
	"exit_group",
	"wait4",
	"waitid",
	"kill",
	"tgkill",
	"tkill",
	"pidfd_open",
	"pidfd_send_signal",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"set_tid_address",
	"sched_yield",
	"sched_getaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"rt_sigtimedwait",
	"rt_sigsuspend",
	"sigaltstack",
	"prctl",
	"arch_prctl",
	"getpid",
	"gettid",
	"getppid",
	"getpgid",
	"getpgrp",
	"getsid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getgroups",
	"getresuid",
	"getresgid",
	"capget",
	"capset",
	"getpriority",
	"prlimit64",
	"getrlimit",
	"getrusage",
	"getcpu",
	/* time and the machine */
	"clock_gettime",
	"clock_getres",
	"gettimeofday",
	"time",
	"times",
	"sysinfo",
	"uname",
	"getrandom",
	/* what it is all for */
	"bpf",
	"perf_event_open",
};

/* COMMAND: the dynamic loader is asked which libraries a program takes, as its user. */
static const char *const allowed_exec[] = {
	"execve",    "execveat",  "setuid", "setgid", "setgroups",
	"setresuid", "setresgid", "chdir",  "setsid", "setpgid",
};

static const char *const killed[] = {
	"execve",	"execveat",
	"ptrace",	"process_vm_writev",
	"kcmp",		"init_module",
	"finit_module", "delete_module",
	"kexec_load",	"kexec_file_load",
	"reboot",	"mount",
	"umount2",	"move_mount",
	"open_tree",	"fsopen",
	"fsmount",	"mount_setattr",
	"pivot_root",	"chroot",
	"unshare",	"setns",
	"swapon",	"swapoff",
	"userfaultfd",	"open_by_handle_at",
	"iopl",		"ioperm",
	"acct",		"quotactl",
	"settimeofday", "clock_settime",
	"sethostname",	"setdomainname",
	"add_key",	"request_key",
	"keyctl",	"io_uring_setup",
	"personality",
};

static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK /* getaddrinfo */};

/* clone(2), where it makes a thread or a child and no namespace. */
#define NAMESPACES                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

static int add_all(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n)
{
	size_t i;
	int nr, err = 0;

	for (i = 0; i < n && !err; i++) {
		nr = seccomp_syscall_resolve_name(names[i]);
		if (nr != __NR_SCMP_ERROR)
			err = seccomp_rule_add(ctx, action, nr, 0);
	}
	return err;
}

#define ADD_ALL(ctx, action, names) add_all(ctx, action, names, sizeof(names) / sizeof(*(names)))

static int add_rules(scmp_filter_ctx ctx, bool exec)
{
	size_t i;
	int err = ADD_ALL(ctx, SCMP_ACT_ALLOW, allowed);

	for (i = 0; i < sizeof(families) / sizeof(*families) && !err; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, families[i], 0));
	/* The flags of clone3 are in memory, where no filter sees them: the C library takes clone
	 * when it gets ENOSYS. */
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				       (struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, NAMESPACES, 0});
	if (!err && exec)
		err = ADD_ALL(ctx, SCMP_ACT_ALLOW, allowed_exec);
	/* The first two are execve and execveat. */
	if (!err)
		err = exec ? add_all(ctx, SCMP_ACT_KILL_PROCESS, killed + 2,
				     sizeof(killed) / sizeof(*killed) - 2)
			   : ADD_ALL(ctx, SCMP_ACT_KILL_PROCESS, killed);
	return err;
}

static int load(bool exec, uint32_t rest)
{
	scmp_filter_ctx ctx = seccomp_init(rest);
	int err = ctx ? 0 : -ENOMEM;

	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	/* ENOSYS is noted too. */
	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	if (!err)
		err = rest == SCMP_ACT_LOG ? ADD_ALL(ctx, SCMP_ACT_ALLOW, allowed)
					   : add_rules(ctx, exec);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}

int confine_calls(bool exec)
{
	const char *mode = getenv("PYAUDIT_SECCOMP") ?: "";
	bool log = !strcmp(mode, "log");
	int err;

	if (!strcmp(mode, "off")) {
		log_info("system calls are not filtered: PYAUDIT_SECCOMP=off");
		return 0;
	}
	err = load(exec, log ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(ENOSYS));
	if (err == -EINVAL || err == -ENOSYS || err == -EFAULT) {
		log_warn("system calls are not filtered: %s; use a kernel built with "
			 "CONFIG_SECCOMP_FILTER",
			 strerror(-err));
		return 0;
	}
	if (err)
		log_error("system calls: cannot be filtered: %s; PYAUDIT_SECCOMP=off goes without",
			  strerror(-err));
	else
		log_info("system calls are %s", log ? "noted, not filtered" : "filtered");
	return err;
}
