/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * PyObject -> wire value.
 *
 * One call captures one object; a container opens a frame and its items are captured by later
 * calls, so that nothing here recurses and the verifier sees each path once. The object's kind
 * comes from the address of its type, relative to the image, for the common exact types, and from
 * the subclass bits of tp_flags for all others (Include/object.h: the bits 24-31 are the same
 * in 3.8-3.15).
 *
 * Reading user memory is what costs (65 ns a read where this was measured, whatever its size up to
 * a cache line or two): the first 128 bytes are read at once and the fields taken from there.
 */
#ifndef PYAUDIT_BPF_OBJECT_H
#define PYAUDIT_BPF_OBJECT_H

#include "named_types.h"
#include "scratch.h"

#define TPFLAGS_HEAPTYPE  9
#define TPFLAGS_LONG	  24
#define TPFLAGS_LIST	  25
#define TPFLAGS_TUPLE	  26
#define TPFLAGS_BYTES	  27
#define TPFLAGS_UNICODE	  28
#define TPFLAGS_DICT	  29
#define TPFLAGS_EXCEPTION 30
#define TPFLAGS_TYPE	  31

/* Kinds of object that are copied or have a type of their own in the image; those above are
 * recipes. */
enum object_kind {
	OBJECT_OTHER,
	OBJECT_INT = 100,
	OBJECT_STR,
	OBJECT_BYTES,
	OBJECT_BYTEARRAY,
	OBJECT_TUPLE,
	OBJECT_LIST,
	OBJECT_DICT,
	OBJECT_CODE,
	OBJECT_FUNCTION,
	OBJECT_TYPE,
	OBJECT_MODULE,
	OBJECT_EXCEPTION,
};

/* Reads the start of the object. Near the end of a mapping fewer bytes are there: up to the page's
 * end. */
static __always_inline long read_object(struct scratch *s, __u64 addr)
{
	__u32 rest = 4096 - (addr & 4095);
	long err;

	s->object_len = OBJECT_READ;
	err = read_user(s->object, OBJECT_READ, addr);
	if (!err || rest >= OBJECT_READ)
		return err;
	bounded(rest);
	if (rest > OBJECT_READ)
		return err;
	s->object_len = rest;
	return read_user(s->object, rest, addr);
}

static __always_inline int kind_of_type(const struct image_config *image, __u64 type)
{
	const struct py_types *t = &image->types;

	if (type == t->str)
		return OBJECT_STR;
	if (type == t->integer)
		return OBJECT_INT;
	if (type == t->none)
		return RECIPE_NONE;
	if (type == t->tuple)
		return OBJECT_TUPLE;
	if (type == t->boolean)
		return RECIPE_BOOL;
	if (type == t->bytes)
		return OBJECT_BYTES;
	if (type == t->code)
		return OBJECT_CODE;
	if (type == t->list)
		return OBJECT_LIST;
	if (type == t->dict)
		return OBJECT_DICT;
	if (type == t->function)
		return OBJECT_FUNCTION;
	if (type == t->floating)
		return RECIPE_FLOAT;
	if (type == t->bytearray)
		return OBJECT_BYTEARRAY;
	if (type == t->module)
		return OBJECT_MODULE;
	return OBJECT_OTHER;
}

static __always_inline int kind_of_flags(__u64 flags)
{
	if (flags & (1ull << TPFLAGS_UNICODE))
		return OBJECT_STR;
	if (flags & (1ull << TPFLAGS_LONG))
		return OBJECT_INT;
	if (flags & (1ull << TPFLAGS_BYTES))
		return OBJECT_BYTES;
	if (flags & (1ull << TPFLAGS_TUPLE))
		return OBJECT_TUPLE;
	if (flags & (1ull << TPFLAGS_LIST))
		return OBJECT_LIST;
	if (flags & (1ull << TPFLAGS_DICT))
		return OBJECT_DICT;
	if (flags & (1ull << TPFLAGS_TYPE))
		return OBJECT_TYPE;
	if (flags & (1ull << TPFLAGS_EXCEPTION))
		return OBJECT_EXCEPTION;
	return OBJECT_OTHER;
}

#define MAX_BASES 6

/* Types that are never made at run time. */
static __always_inline bool recipe_is_static(int kind)
{
	return (kind >= RECIPE_NONE && kind <= RECIPE_FLOAT) ||
	       (kind >= RECIPE_FRAME && kind <= RECIPE_GENERATOR);
}

/* The kind of an object whose type is none of the exact ones: by the subclass bits, else by the
 * name of the type or one of its bases; or a negative errno. s->more is overwritten. */
static __always_inline int kind_of_unknown_type(struct scratch *s, const struct py_layout *l,
						__u64 type)
{
	__u64 flags = 0, name, i;
	long err = read_user(&flags, sizeof(flags), type + l->tp_flags);
	int kind = kind_of_flags(flags);

	if (err)
		return err;
	for (i = 0; kind == OBJECT_OTHER && type && i < MAX_BASES; i++) {
		__builtin_memset(s->more, 0, TYPE_NAME_KEY);
		err = read_user(&name, sizeof(name), type + l->tp_name);
		if (!err)
			err = read_user_str(s->more, TYPE_NAME_KEY, name);
		if (err < 0)
			return err;
		if (err < TYPE_NAME_KEY)
			kind = recipe_of(s->more);
		if (recipe_is_static(kind)) {
			/* Of these only float has subclasses. A heap type of that name is
			 * somebody's own. */
			if (i && kind == RECIPE_FLOAT &&
			    read_user(&flags, sizeof(flags), type + l->tp_flags))
				return -EFAULT;
			if ((i && kind != RECIPE_FLOAT) || flags & (1ull << TPFLAGS_HEAPTYPE))
				kind = OBJECT_OTHER;
		}
		if (kind == OBJECT_OTHER && read_user(&type, sizeof(type), type + l->tp_base))
			return -EFAULT;
	}
	return kind;
}

static __always_inline void put_str(struct scratch *s, const struct py_layout *l)
{
	__u32 state = object_u32(s, l->str_state);
	__u64 len = object_u64(s, l->str_length), addr;
	__u32 width = (state >> (l->str_kind_bit & 31)) & 7;
	bool compact = (state >> (l->str_compact_bit & 31)) & 1;
	bool ascii = (state >> (l->str_ascii_bit & 31)) & 1;
	struct wire_value *v;

	if (!width && l->str_wstr) {
		addr = object_u64(s, l->str_wstr);
		len = object_u64(s, l->str_wstr_length);
		width = 4;
	} else if (!compact) {
		addr = object_u64(s, l->str_data);
	} else {
		addr = s->item + (ascii ? l->str_ascii_data : l->str_compact_data);
	}
	if (width != 1 && width != 2 && width != 4) {
		put_unreadable(s, WIRE_STR, -EINVAL);
		return;
	}
	v = put(s, WIRE_STR, WIRE_OK, width, len);
	if (!v || !len)
		return;
	if (compact && ascii && width == 1 && len <= knob_string_limit &&
	    len + l->str_ascii_data <= s->object_len)
		put_payload_inline(s, v, l->str_ascii_data, len);
	else
		put_payload(s, v, addr,
			    len > WIRE_MAX_STRING ? WIRE_MAX_STRING * 4ull : len * width, width,
			    knob_string_limit);
}

static __always_inline void put_bytes(struct scratch *s, const struct py_layout *l, __u8 kind)
{
	__u64 len = object_u64(s, l->ob_size);
	__u64 addr = s->item + l->bytes_data;
	struct wire_value *v;

	if (kind == WIRE_BYTEARRAY)
		addr = object_u64(s, l->bytearray_start);
	v = put(s, kind, WIRE_OK, 0, len);
	if (v && len)
		put_payload(s, v, addr, len, 1, knob_string_limit);
}

/* The int's sign and number of 30-bit digits (Include/cpython/longintrepr.h). */
static __always_inline __u64 int_digits(const struct scratch *s, const struct py_layout *l,
					bool *negative)
{
	__u64 size = object_u64(s, l->int_size);

	if (l->int_tagged) {
		*negative = (size & 3) == 2;
		return size >> 3;
	}
	*negative = (__s64)size < 0;
	return *negative ? -size : size;
}

/* Of an int that is cut nothing can be shown, so it is not cut as text is: 4300 decimal digits, as
 * many as CPython turns into text and back (sys.int_info.default_max_str_digits), are 1908 bytes.
 */
#define INT_BYTES 2048

static __always_inline __u32 int_limit(void)
{
	return knob_string_limit > INT_BYTES ? knob_string_limit : INT_BYTES;
}

static __always_inline void put_int(struct scratch *s, const struct py_layout *l)
{
	struct wire_value *v;
	bool negative;
	__u64 n = int_digits(s, l, &negative), num = 0;

	if (n > 2) {
		v = put(s, WIRE_BIGINT, WIRE_OK, negative, n);
		if (v)
			put_payload(s, v, s->item + l->int_digits,
				    n > WIRE_MAX_STRING ? WIRE_MAX_STRING * 4ull : n * 4, 4,
				    int_limit());
		return;
	}
	if (n > 0)
		num = object_u32(s, l->int_digits);
	if (n > 1)
		num |= (__u64)object_u32(s, l->int_digits + 4) << 30;
	put(s, WIRE_INT, WIRE_OK, 0, negative ? -num : num);
}

/* Opens a container: items at `items`, n of them; count is the true length as the wire has it. */
static __always_inline struct frame *put_container(struct scratch *s, __u8 kind, __u8 frame,
						   __u64 items, __u64 n, __u64 count)
{
	__u32 header = s->used;

	if (!put(s, kind, count ? WIRE_TRUNCATED : WIRE_OK, 0, count) || !count)
		return 0;
	return push_frame(s, frame, header, items, n);
}

static __always_inline void put_tuple(struct scratch *s, const struct py_layout *l)
{
	__u64 n = object_u64(s, l->ob_size);
	struct frame *f =
		put_container(s, WIRE_TUPLE, FRAME_POINTERS, s->item + l->tuple_items, n, n);
	int i;

	/* The first items came with the object. */
	if (!f || s->object_len < OBJECT_READ || l->tuple_items > OBJECT_READ - FRAME_CACHE * 8)
		return;
	for (i = 0; i < FRAME_CACHE; i++)
		f->cache[i] = object_u64(s, l->tuple_items + 8 * i);
	f->cached = n < FRAME_CACHE ? n : FRAME_CACHE;
}

static __always_inline void put_list(struct scratch *s, const struct py_layout *l)
{
	__u64 n = object_u64(s, l->ob_size);

	put_container(s, WIRE_LIST, FRAME_POINTERS, object_u64(s, l->list_items), n, n);
}

/* Bytes of the index table of the keys in s->more. */
static __always_inline __u64 dict_index_bytes(const struct scratch *s, const struct py_layout *l)
{
	__u64 size = more_u64(s, l->dk_size);

	/* dk_log2_size, dk_log2_index_bytes, dk_kind: a byte each */
	if (l->dk_log2)
		return 1ull << (size >> 8 & 63);
	return size * (size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8);
}

/*
 * A dict's entries lie in insertion order behind its index table (Objects/dictobject.c). 3.11
 * replaced the table's size by logarithms and gave dicts whose keys are all str entries without a
 * hash.
 */
static __always_inline void put_dict(struct scratch *s, const struct py_layout *l)
{
	__u64 used = object_u64(s, l->dict_used), keys = object_u64(s, l->dict_keys);
	__u64 values = object_u64(s, l->dict_values), entries, n;
	__u8 kind = FRAME_DICT_GENERAL;
	struct frame *f;
	long err;

	err = used ? read_user(s->more, 48, keys) : 0;
	if (err) {
		put_unreadable(s, WIRE_DICT, err);
		return;
	}
	n = more_u64(s, l->dk_nentries);
	if (l->dk_log2 && (more_u64(s, l->dk_size) >> 16 & 0xff))
		kind = FRAME_DICT_UNICODE;
	entries = keys + l->dk_indices + dict_index_bytes(s, l);
	if (values)
		kind = FRAME_DICT_SPLIT;
	f = put_container(s, WIRE_DICT, kind, entries, n, used);
	if (!f)
		return;
	f->values = values + l->dict_values_array;
	/* Before 3.11 the entries of a split table have the hash as well. */
	f->tail = l->dk_log2 ? 16 : 24;
}

/* An object that is named, not copied. Its type's name is the payload. */
static __always_inline struct wire_value *put_object(struct scratch *s, const struct py_layout *l,
						     __u16 what)
{
	__u64 type = object_u64(s, l->ob_type), name = 0;
	struct wire_value *v = put(s, WIRE_OBJECT, WIRE_OK, what, 0);

	if (!v)
		return 0;
	read_user(&name, sizeof(name), type + l->tp_name);
	put_payload_str(s, v, name, WIRE_MAX_TYPE_NAME);
	return v->status == WIRE_OK ? v : 0;
}

/* The same with properties that are objects: pointers to capture next, then perhaps a number. */
static __always_inline struct frame *put_named(struct scratch *s, const struct py_layout *l,
					       __u16 what)
{
	__u32 header = s->used;

	if (s->fault) {
		put_unreadable(s, WIRE_OBJECT, s->fault);
		return 0;
	}
	if (!put_object(s, l, what))
		return 0;
	return push_frame(s, FRAME_POINTERS, header, 0, 0);
}

#include "identify.h"

/* None, True and False of the image are told by their address and need not be read. */
static __always_inline bool capture_singleton(struct scratch *s, const struct py_types *t)
{
	__u64 addr = s->item - s->bias;

	if (addr == t->none_object)
		put(s, WIRE_NONE, WIRE_OK, 0, 0);
	else if (addr == t->true_object || addr == t->false_object)
		put(s, WIRE_BOOL, WIRE_OK, 0, addr == t->true_object);
	else
		return false;
	return true;
}

/* Up to where the fields of an object of this kind go that are taken from its first bytes. The
 * fields that say how much it is come first. */
static __always_inline __u32 bytes_needed(const struct scratch *s, const struct py_layout *l,
					  int kind)
{
	__u32 state = object_u32(s, l->str_state);
	bool negative;
	__u64 digits;

	switch (kind) {
	case RECIPE_BOOL: return l->int_digits + 4;
	case RECIPE_FLOAT: return l->float_value + 8;
	case OBJECT_INT:
		digits = int_digits(s, l, &negative);
		return l->int_digits + (digits == 1 ? 4 : digits == 2 ? 8 : 0);
	case OBJECT_STR:
		if (!(state >> (l->str_kind_bit & 31) & 7) && l->str_wstr)
			return l->str_wstr_length + 8;
		return state >> (l->str_compact_bit & 31) & 1 ? l->str_state + 4 : l->str_data + 8;
	case OBJECT_BYTES:
	case OBJECT_TUPLE: return l->ob_size + 8;
	case OBJECT_BYTEARRAY: return l->bytearray_start + 8;
	case OBJECT_LIST: return l->list_items + 8;
	case OBJECT_DICT: return l->dict_values + 8;
	case OBJECT_EXCEPTION: return l->exception_args + 8;
	case RECIPE_SOCKET: return l->socket_fd + 4;
	case RECIPE_DIR_ENTRY: return l->direntry_path + 8;
	case RECIPE_TRACEBACK: return l->traceback_lineno + 4;
	case RECIPE_METHOD: return l->method_func + 8;
	case RECIPE_BUILTIN: return l->builtin_def + 8;
	case RECIPE_CTYPES: return l->ctypes_data + 8;
	default: return l->ob_type + 8;
	}
}

/* Captures the object at s->item as the next value. */
static __always_inline void capture_object(struct scratch *s, const struct image_config *image)
{
	const struct py_layout *l = &image->layout;
	__u64 type;
	int kind;
	long err;

	if (!s->item) {
		put(s, WIRE_NONE, WIRE_NULL, 0, 0);
		return;
	}
	if (!image->decode) {
		put(s, WIRE_OBJECT, WIRE_UNSUPPORTED, 0, 'O');
		return;
	}
	if (capture_singleton(s, &image->types))
		return;
	s->fault = 0;
	err = s->object_of == s->item ? 0 : read_object(s, s->item);
	s->object_of = 0;
	if (!err && s->object_len < l->ob_type + 8u)
		err = -EFAULT;
	if (err) {
		put_unreadable(s, 0, err);
		return;
	}
	type = object_u64(s, l->ob_type);
	kind = kind_of_type(image, type - s->bias);
	if (kind == OBJECT_OTHER)
		kind = kind_of_unknown_type(s, l, type);
	if (kind >= 0 && s->object_len < OBJECT_READ && s->object_len < bytes_needed(s, l, kind))
		kind = -EFAULT;
	if (kind < 0) {
		put_unreadable(s, 0, kind);
		return;
	}
	switch (kind) {
	case RECIPE_NONE: put(s, WIRE_NONE, WIRE_OK, 0, 0); break;
	case RECIPE_BOOL: put(s, WIRE_BOOL, WIRE_OK, 0, object_u32(s, l->int_digits) & 1); break;
	case OBJECT_INT: put_int(s, l); break;
	case RECIPE_FLOAT: put(s, WIRE_FLOAT, WIRE_OK, 0, object_u64(s, l->float_value)); break;
	case OBJECT_STR: put_str(s, l); break;
	case OBJECT_BYTES: put_bytes(s, l, WIRE_BYTES); break;
	case OBJECT_BYTEARRAY: put_bytes(s, l, WIRE_BYTEARRAY); break;
	case OBJECT_TUPLE: put_tuple(s, l); break;
	case OBJECT_LIST: put_list(s, l); break;
	case OBJECT_DICT: put_dict(s, l); break;
	default: put_identified(s, l, kind); break;
	}
}

#endif
