// SPDX-License-Identifier: GPL-2.0-only
#include "enrich/lineage.h"

#include <stdlib.h>

#define EVENTS 256  /* that are remembered, of all threads */
#define FORKS  4096 /* a power of two */

/* From an event to the fork it leads to: os.fork() and the like fork at once. */
#define FORK_NS 1000000000ull

struct starter {
	uint32_t tid;
	uint64_t time;
	struct event_ref ref;
};

struct forked {
	uint32_t child, tid;
	uint64_t time;
};

struct lineage {
	struct starter events[EVENTS];
	unsigned int next;
	struct forked forks[FORKS];
};

struct lineage *lineage_new(void)
{
	return calloc(1, sizeof(struct lineage));
}

void lineage_free(struct lineage *l)
{
	free(l);
}

void lineage_event(struct lineage *l, uint32_t tid, uint64_t time, const char *name, uint64_t seq)
{
	l->events[l->next++ % EVENTS] =
		(struct starter){.tid = tid, .time = time, .ref = {seq, name}};
}

void lineage_fork(struct lineage *l, uint32_t tid, uint64_t time, uint32_t child)
{
	l->forks[child % FORKS] = (struct forked){child, tid, time};
}

struct event_ref lineage_of(const struct lineage *l, uint32_t child)
{
	const struct forked *f = &l->forks[child % FORKS];
	const struct starter *best = NULL;
	unsigned int i;

	for (i = 0; f->child == child && i < EVENTS; i++) {
		const struct starter *e = &l->events[i];

		if (e->tid == f->tid && e->time <= f->time && f->time - e->time < FORK_NS &&
		    (!best || e->time > best->time))
			best = e;
	}
	return best ? best->ref : (struct event_ref){0};
}
