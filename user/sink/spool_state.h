/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of a spool share: spool.c (blocks in and out) and spool_open.c (what is found). */
#ifndef PYAUDIT_SPOOL_STATE_H
#define PYAUDIT_SPOOL_STATE_H

#include "sink/spool.h"

#define SPOOL_NAME 32 /* bytes for the name of a file */

struct spool_file {
	uint64_t seq;
	uint64_t bytes, end; /* its size, and where what can be read ends */
	uint64_t events, peeked, taken;
};

struct spool_position {
	uint64_t seq, offset;
};

struct spool {
	char *path;
	int dir;
	int fd;	     /* of the file that is written, number write_seq; -1: none */
	int read_fd; /* of the file that is read, number read_seq; -1: none */
	int cursor;
	uint32_t kind;
	uint64_t size, bytes;
	uint64_t next_seq, write_seq, read_seq;
	struct spool_file *files; /* oldest first */
	size_t n, cap;
	struct spool_position taken, peek;
	struct buf frame;
	uint64_t recovered, overwritten, corrupt, damaged;
};

void spool_name(char name[SPOOL_NAME], uint64_t seq);
int spool_add_file(struct spool *s, const struct spool_file *file);
void spool_cursor_write(struct spool *s);

#endif
