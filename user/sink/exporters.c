// SPDX-License-Identifier: GPL-2.0-only
#include "sink/exporters.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/patience.h"

#define WAIT_MS 10 /* between two steps at the end, if nothing is ready before */

struct exporter {
	const struct exporter_ops *ops;
	void *arg;
	char name[32];
	bool ended;
};

struct exporters {
	struct exporter *list;
	struct exporter_stats *stats;
	struct pollfd *fds;
	size_t n;
};

struct exporters *exporters_new(void)
{
	return calloc(1, sizeof(struct exporters));
}

void exporters_free(struct exporters *all)
{
	size_t i;

	if (!all)
		return;
	for (i = 0; i < all->n; i++)
		all->list[i].ops->free(all->list[i].arg);
	free(all->list);
	free(all->stats);
	free(all->fds);
	free(all);
}

static int grow(void *array, size_t n, size_t size)
{
	void **place = array, *bigger = reallocarray(*place, n, size);

	if (!bigger)
		return -ENOMEM;
	*place = bigger;
	return 0;
}

static void choose_name(struct exporters *all, struct exporter *e, const char *name)
{
	size_t i, same = 0, len = strlen(name);

	for (i = 0; i < all->n; i++)
		same += !strncmp(all->list[i].name, name, len) &&
			strspn(all->list[i].name + len, "0123456789") ==
				strlen(all->list[i].name + len);
	if (same)
		snprintf(e->name, sizeof(e->name), "%s%zu", name, same + 1);
	else
		snprintf(e->name, sizeof(e->name), "%s", name);
}

int exporters_add(struct exporters *all, const char *name, const struct exporter_ops *ops,
		  void *arg)
{
	struct exporter e = {.ops = ops, .arg = arg};

	if (grow(&all->list, all->n + 1, sizeof(*all->list)) ||
	    grow(&all->stats, all->n + 1, sizeof(*all->stats)) ||
	    grow(&all->fds, all->n + 1, sizeof(*all->fds))) {
		ops->free(arg);
		return -ENOMEM;
	}
	choose_name(all, &e, name);
	all->list[all->n++] = e;
	return 0;
}

void exporters_record(struct exporters *all, const struct audit_event *event)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		all->list[i].ops->record(all->list[i].arg, event);
}

void exporters_flush(struct exporters *all)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		all->list[i].ops->flush(all->list[i].arg);
}

size_t exporters_poll(struct exporters *all, struct pollfd *fds, size_t max)
{
	size_t i, n = 0;

	for (i = 0; i < all->n && n < max; i++)
		n += all->list[i].ops->poll(all->list[i].arg, &fds[n]);
	return n;
}

void exporters_own(struct exporters *all, uid_t uid)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (all->list[i].ops->own)
			all->list[i].ops->own(all->list[i].arg, uid);
}

/* Until one may go on, and at most WAIT_MS. */
static void wait_a_little(struct exporters *all, const struct patience *p)
{
	poll(all->fds, exporters_poll(all, all->fds, all->n), patience_left(p, WAIT_MS));
}

static bool all_idle(struct exporters *all)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (!all->list[i].ops->idle(all->list[i].arg))
			return false;
	return true;
}

/* Events that are with their receivers now. */
static uint64_t all_delivered(struct exporters *all)
{
	const struct exporter_stats *stats;
	uint64_t sum = 0;
	size_t n, i;

	stats = exporters_stats(all, &n);
	for (i = 0; i < n; i++)
		sum += stats[i].delivered;
	return sum;
}

/* Receivers that take what is sent get more time than those that do not. */
static void wait_until(struct exporters *all, bool (*done)(struct exporters *all),
		       struct patience *p)
{
	uint64_t before = all_delivered(all), now;

	exporters_flush(all);
	while (!done(all) && !patience_over(p)) {
		wait_a_little(all, p);
		exporters_flush(all);
		now = all_delivered(all);
		if (now != before)
			patience_renew(p);
		before = now;
	}
}

/* What is kept on disk, or for a receiver that is not there, cannot be waited for. */
static bool have_room(struct exporters *all)
{
	const struct exporter_stats *stats;
	size_t n, i;

	stats = exporters_stats(all, &n);
	for (i = 0; i < n; i++)
		if (stats[i].up && !stats[i].keeps && stats[i].queue_bytes > stats[i].queue_max / 2)
			return false;
	return true;
}

void exporters_make_room(struct exporters *all, struct patience *patience)
{
	wait_until(all, have_room, patience);
}

void exporters_drain(struct exporters *all, int timeout_ms)
{
	struct patience p = patience_new(timeout_ms);
	size_t i;

	wait_until(all, all_idle, &p);
	for (i = 0; i < all->n; i++)
		if (!all->list[i].ops->idle(all->list[i].arg))
			all->list[i].ops->drop_unsent(all->list[i].arg);
}

static bool all_end(struct exporters *all)
{
	bool done = true;
	size_t i;

	for (i = 0; i < all->n; i++) {
		struct exporter *e = &all->list[i];

		e->ended = e->ended || e->ops->end_step(e->arg);
		done &= e->ended;
	}
	return done;
}

void exporters_finish(struct exporters *all, int timeout_ms)
{
	struct patience p = patience_new(timeout_ms);
	size_t i;

	while (!all_end(all) && !patience_over(&p))
		wait_a_little(all, &p);
	for (i = 0; i < all->n; i++)
		if (!all->list[i].ended)
			all->list[i].ops->give_up(all->list[i].arg);
}

const struct exporter_stats *exporters_stats(struct exporters *all, size_t *n)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		all->list[i].ops->stats(all->list[i].arg, &all->stats[i]);
		all->stats[i].name = all->list[i].name;
	}
	*n = all->n;
	return all->stats;
}
