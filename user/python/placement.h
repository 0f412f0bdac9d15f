/* SPDX-License-Identifier: GPL-2.0-only */
/* Where in a function a uprobe costs least and still finds the arguments in their registers. */
#ifndef PYAUDIT_PYTHON_PLACEMENT_H
#define PYAUDIT_PYTHON_PLACEMENT_H

#include "python/elf_file.h"
#include "python/py_image.h"

/*
 * Fills probe's config.link_addr, config.stack_adjust, file_offset and emulated for its
 * config.entry and function. size: of the function, 0 if not known. Returns 0, or -ENOENT when the
 * file does not hold code there.
 */
int placement_choose(struct elf_file *f, struct py_probe *probe, uint64_t size);

#endif
