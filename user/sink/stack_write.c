// SPDX-License-Identifier: GPL-2.0-only
/* Python call stacks in the formats: innermost frame first, as they were captured. */
#include "sink/format.h"
#include "sink/json.h"
#include "sink/text.h"

void json_stack(struct buf *out, const struct stack *stack)
{
	uint32_t i;

	buf_lit(out, ",\"stack\":[");
	for (i = 0; i < stack->n_frames; i++) {
		const struct stack_frame *f = &stack->frames[i];

		buf_str(out, i ? "," : "");
		if (f->error) {
			buf_lit(out, "null");
			continue;
		}
		buf_lit(out, "{\"func\":");
		json_text(out, &f->func);
		buf_lit(out, ",\"file\":");
		json_text(out, &f->file);
		if (f->line) {
			buf_lit(out, ",\"line\":");
			buf_i64(out, f->line);
		}
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

void text_frame(struct buf *out, const struct stack_frame *f)
{
	if (f->error) {
		buf_lit(out, "<unreadable: ");
		format_errno(out, f->error);
		buf_char(out, '>');
		return;
	}
	text_plain(out, &f->func);
	buf_str(out, f->func_cut ? "... (" : " (");
	text_plain(out, &f->file);
	buf_str(out, f->file_cut ? "..." : "");
	if (f->line) {
		buf_char(out, ':');
		buf_i64(out, f->line);
	}
	buf_char(out, ')');
}

#define INDENT "\n        "

void text_stack(struct buf *out, const struct stack *stack)
{
	uint32_t i;

	for (i = 0; i < stack->n_frames; i++) {
		buf_lit(out, INDENT "at ");
		text_frame(out, &stack->frames[i]);
	}
	if (stack->cut)
		buf_lit(out, INDENT "... 1 or more callers not shown");
	if (stack->error) {
		buf_lit(out, INDENT "<unreadable: ");
		format_errno(out, stack->error);
		buf_char(out, '>');
	}
}
