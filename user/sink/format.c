// SPDX-License-Identifier: GPL-2.0-only
#include "sink/format.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "decode/text_iter.h"
#include "sink/sink.h"

#define NS_PER_SECOND 1000000000ll

static const struct format_ops *const formats[] = {
	&format_text, &format_json, &format_folded, &format_ecs, &format_ocsf,
};

const struct format_ops *format_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

/* Most records fall into the second of the one before: its text is kept. */
struct second {
	int64_t second;
	size_t len;
	char text[40];
};

static void make_second(struct second *s, int64_t second, const char *fmt,
			struct tm *(*convert)(const time_t *, struct tm *))
{
	struct tm tm = {0};
	time_t t = second;

	convert(&t, &tm);
	s->len = strftime(s->text, sizeof(s->text), fmt, &tm);
	s->second = second;
}

static void add_fraction(struct buf *out, uint32_t value, unsigned int digits)
{
	char text[10];
	unsigned int i;

	for (i = digits; i--; value /= 10)
		text[i] = '0' + value % 10;
	buf_add(out, text, digits);
}

/* Rounds down, also before 1970, so that the fraction is never negative. */
static int64_t split_time(int64_t ns, uint32_t *fraction)
{
	int64_t second = ns / NS_PER_SECOND - (ns % NS_PER_SECOND < 0);

	*fraction = (uint64_t)ns - (uint64_t)second * NS_PER_SECOND;
	return second;
}

void format_time_utc(struct buf *out, int64_t ns)
{
	static struct second last;
	uint32_t fraction;
	int64_t second = split_time(ns, &fraction);

	if (!last.len || last.second != second)
		make_second(&last, second, "%Y-%m-%dT%H:%M:%S.", gmtime_r);
	buf_add(out, last.text, last.len);
	add_fraction(out, fraction, 9);
	buf_char(out, 'Z');
}

void format_time_local(struct buf *out, int64_t ns)
{
	static struct second last;
	uint32_t fraction;
	int64_t second = split_time(ns, &fraction);

	if (!last.len || last.second != second)
		make_second(&last, second, "%H:%M:%S.", localtime_r);
	buf_add(out, last.text, last.len);
	add_fraction(out, fraction / 1000, 6);
}

void format_hex(struct buf *out, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < len; i++) {
		buf_char(out, digits[p[i] >> 4]);
		buf_char(out, digits[p[i] & 15]);
	}
}

void format_errno(struct buf *out, uint64_t number)
{
	const char *name = number && number < 4096 ? strerrorname_np(number) : NULL;

	if (name)
		buf_str(out, name);
	else
		buf_u64(out, number);
}

void format_signal(struct buf *out, int number)
{
	const char *name = sigabbrev_np(number);

	buf_lit(out, "SIG");
	if (name) {
		buf_str(out, name);
	} else if (number >= SIGRTMIN && number <= SIGRTMAX) {
		buf_lit(out, "RTMIN+");
		buf_u64(out, number - SIGRTMIN);
	} else {
		buf_i64(out, number);
	}
}

static const struct event_arg *table_arg(const struct audit_event *event, uint32_t index)
{
	const struct event_variant *variant = event->variant;

	return variant && index < variant->n_args ? &variant->args[index] : NULL;
}

void format_arg_name(struct buf *out, const struct audit_event *event, uint32_t index)
{
	const struct event_arg *arg = table_arg(event, index);

	if (arg) {
		buf_str(out, arg->name);
	} else {
		buf_lit(out, "arg");
		buf_u64(out, index);
	}
}

enum arg_show format_arg_show(const struct audit_event *event, uint32_t index)
{
	const struct event_arg *arg = table_arg(event, index);

	return arg ? arg->show : SHOW_PLAIN;
}

const char *format_loss(enum loss_reason reason)
{
	return (unsigned int)reason < LOSS_MAX ? loss_reasons[reason] : "unknown";
}

const char *format_type(enum record_type type)
{
	static const char *const names[] = {
		[RECORD_AUDIT] = "audit",     [RECORD_PROCESS] = "process",
		[RECORD_EXIT] = "exit",	      [RECORD_LOST] = "lost",
		[RECORD_COUNT] = "count",     [RECORD_SUMMARY] = "summary",
		[RECORD_SYSCALL] = "syscall",
	};

	return (unsigned int)type < ARRAY_SIZE(names) && names[type] ? names[type] : "unknown";
}

int format_severity(const struct audit_event *event)
{
	bool hidden = event->type == RECORD_SYSCALL && event->announced == ANNOUNCED_NO;

	return event->type == RECORD_LOST || hidden ? LOG_WARNING : LOG_INFO;
}

static const char *const properties[][3] = {
	[WIRE_OBJECT_PLAIN] = {0},
	[WIRE_OBJECT_CODE] = {"func", "file", "line"},
	[WIRE_OBJECT_FUNCTION] = {"func"},
	[WIRE_OBJECT_TYPE] = {"name"},
	[WIRE_OBJECT_MODULE] = {"name"},
	[WIRE_OBJECT_SOCKET] = {"fd"},
	[WIRE_OBJECT_PATH] = {"path"},
	[WIRE_OBJECT_PATH_PARTS] = {"parts"},
	[WIRE_OBJECT_MAPPING] = {"mapping"},
	[WIRE_OBJECT_FILE] = {"fd"},
	[WIRE_OBJECT_EXCEPTION] = {"message"},
	[WIRE_OBJECT_FRAME] = {"func", "file"},
	[WIRE_OBJECT_TRACEBACK] = {"func", "file", "line"},
	[WIRE_OBJECT_CTYPES] = {"address"},
	[WIRE_OBJECT_DIR_ENTRY] = {"path"},
};

const char *format_property(enum wire_object object, uint32_t index)
{
	const char *name = NULL;

	if (object < ARRAY_SIZE(properties) && index < ARRAY_SIZE(properties[0]))
		name = properties[object][index];
	return name ?: "value";
}

struct text format_payload(const struct value *v)
{
	struct text text = v->text;

	if (v->status == WIRE_TRUNCATED)
		text.len -= text_cut_tail(&text);
	return text;
}

/*
 * Where a path is asked for and its content could not be read, the reason stands there
 * (null, and named as unreadable); content of an unexpected kind leaves an object with a property.
 */
const struct value *format_inner(const struct value *v)
{
	const struct value *child = v + 1;

	if (v->kind != WIRE_OBJECT || v->children != 1)
		return NULL;
	if (v->aux != WIRE_OBJECT_PATH && v->aux != WIRE_OBJECT_PATH_PARTS)
		return NULL;
	if (!format_readable(child))
		return child;
	return v->aux == WIRE_OBJECT_PATH && child->kind == WIRE_STR ? child : NULL;
}

bool format_can_join(const struct value *v)
{
	const struct value *list = v + 1, *part = v + 2;
	uint32_t i;

	if (v->kind != WIRE_OBJECT || v->aux != WIRE_OBJECT_PATH_PARTS || v->children != 1)
		return false;
	if ((list->kind != WIRE_LIST && list->kind != WIRE_TUPLE) || !format_readable(list))
		return false;
	/* Without a segment there would be a path that is not that. */
	if (!list->children && list->status == WIRE_TRUNCATED)
		return false;
	for (i = 0; i < list->children; i++, part = value_next(part))
		if (part->kind != WIRE_STR || !format_readable(part))
			return false;
	return true;
}

bool format_join_is_cut(const struct value *v)
{
	uint32_t i;

	for (i = 1; i <= v->span; i++)
		if (v[i].status == WIRE_TRUNCATED)
			return true;
	return false;
}

/* Slashes a segment begins with, at most 3. */
static int leading_slashes(const struct value *part)
{
	struct text text = format_payload(part);
	struct text_iter it;
	uint32_t cp;
	int n = 0;

	text_iter_init(&it, &text);
	while (n < 3 && text_next(&it, &cp) && cp == '/')
		n++;
	return n;
}

/* Writes path components as they come, leaving out empty ones and ".". */
struct joiner {
	void (*put)(void *arg, uint32_t cp);
	void *arg;
	bool any; /* something was written since the root */
	bool dot; /* the component so far is ".", held back */
	bool in_component;
};

static void join_start(struct joiner *j)
{
	if (j->any)
		j->put(j->arg, '/');
	j->any = true;
	j->in_component = true;
	if (j->dot)
		j->put(j->arg, '.');
	j->dot = false;
}

static void join_code_point(struct joiner *j, uint32_t cp)
{
	if (cp == '/') {
		j->dot = false;
		j->in_component = false;
		return;
	}
	if (!j->in_component && !j->dot && cp == '.') {
		j->dot = true;
		return;
	}
	if (!j->in_component)
		join_start(j);
	j->put(j->arg, cp);
}

static void join_part(struct joiner *j, const struct value *part)
{
	struct text text = format_payload(part);
	struct text_iter it;
	uint32_t cp;

	text_iter_init(&it, &text);
	while (text_next(&it, &cp))
		join_code_point(j, cp);
	join_code_point(j, '/');
}

/* pathlib: an absolute segment replaces those before it; exactly two leading slashes stay two. */
void format_join(const struct value *v, void (*put)(void *arg, uint32_t cp), void *arg)
{
	struct joiner j = {.put = put, .arg = arg};
	const struct value *part = v + 2, *start = NULL;
	uint32_t i, first = 0, n = v[1].children;
	int slashes = 0, k;

	for (i = 0; i < n; i++, part = value_next(part)) {
		k = leading_slashes(part);
		if (!start || k) {
			start = part;
			first = i;
			slashes = k;
		}
	}
	for (k = slashes == 2 ? 2 : slashes > 0; k > 0; k--)
		put(arg, '/');
	for (part = start, i = first; i < n; i++, part = value_next(part))
		join_part(&j, part);
	if (!slashes && !j.any)
		put(arg, '.');
}
