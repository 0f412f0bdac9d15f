// SPDX-License-Identifier: GPL-2.0-only
/* Damaged and malicious files: an error or a wrong answer, never a crash or a hang. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "python/py_image.h"

#define ROUNDS 300

static unsigned char *original;
static size_t original_size;

static bool load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	original = malloc(st.st_size);
	assert_non_null(original);
	original_size = st.st_size;
	assert_int_equal(read(fd, original, original_size), original_size);
	close(fd);
	return true;
}

/* A static program with USDT notes has the most to go wrong; any other interpreter will do. */
static int find_file(void **state)
{
	static const char *const patterns[] = {"/usr/bin/python3.[0-9]*[0-9]",
					       "/usr/lib/*/libpython3*.so.1.0"};
	glob_t files;

	for (size_t i = 0; i < 2 && !original; i++)
		if (!glob(patterns[i], 0, NULL, &files)) {
			load(files.gl_pathv[0]);
			globfree(&files);
		}
	return 0;
}

static int free_file(void **state)
{
	free(original);
	return 0;
}

static int copy_file(size_t size)
{
	int fd = memfd_create("copy", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, original, size), size);
	return fd;
}

/* The promise is a sane errno, an image exactly when there is one, and sane numbers in it. */
static int read_image(int fd)
{
	struct py_image *image = NULL;
	int err = py_image_read(fd, &image);

	assert_true(err <= 0 && err > -4096);
	assert_int_equal(image != NULL, err == 0 || err == -ENOTSUP);
	if (image) {
		char text[32];

		assert_true(image->n_uprobes <= PY_MAX_PROBES && image->n_usdts <= PY_MAX_PROBES);
		assert_true(image->n_uprobe_gaps <= 8 && image->n_usdt_gaps <= 8);
		assert_true(strlen(py_version_text(image, text, sizeof(text))) < sizeof(text));
	}
	py_image_free(image);
	return err;
}

static void truncated(void **state)
{
	size_t lengths[] = {0, 1, 4, 16, 63, 64, 65, 119, 120, 500, 1000, 4096, 65536};
	int fd;

	if (!original)
		skip();
	fd = copy_file(original_size);
	assert_int_equal(read_image(fd), 0);
	for (size_t step = 1; step < 40; step++) {
		size_t size = original_size - original_size * step / 40;
		int err;

		assert_int_equal(ftruncate(fd, size), 0);
		err = read_image(fd);
		/* Without its end a file may lack section headers only. */
		if (size < original_size / 2)
			assert_int_not_equal(err, 0);
	}
	for (size_t i = sizeof(lengths) / sizeof(*lengths); i-- > 0;) {
		assert_int_equal(ftruncate(fd, lengths[i]), 0);
		assert_int_equal(read_image(fd), lengths[i] < 64 ? -ENOEXEC : -EBADMSG);
	}
	close(fd);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

struct region {
	size_t start, size;
};

/* Where the reader follows numbers: headers, dynamic section, unwind table, notes, symbols, text.
 */
static size_t regions(struct region *out, size_t max)
{
	const Elf64_Ehdr *eh = (const void *)original;
	const Elf64_Phdr *ph = (const void *)(original + eh->e_phoff);
	const Elf64_Shdr *sh = (const void *)(original + eh->e_shoff);
	size_t n = 0;

	out[n++] = (struct region){0, 64};
	out[n++] = (struct region){eh->e_phoff, eh->e_phnum * sizeof(*ph)};
	out[n++] = (struct region){eh->e_shoff, eh->e_shnum * sizeof(*sh)};
	for (int i = 0; i < eh->e_phnum && n < max; i++)
		if (ph[i].p_type == PT_DYNAMIC || ph[i].p_type == PT_NOTE)
			out[n++] = (struct region){ph[i].p_offset, ph[i].p_filesz};
		else if (ph[i].p_type == PT_GNU_EH_FRAME)
			out[n++] = (struct region){ph[i].p_offset, 64};
	for (int i = 0; i < eh->e_shnum && n < max; i++)
		if (sh[i].sh_type == SHT_NOTE || sh[i].sh_type == SHT_DYNSYM ||
		    sh[i].sh_type == SHT_GNU_HASH || sh[i].sh_type == SHT_RELA ||
		    sh[i].sh_type == SHT_STRTAB)
			out[n++] = (struct region){sh[i].sh_offset, sh[i].sh_size};
	return n;
}

static void flip(uint32_t *seed, int fd, const struct region *r, int times)
{
	static const unsigned char evil[] = {0x00, 0x01, 0x7f, 0x80, 0xff};

	for (int i = 0; i < times; i++) {
		size_t at = r->start + next_random(seed) % r->size;
		unsigned char b = next_random(seed);

		if (next_random(seed) & 1)
			b = evil[next_random(seed) % sizeof(evil)];
		assert_int_equal(pwrite(fd, &b, 1, at), 1);
	}
}

static void restore(int fd, const struct region *r)
{
	assert_int_equal(pwrite(fd, original + r->start, r->size, r->start), r->size);
}

static void flipped(void **state)
{
	struct region r[40];
	uint32_t seed = 20221122;
	size_t n;
	int fd, failed = 0;

	if (!original)
		skip();
	n = regions(r, 40);
	fd = copy_file(original_size);
	for (int round = 0; round < ROUNDS; round++) {
		const struct region *a = &r[round % n], *b = &r[next_random(&seed) % n];

		flip(&seed, fd, a, 1 + round % 16);
		flip(&seed, fd, b, round % 4);
		if (read_image(fd))
			failed++;
		restore(fd, a);
		restore(fd, b);
	}
	assert_int_equal(read_image(fd), 0);
	/* Some of it must have been noticed, some must have been harmless. */
	assert_true(failed > 0 && failed < ROUNDS);
	close(fd);
}

/* Headers that are made up: every count and offset at an extreme. */
static int made_file(uint16_t phnum, uint64_t phoff, const Elf64_Phdr *ph, size_t n)
{
	Elf64_Ehdr eh = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_phoff = phoff,
		.e_shoff = UINT64_MAX - 8,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = phnum,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 0xfff0,
	};
	int fd = memfd_create("made", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, &eh, sizeof(eh)), sizeof(eh));
	assert_int_equal(write(fd, ph, n * sizeof(*ph)), n * sizeof(*ph));
	return fd;
}

static void absurd_headers(void **state)
{
	static const Elf64_Phdr bad[] = {
		{.p_type = PT_LOAD, .p_offset = UINT64_MAX, .p_filesz = 16, .p_memsz = 16},
		{.p_type = PT_LOAD, .p_offset = 8, .p_filesz = UINT64_MAX, .p_memsz = UINT64_MAX},
		{.p_type = PT_LOAD, .p_filesz = 64, .p_memsz = 8},
		{.p_type = PT_LOAD, .p_vaddr = 1ull << 47, .p_filesz = 64, .p_memsz = 64},
		{.p_type = PT_LOAD, .p_vaddr = UINT64_MAX - 8, .p_filesz = 64, .p_memsz = 64},
		{.p_type = PT_NOTE},
	};
	Elf64_Phdr fine = {.p_type = PT_LOAD, .p_filesz = 64, .p_memsz = UINT32_MAX};
	int fd;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		fd = made_file(1, 64, &bad[i], 1);
		assert_int_equal(read_image(fd), -EBADMSG);
		close(fd);
	}
	fd = made_file(0xffff, 64, &fine, 1);
	assert_int_equal(read_image(fd), -EBADMSG);
	close(fd);
	fd = made_file(1, UINT64_MAX - 16, &fine, 1);
	assert_int_equal(read_image(fd), -EBADMSG);
	close(fd);
	fd = made_file(1, 64, &fine, 1);
	assert_int_equal(read_image(fd), -ENOENT);
	close(fd);
}

/* A sparse file that claims terabytes must not be read into memory. */
static void huge_sparse(void **state)
{
	uint64_t size = 1ull << 40;
	Elf64_Phdr ph[] = {
		{.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = size, .p_memsz = size},
		{.p_type = PT_DYNAMIC, .p_vaddr = 4096, .p_filesz = size / 2},
	};
	int fd = made_file(2, 64, ph, 2);

	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(read_image(fd), -EFBIG);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncated),
		cmocka_unit_test(flipped),
		cmocka_unit_test(absurd_headers),
		cmocka_unit_test(huge_sparse),
	};

	return cmocka_run_group_tests(tests, find_file, free_file);
}
