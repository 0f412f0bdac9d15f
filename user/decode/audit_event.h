/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decoded record: what enrichment completes and what sinks see, and nothing else.
 *
 * Strings are pointer and length. All text that comes from a traced process is raw: it may hold
 * NUL, control bytes and bad UTF-8; writers escape it.
 */
#ifndef PYAUDIT_AUDIT_EVENT_H
#define PYAUDIT_AUDIT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "event_table.h"
#include "syscall_table.h"
#include "wire.h"

/* Text as captured: UTF-8 (width 0) or code units of 1, 2 or 4 bytes, little endian. */
struct text {
	const void *data;
	uint32_t len; /* bytes */
	uint8_t width;
};

/*
 * One value. Values of an event lie in one array in pre-order: the children of values[i] follow it
 * and take up values[i].span places, so the next sibling is values + 1 + span.
 */
struct value {
	enum wire_value_kind kind;
	enum wire_status status;
	uint16_t aux;	   /* see enum wire_value_kind */
	uint32_t children; /* direct children that follow */
	uint32_t span;	   /* all values below this one */
	uint64_t num;	   /* see enum wire_value_kind and enum wire_status */
	struct text text;  /* payload */
};

static inline const struct value *value_next(const struct value *v)
{
	return v + 1 + v->span;
}

/* One frame of a Python call stack. Text is NULL when it is not known. */
struct stack_frame {
	struct text func, file; /* the qualified name where the version has it (3.11) */
	uint8_t func_cut, file_cut;
	int32_t line;	/* 0: not known */
	uint32_t error; /* why the frame is not known: a positive errno; 0 */
};

/* The innermost frame first. */
struct stack {
	uint32_t n_frames;
	bool cut;	/* there were more */
	uint32_t error; /* why not all is there: a positive errno; 0 */
	struct stack_frame frames[WIRE_MAX_FRAMES];
};

/* A watched system call. */
struct call_info {
	const struct call_row *row;
	uint64_t args[6]; /* the number asked for where the call takes a struct that holds it */
	struct text texts[CALL_TEXTS]; /* paths, argv, a raw socket address; in the row's order */
	uint16_t text_errors[CALL_TEXTS]; /* why a text is not there: a positive errno; 0 */
	bool text_cut[CALL_TEXTS];
	int64_t ret; /* as the kernel returned it */
	uint64_t ns; /* how long it took */
	uint32_t pid, tid;
	uint32_t ns_pid, ns_tid; /* the same as the process itself has them */
	uint32_t made;		 /* the process that a fork has made, as pid; 0 none */
	bool child;		 /* made between fork and exec */
	bool i386;		 /* by the 32-bit entry */
};

#define CALLS_MAX 16 /* of one event */

/* An audit event by its number in the output. */
struct event_ref {
	uint64_t seq;	  /* 0: none, or it was filtered out */
	const char *name; /* NULL: none */
};

/* Does an audit event explain a system call? */
enum announced {
	ANNOUNCED_NO,
	ANNOUNCED_YES,	 /* it is the outcome of an event that went out before */
	ANNOUNCED_NEVER, /* CPython has no event for such calls */
};

enum record_type {
	RECORD_AUDIT,
	RECORD_PROCESS,
	RECORD_EXIT,
	RECORD_SYSCALL,
	RECORD_LOST,
	RECORD_COUNT,
	RECORD_SUMMARY,
};

/* A traced process as the outside sees it. Strings are NUL-terminated and owned by the process
 * cache, NULL when not known; cmdline is the raw /proc content: arguments separated by NUL. */
struct process_info {
	uint32_t pid, ppid;
	uint32_t ns_pid;    /* its number in its own pid namespace; 0 not known */
	uint64_t start;	    /* when it was forked: boot clock, ns; 0 not known */
	int64_t started_ns; /* the same as wall clock, ns since the epoch */
	uint64_t exec;	    /* when it executed its file; 0 not known, or never */
	uint64_t told_exec; /* `exec` when its record was written; later ones are of what was before
			     */
	/* How long it had run, ns, before its events could be seen; 0: they are seen from its start
	 * or exec. Only when `probe` is known. */
	uint64_t unseen_ns;
	const char *exe, *cwd;
	const char *cmdline;
	size_t cmdline_len;
	const char *cgroup;    /* path in cgroup v2, or in v1 where only that is used */
	const char *container; /* 64 hexadecimal digits; NULL: in none */
	const char *pod;       /* UID of the Kubernetes pod */
	const char *unit;      /* systemd unit */
	/* Attributes it has told OpenTelemetry of itself, pairs: key, NUL, value, NUL, and so on;
	 * NULL: none, or not asked for. */
	const char *otel;
	size_t otel_len;
	const char *python;	    /* version: "3.11.2" */
	const char *build;	    /* "static executable", "libpython3.11.so.1.0"; NULL unknown */
	const char *probe;	    /* "uprobe" or "usdt" */
	const char *const *entries; /* entry points probed */
	size_t n_entries;
	const char *const *missed; /* phrases: what this coverage does not show */
	size_t n_missed;
	struct event_ref starter; /* the audit event that started it */
	bool named;		  /* it ran no CPython, and its record is out */
};

#define LOSS_REASONS_MAX 8
/* Why events were lost, by index; NULL-terminated. "ring", "scratch", "decode", "output", "rate",
 * "cpu". */
extern const char *const loss_reasons[];
enum loss_reason {
	LOSS_RING,
	LOSS_SCRATCH,
	LOSS_DECODE,
	LOSS_OUTPUT,
	LOSS_RATE,
	LOSS_CPU,
	LOSS_MAX
};

struct loss {
	enum loss_reason reason;
	uint64_t count;
};

/* What an exporter (sink/exporters.h) has done with the events it was given. */
#define EXPORTER_DROPS_MAX 8
struct exporter_drop {
	const char *reason;
	uint64_t count;
};

struct exporter_stats {
	const char *name;
	uint64_t delivered;
	struct exporter_drop drops[EXPORTER_DROPS_MAX];
	size_t n_drops;
	/* Of one that keeps events for its next run: those it found at its start, and those it has
	 * now. given + recovered = delivered + dropped + waiting. */
	bool keeps;
	uint64_t recovered, waiting;
	size_t queue_bytes, queue_max;
	bool up; /* the receiver was there when it was last asked */
};

struct totals {
	uint64_t seen, delivered, filtered;
	uint64_t lost[LOSS_MAX];
	const struct exporter_stats *exporters;
	size_t n_exporters;
	bool syscalls; /* they were watched; of them: */
	uint64_t calls, unannounced, unjudged, calls_lost;
};

struct audit_event {
	enum record_type type;
	struct timespec_ns {
		int64_t ns; /* since the epoch, wall clock at the probe */
	} time;
	uint32_t pid, tid, ppid,
		uid; /* of RECORD_AUDIT, _PROCESS, _EXIT, _SYSCALL; ppid 0: not known */
	char comm[WIRE_COMM_LEN + 1];

	/* RECORD_AUDIT */
	struct text name;
	char name_text[WIRE_MAX_NAME + 1]; /* the name as NUL-terminated UTF-8 for table look-up */
	uint64_t name_whole;		   /* of a name that is cut: its least length; else 0 */
	const struct event_row *row;	   /* NULL: an event the table does not know */
	const struct event_variant
		*variant;    /* argument names for this process's version; or NULL */
	bool no_args;	     /* arguments were not captured */
	uint16_t flags;	     /* WIRE_AUDIT_VALUES: why arguments may be missing */
	uint32_t version;    /* PY_VERSION_HEX of the process; 0 not known */
	uint32_t args_total; /* arguments the event had; more than n_args if cut */
	uint32_t n_args;     /* top-level values in values[] */
	uint32_t n_values;
	const struct value *values;
	const struct stack *stack;	/* NULL: not asked for, or not to be had in this process */
	const struct wire_trace *trace; /* the OpenTelemetry span it was raised in; NULL: none */

	/* RECORD_AUDIT: the system calls it led to. RECORD_SYSCALL: the call */
	const struct call_info *calls;
	size_t n_calls;
	size_t calls_made; /* more than n_calls if not all could be kept */
	/* RECORD_SYSCALL */
	enum announced announced;
	struct event_ref after; /* the event it is the outcome of, or the thread's last */

	/* RECORD_AUDIT, _PROCESS, _EXIT and _SYSCALL: of which process; NULL not known */
	const struct process_info *process;
	/* RECORD_EXIT: as wait(2) tells it */
	int status;
	/* RECORD_LOST */
	struct loss lost;
	/* RECORD_COUNT: how often the event name_text was raised (-c) */
	uint64_t count;
	/* RECORD_SUMMARY */
	struct totals totals;
};

#endif
