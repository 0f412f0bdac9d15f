/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code points of a struct text, whatever its code units are. Nothing is lost on the way: a byte
 * that is not part of valid UTF-8 comes out as U+DC80..U+DCFF, as CPython's surrogateescape has it,
 * and the lone surrogates a str may hold come out as they are. Only code units beyond U+10FFFF,
 * which no interpreter makes, turn into U+FFFD.
 */
#ifndef PYAUDIT_TEXT_ITER_H
#define PYAUDIT_TEXT_ITER_H

#include <string.h>

#include "decode/audit_event.h"

struct text_iter {
	const unsigned char *p, *end;
	uint8_t width;
};

void text_iter_init(struct text_iter *it, const struct text *text);
/* The next code point; false at the end. */
bool text_next(struct text_iter *it, uint32_t *cp);

/* A C string, or bytes, as text; data is not NULL. */
struct text text_of_bytes(const void *data, size_t len);
struct text text_of_cstr(const char *s);

/* One code point of at most n (> 0) bytes, by the strict rules (no surrogates, nothing overlong).
 * Returns its length, 0 when the bytes are not UTF-8, -1 when n ends inside a sequence that is
 * valid so far. */
int utf8_decode(const unsigned char *p, size_t n, uint32_t *cp);
/* Writes cp, which is not a surrogate: 1 to 4 bytes. Returns behind them. */
char *utf8_encode(char *w, uint32_t cp);
bool utf8_valid(const void *data, size_t len);

/* Bytes at the end of UTF-8 text (width 0) that begin a sequence and do not finish it: what a cut
 * by length leaves behind. 0 for other widths. */
uint32_t text_cut_tail(const struct text *text);

/* NUL-terminated UTF-8 of as many whole code points as size has room for. NUL and surrogates become
 * U+FFFD, so that the result never equals the text before an embedded NUL. */
void text_to_utf8(const struct text *text, char *out, size_t size);

#endif
