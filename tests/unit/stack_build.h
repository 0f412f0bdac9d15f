/* SPDX-License-Identifier: GPL-2.0-only */
/* A call stack for tests of writers: a frame of each kind. */
#ifndef PYAUDIT_STACK_BUILD_H
#define PYAUDIT_STACK_BUILD_H

#include <errno.h>

#include "decode/text_iter.h"

/* "inner", a name that was cut and holds a line end, one that could not be read, and a name in
 * UCS-2 without a line. */
static inline void build_stack(struct stack *s)
{
	static const uint16_t wide[] = {0x20ac, 0xdc80};

	*s = (struct stack){.n_frames = 4};
	s->frames[0] = (struct stack_frame){
		.func = text_of_cstr("inner"), .file = text_of_cstr("/srv/app.py"), .line = 12};
	s->frames[1] = (struct stack_frame){.func = text_of_cstr("a\n\"b;"),
					    .func_cut = 1,
					    .file = text_of_cstr("<x>"),
					    .line = 1};
	s->frames[2] = (struct stack_frame){.error = EFAULT};
	s->frames[3] = (struct stack_frame){.func = {.data = wide, .len = sizeof(wide), .width = 2},
					    .file = text_of_cstr("")};
}

#endif
