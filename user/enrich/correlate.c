// SPDX-License-Identifier: GPL-2.0-only
#include "enrich/correlate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "decode/wire_decode.h"
#include "enrich/databases.h"
#include "enrich/explain.h"
#include "enrich/forks.h"
#include "wire_syscall.h"

#define WINDOW	     8	   /* events of a thread that may explain a call */
#define THREADS_MAX  32768 /* of which something is kept */
#define THREAD_SLOTS 4096
#define HELD_MAX     (8u << 20) /* bytes of events kept back */

/* So long may a thread be in a call that it announced before its events were seen. */
#define START_NS 200000000ull

struct thread;

/* An event kept back. */
struct held {
	TAILQ_ENTRY(held) in_thread, in_all;
	struct thread *thread;
	struct known *known; /* NULL: it explains nothing, and waits for its turn only */
	struct wire_audit *wire;
	size_t size;
	uint64_t deadline;
	bool ready;
	struct wire_syscall *calls[CALLS_MAX];
	size_t n_calls, made;
};

/* An event of a thread's window. */
struct known {
	struct explainer e;
	struct held *held; /* NULL: it is out, or was filtered out */
	bool late;	   /* it went out before its outcome was known */
};

struct thread {
	TAILQ_ENTRY(thread) by_use;
	struct thread *next; /* in its slot */
	uint32_t tid, pid;
	struct known *window[WINDOW]; /* newest first */
	struct event_ref last;
	char own_name[WIRE_CALL_EVENT + 1]; /* of one that the table does not have */
	struct held *newest;		    /* the last event, while it is kept back */
	TAILQ_HEAD(, held) held;
};

struct correlator {
	struct correlate_ops ops;
	uint64_t wait;
	struct thread *slots[THREAD_SLOTS];
	TAILQ_HEAD(threads, thread) threads; /* used last: last */
	size_t n_threads;
	TAILQ_HEAD(, held) held; /* oldest first */
	size_t held_bytes;
	struct databases *databases;
	struct forks *forks;
	struct correlate_counts counts;
};

struct correlator *correlator_new(const struct correlate_ops *ops, uint64_t wait_ns)
{
	struct correlator *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ops = *ops;
	c->wait = wait_ns;
	TAILQ_INIT(&c->threads);
	TAILQ_INIT(&c->held);
	c->databases = databases_new();
	c->forks = forks_new();
	if (c->databases && c->forks)
		return c;
	correlator_free(c);
	return NULL;
}

/* --- threads --- */

static struct thread **slot_of(struct correlator *c, uint32_t tid)
{
	struct thread **t = &c->slots[tid % THREAD_SLOTS];

	while (*t && (*t)->tid != tid)
		t = &(*t)->next;
	return t;
}

/* The thread that a call is judged by: its own, of a child before its exec that which made it. The
 * number may have been another's before. NULL: nothing is known of it. */
static struct thread *thread_of(struct correlator *c, const struct wire_syscall *wire)
{
	struct thread *t = *slot_of(c, wire->event_tid ?: wire->head.tid);
	uint32_t pid = wire->event_tid ? wire->event_pid : wire->head.pid;

	return t && t->pid == pid ? t : NULL;
}

static void forget_known(struct known *k)
{
	if (!k)
		return;
	if (k->held) {
		k->held->known = NULL;
		k->held->ready = true;
	}
	explainer_free(&k->e);
	free(k);
}

static void flush_thread(struct correlator *c, struct thread *t, bool all);

static void thread_free(struct correlator *c, struct thread *t)
{
	int i;

	flush_thread(c, t, true);
	for (i = 0; i < WINDOW; i++)
		forget_known(t->window[i]);
	*slot_of(c, t->tid) = t->next;
	TAILQ_REMOVE(&c->threads, t, by_use);
	c->n_threads--;
	free(t);
}

static struct thread *thread_get(struct correlator *c, uint32_t tid, uint32_t pid)
{
	struct thread *t = *slot_of(c, tid);

	if (t && t->pid != pid) {
		thread_free(c, t);
		t = NULL;
	}
	if (t) {
		TAILQ_REMOVE(&c->threads, t, by_use);
		TAILQ_INSERT_TAIL(&c->threads, t, by_use);
		return t;
	}
	if (c->n_threads == THREADS_MAX)
		thread_free(c, TAILQ_FIRST(&c->threads));
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->tid = tid;
	t->pid = pid;
	TAILQ_INIT(&t->held);
	*slot_of(c, tid) = t;
	TAILQ_INSERT_TAIL(&c->threads, t, by_use);
	c->n_threads++;
	return t;
}

/* --- events kept back --- */

static void held_free(struct correlator *c, struct held *h)
{
	size_t i;

	for (i = 0; i < h->n_calls; i++)
		free(h->calls[i]);
	TAILQ_REMOVE(&h->thread->held, h, in_thread);
	TAILQ_REMOVE(&c->held, h, in_all);
	c->held_bytes -= h->size;
	free(h->wire);
	free(h);
}

/* The calls in the order they were made; they came as they returned, and vfork(2) only after the
 * child's exec. */
static void sort_calls(struct held *h)
{
	size_t i, j;

	for (i = 1; i < h->n_calls; i++) {
		struct wire_syscall *call = h->calls[i];

		for (j = i; j && h->calls[j - 1]->head.time > call->head.time; j--)
			h->calls[j] = h->calls[j - 1];
		h->calls[j] = call;
	}
}

static void release(struct correlator *c, struct held *h)
{
	struct call_info calls[CALLS_MAX];
	struct thread *t = h->thread;
	uint64_t seq;
	size_t i;

	sort_calls(h);
	for (i = 0; i < h->n_calls; i++)
		wire_decode_syscall(h->calls[i], &calls[i]);
	seq = c->ops.event(h->wire, h->size, calls, h->n_calls, h->made, c->ops.arg);
	if (h->known) {
		h->known->e.ref.seq = seq;
		h->known->held = NULL;
		h->known->late = !h->ready;
	}
	if (t->newest == h) {
		t->newest = NULL;
		t->last.seq = seq;
	}
	held_free(c, h);
}

/* What is ready goes out, in the order it came; or all. */
static void flush_thread(struct correlator *c, struct thread *t, bool all)
{
	struct held *h;

	while ((h = TAILQ_FIRST(&t->held)) && (all || h->ready))
		release(c, h);
}

/* Keeps an event back; where that cannot be, all of its thread goes out and it at once. */
static void hold(struct correlator *c, struct thread *t, struct known *k,
		 const struct wire_audit *wire, size_t size)
{
	struct held *h = calloc(1, sizeof(*h));

	if (h)
		h->wire = malloc(size);
	if (!h || !h->wire) {
		free(h);
		flush_thread(c, t, true);
		t->last.seq = c->ops.event(wire, size, NULL, 0, 0, c->ops.arg);
		return;
	}
	memcpy(h->wire, wire, size);
	h->size = size;
	h->thread = t;
	h->known = k;
	h->ready = !k;
	h->deadline = wire->head.time + c->wait;
	if (k)
		k->held = h;
	t->newest = h;
	TAILQ_INSERT_TAIL(&t->held, h, in_thread);
	TAILQ_INSERT_TAIL(&c->held, h, in_all);
	c->held_bytes += size;
	while (c->held_bytes > HELD_MAX)
		flush_thread(c, TAILQ_FIRST(&c->held)->thread, true);
}

/* The thread has come to its next event: what it did before has returned, but for children that
 * have not executed yet. */
static void moved_on(struct thread *t)
{
	struct held *h;

	TAILQ_FOREACH(h, &t->held, in_thread)
	if (!h->known || h->known->e.mode != EXPLAIN_PROGRAM)
		h->ready = true;
}

/* --- events --- */

static struct known *window_add(struct correlator *c, struct thread *t,
				const struct audit_event *event, uint64_t time)
{
	struct known *k = calloc(1, sizeof(*k));

	if (k && !explainer_init(&k->e, event, time)) {
		free(k);
		k = NULL;
	}
	if (!k)
		return NULL;
	forget_known(t->window[WINDOW - 1]);
	memmove(t->window + 1, t->window, (WINDOW - 1) * sizeof(t->window[0]));
	t->window[0] = k;
	if (!strcmp(k->e.row->name, "sqlite3.connect") && k->e.n_texts)
		databases_add(c->databases, t->pid, k->e.texts + k->e.text_at[0], k->e.text_len[0]);
	return k;
}

static void name_last(struct thread *t, const struct audit_event *event)
{
	memcpy(t->own_name, event->name_text, WIRE_CALL_EVENT);
	t->last = (struct event_ref){.name = event->row ? event->row->name : t->own_name};
}

/* An event that explains calls is kept back, and one whose thread has others waiting. */
void correlate_event(struct correlator *c, const struct wire_audit *wire, size_t size,
		     const struct audit_event *event)
{
	struct thread *t = thread_get(c, event->tid, event->pid);
	struct known *k = NULL;

	if (!t) {
		c->ops.event(wire, size, NULL, 0, 0, c->ops.arg);
		return;
	}
	/* First, while its values are there: letting others out decodes them in the same place. */
	if (explain_mode_of(event->row) != EXPLAIN_NOTHING)
		k = window_add(c, t, event, wire->head.time);
	moved_on(t);
	flush_thread(c, t, false);
	name_last(t, event);
	t->newest = NULL;
	if (event->flags & WIRE_AUDIT_FILTERED)
		return;
	if (k || !TAILQ_EMPTY(&t->held))
		hold(c, t, k, wire, size);
	else
		t->last.seq = c->ops.event(wire, size, NULL, 0, 0, c->ops.arg);
}

/* --- calls --- */

/* Takes note that an event has explained a call. Returns true when no more are to come. One that a
 * signal interrupted is made again (PEP 475), unless the signal's handler raises. */
static bool consume(struct explainer *e, const struct call_info *call)
{
	if (call->ret == -EINTR)
		return false;
	e->used++;
	if (call_makes_process(call)) {
		e->forked = true;
		e->executed |= call->ret < 0;
	}
	if (call_executes(call))
		e->executed = call->ret >= 0;
	switch (e->mode) {
	case EXPLAIN_PROGRAM: return e->forked && e->executed;
	case EXPLAIN_LOOKUP: return false;
	default: return true;
	}
}

static void keep_call(struct held *h, const struct wire_syscall *wire)
{
	struct wire_syscall *copy;

	h->made++;
	if (h->n_calls == CALLS_MAX)
		return;
	copy = malloc(wire->head.size);
	if (!copy)
		return;
	memcpy(copy, wire, wire->head.size);
	h->calls[h->n_calls++] = copy;
}

/* Gives the call to the event that explains it. */
static void attach(struct correlator *c, struct known *k, const struct wire_syscall *wire,
		   const struct call_info *call)
{
	bool done = consume(&k->e, call);

	if (k->e.mode == EXPLAIN_PROCESS && call->made)
		forks_announce(c->forks, call->made);
	if (k->held) {
		keep_call(k->held, wire);
		k->held->ready |= done;
	} else if (k->late && k->e.ref.seq) {
		c->ops.call(wire, call, ANNOUNCED_YES, &k->e.ref, c->ops.arg);
	}
}

/* subprocess.Popen() is followed by os.posix_spawn() and the like: what they lead to is the outcome
 * of both. */
static bool attach_to_window(struct correlator *c, struct thread *t,
			     const struct wire_syscall *wire, const struct call_info *call)
{
	bool found = false;
	int i;

	for (i = 0; t && i < WINDOW && t->window[i]; i++) {
		struct known *k = t->window[i];

		if ((found && k->e.mode != EXPLAIN_PROGRAM) || !explains(&k->e, call))
			continue;
		attach(c, k, wire, call);
		found = true;
		if (k->e.mode != EXPLAIN_PROGRAM)
			break;
	}
	if (found)
		flush_thread(c, t, false);
	return found;
}

static const char *explained_by_rule(const struct correlator *c, const struct thread *t,
				     const struct call_info *call)
{
	const struct explainer *events[WINDOW];
	struct explain_context context = {.events = events};

	while (t && context.n_events < WINDOW && t->window[context.n_events]) {
		events[context.n_events] = &t->window[context.n_events]->e;
		context.n_events++;
	}
	context.databases = databases_of(c->databases, call->pid, &context.n_databases);
	return explain_rule(call, &context);
}

static void unannounced(struct correlator *c, const struct wire_syscall *wire,
			const struct call_info *call, enum announced announced)
{
	struct thread *t = thread_of(c, wire);
	struct event_ref after = {0};
	char name[WIRE_CALL_EVENT + 1];

	/* The event it came after gets its number. */
	if (t)
		flush_thread(c, t, true);
	if (t)
		after = t->last;
	/* One that was filtered out has none. */
	if (*wire->event_name) {
		snprintf(name, sizeof(name), "%.*s", WIRE_CALL_EVENT, wire->event_name);
		after = (struct event_ref){.name = name};
	}
	c->counts.unannounced += announced == ANNOUNCED_NO;
	c->ops.call(wire, call, announced, &after, c->ops.arg);
}

/* --- processes made without an event --- */

/* Nothing has explained it. Takes it over. */
static void fork_tell(struct correlator *c, struct wire_syscall *wire)
{
	struct call_info call;

	if (!wire_decode_syscall(wire, &call))
		unannounced(c, wire, &call, ANNOUNCED_NO);
	free(wire);
}

/* What the child executes was explained by a rule, or it was not. */
static void fork_join(struct correlator *c, uint32_t child, bool explained)
{
	struct wire_syscall *wire;

	while ((wire = forks_take_child(c->forks, child)))
		if (explained)
			free(wire);
		else
			fork_tell(c, wire);
	if (explained)
		forks_explain(c->forks, child);
}

/* Of a thread that has ended with its process nothing is kept: its last call may come after the
 * process's end. */
static bool is_of_the_gone(struct correlator *c, const struct wire_syscall *wire)
{
	return wire->event && wire->event_pid == wire->head.pid && !thread_of(c, wire);
}

/* Is it made by a child of os.fork(), whose events are not told? It may have announced it. The call
 * that made the child may return later. */
static bool is_of_the_unseen(struct correlator *c, const struct wire_syscall *wire)
{
	const struct thread *t = thread_of(c, wire);
	int i;

	if (!(wire->flags & WIRE_CALL_UNSEEN))
		return false;
	for (i = 0; t && i < WINDOW && t->window[i]; i++)
		if (t->window[i]->e.mode == EXPLAIN_PROCESS && !t->window[i]->e.forked)
			return true;
	return forks_announced(c->forks, wire->head.pid);
}

/* Is it made by a thread of which no event is known, but may have been raised before they were? */
static bool is_of_the_beginning(struct correlator *c, const struct wire_syscall *wire)
{
	uint64_t since = wire->event ? 0 : c->ops.seen_since(wire, c->ops.arg);

	return since && wire->head.time < since + START_NS;
}

/* A call that nothing explains. */
static void judge(struct correlator *c, const struct wire_syscall *wire,
		  const struct call_info *call)
{
	switch (call->row->class) {
	case CALL_ACT: unannounced(c, wire, call, ANNOUNCED_NEVER); return;
	case CALL_ANNOUNCED: break;
	default: return;
	}
	if (wire->flags & WIRE_CALL_UNCERTAIN || is_of_the_gone(c, wire) ||
	    is_of_the_unseen(c, wire) || is_of_the_beginning(c, wire)) {
		c->counts.unjudged++;
		return;
	}
	if (call->child && call_executes(call))
		fork_join(c, call->pid, false);
	if (call_makes_process(call) && call->ret > 0) {
		if (forks_explained(c->forks, call->made) ||
		    forks_keep(c->forks, wire, wire->head.time + wire->duration + c->wait))
			return;
	}
	unannounced(c, wire, call, ANNOUNCED_NO);
}

int correlate_call(struct correlator *c, const struct wire_syscall *wire)
{
	struct thread *t = thread_of(c, wire);
	struct call_info call;

	if (wire_decode_syscall(wire, &call))
		return -EBADMSG;
	c->counts.calls++;
	if (attach_to_window(c, t, wire, &call))
		return 0;
	if (!explained_by_rule(c, t, &call)) {
		judge(c, wire, &call);
		return 0;
	}
	databases_learn(c->databases, &call);
	if (call.child && call_executes(&call))
		fork_join(c, call.pid, true);
	return 0;
}

void correlate_process_over(struct correlator *c, uint32_t pid)
{
	struct thread *t = TAILQ_FIRST(&c->threads), *next;
	struct wire_syscall *wire;

	while ((wire = forks_take_of(c->forks, pid)))
		fork_tell(c, wire);
	for (; t; t = next) {
		next = TAILQ_NEXT(t, by_use);
		if (t->pid == pid)
			thread_free(c, t);
	}
	databases_forget(c->databases, pid);
}

void correlate_poll(struct correlator *c, uint64_t now)
{
	struct wire_syscall *wire;
	struct held *h;

	while ((h = TAILQ_FIRST(&c->held)) && h->deadline <= now) {
		struct thread *t = h->thread;
		struct held *first;

		/* Those before it in its thread are older. */
		while ((first = TAILQ_FIRST(&t->held)) && first->deadline <= now)
			release(c, first);
		flush_thread(c, t, false);
	}
	while ((wire = forks_take_due(c->forks, now)))
		fork_tell(c, wire);
}

void correlate_counts(const struct correlator *c, struct correlate_counts *counts)
{
	*counts = c->counts;
}

void correlator_free(struct correlator *c)
{
	if (!c)
		return;
	while (!TAILQ_EMPTY(&c->threads))
		thread_free(c, TAILQ_FIRST(&c->threads));
	databases_free(c->databases);
	forks_free(c->forks);
	free(c);
}
