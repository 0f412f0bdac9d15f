/* SPDX-License-Identifier: GPL-2.0-only */
/* How long to wait before something that failed is tried again: each time twice as long, up to a
 * limit, and spread at random, so that many who failed at once do not all come back at once. */
#ifndef PYAUDIT_BACKOFF_H
#define PYAUDIT_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t min, max, delay; /* ns */
	unsigned int seed;
};

void backoff_init(struct backoff *b, int64_t min, int64_t max);

/* ns to wait now: half of the delay to all of it. */
int64_t backoff_next(struct backoff *b);

/* It has worked. */
void backoff_reset(struct backoff *b);

#endif
