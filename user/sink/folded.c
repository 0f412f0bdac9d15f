// SPDX-License-Identifier: GPL-2.0-only
#include "sink/folded.h"

#include <stdlib.h>
#include <string.h>

#include "sink/sink.h"
#include "sink/text.h"

#define BUCKETS 65536 /* a power of two */

struct line {
	struct line *next; /* in its bucket */
	uint64_t count;
	size_t len;
	char text[];
};

struct folded {
	struct line *buckets[BUCKETS];
	size_t n, bytes;
	uint64_t other;
	struct buf text; /* of the event being counted */
};

struct folded *folded_new(void)
{
	return calloc(1, sizeof(struct folded));
}

/* Semicolons part the frames. */
static void no_semicolons(struct buf *out, size_t from)
{
	size_t i;

	for (i = from; i < out->len; i++)
		if (out->data[i] == ';')
			out->data[i] = ',';
}

/* A number at the end of a name would be read as a count (flamegraph.pl: that of another profile).
 */
static void no_number(struct buf *out, size_t from)
{
	size_t i = out->len;

	while (i > from && strchr("0123456789.", out->data[i - 1]))
		i--;
	if (i > from && i < out->len && out->data[i - 1] == ' ')
		out->data[i - 1] = '_';
}

static void write_frames(struct buf *out, const struct stack *stack)
{
	uint32_t i;
	size_t from;

	if (stack->cut || stack->error)
		buf_lit(out, "[callers not known];");
	for (i = stack->n_frames; i-- > 0;) {
		from = out->len;
		text_frame(out, &stack->frames[i]);
		no_semicolons(out, from);
		buf_char(out, ';');
	}
}

static void write_line(struct buf *out, const struct audit_event *event)
{
	size_t from;

	buf_truncate(out, 0);
	if (event->stack)
		write_frames(out, event->stack);
	from = out->len;
	buf_lit(out, "[audit] ");
	if (event->name.data)
		text_plain(out, &event->name);
	else
		text_bare(out, event->name_text[0] ? event->name_text : "<unreadable>");
	no_semicolons(out, from);
	no_number(out, from);
}

/* FNV-1a, 64 bits */
static struct line **bucket(struct folded *f, const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3ull;
	return &f->buckets[(h ^ h >> 32) & (BUCKETS - 1)];
}

static struct line *find_line(struct folded *f, const char *text, size_t len)
{
	struct line *line;

	for (line = *bucket(f, text, len); line; line = line->next)
		if (line->len == len && !memcmp(line->text, text, len))
			return line;
	return NULL;
}

static struct line *add_line(struct folded *f, const char *text, size_t len)
{
	struct line **at = bucket(f, text, len), *line = malloc(sizeof(*line) + len);

	if (!line)
		return NULL;
	*line = (struct line){.next = *at, .len = len};
	memcpy(line->text, text, len);
	*at = line;
	f->n++;
	f->bytes += sizeof(*line) + len;
	return line;
}

bool folded_count(struct folded *f, const struct audit_event *event)
{
	struct line *line;

	write_line(&f->text, event);
	if (f->text.failed) {
		buf_free(&f->text);
		f->text = (struct buf){0};
		return false;
	}
	line = find_line(f, f->text.data, f->text.len);
	if (!line && (f->n >= FOLDED_LINES || f->bytes >= FOLDED_BYTES)) {
		f->other++;
		return true;
	}
	if (!line)
		line = add_line(f, f->text.data, f->text.len);
	if (!line)
		return false;
	line->count++;
	return true;
}

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;
	size_t len = x->len < y->len ? x->len : y->len;

	return memcmp(x->text, y->text, len) ?: (x->len > y->len) - (x->len < y->len);
}

static void write_all(struct folded *f, struct buf *out)
{
	struct line **lines = calloc(f->n ?: 1, sizeof(*lines)), *line;
	size_t i, n = 0;

	if (!lines) {
		out->failed = true;
		return;
	}
	for (i = 0; i < BUCKETS; i++)
		for (line = f->buckets[i]; line; line = line->next)
			lines[n++] = line;
	qsort(lines, n, sizeof(*lines), compare_lines);
	for (i = 0; i < n; i++) {
		buf_add(out, lines[i]->text, lines[i]->len);
		buf_printf(out, " %llu\n", (unsigned long long)lines[i]->count);
	}
	if (f->other)
		buf_printf(out, "(other) %llu\n", (unsigned long long)f->other);
	free(lines);
}

static void clear(struct folded *f)
{
	struct line *line, *next;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (line = f->buckets[i]; line; line = next) {
			next = line->next;
			free(line);
		}
		f->buckets[i] = NULL;
	}
	f->n = f->bytes = 0;
	f->other = 0;
}

void folded_write(struct folded *f, struct buf *out)
{
	write_all(f, out);
	clear(f);
}

void folded_free(struct folded *f)
{
	if (!f)
		return;
	clear(f);
	buf_free(&f->text);
	free(f);
}

/* Records are counted, not written. */
static void write_nothing(struct buf *out, const struct audit_event *event, uint64_t seq,
			  bool color)
{
}

const struct format_ops format_folded = {.name = "folded", .write = write_nothing};
