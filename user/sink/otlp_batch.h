/* SPDX-License-Identifier: GPL-2.0-only */
/* Log records on their way into one request, by the process they are of. */
#ifndef PYAUDIT_OTLP_BATCH_H
#define PYAUDIT_OTLP_BATCH_H

#include "sink/otlp_config.h"
#include "sink/otlp_record.h"
#include "sink/spool_frame.h"

struct otlp_group;

struct otlp_batch {
	struct otlp_group *groups;
	size_t n, cap;
	struct otlp_writer writer;
	struct spool_block block; /* len: about how many bytes there are */
	int64_t since;		  /* when its first record came: monotonic clock, ns */
};

void otlp_batch_init(struct otlp_batch *b, const struct otlp_config *config);
void otlp_batch_free(struct otlp_batch *b);

/* Adds a record. 0, or -ENOMEM and nothing is added. */
int otlp_batch_add(struct otlp_batch *b, const struct otlp_origin *origin,
		   const struct audit_event *event);

/* Appends what it holds to out, as a list of ResourceLogs with no brackets around it, tells what
 * that is, and empties it. 0 or -ENOMEM: then it is emptied all the same. */
int otlp_batch_seal(struct otlp_batch *b, struct buf *out, struct spool_block *block);

#endif
