/* SPDX-License-Identifier: GPL-2.0-only */
/* What the writers share: times, numbers, names, and how some objects stand for another value. */
#ifndef PYAUDIT_FORMAT_H
#define PYAUDIT_FORMAT_H

#include "base/buf.h"
#include "decode/audit_event.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* "2026-11-22T06:10:24.123456789Z" */
void format_time_utc(struct buf *out, int64_t ns);
/* "06:10:24.123456", local time */
void format_time_local(struct buf *out, int64_t ns);

/* A finite number as Python's repr shows it: the shortest text that gives the same double. */
void format_float(struct buf *out, double value);
double format_double(uint64_t bits);

/* "EFAULT", or the number when it has no name. */
void format_errno(struct buf *out, uint64_t number);
/* "SIGKILL", "SIGRTMIN+2", or "SIG32" */
void format_signal(struct buf *out, int number);

/* The name of the argument at index: the table's, or "arg" and the index. */
void format_arg_name(struct buf *out, const struct audit_event *event, uint32_t index);
enum arg_show format_arg_show(const struct audit_event *event, uint32_t index);

/* Why a record says an event was lost; never NULL. */
const char *format_loss(enum loss_reason reason);

/* "audit", "process", ...: a record's type in JSON; never NULL. */
const char *format_type(enum record_type type);

/* How grave a record is, as syslog(3) numbers it: 6 (informational), what is lost 4 (warning). */
int format_severity(const struct audit_event *event);

/* The property at index (below the object's children) of an object. */
const char *format_property(enum wire_object object, uint32_t index);

static inline bool format_readable(const struct value *v)
{
	return v->status == WIRE_OK || v->status == WIRE_TRUNCATED;
}

/* The payload as shown: text from C that was cut loses the part of a code point the cut left over.
 */
struct text format_payload(const struct value *v);

/* The child that is shown in the place of a path or mapping object; NULL when v stands for itself.
 */
const struct value *format_inner(const struct value *v);

/* Whether v is a path whose segments can all be shown: then format_join gives put the code points
 * of the path pathlib would make of them. */
bool format_can_join(const struct value *v);
bool format_join_is_cut(const struct value *v); /* some of it is missing */
void format_join(const struct value *v, void (*put)(void *arg, uint32_t cp), void *arg);

/* Text as the text format shows it, without quotes: nothing a terminal would obey. */
void text_bare(struct buf *out, const char *s);

/* A line of the text format without the time and the line end, for receivers that have both
 * themselves. Appends nothing for a record that text does not show. */
void text_record(struct buf *out, const struct audit_event *event);

/* The JSON object of a record without the line end. */
void json_record(struct buf *out, const struct audit_event *event, uint64_t seq);
/* The same without what formats have in places of their own: time, seq, the ids of the process. */
void json_own(struct buf *out, const struct audit_event *event);

/* The arguments of an audit event: the value of "args" in it. */
void json_arguments(struct buf *out, const struct audit_event *event);

/* The same for text as captured. */
void text_plain(struct buf *out, const struct text *text);

/* The Python call stack, behind what there is of its record (see sink/stack_write.c): a member of
 * the object, or lines that begin with their line end. */
void json_stack(struct buf *out, const struct stack *stack);
void text_stack(struct buf *out, const struct stack *stack);
/* One frame: "func (file:line)". */
void text_frame(struct buf *out, const struct stack_frame *frame);

/* A value as the text format shows it. */
void text_value(struct buf *out, const struct value *v);

/* System calls (see sink/call_write.c): the members of one; its arguments as an object; those of an
 * event as a member of its record; the event a call came after. */
void json_call(struct buf *out, const struct call_info *call);
void json_call_args(struct buf *out, const struct call_info *call);
void json_calls(struct buf *out, const struct audit_event *event);
void json_after(struct buf *out, const struct event_ref *after);
/* One as strace shows it; those of an event as its result. */
void text_call(struct buf *out, const struct call_info *call);
void text_calls(struct buf *out, const struct audit_event *event);

/* A JSON string with its quotes: always valid UTF-8 on one line, lone surrogates as \udcXX. */
void json_text(struct buf *out, const struct text *text);
void json_cstr(struct buf *out, const char *s);

/* The members of an audit record that say what is not whole (see sink/json_marks.c); each appends
 * nothing when there is nothing to say. */
void json_truncated(struct buf *out, const struct audit_event *event);
void json_unreadable(struct buf *out, const struct audit_event *event);
/* Whether they have something to say of the stack. */
bool json_stack_cut(const struct stack *stack);
bool json_stack_unreadable(const struct stack *stack);
/* Whether a dict is written as a JSON object. */
bool json_dict_is_object(const struct value *v);

#endif
