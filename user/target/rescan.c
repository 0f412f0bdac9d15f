// SPDX-License-Identifier: GPL-2.0-only
#include "target/rescan.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"

/* Milliseconds after the exec. */
static const unsigned int delays[] = {0, 2, 5, 10, 20, 50, 100, 250, 1000};
#define N_DELAYS (sizeof(delays) / sizeof(delays[0]))

/* More processes than this at once are looked at fewer times. */
#define ENTRIES 1024

struct entry {
	struct rescan_entry public; /* pid 0: free */
	unsigned int stage;
	int64_t start;
};

struct rescan {
	struct entry entries[ENTRIES];
	unsigned int n, next;
};

struct rescan *rescan_new(void)
{
	return calloc(1, sizeof(struct rescan));
}

void rescan_free(struct rescan *r)
{
	free(r);
}

static struct entry *find(struct rescan *r, pid_t pid)
{
	unsigned int i;

	for (i = 0; i < ENTRIES && r->n; i++)
		if (r->entries[i].public.pid == pid)
			return &r->entries[i];
	return NULL;
}

void rescan_add(struct rescan *r, pid_t pid, uint64_t dev, uint64_t ino)
{
	struct entry *e = find(r, pid);

	if (!e) {
		e = &r->entries[r->next++ % ENTRIES];
		r->n += !e->public.pid;
	}
	*e = (struct entry){.public = {.pid = pid, .dev = dev, .ino = ino}, .start = clock_ms()};
}

void rescan_forget(struct rescan *r, pid_t pid)
{
	struct entry *e = find(r, pid);

	if (e) {
		e->public.pid = 0;
		r->n--;
	}
}

void rescan_run(struct rescan *r, void (*fn)(const struct rescan_entry *entry, void *arg),
		void *arg)
{
	int64_t now = r->n ? clock_ms() : 0;
	unsigned int i;

	for (i = 0; i < ENTRIES && r->n; i++) {
		struct entry *e = &r->entries[i];

		if (!e->public.pid || now - e->start < delays[e->stage])
			continue;
		e->public.age_ms = now - e->start;
		fn(&e->public, arg);
		if (++e->stage == N_DELAYS) {
			e->public.pid = 0;
			r->n--;
		}
	}
}
