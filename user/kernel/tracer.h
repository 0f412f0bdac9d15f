/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF programs in the kernel: load them, put probes on images, take records out of the ring,
 * count what was lost. The only part of the program that knows libbpf.
 */
#ifndef PYAUDIT_TRACER_H
#define PYAUDIT_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/types.h>

#include "arg_rule.h"
#include "python/py_image.h"
#include "otel_context.h"
#include "wire.h"

struct tracer_pattern {
	const char *glob; /* at most TRACER_PATTERN_MAX bytes */
	bool exclude;
};

#define TRACER_PATTERNS_MAX 64
#define TRACER_PATTERN_MAX  127

/* Where events of the table have the argument a rule is about. */
struct tracer_arg_place {
	const char *event;
	uint32_t rule;
	uint8_t place; /* or ARG_PLACE_UNKNOWN */
};

/* Which processes events are taken from; all conditions that are set must hold. */
struct tracer_narrow {
	bool by_uid, by_cgroup;
	uint32_t uid;
	const char *comm;	/* glob over the name of the thread or of its process; NULL: any */
	uint64_t cgroup_id;	/* the group with this number, or below it, */
	const char *controller; /* in the v1 hierarchy that has this controller; "": in v2 */
};

/* Which events pass. */
struct tracer_filter {
	bool by_name;	   /* by the names and patterns below; else all do */
	bool default_pass; /* what becomes of a name that nothing below matches */
	const struct tracer_pattern *patterns; /* the last that matches decides */
	size_t n_patterns;
	/* Events by name whose verdict need not be searched for in the kernel. */
	const char *const *names;
	const bool *names_pass;
	const bool *names_explain; /* with syscalls, told though filtered out */
	size_t n_names;
	struct tracer_narrow narrow;
	uint64_t rate; /* events a second of one process; 0: no limit */
	bool args;     /* arguments are captured, if tracer_options says so, too */
	const struct arg_rule *arg_rules;
	size_t n_arg_rules;
	const struct tracer_arg_place *arg_places;
	size_t n_arg_places;
};

enum tracer_syscalls {
	TRACER_SYSCALLS_NONE,
	TRACER_SYSCALLS_EVENTS, /* those that CPython has audit events for */
	TRACER_SYSCALLS_ALL,	/* also acts it has none for */
};

struct tracer_options {
	bool targets_only; /* trace only processes given by tracer_add_target, and with `follow`
			      their children */
	bool everywhere;   /* probes go into every process of a file, whatever pid is given */
	bool adopt;	   /* every process that raises an event becomes a target */
	bool follow;	   /* children of targets become targets */
	bool stop_on_exec; /* stop a target that executes a file not told by tracer_know_file */
	bool args;	   /* capture arguments */
	enum tracer_syscalls syscalls;
	uint32_t string_limit;
	uint32_t stack_depth; /* frames of a Python call stack, at most WIRE_MAX_FRAMES; 0 none */
	uint64_t buffer_size;
	bool shed; /* tracer_shed will be used; then filters are to be `by_name` */
	const struct tracer_filter *filter;
};

struct tracer;

/* Loads the programs. NULL with errno set after one line said why (missing capability, no BTF,
 * kernel too old or locked down). Freed by tracer_free. The filter stays the caller's, and must be
 * there until another takes its place. */
struct tracer *tracer_new(const struct tracer_options *options);

/* Puts a filter in the place of the one there is, for all of it at once: each event is judged by
 * the one or the other. The names must be those of the first. Returns 0, or a negative errno (not
 * reported), and then nothing has changed. */
int tracer_set_filter(struct tracer *t, const struct tracer_filter *filter);

/* Loads the programs of all kinds of probes now, so that a probe that is wanted later is there at
 * once. */
void tracer_prepare(struct tracer *t);

/* Puts the probes of a choice on the image in the open file fd: in process pid only, or in every
 * process with pid -1. Attaching again to the same image for another pid reuses what is known of
 * it. twin: it may be another's twin, see tracer_mark_twin. On failure nothing is left attached.
 * Returns the image's number, or a negative errno (not reported). */
int tracer_attach(struct tracer *t, int fd, const struct py_image *image,
		  enum py_probe_choice choice, pid_t pid, bool twin);

/* Puts the probes of an image that tracer_attach numbered into another process. 0 or a negative
 * errno. */
int tracer_attach_pid(struct tracer *t, int image, pid_t pid);

/* Takes the probes of an image away everywhere. Its records may still be in the ring. */
void tracer_detach_image(struct tracer *t, int image);

/* Once these are consumed: the image's number and those of its probes may be used again. */
void tracer_release_image(struct tracer *t, int image);

/* Says that an image's probes may stand at the places of another's: two files that may be one
 * underneath. */
int tracer_mark_twin(struct tracer *t, int image);

/* What the file of an open descriptor is underneath, where uprobes go: files for which this is the
 * same, while both are open, are one. 0: the kernel does not tell. */
uint64_t tracer_file_inode(struct tracer *t, int fd);

/* Which image and which entry a probe number in a record stands for; -1 if there is no such probe.
 */
int tracer_probe_image(const struct tracer *t, uint32_t probe);

int tracer_add_target(struct tracer *t, pid_t pid);
void tracer_drop_target(struct tracer *t, pid_t pid);
bool tracer_is_target(const struct tracer *t, pid_t pid);
bool tracer_has_targets(const struct tracer *t);

/* With stop_on_exec: the processes that are stopped now, WIRE_HELD_SLOTS numbers of which most are
 * 0, in memory that is shared with processes forked from this one; and letting one go on. */
const uint32_t *tracer_held(const struct tracer *t);
void tracer_let_go(struct tracer *t, pid_t pid);

/* Leaves the events of a name out, or no longer; what is left out counts as lost (WIRE_LOSS_CPU).
 * NULL: of all names that the filter did not give. */
void tracer_shed(struct tracer *t, const char *name, bool out);

/* Where a process publishes the contexts of its threads (otel_context.h); n 0: nowhere any more.
 */
void tracer_set_context(struct tracer *t, pid_t pid, const struct process_context *context);

/* A file as struct wire_exec names it need not be stopped for any more. */
int tracer_know_file(struct tracer *t, uint64_t dev, uint64_t ino);

/* A code object (struct wire_code) is not known here any more: what refers to it from now on comes
 * after it has been sent again. */
void tracer_forget_code(struct tracer *t, pid_t pid, uint64_t code);

/* Are probes put through perf events, which takes CAP_SYS_ADMIN? */
bool tracer_uses_perf(const struct tracer *t);

/* Readable when the ring is filling up; what is in it must be asked for now and then all the same.
 */
int tracer_fd(const struct tracer *t);

/* Calls fn for the records in the ring, at most TRACER_BATCH of them, so that a flood does not keep
 * the caller from its other duties. Returns their number or a negative errno. */
#define TRACER_BATCH 8192
typedef void (*tracer_record_fn)(const void *data, size_t size, void *arg);
int tracer_consume(struct tracer *t, tracer_record_fn fn, void *arg);

/* How full the ring is: bytes of records in it now, and those there is room for. The first is 0
 * where the kernel does not let it be looked at. */
struct tracer_ring {
	uint64_t used, size;
};
void tracer_ring_fill(const struct tracer *t, struct tracer_ring *fill);

/* Takes all probes away; records already in the ring can still be consumed. */
void tracer_detach(struct tracer *t);

struct tracer_counts {
	uint64_t seen, filtered, lost[WIRE_LOSS_MAX];
};
void tracer_counts(const struct tracer *t, struct tracer_counts *counts);

/* System calls whose record was lost in the kernel. */
uint64_t tracer_lost_calls(const struct tracer *t);

void tracer_free(struct tracer *t);

#endif
