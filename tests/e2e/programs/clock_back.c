// SPDX-License-Identifier: GPL-2.0-only
/* Preloaded: the wall clock is an hour back while the file CLOCK_BACK names is there. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	const char *file = getenv("CLOCK_BACK");
	int ret = (int)syscall(SYS_clock_gettime, clock, ts);

	if (!ret && clock == CLOCK_REALTIME && file && !access(file, F_OK))
		ts->tv_sec -= 3600;
	return ret;
}
