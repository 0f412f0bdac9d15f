// SPDX-License-Identifier: GPL-2.0-only
/*
 * A publisher of thread contexts as OTEP 4947 has it. FILL: bytes of other thread-local variables
 * of the library; UNREACHED: exports the variable only.
 */
#include <stdint.h>
#include <string.h>

struct record {
	uint8_t trace_id[16], span_id[8], valid, trace_flags;
	uint16_t attrs_data_size;
};

_Static_assert(sizeof(struct record) == 28, "as the specification has it");

__thread char fill[FILL] = {1};
__thread struct record *otel_thread_ctx_v1;

#ifndef UNREACHED
static __thread struct record record;

static void point(struct record *to)
{
	*(struct record *volatile *)&otel_thread_ctx_v1 = to;
}

void attach(const uint8_t *trace_id, const uint8_t *span_id, int flags)
{
	point(0);
	memcpy(record.trace_id, trace_id, sizeof(record.trace_id));
	memcpy(record.span_id, span_id, sizeof(record.span_id));
	record.trace_flags = flags;
	record.valid = 1;
	point(&record);
}

void set_valid(int valid)
{
	*(volatile uint8_t *)&record.valid = valid;
}

void detach(void)
{
	point(0);
}
#endif
