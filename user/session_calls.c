// SPDX-License-Identifier: GPL-2.0-only
/* --syscalls: events wait for the system calls they lead to, and calls for the events that explain
 * them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/explain.h"
#include "session_state.h"

/* Takes out of the arguments of an exec what nobody downstream may read. Returns what is to be
 * freed when the call is out. */
static char *redact_call(struct session *s, struct call_info *call)
{
	struct text *argv = &call->texts[1];
	size_t len = argv->len;
	char *copy;

	if (!call_executes(call) || !len)
		return NULL;
	copy = malloc(len);
	if (copy)
		copy = redact_cmdline(s->redactor, memcpy(copy, argv->data, len), &len,
				      call->text_cut[1]);
	*argv = (struct text){.data = copy, .len = copy ? len : 0};
	if (!copy)
		call->text_errors[1] = ENOMEM;
	return copy;
}

static uint64_t event_out(const struct wire_audit *wire, size_t size, const struct call_info *calls,
			  size_t n_calls, size_t made, void *arg)
{
	struct call_info copies[CALLS_MAX] = {0};
	char *texts[CALLS_MAX];
	uint64_t seq;
	size_t i;

	for (i = 0; i < n_calls; i++) {
		copies[i] = calls[i];
		texts[i] = redact_call(arg, &copies[i]);
	}
	seq = session_event_out(arg, wire, size, copies, n_calls, made);
	while (n_calls)
		free(texts[--n_calls]);
	return seq;
}

static void call_out(const struct wire_syscall *wire, const struct call_info *call,
		     enum announced announced, const struct event_ref *after, void *arg)
{
	struct call_info copy = *call;
	struct audit_event event = {
		.calls = &copy, .n_calls = 1, .announced = announced, .after = *after};
	char *text = redact_call(arg, &copy);

	session_call_out(arg, wire, &event);
	free(text);
}

static uint64_t seen_since(const struct wire_syscall *wire, void *arg)
{
	return session_seen_since(arg, wire->event_pid ?: wire->head.pid, wire->probe);
}

bool session_calls_open(struct session *s)
{
	const struct correlate_ops ops = {
		.event = event_out, .call = call_out, .seen_since = seen_since, .arg = s};

	if (!s->options->syscalls)
		return true;
	s->correlator = correlator_new(&ops, s->options->outcome_wait_ns);
	return s->correlator;
}

void session_calls_poll(struct session *s, bool all)
{
	if (s->correlator)
		correlate_poll(s->correlator, all ? UINT64_MAX : session_boot_now());
}

void session_calls_totals(const struct session *s, struct totals *totals)
{
	struct correlate_counts counts;

	if (!s->correlator)
		return;
	correlate_counts(s->correlator, &counts);
	totals->syscalls = true;
	totals->calls = counts.calls;
	totals->unannounced = counts.unannounced;
	totals->unjudged = counts.unjudged;
	totals->calls_lost = tracer_lost_calls(s->tracer) + s->undecodable_calls;
}
