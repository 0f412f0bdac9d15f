// SPDX-License-Identifier: GPL-2.0-only
#include "image_places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define THREADS_TRIED 8

static int attach_thread(struct tracer *tracer, struct image_entry *e, pid_t thread, bool twin)
{
	if (e->number >= 0)
		return tracer_attach_pid(tracer, e->number, thread);
	e->number = tracer_attach(tracer, e->fd, e->image, e->choice, thread, twin);
	return e->number < 0 ? e->number : 0;
}

/* By one of its threads. While the programs are loaded that may end: by another then. */
static int attach(struct tracer *tracer, struct image_entry *e, struct image_place *place,
		  bool twin)
{
	int tries = 0, err;

	do {
		place->thread = place->pid > 0 ? target_live_thread(place->pid) : place->pid;
		err = attach_thread(tracer, e, place->thread, twin);
	} while (err == -ESRCH && place->thread != place->pid && ++tries < THREADS_TRIED);
	return err;
}

static void note(struct image_entry *e, const struct image_place *place)
{
	struct image_place *places = reallocarray(e->places, e->n_places + 1, sizeof(*places));

	if (!places)
		return;
	e->places = places;
	e->places[e->n_places++] = *place;
}

int image_places_add(struct tracer *tracer, struct image_entry *e, pid_t pid, bool twin)
{
	struct image_place place = {.pid = pid};
	int err = attach(tracer, e, &place, twin);

	if (!err && pid > 0)
		note(e, &place);
	return err;
}

bool image_places_have(const struct image_entry *e, pid_t pid)
{
	size_t i;

	for (i = 0; i < e->n_places; i++)
		if (e->places[i].pid == pid)
			return true;
	return false;
}

void image_places_renew(struct tracer *tracer, struct image_entry *e, pid_t pid, pid_t thread)
{
	size_t i;
	int err;

	for (i = 0; i < e->n_places; i++) {
		if (e->places[i].pid != pid || e->places[i].thread != thread)
			continue;
		err = attach(tracer, e, &e->places[i], false);
		if (err && err != -ESRCH)
			log_warn(
				"PID %d: its events are not seen any more, as its first thread has "
				"ended: %s; trace it anew",
				pid, strerror(-err));
	}
}
