// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as an ELF file: reading the CPython image in it ends, with an image or an error; and so
 * does looking for its thread-local variable and its literals. */
#include <linux/types.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/literals.h"
#include "otel_context.h"
#include "python/elf_tls.h"
#include "python/py_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_literal(size_t at, const char *text, int name, void *arg)
{
	if (strcmp((const char *)arg + at, text))
		abort();
}

/* A copy of its own, as long as it is. */
static int take_page(uint64_t addr, const void *data, size_t len, void *arg)
{
	void *copy = malloc(len);

	memcpy(copy, data, len);
	literals_scan(arg, copy, len, PY_PAGE_SIZE, take_literal, copy);
	free(copy);
	return 0;
}

/* Its slot is in the file. */
static void find_variable(int fd)
{
	struct elf_tls tls;
	struct elf_file f;

	if (elf_file_open(&f, fd))
		return;
	if (!elf_tls_find(&f, THREAD_CONTEXT_SYMBOL, &tls) && tls.form != ELF_TLS_EXECUTABLE &&
	    !elf_file_segment(&f, tls.slot))
		abort();
	elf_file_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"open", "import", "a"};
	static struct literals *literals;
	struct py_image *image = NULL;
	int fd = memfd_create("image", MFD_CLOEXEC);

	if (!literals)
		literals = literals_new(names, sizeof(names) / sizeof(*names));
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	if (!py_image_read(fd, &image))
		py_image_pages(fd, take_page, literals);
	py_image_free(image);
	find_variable(fd);
	close(fd);
	return 0;
}
