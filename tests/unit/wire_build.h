/* SPDX-License-Identifier: GPL-2.0-only */
/* Builds wire records for tests: values in pre-order, then the counts. */
#ifndef PYAUDIT_WIRE_BUILD_H
#define PYAUDIT_WIRE_BUILD_H

#include <stdint.h>
#include <string.h>
#include <linux/types.h>

#include "wire.h"

struct wire_build {
	union {
		struct wire_audit audit;
		unsigned char data[2 * WIRE_MAX_RECORD];
	};
	uint32_t len;
};

static inline void wb_begin(struct wire_build *b)
{
	memset(b, 0, sizeof(*b));
	b->len = sizeof(b->audit);
	b->audit.head = (struct wire_header){
		.kind = WIRE_AUDIT,
		.time = 1000,
		.pid = 4711,
		.tid = 4712,
		.uid = 1000,
		.comm = "python3",
	};
}

/* A value's head alone. */
static inline struct wire_value *wb_head(struct wire_build *b, int kind, int status, int aux,
					 uint32_t len, uint64_t num)
{
	struct wire_value *v = (void *)(b->data + b->len);

	*v = (struct wire_value){
		.kind = kind, .status = status, .aux = aux, .len = len, .num = num};
	b->len += sizeof(*v);
	return v;
}

static inline void wb_payload(struct wire_build *b, const void *data, uint32_t len)
{
	memcpy(b->data + b->len, data, len);
	b->len += WIRE_PAD(len);
}

/* A value with a payload. */
static inline void wb_data(struct wire_build *b, int kind, int status, int aux, const void *data,
			   uint32_t len, uint64_t num)
{
	wb_head(b, kind, status, aux, len, num);
	wb_payload(b, data, len);
}

static inline void wb_cstr(struct wire_build *b, const char *s)
{
	wb_data(b, WIRE_STR, WIRE_OK, 0, s, strlen(s), strlen(s));
}

static inline void wb_cut_cstr(struct wire_build *b, const char *s, uint64_t length)
{
	wb_data(b, WIRE_STR, WIRE_TRUNCATED, 0, s, strlen(s), length);
}

/* A str of code units of `width` bytes; len in bytes. */
static inline void wb_units(struct wire_build *b, int width, const void *units, uint32_t len)
{
	wb_data(b, WIRE_STR, WIRE_OK, width, units, len, len / width);
}

static inline void wb_bytes(struct wire_build *b, const void *data, uint32_t len)
{
	wb_data(b, WIRE_BYTES, WIRE_OK, 0, data, len, len);
}

static inline void wb_int(struct wire_build *b, int64_t value)
{
	wb_head(b, WIRE_INT, WIRE_OK, 0, 0, value);
}

static inline void wb_none(struct wire_build *b)
{
	wb_head(b, WIRE_NONE, WIRE_OK, 0, 0, 0);
}

static inline void wb_float(struct wire_build *b, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	wb_head(b, WIRE_FLOAT, WIRE_OK, 0, 0, bits);
}

static inline void wb_unreadable(struct wire_build *b, int error)
{
	wb_head(b, 0, WIRE_UNREADABLE, 0, 0, error);
}

static inline void wb_null(struct wire_build *b)
{
	wb_head(b, WIRE_STR, WIRE_NULL, 0, 0, 0);
}

/* A complete tuple, list; a dict counts pairs. */
static inline void wb_sequence(struct wire_build *b, int kind, uint32_t children)
{
	wb_head(b, kind, WIRE_OK, 0, children, children);
}

static inline void wb_dict(struct wire_build *b, uint32_t pairs)
{
	wb_head(b, WIRE_DICT, WIRE_OK, 0, 2 * pairs, pairs);
}

static inline void wb_object(struct wire_build *b, int object, const char *type,
			     uint32_t properties)
{
	wb_data(b, WIRE_OBJECT, WIRE_OK, object, type, strlen(type), properties);
}

/* Comes last, before the counts. */
static inline void wb_trace(struct wire_build *b, const struct wire_trace *trace)
{
	wb_payload(b, trace, sizeof(*trace));
	b->audit.flags |= WIRE_AUDIT_TRACE;
}

/* Sets the counts: args top-level values follow the name; the event has `total` arguments. */
static inline void wb_end(struct wire_build *b, uint32_t args, uint32_t total)
{
	b->audit.head.size = b->len;
	b->audit.values = args + 1;
	b->audit.args = total;
}

#endif
