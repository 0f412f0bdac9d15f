// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "python/code.h"

#define MAX_FUNCTION (64u << 10) /* bytes of one function that are looked at */
#define MAX_INSN     15

static void find_target(struct code_insn *insn)
{
	const ZydisDecodedInstruction *d = &insn->decoded;

	for (int i = 0; i < d->operand_count_visible; i++) {
		const ZydisDecodedOperand *op = &insn->operands[i];

		if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && op->imm.is_relative)
			insn->target = insn->addr + insn->length + (uint64_t)op->imm.value.s;
	}
}

bool code_decode(struct elf_file *f, uint64_t addr, uint64_t limit, struct code_insn *out)
{
	static ZydisDecoder decoder;
	static bool ready;
	const unsigned char *bytes;
	uint64_t len;

	if (!ready) {
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
		ready = true;
	}
	if (addr >= limit || !elf_file_is_code(f, addr))
		return false;
	len = limit - addr < MAX_INSN ? limit - addr : MAX_INSN;
	bytes = elf_file_at(f, addr, len);
	*out = (struct code_insn){.addr = addr, .bytes = bytes};
	if (!bytes || !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, len, &out->decoded,
							   out->operands)))
		return false;
	out->length = out->decoded.length;
	out->is_call = out->decoded.meta.category == ZYDIS_CATEGORY_CALL;
	out->is_return = out->decoded.meta.category == ZYDIS_CATEGORY_RET;
	out->is_jump = out->decoded.meta.category == ZYDIS_CATEGORY_COND_BR ||
		       out->decoded.meta.category == ZYDIS_CATEGORY_UNCOND_BR;
	if (out->is_call || out->is_jump)
		find_target(out);
	return true;
}

/*
 * What arch/x86/kernel/uprobes.c emulates: branch_setup_xol_ops() and push_setup_xol_ops(). Nops
 * longer than these were added later (6.18) and do not count; other prefixes turn emulation off or
 * are not worth trusting.
 */
bool code_emulated(const struct code_insn *insn)
{
	const unsigned char *b = insn->bytes;

	switch (insn->length) {
	case 1: return b[0] == 0x90 || (b[0] >= 0x50 && b[0] <= 0x57);
	case 2:
		return (b[0] == 0x41 && b[1] >= 0x50 && b[1] <= 0x57) ||
		       (b[0] == 0x66 && b[1] == 0x90) || (b[0] >= 0x70 && b[0] <= 0x7f) ||
		       b[0] == 0xeb;
	case 5: return b[0] == 0xe8 || b[0] == 0xe9;
	case 6: return b[0] == 0x0f && b[1] >= 0x80 && b[1] <= 0x8f;
	default: return false;
	}
}

void code_walk(struct elf_file *f, const struct elf_range *range,
	       bool (*fn)(const struct code_insn *insn, void *arg), void *arg)
{
	uint64_t size = range->size < MAX_FUNCTION ? range->size : MAX_FUNCTION;
	uint64_t end = range->start + size;
	struct code_insn insn;

	for (uint64_t at = range->start; code_decode(f, at, end, &insn); at += insn.length)
		if (!fn(&insn, arg))
			return;
}

struct refers {
	uint64_t low, high;
	bool found;
};

static bool check_target(const struct code_insn *insn, void *arg)
{
	struct refers *r = arg;

	r->found = insn->target >= r->low && insn->target < r->high;
	return !r->found;
}

bool code_refers(struct elf_file *f, const struct elf_range *range, uint64_t low, uint64_t high)
{
	struct refers r = {.low = low, .high = high};

	code_walk(f, range, check_target, &r);
	return r.found;
}

struct split {
	struct elf_range part;
	bool found;
};

static bool check_jump(const struct code_insn *insn, void *arg)
{
	struct split *s = arg;

	s->found = insn->is_jump && insn->target >= s->part.start &&
		   insn->target - s->part.start < s->part.size;
	return !s->found;
}

bool code_belongs(struct elf_file *f, const struct elf_range *code, uint64_t addr)
{
	struct split s = {0};

	if (addr >= code->start && addr - code->start < code->size)
		return true;
	if (!elf_file_range(f, addr, &s.part))
		return false;
	code_walk(f, code, check_jump, &s);
	return s.found;
}

void code_references(struct elf_file *f, uint64_t target,
		     bool (*fn)(struct elf_file *f, uint64_t from, void *arg), void *arg)
{
	for (size_t i = 0; i < f->n_segments; i++) {
		struct elf_segment *s = &f->segments[i];
		const unsigned char *data = NULL;

		if (s->flags & PF_X)
			data = elf_file_segment_data(f, s);
		if (!data)
			continue;
		for (uint64_t at = 0; at + 5 <= s->size; at++) {
			int32_t rel;

			if ((data[at] & 0xfe) != 0xe8)
				continue;
			memcpy(&rel, data + at + 1, 4);
			if (s->addr + at + 5 + (int64_t)rel == target && !fn(f, s->addr + at, arg))
				return;
		}
	}
}
