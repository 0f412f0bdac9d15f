// SPDX-License-Identifier: GPL-2.0-only
/*
 * Object layouts of CPython 3.8 to 3.15, x86-64. Offsets do not change inside a minor version once
 * it has reached its release candidates. The rows follow the history of the headers: each version
 * is its predecessor and what changed, so a row can be checked against the change that made it.
 */
#include <stddef.h>
#include <string.h>

#include "python/layout.h"

/* What has an ordinary object head and never changed; h: bytes the head of a free-threaded build
 * (its ob_tid, flags, local and shared reference counts) is larger. */
#define LAYOUT_HEADED(h)                                                                       \
	.object_size = 16 + (h), .ob_type = 8 + (h), .ob_size = 16 + (h), .tp_name = 24 + (h), \
	.tp_basicsize = 32 + (h), .tp_flags = 168 + (h), .tp_members = 240 + (h),              \
	.tp_base = 256 + (h), .tp_dictoffset = 288 + (h), .str_length = 16 + (h),              \
	.str_state = 32 + (h), .bytes_data = 32 + (h), .bytearray_start = 40 + (h),            \
	.int_size = 16 + (h), .int_digits = 24 + (h), .float_value = 16 + (h),                 \
	.list_items = 24 + (h), .dict_used = 16 + (h), .dict_keys = 32 + (h),                  \
	.dict_values = 40 + (h), .socket_fd = 16 + (h), .exception_args = 24 + (h),            \
	.traceback_frame = 24 + (h), .traceback_lineno = 36 + (h), .method_func = 16 + (h),    \
	.builtin_def = 16 + (h), .direntry_path = 24 + (h), .file_fd = 16 + (h),               \
	.file_raw = 16 + (h), .file_buffer = 32 + (h), .ctypes_data = 16 + (h)

/* module objects lost their md_def in 3.15 (PEP 793) */
#define LAYOUT_OBJECTS(h)     LAYOUT_HEADED(h), .module_name = 48 + (h)
#define LAYOUT_OBJECTS_315(h) LAYOUT_HEADED(h), .module_name = 40 + (h)

#define LAYOUT_STATE_BITS(first) \
	.str_kind_bit = (first), .str_compact_bit = (first) + 3, .str_ascii_bit = (first) + 4

/* str with wstr (until 3.11) and without (PEP 623) */
#define LAYOUT_STR_WSTR                                                                      \
	.str_ascii_data = 48, .str_compact_data = 72, .str_data = 72, .str_utf8_length = 48, \
	.str_utf8 = 56, .str_wstr = 40, .str_wstr_length = 64, LAYOUT_STATE_BITS(2)
#define LAYOUT_STR(h)                                                                   \
	.str_ascii_data = 40 + (h), .str_compact_data = 56 + (h), .str_data = 56 + (h), \
	.str_utf8_length = 40 + (h), .str_utf8 = 48 + (h)

/* dict keys are not objects: no head */
#define LAYOUT_KEYS_SIZE .dk_log2 = 0, .dk_size = 8, .dk_nentries = 32, .dk_indices = 40
#define LAYOUT_KEYS_LOG2 .dk_log2 = 1, .dk_size = 8, .dk_nentries = 24, .dk_indices = 32

#define LAYOUT_FUNCTION(h) .function_name = 32 + (h), .function_qualname = 40 + (h)

/* code objects: until 3.10, 3.11, and from 3.12 */
#define LAYOUT_CODE_OLD .code_firstlineno = 40, .code_filename = 104, .code_name = 112
#define LAYOUT_CODE_311 \
	.code_firstlineno = 72, .code_filename = 112, .code_name = 120, .code_qualname = 128
#define LAYOUT_CODE(h)                                                                    \
	.code_firstlineno = 68 + (h), .code_filename = 112 + (h), .code_name = 120 + (h), \
	.code_qualname = 128 + (h)

/* frame objects hold the code object; from 3.11 they point to the interpreter's own frame, which
 * does */
#define LAYOUT_FRAME_OLD .frame_code = 32
#define LAYOUT_FRAME(h)	 .frame_inner = 24 + (h)

/* pathlib.PurePath: slots lie in the order of their names */
#define LAYOUT_PATH(segments, str) .path_segments = (segments), .path_str = (str)

/* from 3.13: inline values after the object, dict pointer before it */
#define LAYOUT_INLINE_VALUES .dict_values_array = 8, .managed_dict_form = 3

static const struct row {
	uint16_t minor;
	bool free_threaded;
	struct py_layout layout;
} rows[] = {
	{0x0308,
	 false,
	 {LAYOUT_FRAME_OLD, LAYOUT_PATH(40, 64), .generator_qualname = 56, LAYOUT_OBJECTS(0),
	  LAYOUT_STR_WSTR, LAYOUT_KEYS_SIZE, LAYOUT_CODE_OLD, .ht_cached_keys = 872,
	  .tuple_items = 24, .function_name = 64, .function_qualname = 104}},
	{0x0309,
	 false,
	 {LAYOUT_FRAME_OLD, LAYOUT_PATH(40, 64), .generator_qualname = 56, LAYOUT_OBJECTS(0),
	  LAYOUT_STR_WSTR, LAYOUT_KEYS_SIZE, LAYOUT_CODE_OLD, .ht_cached_keys = 864,
	  .tuple_items = 24, .function_name = 64, .function_qualname = 104}},
	{0x030a,
	 false,
	 {LAYOUT_FRAME_OLD, LAYOUT_PATH(40, 64), .generator_qualname = 48, LAYOUT_OBJECTS(0),
	  LAYOUT_STR_WSTR, LAYOUT_KEYS_SIZE, LAYOUT_CODE_OLD, LAYOUT_FUNCTION(0),
	  .ht_cached_keys = 872, .tuple_items = 24}},
	{0x030b,
	 false,
	 {LAYOUT_FRAME(0), .frame_code = 32, LAYOUT_PATH(40, 64), .generator_qualname = 40,
	  LAYOUT_OBJECTS(0), LAYOUT_STR_WSTR, LAYOUT_KEYS_LOG2, LAYOUT_CODE_311, LAYOUT_FUNCTION(0),
	  .ht_cached_keys = 872, .tuple_items = 24, .managed_dict = -24, .managed_dict_form = 1}},
	{0x030c,
	 false,
	 {LAYOUT_FRAME(0), LAYOUT_PATH(48, 64), .generator_qualname = 32, LAYOUT_OBJECTS(0),
	  LAYOUT_STR(0), LAYOUT_STATE_BITS(2), LAYOUT_KEYS_LOG2, LAYOUT_CODE(0), LAYOUT_FUNCTION(0),
	  .ht_cached_keys = 880, .tuple_items = 24, .int_tagged = 1, .managed_dict = -24,
	  .managed_dict_form = 2}},
	{0x030d,
	 false,
	 {LAYOUT_FRAME(0), LAYOUT_PATH(56, 72), .generator_qualname = 32, LAYOUT_OBJECTS(0),
	  LAYOUT_STR(0), LAYOUT_STATE_BITS(2), LAYOUT_KEYS_LOG2, LAYOUT_CODE(0), LAYOUT_FUNCTION(0),
	  LAYOUT_INLINE_VALUES, .ht_cached_keys = 880, .tuple_items = 24, .int_tagged = 1,
	  .managed_dict = -24}},
	/* 3.14: tuples cache their hash */
	{0x030e,
	 false,
	 {LAYOUT_FRAME(0), LAYOUT_PATH(40, 56), .generator_qualname = 32, LAYOUT_OBJECTS(0),
	  LAYOUT_STR(0), LAYOUT_STATE_BITS(2), LAYOUT_KEYS_LOG2, LAYOUT_CODE(0), LAYOUT_FUNCTION(0),
	  LAYOUT_INLINE_VALUES, .ht_cached_keys = 880, .tuple_items = 32, .int_tagged = 1,
	  .managed_dict = -24}},
	{0x030f,
	 false,
	 {LAYOUT_FRAME(0), LAYOUT_PATH(40, 56), .generator_qualname = 32, LAYOUT_OBJECTS_315(0),
	  LAYOUT_STR(0), LAYOUT_STATE_BITS(2), LAYOUT_KEYS_LOG2, LAYOUT_CODE(0), LAYOUT_FUNCTION(0),
	  LAYOUT_INLINE_VALUES, .ht_cached_keys = 888, .tuple_items = 32, .int_tagged = 1,
	  .managed_dict = -24}},
	{0x030d,
	 true,
	 {LAYOUT_FRAME(16), LAYOUT_PATH(72, 88), .generator_qualname = 48, LAYOUT_OBJECTS(16),
	  LAYOUT_STR(16), LAYOUT_STATE_BITS(2), LAYOUT_KEYS_LOG2, LAYOUT_CODE(16),
	  LAYOUT_FUNCTION(16), LAYOUT_INLINE_VALUES, .ht_cached_keys = 896, .tuple_items = 40,
	  .int_tagged = 1, .managed_dict = -8}},
	/* 3.14: the interned state is a whole byte in free-threaded builds */
	{0x030e,
	 true,
	 {LAYOUT_FRAME(16), LAYOUT_PATH(56, 72), .generator_qualname = 48, LAYOUT_OBJECTS(16),
	  LAYOUT_STR(16), LAYOUT_STATE_BITS(8), LAYOUT_KEYS_LOG2, LAYOUT_CODE(16),
	  LAYOUT_FUNCTION(16), LAYOUT_INLINE_VALUES, .ht_cached_keys = 896, .tuple_items = 48,
	  .int_tagged = 1, .managed_dict = -8}},
	{0x030f,
	 true,
	 {LAYOUT_FRAME(16), LAYOUT_PATH(56, 72), .generator_qualname = 48, LAYOUT_OBJECTS_315(16),
	  LAYOUT_STR(16), LAYOUT_STATE_BITS(8), LAYOUT_KEYS_LOG2, LAYOUT_CODE(16),
	  LAYOUT_FUNCTION(16), LAYOUT_INLINE_VALUES, .ht_cached_keys = 904, .tuple_items = 48,
	  .int_tagged = 1, .managed_dict = -8}},
};

const struct py_layout *layout_find(uint32_t minor, bool free_threaded)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].minor == minor && rows[i].free_threaded == free_threaded)
			return &rows[i].layout;
	return NULL;
}

/*
 * struct _Py_DebugOffsets (Include/internal/pycore_runtime.h in 3.13, pycore_debug_offsets.h later)
 * is a run of 64-bit words whose order each minor version has for itself. The numbers are indexes
 * of words; 0: that version does not tell the field.
 */
#define DEBUG_COOKIE	    "xdebugpy"
#define DEBUG_VERSION	    1
#define DEBUG_FREE_THREADED 2
static const uint16_t debug_size[LAYOUT_DEBUG_MINORS] = {584, 760, 888}; /* 3.13, 3.14, 3.15 */

#define FIELD(name) offsetof(struct py_layout, name)
static const struct layout_word debug_fields[] = {
	{FIELD(code_filename), {35, 40, 48}},  {FIELD(code_name), {36, 41, 49}},
	{FIELD(code_qualname), {37, 42, 50}},  {FIELD(code_firstlineno), {39, 44, 52}},
	{FIELD(object_size), {44, 50, 58}},    {FIELD(ob_type), {45, 51, 59}},
	{FIELD(tp_name), {47, 53, 61}},	       {FIELD(tp_flags), {49, 55, 63}},
	{FIELD(tp_basicsize), {0, 0, 64}},     {FIELD(tp_dictoffset), {0, 0, 65}},
	{FIELD(ht_cached_keys), {0, 0, 67}},   {FIELD(tuple_items), {51, 57, 69}},
	{FIELD(ob_size), {52, 58, 70}},	       {FIELD(list_items), {54, 60, 72}},
	{FIELD(ob_size), {55, 61, 73}},	       {FIELD(dict_keys), {57, 67, 79}},
	{FIELD(dict_values), {58, 68, 80}},    {FIELD(float_value), {60, 70, 82}},
	{FIELD(int_size), {62, 72, 84}},       {FIELD(int_digits), {63, 73, 85}},
	{FIELD(ob_size), {65, 75, 87}},	       {FIELD(bytes_data), {66, 76, 88}},
	{FIELD(str_state), {68, 78, 90}},      {FIELD(str_length), {69, 79, 91}},
	{FIELD(str_ascii_data), {70, 80, 92}}, {FIELD(str_compact_data), {0, 0, 93}},
};

static uint64_t debug_word(const unsigned char *data, unsigned int word)
{
	uint64_t v;

	memcpy(&v, data + word * 8, 8);
	return v;
}

enum layout_check layout_compare_words(const void *data, size_t size, uint32_t version,
				       bool free_threaded, const void *table,
				       const struct layout_word *words, size_t n_words)
{
	unsigned int minor = (version >> 16) - 0x030d;

	if (minor >= LAYOUT_DEBUG_MINORS || size < debug_size[minor] ||
	    memcmp(data, DEBUG_COOKIE, 8) || debug_word(data, DEBUG_VERSION) != version ||
	    debug_word(data, DEBUG_FREE_THREADED) != free_threaded)
		return LAYOUT_SILENT;
	for (size_t i = 0; i < n_words; i++) {
		unsigned int word = words[i].word[minor];
		uint16_t ours;

		memcpy(&ours, (const char *)table + words[i].field, sizeof(ours));
		if (word && debug_word(data, word) != ours)
			return LAYOUT_DISAGREES;
	}
	return LAYOUT_AGREES;
}

enum layout_check layout_compare_bytes(const void *data, size_t size, uint32_t version,
				       bool free_threaded, const struct py_layout *layout)
{
	return layout_compare_words(data, size, version, free_threaded, layout, debug_fields,
				    sizeof(debug_fields) / sizeof(*debug_fields));
}

static uint64_t runtime_addr(struct elf_file *f)
{
	const Elf64_Shdr *section;
	struct elf_symbol sym;

	if (elf_symbol_find(&f->dynsym, "_PyRuntime", &sym))
		return sym.addr;
	section = elf_file_section(f, ".PyRuntime");
	return section ? section->sh_addr : 0;
}

const void *layout_debug_offsets(struct elf_file *f, uint32_t version, size_t *size)
{
	unsigned int minor = (version >> 16) - 0x030d;

	if (minor >= LAYOUT_DEBUG_MINORS)
		return NULL;
	*size = debug_size[minor];
	return elf_file_at(f, runtime_addr(f), *size);
}

enum layout_check layout_compare(struct elf_file *f, uint32_t version, bool free_threaded,
				 const struct py_layout *layout)
{
	size_t size;
	const void *data = layout_debug_offsets(f, version, &size);

	if (!data)
		return LAYOUT_SILENT;
	return layout_compare_bytes(data, size, version, free_threaded, layout);
}

#define TYPE(name) offsetof(struct py_types, name)
static const struct {
	const char *symbol;
	uint16_t offset;
} type_symbols[] = {
	{"_Py_NoneStruct", TYPE(none_object)},
	{"_Py_TrueStruct", TYPE(true_object)},
	{"_Py_FalseStruct", TYPE(false_object)},
	{"_PyNone_Type", TYPE(none)},
	{"PyBool_Type", TYPE(boolean)},
	{"PyLong_Type", TYPE(integer)},
	{"PyFloat_Type", TYPE(floating)},
	{"PyUnicode_Type", TYPE(str)},
	{"PyBytes_Type", TYPE(bytes)},
	{"PyByteArray_Type", TYPE(bytearray)},
	{"PyTuple_Type", TYPE(tuple)},
	{"PyList_Type", TYPE(list)},
	{"PyDict_Type", TYPE(dict)},
	{"PyCode_Type", TYPE(code)},
	{"PyFunction_Type", TYPE(function)},
	{"PyType_Type", TYPE(type)},
	{"PyModule_Type", TYPE(module)},
};

static void find_types(const struct elf_symbol_table *symbols, struct py_types *types)
{
	for (size_t i = 0; i < sizeof(type_symbols) / sizeof(*type_symbols); i++) {
		struct elf_symbol sym;

		if (elf_symbol_find(symbols, type_symbols[i].symbol, &sym))
			*(__u64 *)((char *)types + type_symbols[i].offset) = sym.addr;
	}
}

/* Alpha and beta releases may still change layouts. */
static bool is_settled(uint32_t version)
{
	return !(version & 0xf0) || (version & 0xf0) >= 0xc0;
}

/* The sizes that static type objects in the file state, as sums of a field and a constant. */
static const struct {
	uint16_t type, field, more;
} type_sizes[] = {
	{TYPE(floating), FIELD(float_value), 8}, {TYPE(str), FIELD(str_data), 8},
	{TYPE(bytes), FIELD(bytes_data), 1},	 {TYPE(tuple), FIELD(tuple_items), 0},
	{TYPE(list), FIELD(list_items), 16},	 {TYPE(dict), FIELD(dict_values), 8},
	{TYPE(module), FIELD(module_name), 8},
};

static bool word_at(struct elf_file *f, uint64_t addr, uint64_t *out)
{
	const void *data = elf_file_at(f, addr, 8);

	if (data)
		memcpy(out, data, 8);
	return data;
}

/* Newer versions append to modules; all others are exact. */
static bool size_agrees(uint16_t type, uint64_t size, uint64_t expected)
{
	return type == TYPE(module) ? size >= expected : size == expected;
}

/*
 * Before 3.13 the interpreter does not describe itself, but its type objects tell much: with a
 * larger object head (Py_TRACE_REFS) or a foreign layout they would not be where, and what, they
 * are.
 */
bool layout_types_agree(struct elf_file *f, const struct py_layout *layout,
			const struct py_types *types)
{
	uint64_t name, size;
	const char *text;
	size_t len;

	elf_file_relocate(f);
	if (!word_at(f, types->floating + layout->tp_name, &name))
		return false;
	text = elf_file_text(f, name, &len);
	if (!text || strcmp(text, "float"))
		return false;
	for (size_t i = 0; i < sizeof(type_sizes) / sizeof(*type_sizes); i++) {
		uint64_t type;
		uint16_t ours;

		memcpy(&type, (const char *)types + type_sizes[i].type, sizeof(type));
		memcpy(&ours, (const char *)layout + type_sizes[i].field, sizeof(ours));
		if (!type)
			continue;
		if (!word_at(f, type + layout->tp_basicsize, &size) ||
		    !size_agrees(type_sizes[i].type, size, ours + type_sizes[i].more))
			return false;
	}
	return true;
}

static bool is_certain(struct elf_file *f, const struct image_config *config, bool free_threaded,
		       const struct py_layout *layout)
{
	const struct py_types *types = &config->types;

	/* The kinds that only their address tells apart. */
	if (!types->none || !types->boolean || !types->floating)
		return false;
	if (!layout_types_agree(f, layout, types))
		return false;
	if (config->version >= 0x030d0000)
		return layout_compare(f, config->version, free_threaded, layout) == LAYOUT_AGREES;
	return is_settled(config->version);
}

void layout_fill(struct elf_file *f, const struct elf_symbol_table *symbols, bool free_threaded,
		 struct image_config *config)
{
	const struct py_layout *layout = layout_find(config->version >> 16, free_threaded);

	find_types(symbols, &config->types);
	if (!layout || !is_certain(f, config, free_threaded, layout))
		return;
	config->layout = *layout;
	config->decode = 1;
}
