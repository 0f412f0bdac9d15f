/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Several probes at one place: which hits are of one event. */
#ifndef PYAUDIT_BPF_HITS_H
#define PYAUDIT_BPF_HITS_H

#define NO_PROBE 0xffffffff

/* A thread's last event at a probe that may have a twin, and the first two probes it has met. */
struct hit {
	__u64 ip, sp;
	__u32 first, second; /* numbers of probes; NO_PROBE: none yet */
};

/*
 * The probes of a place run one after the other, in an order that does not change (oldest first or
 * newest first, by the kernel's version). So a hit at the same instruction and stack as the
 * thread's last one, but by another probe, is the same event; by the same probe it is the next.
 *
 * Probes go away, and when the one that came first does, no hit of it begins the next event. Then
 * the one that came second does, and where that is not known (a thread that had its last event
 * before the second came, or where newer ones come before the first), any does once the first is
 * known to have gone: first_gone. Until that is, some milliseconds, an event of such a thread can
 * be missed.
 */
static __always_inline bool hit_is_same_event(struct hit *last, const struct hit *now,
					      bool first_gone)
{
	if (last->ip != now->ip || last->sp != now->sp || last->first == now->first ||
	    last->second == now->first || first_gone) {
		*last = *now;
		return false;
	}
	if (last->second == NO_PROBE)
		last->second = now->first;
	return true;
}

#endif
