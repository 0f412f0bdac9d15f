// SPDX-License-Identifier: GPL-2.0-only
/* The rows of events.def as a table, and how to find one. */
#include "event_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The words of events.def. Braces do not shield commas from the preprocessor, so every list of
 * initialisers travels through these macros as their __VA_ARGS__. */
/* clang-format off */
#define LIST_LEN(type, ...) (sizeof((const type[]){ __VA_ARGS__ }) / sizeof(type))

#define PY(major, minor)   ((uint32_t)(major) << 24 | (uint32_t)(minor) << 16)
#define ARG(name_)	   { name_, SHOW_PLAIN }
#define ARG_AS(name_, as_) { name_, SHOW_##as_ }

#define NO_ARGS	  { .n_args = 0 }
#define ARGS(...) ARGS_IN(0, 0, __VA_ARGS__)
#define ARGS_IN(since_, until_, ...)				\
	{							\
		.since = since_,				\
		.until = until_,				\
		.n_args = LIST_LEN(struct event_arg, __VA_ARGS__), \
		.args = { __VA_ARGS__ },			\
	}

#define EVENT(name_, category_, platform_, since_, until_, about_, syscalls_, ...) \
	{								\
		.name = name_,						\
		.category = category_,					\
		.platform = platform_,					\
		.since = since_,					\
		.until = until_,					\
		.about = about_,					\
		.syscalls = syscalls_,					\
		.variants = (const struct event_variant[]){ __VA_ARGS__ }, \
		.n_variants = LIST_LEN(struct event_variant, __VA_ARGS__), \
	},
/* clang-format on */

static const struct event_row rows[] = {
#include "events.def"
};

const struct event_row *event_table(size_t *n)
{
	*n = ARRAY_SIZE(rows);
	return rows;
}

static int compare_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct event_row *)row)->name);
}

const struct event_row *event_find(const char *name)
{
	return bsearch(name, rows, ARRAY_SIZE(rows), sizeof(rows[0]), compare_name);
}

static bool variant_fits(const struct event_variant *v, uint32_t version)
{
	return !version || (version >= v->since && (!v->until || version < v->until));
}

/*
 * A number of arguments that matches outweighs the version: a distribution may carry a later
 * change, and names must not sit on the wrong arguments.
 */
const struct event_variant *event_variant_for(const struct event_row *row, uint32_t version,
					      uint32_t n_args)
{
	const struct event_variant *best = NULL;
	int best_score = -1;

	for (size_t i = 0; i < row->n_variants; i++) {
		const struct event_variant *v = &row->variants[i];
		int score = 2 * (v->n_args == n_args) + variant_fits(v, version);

		if (score >= best_score) {
			best = v;
			best_score = score;
		}
	}
	return best;
}
