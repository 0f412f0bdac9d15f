// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as lines of /proc: map lines and stat. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct map_line line;
	struct proc_stat stat;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	target_parse_map_line(text, &line);
	target_parse_stat(text, &stat);
	free(text);
	return 0;
}
