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

#define MAX_INSNS 24

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

/* What the code has done so far. */
struct reader {
	struct py_thread *thread;
	uint64_t slot;	    /* of the GOT: rdi or rax points to it, or rax was loaded from it; 0 */
	bool slot_in_rdi;   /* ready for __tls_get_addr */
	bool block_in_rax;  /* what __tls_get_addr returned */
	bool offset_in_rax; /* what was loaded from the slot */
	int64_t added;
};

static bool read_mov(struct reader *r, const struct code_insn *insn)
{
	const ZydisDecodedOperand *to = &insn->operands[0], *from = &insn->operands[1];
	struct py_thread *t = r->thread;

	if (to->type != ZYDIS_OPERAND_TYPE_REGISTER || from->type != ZYDIS_OPERAND_TYPE_MEMORY)
		return true;
	if (from->mem.segment == ZYDIS_REGISTER_FS) {
		if (from->mem.base == ZYDIS_REGISTER_NONE &&
		    from->mem.index == ZYDIS_REGISTER_NONE) {
			t->source = PY_THREAD_TLS;
			t->offset = from->mem.disp.value;
		} else if (r->offset_in_rax && is_memory(from, ZYDIS_REGISTER_RAX)) {
			t->source = PY_THREAD_TLS_OFFSET;
			t->addr = r->slot;
			t->offset = from->mem.disp.value;
		}
		return false;
	}
	if (r->block_in_rax && is_memory(from, ZYDIS_REGISTER_RAX)) {
		t->source = PY_THREAD_TLS_MODULE;
		t->addr = r->slot;
		t->offset = r->added + from->mem.disp.value;
		return false;
	}
	if (is_memory(from, ZYDIS_REGISTER_RIP) && to->reg.value == ZYDIS_REGISTER_RAX) {
		r->slot = insn->addr + insn->length + (uint64_t)from->mem.disp.value;
		r->offset_in_rax = true;
	}
	return true;
}

static void read_lea(struct reader *r, const struct code_insn *insn)
{
	const ZydisDecodedOperand *to = &insn->operands[0], *from = &insn->operands[1];

	if (is_memory(from, ZYDIS_REGISTER_RIP) && to->reg.value == ZYDIS_REGISTER_RDI) {
		r->slot = insn->addr + insn->length + (uint64_t)from->mem.disp.value;
		r->slot_in_rdi = true;
	} else if (r->block_in_rax && is_memory(from, ZYDIS_REGISTER_RAX) &&
		   to->reg.value == ZYDIS_REGISTER_RAX) {
		r->added += from->mem.disp.value;
	} else if (to->reg.value == ZYDIS_REGISTER_RAX) {
		r->block_in_rax = false;
	}
}

/* Goes on until the variable is read, or something is met that a function of one line has not. */
static bool read_insn(const struct code_insn *insn, void *arg)
{
	struct reader *r = arg;

	if (insn->is_return || insn->is_jump)
		return false;
	if (insn->is_call) {
		r->block_in_rax = r->slot_in_rdi;
		return r->slot_in_rdi;
	}
	switch (insn->decoded.mnemonic) {
	case ZYDIS_MNEMONIC_MOV: return read_mov(r, insn);
	case ZYDIS_MNEMONIC_LEA: read_lea(r, insn); return true;
	case ZYDIS_MNEMONIC_ADD:
		if (r->block_in_rax && insn->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    insn->operands[0].reg.value == ZYDIS_REGISTER_RAX &&
		    insn->operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
			r->added += insn->operands[1].imm.value.s;
		return true;
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

/* Whether a shared library is linked with musl, whose DTV has plain pointers; glibc's has pairs. */
static bool needs_musl(const struct elf_file *f)
{
	static const char name[] = "libc.musl-";

	return f->dynsym.strings &&
	       memmem(f->dynsym.strings, f->dynsym.strings_size, name, sizeof(name) - 1);
}

void thread_find(struct elf_file *f, const struct elf_symbol_table *symbols, uint32_t version,
		 struct py_thread *thread)
{
	static const char *const functions[] = {"_PyThreadState_GetCurrent",
						"PyThreadState_GetUnchecked",
						"_PyThreadState_UncheckedGet"};
	struct elf_symbol sym;
	uint64_t offset = runtime_offset(version);

	*thread = (struct py_thread){.dtv_stride = needs_musl(f) ? 8 : 16};
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
