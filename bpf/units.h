/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The call's own format string and C arguments -> wire values (Py_BuildValue's language,
 * Python/modsupport.c), and the walk over containers.
 *
 * The arguments come from where the x86-64 System V ABI puts them: what is left of the six integer
 * registers, then the stack; doubles from the register save area when the probed function has a
 * va_list.
 */
#ifndef PYAUDIT_BPF_UNITS_H
#define PYAUDIT_BPF_UNITS_H

#include "object.h"

/* Further steps than values: closing a container and skipping a deleted dict entry are steps too.
 */
#define MAX_STEPS (WIRE_MAX_VALUES * 3)

/* s->fault is set when it cannot be read. */
static __always_inline __u64 next_argument(struct scratch *s)
{
	__u64 value = 0;
	__u32 i = s->gp_next;
	long err;

	if (i < 6) {
		s->gp_next = i + 1;
		i &= 7;
		bounded(i);
		return i < 6 ? s->gp[i] : 0;
	}
	err = read_user(&value, sizeof(value), s->overflow);
	if (err)
		s->fault = err;
	s->overflow += 8;
	return value;
}

/* A double: one of eight 16-byte slots of the save area, then the stack. */
static __always_inline long next_double(struct scratch *s, __u64 *bits)
{
	__u64 addr = s->overflow;

	if (!s->has_fp)
		return -ENOTSUP;
	if (s->fp_next < 176) {
		addr = s->fp_area + s->fp_next;
		s->fp_next += 16;
	} else {
		s->overflow += 8;
	}
	return read_user(bits, sizeof(*bits), addr);
}

static __always_inline char unit_at(const struct scratch *s, __u32 at)
{
	at &= FORMAT_LEN - 1;
	bounded(at);
	return s->fmt[at];
}

#define WIDE_MAX 256

/* A NUL-terminated wchar_t string: 4 bytes a code point on Linux. */
static __always_inline void put_wide_string(struct scratch *s, __u64 addr)
{
	struct wire_value *v = put(s, WIRE_STR, WIRE_OK, 4, 0);
	__u64 room = payload_room(s);
	__u32 i, n = WIDE_MAX, there = WIDE_MAX + 1;
	char *at = record_room(s, s->used);

	if (!v)
		return;
	if (n > knob_string_limit / 4)
		n = knob_string_limit / 4;
	if (n > room / 4)
		n = room / 4;
	if (read_user(at, (WIDE_MAX + 1) * 4, addr)) {
		there = at_most(4096 - (addr & 4095), WIDE_MAX * 4) / 4;
		if (read_user(at, at_most(there * 4, WIDE_MAX * 4), addr)) {
			payload_unreadable(v, 0);
			return;
		}
	}
	for (i = 0; i < WIDE_MAX; i++)
		if (i >= n || i >= there || !*(__u32 *)(at + i * 4))
			break;
	v->num = i;
	/* No NUL: cut by a limit, or by what can be read. How long it really is is not known. */
	if (i >= there || *(__u32 *)(at + at_most(i, WIDE_MAX) * 4)) {
		v->status = WIRE_TRUNCATED;
		v->num = i + 1;
	}
	end_payload(s, v, i * 4);
}

/* s z U y u: text or bytes at a pointer, up to a NUL or as long as a following # says; below zero
 * that is up to a NUL too. */
static __always_inline void put_c_text(struct scratch *s, char unit, __u64 addr, bool counted,
				       __u64 len)
{
	__u8 kind = unit == 'y' ? WIRE_BYTES : WIRE_STR;
	struct wire_value *v;

	if (!addr) {
		put(s, WIRE_NONE, WIRE_NULL, 0, 0);
	} else if (counted && (__s64)len >= 0) {
		v = put(s, kind, WIRE_OK, unit == 'u' ? 4 : 0, len);
		if (v && len)
			put_payload(s, v, addr, unit == 'u' ? len * 4 : len, unit == 'u' ? 4 : 1,
				    knob_string_limit);
	} else if (unit == 'u') {
		put_wide_string(s, addr);
	} else {
		put_c_string(s, kind, addr, knob_string_limit);
	}
}

/* A payload that is a number in a register. */
static __always_inline void put_code_unit(struct scratch *s, __u8 kind, __u32 c, __u32 width)
{
	struct wire_value *v = put(s, kind, WIRE_OK, kind == WIRE_STR ? width : 0, 1);

	if (!v)
		return;
	end_payload(s, v, width);
	*(__u64 *)record_at(s, s->used - 8) = c;
}

static __always_inline void put_double(struct scratch *s, char unit)
{
	__u64 bits = 0;
	long err = next_double(s, &bits);

	if (err == -ENOTSUP)
		put(s, WIRE_FLOAT, WIRE_UNSUPPORTED, 0, unit);
	else if (err)
		put_unreadable(s, WIRE_FLOAT, err);
	else
		put(s, WIRE_FLOAT, WIRE_OK, 0, bits);
}

enum unit_result { UNIT_DONE, UNIT_OBJECT, UNIT_LAST };

/* Captures the argument of one unit; an object is left in s->item. Behind an unknown unit, or an
 * argument that cannot be read, nothing is known of the others. */
static __always_inline int capture_unit(struct scratch *s, char unit)
{
	char next = unit_at(s, s->fmt_at);
	bool counted = next == '#' &&
		       (unit == 's' || unit == 'z' || unit == 'U' || unit == 'y' || unit == 'u');
	bool converted = next == '&' && (unit == 'O' || unit == 'S' || unit == 'N');
	__u64 arg, second = 0;

	if (unit == 'd' || unit == 'f') {
		put_double(s, unit);
		return UNIT_DONE;
	}
	s->fault = 0;
	arg = next_argument(s);
	if (counted || converted) {
		s->fmt_at++;
		second = next_argument(s);
	}
	if (s->fault) {
		put_unreadable(s, 0, s->fault);
		return UNIT_LAST;
	}
	switch (unit) {
	case 'O':
	case 'S':
	case 'N':
		if (converted) {
			put(s, 0, WIRE_UNSUPPORTED, 0, '&');
			return UNIT_DONE;
		}
		s->item = arg;
		return UNIT_OBJECT;
	case 's':
	case 'z':
	case 'U':
	case 'y':
	case 'u': put_c_text(s, unit, arg, counted, second); return UNIT_DONE;
	case 'i':
	case 'h':
	case 'b':
	case 'B': put(s, WIRE_INT, WIRE_OK, 0, (__s64)(__s32)arg); return UNIT_DONE;
	case 'I':
	case 'H': put(s, WIRE_UINT, WIRE_OK, 0, (__u32)arg); return UNIT_DONE;
	case 'l':
	case 'L':
	case 'n': put(s, WIRE_INT, WIRE_OK, 0, arg); return UNIT_DONE;
	case 'k':
	case 'K': put(s, WIRE_UINT, WIRE_OK, 0, arg); return UNIT_DONE;
	case 'p': put(s, WIRE_BOOL, WIRE_OK, 0, (__u32)arg != 0); return UNIT_DONE;
	case 'C': put_code_unit(s, WIRE_STR, arg, 4); return UNIT_DONE;
	case 'c': put_code_unit(s, WIRE_BYTES, (__u8)arg, 1); return UNIT_DONE;
	case 'D': put(s, 0, WIRE_UNSUPPORTED, 0, unit); return UNIT_DONE;
	default:
		put(s, 0, WIRE_UNSUPPORTED, 0, (__u8)unit);
		s->audit_flags |= WIRE_AUDIT_FMT_UNKNOWN;
		return UNIT_LAST;
	}
}

enum step_result {
	STEP_MORE,
	STEP_OBJECT, /* s->item is to be captured */
	STEP_DONE,
};

/* Ends a dict of the format: so far its num has counted keys and values. A key without a value is
 * taken back. */
static __always_inline void end_unit_dict(struct scratch *s, struct frame *f)
{
	struct wire_value *v = value_at(s, f->header);

	if (!v || v->kind != WIRE_DICT)
		return;
	v->num = (v->num + 1) / 2;
	if (!(v->len & 1))
		return;
	v->len--;
	s->used = f->key_used;
	s->values = f->key_values;
}

/* Where the record ends before what may be a key. */
static __always_inline void remember_key(struct scratch *s, struct frame *f)
{
	struct wire_value *v = value_at(s, f->header);

	if (!v || v->kind != WIRE_DICT || v->len & 1)
		return;
	f->key_used = s->used;
	f->key_values = s->values;
}

/* The next unit of the format. */
static __always_inline int step_units(struct scratch *s, struct frame *f)
{
	char c = unit_at(s, s->fmt_at);
	__u32 header = s->used;
	__u8 kind;

	if (!c || s->fmt_at >= FORMAT_LEN - 1)
		return STEP_DONE;
	s->fmt_at++;
	if (c == ' ' || c == '\t' || c == ',' || c == ':')
		return STEP_MORE;
	if (c == ')' || c == ']' || c == '}') {
		if (f->is_top)
			return STEP_DONE;
		end_unit_dict(s, f);
		pop_frame(s);
		return STEP_MORE;
	}
	if (f->is_top)
		s->args++;
	else
		remember_key(s, f);
	if (c == '(' || c == '[' || c == '{') {
		kind = c == '(' ? WIRE_TUPLE : c == '[' ? WIRE_LIST : WIRE_DICT;
		if (put(s, kind, WIRE_TRUNCATED, 0, 0) && push_frame(s, FRAME_UNITS, header, 0, 0))
			return STEP_MORE;
		s->fmt_at--; /* it was not opened */
		return STEP_DONE;
	}
	switch (capture_unit(s, c)) {
	case UNIT_OBJECT: return STEP_OBJECT;
	case UNIT_DONE: return STEP_MORE;
	default: return STEP_DONE;
	}
}

/* The next of an array of object pointers. */
static __always_inline int step_pointers(struct scratch *s, struct frame *f)
{
	__u32 at = f->cache_at, n;
	long err;

	if (!f->left) {
		if (f->has_tail) {
			f->has_tail = 0;
			put(s, WIRE_INT, WIRE_OK, 0, f->tail);
			return STEP_MORE;
		}
		if (f->is_top)
			return STEP_DONE;
		pop_frame(s);
		return STEP_MORE;
	}
	if (at >= f->cached) {
		n = f->left < FRAME_CACHE ? f->left : FRAME_CACHE;
		bounded(n);
		if (n > FRAME_CACHE)
			return STEP_DONE;
		err = read_user(f->cache, n * 8, f->next);
		if (err) {
			put_unreadable(s, 0, err);
			f->left = 0;
			return STEP_MORE;
		}
		f->cached = n;
		at = 0;
	}
	f->left--;
	f->cache_at = at + 1;
	f->next += 8;
	at &= FRAME_CACHE - 1;
	bounded(at);
	s->item = f->cache[at];
	return STEP_OBJECT;
}

/* The next key or value of a dict. The value of a key just captured is f->pending. */
static __always_inline int step_dict(struct scratch *s, struct frame *f)
{
	__u64 entry[3] = {}, key, value;
	bool hashed = f->kind == FRAME_DICT_GENERAL || f->tail == 24;
	long err;

	if (f->has_pending) {
		s->item = f->pending;
		f->has_pending = 2; /* cleared when the value is in the record */
		return STEP_OBJECT;
	}
	if (!f->left) {
		pop_frame(s);
		return STEP_MORE;
	}
	f->left--;
	err = hashed ? read_user(entry, 24, f->next) : read_user(entry, 16, f->next);
	f->next += hashed ? 24 : 16;
	key = hashed ? entry[1] : entry[0];
	value = hashed ? entry[2] : entry[1];
	if (!err && f->kind == FRAME_DICT_SPLIT) {
		err = read_user(&value, sizeof(value), f->values);
		f->values += 8;
	}
	if (!err && (!key || !value))
		return STEP_MORE;
	f->key_used = s->used;
	f->key_values = s->values;
	if (err) {
		put_unreadable(s, 0, err);
		if (has_room(s))
			put_unreadable(s, 0, err);
		else
			f->has_pending = 1; /* close_containers takes it back */
		f->left = 0;
		return STEP_MORE;
	}
	f->pending = value;
	f->has_pending = 1;
	s->item = key;
	return STEP_OBJECT;
}

/* Captures s->item in the innermost frame. */
static __always_inline void capture_item(struct scratch *s, const struct image_config *image)
{
	struct frame *f = frame_at(s, s->depth);
	__u32 before = s->values;

	capture_object(s, image);
	if (f->has_pending == 2 && s->values != before)
		f->has_pending = 0;
}

/* Counts the arguments of a format that were not come to, so that they are told to be missing.
 * Depth and count are kept in memory by atomic adds, as in format_is_parenthesised. */
static __always_inline void count_rest(struct scratch *s)
{
	__u32 i, at;
	char c;

	if (s->frames[0].kind != FRAME_UNITS)
		return;
	s->paren_depth = s->depth;
	/* Frames of Python objects are not the format's. */
	UNROLL
	for (i = WIRE_MAX_DEPTH; i > 0; i--)
		if (i <= s->depth && frame_at(s, i)->kind != FRAME_UNITS)
			__sync_fetch_and_add(&s->paren_depth, -1);
	at = s->fmt_at;
	for (i = 0; i < FORMAT_LEN; i++) {
		c = unit_at(s, at + i);
		if (!c || at + i >= FORMAT_LEN - 1)
			return;
		if (c == '#' || c == '&' || c == ',' || c == ':' || c == ' ' || c == '\t')
			continue;
		if (c == ')' || c == ']' || c == '}') {
			if (!s->paren_depth)
				return;
			__sync_fetch_and_add(&s->paren_depth, -1);
			continue;
		}
		if (!s->paren_depth)
			__sync_fetch_and_add(&s->args, 1);
		if (c == '(' || c == '[' || c == '{')
			__sync_fetch_and_add(&s->paren_depth, 1);
	}
}

/*
 * Ends all containers that are open, perhaps before their end. A dict key whose value found no room
 * is taken back, so that pairs stay pairs; a container that lacks nothing but its closing is whole.
 */
static __always_inline void close_containers(struct scratch *s)
{
	struct frame *f;
	struct wire_value *v;
	__u32 i;

	/* 5.10 refuses a loop that clang closes by falling through instead of by a jump. */
	UNROLL
	for (i = WIRE_MAX_DEPTH; i > 0; i--) {
		if (i > s->depth)
			continue;
		f = frame_at(s, i);
		if (f->kind == FRAME_UNITS) {
			end_unit_dict(s, f);
			continue;
		}
		v = value_at(s, f->header);
		if (!v)
			continue;
		if (f->kind != FRAME_POINTERS && f->has_pending) {
			v->len--;
			s->used = f->key_used;
			s->values = f->key_values;
		}
		if (v->status == WIRE_TRUNCATED && v->kind != WIRE_OBJECT &&
		    v->len == (v->kind == WIRE_DICT ? v->num * 2 : v->num))
			v->status = WIRE_OK;
	}
	s->depth = 0;
}

/* One step of the walk. */
static __always_inline int capture_step(struct scratch *s)
{
	struct frame *f = frame_at(s, s->depth);

	if (!has_room(s)) {
		if (!s->depth)
			return STEP_DONE;
		/* What is in containers must not take the places of the arguments that follow. */
		close_containers(s);
		return STEP_MORE;
	}
	switch (f->kind) {
	case FRAME_UNITS: return step_units(s, f);
	case FRAME_POINTERS: return step_pointers(s, f);
	default: return step_dict(s, f);
	}
}

static __always_inline void end_walk(struct scratch *s)
{
	count_rest(s);
	close_containers(s);
}

#endif
