// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The kernel side: one short program per entry point, then the headers they call down into.
 *
 *   knobs.h    what is fixed at load          maps.h     all maps and counters
 *   scratch.h  the work area of one capture   filter.h   -e
 *   object.h   PyObject -> wire value         identify.h objects that are named rather than copied
 *   units.h    C format string and varargs -> wire values
 *   literal.h  strings in pages that are not there yet
 *
 * An event passes three gates: is the process traced, does the name pass the filter, is there a
 * work area. Then its values are captured into the work area, and the record is copied to the ring,
 * sized by its content. Every event that came through the first gate is counted as seen, and then
 * as filtered, or lost with its reason, or it is in the ring.
 *
 * Written for 5.10 and later. No program here may sleep. Loops are bounded, and the body of each
 * long one is a global function: the verifier then looks at the body once and not once an
 * iteration. Global functions take scalars only (memory arguments came with 5.15), so they get the
 * work area's number.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "image_config.h"
#include "wire.h"

#define EFAULT	14
#define EINVAL	22
#define ENOTSUP 95
#define SIGSTOP 19

WIRE_ASSERTS;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* bpf/literal.h */
static __always_inline long read_literal(void *dst, __u32 size, __u64 addr, __u32 image,
					 __u64 bias);

#include "knobs.h"

static __always_inline long read_user(void *dst, __u32 size, __u64 addr)
{
	return bpf_probe_read_user(dst, size, (const void *)addr);
}

/* Returns the length with its NUL, or a negative errno. */
static __always_inline long read_user_str(void *dst, __u32 size, __u64 addr)
{
	return bpf_probe_read_user_str(dst, size, (const void *)addr);
}

static __always_inline void copy_kernel(void *dst, __u32 size, const void *src)
{
	bpf_probe_read_kernel(dst, size, src);
}

#include "maps.h"

/* What a type of that name is captured as; name: TYPE_NAME_KEY bytes, zero-padded. */
static __always_inline int recipe_of(const char *name)
{
	__u32 *recipe = bpf_map_lookup_elem(&named_types, name);

	return recipe ? *recipe : RECIPE_PLAIN;
}

#include "literal.h"
#include "filter.h"
#include "units.h"

static __always_inline struct scratch *scratch_of(__u32 slot)
{
	return bpf_map_lookup_elem(&scratches, &slot);
}

__noinline int do_step(__u32 slot)
{
	struct scratch *s = scratch_of(slot);

	return s ? capture_step(s) : STEP_DONE;
}

__noinline int do_item(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	struct image_config *image;
	__u32 key;

	if (!s)
		return 0;
	key = s->image;
	image = bpf_map_lookup_elem(&images, &key);
	if (image)
		capture_item(s, image);
	return 0;
}

__noinline int capture_all(__u32 slot)
{
	struct scratch *s;
	int i, next;

	for (i = 0; i < MAX_STEPS; i++) {
		next = do_step(slot);
		if (next == STEP_DONE)
			break;
		if (next == STEP_OBJECT)
			do_item(slot);
	}
	s = scratch_of(slot);
	if (s)
		drop_lone_keys(s);
	return 0;
}

/* --- the filter --- */

__noinline int do_glob_step(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	struct pattern *p;
	__u32 key;

	if (!s)
		return 1;
	key = s->pattern;
	p = bpf_map_lookup_elem(&patterns, &key);
	return p ? glob_step(s, p) : 1;
}

#define TOO_LONG 2

/* Whether the name in the work area matches a pattern; or TOO_LONG. */
__noinline int glob_matches(__u32 slot, __u32 pattern)
{
	struct scratch *s = scratch_of(slot);
	int i;

	if (!s)
		return 1;
	glob_start(s, pattern);
	for (i = 0; i < 2048; i++)
		if (do_glob_step(slot))
			break;
	s = scratch_of(slot);
	if (!s)
		return 1;
	return i == 2048 ? TOO_LONG : s->verdict;
}

/* Tries the patterns on the name in the work area. Returns 1 if the event passes. */
__noinline int name_passes(__u32 slot)
{
	bool pass = knob_default_pass;
	struct pattern *p;
	int match;
	__u32 i;

	for (i = 0; i < MAX_PATTERNS && i < knob_patterns; i++) {
		__u32 key = i;

		match = glob_matches(slot, i);
		if (!match)
			continue;
		p = bpf_map_lookup_elem(&patterns, &key);
		/* A match that takes too many steps only lets pass: rather an event too many
		 * than one hidden. */
		if (p && (match != TOO_LONG || !p->exclude))
			pass = !p->exclude;
	}
	return pass;
}

/* --- gates --- */

static __always_inline __u32 probe_number(void *ctx)
{
	return knob_cookie ? bpf_get_attach_cookie(ctx) : knob_probe;
}

/* Is the current process traced? */
static __always_inline bool process_traced(void)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct target none = {};

	if (knob_targets_only)
		return bpf_map_lookup_elem(&targets, &pid) != 0;
	if (knob_adopt && !bpf_map_lookup_elem(&targets, &pid))
		bpf_map_update_elem(&targets, &pid, &none, BPF_ANY);
	return true;
}

static __always_inline void count_seen(void)
{
	struct counts *c;
	__u32 zero = 0;

	c = bpf_map_lookup_elem(&counters, &zero);
	if (c)
		__sync_fetch_and_add(&c->seen, 1);
}

static __always_inline void count_filtered(void)
{
	struct counts *c;
	__u32 zero = 0;

	c = bpf_map_lookup_elem(&counters, &zero);
	if (c)
		__sync_fetch_and_add(&c->filtered, 1);
}

#define NO_SCRATCH 0xffffffff

static __always_inline __u32 scratch_claim(void)
{
	__u32 slot;

	if (bpf_map_pop_elem(&free_scratches, &slot)) {
		__sync_fetch_and_add(&lost[WIRE_LOSS_SCRATCH], 1);
		return NO_SCRATCH;
	}
	return slot;
}

static __always_inline void scratch_release(__u32 slot)
{
	bpf_map_push_elem(&free_scratches, &slot, BPF_ANY);
}

/* What is known of a name; false when the patterns have not been tried on it. */
static __always_inline bool verdict_known(const void *key, bool *passes)
{
	__u8 *verdict = bpf_map_lookup_elem(&verdicts, key);

	if (verdict)
		*passes = *verdict;
	return verdict;
}

/* Tries the patterns on the name in the work area and keeps the verdict, unless the name is too
 * long. */
static __always_inline bool verdict_find(__u32 slot, struct scratch *s)
{
	__u8 pass = name_passes(slot);

	if (s->name_len < NAME_KEY_LEN)
		bpf_map_update_elem(&verdicts, s->name, &pass, BPF_ANY);
	return pass;
}

/* The same for a name that is in the work area. */
static __always_inline bool loaded_name_passes(__u32 slot, struct scratch *s)
{
	bool passes;

	if (!knob_filter ||
	    (s->name_len < NAME_KEY_LEN && verdict_known(s->name, &passes) ? passes
									   : verdict_find(slot, s)))
		return true;
	return false;
}

/* --- one event --- */

/* What an entry program has found out about the call. */
struct call {
	__u64 name;   /* user address of the event's name, UTF-8 and NUL-terminated */
	__u64 format; /* of the format string; 0 none */
	__u64 tuple;  /* the argument tuple (USDT); 0 none */
	__u64 items;  /* the array of arguments (sys_audit) and */
	__u64 n_items;
	__u64 bias;
	__u32 image;
	bool name_loaded; /* the name is in the work area (sys_audit) */
};

static __always_inline void call_place(struct call *call, struct pt_regs *ctx,
				       const struct probe_config *probe)
{
	call->image = probe->image;
	call->bias = PT_REGS_IP(ctx) - probe->link_addr;
}

static __always_inline struct wire_audit *record_head(struct scratch *s)
{
	return (struct wire_audit *)s->record;
}

static __always_inline void record_start(struct scratch *s, const struct probe_config *probe,
					 __u32 number, __u64 ip)
{
	s->bias = ip - probe->link_addr;
	s->image = probe->image;
	s->entry = probe->entry;
	s->probe = number;
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

static __always_inline void record_send(struct scratch *s)
{
	struct wire_audit *a = record_head(s);
	__u64 id = bpf_get_current_pid_tgid(), flags, size;

	a->head.kind = WIRE_AUDIT;
	a->head.flags = 0;
	a->head.time = bpf_ktime_get_boot_ns();
	a->head.pid = id >> 32;
	a->head.tid = id;
	a->head.uid = bpf_get_current_uid_gid();
	a->head.lost = lost[WIRE_LOSS_RING] + lost[WIRE_LOSS_SCRATCH];
	bpf_get_current_comm(a->head.comm, sizeof(a->head.comm));
	a->probe = s->probe;
	a->flags = s->audit_flags;
	a->values = s->top;
	a->args = s->args;
	a->reserved = 0;
	a->head.size = size = at_most(s->used, WIRE_MAX_RECORD);
	flags = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > knob_wakeup_fill ? BPF_RB_FORCE_WAKEUP
									       : BPF_RB_NO_WAKEUP;
	if (bpf_ringbuf_output(&ring, a, size, flags))
		__sync_fetch_and_add(&lost[WIRE_LOSS_RING], 1);
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
	if (err || s->object_len < l->ob_size + 8) {
		put_unreadable(s, 0, err ? err : -EFAULT);
		top->left = 0;
		return;
	}
	n = object_u64(s, l->ob_size);
	top->left = s->args = n > 0xffffffff ? 0xffffffff : n;
	top->next = object + l->tuple_items;
	top->cached = 0;
}

/* Prepares the walk: the innermost frame is what the call's arguments come from. */
__noinline int start_arguments(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	struct image_config *image;
	__u64 object;
	__u32 key;
	char c;

	if (!s)
		return 0;
	key = s->image;
	image = bpf_map_lookup_elem(&images, &key);
	if (!image)
		return 0;
	if (s->entry == PY_ENTRY_USDT) {
		start_single(s, image, s->item);
		return 0;
	}
	if (s->entry == PY_ENTRY_SYS_AUDIT)
		return 0;
	c = s->fmt[0];
	if ((c == 'O' || c == 'S' || c == 'N') && !s->fmt[1]) {
		s->fault = 0;
		object = next_argument(s);
		start_single(s, image, object);
		if (s->fault) {
			put_unreadable(s, 0, s->fault);
			s->frames[0].left = 0;
		}
		return 0;
	}
	s->frames[0].kind = FRAME_UNITS;
	if (format_is_parenthesised(s))
		s->fmt_at = 1;
	return 0;
}

/* The event's name as the record's first value: from the work area, or from where the call has it.
 */
static __always_inline void put_name(struct scratch *s, const struct call *call)
{
	struct wire_value *v = put(s, WIRE_STR, WIRE_OK, 0, 0);
	__u64 len;

	if (!v)
		return;
	if (call->name_loaded) {
		len = at_most(s->name_len, WIRE_MAX_NAME);
		copy_kernel(record_room(s, s->used), len, s->name);
		end_payload(s, v, len);
	} else {
		put_payload_str(s, v, call->name, WIRE_MAX_NAME - 1);
	}
	if (v->status != WIRE_OK)
		return;
	v->num = v->len;
	if (v->len == WIRE_MAX_NAME - 1)
		v->status = WIRE_TRUNCATED;
}

/* The rest of the way, with a work area: filter if that is still open, capture, send. */
static __always_inline void event_capture(struct scratch *s, __u32 slot, const struct call *call)
{
	long n;

	put_name(s, call);
	if (!knob_args) {
		s->audit_flags |= WIRE_AUDIT_NO_ARGS;
		record_send(s);
		return;
	}
	s->fmt[0] = s->fmt[1] = 0;
	if (call->format) {
		n = read_literal(s->fmt, FORMAT_LEN, call->format, s->image, s->bias);
		if (n < 0)
			s->audit_flags |= WIRE_AUDIT_FMT_UNREAD;
		if (s->audit_flags & WIRE_AUDIT_FMT_UNREAD) {
			record_send(s);
			return;
		}
	}
	if (s->entry == PY_ENTRY_SYS_AUDIT) {
		s->frames[0].next = call->items;
		s->frames[0].left = s->args =
			call->n_items > 0xffffffff ? 0xffffffff : call->n_items;
	}
	s->item = call->tuple;
	start_arguments(slot);
	capture_all(slot);
	record_send(s);
}

/* Reads the whole name into the work area, its start zero-padded as a key is. */
static __always_inline void load_c_name(struct scratch *s, __u64 name, __u32 image, __u64 bias)
{
	long n;

	__builtin_memset(s->name, 0, NAME_KEY_LEN);
	n = read_literal(s->name, WIRE_MAX_NAME, name, image, bias);
	s->name_len = n > 0 ? n - 1 : 0;
}

/* Counts an event with a C name, filters it, and claims a work area for it; NULL when the event
 * ends here. A name that cannot be read passes: user space may find it in the file. */
static __always_inline struct scratch *event_admit(const struct call *call, __u32 *slot)
{
	struct name_key key = {};
	bool passes = true, known = true;
	struct scratch *s;
	long n;

	count_seen();
	if (knob_filter) {
		n = read_literal(key.text, sizeof(key.text), call->name, call->image, call->bias);
		if (n > 0)
			known = n < NAME_KEY_LEN && verdict_known(&key, &passes);
	}
	if (!passes) {
		count_filtered();
		return 0;
	}
	*slot = scratch_claim();
	if (*slot == NO_SCRATCH)
		return 0;
	s = scratch_of(*slot);
	if (!s || known)
		return s;
	load_c_name(s, call->name, call->image, call->bias);
	if (verdict_find(*slot, s))
		return s;
	count_filtered();
	scratch_release(*slot);
	return 0;
}

/*
 * A file seen through two overlay mounts is two inodes there but one underneath, which is where uprobes go: probed by both
 * ways, each event hits two probes. Such files have one build-id; user space marks the probes of all that
 * share one. The probes of a place run one after the other, so a hit at the same instruction and stack as the
 * thread's last one, but by another probe, is the same event; by the same probe it is the next.
 */
static __always_inline bool is_second_hit(struct pt_regs *ctx, __u32 probe)
{
	struct hit now = {.ip = PT_REGS_IP(ctx), .sp = PT_REGS_SP(ctx), .probe = probe};
	__u64 id = bpf_get_current_pid_tgid();
	struct hit *last = bpf_map_lookup_elem(&hits, &id);

	if (!last) {
		bpf_map_update_elem(&hits, &id, &now, BPF_ANY);
		return false;
	}
	if (last->ip == now.ip && last->sp == now.sp && last->probe != probe)
		return true;
	*last = now;
	return false;
}

static __always_inline struct probe_config *probe_of(void *ctx, __u32 *number)
{
	struct probe_config *probe;

	*number = probe_number(ctx);
	probe = bpf_map_lookup_elem(&probes, number);
	return probe && probe->twin && is_second_hit(ctx, *number) ? 0 : probe;
}

/*
 * With a hook in the process (or a USDT semaphore raised) one sys.audit() passes both sys_audit,
 * where it was reported, and the C function behind it. The second is recognised by the name's
 * address, which is inside the str object and so never that of a C literal, and by the stack: it is
 * called from the first.
 */
#define FORWARD_STACK 4096

static __always_inline bool is_forwarded(const struct image_config *image, __u64 bias, __u64 name,
					 __u64 sp)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct pending *p;

	/* Names inside the image's read-only segments are literals. */
	if (name - bias >= image->readonly_start && name - bias < image->readonly_end)
		return false;
	p = bpf_map_lookup_elem(&pendings, &id);
	if (!p || (p->event && p->event != name) || p->sp - sp > FORWARD_STACK)
		return false;
	p->event = p->sp = 0;
	return true;
}

/* Whether an event that came to a C function has been reported at sys_audit. */
static __always_inline bool c_call_forwarded(struct pt_regs *ctx, const struct probe_config *probe,
					     __u64 name)
{
	__u32 key = probe->image;
	struct image_config *image = bpf_map_lookup_elem(&images, &key);

	return image && is_forwarded(image, PT_REGS_IP(ctx) - probe->link_addr, name,
				     PT_REGS_SP(ctx) + probe->stack_adjust);
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

/* static int sys_audit_tstate(PyThreadState *, const char *event, const char *format, va_list) */
SEC("uprobe")
int on_sys_audit_tstate(struct pt_regs *ctx)
{
	struct call call = {.name = PT_REGS_PARM2(ctx), .format = PT_REGS_PARM3(ctx)};
	struct probe_config *probe;
	__u32 number, slot;
	struct scratch *s;

	probe = probe_of(ctx, &number);
	if (!probe || !call.name || !process_traced() || c_call_forwarded(ctx, probe, call.name))
		return 0;
	call_place(&call, ctx, probe);
	s = event_admit(&call, &slot);
	if (!s)
		return 0;
	record_start(s, probe, number, PT_REGS_IP(ctx));
	if (knob_args && call.format)
		load_va_list(s, PT_REGS_PARM4(ctx));
	event_capture(s, slot, &call);
	scratch_release(slot);
	return 0;
}

/* int PySys_Audit(const char *event, const char *format, ...): the body in 3.8, the way in for
 * others */
static __always_inline int variadic(struct pt_regs *ctx, struct call *call, __u32 first)
{
	struct probe_config *probe;
	__u32 number, slot;
	struct scratch *s;

	probe = probe_of(ctx, &number);
	if (!probe || !call->name || !process_traced() || c_call_forwarded(ctx, probe, call->name))
		return 0;
	call_place(call, ctx, probe);
	s = event_admit(call, &slot);
	if (!s)
		return 0;
	record_start(s, probe, number, PT_REGS_IP(ctx));
	s->gp[2] = PT_REGS_PARM3(ctx);
	s->gp[3] = PT_REGS_PARM4(ctx);
	s->gp[4] = PT_REGS_PARM5(ctx);
	s->gp[5] = ctx->r9;
	s->gp_next = first;
	/* Behind the return address. */
	s->overflow = PT_REGS_SP(ctx) + probe->stack_adjust + 8;
	event_capture(s, slot, call);
	scratch_release(slot);
	return 0;
}

SEC("uprobe")
int on_pysys_audit(struct pt_regs *ctx)
{
	struct call call = {.name = PT_REGS_PARM1(ctx), .format = PT_REGS_PARM2(ctx)};

	return variadic(ctx, &call, 2);
}

/* static int _PySys_Audit(PyThreadState *, const char *event, const char *format, ...) */
SEC("uprobe")
int on_pysys_audit_t(struct pt_regs *ctx)
{
	struct call call = {.name = PT_REGS_PARM2(ctx), .format = PT_REGS_PARM3(ctx)};

	return variadic(ctx, &call, 3);
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

/* A compact ASCII name is its own UTF-8; a short one came with the object. */
static __always_inline int load_ascii_name(struct scratch *s, const struct py_layout *l)
{
	__u64 len = at_most(object_u64(s, l->str_length), WIRE_MAX_NAME - 1);

	s->name_addr = s->item + l->str_ascii_data;
	s->name_len = len;
	if (len <= NAME_KEY_LEN && len + l->str_ascii_data <= s->object_len)
		copy_kernel(s->name, at_most(len, NAME_KEY_LEN),
			    s->object + at_most(l->str_ascii_data, 64));
	else if (read_user(s->name, len, s->name_addr))
		return 0;
	s->name[at_most(len, WIRE_MAX_NAME)] = 0;
	return 1;
}

__noinline int load_object_name(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	const struct py_layout *l;
	struct image_config *image;
	__u64 type, flags = 0, length, addr;
	__u32 key, state, i;

	if (!s)
		return 0;
	key = s->image;
	image = bpf_map_lookup_elem(&images, &key);
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
	if (s->name_addr) {
		load_c_name(s, s->name_addr, s->image, s->bias);
		return 1;
	}
	addr = s->item + l->str_compact_data;
	if (!(state >> (l->str_compact_bit & 31) & 1))
		addr = object_u64(s, l->str_data);
	if (read_user(s->record, ENCODE_MAX * 4, addr) && read_user(s->record, ENCODE_MAX, addr))
		return 0;
	length = object_u64(s, l->str_length);
	s->mark_at = (state >> (l->str_kind_bit & 31)) & 7;
	s->name_len = 0;
	for (i = 0; i < ENCODE_MAX && i < length; i++)
		encode_one(slot, i);
	return 1;
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

/* The sys.audit() call this thread is in now: its entry is written in place, it is the thread's
 * own. */
static __always_inline void remember_call(__u64 name, __u64 sp)
{
	struct pending now = {.event = name, .sp = sp};
	__u64 id = bpf_get_current_pid_tgid();
	struct pending *p = bpf_map_lookup_elem(&pendings, &id);

	if (p)
		*p = now;
	else
		bpf_map_update_elem(&pendings, &id, &now, BPF_ANY);
}

static __always_inline void sys_audit_event(struct pt_regs *ctx, struct probe_config *probe,
					    __u32 number, __u32 slot, struct scratch *s)
{
	__u64 items = PT_REGS_PARM2(ctx);
	struct call call = {
		.items = items + 8, .n_items = PT_REGS_PARM3(ctx) - 1, .name_loaded = true};

	record_start(s, probe, number, PT_REGS_IP(ctx));
	if (read_items(s, items, call.n_items + 1) || !load_object_name(slot))
		return;
	count_seen();
	call.name = s->name_addr;
	remember_call(s->name_addr, PT_REGS_SP(ctx) + probe->stack_adjust);
	if (loaded_name_passes(slot, s))
		event_capture(s, slot, &call);
	else
		count_filtered();
}

/* static PyObject *sys_audit(PyObject *self, PyObject *const *args, Py_ssize_t nargs) */
SEC("uprobe")
int on_sys_audit(struct pt_regs *ctx)
{
	struct probe_config *probe;
	struct scratch *s;
	__u32 number, slot;

	probe = probe_of(ctx, &number);
	if (!probe || (__s64)PT_REGS_PARM3(ctx) < 1 || !process_traced())
		return 0;
	slot = scratch_claim();
	if (slot == NO_SCRATCH) {
		count_seen();
		return 0;
	}
	s = scratch_of(slot);
	if (s)
		sys_audit_event(ctx, probe, number, slot, s);
	scratch_release(slot);
	return 0;
}

static __always_inline __u64 operand(struct pt_regs *ctx, const struct probe_operand *o)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)ctx + o->reg);
	if (o->memory && read_user(&value, sizeof(value), value + o->displacement))
		value = 0;
	return value;
}

/* USDT python:audit(const char *event, PyObject *tuple) */
SEC("uprobe")
int on_usdt(struct pt_regs *ctx)
{
	struct call call = {};
	struct probe_config *probe;
	__u32 number, slot;
	struct scratch *s;

	probe = probe_of(ctx, &number);
	if (!probe || !process_traced())
		return 0;
	call.name = operand(ctx, &probe->operand[0]);
	call.tuple = operand(ctx, &probe->operand[1]);
	if (!call.name)
		return 0;
	call_place(&call, ctx, probe);
	s = event_admit(&call, &slot);
	if (!s)
		return 0;
	record_start(s, probe, number, PT_REGS_IP(ctx));
	event_capture(s, slot, &call);
	scratch_release(slot);
	return 0;
}

/* --- the life of processes --- */

static __always_inline void head_fill(struct wire_header *h, __u32 size, __u16 kind)
{
	__u64 id = bpf_get_current_pid_tgid();

	h->size = size;
	h->kind = kind;
	h->flags = 0;
	h->time = bpf_ktime_get_boot_ns();
	h->pid = id >> 32;
	h->tid = id;
	h->uid = bpf_get_current_uid_gid();
	h->lost = lost[WIRE_LOSS_RING] + lost[WIRE_LOSS_SCRATCH];
	bpf_get_current_comm(h->comm, sizeof(h->comm));
}

static __always_inline struct target *current_target(__u32 *pid)
{
	*pid = bpf_get_current_pid_tgid() >> 32;
	return bpf_map_lookup_elem(&targets, pid);
}

/* sched_process_fork(parent, child): in the parent, before the child runs */
SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *child = (void *)ctx->args[1];
	__u32 pid, child_pid = BPF_CORE_READ(child, tgid);
	struct target none = {};
	struct wire_fork r = {};

	if (!current_target(&pid) || child_pid == pid)
		return 0;
	if (knob_follow)
		bpf_map_update_elem(&targets, &child_pid, &none, BPF_ANY);
	head_fill(&r.head, sizeof(r), WIRE_FORK);
	r.child = child_pid;
	bpf_ringbuf_output(&ring, &r, sizeof(r), 0);
	return 0;
}

/* sched_process_exec(task, old pid, bprm): the new program has not run yet. With -a every file that
 * has not been looked at is told. */
SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct linux_binprm *bprm = (void *)ctx->args[2];
	struct inode *inode = BPF_CORE_READ(bprm, file, f_inode);
	struct wire_exec r = {};
	struct file_id id = {};
	struct target *target;
	bool known;
	__u32 pid;

	target = current_target(&pid);
	if (!target && !knob_adopt)
		return 0;
	r.dev = id.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	r.ino = id.ino = BPF_CORE_READ(inode, i_ino);
	known = bpf_map_lookup_elem(&known_files, &id) != 0;
	if (!target && known)
		return 0;
	head_fill(&r.head, sizeof(r), WIRE_EXEC);
	r.known = known;
	r.stopped = knob_stop_on_exec && !known;
	/* Stopped only when user space will hear of it. */
	if (!bpf_ringbuf_output(&ring, &r, sizeof(r), BPF_RB_FORCE_WAKEUP) && r.stopped)
		bpf_send_signal(SIGSTOP);
	return 0;
}

/* sched_process_exit(task): once for each thread; the process is gone with its last */
SEC("raw_tp/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	struct wire_exit r = {};
	__u32 pid;

	if (!current_target(&pid) || BPF_CORE_READ(task, signal, live.counter))
		return 0;
	head_fill(&r.head, sizeof(r), WIRE_EXIT);
	r.status = BPF_CORE_READ(task, signal, group_exit_code);
	if (!r.status)
		r.status = BPF_CORE_READ(task, exit_code);
	bpf_map_delete_elem(&targets, &pid);
	bpf_ringbuf_output(&ring, &r, sizeof(r), BPF_RB_FORCE_WAKEUP);
	return 0;
}
