// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as code objects and call stacks: line tables in each form; records of code objects and
 * the stacks that refer to them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode/line_table.h"
#include "decode/stack.h"
#include "decode/wire_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void forget(uint32_t pid, uint64_t code, void *arg)
{
}

static void find_lines(const uint8_t *data, size_t size)
{
	int32_t at[2] = {0};
	int form;

	memcpy(at, data, size < sizeof(at) ? size : sizeof(at));
	for (form = WIRE_LINES_LNOTAB; form <= WIRE_LINES_LOCATION; form++)
		if (line_table_find(form, data, size, at[0], at[1]) < 0)
			abort();
}

/* The first half is a code object, the second an event whose stack may refer to it. */
static void decode(struct wire_header *head, size_t size, struct stack_cache *cache)
{
	const struct wire_header *checked;
	struct stack stack = {0};

	if (wire_check(head, size, &checked))
		return;
	if (wire_as_code(checked))
		stack_cache_add(cache, wire_as_code(checked));
	else if (wire_as_audit(checked))
		stack_decode(cache, wire_as_audit(checked), &stack);
}

static void decode_part(const uint8_t *data, size_t size, uint32_t kind, struct stack_cache *cache)
{
	struct wire_header *head;

	size &= ~(size_t)7;
	head = size >= sizeof(*head) ? malloc(size) : NULL;
	if (!head)
		return;
	memcpy(head, data, size);
	head->size = size;
	head->kind = kind;
	decode(head, size, cache);
	free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stack_cache *cache = stack_cache_new(forget, NULL);
	size_t half = size / 2;

	find_lines(data, size);
	if (cache) {
		decode_part(data, half, WIRE_CODE, cache);
		decode_part(data + half, size - half, WIRE_AUDIT, cache);
	}
	stack_cache_free(cache);
	return 0;
}
