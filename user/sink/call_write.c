// SPDX-License-Identifier: GPL-2.0-only
/* System calls as both formats show them. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "decode/show.h"
#include "decode/socket_address.h"
#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/json.h"
#include "sink/text.h"

/* A call that took no longer than this is not worth saying how long. */
#define LONG_NS 100000

/* How the formats differ where addresses, texts and lists are concerned. */
struct style {
	const char *open, *close; /* of a list */
	void (*text)(struct buf *out, const struct text *text);
};

static void quoted_text(struct buf *out, const struct text *text)
{
	buf_char(out, '"');
	text_plain(out, text);
	buf_char(out, '"');
}

static const struct style json_style = {"[", "]", json_text}, text_style = {"(", ")", quoted_text};

static void write_inet(struct buf *out, const struct style *style, const struct socket_address *a)
{
	struct text text = text_of_cstr(a->host);

	buf_str(out, style->open);
	style->text(out, &text);
	buf_str(out, style == &text_style ? ", " : ",");
	buf_u64(out, a->port);
	buf_str(out, style->close);
}

/* As Python has addresses: a pair for the internet, a path for AF_UNIX; others by their family. */
static void write_address(struct buf *out, const struct style *style, const struct text *raw)
{
	struct socket_address a;

	socket_address_of(raw, &a);
	if (a.host[0]) {
		write_inet(out, style, &a);
	} else if (a.family == AF_UNIX) {
		style->text(out, &a.path);
	} else {
		buf_str(out, style == &text_style ? "<family " : "{\"family\":");
		buf_u64(out, a.family);
		buf_char(out, style == &text_style ? '>' : '}');
	}
}

static void write_argv(struct buf *out, const struct style *style, const struct text *joined)
{
	const char *p = joined->data, *end = p + joined->len, *nul;
	bool first = true;
	struct text text;

	buf_char(out, '[');
	for (; p < end; p = nul + 1) {
		nul = memchr(p, '\0', end - p) ?: end;
		text = text_of_bytes(p, nul - p);
		buf_str(out, first ? "" : style == &text_style ? ", " : ",");
		style->text(out, &text);
		first = false;
	}
	buf_char(out, ']');
}

static void write_text(struct buf *out, const struct style *style, enum call_arg_kind kind,
		       const struct text *text)
{
	if (kind == CALL_ARG_PATH)
		style->text(out, text);
	else if (kind == CALL_ARG_ARGV)
		write_argv(out, style, text);
	else
		write_address(out, style, text);
}

static bool is_signed(enum call_arg_kind kind)
{
	return kind == CALL_ARG_FD || kind == CALL_ARG_DIRFD || kind == CALL_ARG_PID ||
	       kind == CALL_ARG_UID || kind == CALL_ARG_SIGNAL || kind == CALL_ARG_FAMILY ||
	       kind == CALL_ARG_SOCKTYPE;
}

static void write_plain_number(struct buf *out, enum call_arg_kind kind, uint64_t value)
{
	if (is_signed(kind))
		buf_i64(out, (int32_t)value);
	else if (kind == CALL_ARG_OPEN_FLAGS || kind == CALL_ARG_MODE || kind == CALL_ARG_PROT)
		buf_u64(out, (uint32_t)value);
	else
		buf_u64(out, value);
}

static bool show_prot(struct buf *out, uint64_t value)
{
	if (!value || value & ~(uint64_t)(PROT_READ | PROT_WRITE | PROT_EXEC))
		return false;
	buf_str(out, value & PROT_READ ? "PROT_READ" : "");
	if (value & PROT_WRITE)
		buf_str(out, value & PROT_READ ? "|PROT_WRITE" : "PROT_WRITE");
	if (value & PROT_EXEC)
		buf_str(out, value & ~(uint64_t)PROT_EXEC ? "|PROT_EXEC" : "PROT_EXEC");
	return true;
}

static void write_shown_number(struct buf *out, enum call_arg_kind kind, uint64_t value)
{
	static const enum arg_show shows[] = {
		[CALL_ARG_POINTER] = SHOW_POINTER,   [CALL_ARG_UID] = SHOW_UID,
		[CALL_ARG_MODE] = SHOW_MODE,	     [CALL_ARG_OPEN_FLAGS] = SHOW_OPEN_FLAGS,
		[CALL_ARG_SIGNAL] = SHOW_SIGNAL,     [CALL_ARG_FAMILY] = SHOW_FAMILY,
		[CALL_ARG_SOCKTYPE] = SHOW_SOCKTYPE, [CALL_ARG_RLIMIT] = SHOW_RLIMIT,
		[CALL_ARG_FLOCK] = SHOW_FLOCK,	     [CALL_ARG_OPEN_HOW] = SHOW_OPEN_FLAGS,
	};
	int64_t number = is_signed(kind) || kind == CALL_ARG_MODE || kind == CALL_ARG_OPEN_FLAGS
				 ? (int32_t)value
				 : (int64_t)value;

	if (kind == CALL_ARG_DIRFD && number == AT_FDCWD)
		buf_lit(out, "AT_FDCWD");
	else if (kind == CALL_ARG_HEX || kind == CALL_ARG_CLONE3)
		buf_printf(out, "%#llx", (unsigned long long)value);
	else if (kind == CALL_ARG_PROT ? !show_prot(out, value)
				       : kind >= ARRAY_SIZE(shows) || !shows[kind] ||
						 !show_number(out, shows[kind], number))
		write_plain_number(out, kind, value);
}

typedef void (*arg_writer)(struct buf *out, const struct call_info *call,
			   const struct call_arg *arg, int text);

static void each_arg(struct buf *out, const struct call_info *call, const char *separator,
		     arg_writer write)
{
	int i, text = 0;

	for (i = 0; i < CALL_ARGS && call->row->args[i].name; i++) {
		bool is_text = call->row->args[i].kind >= CALL_ARG_PATH;

		if (is_text && text == CALL_TEXTS)
			break;
		buf_str(out, i ? separator : "");
		write(out, call, &call->row->args[i], is_text ? text++ : -1);
	}
}

static void json_arg(struct buf *out, const struct call_info *call, const struct call_arg *arg,
		     int text)
{
	json_cstr(out, arg->name);
	buf_char(out, ':');
	if (text < 0)
		write_plain_number(out, arg->kind, call->args[arg->at]);
	else if (call->text_errors[text])
		buf_lit(out, "null");
	else
		write_text(out, &json_style, arg->kind, &call->texts[text]);
}

static void text_arg(struct buf *out, const struct call_info *call, const struct call_arg *arg,
		     int text)
{
	buf_str(out, arg->name);
	buf_char(out, '=');
	if (text < 0) {
		write_shown_number(out, arg->kind, call->args[arg->at]);
	} else if (call->text_errors[text]) {
		buf_lit(out, "<unreadable: ");
		format_errno(out, call->text_errors[text]);
		buf_char(out, '>');
	} else {
		write_text(out, &text_style, arg->kind, &call->texts[text]);
		buf_str(out, call->text_cut[text] ? "..." : "");
	}
}

/* The names of those arguments that are cut, or could not be read and why. */
static void json_marks(struct buf *out, const struct call_info *call, bool cut)
{
	int i, text = 0;
	bool first = true;

	for (i = 0; i < CALL_ARGS && text < CALL_TEXTS; i++) {
		const struct call_arg *arg = &call->row->args[i];

		if (arg->kind < CALL_ARG_PATH)
			continue;
		if (cut ? call->text_cut[text] : call->text_errors[text]) {
			buf_str(out, !first ? "," : cut ? ",\"cut\":[" : ",\"unreadable\":{");
			json_cstr(out, arg->name);
			if (!cut) {
				buf_lit(out, ":\"");
				format_errno(out, call->text_errors[text]);
				buf_char(out, '"');
			}
			first = false;
		}
		text++;
	}
	if (!first)
		buf_char(out, cut ? ']' : '}');
}

void json_call_args(struct buf *out, const struct call_info *call)
{
	buf_char(out, '{');
	each_arg(out, call, ",", json_arg);
	buf_char(out, '}');
}

void json_call(struct buf *out, const struct call_info *call)
{
	buf_lit(out, "\"name\":");
	json_cstr(out, call->row->name);
	buf_str(out, call->i386 ? ",\"abi\":\"i386\"" : "");
	buf_lit(out, ",\"args\":");
	json_call_args(out, call);
	json_marks(out, call, true);
	json_marks(out, call, false);
	buf_lit(out, ",\"ret\":");
	buf_i64(out, call->ret);
	if (call->ret < 0) {
		buf_lit(out, ",\"error\":\"");
		format_errno(out, -(uint64_t)call->ret);
		buf_char(out, '"');
	}
	buf_lit(out, ",\"ns\":");
	buf_u64(out, call->ns);
}

void json_calls(struct buf *out, const struct audit_event *event)
{
	size_t i;

	for (i = 0; i < event->n_calls; i++) {
		const struct call_info *call = &event->calls[i];

		buf_str(out, i ? ",{" : ",\"syscalls\":[{");
		if (call->pid != event->pid) {
			buf_lit(out, "\"pid\":");
			buf_u64(out, call->pid);
			buf_char(out, ',');
		}
		json_call(out, call);
		buf_char(out, '}');
	}
	buf_str(out, event->n_calls ? "]" : "");
}

void json_after(struct buf *out, const struct event_ref *after)
{
	if (!after->name)
		return;
	buf_lit(out, ",\"after\":{");
	if (after->seq) {
		buf_lit(out, "\"seq\":");
		buf_u64(out, after->seq);
		buf_char(out, ',');
	}
	buf_lit(out, "\"event\":");
	json_cstr(out, after->name);
	buf_char(out, '}');
}

/* " = 3", " = -1 ECONNREFUSED (312 us)" */
static void text_result(struct buf *out, const struct call_info *call)
{
	buf_lit(out, " = ");
	buf_i64(out, call->ret < 0 ? -1 : call->ret);
	if (call->ret < 0) {
		buf_char(out, ' ');
		format_errno(out, -(uint64_t)call->ret);
	}
	if (call->ns >= 1000000000)
		buf_printf(out, " (%.3f s)", call->ns / 1e9);
	else if (call->ns >= 10000000)
		buf_printf(out, " (%llu ms)", (unsigned long long)call->ns / 1000000);
	else if (call->ns >= LONG_NS)
		buf_printf(out, " (%llu us)", (unsigned long long)call->ns / 1000);
}

void text_call(struct buf *out, const struct call_info *call)
{
	buf_str(out, call->i386 ? "i386:" : "");
	buf_str(out, call->row->name);
	buf_char(out, '(');
	each_arg(out, call, ", ", text_arg);
	buf_char(out, ')');
	text_result(out, call);
}

/* One call is the event's result; of several each but the first has its name. */
void text_calls(struct buf *out, const struct audit_event *event)
{
	size_t i;

	for (i = 0; i < event->n_calls; i++) {
		const struct call_info *call = &event->calls[i];

		if (i) {
			buf_lit(out, ", ");
			buf_str(out, call->row->name);
			if (call->texts[0].len && call->row->args[0].kind == CALL_ARG_PATH) {
				buf_char(out, '(');
				quoted_text(out, &call->texts[0]);
				buf_char(out, ')');
			}
		}
		text_result(out, call);
	}
	if (event->calls_made > event->n_calls)
		buf_printf(out, ", ... %zu more", event->calls_made - event->n_calls);
}
