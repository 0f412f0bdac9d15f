// SPDX-License-Identifier: GPL-2.0-only
/*
 * .gnu_debugdata with everything in it damaged or evil: then the file is read as if there were
 * none, within the limits of time and memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lzma.h>
#include <sys/mman.h>

#include "python_split.h"

#define MAX_FILE (1u << 20)
/* Where damaged contents are written; larger than any of them. */
#define PLACEHOLDER (128u << 10)

/* A file with room for a .gnu_debugdata of any content. */
struct victim {
	unsigned char *data;
	size_t size;
	Elf64_Shdr *section;
	struct entry_points symbols, recipes;
};

static void *load(const char *name, size_t *size)
{
	int fd = open_made(name);
	void *data = malloc(MAX_FILE);
	ssize_t n;

	assert_non_null(data);
	n = read(fd, data, MAX_FILE);
	assert_true(n > 0 && n < (ssize_t)MAX_FILE);
	*size = n;
	close(fd);
	return data;
}

static Elf64_Shdr *find_section(unsigned char *data, const char *name)
{
	const Elf64_Ehdr *eh = (const void *)data;
	Elf64_Shdr *sh = (void *)(data + eh->e_shoff);
	const char *names = (const char *)data + sh[eh->e_shstrndx].sh_offset;

	for (int i = 0; i < eh->e_shnum; i++)
		if (!strcmp(names + sh[i].sh_name, name))
			return &sh[i];
	fail_msg("no section %s", name);
	return NULL;
}

static void make_victim(struct victim *v)
{
	char command[64];
	int fd;

	prepare(CLEAR SHARED);
	snprintf(command, sizeof(command), "truncate -s %u \"$1\"/room", PLACEHOLDER);
	run(command, NULL);
	run("cd \"$1\"; objcopy --add-section .gnu_debugdata=room stripped victim", NULL);
	v->data = load("victim", &v->size);
	v->section = find_section(v->data, ".gnu_debugdata");
	find("symbols", &v->symbols);
	fd = open_made("stripped");
	find_in(fd, false, &v->recipes);
	close(fd);
	assert_int_equal(v->recipes.worker.how, PY_FOUND_CALL);
}

static void put(struct victim *v, const void *packed, size_t size)
{
	assert_true(size <= PLACEHOLDER);
	memcpy(v->data + v->section->sh_offset, packed, size);
	v->section->sh_size = size;
}

static void read_victim(const struct victim *v, struct entry_points *e)
{
	int fd = memfd_create("victim", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, v->data, v->size), v->size);
	find_in(fd, true, e);
	close(fd);
}

static bool read_packed(const struct victim *v)
{
	struct entry_points e;

	read_victim(v, &e);
	return e.worker.how == PY_FOUND_DEBUGDATA;
}

/* Everything is as if there were no such section. */
static void check_recipes(const struct victim *v)
{
	struct entry_points e;

	read_victim(v, &e);
	assert_memory_equal(&e, &v->recipes, sizeof(e));
}

static void truncated(void **state)
{
	struct victim v;
	unsigned char *xz;
	size_t size;

	make_victim(&v);
	xz = load("mini.xz", &size);
	put(&v, xz, size);
	assert_true(read_packed(&v));
	for (size_t len = 0; len < size; len += len < 64 || len + 64 > size ? 1 : 7) {
		put(&v, xz, len);
		check_recipes(&v);
	}
	/* The section ends behind the file's end, or far away. */
	put(&v, xz, size);
	v.section->sh_size = v.size;
	check_recipes(&v);
	v.section->sh_size = UINT64_MAX;
	check_recipes(&v);
	put(&v, xz, size);
	v.section->sh_type = SHT_NOBITS;
	check_recipes(&v);
	v.section->sh_type = SHT_PROGBITS;
	assert_true(read_packed(&v));
	v.section->sh_offset = UINT64_MAX - 4;
	check_recipes(&v);
	free(xz);
	free(v.data);
}

/* The checksums of the format cover every byte of it. */
static void flipped(void **state)
{
	struct victim v;
	unsigned char *xz;
	size_t size;

	make_victim(&v);
	xz = load("mini.xz", &size);
	for (size_t at = 0; at < size; at++) {
		unsigned char was = xz[at];

		xz[at] ^= at % 3 ? 1u << at % 8 : 0xff;
		put(&v, xz, size);
		check_recipes(&v);
		xz[at] = was;
	}
	put(&v, xz, size);
	assert_true(read_packed(&v));
	free(xz);
	free(v.data);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void garbage(void **state)
{
	unsigned char noise[4096];
	uint32_t seed = 20221122;
	struct victim v;

	make_victim(&v);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = next_random(&seed);
	put(&v, noise, sizeof(noise));
	check_recipes(&v);
	memcpy(noise,
	       "\xfd"
	       "7zXZ\0",
	       6);
	put(&v, noise, sizeof(noise));
	check_recipes(&v);
	free(v.data);
}

static void pack(struct victim *v, const void *data, size_t size)
{
	size_t out = 0, room = lzma_stream_buffer_bound(size);
	unsigned char *xz = malloc(room);

	assert_non_null(xz);
	assert_int_equal(
		lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, data, size, xz, &out, room),
		LZMA_OK);
	put(v, xz, out);
	free(xz);
}

/* What is unpacked is sound xz and an evil file. Its symbols may be wrong then, nothing else. */
static void evil_content(void **state)
{
	unsigned char *mini, *copy;
	uint32_t seed = 20221122;
	struct entry_points e;
	struct victim v;
	int taken = 0;
	size_t size;

	make_victim(&v);
	mini = load("mini", &size);
	copy = malloc(size);
	assert_non_null(copy);
	for (int round = 0; round < 400; round++) {
		const Elf64_Ehdr *eh = (const void *)mini;
		size_t start[] = {0, eh->e_shoff, find_section(mini, ".symtab")->sh_offset, 0};
		size_t length[] = {64, size - eh->e_shoff, 600, size};
		int which = round % 4;

		memcpy(copy, mini, size);
		for (int i = 0; i < 1 + round % 13; i++) {
			size_t at = start[which] + next_random(&seed) % length[which];

			copy[at % size] = next_random(&seed) & 1 ? 0xff : next_random(&seed);
		}
		pack(&v, copy, round % 5 ? size : next_random(&seed) % size);
		read_victim(&v, &e);
		assert_true(e.worker.addr && e.method.addr);
		taken += e.worker.how == PY_FOUND_DEBUGDATA;
	}
	assert_true(taken > 20 && taken < 380);
	free(copy);
	free(mini);
	free(v.data);
}

/* A small section that unpacks to more than is allowed, around the limit. */
static void bomb(void **state)
{
	static const size_t sizes[] = {ELF_DEBUG_MAX_UNPACKED - 1, ELF_DEBUG_MAX_UNPACKED + 1};
	unsigned char *mini, *large;
	struct victim v;
	size_t size;

	make_victim(&v);
	mini = load("mini", &size);
	large = calloc(1, ELF_DEBUG_MAX_UNPACKED + 1);
	assert_non_null(large);
	memcpy(large, mini, size);
	pack(&v, large, sizes[0]);
	assert_true(read_packed(&v));
	pack(&v, large, sizes[1]);
	check_recipes(&v);
	free(large);
	free(mini);
	free(v.data);
}

/* The header of a block (section 3.1 of the format) starts with its size, has the filter's
 * identifier, the length of its properties, 1, and the size of the dictionary somewhere behind
 * sizes, and ends with a checksum of its own. */
static void set_dictionary(unsigned char *header, unsigned char code)
{
	size_t size = (header[0] + 1) * 4 - 4;
	unsigned char *filter = memmem(header, size, "\x21\x01", 2);
	uint32_t crc;

	assert_non_null(filter);
	filter[2] = code;
	crc = lzma_crc32(header, size, 0);
	memcpy(header + size, &crc, 4);
}

/* A block that asks for a dictionary of 4 GiB. */
static void huge_dictionary(void **state)
{
	unsigned char *mini, *xz;
	struct victim v;
	size_t size;

	make_victim(&v);
	mini = load("mini", &size);
	pack(&v, mini, size);
	assert_true(read_packed(&v));
	xz = v.data + v.section->sh_offset;
	/* 16 MiB is fine */
	set_dictionary(xz + 12, 24);
	assert_true(read_packed(&v));
	set_dictionary(xz + 12, 40);
	check_recipes(&v);
	free(mini);
	free(v.data);
}

/* Every symbol has a name as long as the string table, and there are many. */
static void long_names(void **state)
{
	enum { SYMBOLS = 40000, STRINGS = 4 << 20 };
	size_t strings_at = 64, symbols_at = strings_at + STRINGS;
	size_t sections_at = symbols_at + SYMBOLS * sizeof(Elf64_Sym);
	size_t size = sections_at + 3 * sizeof(Elf64_Shdr);
	unsigned char *elf = calloc(1, size);
	Elf64_Ehdr *eh = (void *)elf;
	Elf64_Sym *symbols = (void *)(elf + symbols_at);
	Elf64_Shdr *sh = (void *)(elf + sections_at);
	struct victim v;

	assert_non_null(elf);
	make_victim(&v);
	memcpy(elf, v.data, sizeof(*eh));
	eh->e_shoff = sections_at;
	eh->e_shnum = 3;
	memset(elf + strings_at, 'a', STRINGS - 1);
	memcpy(elf + strings_at, "sys_audit.", 10);
	for (int i = 0; i < SYMBOLS; i++)
		symbols[i] = (Elf64_Sym){.st_info = STT_FUNC, .st_shndx = 1, .st_value = 4096};
	sh[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB, .sh_link = 2, .sh_offset = symbols_at};
	sh[1].sh_size = SYMBOLS * sizeof(Elf64_Sym);
	sh[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = strings_at, .sh_size = STRINGS};
	pack(&v, elf, size);
	alarm(20);
	check_recipes(&v);
	alarm(0);
	free(elf);
	free(v.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(truncated), TEST(flipped),		TEST(garbage),	  TEST(evil_content),
		TEST(bomb),	 TEST(huge_dictionary), TEST(long_names),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
