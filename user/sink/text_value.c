// SPDX-License-Identifier: GPL-2.0-only
/* The arguments of an event as the text format shows them. */
#include <math.h>
#include <sys/socket.h>

#include "decode/bigint.h"
#include "decode/show.h"
#include "sink/format.h"
#include "sink/text.h"

void text_cut(struct buf *out, uint64_t length)
{
	buf_lit(out, "...(");
	buf_u64(out, length);
	buf_char(out, ')');
}

static void write_none(struct buf *out, const struct value *v)
{
	buf_lit(out, "None");
}

static void write_bool(struct buf *out, const struct value *v)
{
	buf_str(out, v->num ? "True" : "False");
}

static void write_int(struct buf *out, const struct value *v)
{
	buf_i64(out, v->num);
}

static void write_uint(struct buf *out, const struct value *v)
{
	buf_u64(out, v->num);
}

static void write_bigint(struct buf *out, const struct value *v)
{
	if (v->status == WIRE_OK && !bigint_decimal(out, v->text.data, v->text.len / 4, v->aux))
		return;
	buf_lit(out, "<int of ");
	buf_u64(out, v->num);
	buf_lit(out, " 30-bit digits>");
}

static void write_float(struct buf *out, const struct value *v)
{
	double value = format_double(v->num);

	if (isnan(value))
		buf_lit(out, "nan");
	else if (isinf(value))
		buf_str(out, value > 0 ? "inf" : "-inf");
	else
		format_float(out, value);
}

static void write_str(struct buf *out, const struct value *v)
{
	struct text text = format_payload(v);

	text_quoted(out, &text);
	if (v->status == WIRE_TRUNCATED)
		text_cut(out, v->num);
}

static void write_bytes(struct buf *out, const struct value *v)
{
	text_bytes(out, &v->text);
	if (v->status == WIRE_TRUNCATED)
		text_cut(out, v->num);
}

static void write_bytearray(struct buf *out, const struct value *v)
{
	buf_lit(out, "bytearray(");
	write_bytes(out, v);
	buf_char(out, ')');
}

static void write_separator(struct buf *out, uint32_t i)
{
	if (i)
		buf_lit(out, ", ");
}

static void write_items(struct buf *out, const struct value *v)
{
	const struct value *child = v + 1;
	uint32_t i;

	for (i = 0; i < v->children; i++, child = value_next(child)) {
		write_separator(out, i);
		text_value(out, child);
	}
	if (v->status == WIRE_TRUNCATED) {
		write_separator(out, i);
		text_cut(out, v->num);
	}
}

static void write_tuple(struct buf *out, const struct value *v)
{
	buf_char(out, '(');
	write_items(out, v);
	if (v->children == 1 && v->status == WIRE_OK)
		buf_char(out, ',');
	buf_char(out, ')');
}

static void write_list(struct buf *out, const struct value *v)
{
	buf_char(out, '[');
	write_items(out, v);
	buf_char(out, ']');
}

static void write_dict(struct buf *out, const struct value *v)
{
	const struct value *child = v + 1;
	uint32_t i;

	buf_char(out, '{');
	for (i = 0; i + 1 < v->children; i += 2) {
		write_separator(out, i);
		text_value(out, child);
		buf_lit(out, ": ");
		child = value_next(child);
		text_value(out, child);
		child = value_next(child);
	}
	if (v->status == WIRE_TRUNCATED) {
		write_separator(out, i);
		text_cut(out, v->num);
	}
	buf_char(out, '}');
}

/* A property inside <...>: text goes without quotes. */
static void write_property(struct buf *out, const struct value *v)
{
	struct text text;

	if (v->kind != WIRE_STR || !format_readable(v)) {
		text_value(out, v);
		return;
	}
	text = format_payload(v);
	text_plain(out, &text);
	if (v->status == WIRE_TRUNCATED)
		text_cut(out, v->num);
}

static void write_object(struct buf *out, const struct value *v)
{
	/* What stands before the type's name (in its place where a word is given) and each
	 * property. */
	static const struct {
		const char *word, *before[3];
	} forms[] = {
		[WIRE_OBJECT_CODE] = {"code", {" ", " at ", ":"}},
		[WIRE_OBJECT_FUNCTION] = {"function", {" "}},
		[WIRE_OBJECT_TYPE] = {"class", {" "}},
		[WIRE_OBJECT_MODULE] = {"module", {" "}},
		[WIRE_OBJECT_SOCKET] = {"socket", {" fd="}},
		[WIRE_OBJECT_MAPPING] = {NULL, {" "}},
		[WIRE_OBJECT_FILE] = {NULL, {" fd="}},
		[WIRE_OBJECT_EXCEPTION] = {NULL, {": "}},
		[WIRE_OBJECT_FRAME] = {"frame", {" ", " in "}},
		[WIRE_OBJECT_TRACEBACK] = {"traceback", {" ", " at ", ":"}},
		[WIRE_OBJECT_CTYPES] = {NULL, {" at "}},
		[WIRE_OBJECT_DIR_ENTRY] = {NULL, {" "}},
	};
	const struct value *child = v + 1;
	struct text name = format_payload(v);
	const char *word = NULL, *before;
	bool known;
	uint32_t i;

	if (v->aux < ARRAY_SIZE(forms))
		word = v->children ? forms[v->aux].word : NULL;
	buf_char(out, '<');
	if (word)
		buf_str(out, word);
	else
		text_plain(out, &name);
	for (i = 0; i < v->children; i++, child = value_next(child)) {
		known = v->aux < ARRAY_SIZE(forms) && i < ARRAY_SIZE(forms[0].before);
		before = known ? forms[v->aux].before[i] : NULL;
		buf_str(out, before ?: " ");
		if (v->aux == WIRE_OBJECT_CTYPES && child->kind == WIRE_INT)
			buf_printf(out, "0x%llx", (unsigned long long)child->num);
		else
			write_property(out, child);
	}
	buf_str(out, v->children ? "" : " object");
	buf_str(out, v->status == WIRE_TRUNCATED ? " ...>" : ">");
}

/* A path looks like its text. */
static void write_stand_in(struct buf *out, const struct value *v)
{
	const struct value *inner = format_inner(v);

	if (inner) {
		text_value(out, inner);
	} else if (format_can_join(v)) {
		buf_char(out, '"');
		format_join(v, text_code_point, out);
		buf_char(out, '"');
		if (format_join_is_cut(v))
			buf_lit(out, "...");
	} else {
		write_object(out, v);
	}
}

static void write_missing(struct buf *out, const struct value *v)
{
	if (v->status == WIRE_NULL) {
		buf_lit(out, "NULL");
	} else if (v->status == WIRE_UNREADABLE) {
		buf_lit(out, "<unreadable: ");
		format_errno(out, v->num);
		buf_char(out, '>');
	} else {
		buf_lit(out, "<unsupported>");
	}
}

void text_value(struct buf *out, const struct value *v)
{
	static void (*const writers[])(struct buf *, const struct value *) = {
		[WIRE_NONE] = write_none,
		[WIRE_BOOL] = write_bool,
		[WIRE_INT] = write_int,
		[WIRE_UINT] = write_uint,
		[WIRE_BIGINT] = write_bigint,
		[WIRE_FLOAT] = write_float,
		[WIRE_STR] = write_str,
		[WIRE_BYTES] = write_bytes,
		[WIRE_BYTEARRAY] = write_bytearray,
		[WIRE_TUPLE] = write_tuple,
		[WIRE_LIST] = write_list,
		[WIRE_DICT] = write_dict,
		[WIRE_OBJECT] = write_stand_in,
	};

	if (!format_readable(v) || v->kind >= ARRAY_SIZE(writers) || !writers[v->kind])
		write_missing(out, v);
	else
		writers[v->kind](out, v);
}

/* Numbers that have a name. *family is what the arguments before said of the socket. */
static bool show_arg(struct buf *out, const struct value *v, enum arg_show show, int64_t *family)
{
	if (show == SHOW_PLAIN || v->status != WIRE_OK)
		return false;
	if (v->kind != WIRE_INT && v->kind != WIRE_UINT)
		return false;
	if (show == SHOW_FAMILY)
		*family = v->num;
	if (show == SHOW_PROTOCOL)
		return show_protocol(out, *family, v->num);
	return show_number(out, show, v->num);
}

void text_args(struct buf *out, const struct audit_event *event)
{
	const struct value *v = event->values;
	int64_t family = AF_INET;
	uint32_t i;

	buf_char(out, '(');
	for (i = 0; i < event->n_args; i++, v = value_next(v)) {
		write_separator(out, i);
		format_arg_name(out, event, i);
		buf_char(out, '=');
		if (!show_arg(out, v, format_arg_show(event, i), &family))
			text_value(out, v);
	}
	if (event->args_total > event->n_args) {
		write_separator(out, i++);
		text_cut(out, event->args_total);
	}
	if (event->flags & WIRE_AUDIT_FMT_UNREAD) {
		write_separator(out, i);
		buf_lit(out, "<unreadable>");
	} else if (event->flags & WIRE_AUDIT_FMT_UNKNOWN) {
		write_separator(out, i);
		buf_lit(out, "<unsupported>");
	}
	buf_char(out, ')');
}
