/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The destinations of records besides the output, any number at once. Each has a bounded queue of
 * its own and never waits: one that is slow, dead or lying costs the others nothing. An event is
 * counted once by each: delivered, or dropped for a reason.
 */
#ifndef PYAUDIT_EXPORTERS_H
#define PYAUDIT_EXPORTERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "decode/audit_event.h"

struct patience;
struct pollfd;

/* One exporter's verbs; arg is the exporter. None may block for longer than a system call that does
 * not wait. */
struct exporter_ops {
	/* Queues a record, or drops and counts it. */
	void (*record)(void *arg, const struct audit_event *event);
	/* Goes on with whatever is under way; called every few milliseconds and when a descriptor
	 * of poll is ready. */
	void (*flush)(void *arg);
	/* Whether all that was queued has gone out. */
	bool (*idle)(void *arg);
	/* No more records will come: sends the rest and lets it be confirmed, a step at a time.
	 * True when that is done. */
	bool (*end_step)(void *arg);
	/* There is no more time: drops and counts what has not gone out; records may still come. */
	void (*drop_unsent)(void *arg);
	/* The same at the end, for what is not confirmed as well. */
	void (*give_up)(void *arg);
	/* What to wait for: 1 and *fd is filled in, or 0. */
	int (*poll)(void *arg, struct pollfd *fd);
	/* Files of it become this user's, who is going to use them; NULL: it has none. */
	void (*own)(void *arg, uid_t uid);
	void (*stats)(const void *arg, struct exporter_stats *stats);
	void (*free)(void *arg);
};

struct exporters;

struct exporters *exporters_new(void); /* NULL without memory */
void exporters_free(struct exporters *all);

/* Takes over an exporter. Several of one name are numbered: "syslog", "syslog2". Returns 0; on
 * -ENOMEM the exporter is freed. */
int exporters_add(struct exporters *all, const char *name, const struct exporter_ops *ops,
		  void *arg);

void exporters_record(struct exporters *all, const struct audit_event *event);
void exporters_flush(struct exporters *all);
size_t exporters_poll(struct exporters *all, struct pollfd *fds, size_t max);

/* The tracer becomes this user. */
void exporters_own(struct exporters *all, uid_t uid);

/* Waits while a receiver that is there has a queue that is half full. */
void exporters_make_room(struct exporters *all, struct patience *patience);

/* Waits until all queues have gone out, at most timeout_ms after one of them got something out, and
 * six times that in all; what has not gone out by then is dropped. */
void exporters_drain(struct exporters *all, int timeout_ms);

/* Ends all of them, waiting at most timeout_ms; what is left then is dropped. */
void exporters_finish(struct exporters *all, int timeout_ms);

/* What each has done: *n elements, good until the next call. */
const struct exporter_stats *exporters_stats(struct exporters *all, size_t *n);

#endif
