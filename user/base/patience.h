/* SPDX-License-Identifier: GPL-2.0-only */
/* How long the end waits for those who take what is left: longer for one who goes on taking it, and
 * hardly at all once somebody asks a second time. */
#ifndef PYAUDIT_PATIENCE_H
#define PYAUDIT_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct patience {
	int ms;
	int64_t start, end; /* clock_ms */
};

/* ms from now on. */
struct patience patience_new(int ms);

/* Something got out: as long again, but six times as long in all at most. */
void patience_renew(struct patience *p);

bool patience_over(const struct patience *p);

/* ms that are left, 0 to max. */
int patience_left(const struct patience *p, int max);

/* A SIGINT or SIGTERM that this signalfd tells of ends all patience a moment later; what else it
 * tells of is thrown away. */
void patience_watch(int signals);

/* As if one had come. */
void patience_lose(void);
bool patience_is_lost(void);

#endif
