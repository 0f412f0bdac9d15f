/* SPDX-License-Identifier: GPL-2.0-only */
/* What writers of JSON share: the records of the JSON lines format and their parts. All append to a
 * buffer, which remembers that memory ran out. */
#ifndef PYAUDIT_JSON_H
#define PYAUDIT_JSON_H

#include "base/buf.h"
#include "decode/audit_event.h"

/* The JSON object of a record without the line end. */
void json_record(struct buf *out, const struct audit_event *event, uint64_t seq);
/* The same without what formats have in places of their own: time, seq, the ids of the process. */
void json_own(struct buf *out, const struct audit_event *event);

/* The arguments of an audit event: the value of "args" in it. */
void json_arguments(struct buf *out, const struct audit_event *event);

/* The Python call stack, behind what there is of its record (see sink/stack_write.c): a member of
 * the object. */
void json_stack(struct buf *out, const struct stack *stack);

/* System calls (see sink/call_write.c): the members of one; its arguments as an object; those of an
 * event as a member of its record; the event a call came after. */
void json_call(struct buf *out, const struct call_info *call);
void json_call_args(struct buf *out, const struct call_info *call);
void json_calls(struct buf *out, const struct audit_event *event);
void json_after(struct buf *out, const struct event_ref *after);

/* A JSON string with its quotes: always valid UTF-8 on one line, lone surrogates as \udcXX. */
void json_text(struct buf *out, const struct text *text);
void json_cstr(struct buf *out, const char *s);
/* One code point of such a string; out is a struct buf, for format_join. */
void json_code_point(void *out, uint32_t cp);
/* Without quotes. */
void json_base64(struct buf *out, const void *data, size_t len);

/* Where the limits are seen while a value is written, so that most records need no second look. */
struct json {
	struct buf *out;
	bool truncated, unreadable;
};

/* A value: null for one that could not be read. */
void json_value(struct json *j, const struct value *v);
/* Whether a dict is written as a JSON object. */
bool json_dict_is_object(const struct value *v);

/* The members of an audit record that say what is not whole (see sink/json_marks.c); each appends
 * nothing when there is nothing to say. */
void json_truncated(struct buf *out, const struct audit_event *event);
void json_unreadable(struct buf *out, const struct audit_event *event);
/* Whether they have something to say of the stack. */
bool json_stack_cut(const struct stack *stack);
bool json_stack_unreadable(const struct stack *stack);

#endif
