/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Names of events: where C has them, and where sys.audit() has them, in a str object. */
#ifndef PYAUDIT_BPF_NAME_H
#define PYAUDIT_BPF_NAME_H

/* Reads the whole name into the work area, its start zero-padded as a key is. */
static __always_inline void load_c_name(struct scratch *s, __u64 name, __u32 image, __u64 bias)
{
	long n;

	__builtin_memset(s->name, 0, NAME_KEY_LEN);
	n = read_literal(s->name, WIRE_MAX_NAME, name, image, bias);
	s->name_len = n > 0 ? n - 1 : 0;
	s->name_whole = n == WIRE_MAX_NAME ? WIRE_MAX_NAME : 0;
}

/*
 * The name of a sys.audit() call, which is a str object at s->item, into s->name as UTF-8. Returns
 * false if it is not a str: then there is no event, CPython raises TypeError. A non-ASCII name may
 * not have been encoded by CPython yet; it is encoded here then, up to 64 code points of it.
 */
static __always_inline __u32 encode_utf8(char *to, __u32 c)
{
	if (c < 0x80) {
		to[0] = c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = 0xc0 | c >> 6;
		to[1] = 0x80 | (c & 63);
		return 2;
	}
	if (c < 0x10000) {
		to[0] = 0xe0 | c >> 12;
		to[1] = 0x80 | (c >> 6 & 63);
		to[2] = 0x80 | (c & 63);
		return 3;
	}
	to[0] = 0xf0 | (c >> 18 & 7);
	to[1] = 0x80 | (c >> 12 & 63);
	to[2] = 0x80 | (c >> 6 & 63);
	to[3] = 0x80 | (c & 63);
	return 4;
}

#define ENCODE_MAX 60 /* code points: at most 240 bytes of UTF-8 */

/* Encodes code unit number i of those at s->record (free at this time), s->mark_at bytes wide, and
 * appends it at s->name_len. */
__noinline int encode_one(__u32 slot, __u32 i)
{
	struct scratch *s = scratch_of(slot);
	__u64 at;
	__u32 c;

	if (!s)
		return 0;
	i = at_most(i, ENCODE_MAX);
	at = at_most(s->name_len, WIRE_MAX_NAME - 5);
	c = s->mark_at == 1   ? *(__u8 *)(s->record + i)
	    : s->mark_at == 2 ? *(__u16 *)(s->record + i * 2)
			      : *(__u32 *)(s->record + i * 4);
	at += encode_utf8(s->name + at, c);
	s->name[at] = 0;
	s->name_len = at;
	return 0;
}

/* Copies len bytes of what is NAME_KEY_LEN long, and zeros behind them. */
static __always_inline void copy_key(char *to, const char *from, __u64 len)
{
	__u64 word, left = len;
	int i;

	for (i = 0; i < NAME_KEY_LEN; i += 8) {
		word = *(const __u64 *)(from + i);
		if (left < 8) {
			word &= (1ull << left * 8) - 1;
			left = 8;
		}
		*(__u64 *)(to + i) = word;
		left -= 8;
	}
}

/* A compact ASCII name is its own UTF-8; a short one came with the object. */
static __always_inline int load_ascii_name(struct scratch *s, const struct py_layout *l)
{
	__u64 whole = object_u64(s, l->str_length), len = at_most(whole, WIRE_MAX_NAME - 1);

	s->name_addr = s->item + l->str_ascii_data;
	s->name_len = len;
	s->name_whole = whole > len ? at_most(whole, 0xffffffff) : 0;
	if (len <= NAME_KEY_LEN && len + l->str_ascii_data <= s->object_len)
		copy_key(s->name, s->object + at_most(l->str_ascii_data, 64), len);
	else if (read_user(s->name, len, s->name_addr))
		return 0;
	s->name[at_most(len, WIRE_MAX_NAME)] = 0;
	return 1;
}

__noinline int load_object_name(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	const struct image_config *image = s ? image_of(s->image) : 0;
	const struct py_layout *l;
	__u64 type, flags = 0, addr, whole;
	__u32 state, length, width, i;

	if (!image || !image->decode || read_object(s, s->item))
		return 0;
	l = &image->layout;
	type = object_u64(s, l->ob_type);
	if (type - s->bias != image->types.str) {
		read_user(&flags, sizeof(flags), type + l->tp_flags);
		if (!(flags & (1ull << TPFLAGS_UNICODE)))
			return 0;
	}
	__builtin_memset(s->name, 0, NAME_KEY_LEN);
	state = object_u32(s, l->str_state);
	if ((state >> (l->str_compact_bit & 31) & 1) && (state >> (l->str_ascii_bit & 31) & 1))
		return load_ascii_name(s, l);
	/* CPython's own UTF-8 if it is there already: that address is what the C function will get.
	 */
	s->name_addr = object_u64(s, l->str_utf8);
	s->utf8_at = s->item + l->str_utf8;
	if (s->name_addr) {
		load_c_name(s, s->name_addr, s->image, s->bias);
		return 1;
	}
	addr = s->item + l->str_compact_data;
	if (!(state >> (l->str_compact_bit & 31) & 1))
		addr = object_u64(s, l->str_data);
	/* Behind it there may be no memory. */
	whole = object_u64(s, l->str_length);
	length = at_most(whole, ENCODE_MAX);
	width = (state >> (l->str_kind_bit & 31)) & 7;
	s->mark_at = width = width == 1 || width == 2 ? width : 4;
	if (read_user(s->record, at_most(length * width, ENCODE_MAX * 4), addr))
		return 0;
	s->name_len = 0;
	s->name_whole = whole > ENCODE_MAX ? at_most(whole, 0xffffffff) : 0;
	for (i = 0; i < ENCODE_MAX && i < length; i++)
		encode_one(slot, i);
	return 1;
}

#endif
