/* SPDX-License-Identifier: GPL-2.0-only */
/* Blocks that wait to be sent: in memory, or in a spool. The verbs are those of sink/spool.h. */
#ifndef PYAUDIT_OTLP_QUEUE_H
#define PYAUDIT_OTLP_QUEUE_H

#include "sink/spool.h"

struct otlp_queue;

/* In memory, bounded by bytes; or, with a spool, which is taken over, there. NULL without memory,
 * and the spool is freed. */
struct otlp_queue *otlp_queue_new(struct spool *spool);
void otlp_queue_free(struct otlp_queue *q);

/* Takes over the data unless it fails: then *data is as it was. -ENOSPC: there is no room. */
int otlp_queue_put(struct otlp_queue *q, struct buf *data, const struct spool_block *block);
int otlp_queue_peek(struct otlp_queue *q, uint32_t max, struct buf *out, struct spool_block *block);
void otlp_queue_rewind(struct otlp_queue *q);
void otlp_queue_take(struct otlp_queue *q);
void otlp_queue_own(struct otlp_queue *q, uid_t uid);

struct otlp_queue_stats {
	uint64_t events;      /* that wait, on their way or not */
	uint64_t bytes, size; /* and at most */
	struct spool_stats spool;
};
void otlp_queue_stats(const struct otlp_queue *q, struct otlp_queue_stats *stats);

/* Drops what is in memory. Returns the events. */
uint64_t otlp_queue_clear(struct otlp_queue *q);

#endif
