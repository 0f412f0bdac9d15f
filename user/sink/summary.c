// SPDX-License-Identifier: GPL-2.0-only
#include "sink/summary.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "sink/text.h"

#define NAMES_MAX 4096

struct summary {
	void *tree; /* of struct summary_row, by name */
	struct summary_row **rows;
	struct summary_row *sorted;
	size_t n, cap;
	uint64_t total;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct summary_row *)a)->name, ((const struct summary_row *)b)->name);
}

static int compare_counts(const void *a, const void *b)
{
	const struct summary_row *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->name, y->name);
}

struct summary *summary_new(void)
{
	return calloc(1, sizeof(struct summary));
}

static struct summary_row *find_row(const struct summary *s, const char *name)
{
	struct summary_row key = {.name = name}, **found;

	found = tfind(&key, &s->tree, compare_names);
	return found ? *found : NULL;
}

static struct summary_row *add_row(struct summary *s, const char *name)
{
	size_t cap = s->cap ? s->cap * 2 : 64;
	struct summary_row **rows, *row;

	if (s->n == s->cap) {
		rows = reallocarray(s->rows, cap, sizeof(*rows));
		if (!rows)
			return NULL;
		s->rows = rows;
		s->cap = cap;
	}
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	row->name = strdup(name);
	if (row->name && tsearch(row, &s->tree, compare_names))
		return s->rows[s->n++] = row;
	free((char *)row->name);
	free(row);
	return NULL;
}

bool summary_count(struct summary *s, const struct audit_event *event)
{
	const char *name = event->name_text;
	struct summary_row *row = find_row(s, name);

	if (!row && s->n >= NAMES_MAX) {
		name = "(other)";
		row = find_row(s, name);
	}
	if (!row)
		row = add_row(s, name);
	if (!row)
		return false;
	row->count++;
	s->total++;
	return true;
}

struct summary_row *summary_rows(struct summary *s, size_t *n)
{
	size_t i;

	free(s->sorted);
	s->sorted = calloc(s->n ? s->n : 1, sizeof(*s->sorted));
	*n = s->sorted ? s->n : 0;
	for (i = 0; i < *n; i++)
		s->sorted[i] = *s->rows[i];
	qsort(s->sorted, *n, sizeof(*s->sorted), compare_counts);
	return s->sorted;
}

void summary_text(struct summary *s, struct buf *out)
{
	size_t n, i;
	const struct summary_row *rows = summary_rows(s, &n);

	buf_str(out,
		"% events      count event\n-------- ---------- ----------------------------\n");
	for (i = 0; i < n; i++) {
		buf_printf(out, "%8.2f %10llu ", 100.0 * rows[i].count / s->total,
			   (unsigned long long)rows[i].count);
		text_bare(out, rows[i].name);
		buf_char(out, '\n');
	}
	buf_printf(out, "-------- ---------- ----------------------------\n%8.2f %10llu total\n",
		   s->total ? 100.0 : 0.0, (unsigned long long)s->total);
}

static void free_nothing(void *p)
{
}

void summary_free(struct summary *s)
{
	size_t i;

	if (!s)
		return;
	tdestroy(s->tree, free_nothing);
	for (i = 0; i < s->n; i++) {
		free((char *)s->rows[i]->name);
		free(s->rows[i]);
	}
	free(s->rows);
	free(s->sorted);
	free(s);
}
