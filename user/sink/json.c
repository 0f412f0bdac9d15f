// SPDX-License-Identifier: GPL-2.0-only
/* The JSON lines format. Keys and their order are a contract: scripts read this. */
#include <math.h>
#include <string.h>
#include <sys/wait.h>

#include "decode/bigint.h"
#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/sink.h"

/* Longest form of one byte or code unit: \u001f. */
#define MAX_ESCAPE 6

static const char hex[] = "0123456789abcdef";

/* ASCII that stands for itself in a JSON string. */
static const bool plain[256] = {
	[' ' ... '!'] = true,
	['#' ... '['] = true,
	[']' ... 0x7f] = true,
};

static char *put_u_escape(char *w, uint32_t unit)
{
	int shift;

	*w++ = '\\';
	*w++ = 'u';
	for (shift = 12; shift >= 0; shift -= 4)
		*w++ = hex[unit >> shift & 15];
	return w;
}

static char *put_code_point(char *w, uint32_t cp)
{
	static const char names[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
	const char *found;

	if (cp >= 0x80)
		return cp >= 0xd800 && cp <= 0xdfff ? put_u_escape(w, cp) : utf8_encode(w, cp);
	if (plain[cp]) {
		*w++ = cp;
		return w;
	}
	found = memchr(names, cp, sizeof(names) - 1);
	if (!found)
		return put_u_escape(w, cp);
	*w++ = '\\';
	*w++ = letters[found - names];
	return w;
}

void json_text(struct buf *out, const struct text *text)
{
	struct text_iter it;
	uint32_t cp;
	char *w;

	if (!buf_reserve(out, (size_t)text->len * MAX_ESCAPE + 2))
		return;
	w = out->data + out->len;
	*w++ = '"';
	text_iter_init(&it, text);
	for (;;) {
		if (it.width <= 1)
			while (it.p < it.end && plain[*it.p])
				*w++ = *it.p++;
		if (!text_next(&it, &cp))
			break;
		w = put_code_point(w, cp);
	}
	*w++ = '"';
	out->len = w - out->data;
}

void json_cstr(struct buf *out, const char *s)
{
	struct text text = text_of_cstr(s);

	json_text(out, &text);
}

static void put_path_code_point(void *arg, uint32_t cp)
{
	char text[MAX_ESCAPE];

	buf_add(arg, text, put_code_point(text, cp) - text);
}

static void write_base64(struct buf *out, const unsigned char *p, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits;
	size_t i;
	char *w;

	if (!buf_reserve(out, (len + 2) / 3 * 4))
		return;
	w = out->data + out->len;
	for (i = 0; i < len; i += 3) {
		bits = p[i] << 16;
		bits |= i + 1 < len ? p[i + 1] << 8 : 0;
		bits |= i + 2 < len ? p[i + 2] : 0;
		*w++ = digits[bits >> 18];
		*w++ = digits[bits >> 12 & 63];
		*w++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
		*w++ = i + 2 < len ? digits[bits & 63] : '=';
	}
	out->len = w - out->data;
}

/* Where the limits are seen while a value is written, so that most records need no second look. */
struct json {
	struct buf *out;
	bool truncated, unreadable;
};

static void write_value(struct json *j, const struct value *v);

static void write_none(struct json *j, const struct value *v)
{
	buf_lit(j->out, "null");
}

static void write_bool(struct json *j, const struct value *v)
{
	buf_str(j->out, v->num ? "true" : "false");
}

static void write_int(struct json *j, const struct value *v)
{
	buf_i64(j->out, v->num);
}

static void write_uint(struct json *j, const struct value *v)
{
	buf_u64(j->out, v->num);
}

/* The low digits of a number are no beginning of it as the first bytes of a text are: a cut int is
 * null. */
static void write_bigint(struct json *j, const struct value *v)
{
	if (v->status == WIRE_TRUNCATED ||
	    bigint_decimal(j->out, v->text.data, v->text.len / 4, v->aux))
		buf_lit(j->out, "null");
}

static void write_float(struct json *j, const struct value *v)
{
	double value = format_double(v->num);

	if (isnan(value))
		buf_lit(j->out, "\"nan\"");
	else if (isinf(value))
		buf_str(j->out, value > 0 ? "\"inf\"" : "\"-inf\"");
	else
		format_float(j->out, value);
}

static void write_str(struct json *j, const struct value *v)
{
	struct text text = format_payload(v);

	json_text(j->out, &text);
}

/* Bytes are exact: a cut inside a UTF-8 sequence makes them base64, where text would drop its tail.
 */
static void write_bytes(struct json *j, const struct value *v)
{
	struct text text = text_of_bytes(v->text.data, v->text.len);

	if (utf8_valid(text.data, text.len)) {
		buf_lit(j->out, "{\"bytes\":");
		json_text(j->out, &text);
		buf_char(j->out, '}');
		return;
	}
	buf_lit(j->out, "{\"base64\":\"");
	write_base64(j->out, text.data, text.len);
	buf_lit(j->out, "\"}");
}

static void write_array(struct json *j, const struct value *v)
{
	const struct value *child = v + 1;
	uint32_t i;

	buf_char(j->out, '[');
	for (i = 0; i < v->children; i++, child = value_next(child)) {
		if (i)
			buf_char(j->out, ',');
		write_value(j, child);
	}
	buf_char(j->out, ']');
}

/* Two subclasses of str may be equal text and yet different keys; that much is left to the reader.
 */
bool json_dict_is_object(const struct value *v)
{
	const struct value *key = v + 1;
	uint32_t i;

	for (i = 0; i + 1 < v->children; i += 2, key = value_next(value_next(key)))
		if (key->kind != WIRE_STR || key->status != WIRE_OK)
			return false;
	return true;
}

static void write_dict(struct json *j, const struct value *v)
{
	bool object = json_dict_is_object(v);
	const struct value *key = v + 1, *value;
	uint32_t i;

	buf_str(j->out, object ? "{" : "{\"items\":[");
	for (i = 0; i + 1 < v->children; i += 2, key = value_next(value)) {
		value = value_next(key);
		if (i)
			buf_char(j->out, ',');
		if (!object)
			buf_char(j->out, '[');
		write_value(j, key);
		buf_char(j->out, object ? ':' : ',');
		write_value(j, value);
		if (!object)
			buf_char(j->out, ']');
	}
	buf_str(j->out, object ? "}" : "]}");
}

static void write_object(struct json *j, const struct value *v)
{
	const struct value *child = v + 1;
	struct text name = format_payload(v);
	uint32_t i;

	buf_lit(j->out, "{\"object\":");
	json_text(j->out, &name);
	for (i = 0; i < v->children; i++, child = value_next(child)) {
		buf_lit(j->out, ",\"");
		buf_str(j->out, format_property(v->aux, i));
		buf_lit(j->out, "\":");
		write_value(j, child);
	}
	buf_char(j->out, '}');
}

/* A path looks like its text. */
static void write_stand_in(struct json *j, const struct value *v)
{
	const struct value *inner = format_inner(v);

	if (inner) {
		write_value(j, inner);
	} else if (format_can_join(v)) {
		j->truncated |= format_join_is_cut(v);
		buf_char(j->out, '"');
		format_join(v, put_path_code_point, j->out);
		buf_char(j->out, '"');
	} else {
		write_object(j, v);
	}
}

static void write_value(struct json *j, const struct value *v)
{
	static void (*const writers[])(struct json *, const struct value *) = {
		[WIRE_NONE] = write_none,	[WIRE_BOOL] = write_bool,
		[WIRE_INT] = write_int,		[WIRE_UINT] = write_uint,
		[WIRE_BIGINT] = write_bigint,	[WIRE_FLOAT] = write_float,
		[WIRE_STR] = write_str,		[WIRE_BYTES] = write_bytes,
		[WIRE_BYTEARRAY] = write_bytes, [WIRE_TUPLE] = write_array,
		[WIRE_LIST] = write_array,	[WIRE_DICT] = write_dict,
		[WIRE_OBJECT] = write_stand_in,
	};

	if (!format_readable(v) || v->kind >= ARRAY_SIZE(writers) || !writers[v->kind]) {
		j->unreadable |= v->status != WIRE_NULL;
		write_none(j, v);
		return;
	}
	j->truncated |= v->status == WIRE_TRUNCATED;
	writers[v->kind](j, v);
}

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
		write_value(j, v);
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
	if (j.truncated || (stack && json_stack_cut(stack)) ||
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

static void write_audit(struct buf *out, const struct audit_event *event)
{
	write_event_name(out, event);
	write_arguments(out, event);
	json_calls(out, event);
	write_container(out, event);
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
