// SPDX-License-Identifier: GPL-2.0-only
/*
 * A USDT site is a nop in the code and a note in .note.stapsdt with its address, the address of its
 * semaphore and where its operands are, in the notation of the assembler (the format is that of
 * SystemTap's <sys/sdt.h>, version 3). The addresses were right when the note was made; since then
 * prelink may have moved the file, which shows in the distance between .stapsdt.base and the base
 * address that the note remembers.
 */
#include <asm/ptrace.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "python/code.h"
#include "python/usdt.h"

#define NOTE_TYPE 3
#define MAX_NOTES (1u << 20) /* bytes of the section */

static const struct {
	const char *name;
	uint16_t offset;
} registers[] = {
	{"rax", offsetof(struct pt_regs, rax)}, {"rbx", offsetof(struct pt_regs, rbx)},
	{"rcx", offsetof(struct pt_regs, rcx)}, {"rdx", offsetof(struct pt_regs, rdx)},
	{"rsi", offsetof(struct pt_regs, rsi)}, {"rdi", offsetof(struct pt_regs, rdi)},
	{"rbp", offsetof(struct pt_regs, rbp)}, {"rsp", offsetof(struct pt_regs, rsp)},
	{"r8", offsetof(struct pt_regs, r8)},	{"r9", offsetof(struct pt_regs, r9)},
	{"r10", offsetof(struct pt_regs, r10)}, {"r11", offsetof(struct pt_regs, r11)},
	{"r12", offsetof(struct pt_regs, r12)}, {"r13", offsetof(struct pt_regs, r13)},
	{"r14", offsetof(struct pt_regs, r14)}, {"r15", offsetof(struct pt_regs, r15)},
};

static bool take(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*text, word, len))
		return false;
	*text += len;
	return true;
}

static bool take_register(const char **text, uint16_t *reg)
{
	const char *at = *text;
	size_t len;

	if (!take(&at, "%"))
		return false;
	len = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789");
	for (size_t i = 0; i < sizeof(registers) / sizeof(*registers); i++) {
		if (strlen(registers[i].name) != len || strncmp(at, registers[i].name, len))
			continue;
		*reg = registers[i].offset;
		*text = at + len;
		return true;
	}
	return false;
}

/* "", "-72" or "48". */
static bool take_displacement(const char **text, int32_t *out)
{
	bool minus = take(text, "-");
	size_t len = strspn(*text, "0123456789");
	long long v;

	if ((minus && !len) || len > 10)
		return false;
	v = len ? strtoll(*text, NULL, 10) : 0;
	if (minus)
		v = -v;
	if (v < INT_MIN || v > INT_MAX)
		return false;
	*text += len;
	*out = v;
	return true;
}

static bool take_operand(const char **text, struct probe_operand *out)
{
	*out = (struct probe_operand){0};
	take(text, "-"); /* a negative size: signed */
	if (!take(text, "8@"))
		return false;
	if (take_register(text, &out->reg))
		return true;
	out->memory = 1;
	return take_displacement(text, &out->displacement) && take(text, "(") &&
	       take_register(text, &out->reg) && take(text, ")");
}

int usdt_parse_operands(const char *text, struct probe_operand out[2])
{
	if (take_operand(&text, &out[0]) && take(&text, " ") && take_operand(&text, &out[1]) &&
	    !*text)
		return 0;
	return -EINVAL;
}

struct note {
	uint64_t location, base, semaphore;
	const char *provider, *name, *operands;
};

/* Three addresses, then three NUL-terminated strings. */
static bool parse_note(const char *desc, uint64_t size, struct note *out)
{
	const char *end = desc + size, **strings[] = {&out->provider, &out->name, &out->operands};

	if (size < 24)
		return false;
	memcpy(&out->location, desc, 8);
	memcpy(&out->base, desc + 8, 8);
	memcpy(&out->semaphore, desc + 16, 8);
	desc += 24;
	for (size_t i = 0; i < 3; i++) {
		size_t len = strnlen(desc, end - desc);

		if (len == (size_t)(end - desc))
			return false;
		*strings[i] = desc;
		desc += len + 1;
	}
	return true;
}

static uint64_t semaphore_offset(struct elf_file *f, uint64_t addr)
{
	const struct elf_segment *s = elf_file_segment(f, addr);

	return s && (s->flags & PF_W) ? elf_file_offset(f, addr) : 0;
}

static bool make_probe(struct elf_file *f, const struct note *note, uint64_t moved,
		       struct py_probe *out)
{
	struct elf_range range;
	struct code_insn insn;

	*out = (struct py_probe){.found = PY_FOUND_NOTE};
	out->config.entry = PY_ENTRY_USDT;
	out->config.link_addr = note->location + moved;
	out->file_offset = elf_file_offset(f, out->config.link_addr);
	if (!code_decode(f, out->config.link_addr, UINT64_MAX, &insn) ||
	    usdt_parse_operands(note->operands, out->config.operand))
		return false;
	out->emulated = code_emulated(&insn);
	out->function = elf_file_range(f, out->config.link_addr, &range) ? range.start
									 : out->config.link_addr;
	if (note->semaphore)
		out->semaphore_offset = semaphore_offset(f, note->semaphore + moved);
	/* With a semaphore that cannot be raised the site is never reached. */
	return !note->semaphore || out->semaphore_offset;
}

/* base: the section's header, or NULL; looked up once because both notes and sections may be many.
 */
static void add_site(struct elf_file *f, const struct note *note, const Elf64_Shdr *base,
		     struct usdt_sites *out)
{
	uint64_t moved = base && note->base ? base->sh_addr - note->base : 0;
	struct py_probe probe;

	if (strcmp(note->provider, "python") || strcmp(note->name, "audit"))
		return;
	out->present = true;
	if (out->n < PY_MAX_PROBES && make_probe(f, note, moved, &probe))
		out->probes[out->n++] = probe;
	else
		out->incomplete = true;
}

static void read_notes(struct elf_file *f, const char *data, uint64_t left, struct usdt_sites *out)
{
	const Elf64_Shdr *base = elf_file_section(f, ".stapsdt.base");

	while (left >= sizeof(Elf64_Nhdr)) {
		uint64_t name, desc;
		struct note note;
		Elf64_Nhdr nh;

		memcpy(&nh, data, sizeof(nh));
		name = (nh.n_namesz + 3ull) & ~3ull;
		desc = (nh.n_descsz + 3ull) & ~3ull;
		if (name + desc > left - sizeof(nh))
			return;
		if (nh.n_type == NOTE_TYPE && nh.n_namesz == 8 &&
		    !memcmp(data + sizeof(nh), "stapsdt", 8) &&
		    parse_note(data + sizeof(nh) + name, nh.n_descsz, &note))
			add_site(f, &note, base, out);
		data += sizeof(nh) + name + desc;
		left -= sizeof(nh) + name + desc;
	}
}

int usdt_find(struct elf_file *f, struct usdt_sites *out)
{
	const Elf64_Shdr *section = elf_file_section(f, ".note.stapsdt");
	char *data;

	memset(out, 0, sizeof(*out));
	if (!section || section->sh_type != SHT_NOTE)
		return 0;
	data = elf_file_read(f, section->sh_offset, section->sh_size, MAX_NOTES);
	if (!data)
		return f->error;
	read_notes(f, data, section->sh_size, out);
	free(data);
	return 0;
}
