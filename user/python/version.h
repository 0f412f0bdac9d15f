/* SPDX-License-Identifier: GPL-2.0-only */
/* Which CPython a file holds. */
#ifndef PYAUDIT_PYTHON_VERSION_H
#define PYAUDIT_PYTHON_VERSION_H

#include "python/elf_file.h"

/* PY_VERSION_HEX of "3.11.2", "3.14.0rc1", "3.10.0a5+"; 0 if text is not a version. */
uint32_t version_parse(const char *text);

/* Of an image that has PySys_Audit. *exact: not the minor version alone. */
uint32_t version_find(struct elf_file *f, const struct elf_symbol_table *symbols, bool *exact);

/* Of an image without PySys_Audit: 0 and *exact false if the version is not known, -ENOENT if it is
 * no CPython. */
int version_find_old(struct elf_file *f, uint32_t *version, bool *exact);

bool version_free_threaded(const struct elf_symbol_table *symbols);

#endif
