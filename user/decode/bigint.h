/* SPDX-License-Identifier: GPL-2.0-only */
/* Python's big integers as decimal text. */
#ifndef PYAUDIT_BIGINT_H
#define PYAUDIT_BIGINT_H

#include <linux/types.h>

#include "base/buf.h"
#include "wire.h"

/* CPython's digits have 30 bits in every build this tool reads. */
#define BIGINT_DIGIT_BITS 30
#define BIGINT_MAX_DIGITS (WIRE_MAX_STRING / 4)

/* Appends the exact decimal value of n little-endian 4-byte digits (any alignment), least
 * significant first. Returns 0, or -E2BIG and appends nothing when there are more than
 * BIGINT_MAX_DIGITS. */
int bigint_decimal(struct buf *out, const void *digits, size_t n, bool negative);

#endif
