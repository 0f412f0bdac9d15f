// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as what the kernel says of a process: lines of maps, stat, status, control groups, and
 * the record of a mapping. */
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/cgroup.h"
#include "kernel/mappings.h"
#include "target/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_text(const char *text)
{
	struct map_line line;
	struct proc_stat stat;
	struct proc_status status;
	struct cgroup_identity group = {0};

	if (!target_parse_map_line(text, &line) &&
	    (line.start >= line.end || strlen(line.perms) != 4))
		abort();
	target_parse_stat(text, &stat);
	target_parse_status(text, &status);
	if (status.leader < 0 || status.own < 0)
		abort();
	cgroup_identity_parse(&group, text);
	cgroup_identity_free(&group);
}

/* As long as its header says, which is made to fit. */
static void parse_record(const uint8_t *data, size_t size)
{
	struct perf_event_header *record = malloc(size & ~(size_t)7);
	struct mapping mapping;

	memcpy(record, data, size & ~(size_t)7);
	record->size = size & ~(size_t)7;
	record->type = PERF_RECORD_MMAP2;
	if (mappings_parse(record, &mapping) &&
	    (mapping.path < (char *)record ||
	     mapping.path + strlen(mapping.path) >= (char *)record + record->size))
		abort();
	free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	parse_text(text);
	free(text);
	if (size >= sizeof(struct perf_event_header) && size <= UINT16_MAX)
		parse_record(data, size);
	return 0;
}
