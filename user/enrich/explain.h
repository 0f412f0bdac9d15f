/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which audit events explain which system calls.
 *
 * An event explains a call that its row of the table (events.def) names, if every path of the call
 * is among the event's texts, and what it acts on (a descriptor, a port, a process) among its
 * numbers; and only once: an event is one act. CPython's own unannounced calls are explained by
 * rules (explain.def).
 */
#ifndef PYAUDIT_EXPLAIN_H
#define PYAUDIT_EXPLAIN_H

#include "decode/audit_event.h"

/* How an event and its system calls go together. */
enum explain_mode {
	EXPLAIN_NOTHING, /* it leads to no watched call itself */
	EXPLAIN_ONE,	 /* to one, at once */
	EXPLAIN_LOOKUP,	 /* to any number, before the thread goes on */
	EXPLAIN_PROCESS, /* to a new process */
	EXPLAIN_PROGRAM, /* to a new process that executes something */
};

#define EXPLAIN_TEXTS	8
#define EXPLAIN_NUMBERS 12

/* What is kept of an event for the calls to come. */
struct explainer {
	const struct event_row *row;
	enum explain_mode mode;
	uint64_t time; /* boot clock, ns: names it among its thread's */
	struct event_ref ref;
	char *texts; /* one behind the other; owned */
	uint16_t text_at[EXPLAIN_TEXTS], text_len[EXPLAIN_TEXTS];
	bool text_cut[EXPLAIN_TEXTS]; /* there was more */
	uint8_t n_texts, n_numbers;
	bool any_text; /* its texts could not be read, or were not asked for */
	bool here;     /* an argument is None: the directory one is in */
	int64_t numbers[EXPLAIN_NUMBERS];
	unsigned int used;     /* calls it has explained */
	bool forked, executed; /* EXPLAIN_PROCESS, EXPLAIN_PROGRAM: what has been seen */
};

bool call_makes_process(const struct call_info *call);
bool call_executes(const struct call_info *call);

enum explain_mode explain_mode_of(const struct event_row *row);

/* May an event explain calls, itself or by a rule? Such are told by the kernel side though filtered
 * out. */
bool explain_matters(const struct event_row *row);

/* Fills *e from an event whose row is known. False without memory. Freed by explainer_free. */
bool explainer_init(struct explainer *e, const struct audit_event *event, uint64_t time);
void explainer_free(struct explainer *e);

/* Does the event explain the call? Nothing is changed. */
bool explains(const struct explainer *e, const struct call_info *call);

/* What a rule may ask about the thread that made a call. */
struct explain_context {
	/* The thread's last, newest first; of a child before its exec those of its parent. */
	const struct explainer *const *events;
	size_t n_events;
	const char *const *databases; /* names of files given to sqlite3.connect() */
	size_t n_databases;
};

/* The reason of the rule that explains a call no event does; NULL: none does. */
const char *explain_rule(const struct call_info *call, const struct explain_context *context);

#endif
