/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * System calls on the wire: one record a watched call, written when it returns.
 *
 * Each names the audit event its thread raised last by that event's time, which no two events of a
 * thread share: user space joins what belongs together also where records between are lost.
 */
#ifndef PYAUDIT_WIRE_SYSCALL_H
#define PYAUDIT_WIRE_SYSCALL_H

#include "syscall_table.h"
#include "wire.h"

#define WIRE_MAX_CALL_TEXT                                                    \
	512 /* bytes of a path, a socket address, or the arguments of an exec \
	     */

#define WIRE_CALL_EVENT 64 /* bytes of an event's name, which may be cut */

/* Followed by the texts, each padded with zeros to a multiple of 8, and perhaps a struct
 * wire_stack. */
struct wire_syscall {
	struct wire_header head; /* time: when it was entered */
	__u64 duration;		 /* ns */
	__s64 ret;
	__u64 event;	 /* boot clock, ns: the last audit event; 0 none */
	__u32 event_pid; /* whose that was: of a child before its exec, */
	__u32 event_tid; /* the thread that made it */
	__u64 args[6];	 /* one that is a struct's address: the number that was asked for */
	__u16 nr;
	__u16 flags; /* enum wire_syscall_flags */
	__u16 text_len[CALL_TEXTS];
	__u16 text_error[CALL_TEXTS]; /* why a text is not there: a positive errno */
	__u16 text_cut;		      /* bit i: text i was longer */
	__u16 reserved;
	__u32 stack; /* offset of a struct wire_stack (wire_stack.h); 0: there is none */
	__u32 probe; /* of the last event: which image this is */
	__u32 child; /* thread group id of the process it made; 0 none */
	/* The thread's own numbers as such a call has them that names processes; 0 other calls. */
	__u32 ns_pid, ns_tid;
	__u32 reserved2;
	char event_name[WIRE_CALL_EVENT]; /* of the last event if that was not told; else empty */
};

enum wire_syscall_flags {
	WIRE_CALL_CHILD = 1,	 /* made between fork and exec */
	WIRE_CALL_UNCERTAIN = 2, /* an event of this thread was lost not long before */
	WIRE_CALL_LATE_TEXT = 4, /* a text could only be read when the call had returned */
	WIRE_CALL_UNSEEN = 8,	 /* made by a child whose own events are not told */
	WIRE_CALL_I386 = 16,	 /* by the 32-bit entry; its number and arguments are the other's */
};

#define WIRE_SYSCALL_ASSERTS _Static_assert(sizeof(struct wire_syscall) == 232, "wire_syscall")

#endif
