// SPDX-License-Identifier: GPL-2.0-only
/* --help and --version, from the table. */
#include "options.h"

#include "options_table.h"

#ifndef PYAUDIT_VERSION
#define PYAUDIT_VERSION "unknown"
#endif

#define HELP_COLUMN 30

static const char usage[] =
	"Usage: pyaudit-trace [OPTIONS] -p PID[,PID...]       running processes\n"
	"       pyaudit-trace [OPTIONS] -a | --all            every CPython, now and later\n"
	"       pyaudit-trace [OPTIONS] [--] COMMAND [ARG...] from its first event\n"
	"       pyaudit-trace --check [-p PID | FILE...]      what can be seen here\n"
	"       pyaudit-trace --list-events [--format json]   the event table\n"
	"\n"
	"Prints the audit events (PEP 578) of CPython programs; nothing in them is changed.\n";

static const char examples[] =
	"\n"
	"Examples:\n"
	"  pyaudit-trace python3 script.py             every event of a script, on stderr\n"
	"  pyaudit-trace -f -e '@network,subprocess.*' -p 4711\n"
	"                                              what a running service connects to and "
	"starts\n"
	"  pyaudit-trace -a -e '!import,!compile' --format json -o events.jsonl\n"
	"                                              the whole machine, for programs\n"
	"  pyaudit-trace -c --duration 10s -p 4711     counts over ten seconds\n"
	"  pyaudit-trace --check /usr/bin/python3      how this Python would be watched\n";

static void print_row(FILE *f, const struct option_row *row)
{
	const char *open = row->optional ? "[=" : row->arg ? " " : "";
	char left[64];
	int n;

	n = snprintf(left, sizeof(left), "  %c%c%s --%s%s%s%s", row->letter ? '-' : ' ',
		     row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name, open,
		     row->arg ? row->arg : "", row->optional ? "]" : "");
	/* Two columns stay apart however long the left one gets. */
	fprintf(f, "%-*s%s%s\n", HELP_COLUMN, left, n >= HELP_COLUMN ? "  " : "", row->help);
}

void options_print_help(FILE *f)
{
	const struct option_row *row;
	size_t i, n;

	fputs(usage, f);
	row = options_table(&n);
	for (i = 0; i < n; i++, row++) {
		if (row->heading)
			fprintf(f, "\n%s:\n", row->heading);
		print_row(f, row);
	}
	fputs(examples, f);
}

void options_print_version(FILE *f)
{
	fprintf(f, "pyaudit-trace %s\n", PYAUDIT_VERSION);
}
