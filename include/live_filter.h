/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What decides which events pass. It may change while tracing goes on, and then all of it at once:
 * there are two of everything, one in force and one that user space fills in. Filters are numbered;
 * number n is in half n & 1, and `filter_number` (bpf/maps.h) is the one in force. A program reads
 * that once an event and keeps to it, so each event is judged by one filter and counted once.
 *
 * Verdicts that are remembered say which filter they are of.
 */
#ifndef PYAUDIT_LIVE_FILTER_H
#define PYAUDIT_LIVE_FILTER_H

#include "name_verdict.h"

#define FILTERS 2

struct live_filter {
	__u64 cgroup_id;
	__u64 rate_interval; /* of a process an event in this many ns is sent on average; 0: all */
	__u32 uid;
	__s32 cgroup_subsys; /* enum cgroup_subsys_id: -1 for v2, else the hierarchy of v1 with it
			      */
	__u32 patterns;	     /* how many there are in its half of `patterns`, */
	__u32 arg_rules;     /* and of `arg_rules` */
	__u8 by_name;	     /* events pass or not by their name; else all do */
	__u8 default_pass;   /* the verdict on a name that no pattern matches */
	__u8 by_uid, by_comm, by_cgroup;
	__u8 args; /* arguments are captured, if at all (knob_args) */
	__u8 reserved[2];
};

/* The value of the map `verdicts`, by name. User space tells those of the event table for both
 * filters; another name's is of the filter that found it out. */
struct name_verdicts {
	__u32 number;	  /* of that filter */
	__u8 of[FILTERS]; /* enum verdict */
	__u8 reserved[2];
};

#endif
