// SPDX-License-Identifier: GPL-2.0-only
/* --list-events: the event table as text and as JSON lines. */
#include <string.h>

#include "sink/json.h"
#include "sink/sink.h"

typedef bool (*row_filter)(const struct event_row *row, void *arg);

/* PY_VERSION_HEX as "3.11", "3.8.4", "3.15.0rc1". */
static void add_version(struct buf *out, uint32_t version)
{
	static const char *const levels[16] = {[0xa] = "a", [0xb] = "b", [0xc] = "rc"};
	const char *level = levels[version >> 4 & 15];
	uint32_t micro = version >> 8 & 255;

	buf_u64(out, version >> 24);
	buf_char(out, '.');
	buf_u64(out, version >> 16 & 255);
	if (micro || level) {
		buf_char(out, '.');
		buf_u64(out, micro);
	}
	if (level) {
		buf_str(out, level);
		buf_u64(out, version & 15);
	}
}

static const struct event_variant *newest(const struct event_row *row)
{
	return row->n_variants ? &row->variants[row->n_variants - 1] : NULL;
}

static void text_row(struct buf *out, const struct event_row *row)
{
	const struct event_variant *variant = newest(row);
	const char *since = row->since ?: "never", *until = row->until ?: "";
	uint32_t i;

	buf_printf(out, "%-36s %-13s %s%s%-*s ", row->name, row->category, since,
		   row->since ? "-" : "", row->since ? (int)(9 - strlen(since)) : 4, until);
	if (strcmp(row->platform, "any"))
		buf_printf(out, "[%s] ", row->platform);
	buf_char(out, '(');
	for (i = 0; variant && i < variant->n_args; i++) {
		buf_str(out, i ? ", " : "");
		buf_str(out, variant->args[i].name);
	}
	buf_printf(out, ") %s\n", row->about ?: "");
}

static void json_member(struct buf *out, const char *key, const char *value)
{
	buf_str(out, key);
	if (value)
		json_cstr(out, value);
	else
		buf_lit(out, "null");
}

static void json_args(struct buf *out, const struct event_variant *variant)
{
	uint32_t i;

	buf_lit(out, ",\"args\":[");
	for (i = 0; variant && i < variant->n_args; i++) {
		buf_str(out, i ? "," : "");
		json_cstr(out, variant->args[i].name);
	}
	buf_char(out, ']');
}

/* A variant without a bound of its own has the row's. */
static void json_bound(struct buf *out, const char *key, uint32_t version, const char *row)
{
	if (!version) {
		json_member(out, key, row);
		return;
	}
	buf_str(out, key);
	buf_char(out, '"');
	add_version(out, version);
	buf_char(out, '"');
}

static void json_variants(struct buf *out, const struct event_row *row)
{
	const struct event_variant *v = row->variants;
	size_t i;

	buf_lit(out, ",\"variants\":[");
	for (i = 0; i < row->n_variants; i++, v++) {
		json_bound(out, i ? ",{\"since\":" : "{\"since\":", v->since, row->since);
		json_bound(out, ",\"until\":", v->until, row->until);
		json_args(out, v);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

/* since null: no version ever raised it; until null: it is still raised. */
static void json_row(struct buf *out, const struct event_row *row)
{
	json_member(out, "{\"event\":", row->name);
	json_args(out, newest(row));
	json_member(out, ",\"category\":", row->category);
	json_member(out, ",\"platform\":", row->platform);
	json_member(out, ",\"since\":", row->since);
	json_member(out, ",\"until\":", row->until);
	json_member(out, ",\"about\":", row->about);
	if (row->n_variants > 1)
		json_variants(out, row);
	buf_lit(out, "}\n");
}

static void list_rows(struct buf *out, row_filter wanted, void *arg,
		      void (*write)(struct buf *out, const struct event_row *row))
{
	size_t i, n;
	const struct event_row *rows = event_table(&n);

	for (i = 0; i < n; i++)
		if (!wanted || wanted(&rows[i], arg))
			write(out, &rows[i]);
}

void list_events_text(struct buf *out, row_filter wanted, void *arg)
{
	list_rows(out, wanted, arg, text_row);
}

void list_events_json(struct buf *out, row_filter wanted, void *arg)
{
	list_rows(out, wanted, arg, json_row);
}
