// SPDX-License-Identifier: GPL-2.0-only
/* The text format: one line an event, for a terminal and for grep. */
#include <math.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "decode/bigint.h"
#include "decode/show.h"
#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/sink.h"

/* Longest form of one code unit of 1 byte (\udcff), 2 bytes (\u2028) and 4 bytes (\U000e0001): at
 * most this many for each byte of the text. */
#define UNSEEN_TOLD	1000000 /* ns: shorter times are no hole worth a word */
#define CONTAINER_SHORT 12
#define MAX_ESCAPE	10
#define MAX_PER_BYTE	6

#define DIM  "\033[2m"
#define BOLD "\033[1m"
#define RED  "\033[31m"
#define OFF  "\033[0m"

static const char hex[] = "0123456789abcdef";

/* ASCII that stands for itself. */
static const bool plain[256] = {
	[' ' ... '!'] = true,
	['#' ... '['] = true,
	[']' ... '~'] = true,
};

/* What is not shown as it is beyond ASCII: C1 controls, which terminals obey, format characters,
 * which reorder or hide what stands around them, separators of lines, surrogates and
 * non-characters. */
static const struct {
	uint32_t first, last;
} unsafe[] = {
	{0x80, 0x9f},	  {0xad, 0xad},	    {0x61c, 0x61c},   {0x180e, 0x180e},
	{0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xd800, 0xdfff},
	{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff},
};

static bool is_unsafe(uint32_t cp)
{
	size_t i;

	if (cp > 0x206f && cp < 0xd800) /* most of the world's text */
		return false;
	for (i = 0; i < ARRAY_SIZE(unsafe) && unsafe[i].first <= cp; i++)
		if (cp <= unsafe[i].last)
			return true;
	return false;
}

static char *put_hex(char *w, char letter, uint32_t value, int digits)
{
	*w++ = '\\';
	*w++ = letter;
	while (digits--)
		*w++ = hex[value >> digits * 4 & 15];
	return w;
}

static char *put_code_point(char *w, uint32_t cp, bool quoted)
{
	static const char names[] = "\n\t\r\\\"", letters[] = "ntr\\\"";
	const char *found;

	if (cp >= 0xa0 && !is_unsafe(cp))
		return utf8_encode(w, cp);
	if (cp > 0xffff)
		return put_hex(w, 'U', cp, 8);
	if (cp > 0xff)
		return put_hex(w, 'u', cp, 4);
	if (plain[cp] || (cp == '"' && !quoted)) {
		*w++ = cp;
		return w;
	}
	found = cp ? memchr(names, cp, sizeof(names) - 1) : NULL;
	if (!found)
		return put_hex(w, 'x', cp, 2);
	*w++ = '\\';
	*w++ = letters[found - names];
	return w;
}

static void write_escaped(struct buf *out, const struct text *text, bool quoted)
{
	struct text_iter it;
	uint32_t cp;
	char *w;

	if (!buf_reserve(out, (size_t)text->len * MAX_PER_BYTE + 2))
		return;
	w = out->data + out->len;
	if (quoted)
		*w++ = '"';
	text_iter_init(&it, text);
	for (;;) {
		if (it.width <= 1)
			while (it.p < it.end && plain[*it.p])
				*w++ = *it.p++;
		if (!text_next(&it, &cp))
			break;
		w = put_code_point(w, cp, quoted);
	}
	if (quoted)
		*w++ = '"';
	out->len = w - out->data;
}

static void write_cstr(struct buf *out, const char *s, bool quoted)
{
	struct text text = text_of_cstr(s);

	write_escaped(out, &text, quoted);
}

void text_bare(struct buf *out, const char *s)
{
	write_cstr(out, s, false);
}

void text_plain(struct buf *out, const struct text *text)
{
	write_escaped(out, text, false);
}

static void put_path_code_point(void *arg, uint32_t cp)
{
	char text[MAX_ESCAPE];

	buf_add(arg, text, put_code_point(text, cp, true) - text);
}

/* As strace marks what -s cut, with the true length. */
static void write_cut(struct buf *out, uint64_t length)
{
	buf_lit(out, "...(");
	buf_u64(out, length);
	buf_char(out, ')');
}

static void write_value(struct buf *out, const struct value *v);

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

	write_escaped(out, &text, true);
	if (v->status == WIRE_TRUNCATED)
		write_cut(out, v->num);
}

static void write_bytes(struct buf *out, const struct value *v)
{
	const unsigned char *p = v->text.data, *end = p + v->text.len;
	char *w;

	if (!buf_reserve(out, (size_t)v->text.len * 4 + 3))
		return;
	w = out->data + out->len;
	*w++ = 'b';
	*w++ = '"';
	for (; p < end; p++)
		w = *p < 0x80 ? put_code_point(w, *p, true) : put_hex(w, 'x', *p, 2);
	*w++ = '"';
	out->len = w - out->data;
	if (v->status == WIRE_TRUNCATED)
		write_cut(out, v->num);
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
		write_value(out, child);
	}
	if (v->status == WIRE_TRUNCATED) {
		write_separator(out, i);
		write_cut(out, v->num);
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
		write_value(out, child);
		buf_lit(out, ": ");
		child = value_next(child);
		write_value(out, child);
		child = value_next(child);
	}
	if (v->status == WIRE_TRUNCATED) {
		write_separator(out, i);
		write_cut(out, v->num);
	}
	buf_char(out, '}');
}

/* A property inside <...>: text goes without quotes. */
static void write_property(struct buf *out, const struct value *v)
{
	struct text text;

	if (v->kind != WIRE_STR || !format_readable(v)) {
		write_value(out, v);
		return;
	}
	text = format_payload(v);
	write_escaped(out, &text, false);
	if (v->status == WIRE_TRUNCATED)
		write_cut(out, v->num);
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
		write_escaped(out, &name, false);
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
		write_value(out, inner);
	} else if (format_can_join(v)) {
		buf_char(out, '"');
		format_join(v, put_path_code_point, out);
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

static void write_value(struct buf *out, const struct value *v)
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

void text_value(struct buf *out, const struct value *v)
{
	write_value(out, v);
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

static void write_args(struct buf *out, const struct audit_event *event)
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
			write_value(out, v);
	}
	if (event->args_total > event->n_args) {
		write_separator(out, i++);
		write_cut(out, event->args_total);
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

static void write_color(struct buf *out, const char *code, bool color)
{
	if (color)
		buf_str(out, code);
}

static void write_audit(struct buf *out, const struct audit_event *event, bool color)
{
	write_color(out, BOLD, color);
	if (event->name.data)
		write_escaped(out, &event->name, false);
	else if (event->name_text[0])
		write_cstr(out, event->name_text, false);
	else
		buf_lit(out, "<unreadable>");
	write_color(out, OFF, color);
	if (!event->no_args)
		write_args(out, event);
	text_calls(out, event);
	if (event->stack)
		text_stack(out, event->stack);
}

static void write_syscall(struct buf *out, const struct audit_event *event, bool color)
{
	static const char *const what[] = {
		[ANNOUNCED_NO] = "unannounced, after ",
		[ANNOUNCED_YES] = "outcome of ",
		[ANNOUNCED_NEVER] = "after ",
	};

	write_color(out, event->announced == ANNOUNCED_NO ? RED : "", color);
	text_call(out, event->calls);
	write_color(out, OFF, color);
	if (!event->after.name) {
		buf_str(out, event->announced == ANNOUNCED_NO ? " <unannounced>" : "");
	} else {
		buf_lit(out, " <");
		buf_str(out, what[event->announced]);
		write_cstr(out, event->after.name, false);
		buf_char(out, '>');
	}
	if (event->stack)
		text_stack(out, event->stack);
}

static bool needs_quotes(const struct text *text)
{
	const unsigned char *p = text->data;
	uint32_t i;

	for (i = 0; i < text->len; i++)
		if (p[i] == ' ' || p[i] == '"')
			return true;
	return !text->len;
}

/* The arguments after the program's name; the first one instead of a program that is not known. */
static void write_cmdline(struct buf *out, const struct process_info *process)
{
	const char *p = process->cmdline, *end, *nul;
	struct text text;
	bool first = true;

	end = p ? p + process->cmdline_len : p;
	while (p < end) {
		nul = memchr(p, '\0', end - p) ?: end;
		text = text_of_bytes(p, nul - p);
		p = nul + 1;
		if (!first || !process->exe) {
			buf_char(out, ' ');
			write_escaped(out, &text, needs_quotes(&text));
		}
		first = false;
	}
}

static void write_coverage(struct buf *out, const struct process_info *process)
{
	size_t i;

	if (!process->python && !process->probe)
		return;
	buf_lit(out, " (");
	if (process->python) {
		buf_lit(out, "CPython ");
		write_cstr(out, process->python, false);
	}
	if (process->probe) {
		buf_str(out, process->python ? ", " : "");
		write_cstr(out, process->probe, false);
	}
	for (i = 0; i < process->n_missed; i++) {
		buf_str(out, i ? ", " : "; misses ");
		write_cstr(out, process->missed[i], false);
	}
	if (process->probe && process->unseen_ns >= UNSEEN_TOLD)
		buf_printf(out, "; its first %.3f s were not seen", process->unseen_ns / 1e9);
	buf_char(out, ')');
}

/* As container tools show IDs. */
static void write_container(struct buf *out, const struct process_info *process)
{
	if (!process->container)
		return;
	buf_lit(out, " in container ");
	buf_add(out, process->container, strnlen(process->container, CONTAINER_SHORT));
}

static void write_process(struct buf *out, const struct audit_event *event, bool color)
{
	const struct process_info *process = event->process;

	buf_lit(out, "+++ process:");
	if (process) {
		if (process->exe) {
			buf_char(out, ' ');
			write_cstr(out, process->exe, false);
		}
		write_cmdline(out, process);
		write_coverage(out, process);
		write_container(out, process);
		if (process->starter.name) {
			buf_lit(out, ", started by ");
			write_cstr(out, process->starter.name, false);
		}
	}
	buf_lit(out, " +++");
}

static void write_exit(struct buf *out, const struct audit_event *event, bool color)
{
	if (WIFSIGNALED(event->status)) {
		buf_lit(out, "+++ killed by ");
		format_signal(out, WTERMSIG(event->status));
	} else {
		buf_lit(out, "+++ exited with ");
		buf_u64(out, WEXITSTATUS(event->status));
	}
	buf_lit(out, " +++");
}

static void write_lost(struct buf *out, const struct audit_event *event, bool color)
{
	static const char *const reasons[] = {
		[LOSS_RING] = "ring buffer full",
		[LOSS_SCRATCH] = "too many at once",
		[LOSS_DECODE] = "record not understood",
		[LOSS_OUTPUT] = "output failed or too slow",
		[LOSS_RATE] = "above --rate",
		[LOSS_CPU] = "above --max-cpu",
	};
	unsigned int reason = event->lost.reason;

	write_color(out, RED, color);
	buf_lit(out, "--- lost ");
	buf_u64(out, event->lost.count);
	buf_str(out, event->lost.count == 1 ? " event: " : " events: ");
	buf_str(out, reason < ARRAY_SIZE(reasons) ? reasons[reason] : format_loss(reason));
	buf_lit(out, " ---");
	write_color(out, OFF, color);
}

static void write_who(struct buf *out, const struct audit_event *event)
{
	buf_u64(out, event->tid ?: event->pid);
	buf_char(out, ' ');
	write_cstr(out, event->comm, false);
	buf_char(out, ' ');
}

/* The summary is told on stderr, for people; it is no line here. */
static void (*const writers[])(struct buf *, const struct audit_event *, bool) = {
	[RECORD_AUDIT] = write_audit, [RECORD_PROCESS] = write_process,
	[RECORD_EXIT] = write_exit,   [RECORD_SYSCALL] = write_syscall,
	[RECORD_LOST] = write_lost,
};

static bool is_shown(const struct audit_event *event)
{
	return event->type < ARRAY_SIZE(writers) && writers[event->type];
}

static void write_record(struct buf *out, const struct audit_event *event, bool color)
{
	if (event->type != RECORD_LOST)
		write_who(out, event);
	writers[event->type](out, event, color);
}

void text_record(struct buf *out, const struct audit_event *event)
{
	if (is_shown(event))
		write_record(out, event, false);
}

static void text_write(struct buf *out, const struct audit_event *event, uint64_t seq, bool color)
{
	if (!is_shown(event))
		return;
	write_color(out, DIM, color);
	format_time_local(out, event->time.ns);
	write_color(out, OFF, color);
	buf_char(out, ' ');
	write_record(out, event, color);
	buf_char(out, '\n');
}

const struct format_ops format_text = {.name = "text", .write = text_write};
