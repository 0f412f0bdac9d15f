/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ELF file as it will be loaded: segments, symbols, relocations and the unwind table.
 *
 * The file belongs to somebody else and may be hostile or change under us: it is read with pread(2)
 * into our own memory, never mapped, and every offset in it is checked at each use. Addresses are
 * link addresses throughout.
 */
#ifndef PYAUDIT_PYTHON_ELF_FILE_H
#define PYAUDIT_PYTHON_ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct elf_segment {
	uint64_t addr, mem_size, offset, size; /* size: bytes that come from the file */
	uint32_t flags;			       /* PF_* */
	unsigned char *data;		       /* NULL until first used */
};

struct elf_symbol_table {
	const unsigned char *symbols;
	size_t count;
	const char *strings;
	size_t strings_size;
	void *owned_symbols, *owned_strings;
	bool looked_for; /* of those that are read on demand */
};

struct elf_symbol {
	const char *name;
	uint64_t addr, size;
	unsigned char type; /* STT_* */
};

/* The range of one unwind entry: a function, or a part that the compiler split off. */
struct elf_range {
	uint64_t start, size;
};

struct elf_file {
	int fd;
	const unsigned char *memory; /* the whole file, when it is not read from fd */
	uint64_t size;
	bool position_independent;
	int error; /* the first reading error or lack of memory; what was asked then "is not there"
		    */
	uint64_t loaded;
	struct elf_segment *segments; /* PT_LOAD */
	size_t n_segments;
	Elf64_Phdr *headers;
	size_t n_headers;
	Elf64_Shdr *sections; /* none if the table is missing or damaged */
	size_t n_sections;
	char *section_names;
	size_t section_names_size;
	uint64_t dynamic[40]; /* values of the low tags; 0: absent */
	uint64_t gnu_hash, flags_1;
	const char *soname; /* NULL: none */
	struct elf_symbol_table dynsym, symtab, debugdata, debugfile;
	bool relocated;
};

/* Returns 0, -ENOEXEC (not an x86-64 program or shared library), -EBADMSG, -ENOMEM, ... */
int elf_file_open(struct elf_file *f, int fd);

/*
 * The same for a file that only tells of another one: it has sections and symbols; its segments are
 * not looked at, as programs that split files leave the headers of what they took out. The memory
 * belongs to the caller and must outlive f.
 */
int elf_file_open_symbols(struct elf_file *f, int fd);
int elf_file_open_memory(struct elf_file *f, const void *data, size_t size);

void elf_file_close(struct elf_file *f);

/* The len bytes at addr, or NULL if the file does not hold them all in one segment. The memory
 * lives as long as the file. */
const void *elf_file_at(struct elf_file *f, uint64_t addr, uint64_t len);

/* The segment with addr in its file-backed part, or NULL; its data may not have been read yet. */
struct elf_segment *elf_file_segment(struct elf_file *f, uint64_t addr);

/* Reads a segment's data; NULL if that fails. */
const unsigned char *elf_file_segment_data(struct elf_file *f, struct elf_segment *s);

bool elf_file_is_code(struct elf_file *f, uint64_t addr);

/* The NUL-terminated text at addr in a segment that is not writable, or NULL. *len without the NUL.
 */
const char *elf_file_text(struct elf_file *f, uint64_t addr, size_t *len);

/* File offset of addr; 0 if the file does not hold it. */
uint64_t elf_file_offset(struct elf_file *f, uint64_t addr);

/* A section's header by name, or NULL. */
const Elf64_Shdr *elf_file_section(struct elf_file *f, const char *name);

/* Reads size bytes at a file offset into memory of the caller's own (free), or NULL. One byte more
 * is allocated and zero. */
void *elf_file_read(struct elf_file *f, uint64_t offset, uint64_t size, uint64_t limit);

/* The sources of symbols that are read once, on demand; empty if there are none. */
const struct elf_symbol_table *elf_file_symtab(struct elf_file *f);
const struct elf_symbol_table *elf_file_debugdata(struct elf_file *f); /* MiniDebugInfo */
const struct elf_symbol_table *elf_file_debugfile(struct elf_file *f); /* by build-id */

/* Symbol i of a table if it is defined and its name is sound. */
bool elf_symbol_get(const struct elf_symbol_table *table, size_t i, struct elf_symbol *out);

/* The defined symbol of that name. */
bool elf_symbol_find(const struct elf_symbol_table *table, const char *name,
		     struct elf_symbol *out);

/* Whether a defined symbol of the table stands at addr. */
bool elf_symbol_at(const struct elf_symbol_table *table, uint64_t addr);

/* Applies the relocations that need no other file to the data of writable segments. */
void elf_file_relocate(struct elf_file *f);

/* The unwind entry that covers addr. */
bool elf_file_range(struct elf_file *f, uint64_t addr, struct elf_range *out);

/* Whose dynamic loader a file is linked for; unknown if it names neither libc nor loader. */
enum elf_libc { ELF_LIBC_UNKNOWN, ELF_LIBC_GLIBC, ELF_LIBC_MUSL };
enum elf_libc elf_file_libc(const struct elf_file *f);

/* GNU build-id; its length, 0 if there is none. */
size_t elf_file_build_id(struct elf_file *f, uint8_t *id, size_t max);

#endif
