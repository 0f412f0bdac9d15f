/* SPDX-License-Identifier: GPL-2.0-only */
/* SIGHUP: the output is opened anew, and the configuration file read again. */
#ifndef PYAUDIT_RELOAD_H
#define PYAUDIT_RELOAD_H

#include "session.h"

struct reload {
	int argc;
	char **argv;
	const struct options *first;  /* what the session was made with */
	const struct options *latest; /* as the last reading of the file had them */
	struct options *own;	      /* the same, if it was not the first; NULL */
	struct options selected; /* the first, but for what selects events: that is in force now */
};

/* first: stays the caller's, as argv does. */
void reload_init(struct reload *r, int argc, char **argv, const struct options *first);

/* Changes what can be changed while tracing goes on: the filter, the output and how much is said;
 * says so, and what else has changed in the file. A file that is wrong now is told, and changes
 * nothing. */
void reload_run(struct reload *r, struct session *s);

/* Frees what it has read, not the first options. */
void reload_free(struct reload *r);

#endif
