/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Where a call's arguments are, by the function that was called: the start of the walk in units.h.
 */
#ifndef PYAUDIT_BPF_ARGUMENTS_H
#define PYAUDIT_BPF_ARGUMENTS_H

#include "units.h"

/* An empty record: behind its head, the outermost frame has nothing in it. */
static __always_inline void record_reset(struct scratch *s, __u64 bias)
{
	s->bias = bias;
	s->object_of = 0;
	s->gp_next = 6;
	s->has_fp = 0;
	s->used = sizeof(struct wire_audit);
	s->values = s->top = s->args = s->depth = s->audit_flags = s->fmt_at = 0;
	s->frames[0].is_top = 1;
	s->frames[0].has_pending = s->frames[0].has_tail = 0;
	s->frames[0].cached = s->frames[0].cache_at = 0;
	s->frames[0].header = 0;
	s->frames[0].kind = FRAME_POINTERS;
	s->frames[0].left = 0;
	s->frames[0].next = 0;
}

/* The format's outer parentheses only say that the arguments are a tuple, which they are anyway:
 * "(O)". The depth is counted in memory by atomic adds, where the verifier does not follow it into
 * a million states. */
static __always_inline bool format_is_parenthesised(struct scratch *s)
{
	__u32 i;
	char c;

	if (s->fmt[0] != '(')
		return false;
	s->paren_depth = 0;
	for (i = 0; i < FORMAT_LEN; i++) {
		c = s->fmt[i];
		if (!c)
			return false;
		if (c == '(')
			__sync_fetch_and_add(&s->paren_depth, 1);
		else if (c == ')')
			__sync_fetch_and_add(&s->paren_depth, -1);
		if (!s->paren_depth)
			return !s->fmt[i + 1];
	}
	return false;
}

/* A single object that is a tuple is the argument tuple itself (Python/sysmodule.c); anything else
 * is the one argument. */
static __always_inline void start_single(struct scratch *s, const struct image_config *image,
					 __u64 object)
{
	const struct py_layout *l = &image->layout;
	struct frame *top = &s->frames[0];
	__u64 type, n, flags = 0;
	long err;

	top->kind = FRAME_POINTERS;
	top->cache[0] = object;
	top->cached = top->left = s->args = 1;
	if (!image->decode || !object)
		return;
	err = read_object(s, object);
	s->object_of = object;
	type = object_u64(s, l->ob_type);
	if (!err && type - s->bias != image->types.tuple) {
		if (kind_of_type(image, type - s->bias) != OBJECT_OTHER)
			return;
		err = read_user(&flags, sizeof(flags), type + l->tp_flags);
		if (!err && !(flags & (1ull << TPFLAGS_TUPLE)))
			return;
	}
	if (err || s->object_len < l->ob_size + 8u) {
		put_unreadable(s, 0, err ? err : -EFAULT);
		top->left = 0;
		return;
	}
	n = object_u64(s, l->ob_size);
	top->left = s->args = n > 0xffffffff ? 0xffffffff : n;
	top->next = object + l->tuple_items;
	top->cached = 0;
}

/* The walk over the arguments of a call with a format string, which is in s->fmt. */
static __always_inline void start_format(struct scratch *s, const struct image_config *image)
{
	char c = s->fmt[0];
	__u64 object;

	if ((c != 'O' && c != 'S' && c != 'N') || s->fmt[1]) {
		s->frames[0].kind = FRAME_UNITS;
		s->fmt_at = format_is_parenthesised(s);
		return;
	}
	s->fault = 0;
	object = next_argument(s);
	start_single(s, image, object);
	if (s->fault) {
		put_unreadable(s, 0, s->fault);
		s->frames[0].left = 0;
	}
}

/* The C arguments behind a va_list (System V ABI, x86-64: 3.5.7). Its register save area usually
 * lies close behind it, in the frame of the function that made it, and is read together with it
 * then. */
static __always_inline void load_va_list(struct scratch *s, __u64 addr)
{
	struct {
		__u32 gp_offset, fp_offset;
		__u64 overflow, save;
	} *va = (void *)s->more;
	__u64 ahead;
	int i;
	bool whole = !read_user(s->more, OBJECT_READ, addr);

	/* Nothing is known of the arguments then. */
	if (!whole && read_user(s->more, sizeof(*va), addr)) {
		s->audit_flags |= WIRE_AUDIT_FMT_UNREAD;
		return;
	}
	s->gp_next = va->gp_offset / 8;
	s->fp_next = va->fp_offset;
	s->overflow = va->overflow;
	s->fp_area = va->save;
	s->has_fp = 1;
	ahead = va->save - addr;
	if (whole && ahead <= OBJECT_READ - sizeof(s->gp)) {
		ahead = at_most(ahead, OBJECT_READ - sizeof(s->gp));
		for (i = 0; i < 6; i++)
			s->gp[i] = *(__u64 *)(s->more + ahead + i * 8);
	} else if (read_user(s->gp, sizeof(s->gp), va->save)) {
		s->audit_flags |= WIRE_AUDIT_FMT_UNREAD;
	}
}

/* The first pointers of the argument array at once: the name's into s->item, the others into the
 * cache of the outermost frame. */
static __always_inline long read_items(struct scratch *s, __u64 items, __u64 n)
{
	struct frame *top = &s->frames[0];
	__u64 first = n < FRAME_CACHE ? n : FRAME_CACHE;
	long err = read_user(top->cache, at_most(first, FRAME_CACHE) * 8, items);

	s->item = top->cache[0];
	top->cached = first;
	top->cache_at = 1;
	return err;
}

#endif
