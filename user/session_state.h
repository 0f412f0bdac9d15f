/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of a session share: session.c (the run), session_records.c (records in and out)
 * and session_targets.c (what is traced). */
#ifndef PYAUDIT_SESSION_STATE_H
#define PYAUDIT_SESSION_STATE_H

#include "decode/stack.h"
#include "decode/wire_decode.h"
#include "enrich/correlate.h"
#include "enrich/explain.h"
#include "enrich/lineage.h"
#include "enrich/process.h"
#include "enrich/thread_context.h"
#include "images.h"
#include "live_filter.h"
#include "session.h"
#include "shed.h"
#include "sink/folded.h"
#include "sink/exporters.h"
#include "sink/output.h"
#include "sink/summary.h"
#include "target/command.h"

struct session {
	const struct options *options;
	struct selection *selections[FILTERS]; /* which events pass; by half (live_filter.h) */
	unsigned int selection;		       /* the half in force */
	struct redactor *redactor;
	struct tracer *tracer;
	struct images *images;
	struct process_cache *processes;
	struct output *output;
	struct summary *summary;    /* -c; NULL otherwise */
	struct folded *folded;	    /* --format folded; NULL otherwise */
	struct stack_cache *stacks; /* -k; NULL otherwise */
	struct stack stack;	    /* of the event decoded last */
	struct discovery *discovery;
	struct contexts *contexts; /* of threads, OpenTelemetry's */
	struct shed *shed;	   /* --max-cpu; NULL otherwise */
	struct exporters *exporters;
	struct lineage *lineage;
	struct naming *naming;	       /* -f: programs that may have to be named */
	struct correlator *correlator; /* --syscalls; NULL otherwise */
	uint64_t undecodable_calls;
	struct session_metrics *metrics; /* --metrics; NULL otherwise */
	struct wire_decoder decoder;

	struct command command;
	int guard; /* descriptor; -1: none */
	bool command_exited;
	int command_status;

	uint64_t counted;      /* by -c or --format folded, and not yet the output's */
	uint64_t arg_filtered; /* by --arg, here */
	uint64_t over_count;   /* came after the last that --count asks for: filtered */
	uint64_t unread;       /* were in the ring when there was no more time */
	uint64_t undecodable, undecodable_told;
	uint64_t kernel_lost_told[WIRE_LOSS_MAX];
	uint32_t kernel_lost_head; /* the count in the last record's head */
	uint64_t audit_records;
	unsigned int ticks;
	uint64_t losses_at; /* when losses that are spread over many holes were told last: boot
			       clock */
	bool maybe_over, over;
};

/* With -f and -a probes stand in every process of a file, else only in the processes asked for. */
bool session_everywhere(const struct options *o);

/* Wall clock, ns. */
int64_t session_now(void);
/* Boot clock, ns. */
uint64_t session_boot_now(void);

/* Takes a record out of the ring: a tracer_record_fn; arg is the session. */
void session_on_record(const void *data, size_t size, void *arg);

/* Says in the stream what the kernel has lost since the last time. */
void session_tell_losses(struct session *s, int64_t time);
/* The same once a second for --rate and --max-cpu, which make very many small holes. */
void session_tell_spread_losses(struct session *s);
/* At the end: those that were left in the ring. */
void session_tell_unread(struct session *s);

void session_write(struct session *s, struct audit_event *event);

/* Is the record of what the process runs now out? */
bool session_told(const struct process_info *info);

/* The process record: what is known of a process and of how it is probed. from: its time and ids.
 */
void session_announce(struct session *s, struct process_info *info, const struct image_entry *image,
		      const struct audit_event *from);

/* All counters, as the summary tells them. */
void session_totals(const struct session *s, struct totals *totals);

/* Makes the exporters that the options ask for. 0, or negative after one line said why. */
int session_exports_open(struct session *s);
/* With -o SOCKET the first exporter is the output: sets what totals say of that. counted: events
 * delivered by other means. */
void session_exports_output(struct totals *totals, uint64_t counted);
/* Says on stderr what they have dropped. */
void session_exports_tell(struct session *s);

/* --metrics: counts what comes in, and answers who asks. All but the first do nothing where there
 * are none. 0, or negative after one line said why. */
int session_metrics_open(struct session *s);
void session_metrics_count(struct session *s, const struct audit_event *event);
void session_metrics_record(struct session *s); /* of any type, to the sinks */
void session_metrics_look(struct session *s);	/* before the ring is emptied */
void session_metrics_serve(struct session *s);
void session_metrics_close(struct session *s);

/* From when on the events of a process are seen, by the image of this probe: boot clock, ns; 0:
 * from its first one; now, if the image is not known. */
uint64_t session_seen_since(const struct session *s, pid_t pid, uint32_t probe);

/* An event goes out, with the system calls it led to. Returns its number in the output; 0 none. */
uint64_t session_event_out(struct session *s, const struct wire_audit *wire, size_t size,
			   const struct call_info *calls, size_t n_calls, size_t made);

/* A system call goes out by itself. event: what is said of it. */
void session_call_out(struct session *s, const struct wire_syscall *wire,
		      struct audit_event *event);

/* --syscalls: what joins events and calls. False without memory. The others do nothing without. */
bool session_calls_open(struct session *s);
void session_calls_poll(struct session *s, bool all);
void session_calls_totals(const struct session *s, struct totals *totals);

/* -f: programs that are no Python are named too, with -a they are too many. */
bool session_follows_programs(const struct options *o);

/* The process record of a program that is no Python and that an event has started, once; head: its
 * time and user. */
void session_name_child(struct session *s, struct process_info *info,
			const struct wire_header *head);

/* A traced process executes something: if it turns out to be no Python, it is named when it has run
 * a while. */
void session_naming_add(struct session *s, const struct wire_header *head);
void session_naming_poll(struct session *s);

/* A target has executed a file. */
void session_on_exec(struct session *s, const struct wire_exec *exec);

/* Looks at what came since the last time, and lets go what nobody needs any more. */
void session_discover(struct session *s);
void session_discover_exit(struct session *s, pid_t pid);
/* When a process began to run what it executed at a time (boot clock, ns): later, if it was held
 * for its probes. */
uint64_t session_runs_since(const struct session *s, pid_t pid, uint64_t exec);

struct discovery *session_discovery_new(void); /* NULL without memory */
void session_discovery_free(struct discovery *d);

/* Files of a process are put under probes: what session_add_file needs and finds out. */
struct session_add {
	struct session *s;
	pid_t pid;			   /* to attach in; -1 everywhere */
	pid_t user;			   /* the process that executes them */
	const struct image_entry *found;   /* the last CPython image met, */
	const struct image_entry *refused; /* or one that cannot be traced */
	bool publishes;			   /* a file exports thread contexts */
	char exe[256];
};
struct session_add session_add_for(struct session *s, pid_t pid);

/* A target_file_fn; arg is a struct session_add. */
int session_add_file(const struct target_file *file, void *arg);

#endif
