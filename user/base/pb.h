/* SPDX-License-Identifier: GPL-2.0-only */
/* Protocol buffers, as much as OTLP needs: https://protobuf.dev/programming-guides/encoding */
#ifndef PYAUDIT_PB_H
#define PYAUDIT_PB_H

#include "base/buf.h"

/* Writing: each appends one field. */
void pb_varint(struct buf *out, uint64_t value); /* without a field number */
void pb_uint(struct buf *out, uint32_t field, uint64_t value);
void pb_fixed32(struct buf *out, uint32_t field, uint32_t value);
void pb_fixed64(struct buf *out, uint32_t field, uint64_t value);
void pb_double(struct buf *out, uint32_t field, double value);
void pb_bytes(struct buf *out, uint32_t field, const void *data, size_t len);

/* A field that is a message, or text of a length not known before: what is appended between the two
 * calls. pb_end gets what pb_begin returned. */
size_t pb_begin(struct buf *out, uint32_t field);
void pb_end(struct buf *out, size_t at);

/* Reading. */
enum pb_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

struct pb_reader {
	const unsigned char *p, *end;
};

struct pb_field {
	uint32_t number;
	enum pb_type type;
	uint64_t value; /* but for PB_BYTES */
	const unsigned char *data;
	size_t len;
};

static inline struct pb_reader pb_read(const void *data, size_t len)
{
	return (struct pb_reader){data, (const unsigned char *)data + len};
}

/* The next field. 1, 0 at the end, or -EINVAL when this is no message. */
int pb_next(struct pb_reader *r, struct pb_field *field);

#endif
