/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Audit events and the system calls they led to (--syscalls).
 *
 * An event that leads to a call is kept back until the call has returned, the thread has gone on to
 * its next event, or the time is over; then it goes out with what is known by then. What comes
 * later goes out by itself and names the event. A thread's events keep their order. A call that no
 * event and no rule explains goes out as unannounced.
 *
 * What is kept is bounded: a thread's last events, and so many events at once; when there are more,
 * the oldest goes out early.
 */
#ifndef PYAUDIT_CORRELATE_H
#define PYAUDIT_CORRELATE_H

#include "decode/audit_event.h"
#include "wire_syscall.h"

struct correlator;

struct correlate_ops {
	/* An event goes out: its record, as it came, and the system calls it led to: n_calls of
	 * those made. Returns its number in the output, 0 if it has none. */
	uint64_t (*event)(const struct wire_audit *wire, size_t size, const struct call_info *calls,
			  size_t n_calls, size_t made, void *arg);
	/* A system call goes out by itself. */
	void (*call)(const struct wire_syscall *wire, const struct call_info *call,
		     enum announced announced, const struct event_ref *after, void *arg);
	/* From when on the events of the process that a call is judged by are seen: boot clock, ns;
	 * 0: from its first one. */
	uint64_t (*seen_since)(const struct wire_syscall *wire, void *arg);
	void *arg;
};

/* wait_ns: how long an event may be kept back. NULL without memory. */
struct correlator *correlator_new(const struct correlate_ops *ops, uint64_t wait_ns);
void correlator_free(struct correlator *c);

/* Takes an event in; event: the record decoded, of which no value is looked at after the first op
 * is called. Ops are called for what may go out now. */
void correlate_event(struct correlator *c, const struct wire_audit *wire, size_t size,
		     const struct audit_event *event);

/* Takes in the record of a system call. 0, or -EBADMSG. */
int correlate_call(struct correlator *c, const struct wire_syscall *wire);

/* The process has ended, or is another now: what is kept of it goes out. */
void correlate_process_over(struct correlator *c, uint32_t pid);

/* What has waited long enough goes out; now: boot clock, ns. UINT64_MAX: everything. */
void correlate_poll(struct correlator *c, uint64_t now);

struct correlate_counts {
	uint64_t calls;	      /* taken in */
	uint64_t unannounced; /* told as such */
	uint64_t unjudged;    /* not told: an event that may have announced them was lost */
};
void correlate_counts(const struct correlator *c, struct correlate_counts *counts);

#endif
