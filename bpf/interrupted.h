/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * System calls that a signal interrupts.
 *
 * Such a call leaves with a code that no program ever sees (include/linux/errno.h): the kernel puts
 * EINTR in its place or makes the call again, as the signal's handler asks
 * (arch/x86/kernel/signal.c, handle_signal). So it is kept, as what it came to, until that is
 * known; what is made again is one call, which began when it was first made.
 */
#ifndef PYAUDIT_BPF_INTERRUPTED_H
#define PYAUDIT_BPF_INTERRUPTED_H

#define EINTR		      4
#define ERESTARTSYS	      512 /* again, where the handler has SA_RESTART */
#define ERESTARTNOINTR	      513 /* again */
#define ERESTART_RESTARTBLOCK 516 /* the last of them */
#define SA_RESTART	      0x10000000
#define SIG_IGN		      1 /* SIG_DFL is 0 */

static __always_inline bool is_interrupted(__s64 ret)
{
	return ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK;
}

/* Is a call the one that was interrupted, made again? */
static __always_inline bool is_made_again(const struct wire_syscall *c,
					  const struct wire_syscall *interrupted)
{
	int i;

	if (!is_interrupted(interrupted->ret) || interrupted->nr != c->nr)
		return false;
#pragma unroll
	for (i = 0; i < 6; i++)
		if (interrupted->args[i] != c->args[i])
			return false;
	return true;
}

/* What an interrupted call comes to when a handler is run: EINTR, or the code that says it is made
 * again. */
static __always_inline __s64 after_handler(__s64 ret, __u64 sa_flags)
{
	if (ret == -ERESTARTNOINTR || (ret == -ERESTARTSYS && sa_flags & SA_RESTART))
		return -ERESTARTNOINTR;
	return -EINTR;
}

#endif
