// SPDX-License-Identifier: GPL-2.0-only
/* Shortest decimal text of a double. printf is fine here: floats are rare in audit events. */
#include "sink/format.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double format_double(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* "d.ddde[+-]x" with `precision` significant digits that reads back as value, into text. */
static bool try_precision(double value, int precision, char *text, size_t size)
{
	int exponent, last = precision > 1 ? precision : 0;

	snprintf(text, size, "%.*e", precision - 1, value);
	if (strtod(text, NULL) == value)
		return true;
	/* Below a power of two doubles lie twice as dense: the nearest decimal can be too far on
	 * that side while the next one up still reads back. A last digit of 9 would only give a
	 * shorter number, which was tried before. */
	if (frexp(value, &exponent) != 0.5 || text[last] == '9')
		return false;
	text[last]++;
	return strtod(text, NULL) == value;
}

/* Significant digits without trailing zeros; returns their number, *exponent is of the first. */
static int shortest_digits(double value, char *digits, int *exponent)
{
	char text[40];
	const char *p;
	int n = 0, precision;

	/* Any 15 digits survive a normal double, so fewer never need a try of their own. */
	precision = value < DBL_MIN ? 1 : 15;
	while (precision < 17 && !try_precision(value, precision, text, sizeof(text)))
		precision++;
	if (precision == 17)
		snprintf(text, sizeof(text), "%.16e", value);
	/* The decimal point is skipped by what it is not: it depends on the locale. */
	for (p = text; *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	*exponent = atoi(p + 1);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	return n;
}

static void add_zeros(struct buf *out, int n)
{
	while (n-- > 0)
		buf_char(out, '0');
}

static void add_fixed(struct buf *out, const char *digits, int n, int exponent)
{
	int whole = exponent + 1;

	if (whole <= 0) {
		buf_lit(out, "0.");
		add_zeros(out, -whole);
		buf_add(out, digits, n);
		return;
	}
	buf_add(out, digits, n < whole ? n : whole);
	add_zeros(out, whole - n);
	buf_char(out, '.');
	if (n > whole)
		buf_add(out, digits + whole, n - whole);
	else
		buf_char(out, '0');
}

static void add_scientific(struct buf *out, const char *digits, int n, int exponent)
{
	buf_char(out, digits[0]);
	if (n > 1) {
		buf_char(out, '.');
		buf_add(out, digits + 1, n - 1);
	}
	buf_char(out, 'e');
	buf_char(out, exponent < 0 ? '-' : '+');
	if (abs(exponent) < 10)
		buf_char(out, '0');
	buf_u64(out, abs(exponent));
}

void format_float(struct buf *out, double value)
{
	char digits[24];
	int n, exponent;

	if (signbit(value))
		buf_char(out, '-');
	if (value == 0) {
		buf_lit(out, "0.0");
		return;
	}
	n = shortest_digits(fabs(value), digits, &exponent);
	if (exponent >= -4 && exponent < 16)
		add_fixed(out, digits, n, exponent);
	else
		add_scientific(out, digits, n, exponent);
}
