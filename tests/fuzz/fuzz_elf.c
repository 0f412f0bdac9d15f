// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as an ELF file: symbols, unwind tables, notes and packed debug information, each asked
 * for by itself, so that none is out of reach behind another. */
#include <stdint.h>
#include <stdlib.h>

#include "python/elf_debug.h"
#include "python/elf_file.h"
#include "python/usdt.h"
#include "python/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_symbols(const struct elf_symbol_table *table)
{
	struct elf_symbol symbol;
	size_t i, len = 0;

	for (i = 0; i < table->count && i < 4096; i++)
		if (elf_symbol_get(table, i, &symbol))
			for (const char *s = symbol.name; *s; s++)
				len++;
	elf_symbol_find(table, "PySys_Audit", &symbol);
	elf_symbol_at(table, len);
}

static void read_segments(struct elf_file *f)
{
	struct elf_range range;
	size_t i, len;

	for (i = 0; i < f->n_segments && i < 64; i++) {
		const struct elf_segment *s = &f->segments[i];

		elf_file_range(f, s->addr + s->size / 2, &range);
		elf_file_text(f, s->addr, &len);
		elf_file_at(f, s->addr + s->size - 1, 1);
		elf_file_at(f, s->addr, s->size + 1);
		elf_file_offset(f, s->addr);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_file f;
	struct usdt_sites sites = {0};
	uint8_t id[20];
	bool exact;

	elf_debug_directory = "/nowhere";
	if (elf_file_open_memory(&f, data, size))
		return 0;
	read_symbols(&f.dynsym);
	read_symbols(elf_file_symtab(&f));
	read_symbols(elf_file_debugdata(&f));
	read_segments(&f);
	elf_file_relocate(&f);
	elf_file_build_id(&f, id, sizeof(id));
	usdt_find(&f, &sites);
	version_find(&f, &f.dynsym, &exact);
	elf_file_close(&f);
	return 0;
}
