/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Objects that are not plain data: what identifies them is captured instead, as properties of a
 * WIRE_OBJECT value. Properties that are objects themselves are queued in a frame and captured by
 * later steps.
 */
#ifndef PYAUDIT_BPF_IDENTIFY_H
#define PYAUDIT_BPF_IDENTIFY_H

/* A pointer at an address, or 0; s->fault is set when it cannot be read. */
static __always_inline __u64 pointer_at(struct scratch *s, __u64 addr)
{
	__u64 value = 0;
	long err = read_user(&value, sizeof(value), addr);

	if (err)
		s->fault = err;
	return value;
}

/* A pointer field of the object being captured; 0 also when this version has no such field. */
static __always_inline __u64 pointer_field(struct scratch *s, __u32 offset)
{
	return offset ? pointer_at(s, s->item + offset) : 0;
}

/* An object whose properties are up to two objects, then perhaps a number. Without the first it is
 * plain. */
static __always_inline struct frame *put_queued(struct scratch *s, const struct py_layout *l,
						__u16 what, __u64 first, __u64 second)
{
	struct frame *f;

	if (!first && !s->fault) {
		put_object(s, l, WIRE_OBJECT_PLAIN);
		return 0;
	}
	f = put_named(s, l, what);
	if (!f)
		return 0;
	f->cache[0] = first;
	f->cache[1] = second;
	f->cached = f->left = second ? 2 : 1;
	return f;
}

/* An object with one property, a number. */
static __always_inline void put_numbered(struct scratch *s, const struct py_layout *l, __u16 what,
					 __u64 number)
{
	struct frame *f = put_named(s, l, what);

	if (!f)
		return;
	f->has_tail = 1;
	f->tail = number;
}

/* From co_firstlineno to co_qualname in every version. */
#define CODE_READ 88

/* Reads the names of a code object into s->more. Returns co_filename's value, 0 if it cannot be
 * read; *func gets the qualified name, or the plain one in versions without. */
static __always_inline __u64 code_names(struct scratch *s, const struct py_layout *l, __u64 code,
					__u64 *func)
{
	__u32 first = l->code_firstlineno,
	      name = l->code_qualname ? l->code_qualname : l->code_name;

	long err;

	*func = 0;
	if (!first || !code)
		return 0;
	err = read_user(s->more, CODE_READ, code + first);
	if (err) {
		s->fault = err;
		return 0;
	}
	*func = more_u64(s, name - first);
	return more_u64(s, l->code_filename - first);
}

/* Func, file and perhaps a line: the code object's first one, or the one given. */
static __always_inline void put_code(struct scratch *s, const struct py_layout *l, __u16 what,
				     __u64 code, bool has_line, __s64 line)
{
	__u64 func, file = code_names(s, l, code, &func);
	__s64 first_line = (__s32)more_u32(s, 0);
	struct frame *f = put_queued(s, l, what, file ? func : 0, file);

	if (!f || !has_line)
		return;
	f->has_tail = 1;
	f->tail = line < 0 ? first_line : line;
}

/* The code object of a frame object. In 3.14 and later the pointer carries tag bits. */
static __always_inline __u64 frame_code(struct scratch *s, const struct py_layout *l, __u64 frame)
{
	if (l->frame_inner)
		frame = pointer_at(s, frame + l->frame_inner);
	return frame ? pointer_at(s, frame + l->frame_code) & ~7ull : 0;
}

static __always_inline void put_traceback(struct scratch *s, const struct py_layout *l)
{
	__s32 line = (__s32)object_u32(s, l->traceback_lineno);

	put_code(s, l, WIRE_OBJECT_TRACEBACK, frame_code(s, l, object_u64(s, l->traceback_frame)),
		 line >= 0, line);
}

/* A property that is a C string. */
static __always_inline void put_c_name(struct scratch *s, const struct py_layout *l, __u16 what,
				       __u64 name)
{
	if (!name && !s->fault)
		put_object(s, l, WIRE_OBJECT_PLAIN);
	else if (put_named(s, l, what))
		put_c_string(s, WIRE_STR, name, WIRE_MAX_TYPE_NAME);
}

/* An exception's only argument is its message; several are shown as the tuple they are. */
static __always_inline void put_exception(struct scratch *s, const struct py_layout *l)
{
	__u64 args = object_u64(s, l->exception_args), message = args;

	if (args && pointer_at(s, args + l->ob_size) == 1)
		message = pointer_at(s, args + l->tuple_items);
	put_queued(s, l, WIRE_OBJECT_EXCEPTION, message, 0);
}

/* A path's text if CPython has made it already, else the segments it was made of. */
static __always_inline void put_path(struct scratch *s, const struct py_layout *l)
{
	__u64 text = pointer_field(s, l->path_str);

	if (text)
		put_queued(s, l, WIRE_OBJECT_PATH, text, 0);
	else
		put_queued(s, l, WIRE_OBJECT_PATH_PARTS, pointer_field(s, l->path_segments), 0);
}

/* What an object of a static or an extension module's type is captured as, by its type's name
 * alone. */
static __always_inline int recipe_at(struct scratch *s, const struct py_layout *l, __u64 object)
{
	__u64 name = pointer_at(s, pointer_at(s, object + l->ob_type) + l->tp_name);
	long n;

	__builtin_memset(s->more, 0, TYPE_NAME_KEY);
	n = s->fault ? s->fault : read_user_str(s->more, TYPE_NAME_KEY, name);
	if (n < 0)
		s->fault = n;
	return n < 0 || n >= TYPE_NAME_KEY ? RECIPE_PLAIN : recipe_of(s->more);
}

/* The descriptor under the layers of a file object. Other layers than io's own may have none. */
static __always_inline void put_file(struct scratch *s, const struct py_layout *l, int recipe)
{
	__u64 addr = s->item;
	bool known = true;
	__s32 fd = -1;

	if (recipe == RECIPE_FILE_TEXT) {
		addr = pointer_field(s, l->file_buffer);
		known = addr && recipe_at(s, l, addr) == RECIPE_FILE_BUFFERED;
	}
	if (known && recipe != RECIPE_FILE) {
		addr = pointer_at(s, addr + l->file_raw);
		known = addr && recipe_at(s, l, addr) == RECIPE_FILE;
	}
	if (known && read_user(&fd, sizeof(fd), addr + l->file_fd))
		s->fault = -EFAULT;
	if (!known && !s->fault)
		put_object(s, l, WIRE_OBJECT_PLAIN);
	else
		put_numbered(s, l, WIRE_OBJECT_FILE, (__s64)fd);
}

#define ATTRIBUTES_MAX 16

/* Is this key object the str "_data"? s->more is overwritten. */
static __always_inline bool is_data_key(struct scratch *s, const struct py_layout *l, __u64 key)
{
	__u32 at = l->str_ascii_data;

	if (key && read_user(s->more, 72, key))
		s->fault = -EFAULT;
	if (!key || s->fault || more_u64(s, l->str_length) != 5)
		return false;
	return more_u32(s, at) == 0x7461645f && (more_u32(s, at + 4) & 0xff) == 'a';
}

/*
 * The instance attribute `_data`. Where an object keeps its attributes has changed with nearly
 * every version (Include/internal/pycore_object.h): a dict, or values beside the keys that its type
 * keeps.
 */
static __always_inline __u64 data_attribute(struct scratch *s, const struct py_layout *l)
{
	__u64 type = object_u64(s, l->ob_type), dict = 0, values = 0, keys, word, n, entries, key,
	      size, i;

	if (l->managed_dict_form == 0) {
		dict = pointer_at(s, s->item + pointer_at(s, type + l->tp_dictoffset));
	} else if (l->managed_dict_form == 1) {
		values = pointer_at(s, s->item + l->managed_dict - 8);
		if (!values)
			dict = pointer_at(s, s->item + l->managed_dict);
	} else if (l->managed_dict_form == 2) {
		word = pointer_at(s, s->item + l->managed_dict);
		if (word & 1)
			values = word + 1;
		else
			dict = word;
	} else {
		dict = pointer_at(s, s->item + l->managed_dict);
		if (!dict)
			values = s->item + pointer_at(s, type + l->tp_basicsize);
	}
	keys = dict ? pointer_at(s, dict + l->dict_keys) : pointer_at(s, type + l->ht_cached_keys);
	if (dict)
		values = pointer_at(s, dict + l->dict_values);
	if (!keys || s->fault)
		return 0;
	if (read_user(s->more, 48, keys)) {
		s->fault = -EFAULT;
		return 0;
	}
	n = more_u64(s, l->dk_nentries);
	entries = keys + l->dk_indices + dict_index_bytes(s, l);
	size = l->dk_log2 && (more_u64(s, l->dk_size) >> 16 & 0xff) ? 16 : 24;
	for (i = 0; i < ATTRIBUTES_MAX && i < n; i++) {
		key = entries + i * size + (size == 24 ? 8 : 0);
		if (!is_data_key(s, l, pointer_at(s, key)))
			continue;
		return pointer_at(s, values ? values + l->dict_values_array + i * 8 : key + 8);
	}
	return 0;
}

/* Captures what identifies the object, whose first bytes are in s->object. */
static __always_inline void put_identified(struct scratch *s, const struct py_layout *l, int kind)
{
	switch (kind) {
	case OBJECT_CODE: put_code(s, l, WIRE_OBJECT_CODE, s->item, true, -1); break;
	case OBJECT_FUNCTION:
		put_queued(s, l, WIRE_OBJECT_FUNCTION,
			   pointer_field(s, l->function_qualname ? l->function_qualname
								 : l->function_name),
			   0);
		break;
	case OBJECT_TYPE: put_c_name(s, l, WIRE_OBJECT_TYPE, pointer_field(s, l->tp_name)); break;
	case OBJECT_MODULE:
		put_queued(s, l, WIRE_OBJECT_MODULE, pointer_field(s, l->module_name), 0);
		break;
	case OBJECT_EXCEPTION: put_exception(s, l); break;
	case RECIPE_SOCKET:
		put_numbered(s, l, WIRE_OBJECT_SOCKET, (__s64)(__s32)object_u32(s, l->socket_fd));
		break;
	case RECIPE_PATH: put_path(s, l); break;
	case RECIPE_DIR_ENTRY:
		put_queued(s, l, WIRE_OBJECT_DIR_ENTRY, object_u64(s, l->direntry_path), 0);
		break;
	case RECIPE_ENVIRON: put_queued(s, l, WIRE_OBJECT_MAPPING, data_attribute(s, l), 0); break;
	case RECIPE_FILE:
	case RECIPE_FILE_BUFFERED:
	case RECIPE_FILE_TEXT: put_file(s, l, kind); break;
	case RECIPE_FRAME:
		put_code(s, l, WIRE_OBJECT_FRAME, frame_code(s, l, s->item), false, 0);
		break;
	case RECIPE_TRACEBACK: put_traceback(s, l); break;
	case RECIPE_METHOD: {
		__u64 func = object_u64(s, l->method_func);

		put_queued(s, l, WIRE_OBJECT_FUNCTION,
			   func ? pointer_at(s, func + (l->function_qualname ? l->function_qualname
									     : l->function_name))
				: 0,
			   0);
		break;
	}
	case RECIPE_BUILTIN:
		put_c_name(s, l, WIRE_OBJECT_FUNCTION,
			   pointer_at(s, object_u64(s, l->builtin_def)));
		break;
	case RECIPE_GENERATOR:
		put_queued(s, l, WIRE_OBJECT_FUNCTION, pointer_field(s, l->generator_qualname), 0);
		break;
	case RECIPE_CTYPES:
		put_numbered(s, l, WIRE_OBJECT_CTYPES, object_u64(s, l->ctypes_data));
		break;
	default: put_object(s, l, WIRE_OBJECT_PLAIN); break;
	}
}

#endif
