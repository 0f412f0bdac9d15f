/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the kernel side keeps of each traced process: the values of the map `targets`, by thread
 * group id. User space only ever puts in zeros. */
#ifndef PYAUDIT_TARGET_STATE_H
#define PYAUDIT_TARGET_STATE_H

enum target_flags {
	TARGET_TOLD = 1,   /* user space knows what it is: a struct wire_process is in the ring */
	TARGET_PYTHON = 2, /* it has raised an audit event since it executed what it runs */
};

struct target {
	__u32 flags;	  /* enum target_flags */
	__u32 probe;	  /* with TARGET_PYTHON: that has seen its last event */
	__u64 paid_until; /* --rate: see bpf/rate.h; boot clock, ns */
};

#endif
