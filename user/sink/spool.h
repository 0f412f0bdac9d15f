/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A queue on disk, bounded, of blocks that one reader takes in order. It outlives the program that
 * filled it: what was appended is there for the next one, also after a kill -9, and is given at
 * least once. After a crash of the machine the same is true of what the kernel had written by then:
 * data is not synced, so that an append costs no more than a copy into the page cache.
 *
 * The directory is ours alone (mode 0700, one program at a time) and holds files of whole blocks,
 * "SEQUENCE.spool", and "cursor": up to where blocks have been taken. Blocks are framed with their
 * length and a CRC-32; what does not fit it is skipped to the end of its file, counted, and told.
 */
#ifndef PYAUDIT_SPOOL_H
#define PYAUDIT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "sink/spool_frame.h"

#define SPOOL_SIZE_MIN	   (1 << 20)
#define SPOOL_SIZE_DEFAULT (256 << 20)

struct spool;

/* Opens the directory, which is made if its parent is there. owner: whose it may be, besides ours.
 * kind: what blocks are, so that others are not mistaken for them. NULL after one line said why;
 * what names the option in it. */
struct spool *spool_open(const char *what, const char *path, uint64_t size, uid_t owner,
			 uint32_t kind);
void spool_free(struct spool *s);

/* Appends a block. 0, or a negative errno and nothing is appended. When there is
 * no room for it the oldest file goes, and what is not taken of it is counted as overwritten. */
int spool_append(struct spool *s, const void *data, const struct spool_block *block);

/* Looks at the block that follows those peeked at before, if it has at most max records: its data
 * is appended to out. 1, 0 when there is none, or a negative errno. */
int spool_peek(struct spool *s, uint32_t max, struct buf *out, struct spool_block *block);

/* Forgets what has been peeked at, to be peeked at again. */
void spool_rewind(struct spool *s);

/* What has been peeked at is taken: it will not be given again. */
void spool_take(struct spool *s);

/* Makes all of it another user's, who is going to use it. */
void spool_own(struct spool *s, uid_t uid);

struct spool_stats {
	uint64_t recovered;   /* events that were there when it was opened */
	uint64_t waiting;     /* events in it that are not taken */
	uint64_t overwritten; /* events that made room for newer ones */
	uint64_t damaged;     /* events in what turned out to be unreadable while it was sent */
	uint64_t corrupt;     /* rests of files that could not be read */
	uint64_t bytes, size; /* on disk, and at most */
};
void spool_stats(const struct spool *s, struct spool_stats *stats);

#endif
