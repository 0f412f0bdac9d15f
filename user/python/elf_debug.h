/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbols of a stripped file that are kept apart from it: in itself, packed, or in a debug file. */
#ifndef PYAUDIT_PYTHON_ELF_DEBUG_H
#define PYAUDIT_PYTHON_ELF_DEBUG_H

/* Where .build-id/xx/yyyy.debug is looked for: /usr/lib/debug, another one in tests. */
extern const char *elf_debug_directory;

/* What .gnu_debugdata may unpack to; that of a libpython has 0.3 MiB (measured for 3.13). */
#define ELF_DEBUG_MAX_UNPACKED (64u << 20)

#endif
