// SPDX-License-Identifier: GPL-2.0-only
#include "filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "enrich/explain.h"
#include "event_table.h"

bool glob_match(const char *glob, const char *text)
{
	const char *star = NULL, *mark = NULL;

	for (;;) {
		if (*glob == '*') {
			star = glob++;
			mark = text;
		} else if (*text && (*glob == '?' || *glob == *text)) {
			glob++;
			text++;
		} else if (!*text) {
			return !*glob;
		} else if (star) {
			glob = star + 1;
			text = ++mark;
		} else {
			return false;
		}
	}
}

static bool item_matches(const struct filter_item *item, const char *name, const char *category)
{
	return item->category ? category && !strcmp(item->pattern, category)
			      : glob_match(item->pattern, name);
}

static bool decide(const struct filter *f, const char *name, const char *category)
{
	size_t i;

	for (i = f->n_items; i > 0; i--)
		if (item_matches(&f->items[i - 1], name, category))
			return !f->items[i - 1].exclude;
	return f->default_pass;
}

bool filter_passes(const struct filter *f, const char *name)
{
	const struct event_row *row = event_find(name);

	return decide(f, name, row ? row->category : NULL);
}

/* Whether the pattern is in a namespace no event of the table has: that of somebody's own events. A
 * star may stand for the dot behind it. */
static bool is_foreign(const char *pattern, const struct event_row *rows, size_t n)
{
	const char *dot = strchr(pattern, '.');
	size_t len, i;

	if (!dot)
		return strchr(pattern, '*');
	if (dot == pattern)
		return false;
	len = dot - pattern + 1;
	for (i = 0; i < n; i++)
		if (!strncmp(rows[i].name, pattern, len))
			return false;
	return true;
}

/* Whether any of the items a pattern has become, those from `first` on, matches a row. */
static bool any_matches(const struct filter *f, size_t first, const struct event_row *rows,
			size_t n)
{
	size_t i, k;

	for (k = first; k < f->n_items; k++)
		for (i = 0; i < n; i++)
			if (item_matches(&f->items[k], rows[i].name, rows[i].category))
				return true;
	return false;
}

static int check_items(const struct filter *f, size_t first, const struct filter_item *item,
		       const struct event_row *rows, size_t n)
{
	if (any_matches(f, first, rows, n))
		return 0;
	if (item->category)
		log_error("--event @%s: no such category; see --list-events", item->pattern);
	else if (!is_foreign(item->pattern, rows, n))
		log_error("--event %s: matches no event; see --list-events (own events need a "
			  "namespace, as in my.event)",
			  item->pattern);
	else
		return 0;
	return -EINVAL;
}

/* Takes over an item with a copy of its pattern. The kernel gets the globs; it knows no categories.
 */
static int add_pattern(struct filter *f, const struct filter_item *item)
{
	if (f->n_items == TRACER_PATTERNS_MAX) {
		log_error("--event: more than %d patterns; use wider globs or @categories",
			  TRACER_PATTERNS_MAX);
		return -EINVAL;
	}
	f->items[f->n_items] = *item;
	f->items[f->n_items].pattern = strdup(item->pattern);
	if (!f->items[f->n_items].pattern)
		return -ENOMEM;
	if (!item->category)
		f->patterns[f->n_patterns++] =
			(struct tracer_pattern){f->items[f->n_items].pattern, item->exclude};
	f->n_items++;
	return 0;
}

static int too_long(const char *pattern)
{
	log_error("--event %s: too long; at most %d bytes", pattern, TRACER_PATTERN_MAX);
	return -EINVAL;
}

static int bad_class(const char *pattern)
{
	log_error("--event %s: bad character class; write [abc] or [a-z]", pattern);
	return -EINVAL;
}

/* The kernel has no character classes: a pattern with one becomes a pattern for each of its
 * characters. */
static int expand(struct filter *f, struct filter_item *item)
{
	const char *open = strchr(item->pattern, '['), *close = open ? strchr(open + 1, ']') : NULL,
		   *p;
	size_t head = open ? open - item->pattern : 0;
	int err = 0, c, last;

	if (!open || item->category)
		return add_pattern(f, item);
	if (!close || close == open + 1 || open[1] == '!' || open[1] == '^')
		return bad_class(item->pattern);
	for (p = open + 1; p < close && !err; p++) {
		last = c = (unsigned char)*p;
		if (p[1] == '-' && p + 2 < close) {
			last = (unsigned char)p[2];
			p += 2;
		}
		/* It would stand for nothing, and all that follows be tried for nothing. */
		if (last < c)
			return bad_class(item->pattern);
		for (; c <= last && !err; c++) {
			struct filter_item one = *item;
			char *text = NULL;

			if (asprintf(&text, "%.*s%c%s", (int)head, item->pattern, c, close + 1) < 0)
				return -ENOMEM;
			one.pattern = text;
			err = expand(f, &one);
			free(text);
		}
	}
	return err;
}

static int add_item(struct filter *f, const char *text, const struct event_row *rows, size_t n_rows)
{
	struct filter_item item = {0};
	size_t before = f->n_items;
	int err;

	item.exclude = *text == '!';
	text += item.exclude;
	item.category = *text == '@';
	text += item.category;
	item.pattern = text;
	if (strlen(text) > TRACER_PATTERN_MAX)
		return too_long(text);
	err = expand(f, &item);
	return err ?: check_items(f, before, &item, rows, n_rows);
}

int filter_init(struct filter *f, char *const *events, size_t n)
{
	size_t n_rows, i;
	const struct event_row *rows = event_table(&n_rows);
	int err;

	*f = (struct filter){.default_pass = true};
	f->items = calloc(TRACER_PATTERNS_MAX, sizeof(*f->items));
	f->patterns = calloc(TRACER_PATTERNS_MAX, sizeof(*f->patterns));
	f->names = calloc(n_rows, sizeof(*f->names));
	f->names_pass = calloc(n_rows, sizeof(*f->names_pass));
	f->names_explain = calloc(n_rows, sizeof(*f->names_explain));
	if (!f->items || !f->patterns || !f->names || !f->names_pass || !f->names_explain) {
		log_error("out of memory");
		return -ENOMEM;
	}
	f->default_pass = !n || events[0][0] == '!';
	for (i = 0; i < n; i++) {
		err = add_item(f, events[i], rows, n_rows);
		if (err)
			return err;
	}
	for (i = 0; i < n_rows; i++) {
		f->names[i] = rows[i].name;
		f->names_pass[i] = decide(f, rows[i].name, rows[i].category);
		f->names_explain[i] = explain_matters(&rows[i]);
	}
	f->n_names = n_rows;
	return 0;
}

void filter_free(struct filter *f)
{
	size_t i;

	for (i = 0; i < f->n_items; i++)
		free((char *)f->items[i].pattern);
	free(f->items);
	free(f->patterns);
	free(f->names);
	free(f->names_pass);
	free(f->names_explain);
}
