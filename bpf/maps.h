/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * All maps and counters.
 *
 * Hash maps are preallocated: before 6.1 (34dd3bad1a6f) the kernel warns, with a stack trace in its
 * log, of a tracing program that uses another kind. (So are `literals` there, see set_knobs in
 * user/kernel/tracer.c.)
 */
#ifndef PYAUDIT_BPF_MAPS_H
#define PYAUDIT_BPF_MAPS_H

#include "arg_rule.h"
#include "hits.h"
#include "named_types.h"
#include "scratch.h"
#include "target_state.h"
#include "otel_context.h"
#include "live_filter.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20); /* set at load */
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_IMAGES);
	__type(key, __u32);
	__type(value, struct image_config);
} images SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_PROBES);
	__type(key, __u32);
	__type(value, struct probe_config);
} probes SEC(".maps");

/*
 * Work areas. A per-CPU area would not do: since 6.0 uprobe programs are preempted (8c7dcb84e3b7),
 * and two would share it. Whoever captures an event pops the number of a free area and pushes it
 * back; the stack is in user space's hands only at load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 64); /* set at load, as that of `scratches` */
	__type(value, __u32);
} free_scratches SEC(".maps");

#define RELEASE_TRIES 8

/* The map's lock may be refused since 6.15 (resilient spin locks, kernel/bpf/queue_stack_maps.c),
 * where a processor of a virtual machine holds it that is not run. */
static __always_inline void scratch_release(__u32 slot)
{
	int i;

	for (i = 0; i < RELEASE_TRIES; i++)
		if (!bpf_map_push_elem(&free_scratches, &slot, BPF_ANY))
			break;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32); /* thread group id */
	__type(value, struct target);
} targets SEC(".maps");

/* When processes executed something (-a). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);   /* thread group id */
	__type(value, __u64); /* boot clock, ns */
} execs SEC(".maps");

struct file_id {
	__u64 dev, ino; /* kernel encoding */
};

/* Files that an exec need not be stopped for: already looked at. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct file_id);
	__type(value, __u8);
} known_files SEC(".maps");

/* The sys.audit() call a thread is in, as seen at sys_audit (see is_forwarded). */
struct pending {
	__u64 event;   /* address of the name's text; 0: it is not in UTF-8 yet, and */
	__u64 utf8_at; /* its address will be there */
	__u64 sp;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* pid_tgid */
	__type(value, struct pending);
} pendings SEC(".maps");

/* Filled only where programs may not sleep. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct literal_key);
	__type(value, struct literal_page);
} literals SEC(".maps");

/* Never changed once the probes of an image stand. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LITERAL_SLOTS);
	__type(key, __u32);
	__type(value, struct known_literal);
} known_literals SEC(".maps");

/* Processes that have been told, to spare a look into `targets`: by the last bits of their number.
 */
#define TOLD_SLOTS 1024

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TOLD_SLOTS);
	__type(key, __u32);
	__type(value, __u32); /* thread group id; 0 none */
} told SEC(".maps");

/* Processes that publish the context of their threads (trace.h), and whether there have been any.
 * Set by user space; a child has what its parent has. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* thread group id */
	__type(value, struct process_context);
} contexts SEC(".maps");

__u32 any_contexts;

/* include/named_types.h; never changed after the load */
struct type_name {
	char text[TYPE_NAME_KEY];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct type_name);
	__type(value, __u32); /* enum recipe */
} named_types SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* pid_tgid */
	__type(value, struct hit);
} hits SEC(".maps");

/* The filters (include/live_filter.h), and which is in force. */
struct live_filter filters[FILTERS];
__u32 filter_number;

/* -e: patterns in the order given, and the verdict on each name met so far. User space has put
 * those of the event table in, which must not be evicted: when it is full, further names are tried
 * each time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FILTERS *FILTER_PATTERNS);
	__type(key, __u32);
	__type(value, struct pattern);
} patterns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct name_key);
	__type(value, struct name_verdicts);
} verdicts SEC(".maps");

/* --comm and --cgroup: for names and for groups (by the id of their node) whether they pass, in bit
 * 0, and above it the number of the filter that says so. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__uint(key_size, WIRE_COMM_LEN);
	__type(value, __u64);
} comm_verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u64);
} group_verdicts SEC(".maps");

/* --arg */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FILTERS *MAX_ARG_RULES);
	__type(key, __u32);
	__type(value, struct arg_rule);
} arg_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FILTERS * 2048);
	__type(key, struct arg_place_key);
	__type(value, __u8);
} arg_places SEC(".maps");

/* Per CPU, and atomic all the same: a program can be preempted between load and store. */
struct counts {
	__u64 seen, filtered;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counts);
} counters SEC(".maps");

__u64 lost[WIRE_LOSS_MAX];

/* Processes that have been stopped in their exec, by the last bits of their number, until user
 * space has let them go on; 0 none. */
__u32 held[WIRE_HELD_SLOTS];

/* Events whose names are not VERDICT_LISTED are left out for now (--max-cpu). */
__u32 shed_unlisted;

#endif
