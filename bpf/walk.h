/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The walk over all values of a call, a global function a step (see the head of pyaudit.bpf.c). */
#ifndef PYAUDIT_BPF_WALK_H
#define PYAUDIT_BPF_WALK_H

static __always_inline struct scratch *scratch_of(__u32 slot)
{
	return bpf_map_lookup_elem(&scratches, &slot);
}

static __always_inline const struct image_config *image_of(__u32 number)
{
	return bpf_map_lookup_elem(&images, &number);
}

__noinline int do_step(__u32 slot)
{
	struct scratch *s = scratch_of(slot);

	return s ? capture_step(s) : STEP_DONE;
}

__noinline int do_item(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	const struct image_config *image = s ? image_of(s->image) : 0;

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
		end_walk(s);
	return 0;
}

/* Prepares the walk: the outermost frame is what the call's arguments come from. */
__noinline int start_arguments(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	const struct image_config *image = s ? image_of(s->image) : 0;

	if (!image)
		return 0;
	if (s->entry == PY_ENTRY_USDT)
		start_single(s, image, s->item);
	else if (s->entry != PY_ENTRY_SYS_AUDIT)
		start_format(s, image);
	return 0;
}

#endif
