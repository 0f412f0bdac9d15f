// SPDX-License-Identifier: GPL-2.0-only
/*
 * Function boundaries from .eh_frame_hdr and .eh_frame (LSB Core "Exception Frames", DWARF pointer
 * encodings): present in stripped files too, because unwinding needs them. Only the encodings that
 * linkers write for x86-64 are understood.
 */
#include <string.h>

#include "python/elf_file.h"

#define ENC_PCREL_SDATA4   0x1b
#define ENC_DATAREL_SDATA4 0x3b
#define ENC_UDATA4	   0x03

struct cursor {
	const unsigned char *at, *end;
	bool bad;
};

static uint8_t take_u8(struct cursor *c)
{
	if (c->at >= c->end) {
		c->bad = true;
		return 0;
	}
	return *c->at++;
}

static void skip(struct cursor *c, uint64_t n)
{
	if (n > (uint64_t)(c->end - c->at)) {
		c->bad = true;
		c->at = c->end;
	} else {
		c->at += n;
	}
}

static uint64_t take_leb(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		uint8_t b = take_u8(c);

		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

/* Bytes of an encoded pointer; 0 if not understood. */
static unsigned int encoded_size(uint8_t enc)
{
	switch (enc & 0x0f) {
	case 0x00: /* absptr */
	case 0x04: /* udata8 */
	case 0x0c: return 8;
	case 0x03: /* udata4 */
	case 0x0b: return 4;
	case 0x02: /* udata2 */
	case 0x0a: return 2;
	default: return 0;
	}
}

/* The pointer encoding a CIE prescribes for its FDEs; 0xff if it cannot be told. */
static uint8_t cie_encoding(struct cursor *c)
{
	uint8_t version = take_u8(c), enc;
	const char *aug = (const char *)c->at;
	size_t len = strnlen(aug, c->end - c->at);

	skip(c, len + 1);
	if (c->bad || aug[0] != 'z')
		return 0xff;
	take_leb(c);
	take_leb(c);
	if (version == 1)
		take_u8(c);
	else
		take_leb(c);
	take_leb(c);
	for (size_t i = 1; i < len && !c->bad; i++) {
		switch (aug[i]) {
		case 'R': enc = take_u8(c); return c->bad ? 0xff : enc;
		case 'L': take_u8(c); break;
		case 'P':
			enc = take_u8(c);
			if (!encoded_size(enc))
				return 0xff;
			skip(c, encoded_size(enc));
			break;
		case 'S': break;
		default: return 0xff;
		}
	}
	return 0xff;
}

static bool entry_bytes(struct elf_file *f, uint64_t addr, struct cursor *c)
{
	const unsigned char *at = elf_file_at(f, addr, 4);
	uint32_t len;

	if (!at)
		return false;
	memcpy(&len, at, 4);
	/* 0 ends the table, ~0 announces a 64-bit length: neither is written for code this size. */
	if (len < 8 || len >= 0xfffffff0u)
		return false;
	at = elf_file_at(f, addr, 4ull + len);
	if (!at)
		return false;
	*c = (struct cursor){.at = at + 4, .end = at + 4 + len};
	return true;
}

/* The number of bytes that the FDE at addr covers; 0 if it cannot be told. */
static uint64_t fde_size(struct elf_file *f, uint64_t addr)
{
	struct cursor fde, cie;
	uint32_t back, id;
	uint64_t size = 0;
	unsigned int width;

	if (!entry_bytes(f, addr, &fde))
		return 0;
	memcpy(&back, fde.at, 4);
	if (!back || !entry_bytes(f, addr + 4 - back, &cie))
		return 0;
	memcpy(&id, cie.at, 4);
	if (id)
		return 0;
	skip(&cie, 4);
	width = encoded_size(cie_encoding(&cie));
	if (!width || fde.end - fde.at < (ptrdiff_t)(4 + 2 * width))
		return 0;
	memcpy(&size, fde.at + 4 + width, width);
	return size;
}

struct table {
	uint64_t base; /* of .eh_frame_hdr: what the pointers in it are relative to */
	const unsigned char *rows;
	uint32_t count;
};

static bool read_table(struct elf_file *f, struct table *t)
{
	static const unsigned char head[] = {1, ENC_PCREL_SDATA4, ENC_UDATA4, ENC_DATAREL_SDATA4};
	const unsigned char *at = NULL;

	for (size_t i = 0; i < f->n_headers && !at; i++) {
		if (f->headers[i].p_type != PT_GNU_EH_FRAME)
			continue;
		t->base = f->headers[i].p_vaddr;
		at = elf_file_at(f, t->base, 12);
	}
	if (!at || memcmp(at, head, sizeof(head)))
		return false;
	memcpy(&t->count, at + 8, 4);
	t->rows = elf_file_at(f, t->base + 12, t->count * 8ull);
	return t->rows && t->count;
}

static uint64_t row_value(const struct table *t, uint32_t row, unsigned int column)
{
	int32_t v;

	memcpy(&v, t->rows + row * 8ull + column * 4, 4);
	return t->base + (int64_t)v;
}

bool elf_file_range(struct elf_file *f, uint64_t addr, struct elf_range *out)
{
	uint32_t low = 0, high;
	struct table t;

	if (!read_table(f, &t) || addr < row_value(&t, 0, 0))
		return false;
	high = t.count;
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (row_value(&t, mid, 0) <= addr)
			low = mid;
		else
			high = mid;
	}
	out->start = row_value(&t, low, 0);
	out->size = fde_size(f, row_value(&t, low, 1));
	return out->start <= addr && addr - out->start < out->size;
}
