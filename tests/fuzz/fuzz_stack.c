// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer: any bytes as records of code objects and stacks: line tables of the three forms,
 * lengths that lie. What comes out must be sound text, and lines not below 0.
 *
 * The input is a run of records, each with a header that is made to fit; the first byte of each
 * says which kind.
 */
#include <stdlib.h>
#include <string.h>

#include "decode/line_table.h"
#include "decode/stack.h"
#include "decode/text_iter.h"
#include "decode/wire_decode.h"
#include "sink/json.h"
#include "sink/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void forget(uint32_t pid, uint64_t code, void *arg)
{
}

static void check_stack(const struct stack *stack)
{
	struct buf out = {0};
	uint32_t i;

	if (stack->n_frames > WIRE_MAX_FRAMES)
		abort();
	for (i = 0; i < stack->n_frames; i++)
		if (stack->frames[i].line < 0 ||
		    !stack->frames[i].error != !!stack->frames[i].func.data)
			abort();
	json_stack(&out, stack);
	text_stack(&out, stack);
	if (out.failed || !utf8_valid(out.data, out.len))
		abort();
	buf_free(&out);
}

static void take(struct stack_cache *cache, const void *record, size_t size)
{
	const struct wire_header *head;
	static struct stack stack;

	if (wire_check(record, size, &head))
		return;
	if (wire_as_code(head))
		stack_cache_add(cache, wire_as_code(head));
	if (wire_as_audit(head) && stack_decode(cache, wire_as_audit(head), &stack))
		check_stack(&stack);
}

/* A record of exactly its own memory. */
static void take_piece(struct stack_cache *cache, const uint8_t *data, size_t size, uint16_t kind)
{
	struct wire_header *head = malloc(size);

	memcpy(head, data, size);
	head->size = size;
	head->kind = kind;
	head->pid &= 1;
	take(cache, head, size);
	free(head);
}

#define PIECE 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stack_cache *cache = stack_cache_new(forget, NULL);
	size_t at, n;
	int form;

	for (at = 0; at < size; at += n + 1) {
		n = size - at - 1 < PIECE ? (size - at - 1) & ~(size_t)7 : PIECE;
		if (n < sizeof(struct wire_header))
			break;
		take_piece(cache, data + at + 1, n, data[at] & 1 ? WIRE_CODE : WIRE_AUDIT);
	}
	for (form = 0; form < 5; form++)
		if (line_table_find(form, data, size, size ? data[0] : 0, size) < 0)
			abort();
	stack_cache_free(cache);
	return 0;
}
