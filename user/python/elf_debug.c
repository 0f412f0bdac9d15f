// SPDX-License-Identifier: GPL-2.0-only
/*
 * Distributions strip their files but keep symbols at hand: Fedora and its relatives pack a small
 * ELF file with the functions that are not exported into .gnu_debugdata (MiniDebugInfo), and debug
 * packages install files named by build-id. Both have link addresses of the stripped file, and no
 * contents for its sections.
 *
 * What is packed comes from somebody else's file: its size, the decoder's memory and with them its
 * time are limited. Only .symtab of these files is read, never another reference out of them, so
 * nothing recurses.
 */
#include <fcntl.h>
#include <limits.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "python/elf_debug.h"
#include "python/elf_file.h"

#define MAX_PACKED   (32u << 20)
#define FIRST_BUFFER (1u << 20)
/* Every preset of xz can be decoded with this: -9 takes 65 MiB. */
#define MAX_DECODER  (80u << 20)
#define MAX_BUILD_ID 20

const char *elf_debug_directory = "/usr/lib/debug";

struct unpacked {
	unsigned char *data;
	size_t size, capacity;
};

static bool grow(struct unpacked *out, lzma_stream *xz)
{
	size_t capacity = out->capacity ? out->capacity * 2 : FIRST_BUFFER;
	unsigned char *data;

	if (capacity > ELF_DEBUG_MAX_UNPACKED)
		return false;
	data = realloc(out->data, capacity);
	if (!data)
		return false;
	xz->next_out = data + out->capacity;
	xz->avail_out = capacity - out->capacity;
	out->data = data;
	out->capacity = capacity;
	return true;
}

/* True only for a whole stream whose checksum is right. */
static bool unpack(const unsigned char *packed, size_t size, struct unpacked *out)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	lzma_ret ret = lzma_stream_decoder(&xz, MAX_DECODER, 0);

	xz.next_in = packed;
	xz.avail_in = size;
	while (ret == LZMA_OK && (xz.avail_out || grow(out, &xz)))
		ret = lzma_code(&xz, LZMA_FINISH);
	out->size = xz.total_out;
	lzma_end(&xz);
	return ret == LZMA_STREAM_END;
}

/* Takes the symbols out of a file that is about to be closed. */
static void move_symtab(struct elf_file *from, struct elf_symbol_table *to)
{
	elf_file_symtab(from);
	*to = from->symtab;
	from->symtab = (struct elf_symbol_table){0};
	to->looked_for = true;
}

static void read_debugdata(struct elf_file *f, struct elf_symbol_table *t)
{
	const Elf64_Shdr *section = elf_file_section(f, ".gnu_debugdata");
	struct unpacked out = {0};
	struct elf_file mini;
	unsigned char *packed;

	if (!section || section->sh_type != SHT_PROGBITS)
		return;
	packed = elf_file_read(f, section->sh_offset, section->sh_size, MAX_PACKED);
	if (packed && unpack(packed, section->sh_size, &out) &&
	    !elf_file_open_memory(&mini, out.data, out.size)) {
		move_symtab(&mini, t);
		elf_file_close(&mini);
	}
	free(out.data);
	free(packed);
}

const struct elf_symbol_table *elf_file_debugdata(struct elf_file *f)
{
	struct elf_symbol_table *t = &f->debugdata;

	if (!t->looked_for) {
		t->looked_for = true;
		read_debugdata(f, t);
	}
	return t;
}

/* Hexadecimal digits only, so nothing in the file can lead elsewhere. */
static int open_by_id(const uint8_t *id, size_t len)
{
	char name[2 * MAX_BUILD_ID + 1] = "", path[PATH_MAX];

	for (size_t i = 1; i < len; i++)
		sprintf(name + 2 * (i - 1), "%02x", id[i]);
	if (snprintf(path, sizeof(path), "%s/.build-id/%02x/%s.debug", elf_debug_directory, id[0],
		     name) >= (int)sizeof(path))
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static void read_debugfile(struct elf_file *f, struct elf_symbol_table *t)
{
	uint8_t ours[MAX_BUILD_ID], its[MAX_BUILD_ID];
	size_t len = elf_file_build_id(f, ours, sizeof(ours));
	struct elf_file debug;
	int fd;

	if (len < 2)
		return;
	fd = open_by_id(ours, len);
	if (fd < 0)
		return;
	if (!elf_file_open_symbols(&debug, fd)) {
		if (elf_file_build_id(&debug, its, sizeof(its)) == len && !memcmp(its, ours, len))
			move_symtab(&debug, t);
		elf_file_close(&debug);
	}
	close(fd);
}

const struct elf_symbol_table *elf_file_debugfile(struct elf_file *f)
{
	struct elf_symbol_table *t = &f->debugfile;

	if (!t->looked_for) {
		t->looked_for = true;
		read_debugfile(f, t);
	}
	return t;
}
