/* SPDX-License-Identifier: GPL-2.0-only */
/* A set of what has been looked at, of bounded size: when it is full it is emptied, and things are
 * looked at once more. */
#ifndef PYAUDIT_SEEN_H
#define PYAUDIT_SEEN_H

#include <stdbool.h>
#include <stdint.h>

struct seen;

struct seen_key {
	uint64_t a, b, c; /* not all 0 */
};

/* For at most max keys. NULL without memory. */
struct seen *seen_new(unsigned int max);
void seen_free(struct seen *s);

bool seen_has(const struct seen *s, struct seen_key key);
void seen_add(struct seen *s, struct seen_key key);

#endif
