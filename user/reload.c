// SPDX-License-Identifier: GPL-2.0-only
#include "reload.h"

#include <stdlib.h>

#include "base/log.h"
#include "config.h"

/* What is not live stays as it was at the start until a restart. */
static void tell_changes(const struct config *before, const struct config *now)
{
	const struct option_row *rows;
	size_t n, i;

	rows = options_table(&n);
	for (i = 0; i < n; i++) {
		if (!config_differs(before, now, &rows[i]))
			continue;
		if (rows[i].flags & ROW_LIVE)
			log_info("%s: '%s' has changed", config_path(now), rows[i].name);
		else
			log_warn("%s: '%s' has changed; it takes effect with a restart",
				 config_path(now), rows[i].name);
	}
}

/* NULL when the file is wrong now, which has been told. */
static struct options *read_again(const struct reload *r)
{
	struct options *now = malloc(sizeof(*now));

	if (!now || options_parse(now, r->argc, r->argv)) {
		log_warn("%s: not taken over; going on as before", config_path(r->latest->config));
		free(now);
		return NULL;
	}
	return now;
}

void reload_run(struct reload *r, struct session *s)
{
	struct options *now = r->latest->config ? read_again(r) : NULL;

	if (now) {
		tell_changes(r->latest->config, now->config);
		log_level = now->verbosity;
		reload_free(r);
		r->latest = r->own = now;
	}
	session_reopen(s, r->latest);
}

void reload_free(struct reload *r)
{
	if (r->own)
		options_free(r->own);
	free(r->own);
	r->own = NULL;
}
