// SPDX-License-Identifier: GPL-2.0-only
#include "shed.h"

#include <stdlib.h>

#include "base/log.h"

#define SECOND	  1000000000ull
#define HOLD_MIN  5 /* s with room before one is let in again */
#define HOLD_MAX  300
#define TOO_EARLY 10  /* s: one that has to go again within this was let in too early */
#define ROOM	  0.7 /* of the limit: below it there is room */

struct shed {
	double limit; /* ns of CPU a second */
	shed_fn fn;
	void *arg;
	const struct event_row *rows;
	size_t n_rows;	  /* what is not listed counts as row number n_rows */
	uint64_t *counts; /* of this second */
	uint64_t total;
	size_t *out; /* rows that are left out, the last one last */
	size_t n_out;
	bool *is_out;
	uint64_t then, cpu_then; /* when was looked last */
	unsigned int room_for;	 /* seconds there has been room for */
	unsigned int hold;
	unsigned int since_in; /* seconds since one was let in */
};

struct shed *shed_new(unsigned int percent, shed_fn fn, void *arg)
{
	struct shed *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->rows = event_table(&s->n_rows);
	s->limit = percent / 100.0 * SECOND;
	s->hold = HOLD_MIN;
	s->since_in = TOO_EARLY;
	s->fn = fn;
	s->arg = arg;
	s->counts = calloc(s->n_rows + 1, sizeof(*s->counts));
	s->out = calloc(s->n_rows + 1, sizeof(*s->out));
	s->is_out = calloc(s->n_rows + 1, sizeof(*s->is_out));
	if (s->counts && s->out && s->is_out)
		return s;
	shed_free(s);
	return NULL;
}

void shed_free(struct shed *s)
{
	if (!s)
		return;
	free(s->counts);
	free(s->out);
	free(s->is_out);
	free(s);
}

void shed_count(struct shed *s, const struct audit_event *event)
{
	s->counts[event->row ? (size_t)(event->row - s->rows) : s->n_rows]++;
	s->total++;
}

static const char *name_of(const struct shed *s, size_t row)
{
	return row < s->n_rows ? s->rows[row].name : NULL;
}

static void leave_out(struct shed *s, size_t row, double used)
{
	const char *name = name_of(s, row);

	log_info("--max-cpu: %.0f %% of a CPU used: %s left out for now", used / SECOND * 100,
		 name ? name : "events that are not listed are");
	s->out[s->n_out++] = row;
	s->is_out[row] = true;
	s->fn(name, true, s->arg);
}

static void let_in(struct shed *s)
{
	size_t row = s->out[--s->n_out];
	const char *name = name_of(s, row);

	log_info("--max-cpu: %s let in again", name ? name : "events that are not listed are");
	s->is_out[row] = false;
	s->fn(name, false, s->arg);
}

/* The most frequent that is not out yet; false if none came. */
static bool noisiest(const struct shed *s, size_t *row)
{
	uint64_t most = 0;
	size_t i;

	for (i = 0; i <= s->n_rows; i++)
		if (!s->is_out[i] && s->counts[i] > most) {
			most = s->counts[i];
			*row = i;
		}
	return most;
}

/* As many as it takes, if each event costs the same. */
static void shed_some(struct shed *s, double used)
{
	double left = used;
	size_t row;

	if (s->since_in < TOO_EARLY && s->hold < HOLD_MAX)
		s->hold *= 2;
	while (left > s->limit && noisiest(s, &row)) {
		left -= used * s->counts[row] / s->total;
		leave_out(s, row, used);
	}
	s->room_for = 0;
	s->since_in = TOO_EARLY;
}

static void consider(struct shed *s, double used)
{
	if (used > s->limit && s->total) {
		shed_some(s, used);
		return;
	}
	s->room_for = used < s->limit * ROOM ? s->room_for + 1 : 0;
	s->since_in += s->since_in < TOO_EARLY;
	if (s->since_in == TOO_EARLY && !s->n_out)
		s->hold = HOLD_MIN;
	if (!s->n_out || s->room_for < s->hold)
		return;
	let_in(s);
	s->room_for = 0;
	s->since_in = 0;
}

void shed_look(struct shed *s, uint64_t now, uint64_t cpu)
{
	size_t i;

	if (now - s->then < SECOND)
		return;
	if (s->then)
		consider(s, (double)(cpu - s->cpu_then) / (now - s->then) * SECOND);
	s->then = now;
	s->cpu_then = cpu;
	s->total = 0;
	for (i = 0; i <= s->n_rows; i++)
		s->counts[i] = 0;
}
