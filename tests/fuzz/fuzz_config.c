// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a configuration file: read, and its options taken. */
#include <stdint.h>

#include "base/log.h"
#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c, *again;
	struct option_parser p = {.o.format = "text"};
	const struct option_row *rows;
	size_t n, i;

	log_level = -2;
	c = config_parse("fuzz", (const char *)data, size);
	if (!c)
		return 0;
	config_apply(c, &p, size & 1);
	again = config_parse("again", (const char *)data, size);
	rows = options_table(&n);
	for (i = 0; i < n; i++)
		if (!again || config_differs(c, again, &rows[i]))
			__builtin_trap();
	config_free(again);
	p.o.config = c;
	options_free(&p.o);
	return 0;
}
