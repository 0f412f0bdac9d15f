/* SPDX-License-Identifier: GPL-2.0-only */
/* Machine code of the image: one instruction at a time, and the walks the finder needs. */
#ifndef PYAUDIT_PYTHON_CODE_H
#define PYAUDIT_PYTHON_CODE_H

#include <Zydis/Zydis.h>

#include "python/elf_file.h"

struct code_insn {
	uint64_t addr;
	const unsigned char *bytes;
	uint8_t length;
	ZydisDecodedInstruction decoded;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	uint64_t target;       /* of a direct call or jump; 0: none */
	bool is_call, is_jump; /* is_jump: conditional or not, direct or not */
	bool is_return;
};

/* Decodes what stands at addr and ends before limit. */
bool code_decode(struct elf_file *f, uint64_t addr, uint64_t limit, struct code_insn *out);

/* Whether the kernel's uprobes emulate this instruction in every version (5.4 and later): it costs
 * a fifteenth of one that is single-stepped. */
bool code_emulated(const struct code_insn *insn);

/*
 * Calls fn for the instructions of a range in order, as far as they decode (compilers put no data
 * between the instructions of one function). Stops where fn returns false.
 */
void code_walk(struct elf_file *f, const struct elf_range *range,
	       bool (*fn)(const struct code_insn *insn, void *arg), void *arg);

/* Whether some instruction of the range calls or jumps to an address in [low, high). */
bool code_refers(struct elf_file *f, const struct elf_range *range, uint64_t low, uint64_t high);

/* Whether addr lies in code or in a part of it that the compiler split off: reached by jumps from
 * code, with an unwind entry of its own. */
bool code_belongs(struct elf_file *f, const struct elf_range *code, uint64_t addr);

/* Calls fn for each address in executable segments where a direct call or jump to target may stand,
 * until fn returns false. */
void code_references(struct elf_file *f, uint64_t target,
		     bool (*fn)(struct elf_file *f, uint64_t from, void *arg), void *arg);

#endif
