/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Reading a thread's Python frames, and the code objects they run.
 *
 * Of each frame the whole content of its code object that a traceback needs is read, every time:
 * names, line table, first line. User space is told a hash over it (include/wire_stack.h), so what
 * is shown is what was in memory at the event, although code objects come and go and addresses are
 * used again. Reading costs more than hashing: an object is read with one read where it is small.
 *
 * Names and table are read so that their text can stay where it lands, behind what the object has
 * before it; only what has to be sent is moved together (see stack.h).
 */
#ifndef PYAUDIT_BPF_FRAMES_H
#define PYAUDIT_BPF_FRAMES_H

#include "scratch.h"

#define AREA_READ	256 /* bytes of a thread state, frame or code object there is room for */
#define CODE_READ_FIRST 256 /* bytes of a str or bytes object read at once */
#define CODE_SLACK	64  /* behind each text: zeros up to a stripe of the hash */
#define CODE_NAME_ROOM	(WIRE_MAX_CODE_NAME + CODE_READ_FIRST)
#define CODE_FUNC	0
#define CODE_FILE	CODE_NAME_ROOM
/* In front of the table there is room for the names and the head of the record. */
#define CODE_TABLE	(4 * CODE_NAME_ROOM + 128)
#define CODE_TABLE_ROOM (WIRE_MAX_LINE_TABLE + CODE_READ_FIRST)

#define HASH_CHUNK 1024

/* One text of a code object: in `text`, at a multiple of 8, and zeros behind it. */
struct code_text {
	__u32 at, len;
	__u32 width; /* bytes a code unit */
	__u32 cut;
};

/* The work area of a walk over frames; as struct scratch, taken by one event. */
struct stack_area {
	__u64 frame;			/* the one to look at next; 0: the last has been seen */
	__u64 code, last_code, last_id; /* the code object, and the one before with its reference */
	__s32 lasti;
	__u32 error;  /* of the walk: a positive errno */
	__u32 frames; /* found so far */
	__u32 flags;  /* enum wire_stack_flags */
	__u32 code_error;
	__u32 hash_at, hash_left;
	__u32 reserved;
	__u64 lanes[4];
	struct code_text func, file, table;
	struct wire_code head;
	char raw[AREA_READ];	/* a thread state; a frame */
	char object[AREA_READ]; /* a code object */
	char text[CODE_TABLE + CODE_TABLE_ROOM + 2 * CODE_NAME_ROOM + HASH_CHUNK + CODE_SLACK];
};

static __always_inline __u64 area_u64(const char *bytes, __u32 offset)
{
	offset &= 255;
	bounded(offset);
	if (offset > AREA_READ - 8)
		return 0;
	return *(const __u64 *)(bytes + offset);
}

static __always_inline __u32 area_u32(const char *bytes, __u32 offset)
{
	offset &= 255;
	bounded(offset);
	if (offset > AREA_READ - 4)
		return 0;
	return *(const __u32 *)(bytes + offset);
}

static __always_inline __u8 area_u8(const char *bytes, __u32 offset)
{
	offset &= 255;
	bounded(offset);
	return bytes[offset];
}

/* Reads the start of an object of unknown length; near the end of a mapping fewer bytes are there.
 * Returns how many were read, or a negative errno. */
static __always_inline long read_start(char *to, __u64 addr)
{
	__u64 rest = 4096 - (addr & 4095);
	long err = read_user(to, CODE_READ_FIRST, addr);

	if (!err)
		return CODE_READ_FIRST;
	if (rest >= CODE_READ_FIRST)
		return err;
	rest = at_most(rest, CODE_READ_FIRST);
	err = read_user(to, rest, addr);
	return err ? err : (long)rest;
}

/* --- the thread state --- */

#define THREAD_READ 192

/* Reads the thread state's address from where the image's struct py_thread says it is. thread: the
 * thread pointer. Returns 0 or a negative errno. */
static __always_inline long find_state(const struct py_thread *t, __u64 bias, __u64 thread,
				       __u64 *state)
{
	__u64 got[2] = {}, dtv = 0, block = 0, addr;

	switch (t->source) {
	case PY_THREAD_GLOBAL: addr = t->addr + bias; break;
	case PY_THREAD_TLS: addr = thread + t->offset; break;
	case PY_THREAD_TLS_OFFSET:
		if (read_user(got, 8, t->addr + bias))
			return -EFAULT;
		addr = thread + got[0] + t->offset;
		break;
	case PY_THREAD_TLS_MODULE:
		/* Variant II of the TLS ABI: the DTV's address is the second word of the thread's
		 * control block. */
		if (read_user(got, 16, t->addr + bias) || read_user(&dtv, 8, thread + 8) ||
		    read_user(&block, 8, dtv + got[0] * t->dtv_stride))
			return -EFAULT;
		/* All ones: the thread has not used the module's variables yet. */
		if (block + 1 <= 1)
			return -ESRCH;
		addr = block + got[1] + t->offset;
		break;
	default: return -ESRCH;
	}
	return read_user(state, sizeof(*state), addr);
}

/*
 * Begins the walk at a thread state. own: it was an argument of the probed function; otherwise it
 * must be the state of the thread with this thread pointer, which is what pthread_self() is, or
 * there is no stack.
 */
static __always_inline void walk_start(struct stack_area *a, const struct py_stack *stack,
				       __u64 state, bool own, __u64 thread)
{
	const struct py_frames *f = &stack->frames;
	long err;

	a->frame = a->last_code = a->last_id = 0;
	a->error = a->frames = a->flags = 0;
	/* Events raised before there is a thread state have no stack. */
	if (!state)
		return;
	err = read_user(a->raw, THREAD_READ, state);
	if (err) {
		a->error = -err;
		return;
	}
	if (!own && area_u64(a->raw, f->thread_id) != thread) {
		a->error = ESRCH;
		return;
	}
	a->frame = area_u64(a->raw, f->thread_frame);
	if (a->frame && f->thread_cframe) {
		err = read_user(&a->frame, sizeof(a->frame), a->frame + f->cframe_frame);
		if (err) {
			a->frame = 0;
			a->error = -err;
		}
	}
}

/* --- a frame --- */

enum frame_step {
	FRAME_END,   /* there are no more, or a->error */
	FRAME_SKIP,  /* not a frame that Python code would see */
	FRAME_FOUND, /* a->code and a->lasti; or a->code_error */
};

static __always_inline __s32 instruction_offset(__u64 instruction, __u64 start)
{
	__s64 offset = instruction - start;

	return offset < -2 || offset > 0x7fffffff ? WIRE_LASTI_UNKNOWN : offset;
}

/* How far into its code the frame is, in bytes. */
static __always_inline __s32 frame_lasti(const struct stack_area *a, const struct py_frames *f)
{
	__u64 start = a->code + f->code_start;
	__u32 copy;

	if (f->lasti_form == PY_LASTI_BYTES)
		return area_u32(a->raw, f->lasti);
	if (f->lasti_form == PY_LASTI_UNITS)
		return area_u32(a->raw, f->lasti) * 2;
	copy = f->tlbc_index ? area_u32(a->raw, f->tlbc_index) : 0;
	/* The first of the copies is the code object's own. */
	if (copy &&
	    read_user(&start, sizeof(start), area_u64(a->object, f->code_tlbc) + 8 + copy * 8ull))
		return WIRE_LASTI_UNKNOWN;
	return instruction_offset(area_u64(a->raw, f->lasti), start);
}

/* As _PyFrame_IsIncomplete (3.11): a frame that is being set up is not shown by tracebacks. */
static __always_inline bool is_incomplete(const struct stack_area *a, const struct py_frames *f,
					  __u8 owner)
{
	__s64 first;

	if (!f->code_traceable || owner == f->generator || a->lasti == WIRE_LASTI_UNKNOWN)
		return false;
	first = (__s32)area_u32(a->object, f->code_traceable);
	/* It may be any number: what the process wrote there. */
	return a->lasti < (__s32)((__u32)first * 2);
}

static __always_inline void load_code(struct stack_area *a, const struct image_config *image,
				      __u64 bias)
{
	__u64 size = at_most(image->stack.frames.code_size, AREA_READ), type;
	long err = read_user(a->object, size, a->code);

	a->code_error = 0;
	if (err) {
		a->code_error = -err;
		return;
	}
	type = area_u64(a->object, image->layout.ob_type);
	if (image->types.code && type - bias != image->types.code)
		a->code_error = EINVAL;
}

/* Looks at a->frame and goes on to the one that called it. */
static __always_inline int frame_step(struct stack_area *a, const struct image_config *image,
				      __u64 bias)
{
	const struct py_frames *f = &image->stack.frames;
	__u8 owner = 0;
	long err;

	if (!a->frame)
		return FRAME_END;
	err = read_user(a->raw, at_most(f->frame_size, AREA_READ), a->frame);
	if (err) {
		a->error = -err;
		return FRAME_END;
	}
	a->frame = area_u64(a->raw, f->previous);
	if (f->owner)
		owner = area_u8(a->raw, f->owner);
	if (f->shim && owner >= f->shim)
		return FRAME_SKIP;
	a->code = area_u64(a->raw, f->code) & ~(__u64)f->tag_bits;
	load_code(a, image, bias);
	if (a->code_error)
		return FRAME_FOUND;
	a->lasti = frame_lasti(a, f);
	return is_incomplete(a, f, owner) ? FRAME_SKIP : FRAME_FOUND;
}

/* --- the content of a code object --- */

static __always_inline char *text_at(struct stack_area *a, __u64 at)
{
	return a->text + at_most(at, CODE_TABLE + CODE_TABLE_ROOM);
}

/* What follows a text, up to a stripe of the hash, is zero. */
static __always_inline void end_text(struct stack_area *a, struct code_text *t)
{
	__u64 *end = (__u64 *)text_at(a, t->at + t->len);

	end[0] = end[1] = end[2] = end[3] = 0;
}

/* Where a str object has its text. Returns 0 if it is no str. inside: bytes from the object's
 * start; 0: it is not in the object. */
static __always_inline __u64 locate_str(const char *object, const struct py_layout *l, __u64 addr,
					struct code_text *t, __u64 *bytes, __u32 *inside)
{
	__u32 state = area_u32(object, l->str_state);
	__u64 length = area_u64(object, l->str_length);
	bool compact = state >> (l->str_compact_bit & 31) & 1;

	t->width = state >> (l->str_kind_bit & 31) & 7;
	*inside = 0;
	if (compact)
		*inside = state >> (l->str_ascii_bit & 31) & 1 ? l->str_ascii_data
							       : l->str_compact_data;
	if (!t->width && l->str_wstr) {
		t->width = 4;
		*inside = 0;
		length = area_u64(object, l->str_wstr_length);
		addr = area_u64(object, l->str_wstr);
	} else if (t->width != 1 && t->width != 2 && t->width != 4) {
		return 0;
	} else if (!compact) {
		addr = area_u64(object, l->str_data);
	}
	*bytes = length > WIRE_MAX_LINE_TABLE ? WIRE_MAX_LINE_TABLE : length * t->width;
	return addr + *inside;
}

/* Reads the str object at addr into its place. Returns 0 or a positive errno. */
static __always_inline __u32 load_name(struct stack_area *a, const struct py_layout *l, __u64 addr,
				       __u32 place, struct code_text *t)
{
	char *object = a->text + place;
	long got = read_start(object, addr), err;
	__u64 from, bytes = 0, n;
	__u32 inside;

	if (got < 0)
		return -got;
	from = locate_str(object, l, addr, t, &bytes, &inside);
	if (!from)
		return EINVAL;
	n = at_most(bytes, WIRE_MAX_CODE_NAME);
	t->cut = n < bytes;
	t->at = place + inside;
	t->len = n;
	if (!inside || inside + n > (__u64)got) {
		t->at = place;
		err = n ? read_user(object, n, from) : 0;
		if (err)
			return -err;
	}
	end_text(a, t);
	return 0;
}

/* Reads the line table, a bytes object, into its place. */
static __always_inline bool read_table(struct stack_area *a, const struct py_layout *l, __u64 addr)
{
	char *object = a->text + CODE_TABLE;
	long got = read_start(object, addr);
	__u64 n, whole;

	if (got < l->bytes_data)
		return false;
	n = area_u64(object, l->ob_size);
	if (n > WIRE_MAX_LINE_TABLE)
		return false;
	whole = l->bytes_data + n;
	if (whole > (__u64)got && read_user(object + at_most(got, CODE_READ_FIRST),
					    at_most(whole - got, WIRE_MAX_LINE_TABLE), addr + got))
		return false;
	a->table.at = CODE_TABLE + l->bytes_data;
	a->table.len = n;
	return true;
}

/* Without a table the frames have no lines. */
static __always_inline bool load_table(struct stack_area *a, const struct py_layout *l, __u64 addr)
{
	bool there = read_table(a, l, addr);

	if (!there) {
		a->table.at = CODE_TABLE;
		a->table.len = 0;
	}
	end_text(a, &a->table);
	return there;
}

/* Reads what the code object in a->object refers to, and describes it in a->head. A positive errno
 * is left in a->code_error. */
static __always_inline void load_content(struct stack_area *a, const struct image_config *image)
{
	const struct py_layout *l = &image->layout;
	const struct py_frames *f = &image->stack.frames;
	__u32 name = l->code_qualname ? l->code_qualname : l->code_name;

	a->code_error = load_name(a, l, area_u64(a->object, name), CODE_FUNC, &a->func);
	if (!a->code_error)
		a->code_error =
			load_name(a, l, area_u64(a->object, l->code_filename), CODE_FILE, &a->file);
	if (a->code_error)
		return;
	a->head.flags =
		(a->func.cut ? WIRE_CODE_FUNC_CUT : 0) | (a->file.cut ? WIRE_CODE_FILE_CUT : 0);
	if (!load_table(a, l, area_u64(a->object, f->code_lines)))
		a->head.flags |= WIRE_CODE_NO_TABLE;
	a->head.first_line = area_u32(a->object, l->code_firstlineno);
	a->head.lines = f->lines_form;
	a->head.func_width = a->func.width;
	a->head.file_width = a->file.width;
	a->head.func_len = a->func.len;
	a->head.file_len = a->file.len;
	a->head.table_len = a->table.len;
	a->head.reserved = 0;
}

/* --- the hash: XXH64's rounds over stripes of four words, with a key --- */

#define HASH_P1 0x9e3779b185ebca87ull
#define HASH_P2 0xc2b2ae3d27d4eb4full
#define HASH_P3 0x165667b19e3779f9ull

static __always_inline __u64 hash_rotate(__u64 x, __u32 by)
{
	return x << by | x >> (64 - by);
}

static __always_inline __u64 hash_round(__u64 lane, __u64 word)
{
	return hash_rotate(lane + word * HASH_P2, 31) * HASH_P1;
}

static __always_inline void hash_start(struct stack_area *a, __u64 key0, __u64 key1, __u32 pid)
{
	const __u64 *words = (const __u64 *)&a->head.first_line;

	a->lanes[0] = hash_round(key0 + HASH_P1, pid);
	a->lanes[1] = hash_round(key1 + HASH_P2, words[0]);
	a->lanes[2] = hash_round(key0 ^ key1, words[1]);
	a->lanes[3] = hash_round(key0 - key1, words[2]);
}

/* The next HASH_CHUNK bytes of what is at a->hash_at. Returns how many are left. */
static __always_inline __u32 hash_chunk(struct stack_area *a)
{
	__u64 h0 = a->lanes[0], h1 = a->lanes[1], h2 = a->lanes[2], h3 = a->lanes[3];
	const __u64 *p = (const __u64 *)text_at(a, a->hash_at);
	__u32 left = a->hash_left, i;

	for (i = 0; i < HASH_CHUNK / 32; i++) {
		if (i * 32 >= left)
			break;
		h0 = hash_round(h0, p[i * 4]);
		h1 = hash_round(h1, p[i * 4 + 1]);
		h2 = hash_round(h2, p[i * 4 + 2]);
		h3 = hash_round(h3, p[i * 4 + 3]);
	}
	a->lanes[0] = h0;
	a->lanes[1] = h1;
	a->lanes[2] = h2;
	a->lanes[3] = h3;
	a->hash_at += HASH_CHUNK;
	a->hash_left = left = left > HASH_CHUNK ? left - HASH_CHUNK : 0;
	return left;
}

static __always_inline __u64 hash_end(const struct stack_area *a)
{
	__u64 h = hash_rotate(a->lanes[0], 1) + hash_rotate(a->lanes[1], 7) +
		  hash_rotate(a->lanes[2], 12) + hash_rotate(a->lanes[3], 18);
	int i;

	for (i = 0; i < 4; i++)
		h = (h ^ hash_round(0, a->lanes[i])) * HASH_P1 + HASH_P3;
	h ^= h >> 33;
	h *= HASH_P2;
	h ^= h >> 29;
	h *= HASH_P3;
	return h ^ h >> 32;
}

#endif
