/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of a spool: a header, then blocks, each framed with its length and a CRC-32. Numbers
 * are little endian. */
#ifndef PYAUDIT_SPOOL_FRAME_H
#define PYAUDIT_SPOOL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_HEADER	   16
#define SPOOL_FRAME_HEADER 16
#define SPOOL_BLOCK_MAX	   (32u << 20)

struct spool_block {
	size_t len;
	uint32_t count, records; /* events, and all records */
};

/* SPOOL_HEADER bytes. kind: what blocks are, not 0. */
void spool_header_write(unsigned char *out, uint32_t kind);
/* The kind of a file that begins so; 0: it is none of a spool. */
uint32_t spool_header_kind(const unsigned char *data, size_t len);

/* SPOOL_FRAME_HEADER bytes, which go before the block's data. */
void spool_frame_write(unsigned char *out, const void *data, const struct spool_block *block);

/* What a frame's header says its length is, unchecked. */
uint32_t spool_frame_length(const unsigned char *header);

/* The frame at *at of what is known of a file: 1, its data begins at *start and *at moves behind
 * it; 0 at the end; -EBADMSG when what is there is no whole frame. */
int spool_frame(const unsigned char *data, size_t len, size_t *at, struct spool_block *block,
		size_t *start);

#endif
