/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One destination of records: a file, a pipe, a terminal. Nothing here blocks the caller for longer
 * than a write to a regular file takes: what a pipe's reader does not take stays in a bounded
 * queue, and when that is full or the disk is, events are counted as lost and records after them go
 * on.
 *
 * Sequence numbers are given when a record is queued and taken back when it could not be written,
 * so that what the destination holds counts from 1 without a gap.
 */
#ifndef PYAUDIT_OUTPUT_H
#define PYAUDIT_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sink/sink.h"

struct output;

struct output_target {
	const char *path; /* NULL: fd (not closed) */
	int fd;
	uint64_t rotate_size; /* bytes a file may grow to before it is rotated; 0: any number */
	unsigned int keep;    /* rotated files that are kept */
};

/* A file is created or emptied, or rotated away if it is to be rotated; sink/output_file.h says
 * which are refused. NULL after one line said why. */
struct output *output_open(const struct output_target *to, const struct format_ops *format,
			   bool color);

/* Queues a record. One that says what was lost is not lost itself: if there is no room it is said
 * before the next record that there is room for. */
void output_record(struct output *o, const struct audit_event *event);

/* Queues bytes that are not a record: a table of so many events. */
void output_text(struct output *o, const char *data, size_t len, uint64_t events);

/* Writes what can be written at once. */
void output_flush(struct output *o);

/* Waits while the queue is half full. */
struct patience;
void output_make_room(struct output *o, struct patience *patience);

/* Writes all, waiting for a slow reader at most timeout_ms after it took something, and six times
 * that in all; what is left then is lost. */
void output_finish(struct output *o, int timeout_ms);

/* Makes a file of ours another user's, who is going to open and rotate it. */
void output_give(struct output *o, uid_t uid);

/* Warns if a file that is to be rotated lies where we cannot. */
void output_check(const struct output *o);

/* Opens the file anew (somebody has rotated it), or another one; with neither a path before nor now
 * nothing happens. If it cannot be opened that is told, and the old one is written on. */
void output_reopen(struct output *o, const struct output_target *to);

/* The reader is gone: nothing will be written again but to what is opened anew. */
bool output_gone(const struct output *o);

/* The number of the last record written; 0 none. */
uint64_t output_seq(const struct output *o);

/* Audit events delivered (written, by themselves or in a count) and lost here. */
uint64_t output_delivered(const struct output *o);
uint64_t output_lost(const struct output *o);

/* Bytes that wait for the reader, and how many may. */
size_t output_queued(const struct output *o);
size_t output_queue_max(const struct output *o);

void output_free(struct output *o);

#endif
