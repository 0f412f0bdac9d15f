// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as an option's value: the first byte chooses the option. With -e also what the filter
 * makes of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "filter.h"
#include "options_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void filter(const struct options *o)
{
	struct filter f;
	size_t i;

	if (!filter_init(&f, o->events, o->n_events)) {
		filter_passes(&f, "open");
		filter_passes(&f, "a.b");
		for (i = 0; i < f.n_patterns; i++)
			if (strlen(f.patterns[i].glob) > TRACER_PATTERN_MAX)
				abort();
	}
	filter_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct option_parser p = {.o.format = "text"};
	const struct option_row *rows, *row;
	char *value = size ? calloc(1, size) : NULL;
	size_t n;

	if (!value)
		return 0;
	log_level = -2;
	rows = options_table(&n);
	row = &rows[data[0] % n];
	memcpy(value, data + 1, size - 1);
	row->set(&p, row, row->arg ? value : NULL);
	if (p.o.n_events)
		filter(&p.o);
	options_free(&p.o);
	free(value);
	return 0;
}
