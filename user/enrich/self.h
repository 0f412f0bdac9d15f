/* SPDX-License-Identifier: GPL-2.0-only */
/* What this program itself uses of the machine. */
#ifndef PYAUDIT_ENRICH_SELF_H
#define PYAUDIT_ENRICH_SELF_H

#include <stdint.h>

struct self_usage {
	uint64_t cpu_ns;     /* user and system, all threads */
	uint64_t rss_bytes;  /* resident now; 0: not known */
	uint64_t peak_bytes; /* resident at most */
};

void self_usage(struct self_usage *usage);

#endif
