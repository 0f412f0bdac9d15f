// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as an ELF file: symbols, unwind tables, notes, packed debug information, and what is
 * read off code and data of an interpreter, each asked for by itself, so that none is out of reach
 * behind another. The last byte chooses the version it is taken for, and the bytes before it are
 * what the loader has resolved.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "enrich/thread_context.h"
#include "python/elf_debug.h"
#include "python/elf_file.h"
#include "python/elf_tls.h"
#include "python/finder.h"
#include "python/frames.h"
#include "python/layout.h"
#include "python/placement.h"
#include "python/usdt.h"
#include "python/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t versions[] = {0x030802f0, 0x030a02f0, 0x030b02f0, 0x030c01f0,
				    0x030d00f0, 0x030e00f0, 0x030f00f0};

static void read_symbols(const struct elf_symbol_table *table)
{
	struct elf_symbol symbol;
	size_t i, len = 0;

	for (i = 0; i < table->count && i < 4096; i++)
		if (elf_symbol_get(table, i, &symbol))
			len += strlen(symbol.name);
	elf_symbol_find(table, "PySys_Audit", &symbol);
	elf_symbol_at(table, len);
}

static void read_range(struct elf_file *f, uint64_t addr)
{
	struct elf_range range;

	if (elf_file_range(f, addr, &range) &&
	    (addr < range.start || addr - range.start >= range.size))
		abort();
}

/* Of what a pointer leads to each byte must be there. */
static void read_bytes(const void *data, size_t len)
{
	const volatile unsigned char *p = data;

	if (p && len) {
		(void)p[0];
		(void)p[len - 1];
	}
}

static void read_segments(struct elf_file *f)
{
	size_t i, len;
	const char *text;

	for (i = 0; i < f->n_segments && i < 64; i++) {
		const struct elf_segment *s = &f->segments[i];

		read_range(f, s->addr);
		read_range(f, s->addr + s->size / 2);
		text = elf_file_text(f, s->addr, &len);
		read_bytes(text, text ? len + 1 : 0);
		read_bytes(elf_file_at(f, s->addr, s->size), s->size);
		/* There is more where another segment lies over this one. */
		read_bytes(elf_file_at(f, s->addr, s->size + 1), s->size + 1);
		elf_file_offset(f, s->addr);
	}
}

static void read_layout(struct elf_file *f, const struct elf_symbol_table *symbols,
			uint32_t version)
{
	bool free_threaded = version_free_threaded(symbols);
	const struct py_layout *layout = layout_find(version >> 16, free_threaded);
	struct image_config config = {.version = version};
	struct py_thread thread;

	if (layout)
		layout_compare(f, version, free_threaded, layout);
	layout_fill(f, symbols, free_threaded, &config);
	config.decode = 1;
	frames_fill(f, symbols, free_threaded, &config);
	thread_find(f, symbols, version, &thread);
}

static void place(struct elf_file *f, enum py_entry entry, const struct found_function *fn)
{
	struct py_probe probe = {.function = fn->addr, .config.entry = entry};

	if (fn->addr && !placement_choose(f, &probe, fn->size) &&
	    probe.file_offset != elf_file_offset(f, probe.config.link_addr))
		abort();
}

/* Without the symbol: as if the first code were the function. */
static void find_entries(struct elf_file *f, const struct elf_symbol_table *symbols,
			 uint32_t version, bool use_symbols)
{
	struct entry_points e = {0};
	struct elf_symbol sym;
	size_t i;

	for (i = 0; i < f->n_segments && !e.public.addr; i++)
		if (f->segments[i].flags & PF_X)
			e.public.addr = f->segments[i].addr;
	if (elf_symbol_find(symbols, "PySys_Audit", &sym))
		e.public = (struct found_function){.addr = sym.addr, .size = sym.size};
	if (!elf_file_is_code(f, e.public.addr))
		return;
	finder_find(f, version, use_symbols, &e);
	place(f, PY_ENTRY_SYS_AUDIT_TSTATE, &e.worker);
	place(f, PY_ENTRY_SYS_AUDIT, &e.method);
	place(f, PY_ENTRY_PYSYS_AUDIT, &e.public);
	place(f, PY_ENTRY_PYSYS_AUDIT_T, &e.private);
}

/* With our own memory for that of the process: an argument of 1 leads to more of the input. */
static void find_variable(struct elf_file *f, const uint8_t *data, size_t size)
{
	static uint64_t resolved[5];
	struct context_place place;
	struct elf_tls tls;

	if (elf_tls_find(f, THREAD_CONTEXT_SYMBOL, &tls) || size <= sizeof(resolved))
		return;
	memcpy(resolved, data + size - 1 - sizeof(resolved), sizeof(resolved));
	if (resolved[1] == 1)
		resolved[1] = (uintptr_t)&resolved[2];
	if (!thread_context_place(getpid(), &tls, (uintptr_t)resolved - tls.slot, &place) &&
	    !place.module && (place.offset >= 0 || place.offset & 7))
		abort();
}

static void read_image(struct elf_file *f, uint32_t version)
{
	const struct elf_symbol_table *symbols = f->dynsym.count ? &f->dynsym : elf_file_symtab(f);
	struct usdt_sites sites = {0};
	uint8_t id[20];
	uint32_t old;
	bool exact;

	read_symbols(&f->dynsym);
	read_symbols(elf_file_symtab(f));
	read_symbols(elf_file_debugdata(f));
	read_segments(f);
	elf_file_build_id(f, id, sizeof(id));
	usdt_find(f, &sites);
	version_find(f, symbols, &exact);
	version_find_old(f, &old, &exact);
	read_layout(f, symbols, version);
	find_entries(f, symbols, version, true);
	find_entries(f, symbols, version, false);
	elf_file_relocate(f);
}

/* What is packed in others. */
static void read_memory(const uint8_t *data, size_t size)
{
	struct elf_file f;

	if (elf_file_open_memory(&f, data, size))
		return;
	read_symbols(elf_file_symtab(&f));
	elf_file_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct elf_file f;

	elf_debug_directory = "/nowhere";
	read_memory(data, size);
	if (fd < 0)
		fd = memfd_create("image", MFD_CLOEXEC);
	if (!size || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size ||
	    elf_file_open(&f, fd))
		return 0;
	find_variable(&f, data, size);
	read_image(&f, versions[data[size - 1] % (sizeof(versions) / sizeof(*versions))]);
	elf_file_close(&f);
	return 0;
}
