// SPDX-License-Identifier: GPL-2.0-only
#include "base/seen.h"

#include <stdlib.h>
#include <string.h>

/* Open addressing, never more than half full. */
struct seen {
	unsigned int max, n, mask;
	struct seen_key slots[];
};

struct seen *seen_new(unsigned int max)
{
	unsigned int slots = 2;
	struct seen *s;

	while (slots < 2 * max)
		slots *= 2;
	s = calloc(1, sizeof(*s) + slots * sizeof(s->slots[0]));
	if (s) {
		s->max = max;
		s->mask = slots - 1;
	}
	return s;
}

void seen_free(struct seen *s)
{
	free(s);
}

static bool is_empty(struct seen_key k)
{
	return !k.a && !k.b && !k.c;
}

/* Where the key is, or would be put. */
static unsigned int slot_of(const struct seen *s, struct seen_key k)
{
	uint64_t h = ((k.a * 31 + k.b) * 31 + k.c) * 0x9e3779b97f4a7c15ULL;
	unsigned int i = h >> 32 & s->mask;

	while (!is_empty(s->slots[i]) && memcmp(&s->slots[i], &k, sizeof(k)))
		i = (i + 1) & s->mask;
	return i;
}

bool seen_has(const struct seen *s, struct seen_key key)
{
	return !is_empty(s->slots[slot_of(s, key)]);
}

void seen_add(struct seen *s, struct seen_key key)
{
	unsigned int i = slot_of(s, key);

	if (!is_empty(s->slots[i]))
		return;
	if (s->n == s->max) {
		memset(s->slots, 0, (s->mask + 1ul) * sizeof(s->slots[0]));
		s->n = 0;
		i = slot_of(s, key);
	}
	s->slots[i] = key;
	s->n++;
}
