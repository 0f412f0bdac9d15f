/* SPDX-License-Identifier: GPL-2.0-only */
/* What is needed to walk the Python frames of a thread: layouts by version, and where the thread's
 * state is found. */
#ifndef PYAUDIT_PYTHON_FRAMES_H
#define PYAUDIT_PYTHON_FRAMES_H

#include "python/elf_file.h"
#include "python/layout.h"
#include "python/py_image.h"

/* The layout of frames of a minor version (0x030b) and kind of build; NULL if not known. */
const struct py_frames *frames_find(uint32_t minor, bool free_threaded);

/* The same as layout_compare_bytes, for the fields of py_frames. */
enum layout_check frames_compare_bytes(const void *data, size_t size, uint32_t version,
				       bool free_threaded, const struct py_frames *frames);

/* Fills config->stack. Object layouts must have been filled in before: without them there are no
 * stacks. */
void frames_fill(struct elf_file *f, const struct elf_symbol_table *symbols, bool free_threaded,
		 struct image_config *config);

/* Where the current thread's state is kept: `source` stays PY_THREAD_UNKNOWN if that cannot be
 * found. */
void thread_find(struct elf_file *f, const struct elf_symbol_table *symbols, uint32_t version,
		 struct py_thread *thread);

#endif
