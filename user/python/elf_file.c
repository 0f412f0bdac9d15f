// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "python/elf_file.h"

/* Larger than any CPython seen (the largest have 60 MiB of loaded segments) by some margin; what
 * one file may make us hold at a time. */
#define MAX_LOADED   (256ull << 20)
#define MAX_HEADERS  128
#define MAX_SECTIONS 20000
#define MAX_SYMTAB   (64ull << 20)
#define MAX_SYMBOLS  (1u << 20)
#define MAX_TEXT     65536
#define MAX_NOTE     65536
/* Where the kernel's half begins: no program is loaded there. */
#define MAX_ADDRESS (1ull << 47)

/* In memory nothing changes under us, so its callers' check of the range is enough there. */
static int read_exactly(const struct elf_file *f, void *buf, size_t size, uint64_t offset)
{
	size_t done = 0;

	if (f->memory) {
		memcpy(buf, f->memory + offset, size);
		return 0;
	}
	while (done < size) {
		ssize_t n = pread(f->fd, (char *)buf + done, size - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EBADMSG;
		done += n;
	}
	return 0;
}

static bool in_file(const struct elf_file *f, uint64_t offset, uint64_t size)
{
	return offset <= f->size && size <= f->size - offset;
}

static void note_error(struct elf_file *f, int err)
{
	if (!f->error)
		f->error = err;
}

void *elf_file_read(struct elf_file *f, uint64_t offset, uint64_t size, uint64_t limit)
{
	char *data;
	int err;

	if (size > limit || !in_file(f, offset, size))
		return NULL;
	data = malloc(size + 1);
	if (!data) {
		note_error(f, -ENOMEM);
		return NULL;
	}
	err = read_exactly(f, data, size, offset);
	if (err) {
		note_error(f, err);
		free(data);
		return NULL;
	}
	data[size] = 0;
	return data;
}

static int find_size(struct elf_file *f)
{
	struct stat st;

	if (f->memory)
		return 0;
	if (fstat(f->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	f->size = st.st_size;
	return 0;
}

static int check_header(struct elf_file *f, Elf64_Ehdr *eh)
{
	static const unsigned char ident[] = {0x7f,	  'E',	       'L',	  'F',
					      ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
	int err = find_size(f);

	if (err)
		return err;
	if (f->size < sizeof(*eh))
		return -ENOEXEC;
	err = read_exactly(f, eh, sizeof(*eh), 0);
	if (err)
		return err;
	if (memcmp(eh->e_ident, ident, sizeof(ident)) || eh->e_machine != EM_X86_64 ||
	    (eh->e_type != ET_EXEC && eh->e_type != ET_DYN))
		return -ENOEXEC;
	f->position_independent = eh->e_type == ET_DYN;
	return 0;
}

static bool segment_sound(const struct elf_file *f, const Elf64_Phdr *ph)
{
	return in_file(f, ph->p_offset, ph->p_filesz) && ph->p_filesz <= ph->p_memsz &&
	       ph->p_vaddr <= MAX_ADDRESS && ph->p_memsz <= MAX_ADDRESS - ph->p_vaddr;
}

static int read_segments(struct elf_file *f, const Elf64_Ehdr *eh)
{
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum || eh->e_phnum > MAX_HEADERS)
		return -EBADMSG;
	f->n_headers = eh->e_phnum;
	f->headers = elf_file_read(f, eh->e_phoff, f->n_headers * sizeof(Elf64_Phdr),
				   MAX_HEADERS * sizeof(Elf64_Phdr));
	if (!f->headers)
		return f->error ?: -EBADMSG;
	f->segments = calloc(f->n_headers, sizeof(*f->segments));
	if (!f->segments)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_headers; i++) {
		const Elf64_Phdr *ph = &f->headers[i];

		if (ph->p_type != PT_LOAD)
			continue;
		if (!segment_sound(f, ph))
			return -EBADMSG;
		f->segments[f->n_segments++] = (struct elf_segment){
			.addr = ph->p_vaddr,
			.mem_size = ph->p_memsz,
			.offset = ph->p_offset,
			.size = ph->p_filesz,
			.flags = ph->p_flags,
		};
	}
	return f->n_segments ? 0 : -EBADMSG;
}

/* Section headers are a convenience (and where USDT notes are): without them we go on. */
static void read_sections(struct elf_file *f, const Elf64_Ehdr *eh)
{
	const Elf64_Shdr *names;

	if (eh->e_shentsize != sizeof(Elf64_Shdr) || !eh->e_shnum || eh->e_shnum > MAX_SECTIONS)
		return;
	f->sections = elf_file_read(f, eh->e_shoff, eh->e_shnum * sizeof(Elf64_Shdr), UINT64_MAX);
	if (!f->sections)
		return;
	f->n_sections = eh->e_shnum;
	if (eh->e_shstrndx >= f->n_sections)
		return;
	names = &f->sections[eh->e_shstrndx];
	f->section_names = elf_file_read(f, names->sh_offset, names->sh_size, 1 << 20);
	if (f->section_names)
		f->section_names_size = names->sh_size;
}

const Elf64_Shdr *elf_file_section(struct elf_file *f, const char *name)
{
	for (size_t i = 0; i < f->n_sections; i++) {
		uint32_t at = f->sections[i].sh_name;

		if (at < f->section_names_size && !strcmp(f->section_names + at, name))
			return &f->sections[i];
	}
	return NULL;
}

struct elf_segment *elf_file_segment(struct elf_file *f, uint64_t addr)
{
	for (size_t i = 0; i < f->n_segments; i++) {
		struct elf_segment *s = &f->segments[i];

		if (addr >= s->addr && addr - s->addr < s->size)
			return s;
	}
	return NULL;
}

const unsigned char *elf_file_segment_data(struct elf_file *f, struct elf_segment *s)
{
	if (s->data)
		return s->data;
	if (s->size > MAX_LOADED - f->loaded) {
		note_error(f, -EFBIG);
		return NULL;
	}
	s->data = elf_file_read(f, s->offset, s->size, MAX_LOADED);
	if (s->data)
		f->loaded += s->size;
	return s->data;
}

const void *elf_file_at(struct elf_file *f, uint64_t addr, uint64_t len)
{
	struct elf_segment *s = elf_file_segment(f, addr);
	const unsigned char *data;

	if (!s || len > s->size - (addr - s->addr))
		return NULL;
	data = elf_file_segment_data(f, s);
	return data ? data + (addr - s->addr) : NULL;
}

bool elf_file_is_code(struct elf_file *f, uint64_t addr)
{
	const struct elf_segment *s = elf_file_segment(f, addr);

	return s && (s->flags & PF_X);
}

const char *elf_file_text(struct elf_file *f, uint64_t addr, size_t *len)
{
	struct elf_segment *s = elf_file_segment(f, addr);
	const unsigned char *data;
	uint64_t left;

	if (!s || (s->flags & PF_W))
		return NULL;
	data = elf_file_segment_data(f, s);
	if (!data)
		return NULL;
	left = s->size - (addr - s->addr);
	if (left > MAX_TEXT)
		left = MAX_TEXT;
	data += addr - s->addr;
	*len = strnlen((const char *)data, left);
	return *len < left ? (const char *)data : NULL;
}

uint64_t elf_file_offset(struct elf_file *f, uint64_t addr)
{
	const struct elf_segment *s = elf_file_segment(f, addr);

	return s ? s->offset + (addr - s->addr) : 0;
}

static uint64_t *dynamic_slot(struct elf_file *f, uint64_t tag)
{
	if (tag == DT_GNU_HASH)
		return &f->gnu_hash;
	if (tag == DT_FLAGS_1)
		return &f->flags_1;
	return tag < sizeof(f->dynamic) / sizeof(*f->dynamic) ? &f->dynamic[tag] : NULL;
}

static void read_dynamic(struct elf_file *f, const Elf64_Phdr *ph)
{
	uint64_t max = ph->p_filesz / sizeof(Elf64_Dyn);

	for (uint64_t i = 0; i < max && i < 4096; i++) {
		const void *at =
			elf_file_at(f, ph->p_vaddr + i * sizeof(Elf64_Dyn), sizeof(Elf64_Dyn));
		Elf64_Dyn dyn;
		uint64_t *slot;

		if (!at)
			return;
		memcpy(&dyn, at, sizeof(dyn));
		if (dyn.d_tag == DT_NULL)
			return;
		slot = dynamic_slot(f, dyn.d_tag);
		if (slot)
			*slot = dyn.d_un.d_val;
	}
}

/* The table has no length of its own in a loaded file: the hash table tells it. */
static size_t gnu_hash_count(struct elf_file *f)
{
	const uint32_t *head = elf_file_at(f, f->gnu_hash, 16);
	uint64_t buckets_at, chain_at;
	uint32_t buckets, first, words, last = 0, v;

	if (!head)
		return 0;
	memcpy(&buckets, head, 4);
	memcpy(&first, head + 1, 4);
	memcpy(&words, head + 2, 4);
	if (buckets > MAX_SYMBOLS || words > MAX_SYMBOLS)
		return 0;
	buckets_at = f->gnu_hash + 16 + words * 8ull;
	chain_at = buckets_at + buckets * 4ull;
	for (uint32_t i = 0; i < buckets; i++) {
		const void *at = elf_file_at(f, buckets_at + i * 4ull, 4);

		if (!at)
			return 0;
		memcpy(&v, at, 4);
		if (v > last)
			last = v;
	}
	if (last < first)
		return first;
	for (; last < MAX_SYMBOLS; last++) {
		const void *at = elf_file_at(f, chain_at + (last - first) * 4ull, 4);

		if (!at)
			return 0;
		memcpy(&v, at, 4);
		if (v & 1)
			return last + 1;
	}
	return 0;
}

static size_t hash_count(struct elf_file *f)
{
	const unsigned char *head = elf_file_at(f, f->dynamic[DT_HASH], 8);
	uint32_t n;

	if (!head)
		return 0;
	memcpy(&n, head + 4, 4);
	return n;
}

static void read_dynsym(struct elf_file *f)
{
	struct elf_symbol_table *t = &f->dynsym;
	size_t count = f->dynamic[DT_HASH] ? hash_count(f) : 0;

	if (!count && f->gnu_hash)
		count = gnu_hash_count(f);
	if (!count || count > MAX_SYMBOLS)
		return;
	t->symbols = elf_file_at(f, f->dynamic[DT_SYMTAB], count * sizeof(Elf64_Sym));
	t->strings_size = f->dynamic[DT_STRSZ];
	t->strings = elf_file_at(f, f->dynamic[DT_STRTAB], t->strings_size);
	/* Its last byte must be NUL: then every name ends inside it. */
	if (t->symbols && t->strings && t->strings_size && !t->strings[t->strings_size - 1])
		t->count = count;
}

static const char *dynamic_string(const struct elf_file *f, uint64_t at)
{
	const struct elf_symbol_table *t = &f->dynsym;

	return t->count && at < t->strings_size ? t->strings + at : NULL;
}

int elf_file_open(struct elf_file *f, int fd)
{
	Elf64_Ehdr eh;
	int err;

	memset(f, 0, sizeof(*f));
	f->fd = fd;
	err = check_header(f, &eh);
	if (!err)
		err = read_segments(f, &eh);
	if (err) {
		elf_file_close(f);
		return err;
	}
	read_sections(f, &eh);
	for (size_t i = 0; i < f->n_headers; i++)
		if (f->headers[i].p_type == PT_DYNAMIC)
			read_dynamic(f, &f->headers[i]);
	read_dynsym(f);
	if (f->dynamic[DT_SONAME])
		f->soname = dynamic_string(f, f->dynamic[DT_SONAME]);
	err = f->error;
	if (err)
		elf_file_close(f);
	return err;
}

static int open_symbols(struct elf_file *f)
{
	Elf64_Ehdr eh;
	int err = check_header(f, &eh);

	if (err)
		return err;
	read_sections(f, &eh);
	err = f->error;
	if (err)
		elf_file_close(f);
	return err;
}

int elf_file_open_symbols(struct elf_file *f, int fd)
{
	memset(f, 0, sizeof(*f));
	f->fd = fd;
	return open_symbols(f);
}

int elf_file_open_memory(struct elf_file *f, const void *data, size_t size)
{
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->memory = data;
	f->size = size;
	return open_symbols(f);
}

static void free_table(struct elf_symbol_table *t)
{
	free(t->owned_symbols);
	free(t->owned_strings);
}

void elf_file_close(struct elf_file *f)
{
	for (size_t i = 0; i < f->n_segments; i++)
		free(f->segments[i].data);
	free(f->segments);
	free(f->headers);
	free(f->sections);
	free(f->section_names);
	free_table(&f->symtab);
	free_table(&f->debugdata);
	free_table(&f->debugfile);
	memset(f, 0, sizeof(*f));
}

const struct elf_symbol_table *elf_file_symtab(struct elf_file *f)
{
	struct elf_symbol_table *t = &f->symtab;
	const Elf64_Shdr *sh = NULL, *strings;

	if (t->looked_for)
		return t;
	t->looked_for = true;
	for (size_t i = 0; i < f->n_sections && !sh; i++)
		if (f->sections[i].sh_type == SHT_SYMTAB)
			sh = &f->sections[i];
	if (!sh || sh->sh_link >= f->n_sections)
		return t;
	strings = &f->sections[sh->sh_link];
	t->symbols = t->owned_symbols = elf_file_read(f, sh->sh_offset, sh->sh_size, MAX_SYMTAB);
	t->strings = t->owned_strings =
		elf_file_read(f, strings->sh_offset, strings->sh_size, MAX_SYMTAB);
	t->strings_size = strings->sh_size;
	if (t->symbols && t->strings)
		t->count = sh->sh_size / sizeof(Elf64_Sym);
	return t;
}

bool elf_symbol_get(const struct elf_symbol_table *t, size_t i, struct elf_symbol *out)
{
	Elf64_Sym sym;

	if (i >= t->count)
		return false;
	memcpy(&sym, t->symbols + i * sizeof(sym), sizeof(sym));
	if (sym.st_shndx == SHN_UNDEF || sym.st_name >= t->strings_size)
		return false;
	out->name = t->strings + sym.st_name;
	out->addr = sym.st_value;
	out->size = sym.st_size;
	out->type = ELF64_ST_TYPE(sym.st_info);
	return true;
}

bool elf_symbol_find(const struct elf_symbol_table *t, const char *name, struct elf_symbol *out)
{
	size_t size = strlen(name) + 1;

	for (size_t i = 0; i < t->count; i++) {
		uint32_t at;

		memcpy(&at, t->symbols + i * sizeof(Elf64_Sym), sizeof(at));
		if (at < t->strings_size && size <= t->strings_size - at &&
		    !memcmp(t->strings + at, name, size) && elf_symbol_get(t, i, out))
			return true;
	}
	return false;
}

bool elf_symbol_at(const struct elf_symbol_table *t, uint64_t addr)
{
	for (size_t i = 0; i < t->count; i++) {
		Elf64_Sym sym;

		memcpy(&sym, t->symbols + i * sizeof(sym), sizeof(sym));
		if (sym.st_value == addr && sym.st_shndx != SHN_UNDEF)
			return true;
	}
	return false;
}

static bool relocated_value(struct elf_file *f, const Elf64_Rela *rela, uint64_t *value)
{
	struct elf_symbol sym;

	switch (ELF64_R_TYPE(rela->r_info)) {
	case R_X86_64_RELATIVE: *value = rela->r_addend; return true;
	case R_X86_64_64:
		if (!elf_symbol_get(&f->dynsym, ELF64_R_SYM(rela->r_info), &sym))
			return false;
		*value = sym.addr + rela->r_addend;
		return true;
	default: return false;
	}
}

/* RELR relocations need nothing here: the slot already holds the link address. */
void elf_file_relocate(struct elf_file *f)
{
	uint64_t count = f->dynamic[DT_RELASZ] / sizeof(Elf64_Rela);
	const unsigned char *table;

	if (f->relocated)
		return;
	f->relocated = true;
	table = elf_file_at(f, f->dynamic[DT_RELA], count * sizeof(Elf64_Rela));
	if (!table)
		return;
	for (uint64_t i = 0; i < count; i++) {
		struct elf_segment *s;
		Elf64_Rela rela;
		uint64_t value;

		memcpy(&rela, table + i * sizeof(rela), sizeof(rela));
		s = elf_file_segment(f, rela.r_offset);
		if (!s || !(s->flags & PF_W) || s->size - (rela.r_offset - s->addr) < 8 ||
		    !relocated_value(f, &rela, &value) || !elf_file_segment_data(f, s))
			continue;
		memcpy(s->data + (rela.r_offset - s->addr), &value, 8);
	}
}

static bool names_library(const struct elf_file *f, const char *name)
{
	return f->dynsym.strings &&
	       memmem(f->dynsym.strings, f->dynsym.strings_size, name, strlen(name));
}

enum elf_libc elf_file_libc(const struct elf_file *f)
{
	if (names_library(f, "libc.musl-"))
		return ELF_LIBC_MUSL;
	/* The loader is named where nothing else is wanted but __tls_get_addr. */
	if (names_library(f, "libc.so.6") || names_library(f, "ld-linux-x86-64.so.2"))
		return ELF_LIBC_GLIBC;
	return ELF_LIBC_UNKNOWN;
}

static size_t build_id_in(const unsigned char *note, uint64_t left, uint8_t *id, size_t max)
{
	while (left >= sizeof(Elf64_Nhdr)) {
		uint64_t name, desc;
		Elf64_Nhdr nh;

		memcpy(&nh, note, sizeof(nh));
		name = (nh.n_namesz + 3ull) & ~3ull;
		desc = (nh.n_descsz + 3ull) & ~3ull;
		if (name + desc > left - sizeof(nh))
			return 0;
		if (nh.n_type == NT_GNU_BUILD_ID && nh.n_namesz == 4 && nh.n_descsz <= max &&
		    !memcmp(note + sizeof(nh), "GNU", 4)) {
			memcpy(id, note + sizeof(nh) + name, nh.n_descsz);
			return nh.n_descsz;
		}
		note += sizeof(nh) + name + desc;
		left -= sizeof(nh) + name + desc;
	}
	return 0;
}

static size_t build_id_at(struct elf_file *f, uint64_t offset, uint64_t size, uint8_t *id,
			  size_t max)
{
	unsigned char *note = elf_file_read(f, offset, size, MAX_NOTE);
	size_t len = note ? build_id_in(note, size, id, max) : 0;

	free(note);
	return len;
}

size_t elf_file_build_id(struct elf_file *f, uint8_t *id, size_t max)
{
	const Elf64_Shdr *section;

	for (size_t i = 0; i < f->n_headers; i++) {
		const Elf64_Phdr *ph = &f->headers[i];
		size_t len = 0;

		if (ph->p_type == PT_NOTE)
			len = build_id_at(f, ph->p_offset, ph->p_filesz, id, max);
		if (len)
			return len;
	}
	section = elf_file_section(f, ".note.gnu.build-id");
	if (!section || section->sh_type != SHT_NOTE)
		return 0;
	return build_id_at(f, section->sh_offset, section->sh_size, id, max);
}
