// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as an ELF file: reading the CPython image in it ends, with an image or an error. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "python/py_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_page(uint64_t addr, const void *data, size_t len, void *arg)
{
	*(volatile unsigned char *)arg += ((const unsigned char *)data)[len - 1];
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct py_image *image = NULL;
	unsigned char sum = 0;
	int fd = memfd_create("image", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	if (!py_image_read(fd, &image))
		py_image_pages(fd, take_page, &sum);
	py_image_free(image);
	close(fd);
	return 0;
}
