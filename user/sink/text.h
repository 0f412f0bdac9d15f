/* SPDX-License-Identifier: GPL-2.0-only */
/* What writers of text for people share: the lines of the text format and their parts. All append
 * to a buffer, which remembers that memory ran out. */
#ifndef PYAUDIT_TEXT_H
#define PYAUDIT_TEXT_H

#include "base/buf.h"
#include "decode/audit_event.h"

/* A line of the text format without the time and the line end, for receivers that have both
 * themselves. Appends nothing for a record that text does not show. */
void text_record(struct buf *out, const struct audit_event *event);

/* Text without quotes: nothing a terminal would obey. */
void text_bare(struct buf *out, const char *s);
void text_plain(struct buf *out, const struct text *text);
/* The same with quotes, and quotes in it escaped. */
void text_quoted(struct buf *out, const struct text *text);
/* One code point between quotes; out is a struct buf, for format_join. */
void text_code_point(void *out, uint32_t cp);
/* As Python shows bytes: b"...". */
void text_bytes(struct buf *out, const struct text *bytes);

/* Behind what was cut: how long it was, as strace marks what -s cut. */
void text_cut(struct buf *out, uint64_t length);
/* A value, also one that could not be read. */
void text_value(struct buf *out, const struct value *v);
/* All arguments of an event, in parentheses. */
void text_args(struct buf *out, const struct audit_event *event);

/* The Python call stack (see sink/stack_write.c): lines that begin with their line end. */
void text_stack(struct buf *out, const struct stack *stack);
/* One frame: "func (file:line)". */
void text_frame(struct buf *out, const struct stack_frame *frame);

/* A system call as strace shows it; those of an event as its result (see sink/call_write.c). */
void text_call(struct buf *out, const struct call_info *call);
void text_calls(struct buf *out, const struct audit_event *event);

#endif
