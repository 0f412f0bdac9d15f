// SPDX-License-Identifier: GPL-2.0-only
/* How blocks lie in a file of the spool. All of it may have been damaged. */
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <zlib.h>

#include "sink/spool_frame.h"

struct file_header {
	char magic[8];
	uint32_t kind, zero;
};

struct frame_header {
	uint32_t len, count, records;
	uint32_t crc; /* of the three before and of the data */
};

_Static_assert(sizeof(struct file_header) == SPOOL_HEADER, "as documented");
_Static_assert(sizeof(struct frame_header) == SPOOL_FRAME_HEADER, "as documented");

static const char magic[8] = "PYASPOL1";

void spool_header_write(unsigned char *out, uint32_t kind)
{
	struct file_header h = {.kind = htole32(kind)};

	memcpy(h.magic, magic, sizeof(magic));
	memcpy(out, &h, sizeof(h));
}

uint32_t spool_header_kind(const unsigned char *data, size_t len)
{
	struct file_header h;

	if (len < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	return memcmp(h.magic, magic, sizeof(magic)) || h.zero ? 0 : le32toh(h.kind);
}

static uint32_t checksum(const struct frame_header *h, const void *data, size_t len)
{
	uLong crc = crc32(0, (const Bytef *)h, offsetof(struct frame_header, crc));

	return (uint32_t)crc32(crc, data, (uInt)len);
}

void spool_frame_write(unsigned char *out, const void *data, const struct spool_block *block)
{
	struct frame_header h = {
		.len = htole32((uint32_t)block->len),
		.count = htole32(block->count),
		.records = htole32(block->records),
	};

	h.crc = htole32(checksum(&h, data, block->len));
	memcpy(out, &h, sizeof(h));
}

uint32_t spool_frame_length(const unsigned char *header)
{
	struct frame_header h;

	memcpy(&h, header, sizeof(h));
	return le32toh(h.len);
}

int spool_frame(const unsigned char *data, size_t len, size_t *at, struct spool_block *block,
		size_t *start)
{
	struct frame_header h;
	size_t left = len - *at;

	if (!left)
		return 0;
	if (left < sizeof(h))
		return -EBADMSG;
	memcpy(&h, data + *at, sizeof(h));
	*block = (struct spool_block){
		.len = le32toh(h.len), .count = le32toh(h.count), .records = le32toh(h.records)};
	if (!block->len || block->len > SPOOL_BLOCK_MAX || block->len > left - sizeof(h) ||
	    block->count > block->records)
		return -EBADMSG;
	*start = *at + sizeof(h);
	if (checksum(&h, data + *start, block->len) != le32toh(h.crc))
		return -EBADMSG;
	*at = *start + block->len;
	return 1;
}
