// SPDX-License-Identifier: GPL-2.0-only
#include "sink/otlp_record.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/json.h"
#include "sink/text.h"

#define SEVERITY_INFO 9
#define SEVERITY_WARN 13
#define KEY_MAX	      128

bool otlp_wants(const struct audit_event *event)
{
	return event->type == RECORD_AUDIT || event->type == RECORD_SYSCALL ||
	       event->type == RECORD_LOST;
}

static void put_path_code_point(void *arg, uint32_t cp)
{
	struct buf *units = arg;

	buf_add(units, &cp, sizeof(cp));
}

/* The text that a value is or stands for; false when it is none. joined: room for a path's. */
static bool text_of_value(const struct value *v, struct buf *joined, struct text *text)
{
	const struct value *inner = format_inner(v);

	v = inner ?: v;
	if (!format_readable(v))
		return false;
	if (v->kind == WIRE_STR || v->kind == WIRE_BYTES || v->kind == WIRE_BYTEARRAY) {
		*text = format_payload(v);
		return true;
	}
	if (v->kind != WIRE_OBJECT || !format_can_join(v))
		return false;
	joined->len = 0;
	format_join(v, put_path_code_point, joined);
	*text = (struct text){.data = joined->data, .len = joined->len, .width = 4};
	return !joined->failed;
}

/* As an attribute, if it is a single value: what has parts is in pyaudit.args alone. */
static void put_scalar(struct otlp_writer *w, const char *key, const struct value *v)
{
	struct buf joined = {0};
	struct text text;

	if (text_of_value(v, &joined, &text))
		otlp_put_text(w, key, &text);
	else if (!format_readable(v))
		;
	else if (v->kind == WIRE_BOOL)
		otlp_put_bool(w, key, v->num);
	else if (v->kind == WIRE_INT || (v->kind == WIRE_UINT && v->num <= INT64_MAX))
		otlp_put_int(w, key, (int64_t)v->num);
	else if (v->kind == WIRE_FLOAT)
		otlp_put_double(w, key, format_double(v->num));
	buf_free(&joined);
}

static void put_path(struct otlp_writer *w, const struct audit_event *event, const struct value *v)
{
	struct buf joined = {0};
	struct text text;

	if (!strcmp(event->row->category, "file") && text_of_value(v, &joined, &text))
		otlp_put_text(w, "file.path", &text);
	buf_free(&joined);
}

static void put_host(struct otlp_writer *w, const struct audit_event *event, const struct value *v)
{
	if (format_readable(v) && (v->kind == WIRE_STR || v->kind == WIRE_BYTES))
		put_scalar(w, "server.address", v);
}

static void put_port(struct otlp_writer *w, const struct audit_event *event, const struct value *v)
{
	if (format_readable(v) && v->kind == WIRE_INT)
		put_scalar(w, "server.port", v);
}

/* (host, port, ...) of AF_INET and AF_INET6, or the path of AF_UNIX. */
static void put_address(struct otlp_writer *w, const struct audit_event *event,
			const struct value *v)
{
	if (format_readable(v) && v->kind == WIRE_TUPLE && v->children >= 2) {
		put_host(w, event, v + 1);
		put_port(w, event, value_next(v + 1));
	} else {
		put_host(w, event, v);
	}
}

static void put_url(struct otlp_writer *w, const struct audit_event *event, const struct value *v)
{
	put_scalar(w, "url.full", v);
}

static const struct {
	const char *arg, *category;
	void (*put)(struct otlp_writer *w, const struct audit_event *event, const struct value *v);
} conventions[] = {
	{"path", "file", put_path},	 {"address", "network", put_address},
	{"host", "network", put_host},	 {"port", "network", put_port},
	{"fullurl", "network", put_url},
};

static void put_convention(struct otlp_writer *w, const struct audit_event *event, const char *name,
			   const struct value *v)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(conventions); i++)
		if (!strcmp(conventions[i].arg, name) &&
		    !strcmp(conventions[i].category, event->row->category))
			conventions[i].put(w, event, v);
}

/* Arguments the event table names: what else there is has no fixed names. */
static void put_known_args(struct otlp_writer *w, const struct audit_event *event)
{
	static const char prefix[] = "pyaudit.arg.";
	const struct value *v = event->values;
	char key[KEY_MAX];
	uint32_t i;

	for (i = 0; event->variant && i < event->n_args && i < event->variant->n_args;
	     i++, v = value_next(v)) {
		const char *name = event->variant->args[i].name;

		if ((size_t)snprintf(key, sizeof(key), "%s%s", prefix, name) >= sizeof(key))
			continue;
		put_scalar(w, key, v);
		put_convention(w, event, name, v);
	}
}

/* A member of the JSON object without its key: `,"key":` is of a known length. */
static void put_json(struct otlp_writer *w, const char *key, const struct buf *json, size_t skip)
{
	struct text text;

	if (json->failed || json->len <= skip)
		return;
	text = text_of_bytes(json->data + skip, json->len - skip);
	otlp_put_text(w, key, &text);
}

static void put_args(struct otlp_writer *w, const struct audit_event *event)
{
	struct buf json = {0};

	if (!event->no_args) {
		json_arguments(&json, event);
		put_json(w, "pyaudit.args", &json, 0);
	}
	json.len = 0;
	json_truncated(&json, event);
	put_json(w, "pyaudit.truncated", &json, strlen(",\"truncated\":"));
	json.len = 0;
	json_unreadable(&json, event);
	put_json(w, "pyaudit.unreadable", &json, strlen(",\"unreadable\":"));
	buf_free(&json);
	if (event->row && !event->no_args)
		put_known_args(w, event);
}

static void put_stack(struct otlp_writer *w, const struct stack *stack)
{
	struct buf lines = {0};
	struct text text;
	uint32_t i;

	if (!stack->n_frames)
		return;
	if (!stack->frames[0].error && stack->frames[0].func.data)
		otlp_put_text(w, "code.function.name", &stack->frames[0].func);
	if (!stack->frames[0].error && stack->frames[0].file.data)
		otlp_put_text(w, "code.file.path", &stack->frames[0].file);
	if (stack->frames[0].line)
		otlp_put_int(w, "code.line.number", stack->frames[0].line);
	for (i = 0; i < stack->n_frames; i++) {
		if (i)
			buf_char(&lines, '\n');
		text_frame(&lines, &stack->frames[i]);
	}
	text = text_of_bytes(lines.data ?: "", lines.len);
	if (!lines.failed)
		otlp_put_text(w, "code.stacktrace", &text);
	buf_free(&lines);
}

/* Who: the same for events and system calls. */
static void put_thread(struct otlp_writer *w, const struct audit_event *event)
{
	char uid[16];

	otlp_put_int(w, "pyaudit.os_thread_id", event->tid);
	otlp_put_cstr(w, "thread.name", event->comm);
	snprintf(uid, sizeof(uid), "%u", event->uid);
	otlp_put_cstr(w, "user.id", uid);
	if (event->stack)
		put_stack(w, event->stack);
}

static void put_syscall(struct otlp_writer *w, const struct audit_event *event)
{
	const struct call_info *call = event->calls;
	struct buf error = {0};
	struct buf json = {0};
	struct text text;

	otlp_put_cstr(w, "pyaudit.syscall.name", call->row->name);
	if (call->i386)
		otlp_put_cstr(w, "pyaudit.syscall.abi", "i386");
	json_call_args(&json, call);
	put_json(w, "pyaudit.syscall.args", &json, 0);
	buf_free(&json);
	otlp_put_int(w, "pyaudit.syscall.ret", call->ret);
	if (call->ret < 0) {
		format_errno(&error, -(uint64_t)call->ret);
		text = text_of_bytes(error.data ?: "", error.len);
		otlp_put_text(w, "error.type", &text);
		buf_free(&error);
	}
	if (event->announced != ANNOUNCED_NEVER)
		otlp_put_bool(w, "pyaudit.syscall.announced", event->announced == ANNOUNCED_YES);
	if (event->after.name)
		otlp_put_cstr(w, "pyaudit.syscall.after", event->after.name);
	put_thread(w, event);
}

static void put_calls(struct otlp_writer *w, const struct audit_event *event)
{
	struct buf json = {0};

	json_calls(&json, event);
	put_json(w, "pyaudit.syscalls", &json, strlen(",\"syscalls\":"));
	buf_free(&json);
}

static void put_audit(struct otlp_writer *w, const struct audit_event *event)
{
	if (event->name.data)
		otlp_put_text(w, "pyaudit.event", &event->name);
	else
		otlp_put_cstr(w, "pyaudit.event", event->name_text);
	if (event->row)
		otlp_put_cstr(w, "pyaudit.category", event->row->category);
	put_args(w, event);
	put_calls(w, event);
	put_thread(w, event);
}

static void put_lost(struct otlp_writer *w, const struct audit_event *event)
{
	otlp_put_int(w, "pyaudit.lost.count", (int64_t)event->lost.count);
	otlp_put_cstr(w, "pyaudit.lost.reason", format_loss(event->lost.reason));
}

/* The bounded set of names that OpenTelemetry wants: a traced program can make up any number. */
static void choose_name(char *name, size_t size, const struct audit_event *event)
{
	if (event->type == RECORD_LOST)
		snprintf(name, size, "pyaudit.lost");
	else if (event->type == RECORD_SYSCALL)
		snprintf(name, size, "pyaudit.syscall");
	else
		snprintf(name, size, "pyaudit.%s", event->row ? event->row->name : "custom");
}

/* The line of the text format, without the lines of the stack. */
static struct text line_of(struct buf *line, const struct audit_event *event)
{
	const char *end;

	text_record(line, event);
	end = line->len ? memchr(line->data, '\n', line->len) : NULL;
	return text_of_bytes(line->data ?: "", end ? (size_t)(end - line->data) : line->len);
}

void otlp_write_record(struct otlp_writer *w, const struct otlp_origin *origin,
		       const struct audit_event *event, int64_t observed)
{
	struct buf line = {0};
	struct text body = line_of(&line, event);
	char name[KEY_MAX];
	struct otlp_record record = {
		.time = event->time.ns,
		.observed = observed,
		.severity = format_severity(event) == LOG_WARNING ? SEVERITY_WARN : SEVERITY_INFO,
		.name = name,
		.body = body.len ? &body : NULL,
		.trace = event->type == RECORD_AUDIT ? event->trace : NULL,
	};
	size_t at;

	choose_name(name, sizeof(name), event);
	at = otlp_record_begin(w, &record);
	otlp_attributes_begin(w, OTLP_RECORD_ATTRIBUTES);
	if (event->pid && origin->identity_in_records)
		otlp_write_identity(w, event);
	if (event->type == RECORD_LOST)
		put_lost(w, event);
	else if (event->type == RECORD_SYSCALL)
		put_syscall(w, event);
	else
		put_audit(w, event);
	otlp_attributes_end(w);
	otlp_record_end(w, &record, at);
	if (line.failed)
		w->out->failed = true;
	buf_free(&line);
}
