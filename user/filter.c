// SPDX-License-Identifier: GPL-2.0-only
#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
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
	return item->category ? category && !strcmp(item->pattern, category) : glob_match(item->pattern, name);
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

/* Whether the pattern is in a namespace no event of the table has: that of somebody's own events. */
static bool is_foreign(const char *pattern, const struct event_row *rows, size_t n)
{
	const char *dot = strchr(pattern, '.');
	size_t len, i;

	if (!dot || dot == pattern)
		return false;
	len = dot - pattern + 1;
	for (i = 0; i < n; i++)
		if (!strncmp(rows[i].name, pattern, len))
			return false;
	return true;
}

static int check_item(const struct filter_item *item, const struct event_row *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (item_matches(item, rows[i].name, rows[i].category))
			return 0;
	if (item->category)
		log_error("--event @%s: no such category; see --list-events", item->pattern);
	else if (!is_foreign(item->pattern, rows, n))
		log_error("--event %s: matches no event; see --list-events (own events need a namespace, as in my.event)",
			  item->pattern);
	else
		return 0;
	return -EINVAL;
}

static int add_item(struct filter *f, const char *text, const struct event_row *rows, size_t n_rows)
{
	struct filter_item *item = &f->items[f->n_items];
	int err;

	item->exclude = *text == '!';
	text += item->exclude;
	item->category = *text == '@';
	text += item->category;
	item->pattern = text;
	err = check_item(item, rows, n_rows);
	if (err)
		return err;
	if (strlen(text) > TRACER_PATTERN_MAX) {
		log_error("--event %s: too long; at most %d bytes", text, TRACER_PATTERN_MAX);
		return -EINVAL;
	}
	f->n_items++;
	if (!item->category)
		f->patterns[f->n_patterns++] = (struct tracer_pattern){ text, item->exclude };
	return 0;
}

/* The kernel has room for so many patterns; categories do not count. */
static int check_count(size_t n)
{
	if (n <= TRACER_PATTERNS_MAX)
		return 0;
	log_error("--event: %zu patterns; at most %d, use wider globs or @categories", n, TRACER_PATTERNS_MAX);
	return -EINVAL;
}

int filter_init(struct filter *f, char *const *events, size_t n)
{
	size_t n_rows, i;
	const struct event_row *rows = event_table(&n_rows);
	int err;

	*f = (struct filter){ .default_pass = true };
	if (!n)
		return 0;
	f->items = calloc(n, sizeof(*f->items));
	f->patterns = calloc(n, sizeof(*f->patterns));
	f->names = calloc(n_rows, sizeof(*f->names));
	f->names_pass = calloc(n_rows, sizeof(*f->names_pass));
	if (!f->items || !f->patterns || !f->names || !f->names_pass) {
		log_error("out of memory");
		return -ENOMEM;
	}
	f->default_pass = events[0][0] == '!';
	for (i = 0; i < n; i++) {
		err = add_item(f, events[i], rows, n_rows);
		if (err)
			return err;
	}
	for (i = 0; i < n_rows; i++) {
		f->names[i] = rows[i].name;
		f->names_pass[i] = decide(f, rows[i].name, rows[i].category);
	}
	f->n_names = n_rows;
	return check_count(f->n_patterns);
}

void filter_free(struct filter *f)
{
	free(f->items);
	free(f->patterns);
	free(f->names);
	free(f->names_pass);
}
