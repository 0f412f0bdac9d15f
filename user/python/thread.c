// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the current thread's state is.
 *
 * Until 3.11 that is a field of _PyRuntime: whoever runs Python holds the only GIL. Since 3.12 it
 * is the thread-local variable _Py_tss_tstate, which is not exported; how this file reaches it is
 * read off a small exported function that returns it. Three of the four models of the TLS ABI
 * occur: a fixed offset from the thread pointer (executables), one that is in the GOT (initial
 * exec), and module and offset in the GOT for __tls_get_addr (shared libraries).
 */
#include <stddef.h>
#include <string.h>

#include "python/code.h"
#include "python/frames.h"

/* _PyRuntime.gilstate.tstate_current */
static uint64_t runtime_offset(uint32_t version)
{
	switch (version >> 16) {
	case 0x0308: return 1368;
	case 0x0309:
	case 0x030a: return 568;
	case 0x030b: return 576;
	default: return 0;
	}
}

static bool is_memory(const ZydisDecodedOperand *op, ZydisRegister base)
{
	return op->type == ZYDIS_OPERAND_TYPE_MEMORY && op->mem.base == base &&
	       op->mem.index == ZYDIS_REGISTER_NONE;
}

/* What is in rax. */
enum held {
	HELD_NOTHING,
	HELD_POINTER, /* the thread pointer */
	HELD_OFFSET,  /* what the slot of the GOT holds */
	HELD_SUM,     /* both added */
	HELD_BLOCK,   /* what __tls_get_addr has returned */
};

struct reader {
	struct py_thread *thread;
	enum held held;
	int64_t added;	  /* to what is in rax */
	uint64_t slot;	  /* of the GOT */
	bool slot_in_rdi; /* ready for __tls_get_addr */
};

static uint64_t rip_target(const struct code_insn *insn, const ZydisDecodedOperand *op)
{
	return insn->addr + insn->length + (uint64_t)op->mem.disp.value;
}

static bool is_rax(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER && op->reg.value == ZYDIS_REGISTER_RAX;
}

static void found(struct reader *r, enum py_thread_source source, int64_t offset)
{
	r->thread->source = source;
	r->thread->offset = offset;
	if (source != PY_THREAD_TLS)
		r->thread->addr = r->slot;
}

/* A load through the segment register: the variable, or the thread pointer, which is at 0. */
static bool read_segment(struct reader *r, const ZydisDecodedOperand *from)
{
	bool direct =
		from->mem.base == ZYDIS_REGISTER_NONE && from->mem.index == ZYDIS_REGISTER_NONE;

	if (direct && !from->mem.disp.value) {
		r->held = HELD_POINTER;
		r->added = 0;
		return true;
	}
	if (direct)
		found(r, PY_THREAD_TLS, from->mem.disp.value);
	else if (r->held == HELD_OFFSET && is_memory(from, ZYDIS_REGISTER_RAX))
		found(r, PY_THREAD_TLS_OFFSET, r->added + from->mem.disp.value);
	return false;
}

static bool read_mov(struct reader *r, const struct code_insn *insn)
{
	static const enum py_thread_source sources[] = {
		[HELD_POINTER] = PY_THREAD_TLS,
		[HELD_SUM] = PY_THREAD_TLS_OFFSET,
		[HELD_BLOCK] = PY_THREAD_TLS_MODULE,
	};
	const ZydisDecodedOperand *to = &insn->operands[0], *from = &insn->operands[1];

	if (to->type != ZYDIS_OPERAND_TYPE_REGISTER || from->type != ZYDIS_OPERAND_TYPE_MEMORY)
		return !is_rax(to);
	if (from->mem.segment == ZYDIS_REGISTER_FS)
		return read_segment(r, from);
	if (is_memory(from, ZYDIS_REGISTER_RAX)) {
		if (r->held < sizeof(sources) / sizeof(*sources) && sources[r->held])
			found(r, sources[r->held], r->added + from->mem.disp.value);
		return false;
	}
	if (is_memory(from, ZYDIS_REGISTER_RIP) && is_rax(to)) {
		r->slot = rip_target(insn, from);
		r->held = HELD_OFFSET;
		r->added = 0;
	}
	return true;
}

static bool read_lea(struct reader *r, const struct code_insn *insn)
{
	const ZydisDecodedOperand *to = &insn->operands[0], *from = &insn->operands[1];

	if (is_memory(from, ZYDIS_REGISTER_RIP) && to->reg.value == ZYDIS_REGISTER_RDI) {
		r->slot = rip_target(insn, from);
		r->slot_in_rdi = true;
	} else if (is_rax(to)) {
		r->added += from->mem.disp.value;
		return is_memory(from, ZYDIS_REGISTER_RAX);
	}
	return true;
}

static bool read_add(struct reader *r, const struct code_insn *insn)
{
	const ZydisDecodedOperand *to = &insn->operands[0], *from = &insn->operands[1];

	if (!is_rax(to))
		return true;
	if (from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		r->added += from->imm.value.s;
		return true;
	}
	if (r->held != HELD_POINTER || !is_memory(from, ZYDIS_REGISTER_RIP))
		return false;
	r->slot = rip_target(insn, from);
	r->held = HELD_SUM;
	return true;
}

/* Goes on until the variable is read, or something is met that a function of one line has not. */
static bool read_insn(const struct code_insn *insn, void *arg)
{
	struct reader *r = arg;

	if (insn->is_return || insn->is_jump)
		return false;
	if (insn->is_call) {
		r->held = HELD_BLOCK;
		r->added = 0;
		return r->slot_in_rdi;
	}
	switch (insn->decoded.mnemonic) {
	case ZYDIS_MNEMONIC_MOV: return read_mov(r, insn);
	case ZYDIS_MNEMONIC_LEA: return read_lea(r, insn);
	case ZYDIS_MNEMONIC_ADD: return read_add(r, insn);
	default: return true;
	}
}

static bool read_function(struct elf_file *f, const struct elf_symbol *sym,
			  struct py_thread *thread)
{
	struct elf_range range = {.start = sym->addr, .size = sym->size ?: 64};
	struct reader r = {.thread = thread};

	code_walk(f, &range, read_insn, &r);
	return thread->source != PY_THREAD_UNKNOWN;
}

void thread_find(struct elf_file *f, const struct elf_symbol_table *symbols, uint32_t version,
		 struct py_thread *thread)
{
	static const char *const functions[] = {"_PyThreadState_GetCurrent",
						"PyThreadState_GetUnchecked",
						"_PyThreadState_UncheckedGet"};
	struct elf_symbol sym;
	uint64_t offset = runtime_offset(version);

	*thread = (struct py_thread){.dtv_stride = elf_file_libc(f) == ELF_LIBC_MUSL ? 8 : 16};
	if (offset) {
		if (!elf_symbol_find(symbols, "_PyRuntime", &sym))
			return;
		thread->source = PY_THREAD_GLOBAL;
		thread->addr = sym.addr + offset;
		return;
	}
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (elf_symbol_find(symbols, functions[i], &sym) && sym.type == STT_FUNC &&
		    read_function(f, &sym, thread))
			return;
}
