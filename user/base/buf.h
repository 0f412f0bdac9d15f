/* SPDX-License-Identifier: GPL-2.0-only */
/* A growing byte buffer: what writers append to. */
#ifndef PYAUDIT_BUF_H
#define PYAUDIT_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is empty and valid. Appending never fails from the caller's view: when memory is
 * gone the buffer turns `failed`, keeps what it has and ignores what follows. */
struct buf {
	char *data;
	size_t len, cap;
	bool failed;
};

/* Makes room for n more bytes; false (and failed) when there is no memory. */
bool buf_reserve(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drops everything after len. */
void buf_truncate(struct buf *b, size_t len);
void buf_free(struct buf *b);

#define buf_lit(b, s) buf_add((b), (s), sizeof(s) - 1)

#endif
