// SPDX-License-Identifier: GPL-2.0-only
#include "sink/otlp_queue.h"

#include <errno.h>
#include <stdlib.h>

#define BYTES_MAX (256 << 20)

struct item {
	struct buf data;
	struct spool_block block;
	struct item *next;
};

struct otlp_queue {
	struct spool *spool;
	struct item *first, **end;
	struct item *peek; /* the next to be peeked at */
	uint64_t bytes, events;
};

struct otlp_queue *otlp_queue_new(struct spool *spool)
{
	struct otlp_queue *q = calloc(1, sizeof(*q));

	if (!q) {
		spool_free(spool);
		return NULL;
	}
	q->spool = spool;
	q->end = &q->first;
	return q;
}

static void remove_first(struct otlp_queue *q)
{
	struct item *item = q->first;

	q->first = item->next;
	if (!q->first)
		q->end = &q->first;
	q->bytes -= item->data.len;
	q->events -= item->block.count;
	buf_free(&item->data);
	free(item);
}

uint64_t otlp_queue_clear(struct otlp_queue *q)
{
	uint64_t events = q->events;

	while (q->first)
		remove_first(q);
	q->peek = NULL;
	return events;
}

void otlp_queue_free(struct otlp_queue *q)
{
	if (!q)
		return;
	otlp_queue_clear(q);
	spool_free(q->spool);
	free(q);
}

int otlp_queue_put(struct otlp_queue *q, struct buf *data, const struct spool_block *block)
{
	struct item *item;
	int err;

	if (q->spool) {
		err = spool_append(q->spool, data->data, block);
		if (!err)
			buf_free(data);
		return err;
	}
	if (q->bytes + data->len > BYTES_MAX)
		return -ENOSPC;
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	item->data = *data;
	item->block = *block;
	*data = (struct buf){0};
	*q->end = item;
	q->end = &item->next;
	q->peek = q->peek ?: item;
	q->bytes += block->len;
	q->events += block->count;
	return 0;
}

int otlp_queue_peek(struct otlp_queue *q, uint32_t max, struct buf *out, struct spool_block *block)
{
	struct item *item = q->peek;

	if (q->spool)
		return spool_peek(q->spool, max, out, block);
	if (!item || item->block.records > max)
		return 0;
	buf_add(out, item->data.data, item->data.len);
	if (out->failed)
		return -ENOMEM;
	*block = item->block;
	q->peek = item->next;
	return 1;
}

void otlp_queue_rewind(struct otlp_queue *q)
{
	if (q->spool)
		spool_rewind(q->spool);
	else
		q->peek = q->first;
}

void otlp_queue_take(struct otlp_queue *q)
{
	if (q->spool)
		spool_take(q->spool);
	while (q->first != q->peek)
		remove_first(q);
}

void otlp_queue_own(struct otlp_queue *q, uid_t uid)
{
	if (q->spool)
		spool_own(q->spool, uid);
}

void otlp_queue_stats(const struct otlp_queue *q, struct otlp_queue_stats *stats)
{
	*stats = (struct otlp_queue_stats){
		.events = q->events, .bytes = q->bytes, .size = BYTES_MAX};
	if (!q->spool)
		return;
	spool_stats(q->spool, &stats->spool);
	stats->events = stats->spool.waiting;
	stats->bytes = stats->spool.bytes;
	stats->size = stats->spool.size;
}
