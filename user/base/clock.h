/* SPDX-License-Identifier: GPL-2.0-only */
/* What time it is. */
#ifndef PYAUDIT_CLOCK_H
#define PYAUDIT_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of a clock of clock_gettime(2); the kernel's records have CLOCK_BOOTTIME. */
static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Milliseconds of the monotonic clock. */
static inline int64_t clock_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

#endif
