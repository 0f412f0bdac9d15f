// SPDX-License-Identifier: GPL-2.0-only
#include "sink/journal.h"

#include <ctype.h>
#include <endian.h>
#include <string.h>

#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/json.h"
#include "sink/text.h"

#define NAME_MAX_LEN 64 /* journald drops a field with a longer name */

/* A field whose value was appended after its length: values with a line end in them need one. */
static void end_field(struct buf *out, size_t name_end)
{
	uint64_t len = out->len - name_end - 1, length = htole64(len);

	if (out->failed)
		return;
	if (!memchr(out->data + name_end + 1, '\n', len)) {
		buf_char(out, '\n');
		return;
	}
	if (!buf_reserve(out, sizeof(length) + 1))
		return;
	out->data[name_end] = '\n';
	memmove(out->data + name_end + 1 + sizeof(length), out->data + name_end + 1, len);
	memcpy(out->data + name_end + 1, &length, sizeof(length));
	out->len += sizeof(length);
	buf_char(out, '\n');
}

/* Returns where the name ends, for end_field. */
static size_t begin_field(struct buf *out, const char *name)
{
	size_t at;

	buf_str(out, name);
	at = out->len;
	buf_char(out, '=');
	return at;
}

static void put_number(struct buf *out, const char *name, uint64_t value)
{
	size_t at = begin_field(out, name);

	buf_u64(out, value);
	end_field(out, at);
}

/* Bytes that were no UTF-8 come out as they were; other lone surrogates cannot. */
static void put_text(struct buf *out, const struct text *text)
{
	struct text_iter it;
	uint32_t cp;
	char bytes[4];

	text_iter_init(&it, text);
	while (text_next(&it, &cp)) {
		if (cp >= 0xdc80 && cp <= 0xdcff)
			buf_char(out, (char)cp);
		else
			buf_add(out, bytes,
				utf8_encode(bytes, cp >= 0xd800 && cp <= 0xdfff ? 0xfffd : cp) -
					bytes);
	}
}

static void put_cstr(struct buf *out, const char *name, const char *value)
{
	struct text text;
	size_t at;

	if (!value)
		return;
	text = text_of_cstr(value);
	at = begin_field(out, name);
	put_text(out, &text);
	end_field(out, at);
}

static void put_path_code_point(void *arg, uint32_t cp)
{
	struct text text = {.data = &cp, .len = sizeof(cp), .width = 4};

	put_text(arg, &text);
}

/* Whether a value has a plain text, which is appended: numbers and strings have. */
static bool put_scalar(struct buf *out, const struct value *v)
{
	const struct value *inner = format_inner(v);
	struct text text;

	if (inner)
		return put_scalar(out, inner);
	if (!format_readable(v))
		return false;
	switch (v->kind) {
	case WIRE_STR:
	case WIRE_BYTES:
	case WIRE_BYTEARRAY:
		text = format_payload(v);
		put_text(out, &text);
		return true;
	case WIRE_OBJECT:
		if (!format_can_join(v))
			return false;
		format_join(v, put_path_code_point, out);
		return true;
	case WIRE_BOOL: buf_str(out, v->num ? "true" : "false"); return true;
	case WIRE_INT: buf_i64(out, v->num); return true;
	case WIRE_UINT: buf_u64(out, v->num); return true;
	case WIRE_FLOAT: buf_printf(out, "%.17g", format_double(v->num)); return true;
	default: return false;
	}
}

/* Field names are of capital letters, digits and underscores. */
static void make_field_name(struct buf *out, size_t from)
{
	size_t i;

	for (i = from; i < out->len; i++) {
		unsigned char c = out->data[i];

		out->data[i] = isalnum(c) && c < 0x80 ? toupper(c) : '_';
	}
}

static void put_args(struct buf *out, const struct audit_event *event)
{
	const struct value *v = event->values;
	size_t start, at;
	uint32_t i;

	for (i = 0; i < event->n_args; i++, v = value_next(v)) {
		start = out->len;
		buf_lit(out, "PYAUDIT_ARG_");
		format_arg_name(out, event, i);
		make_field_name(out, start);
		at = out->len;
		buf_char(out, '=');
		if (at - start <= NAME_MAX_LEN && put_scalar(out, v))
			end_field(out, at);
		else
			buf_truncate(out, start);
	}
}

static void put_id(struct buf *out, const char *name, const void *id, size_t size)
{
	size_t at = begin_field(out, name);

	format_hex(out, id, size);
	end_field(out, at);
}

static void put_trace(struct buf *out, const struct wire_trace *trace)
{
	if (!trace)
		return;
	put_id(out, "PYAUDIT_TRACE_ID", trace->trace_id, sizeof(trace->trace_id));
	put_id(out, "PYAUDIT_SPAN_ID", trace->span_id, sizeof(trace->span_id));
}

static void put_audit(struct buf *out, const struct audit_event *event)
{
	size_t at;

	put_number(out, "PYAUDIT_TID", event->tid);
	if (event->name.data) {
		at = begin_field(out, "PYAUDIT_EVENT");
		put_text(out, &event->name);
		end_field(out, at);
	} else if (event->name_text[0]) {
		put_cstr(out, "PYAUDIT_EVENT", event->name_text);
	}
	if (event->row)
		put_cstr(out, "PYAUDIT_CATEGORY", event->row->category);
	put_args(out, event);
	put_trace(out, event->trace);
}

/* With OBJECT_SYSTEMD_UNIT, if it comes from root, "journalctl -u UNIT" shows the events of a
 * service among its messages (journalctl(1), -u). OBJECT_PID would have journald find it out, but
 * also store the process's command line, which may hold what is redacted here. */
static void put_process(struct buf *out, const struct process_info *process)
{
	if (!process)
		return;
	put_cstr(out, "OBJECT_SYSTEMD_UNIT", process->unit);
	put_cstr(out, "PYAUDIT_CONTAINER", process->container);
	put_cstr(out, "PYAUDIT_POD", process->pod);
}

static void put_process_ids(struct buf *out, const struct audit_event *event)
{
	put_number(out, "PYAUDIT_PID", event->pid);
	if (event->ppid)
		put_number(out, "PYAUDIT_PPID", event->ppid);
	if (event->type != RECORD_EXIT)
		put_number(out, "PYAUDIT_UID", event->uid);
	put_cstr(out, "PYAUDIT_COMM", event->comm);
	put_process(out, event->process);
}

static void put_message(struct buf *out, const struct audit_event *event, uint64_t seq)
{
	size_t at = begin_field(out, "MESSAGE"), before = out->len;

	text_record(out, event);
	if (out->len == before)
		json_record(out, event, seq);
	end_field(out, at);
}

static void journal_write(struct buf *out, const struct audit_event *event, uint64_t seq,
			  bool color)
{
	size_t at;

	put_message(out, event, seq);
	put_number(out, "PRIORITY", format_severity(event));
	buf_lit(out, "SYSLOG_IDENTIFIER=pyaudit-trace\n");
	put_cstr(out, "PYAUDIT_TYPE", format_type(event->type));
	put_number(out, "PYAUDIT_SEQ", seq);
	at = begin_field(out, "PYAUDIT_TIME");
	format_time_utc(out, event->time.ns);
	end_field(out, at);
	if (event->pid)
		put_process_ids(out, event);
	if (event->type == RECORD_AUDIT)
		put_audit(out, event);
	at = begin_field(out, "PYAUDIT_RECORD");
	json_record(out, event, seq);
	end_field(out, at);
}

const struct format_ops format_journal = {.name = "journal", .write = journal_write};
