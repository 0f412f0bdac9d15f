/* SPDX-License-Identifier: GPL-2.0-only */
/* The rows of the command line: getopt_long, --help and the documentation are made from them. */
#ifndef PYAUDIT_OPTIONS_TABLE_H
#define PYAUDIT_OPTIONS_TABLE_H

#include "options.h"

#define USAGE_ERROR 2
#define OPTIONS_MAX 96

struct option_parser {
	struct options o;
	bool all, check, list_events;
	const char *config;	 /* --config: the file to read */
	bool given[OPTIONS_MAX]; /* rows that the command line has */
};

enum {
	ROW_REPEATS = 1,      /* may be a list in the configuration file */
	ROW_COUNTS = 2,	      /* a flag that may be given several times */
	ROW_LIVE = 4,	      /* SIGHUP changes it while tracing goes on */
	ROW_COMMAND_LINE = 8, /* not for the configuration file */
	ROW_TARGET = 16,      /* what to trace: one on the command line replaces all in the file */
	ROW_NARROWS = 32,     /* belongs to -a: goes with it */
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
	unsigned int flags;  /* ROW_... */
};

#define OPTION_LAST (-1)

/* Reports it; USAGE_ERROR. */
int options_out_of_memory(void);

/* All rows in the order they are shown; *n, unless n is NULL, is their number. */
const struct option_row *options_table(size_t *n);

#endif
