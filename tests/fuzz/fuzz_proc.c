// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as what /proc has of a process: map lines, stat, control groups. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/cgroup.h"
#include "target/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct map_line line;
	struct proc_stat stat;
	struct cgroup_identity group = {0};

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	target_parse_map_line(text, &line);
	target_parse_stat(text, &stat);
	cgroup_identity_parse(&group, text);
	cgroup_identity_free(&group);
	free(text);
	return 0;
}
