// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects/lnotab_notes.txt (3.8 to 3.10) and Objects/locations.md, later
 * InternalDocs/code_objects.md (3.11 on). Numbers are added up without sign, so that hostile tables
 * overflow in a defined way.
 */
#include "decode/line_table.h"

/* A line as shown: what is not one is not known. */
static int32_t as_line(uint32_t line)
{
	return (int32_t)line > 0 ? (int32_t)line : 0;
}

/* Pairs: bytes forward (unsigned), lines forward (signed since 3.6). An instruction has the line
 * that was reached when the next pair would step over it. */
static uint32_t find_lnotab(const uint8_t *p, size_t len, uint32_t line, uint32_t lasti)
{
	uint32_t addr = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2) {
		addr += p[i];
		if (addr > lasti)
			break;
		line += (int8_t)p[i + 1];
	}
	return line;
}

#define NO_LINE (-128)

/* Ranges: their length in bytes (unsigned) and the step of the line before them; -128: no line, and
 * no step. */
static uint32_t find_table(const uint8_t *p, size_t len, uint32_t line, uint32_t lasti)
{
	uint32_t end = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2) {
		int8_t step = p[i + 1];

		end += p[i];
		if (step != NO_LINE)
			line += step;
		if (end > lasti)
			return step == NO_LINE ? 0 : line;
	}
	return 0;
}

struct bytes {
	const uint8_t *p, *end;
};

/* Six bits a byte, the lowest first; bit 6: there are more. */
static uint32_t take_varint(struct bytes *b)
{
	uint32_t value = 0, shift = 0;
	uint8_t byte;

	do {
		if (b->p == b->end)
			return value;
		byte = *b->p++;
		if (shift < 32)
			value |= (uint32_t)(byte & 63) << shift;
		shift += 6;
	} while (byte & 64);
	return value;
}

/* The lowest bit is the sign. */
static uint32_t take_svarint(struct bytes *b)
{
	uint32_t value = take_varint(b);

	return value & 1 ? -(value >> 1) : value >> 1;
}

enum { CODE_ONE_LINE = 10, CODE_NO_COLUMNS = 13, CODE_LONG = 14, CODE_NONE = 15 };

/* The step of the line that an entry begins with. What else it tells, columns, is skipped by
 * looking for the next first byte: only those have bit 7. */
static uint32_t take_step(struct bytes *b, unsigned int code)
{
	if (code >= CODE_ONE_LINE && code < CODE_NO_COLUMNS)
		return code - CODE_ONE_LINE;
	return code == CODE_NO_COLUMNS || code == CODE_LONG ? take_svarint(b) : 0;
}

/* Entries for runs of 1 to 8 units of two bytes. */
static uint32_t find_location(const uint8_t *p, size_t len, uint32_t line, uint32_t lasti)
{
	struct bytes b = {p, p + len};
	uint32_t end = 0;

	while (b.p < b.end) {
		uint8_t first = *b.p++;
		unsigned int code = first >> 3 & 15;

		if (!(first & 128))
			continue;
		line += take_step(&b, code);
		end += ((first & 7) + 1) * 2;
		if (end > lasti)
			return code == CODE_NONE ? 0 : line;
	}
	return 0;
}

int32_t line_table_find(enum wire_lines form, const void *table, size_t len, int32_t first_line,
			int32_t lasti)
{
	if (lasti < 0)
		return as_line(first_line);
	switch (form) {
	case WIRE_LINES_LNOTAB: return as_line(find_lnotab(table, len, first_line, lasti));
	case WIRE_LINES_TABLE: return as_line(find_table(table, len, first_line, lasti));
	case WIRE_LINES_LOCATION: return as_line(find_location(table, len, first_line, lasti));
	}
	return 0;
}
