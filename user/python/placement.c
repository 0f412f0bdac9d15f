// SPDX-License-Identifier: GPL-2.0-only
/*
 * A uprobe is cheap on an instruction that the kernel emulates and costs fifteen times as much on
 * one that it must single-step, and most functions start with one of the latter (endbr64, sub). So
 * the prologue is decoded, and the probe goes to the first emulated instruction that
 *  - every call of the function executes exactly once: it comes before, or is, the first branch,
 * and no branch of the function leads back to it;
 *  - still finds every argument where the calling convention put it.
 * If there is none, the probe stands on the function's first byte.
 */
#include <errno.h>

#include "python/code.h"
#include "python/placement.h"

#define MAX_PROLOGUE 48 /* instructions */

#define BIT(reg) (1u << ((reg)-ZYDIS_REGISTER_RAX))
#define RDI	 BIT(ZYDIS_REGISTER_RDI)
#define RSI	 BIT(ZYDIS_REGISTER_RSI)
#define RDX	 BIT(ZYDIS_REGISTER_RDX)
#define RCX	 BIT(ZYDIS_REGISTER_RCX)
#define R8	 BIT(ZYDIS_REGISTER_R8)
#define R9	 BIT(ZYDIS_REGISTER_R9)

/* Registers with operands, as enum py_entry tells the signatures. */
static const uint32_t needed[] = {
	[PY_ENTRY_SYS_AUDIT_TSTATE] = RDI | RSI | RDX | RCX,
	[PY_ENTRY_SYS_AUDIT] = RSI | RDX,
	[PY_ENTRY_PYSYS_AUDIT] = RDI | RSI | RDX | RCX | R8 | R9,
	[PY_ENTRY_PYSYS_AUDIT_T] = RDI | RSI | RDX | RCX | R8 | R9,
};

struct prologue {
	uint32_t written; /* BIT()s */
	int64_t pushed;	  /* bytes between rsp now and rsp at the entry */
	bool lost; /* rsp is no longer known, or memory was written that may be an argument */
};

static ZydisRegister whole(ZydisRegister reg)
{
	return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
}

static bool is_rsp(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       whole(op->reg.value) == ZYDIS_REGISTER_RSP;
}

static void move_rsp(struct prologue *p, const struct code_insn *insn)
{
	const ZydisDecodedOperand *op = insn->operands;

	switch (insn->decoded.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH: p->pushed += insn->decoded.operand_width / 8; return;
	case ZYDIS_MNEMONIC_POP: p->pushed -= insn->decoded.operand_width / 8; return;
	case ZYDIS_MNEMONIC_SUB:
		if (op[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
			p->pushed += op[1].imm.value.s;
			return;
		}
		break;
	case ZYDIS_MNEMONIC_ADD:
		if (op[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
			p->pushed -= op[1].imm.value.s;
			return;
		}
		break;
	case ZYDIS_MNEMONIC_LEA:
		if (op[1].mem.base == ZYDIS_REGISTER_RSP &&
		    op[1].mem.index == ZYDIS_REGISTER_NONE) {
			p->pushed -= op[1].mem.disp.value;
			return;
		}
		break;
	default: break;
	}
	p->lost = true;
}

static void apply(struct prologue *p, const struct code_insn *insn)
{
	bool rsp = false;

	for (int i = 0; i < insn->decoded.operand_count; i++) {
		const ZydisDecodedOperand *op = &insn->operands[i];

		if (!(op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			/* The va_list and the array of arguments are in memory: only the stack
			 * frame of the function itself may have been written. */
			if (op->mem.base != ZYDIS_REGISTER_RSP &&
			    op->mem.base != ZYDIS_REGISTER_RBP)
				p->lost = true;
		} else if (is_rsp(op)) {
			rsp = true;
		} else if (op->type == ZYDIS_OPERAND_TYPE_REGISTER) {
			ZydisRegister reg = whole(op->reg.value);

			if (reg >= ZYDIS_REGISTER_RAX && reg <= ZYDIS_REGISTER_R15)
				p->written |= BIT(reg);
		}
	}
	if (rsp)
		move_rsp(p, insn);
}

/* A place after the entry must not be the target of a loop. */
static bool passed_once(struct elf_file *f, const struct elf_range *range, uint64_t place)
{
	return place == range->start || !code_refers(f, range, range->start + 1, place + 1);
}

static bool find_place(struct elf_file *f, const struct elf_range *range, uint32_t args,
		       uint64_t *place, int64_t *pushed)
{
	struct prologue p = {0};
	struct code_insn insn;
	uint64_t at = range->start;

	for (int i = 0; i < MAX_PROLOGUE; i++, at += insn.length) {
		if (!code_decode(f, at, range->start + range->size, &insn))
			return false;
		if (code_emulated(&insn)) {
			*place = at;
			*pushed = p.pushed;
			return passed_once(f, range, at);
		}
		if (insn.is_call || insn.is_jump || insn.is_return)
			return false;
		apply(&p, &insn);
		if (p.lost || (p.written & args) || p.pushed < 0 || p.pushed > 1 << 20)
			return false;
	}
	return false;
}

int placement_choose(struct elf_file *f, struct py_probe *probe, uint64_t size)
{
	struct elf_range range = {.start = probe->function, .size = size ?: 256};
	uint64_t place = probe->function;
	int64_t pushed = 0;

	if (!elf_file_is_code(f, probe->function))
		return -ENOENT;
	probe->emulated = find_place(f, &range, needed[probe->config.entry], &place, &pushed);
	if (!probe->emulated) {
		place = probe->function;
		pushed = 0;
	}
	probe->config.link_addr = place;
	probe->config.stack_adjust = pushed;
	probe->file_offset = elf_file_offset(f, place);
	return 0;
}
