// SPDX-License-Identifier: GPL-2.0-only
#include "base/backoff.h"

#include <stdlib.h>

#include "base/clock.h"

void backoff_init(struct backoff *b, int64_t min, int64_t max)
{
	*b = (struct backoff){.min = min,
			      .max = max,
			      .delay = min,
			      .seed = (unsigned int)clock_ns(CLOCK_MONOTONIC)};
}

int64_t backoff_next(struct backoff *b)
{
	double share = rand_r(&b->seed) / (RAND_MAX + 1.0);
	int64_t wait = b->delay / 2 + (int64_t)(share * b->delay / 2);

	b->delay = b->delay * 2 < b->max ? b->delay * 2 : b->max;
	return wait;
}

void backoff_reset(struct backoff *b)
{
	b->delay = b->min;
}
