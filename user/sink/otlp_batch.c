// SPDX-License-Identifier: GPL-2.0-only
#include "sink/otlp_batch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

/* Buffers of groups stay for the next batch, if they are not large. */
#define KEEP_MAX (256 << 10)

struct otlp_group {
	uint32_t pid;
	uint64_t start, exec; /* of that process */
	struct buf resource, records;
};

void otlp_batch_init(struct otlp_batch *b, const struct otlp_config *config)
{
	*b = (struct otlp_batch){.writer = {.json = config->json,
					    .max_attributes = config->max_attributes,
					    .max_value = config->max_value}};
}

void otlp_batch_free(struct otlp_batch *b)
{
	size_t i;

	for (i = 0; i < b->cap; i++) {
		buf_free(&b->groups[i].resource);
		buf_free(&b->groups[i].records);
	}
	free(b->groups);
	otlp_writer_free(&b->writer);
	*b = (struct otlp_batch){0};
}

static struct otlp_group group_of(const struct audit_event *event)
{
	const struct process_info *p = event->process;

	return (struct otlp_group){
		.pid = event->pid, .start = p ? p->start : 0, .exec = p ? p->exec : 0};
}

/* Mostly a process has several events in a row. */
static struct otlp_group *find_group(struct otlp_batch *b, const struct otlp_group *like)
{
	size_t i;

	for (i = b->n; i--;)
		if (b->groups[i].pid == like->pid && b->groups[i].start == like->start &&
		    b->groups[i].exec == like->exec)
			return &b->groups[i];
	return NULL;
}

static struct otlp_group *add_group(struct otlp_batch *b, const struct otlp_group *like)
{
	size_t cap = b->cap ? b->cap * 2 : 4, i;
	struct otlp_group *groups, *g;

	if (b->n == b->cap) {
		groups = reallocarray(b->groups, cap, sizeof(*groups));
		if (!groups)
			return NULL;
		for (i = b->cap; i < cap; i++)
			groups[i] = (struct otlp_group){0};
		b->groups = groups;
		b->cap = cap;
	}
	g = &b->groups[b->n++];
	g->pid = like->pid;
	g->start = like->start;
	g->exec = like->exec;
	g->resource.len = g->records.len = 0;
	return g;
}

static int write_group(struct otlp_batch *b, struct otlp_group *g, const struct otlp_origin *origin,
		       const struct audit_event *event)
{
	b->writer.out = &g->resource;
	otlp_write_resource(&b->writer, origin, event);
	b->block.len += g->resource.len;
	if (!g->resource.failed)
		return 0;
	g->resource.failed = false;
	return -ENOMEM;
}

int otlp_batch_add(struct otlp_batch *b, const struct otlp_origin *origin,
		   const struct audit_event *event)
{
	struct otlp_group like = group_of(event), *g = find_group(b, &like);
	bool made = !g;
	size_t before;

	g = g ?: add_group(b, &like);
	if (!g || (made && write_group(b, g, origin, event))) {
		b->n -= g && made;
		return -ENOMEM;
	}
	before = g->records.len;
	b->writer.out = &g->records;
	otlp_write_record(&b->writer, origin, event, clock_ns(CLOCK_REALTIME));
	if (g->records.failed || b->writer.text.failed) {
		g->records.failed = b->writer.text.failed = false;
		buf_truncate(&g->records, before);
		b->n -= made;
		return -ENOMEM;
	}
	if (!b->block.records++)
		b->since = clock_ns(CLOCK_MONOTONIC);
	b->block.count += event->type == RECORD_AUDIT;
	b->block.len += g->records.len - before;
	return 0;
}

static void empty(struct otlp_batch *b)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		if (b->groups[i].records.cap > KEEP_MAX)
			buf_free(&b->groups[i].records);
		if (b->groups[i].resource.cap > KEEP_MAX)
			buf_free(&b->groups[i].resource);
	}
	b->n = 0;
	b->block = (struct spool_block){0};
}

int otlp_batch_seal(struct otlp_batch *b, struct buf *out, struct spool_block *block)
{
	size_t before = out->len, i;

	for (i = 0; i < b->n; i++) {
		if (i && b->writer.json)
			buf_char(out, ',');
		otlp_group(out, b->writer.json, &b->groups[i].resource, &b->groups[i].records);
	}
	*block = b->block;
	block->len = out->len - before;
	empty(b);
	return out->failed ? -ENOMEM : 0;
}
