// SPDX-License-Identifier: GPL-2.0-only
/*
 * Horner's rule in base 10^9. The work grows with the square of the length, and how long an int is
 * the traced process decides: digits are taken in blocks, so that the slow part, the division by
 * the base, is done once for BLOCK multiplications.
 */
#include "decode/bigint.h"

#include <errno.h>
#include <string.h>

#define LIMB	    1000000000u
#define LIMB_DIGITS 9
#define BLOCK	    16
/* 2^(30 * BLOCK) has 145 decimal digits. 17 products of two limbs, a carry and a limb fit 64 bits.
 */
#define BLOCK_LIMBS 17
/* 30 bits are a little more than nine decimal digits: 31 limbs for 30 digits is always enough, and
 * one more for digits with bits above the 30th. */
#define MAX_LIMBS (BIGINT_MAX_DIGITS + BIGINT_MAX_DIGITS / 30 + 2)

/* Zeros stand below and above the limbs, so that the inner loop needs no bounds. */
struct number {
	size_t n;
	uint32_t padded[BLOCK_LIMBS + MAX_LIMBS + 2 * BLOCK_LIMBS];
};

static uint32_t digit_at(const void *digits, size_t i)
{
	uint32_t d;

	memcpy(&d, (const char *)digits + i * sizeof(d), sizeof(d));
	return d;
}

/* limbs = limbs * 2^30 + digit */
static void block_push(uint32_t *limbs, uint32_t digit)
{
	uint64_t carry = digit;
	int i;

	for (i = 0; i < BLOCK_LIMBS; i++) {
		carry += (uint64_t)limbs[i] << BIGINT_DIGIT_BITS;
		limbs[i] = carry % LIMB;
		carry /= LIMB;
	}
}

/* 2^(30 * BLOCK), the highest limb first */
static void block_power(uint32_t *power)
{
	uint32_t limbs[BLOCK_LIMBS] = {1};
	int i;

	for (i = 0; i < BLOCK; i++)
		block_push(limbs, 0);
	for (i = 0; i < BLOCK_LIMBS; i++)
		power[i] = limbs[BLOCK_LIMBS - 1 - i];
}

/* to = from * power + block */
static void number_push(struct number *to, const struct number *from, const uint32_t *power,
			const uint32_t *block)
{
	const uint32_t *in = from->padded + 1; /* the limb BLOCK_LIMBS - 1 below the first */
	uint32_t *limbs = to->padded + BLOCK_LIMBS;
	uint64_t sum = 0;
	size_t i, j, n = from->n + BLOCK_LIMBS;

	memset(to->padded, 0, BLOCK_LIMBS * sizeof(*limbs));
	for (j = 0; j < n; j++) {
		sum += j < BLOCK_LIMBS ? block[j] : 0;
		for (i = 0; i < BLOCK_LIMBS; i++)
			sum += (uint64_t)in[j + i] * power[i];
		limbs[j] = sum % LIMB;
		sum /= LIMB;
	}
	while (n && !limbs[n - 1])
		n--;
	memset(limbs + n, 0, BLOCK_LIMBS * sizeof(*limbs));
	to->n = n;
}

static void add_padded(struct buf *out, uint32_t limb)
{
	char text[LIMB_DIGITS];
	int i;

	for (i = LIMB_DIGITS - 1; i >= 0; i--, limb /= 10)
		text[i] = '0' + limb % 10;
	buf_add(out, text, sizeof(text));
}

static void add_number(struct buf *out, const struct number *number, bool negative)
{
	const uint32_t *limbs = number->padded + BLOCK_LIMBS;
	size_t n = number->n;

	if (!n) {
		buf_char(out, '0');
		return;
	}
	if (negative)
		buf_char(out, '-');
	buf_u64(out, limbs[--n]);
	while (n)
		add_padded(out, limbs[--n]);
}

int bigint_decimal(struct buf *out, const void *digits, size_t n, bool negative)
{
	struct number numbers[2];
	uint32_t power[BLOCK_LIMBS], block[BLOCK_LIMBS];
	size_t end;
	int now = 0;

	if (n > BIGINT_MAX_DIGITS)
		return -E2BIG;
	block_power(power);
	numbers[0].n = 0;
	memset(numbers[0].padded, 0, 3 * BLOCK_LIMBS * sizeof(uint32_t));
	while (n) {
		end = (n - 1) / BLOCK * BLOCK;
		memset(block, 0, sizeof(block));
		while (n > end)
			block_push(block, digit_at(digits, --n));
		number_push(&numbers[!now], &numbers[now], power, block);
		now = !now;
	}
	add_number(out, &numbers[now], negative);
	return 0;
}
