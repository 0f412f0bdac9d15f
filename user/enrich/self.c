// SPDX-License-Identifier: GPL-2.0-only
#include "enrich/self.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t ns_of(struct timeval t)
{
	return t.tv_sec * 1000000000ull + t.tv_usec * 1000ull;
}

/* The second number of statm: resident pages (proc(5)). */
static uint64_t resident_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages;
}

void self_usage(struct self_usage *usage)
{
	struct rusage r = {0};

	getrusage(RUSAGE_SELF, &r);
	*usage = (struct self_usage){
		.cpu_ns = ns_of(r.ru_utime) + ns_of(r.ru_stime),
		.rss_bytes = resident_pages() * sysconf(_SC_PAGESIZE),
		.peak_bytes = r.ru_maxrss * 1024ull,
	};
}
