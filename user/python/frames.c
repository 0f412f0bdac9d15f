// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where CPython 3.8 to 3.15 keep a thread's frames, x86-64. As in layout.c a row is checked against
 * what the interpreter says of itself from 3.13 on. (Include/cpython/pystate.h, code.h,
 * frameobject.h; Include/internal/pycore_frame.h, pycore_interpframe_structs.h since 3.14.)
 */
#include <stddef.h>
#include <string.h>

#include "python/frames.h"
#include "wire.h"

/* Frame objects; the instruction in units of two bytes since 3.10 */
#define FRAMES_OBJECTS(at, form)                                                             \
	.thread_frame = 24, .thread_id = 176, .frame_size = 112, .previous = 24, .code = 32, \
	.lasti = (at), .lasti_form = (form), .code_lines = 120, .code_size = 128

/* Interpreter frames that point to the instruction; h: the larger object head of free-threaded
 * builds. */
#define FRAMES_INNER(h)                                                                     \
	.lasti = 56, .lasti_form = PY_LASTI_INSTRUCTION, .lines_form = WIRE_LINES_LOCATION, \
	.generator = 1, .code_lines = 136 + (h)

/* from 3.12: code first, and shims where C called Python */
#define FRAMES_SHIMS(h) FRAMES_INNER(h), .code = 0, .previous = 8, .shim = 3
/* from 3.13: the thread state has the frame itself */
#define FRAMES_DIRECT(h) FRAMES_SHIMS(h), .thread_frame = 72

/* Where the instructions start; two fields in front of it: how many come before the first line. */
#define FRAMES_START(at) .code_start = (at), .code_traceable = (at)-16, .code_size = (at)-8
/* with copies of the bytecode a thread, whose array is in between */
#define FRAMES_START_TLBC(at)                                                                  \
	.code_start = (at), .code_traceable = (at)-24, .code_tlbc = (at)-8, .code_size = (at), \
	.tlbc_index = 72

/* from 3.14: the frame has its stack pointer, the code pointer has tag bits */
#define FRAMES_TAGGED(h) FRAMES_DIRECT(h), .frame_size = 80, .tag_bits = 7

static const struct row {
	uint16_t minor;
	bool free_threaded;
	struct py_frames frames;
} rows[] = {
	{0x0308, false, {FRAMES_OBJECTS(104, PY_LASTI_BYTES), .lines_form = WIRE_LINES_LNOTAB}},
	{0x0309, false, {FRAMES_OBJECTS(104, PY_LASTI_BYTES), .lines_form = WIRE_LINES_LNOTAB}},
	{0x030a, false, {FRAMES_OBJECTS(96, PY_LASTI_UNITS), .lines_form = WIRE_LINES_TABLE}},
	{0x030b,
	 false,
	 {FRAMES_INNER(0), FRAMES_START(184), .thread_frame = 56, .thread_cframe = 1,
	  .cframe_frame = 8, .thread_id = 152, .frame_size = 72, .code = 32, .previous = 48,
	  .owner = 69}},
	{0x030c,
	 false,
	 {FRAMES_SHIMS(0), FRAMES_START(192), .thread_frame = 56, .thread_cframe = 1,
	  .cframe_frame = 0, .thread_id = 136, .frame_size = 72, .owner = 70}},
	{0x030d,
	 false,
	 {FRAMES_DIRECT(0), FRAMES_START(200), .thread_id = 152, .frame_size = 72, .owner = 70}},
	{0x030e, false, {FRAMES_TAGGED(0), FRAMES_START(208), .thread_id = 152, .owner = 74}},
	{0x030f, false, {FRAMES_TAGGED(0), FRAMES_START(208), .thread_id = 176, .owner = 74}},
	{0x030d,
	 true,
	 {FRAMES_DIRECT(16), FRAMES_START(216), .thread_id = 152, .frame_size = 72, .owner = 70}},
	{0x030e, true, {FRAMES_TAGGED(16), FRAMES_START_TLBC(232), .thread_id = 152, .owner = 78}},
	{0x030f, true, {FRAMES_TAGGED(16), FRAMES_START_TLBC(232), .thread_id = 176, .owner = 78}},
};

const struct py_frames *frames_find(uint32_t minor, bool free_threaded)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].minor == minor && rows[i].free_threaded == free_threaded)
			return &rows[i].frames;
	return NULL;
}

/* As in layout.c: indexes of words by minor version, 3.13 to 3.15. */
#define FIELD(name) offsetof(struct py_frames, name)
static const struct layout_word words[] = {
	{FIELD(thread_frame), {23, 26, 26}}, {FIELD(thread_id), {24, 27, 30}},
	{FIELD(previous), {29, 32, 40}},     {FIELD(code), {30, 33, 41}},
	{FIELD(lasti), {31, 34, 42}},	     {FIELD(owner), {33, 36, 44}},
	{FIELD(tlbc_index), {0, 38, 46}},    {FIELD(code_lines), {38, 43, 51}},
	{FIELD(code_start), {43, 48, 56}},   {FIELD(code_tlbc), {0, 49, 57}},
};

enum layout_check frames_compare_bytes(const void *data, size_t size, uint32_t version,
				       bool free_threaded, const struct py_frames *frames)
{
	return layout_compare_words(data, size, version, free_threaded, frames, words,
				    sizeof(words) / sizeof(*words));
}

static bool frames_agree(struct elf_file *f, uint32_t version, bool free_threaded,
			 const struct py_frames *frames)
{
	size_t size;
	const void *data = layout_debug_offsets(f, version, &size);

	/* Versions that tell nothing are those whose object layout was confirmed otherwise. */
	if (version < 0x030d0000)
		return true;
	return data &&
	       frames_compare_bytes(data, size, version, free_threaded, frames) == LAYOUT_AGREES;
}

void frames_fill(struct elf_file *f, const struct elf_symbol_table *symbols, bool free_threaded,
		 struct image_config *config)
{
	const struct py_frames *frames = frames_find(config->version >> 16, free_threaded);

	if (!config->decode || !frames || !frames_agree(f, config->version, free_threaded, frames))
		return;
	config->stack.frames = *frames;
	config->stack.walk = 1;
	thread_find(f, symbols, config->version, &config->stack.thread);
}
