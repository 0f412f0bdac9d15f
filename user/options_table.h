/* SPDX-License-Identifier: GPL-2.0-only */
/* The rows of the command line: getopt_long, --help and the documentation are made from them. */
#ifndef PYAUDIT_OPTIONS_TABLE_H
#define PYAUDIT_OPTIONS_TABLE_H

#include "options.h"

#define USAGE_ERROR 2

struct option_parser {
	struct options o;
	bool all, check, list_events;
};

struct option_row {
	const char *heading; /* of the group this row begins; NULL: it goes on with the last */
	char letter;	     /* 0: none */
	const char *name;    /* the long name, without dashes */
	const char *arg;     /* what the argument is called; NULL: there is none */
	bool optional;	     /* --name[=arg]: set gets NULL without one */
	const char *help;    /* fits one line */
	/* Returns 0, 2 after an error it reported, or OPTION_LAST when the rest does not matter. */
	int (*set)(struct option_parser *p, const struct option_row *row, const char *value);
	size_t field;	     /* where set puts it, in struct option_parser */
	const char *choices; /* "a|b|c": the only values there are */
};

#define OPTION_LAST (-1)
#define OPTIONS_MAX 96

/* Reports it; USAGE_ERROR. */
int options_out_of_memory(void);

/* All rows in the order they are shown; *n is their number. */
const struct option_row *options_table(size_t *n);

#endif
