// SPDX-License-Identifier: GPL-2.0-only
#include "base/pb.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define VARINT_MAX 10

static size_t put_varint(char *w, uint64_t value)
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		w[n++] = (char)(value | 0x80);
	w[n++] = (char)value;
	return n;
}

void pb_varint(struct buf *out, uint64_t value)
{
	if (buf_reserve(out, VARINT_MAX))
		out->len += put_varint(out->data + out->len, value);
}

static void put_tag(struct buf *out, uint32_t field, enum pb_type type)
{
	pb_varint(out, (uint64_t)field << 3 | type);
}

void pb_uint(struct buf *out, uint32_t field, uint64_t value)
{
	put_tag(out, field, PB_VARINT);
	pb_varint(out, value);
}

void pb_fixed32(struct buf *out, uint32_t field, uint32_t value)
{
	value = htole32(value);
	put_tag(out, field, PB_FIXED32);
	buf_add(out, &value, sizeof(value));
}

void pb_fixed64(struct buf *out, uint32_t field, uint64_t value)
{
	value = htole64(value);
	put_tag(out, field, PB_FIXED64);
	buf_add(out, &value, sizeof(value));
}

void pb_double(struct buf *out, uint32_t field, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	pb_fixed64(out, field, bits);
}

void pb_bytes(struct buf *out, uint32_t field, const void *data, size_t len)
{
	put_tag(out, field, PB_BYTES);
	pb_varint(out, len);
	buf_add(out, data, len);
}

/* One byte is kept for the length, which most have; what is longer moves. */
size_t pb_begin(struct buf *out, uint32_t field)
{
	put_tag(out, field, PB_BYTES);
	buf_char(out, 0);
	return out->len;
}

void pb_end(struct buf *out, size_t at)
{
	char length[VARINT_MAX];
	size_t len, n;

	if (out->failed)
		return;
	len = out->len - at;
	n = put_varint(length, len);
	if (!buf_reserve(out, n - 1))
		return;
	if (n > 1)
		memmove(out->data + at + n - 1, out->data + at, len);
	memcpy(out->data + at - 1, length, n);
	out->len += n - 1;
}

static bool take_varint(struct pb_reader *r, uint64_t *value)
{
	unsigned int shift;

	*value = 0;
	for (shift = 0; r->p < r->end && shift < 64; shift += 7) {
		*value |= (uint64_t)(*r->p & 0x7f) << shift;
		if (!(*r->p++ & 0x80))
			return true;
	}
	return false;
}

static bool take_bytes(struct pb_reader *r, struct pb_field *field, size_t len)
{
	if (len > (size_t)(r->end - r->p))
		return false;
	field->data = r->p;
	field->len = len;
	r->p += len;
	return true;
}

static bool take_fixed(struct pb_reader *r, struct pb_field *field, size_t len)
{
	if (!take_bytes(r, field, len))
		return false;
	field->value = 0;
	while (len--)
		field->value = field->value << 8 | field->data[len];
	return true;
}

int pb_next(struct pb_reader *r, struct pb_field *field)
{
	uint64_t tag, len;
	bool good = false;

	if (r->p == r->end)
		return 0;
	if (!take_varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX)
		return -EINVAL;
	field->number = (uint32_t)(tag >> 3);
	field->type = tag & 7;
	switch (field->type) {
	case PB_VARINT: good = take_varint(r, &field->value); break;
	case PB_FIXED64: good = take_fixed(r, field, 8); break;
	case PB_FIXED32: good = take_fixed(r, field, 4); break;
	case PB_BYTES: good = take_varint(r, &len) && take_bytes(r, field, len); break;
	}
	return good ? 1 : -EINVAL;
}
