/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The work area of one capture, and how values are appended to the record in it.
 *
 * Offsets into the area come out of the area itself, so the verifier knows nothing of them: each
 * use is masked or compared first, and the arrays have slack behind them for the largest single
 * write.
 */
#ifndef PYAUDIT_BPF_SCRATCH_H
#define PYAUDIT_BPF_SCRATCH_H

/* Before a short loop. The unit test compiles these headers with another compiler. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL
#endif

#define MAX_PATTERNS	64
#define COMM_PATTERN	MAX_PATTERNS	   /* the glob of --comm */
#define FILTER_PATTERNS (MAX_PATTERNS + 1) /* of one filter (live_filter.h) */
#define PATTERN_LEN	128

struct pattern {
	char glob[PATTERN_LEN]; /* NUL-terminated */
	__u32 exclude;
	__u32 reserved;
};

#define NAME_KEY_LEN 64
/* The first bytes of a name, zero-padded; longer names are not cached. */
struct name_key {
	char text[NAME_KEY_LEN];
};

enum frame_kind {
	FRAME_UNITS = 1,    /* units of the C format string */
	FRAME_POINTERS,	    /* an array of PyObject * */
	FRAME_DICT_GENERAL, /* entries of hash, key, value */
	FRAME_DICT_UNICODE, /* entries of key, value */
	FRAME_DICT_SPLIT,   /* entries of key, value; the values are in an array of their own */
};

#define FRAME_CACHE 8

/* A container whose children are being captured. */
struct frame {
	__u64 next;		  /* user address of the next item or entry */
	__u64 values;		  /* FRAME_DICT_SPLIT: of the next value */
	__u64 cache[FRAME_CACHE]; /* item pointers read ahead */
	__u64 pending;		  /* dict: the value that belongs to the key just captured */
	__u64 tail;		  /* an int that comes last; dict: bytes of one entry */
	__u32 key_used;	  /* dict: where the record ended before the key whose value is pending, */
	__u32 key_values; /* and how many values it had */
	__u32 left;	  /* items not yet looked at */
	__u32 header;	  /* record offset of the container's wire_value */
	__u32 cached, cache_at;
	__u8 kind, has_pending, has_tail, is_top;
	__u32 reserved;
};

#define FRAMES	    8	/* a power of two above WIRE_MAX_DEPTH + 1 */
#define OBJECT_READ 128 /* bytes of an object read at once: its fields, and short strings whole */
#define FORMAT_LEN  128
#define TOP_PLACES  16 /* a power of two */

struct scratch {
	__u64 bias;
	__u64 name_addr;		/* user address of `name`; 0: it is not in UTF-8 there */
	__u64 utf8_at;			/* of `name` then: where its address will be */
	__u64 item;			/* the PyObject * to capture next */
	__u64 object_of;		/* the object whose first bytes are in `object`; 0 none */
	__u64 gp[6], overflow, fp_area; /* the C arguments still to come */
	__u32 gp_next, fp_next, has_fp;
	__u64 tstate; /* the PyThreadState *, if the probed function has it as an argument: */
	__u32 has_tstate;
	__u32 stack; /* record offset of the stack; 0 none */
	__u32 image, probe, entry;
	__u32 filter; /* the number of the filter the event is judged by */
	__u32 used;   /* bytes of the record */
	__u32 values; /* at all levels, name included */
	__u32 top, args;
	__u32 depth; /* index of the innermost frame */
	__u32 fmt_at, audit_flags;
	__u32 name_len;
	__u32 name_whole; /* if `name` is cut: how long it is, at least; else 0 */
	__u32 object_len; /* bytes of `object` that are valid */
	__s32 fault;	  /* why a part of what is being captured could not be read; 0 */
	__u64 paren_depth;
	__u32 top_at[TOP_PLACES];  /* record offsets of the first top-level values */
	__u64 dentry, mount, node; /* where a walk up a path is */
	/* glob matching */
	__u32 glob_at, text_at, star_at, mark_at, pattern, verdict;
	struct frame frames[FRAMES];
	char fmt[FORMAT_LEN + 8];
	char object[OBJECT_READ * 2]; /* the first bytes of the object looked at */
	char more[OBJECT_READ + 8];
	char name[WIRE_MAX_NAME + 8]; /* UTF-8; the first NAME_KEY_LEN bytes are zero-padded */
	char record[WIRE_MAX_RECORD + WIRE_MAX_STRING + 4096];
};

/* Hides a value from the compiler, so that the check that follows is done as it is written and the
 * verifier sees it on the register that is then used. */
#define bounded(x) asm volatile("" : "+r"(x))

static __always_inline __u64 at_most(__u64 x, __u64 max)
{
	bounded(x);
	if (x > max)
		x = max;
	bounded(x);
	return x;
}

/* A field of the object looked at. Offsets are from the layout table and below 128. */
static __always_inline __u64 object_u64(const struct scratch *s, __u32 offset)
{
	offset &= 127;
	bounded(offset);
	return *(const __u64 *)(s->object + offset);
}

static __always_inline __u32 object_u32(const struct scratch *s, __u32 offset)
{
	offset &= 127;
	bounded(offset);
	return *(const __u32 *)(s->object + offset);
}

static __always_inline __u64 more_u64(const struct scratch *s, __u32 offset)
{
	offset &= 127;
	bounded(offset);
	return *(const __u64 *)(s->more + offset);
}

static __always_inline __u32 more_u32(const struct scratch *s, __u32 offset)
{
	offset &= 127;
	bounded(offset);
	return *(const __u32 *)(s->more + offset);
}

static __always_inline struct frame *frame_at(struct scratch *s, __u32 depth)
{
	depth &= FRAMES - 1;
	bounded(depth);
	return &s->frames[depth];
}

/* Where the offset of top-level value i is kept; those past the last share its place. */
static __always_inline __u32 *top_place(struct scratch *s, __u64 i)
{
	return &s->top_at[at_most(i, TOP_PLACES - 1)];
}

/* The wire_value at a record offset, or NULL. */
static __always_inline struct wire_value *value_at(struct scratch *s, __u64 offset)
{
	bounded(offset);
	if (offset > WIRE_MAX_RECORD - sizeof(struct wire_value))
		return 0;
	bounded(offset);
	return (struct wire_value *)(s->record + offset);
}

/* Room for another value? The margin keeps a payload of a few words from being refused later. */
static __always_inline bool has_room(const struct scratch *s)
{
	return s->values < (s->depth ? WIRE_MAX_NESTED : WIRE_MAX_VALUES) &&
	       s->used <= WIRE_MAX_RECORD - sizeof(struct wire_value) - 8;
}

/* Appends a value without payload, as a child of the innermost frame; NULL when the record is full.
 */
static __always_inline struct wire_value *put(struct scratch *s, __u8 kind, __u8 status, __u16 aux,
					      __u64 num)
{
	struct frame *f = frame_at(s, s->depth);
	struct wire_value *v, *parent;

	if (!has_room(s))
		return 0;
	v = value_at(s, s->used);
	if (!v)
		return 0;
	v->kind = kind;
	v->status = status;
	v->aux = aux;
	v->len = 0;
	v->num = num;
	s->used += sizeof(*v);
	s->values++;
	if (f->is_top) {
		*top_place(s, s->top) = s->used - sizeof(*v);
		s->top++;
		return v;
	}
	parent = value_at(s, f->header);
	if (!parent)
		return v;
	/* An object's length is that of its type's name; it counts its properties in num. */
	if (parent->kind != WIRE_OBJECT)
		parent->len++;
	if (parent->kind == WIRE_OBJECT || f->kind == FRAME_UNITS)
		parent->num++;
	return v;
}

/* A place in the record. Offsets that could not be are brought into the array; what is there is
 * then behind the record's end. */
static __always_inline char *record_at(struct scratch *s, __u64 at)
{
	return s->record + at_most(at, WIRE_MAX_RECORD + WIRE_MAX_STRING);
}

/* A place from which WIRE_MAX_STRING bytes can be written. */
static __always_inline char *record_room(struct scratch *s, __u64 at)
{
	return s->record + at_most(at, WIRE_MAX_RECORD);
}

/* The n bytes behind the last value are its payload. */
static __always_inline void end_payload(struct scratch *s, struct wire_value *v, __u32 n)
{
	/* Zero up to the next multiple of 8. */
	*(__u64 *)record_at(s, s->used + n) = 0;
	v->len = n;
	s->used += WIRE_PAD(n);
}

static __always_inline void payload_unreadable(struct wire_value *v, long err)
{
	v->status = WIRE_UNREADABLE;
	v->num = err < 0 ? -err : EFAULT;
}

/* How long a payload may get: at most half of what is left beyond the reserve, so that however long
 * the first strings of an event are, there is a place for each of its values. */
static __always_inline __u64 payload_room(const struct scratch *s)
{
	__u64 left = WIRE_MAX_RECORD - at_most(s->used, WIRE_MAX_RECORD);

	return left <= WIRE_RESERVE ? 0 : (left - WIRE_RESERVE) / 2;
}

/* Reads a payload of len bytes behind the value just put. What does not fit is cut, and the value
 * marked; unreadable memory turns the value into an unreadable one. width: bytes a code unit, never
 * split. */
static __always_inline void put_payload(struct scratch *s, struct wire_value *v, __u64 addr,
					__u64 len, __u32 width, __u32 limit)
{
	__u64 room = payload_room(s), n = len;
	long err;

	if (n > limit)
		n = limit;
	if (n > room)
		n = room;
	n &= ~(__u64)(width - 1);
	if (n < len)
		v->status = WIRE_TRUNCATED;
	n = at_most(n, WIRE_MAX_STRING);
	err = n ? read_user(record_room(s, s->used), n, addr) : 0;
	if (err)
		payload_unreadable(v, err);
	else
		end_payload(s, v, n);
}

#define COPY_SHORT 64

/* Copies len bytes inside the work area. Both places have COPY_SHORT bytes behind them, or len:
 * moving words beyond the end is cheaper than a call that counts. */
static __always_inline void copy_within(char *to, const char *from, __u64 len)
{
	int i;

	if (len > COPY_SHORT) {
		copy_kernel(to, len, from);
		return;
	}
	for (i = 0; i < COPY_SHORT; i += 8)
		*(__u64 *)(to + i) = *(const __u64 *)(from + i);
}

/* A payload that came with the object: at `offset` in what was read of it. */
static __always_inline void put_payload_inline(struct scratch *s, struct wire_value *v,
					       __u32 offset, __u64 len)
{
	__u64 room = payload_room(s);

	if (len > room) {
		len = room;
		v->status = WIRE_TRUNCATED;
	}
	len = at_most(len, OBJECT_READ);
	copy_within(record_room(s, s->used), s->object + at_most(offset, OBJECT_READ), len);
	end_payload(s, v, len);
}

/* Reads a NUL-terminated payload. Returns true if the string fills the limit: it may go on. */
static __always_inline bool put_payload_str(struct scratch *s, struct wire_value *v, __u64 addr,
					    __u32 limit)
{
	__u64 room = payload_room(s), size = limit;
	long n;

	if (size > room)
		size = room;
	size = at_most(size + 1, WIRE_MAX_STRING);
	n = read_literal(record_room(s, s->used), size, addr, s->image, s->bias);
	if (n <= 0) {
		payload_unreadable(v, n);
		return false;
	}
	end_payload(s, v, n - 1);
	return (__u64)n == size;
}

/* How long a C string really is that did not fit: read on, into the slack behind the record. Where
 * it cannot be read any further it is longer by at least one byte: a NUL there would have been
 * read. */
static __always_inline __u64 rest_of_string(struct scratch *s, __u64 addr)
{
	__u64 len = 0;
	long n;
	int i;

	for (i = 0; i < 64; i++) {
		n = read_user_str(s->record + WIRE_MAX_RECORD, WIRE_MAX_STRING, addr + len);
		if (n <= 0)
			return len + 1;
		len += n - 1;
		if (n < WIRE_MAX_STRING)
			break;
	}
	return len;
}

/* A NUL-terminated C string, kind WIRE_STR (UTF-8) or WIRE_BYTES. */
static __always_inline void put_c_string(struct scratch *s, __u8 kind, __u64 addr, __u32 limit)
{
	struct wire_value *v = put(s, kind, WIRE_OK, 0, 0);

	if (!v)
		return;
	if (put_payload_str(s, v, addr, limit)) {
		v->num = v->len + rest_of_string(s, addr + v->len);
		v->status = v->num == v->len ? WIRE_OK : WIRE_TRUNCATED;
	} else if (v->status == WIRE_OK) {
		v->num = v->len;
	}
}

static __always_inline void put_unreadable(struct scratch *s, __u8 kind, long err)
{
	put(s, kind, WIRE_UNREADABLE, 0, -err);
}

/* Opens a container of n items whose header has just been put; NULL when it is nested too deep. */
static __always_inline struct frame *push_frame(struct scratch *s, __u8 kind, __u32 header,
						__u64 next, __u64 n)
{
	struct frame *f;

	if (s->depth >= WIRE_MAX_DEPTH)
		return 0;
	s->depth++;
	f = frame_at(s, s->depth);
	f->kind = kind;
	f->header = header;
	f->next = next;
	f->left = n > 0xffffffff ? 0xffffffff : n;
	f->cached = f->cache_at = 0;
	f->has_pending = f->has_tail = f->is_top = 0;
	return f;
}

/* Closes the innermost container: it was put as truncated and is whole if nothing is missing. */
static __always_inline void pop_frame(struct scratch *s)
{
	struct frame *f = frame_at(s, s->depth);
	struct wire_value *v = value_at(s, f->header);

	if (v && v->status == WIRE_TRUNCATED && v->kind != WIRE_OBJECT &&
	    v->len == (v->kind == WIRE_DICT ? v->num * 2 : v->num))
		v->status = WIRE_OK;
	s->depth--;
}

#endif
