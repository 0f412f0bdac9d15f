// SPDX-License-Identifier: GPL-2.0-only
/* The JSON lines format. Keys and their order are a contract: scripts read this. */
#include <string.h>
#include <sys/wait.h>

#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/json.h"
#include "sink/sink.h"

/* Members of the records: all but the first begin with their comma. */

static void write_string(struct buf *out, const char *key, const char *value)
{
	if (!value)
		return;
	buf_str(out, key);
	json_cstr(out, value);
}

static void write_strings(struct buf *out, const char *key, const char *const *list, size_t n)
{
	size_t i;

	buf_str(out, key);
	for (i = 0; i < n; i++) {
		buf_char(out, i ? ',' : '[');
		json_cstr(out, list[i]);
	}
	buf_str(out, n ? "]" : "[]");
}

static void write_number(struct buf *out, const char *key, uint64_t value)
{
	buf_str(out, key);
	buf_u64(out, value);
}

static void write_process_ids(struct buf *out, const struct audit_event *event)
{
	write_number(out, ",\"pid\":", event->pid);
	if (event->type == RECORD_AUDIT || event->type == RECORD_SYSCALL)
		write_number(out, ",\"tid\":", event->tid);
	if (event->ppid)
		write_number(out, ",\"ppid\":", event->ppid);
	if (event->type != RECORD_EXIT)
		write_number(out, ",\"uid\":", event->uid);
	write_string(out, ",\"comm\":", event->comm);
}

static void write_event_name(struct buf *out, const struct audit_event *event)
{
	buf_lit(out, ",\"event\":");
	if (event->name.data)
		json_text(out, &event->name);
	else if (event->name_text[0])
		json_cstr(out, event->name_text);
	else
		buf_lit(out, "null");
}

static void write_args(struct json *j, const struct audit_event *event)
{
	const struct value *v = event->values;
	struct buf *out = j->out;
	uint32_t i;

	if (!event->n_args && event->flags & WIRE_AUDIT_FMT_UNREAD) {
		buf_lit(out, "null");
		return;
	}
	buf_char(out, '{');
	for (i = 0; i < event->n_args; i++, v = value_next(v)) {
		buf_str(out, i ? ",\"" : "\"");
		format_arg_name(out, event, i);
		buf_lit(out, "\":");
		json_value(j, v);
	}
	buf_char(out, '}');
}

void json_arguments(struct buf *out, const struct audit_event *event)
{
	struct json j = {.out = out};

	write_args(&j, event);
}

static void write_arguments(struct buf *out, const struct audit_event *event)
{
	const struct stack *stack = event->stack;
	struct json j = {.out = out};

	if (!event->no_args) {
		buf_lit(out, ",\"args\":");
		write_args(&j, event);
	}
	if (j.truncated || event->name_whole || (stack && json_stack_cut(stack)) ||
	    event->calls_made > event->n_calls ||
	    (!event->no_args && event->args_total > event->n_args))
		json_truncated(out, event);
	if (j.unreadable || event->flags || (stack && json_stack_unreadable(stack)))
		json_unreadable(out, event);
	if (stack)
		json_stack(out, stack);
}

static void write_container(struct buf *out, const struct audit_event *event)
{
	write_string(out, ",\"container\":", event->process ? event->process->container : NULL);
}

static void write_trace(struct buf *out, const struct wire_trace *trace)
{
	if (!trace)
		return;
	buf_lit(out, ",\"trace_id\":\"");
	format_hex(out, trace->trace_id, sizeof(trace->trace_id));
	buf_lit(out, "\",\"span_id\":\"");
	format_hex(out, trace->span_id, sizeof(trace->span_id));
	buf_char(out, '"');
}

static void write_audit(struct buf *out, const struct audit_event *event)
{
	write_event_name(out, event);
	write_arguments(out, event);
	json_calls(out, event);
	write_container(out, event);
	write_trace(out, event->trace);
}

static void write_syscall(struct buf *out, const struct audit_event *event)
{
	buf_char(out, ',');
	json_call(out, event->calls);
	if (event->announced != ANNOUNCED_NEVER)
		buf_str(out, event->announced == ANNOUNCED_YES ? ",\"announced\":true"
							       : ",\"announced\":false");
	json_after(out, &event->after);
	if (event->stack)
		json_stack(out, event->stack);
	write_container(out, event);
}

/* /proc/PID/cmdline: arguments that end with NUL, the last one perhaps without. */
static void write_cmdline(struct buf *out, const struct process_info *process)
{
	const char *p = process->cmdline, *end = p + process->cmdline_len, *nul;
	struct text text;
	bool first = true;

	buf_lit(out, ",\"cmdline\":[");
	while (p < end) {
		nul = memchr(p, '\0', end - p) ?: end;
		text = text_of_bytes(p, nul - p);
		if (!first)
			buf_char(out, ',');
		json_text(out, &text);
		first = false;
		p = nul + 1;
	}
	buf_char(out, ']');
}

/* When it started, and where it runs. */
static void write_place(struct buf *out, const struct process_info *process)
{
	if (process->started_ns) {
		buf_lit(out, ",\"started\":\"");
		format_time_utc(out, process->started_ns);
		buf_char(out, '"');
	}
	if (process->ns_pid)
		write_number(out, ",\"ns_pid\":", process->ns_pid);
	write_string(out, ",\"cgroup\":", process->cgroup);
	write_string(out, ",\"container\":", process->container);
	write_string(out, ",\"pod\":", process->pod);
	write_string(out, ",\"unit\":", process->unit);
}

static void write_starter(struct buf *out, const struct process_info *process)
{
	if (!process->starter.name)
		return;
	write_number(out, ",\"started_by\":{\"seq\":", process->starter.seq);
	write_string(out, ",\"event\":", process->starter.name);
	buf_char(out, '}');
}

static void write_process(struct buf *out, const struct audit_event *event)
{
	const struct process_info *process = event->process;

	if (!process)
		return;
	write_string(out, ",\"exe\":", process->exe);
	if (process->cmdline)
		write_cmdline(out, process);
	write_string(out, ",\"cwd\":", process->cwd);
	write_place(out, process);
	write_starter(out, process);
	write_string(out, ",\"python\":", process->python);
	write_string(out, ",\"build\":", process->build);
	if (!process->probe)
		return;
	write_string(out, ",\"probe\":{\"kind\":", process->probe);
	write_strings(out, ",\"entries\":", process->entries, process->n_entries);
	write_strings(out, "},\"missed\":", process->missed, process->n_missed);
	write_number(out, ",\"unseen_ns\":", process->unseen_ns);
}

static void write_exit(struct buf *out, const struct audit_event *event)
{
	if (!WIFSIGNALED(event->status)) {
		write_number(out, ",\"status\":", WEXITSTATUS(event->status));
		return;
	}
	/* As a shell has it, and as this program passes it on. */
	write_number(out, ",\"status\":", 128 + WTERMSIG(event->status));
	buf_lit(out, ",\"signal\":\"");
	format_signal(out, WTERMSIG(event->status));
	buf_char(out, '"');
}

/* Of -c. */
static void write_count(struct buf *out, const struct audit_event *event)
{
	write_string(out, ",\"event\":", event->name_text);
	write_number(out, ",\"count\":", event->count);
}

static void write_lost(struct buf *out, const struct audit_event *event)
{
	write_number(out, ",\"count\":", event->lost.count);
	write_string(out, ",\"reason\":", format_loss(event->lost.reason));
}

static void write_exporter(struct buf *out, const struct exporter_stats *e)
{
	size_t i;

	json_cstr(out, e->name);
	write_number(out, ":{\"delivered\":", e->delivered);
	buf_lit(out, ",\"dropped\":{");
	for (i = 0; i < e->n_drops; i++) {
		if (i)
			buf_char(out, ',');
		json_cstr(out, e->drops[i].reason);
		write_number(out, ":", e->drops[i].count);
	}
	buf_char(out, '}');
	if (e->keeps) {
		write_number(out, ",\"recovered\":", e->recovered);
		write_number(out, ",\"waiting\":", e->waiting);
	}
	buf_char(out, '}');
}

static void write_exporters(struct buf *out, const struct totals *totals)
{
	size_t i;

	buf_lit(out, ",\"exporters\":{");
	for (i = 0; i < totals->n_exporters; i++) {
		if (i)
			buf_char(out, ',');
		write_exporter(out, &totals->exporters[i]);
	}
	buf_char(out, '}');
}

static void write_summary(struct buf *out, const struct audit_event *event)
{
	const struct totals *totals = &event->totals;
	int i;

	write_number(out, ",\"seen\":", totals->seen);
	write_number(out, ",\"delivered\":", totals->delivered);
	write_number(out, ",\"filtered\":", totals->filtered);
	buf_lit(out, ",\"lost\":{");
	for (i = 0; i < LOSS_MAX; i++) {
		if (i)
			buf_char(out, ',');
		json_cstr(out, format_loss(i));
		write_number(out, ":", totals->lost[i]);
	}
	buf_char(out, '}');
	if (totals->n_exporters)
		write_exporters(out, totals);
	if (!totals->syscalls)
		return;
	write_number(out, ",\"syscalls\":{\"watched\":", totals->calls);
	write_number(out, ",\"unannounced\":", totals->unannounced);
	write_number(out, ",\"unjudged\":", totals->unjudged);
	write_number(out, ",\"lost\":", totals->calls_lost);
	buf_char(out, '}');
}

static const struct {
	const char *start;
	void (*write)(struct buf *out, const struct audit_event *event);
	bool ids; /* it is of a process */
} types[] = {
	[RECORD_AUDIT] = {"{\"type\":\"audit\"", write_audit, true},
	[RECORD_PROCESS] = {"{\"type\":\"process\"", write_process, true},
	[RECORD_EXIT] = {"{\"type\":\"exit\"", write_exit, true},
	[RECORD_SYSCALL] = {"{\"type\":\"syscall\"", write_syscall, true},
	[RECORD_LOST] = {"{\"type\":\"lost\"", write_lost, false},
	[RECORD_COUNT] = {"{\"type\":\"count\"", write_count, false},
	[RECORD_SUMMARY] = {"{\"type\":\"summary\"", write_summary, false},
};

void json_record(struct buf *out, const struct audit_event *event, uint64_t seq)
{
	if (event->type >= ARRAY_SIZE(types))
		return;
	buf_str(out, types[event->type].start);
	buf_lit(out, ",\"time\":\"");
	format_time_utc(out, event->time.ns);
	write_number(out, "\",\"seq\":", seq);
	if (types[event->type].ids)
		write_process_ids(out, event);
	types[event->type].write(out, event);
	buf_char(out, '}');
}

void json_own(struct buf *out, const struct audit_event *event)
{
	buf_str(out, event->type < ARRAY_SIZE(types) ? types[event->type].start : "{");
	if (event->type < ARRAY_SIZE(types))
		types[event->type].write(out, event);
	buf_char(out, '}');
}

static void json_write(struct buf *out, const struct audit_event *event, uint64_t seq, bool color)
{
	size_t before = out->len;

	json_record(out, event, seq);
	if (out->len != before)
		buf_char(out, '\n');
}

const struct format_ops format_json = {.name = "json", .write = json_write};
