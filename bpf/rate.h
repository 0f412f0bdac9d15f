/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * --rate: events a second of one process. A token bucket that holds the tokens of one second, kept
 * as a time: each event is paid for with 1/rate seconds, and may be paid for up to a second ahead.
 * Threads of a process may write it at once; then an event too many passes. The counts are exact.
 */
#ifndef PYAUDIT_BPF_RATE_H
#define PYAUDIT_BPF_RATE_H

#define SECOND 1000000000ull

/* Whether the process may send another event; if not, that is counted. interval: as a filter has
 * it. */
static __always_inline bool rate_allows(__u64 interval)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct target *target = bpf_map_lookup_elem(&targets, &pid);
	__u64 now = bpf_ktime_get_boot_ns(), until;

	if (!target)
		return true;
	until = target->paid_until < now ? now : target->paid_until;
	until += interval;
	if (until - now > SECOND && until - now > interval) {
		__sync_fetch_and_add(&lost[WIRE_LOSS_RATE], 1);
		return false;
	}
	target->paid_until = until;
	return true;
}

#endif
