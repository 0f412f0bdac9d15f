// SPDX-License-Identifier: GPL-2.0-only
#include "python/elf_tls.h"

#include <errno.h>
#include <string.h>

/* More of a file are not looked at. */
#define MAX_RELOCATIONS (1u << 20)

/* By how exact the answer is. One that names the symbol follows it to whatever library's the loader
 * has chosen; one of the module's own (symbol 0) is good for its own variable. */
enum quality { NOTHING, OWN_MODULE, BY_NAME };

struct search {
	struct elf_file *f;
	const char *name;
	uint64_t value; /* the variable's offset in the block */
	struct elf_tls *out;
	enum quality found;
};

static bool is_named(const struct search *s, uint64_t index)
{
	const struct elf_symbol_table *t = &s->f->dynsym;
	size_t size = strlen(s->name) + 1;
	Elf64_Sym sym;

	if (index >= t->count)
		return false;
	memcpy(&sym, t->symbols + index * sizeof(sym), sizeof(sym));
	return sym.st_name < t->strings_size && size <= t->strings_size - sym.st_name &&
	       !memcmp(t->strings + sym.st_name, s->name, size);
}

static bool form_of(uint32_t type, enum elf_tls_form *form)
{
	switch (type) {
	case R_X86_64_TPOFF64: *form = ELF_TLS_OFFSET; return true;
	case R_X86_64_DTPMOD64: *form = ELF_TLS_PAIR; return true;
	case R_X86_64_TLSDESC: *form = ELF_TLS_DESCRIPTOR; return true;
	default: return false;
	}
}

/* The relocation is of the module, or of another variable in its block, `addend` bytes from the
 * start. */
static void take_own(struct search *s, enum elf_tls_form form, const Elf64_Rela *rela)
{
	*s->out = (struct elf_tls){.form = form, .slot = rela->r_offset};
	s->out->adjust = (int64_t)(s->value - (uint64_t)rela->r_addend);
	if (form == ELF_TLS_PAIR) {
		s->out->form = ELF_TLS_MODULE;
		s->out->adjust = (int64_t)s->value;
	}
	s->found = OWN_MODULE;
}

static void look_at(struct search *s, const Elf64_Rela *rela)
{
	uint64_t index = ELF64_R_SYM(rela->r_info);
	enum elf_tls_form form;

	if (!form_of(ELF64_R_TYPE(rela->r_info), &form) || !elf_file_segment(s->f, rela->r_offset))
		return;
	if (index && is_named(s, index)) {
		*s->out = (struct elf_tls){.form = form,
					   .slot = rela->r_offset,
					   .adjust = (int64_t) - (uint64_t)rela->r_addend};
		s->found = BY_NAME;
	} else if (!index && !s->found) {
		take_own(s, form, rela);
	}
}

static void look_through(struct search *s, uint64_t at, uint64_t size)
{
	uint64_t count = size / sizeof(Elf64_Rela), i;
	const unsigned char *table;
	Elf64_Rela rela;

	if (count > MAX_RELOCATIONS)
		return;
	table = elf_file_at(s->f, at, count * sizeof(rela));
	for (i = 0; table && i < count && s->found < BY_NAME; i++) {
		memcpy(&rela, table + i * sizeof(rela), sizeof(rela));
		look_at(s, &rela);
	}
}

static const Elf64_Phdr *header_of(const struct elf_file *f, uint32_t type)
{
	size_t i;

	for (i = 0; i < f->n_headers; i++)
		if (f->headers[i].p_type == type)
			return &f->headers[i];
	return NULL;
}

/* A program, whose block is the one next to the thread pointer. Linkers older than binutils 2.26 do
 * not mark those that are position-independent; a library that can be run has a name. */
static bool is_program(const struct elf_file *f)
{
	if (!f->position_independent || f->flags_1 & DF_1_PIE)
		return true;
	return header_of(f, PT_INTERP) && !f->soname;
}

/* The block ends at the thread pointer, and begins at an address that is to the alignment what the
 * segment's is. */
static bool place_in_program(struct search *s, const Elf64_Phdr *tls)
{
	uint64_t align = tls->p_align ?: 1, size = tls->p_memsz;

	if (align & (align - 1) || align > 1 << 20)
		return false;
	size += -(tls->p_vaddr + size) & (align - 1);
	*s->out = (struct elf_tls){.form = ELF_TLS_EXECUTABLE};
	s->out->adjust = (int64_t)(s->value - size);
	return true;
}

/* A mapping is at a known distance from the others of its file. */
static bool place_code(struct elf_file *f, struct elf_tls *out)
{
	bool any = false;
	size_t i;

	out->start = UINT64_MAX;
	for (i = 0; i < f->n_segments; i++) {
		const struct elf_segment *s = &f->segments[i];

		if (s->addr < out->start)
			out->start = s->addr;
		if (s->addr + s->mem_size > out->end)
			out->end = s->addr + s->mem_size;
		if (!(s->flags & PF_X))
			continue;
		if (any && out->code != s->addr - s->offset)
			return false;
		out->code = s->addr - s->offset;
		any = true;
	}
	return any;
}

int elf_tls_find(struct elf_file *f, const char *name, struct elf_tls *out)
{
	struct search s = {.f = f, .name = name, .out = out};
	const Elf64_Phdr *tls = header_of(f, PT_TLS);
	struct elf_symbol sym;
	bool found;

	*out = (struct elf_tls){0};
	if (!tls || !elf_symbol_find(&f->dynsym, name, &sym) || sym.type != STT_TLS ||
	    sym.size != 8)
		return -ENOENT;
	if (tls->p_memsz > 1 << 30 || tls->p_memsz < 8 || sym.addr > tls->p_memsz - 8)
		return -ENOENT;
	s.value = sym.addr;
	if (is_program(f)) {
		found = place_in_program(&s, tls);
	} else {
		look_through(&s, f->dynamic[DT_RELA], f->dynamic[DT_RELASZ]);
		look_through(&s, f->dynamic[DT_JMPREL], f->dynamic[DT_PLTRELSZ]);
		found = s.found;
	}
	out->value = s.value;
	out->libc = elf_file_libc(f);
	return found && place_code(f, out) ? 0 : -ENOTSUP;
}
