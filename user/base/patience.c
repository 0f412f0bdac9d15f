// SPDX-License-Identifier: GPL-2.0-only
#include "base/patience.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"

#define TIMES	6
#define LOST_MS 200 /* for what needs no waiting */

static int watched = -1;
static bool lost;

void patience_watch(int signals)
{
	watched = signals;
}

void patience_lose(void)
{
	lost = true;
}

bool patience_is_lost(void)
{
	struct signalfd_siginfo info;

	while (!lost && watched >= 0 && read(watched, &info, sizeof(info)) == sizeof(info))
		lost = info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM;
	return lost;
}

struct patience patience_new(int ms)
{
	int64_t now = clock_ms();

	return (struct patience){.ms = ms, .start = now, .end = now + ms};
}

void patience_renew(struct patience *p)
{
	int64_t end = clock_ms() + p->ms, last = p->start + (int64_t)TIMES * p->ms;

	p->end = end < last ? end : last;
}

static int64_t end_of(const struct patience *p)
{
	int64_t soon = p->start + LOST_MS;

	return patience_is_lost() && soon < p->end ? soon : p->end;
}

int patience_left(const struct patience *p, int max)
{
	int64_t left = end_of(p) - clock_ms();

	return left < 0 ? 0 : left < max ? (int)left : max;
}

bool patience_over(const struct patience *p)
{
	return !patience_left(p, 1);
}
