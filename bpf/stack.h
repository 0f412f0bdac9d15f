/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The Python call stack of an event: the walk (frames.h), a global function a step, and the sending
 * of code objects that user space has not got.
 *
 * Whether user space has one is kept by its reference, which is made from its content. An entry is
 * made only when the content is in the ring, before the record that refers to it; it is taken away
 * when user space forgets, or by itself when the map is full, and then the content is sent again.
 */
#ifndef PYAUDIT_BPF_STACK_H
#define PYAUDIT_BPF_STACK_H

#include "frames.h"

/* As `scratches`, and by the same numbers. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u32);
	__type(value, struct stack_area);
} stack_areas SEC(".maps");

struct code_key {
	__u64 code;
	__u32 pid;
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, struct code_key);
	__type(value, __u8);
} sent_codes SEC(".maps");

/* Frames that are passed over do not count, so that a deep stack of calls through C is as deep as
 * one of Python alone; but there is an end to it. */
#define MAX_FRAME_STEPS (2 * WIRE_MAX_FRAMES + 64)

static __always_inline struct stack_area *stack_area_of(__u32 slot)
{
	return bpf_map_lookup_elem(&stack_areas, &slot);
}

static __always_inline __u64 thread_pointer_now(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, thread.fsbase);
}

__noinline int stack_start(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	struct stack_area *a = stack_area_of(slot);
	const struct image_config *image = s ? image_of(s->image) : 0;
	__u64 state = 0, thread = 0;
	long err = 0;

	if (!a || !image)
		return 0;
	if (s->has_tstate) {
		state = s->tstate;
	} else {
		thread = thread_pointer_now();
		err = find_state(&image->stack.thread, s->bias, thread, &state);
		s->tstate = state;
	}
	walk_start(a, &image->stack, state, s->has_tstate, thread);
	if (err)
		a->error = -err;
	return 0;
}

__noinline int do_frame(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	struct stack_area *a = stack_area_of(slot);
	const struct image_config *image = s ? image_of(s->image) : 0;

	return a && image ? frame_step(a, image, s->bias) : FRAME_END;
}

__noinline int do_content(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	struct stack_area *a = stack_area_of(slot);
	const struct image_config *image = s ? image_of(s->image) : 0;

	if (a && image)
		load_content(a, image);
	return 0;
}

__noinline int do_hash(__u32 slot)
{
	struct stack_area *a = stack_area_of(slot);

	return a ? hash_chunk(a) : 0;
}

__noinline int hash_text(__u32 slot, __u32 at, __u32 len)
{
	struct stack_area *a = stack_area_of(slot);
	__u32 i;

	if (!a)
		return 0;
	a->hash_at = at;
	a->hash_left = len;
	for (i = 0; i <= WIRE_MAX_LINE_TABLE / HASH_CHUNK; i++)
		if (!do_hash(slot))
			break;
	return 0;
}

/* Moves the names in front of the table and puts the record out. Returns a positive errno if there
 * is no room in the ring. */
static __always_inline __u32 send_code(struct stack_area *a, __u64 code)
{
	__u64 func_size = at_most(WIRE_PAD(a->func.len), WIRE_MAX_CODE_NAME),
	      file_size = at_most(WIRE_PAD(a->file.len), WIRE_MAX_CODE_NAME),
	      names = at_most(sizeof(struct wire_code) + func_size + file_size,
			      sizeof(struct wire_code) + 2 * WIRE_MAX_CODE_NAME),
	      table_at = at_most(a->table.at - CODE_TABLE, CODE_READ_FIRST) + CODE_TABLE,
	      size = at_most(names + WIRE_PAD(a->table.len), sizeof(struct wire_code) +
								     2 * WIRE_MAX_CODE_NAME +
								     WIRE_MAX_LINE_TABLE);
	char *start = text_at(a, at_most(table_at - names, CODE_TABLE + CODE_READ_FIRST)), *to;

	if (!ring_has_room())
		return ENOBUFS;
	head_fill(&a->head.head, size, WIRE_CODE);
	a->head.code = code;
	copy_kernel(start, sizeof(a->head), &a->head);
	to = start + sizeof(a->head);
	copy_kernel(to, func_size, text_at(a, a->func.at));
	copy_kernel(to + func_size, file_size, text_at(a, a->file.at));
	return bpf_ringbuf_output(&ring, start, size, ring_flags()) ? ENOBUFS : 0;
}

/* The reference of the code object in a->object, whose content user space has got afterwards. */
__noinline int do_code(__u32 slot)
{
	struct stack_area *a = stack_area_of(slot);
	struct code_key key = {.pid = bpf_get_current_pid_tgid() >> 32};
	__u8 one = 1;

	if (!a || a->code_error)
		return 0;
	hash_start(a, knob_code_key[0], knob_code_key[1], key.pid);
	hash_text(slot, a->func.at, a->func.len);
	hash_text(slot, a->file.at, a->file.len);
	hash_text(slot, a->table.at, a->table.len);
	a->last_id = key.code = hash_end(a);
	a->last_code = a->code;
	if (bpf_map_lookup_elem(&sent_codes, &key))
		return 0;
	a->code_error = send_code(a, key.code);
	if (!a->code_error)
		bpf_map_update_elem(&sent_codes, &key, &one, BPF_ANY);
	else
		a->last_code = 0;
	return 0;
}

static __always_inline void put_frame(struct scratch *s, struct stack_area *a, __u64 stack_at)
{
	struct wire_frame *frame = (struct wire_frame *)record_at(
		s, stack_at + sizeof(struct wire_stack) + a->frames * sizeof(struct wire_frame));

	frame->code = a->code_error ? 0 : a->last_id;
	frame->lasti = a->lasti;
	frame->error = a->code_error;
	a->frames++;
}

/* Appends the stack to the record in the work area. */
__noinline int capture_stack(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	struct stack_area *a = stack_area_of(slot);
	const struct image_config *image = s ? image_of(s->image) : 0;
	struct wire_stack *stack;
	__u64 at;
	__u32 i;
	int step;

	if (!a || !image || !image->stack.walk)
		return 0;
	stack_start(slot);
	at = at_most(s->used, WIRE_MAX_RECORD);
	for (i = 0; i < MAX_FRAME_STEPS; i++) {
		step = do_frame(slot);
		if (step == FRAME_END)
			break;
		if (step == FRAME_SKIP)
			continue;
		if (a->frames >= knob_stack_depth) {
			a->flags |= WIRE_STACK_CUT;
			break;
		}
		/* A function that calls itself; while it is stopped here nothing of it changes. */
		if (a->code_error || a->code != a->last_code) {
			do_content(slot);
			do_code(slot);
		}
		put_frame(s, a, at);
	}
	if (i == MAX_FRAME_STEPS)
		a->flags |= WIRE_STACK_CUT;
	stack = (struct wire_stack *)record_at(s, at);
	stack->frames = a->frames;
	stack->flags = a->flags;
	stack->error = a->error;
	s->stack = at;
	s->used = at + sizeof(*stack) + a->frames * sizeof(struct wire_frame);
	return 0;
}

#endif
