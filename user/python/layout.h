/* SPDX-License-Identifier: GPL-2.0-only */
/* Where CPython's objects keep what we show, by version. */
#ifndef PYAUDIT_PYTHON_LAYOUT_H
#define PYAUDIT_PYTHON_LAYOUT_H

#include "python/elf_file.h"
#include "python/py_image.h"

/* The layout of a minor version (0x030b) and kind of build; NULL if not known. */
const struct py_layout *layout_find(uint32_t minor, bool free_threaded);

/* What the interpreter says of itself in _Py_DebugOffsets (3.13 and later). */
enum layout_check {
	LAYOUT_AGREES,	  /* every field it tells equals the table's */
	LAYOUT_DISAGREES, /* some does not */
	LAYOUT_SILENT,	  /* the file has no such data, or for another version or kind of build */
};

/* A field of a table and the 64-bit word of _Py_DebugOffsets that tells it, in 3.13, 3.14, ...; 0:
 * that version does not. */
#define LAYOUT_DEBUG_MINORS 3
struct layout_word {
	uint16_t field; /* offset of a uint16_t in the table */
	uint16_t word[LAYOUT_DEBUG_MINORS];
};

/* Compares a table with what stands at the start of _PyRuntime. */
enum layout_check layout_compare_words(const void *data, size_t size, uint32_t version,
				       bool free_threaded, const void *table,
				       const struct layout_word *words, size_t n_words);

/* What stands there in the file, *size bytes; NULL before 3.13, and of versions not known. */
const void *layout_debug_offsets(struct elf_file *f, uint32_t version, size_t *size);

enum layout_check layout_compare(struct elf_file *f, uint32_t version, bool free_threaded,
				 const struct py_layout *layout);

/* The same for bytes: what stands at the start of _PyRuntime. */
enum layout_check layout_compare_bytes(const void *data, size_t size, uint32_t version,
				       bool free_threaded, const struct py_layout *layout);

/* Whether the static type objects in the file are what the layout says they are. */
bool layout_types_agree(struct elf_file *f, const struct py_layout *layout,
			const struct py_types *types);

/* Fills config's layout and types and decides whether objects can be decoded. */
void layout_fill(struct elf_file *f, const struct elf_symbol_table *symbols, bool free_threaded,
		 struct image_config *config);

#endif
