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

/* Two small hexadecimal digits for each byte. */
void format_hex(struct buf *out, const void *data, size_t len);

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

#endif
