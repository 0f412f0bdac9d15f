// SPDX-License-Identifier: GPL-2.0-only
/* The command line taken apart by the table of options. */
#include "options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config.h"
#include "options_table.h"
#include "sink/address.h"
#include "wire.h"

#define STRING_LIMIT_DEFAULT 512
#define BUFFER_DEFAULT	     (8ULL << 20)
#define OUTCOME_WAIT_DEFAULT 100000000ULL /* ns */

/* Long options come back from getopt_long as this plus their row: never a letter. */
#define LONG_BASE 256

/* "+": COMMAND ends our options, whatever its own are; ":": a missing argument is told apart. */
static void fill_getopt(char *letters, struct option *longs)
{
	const struct option_row *rows;
	size_t n, i;

	rows = options_table(&n);
	*letters++ = '+';
	*letters++ = ':';
	for (i = 0; i < n; i++) {
		longs[i] = (struct option){rows[i].name,
					   rows[i].optional ? optional_argument
					   : rows[i].arg    ? required_argument
							    : no_argument,
					   NULL, LONG_BASE + (int)i};
		if (rows[i].letter)
			*letters++ = rows[i].letter;
		if (rows[i].letter && rows[i].arg)
			*letters++ = ':';
		if (rows[i].letter && rows[i].optional)
			*letters++ = ':';
	}
	*letters = 0;
	longs[n] = (struct option){0};
}

static const struct option_row *row_of(int code)
{
	const struct option_row *rows;
	size_t n, i;

	rows = options_table(&n);
	if (code >= LONG_BASE)
		return &rows[code - LONG_BASE];
	for (i = 0; i < n; i++)
		if (rows[i].letter == code)
			return &rows[i];
	return NULL;
}

static int unknown_long(const char *arg)
{
	const struct option_row *rows;
	size_t n_rows, i, n = strcspn(arg, "="), matches = 0;

	rows = options_table(&n_rows);
	for (i = 0; n > 2 && i < n_rows; i++)
		matches += !strncmp(rows[i].name, arg + 2, n - 2);
	if (matches > 1)
		log_error("%.200s: several options begin so; write it out", arg);
	else
		log_error("%.200s: unknown option; see pyaudit-trace --help", arg);
	return USAGE_ERROR;
}

/* What getopt_long means by '?': optopt is 0, our code or the letter. */
static int refuse_option(const char *arg)
{
	if (!optopt)
		return unknown_long(arg);
	if (optopt >= LONG_BASE)
		log_error("--%s: takes no argument; leave out what follows the =",
			  row_of(optopt)->name);
	else if (optopt > ' ' && optopt < 0x7f)
		log_error("-%c: unknown option; see pyaudit-trace --help", optopt);
	else
		log_error("-\\x%02x: unknown option; see pyaudit-trace --help", optopt & 0xff);
	return USAGE_ERROR;
}

/* All options up to the first argument that is none, or behind "--" (*ended). */
static int take_options(struct option_parser *p, int argc, char **argv, bool *ended)
{
	char letters[3 * OPTIONS_MAX + 3];
	struct option longs[OPTIONS_MAX + 1];
	int code, at, ret;

	fill_getopt(letters, longs);
	for (;;) {
		at = optind;
		optopt = 0;
		code = getopt_long(argc, argv, letters, longs, NULL);
		if (code == -1) {
			/* Before its first call optind is 0, which means 1. */
			at += !at;
			*ended = at < argc && optind == at + 1 && !strcmp(argv[at], "--");
			return 0;
		}
		if (code == '?')
			return refuse_option(argv[optind - 1]);
		if (code == ':') {
			const struct option_row *row = row_of(optopt);

			log_error("--%s: its argument is missing; give %s", row->name, row->arg);
			return USAGE_ERROR;
		}
		p->given[row_of(code) - options_table(NULL)] = true;
		ret = row_of(code)->set(p, row_of(code), optarg);
		if (ret)
			return ret;
	}
}

/* --check FILE...: options may also follow the files, as nothing there has options of its own. */
static int take_files(struct option_parser *p, int argc, char **argv, bool ended)
{
	size_t n = 0;
	int ret;

	p->o.files = calloc((size_t)argc + 1, sizeof(*p->o.files));
	if (!p->o.files)
		return options_out_of_memory();
	while (optind < argc) {
		p->o.files[n++] = argv[optind++];
		ret = ended ? 0 : take_options(p, argc, argv, &ended);
		if (ret)
			return ret;
	}
	return 0;
}

struct conflict {
	bool found;
	const char *text;
};

static int check_conflicts(const struct option_parser *p, const char *operand)
{
	bool pids = p->o.n_pids != 0, command = operand && !p->check && !p->list_events;
	const struct conflict conflicts[] = {
		{p->check && p->list_events,
		 "--check and --list-events: two things to do; give one"},
		{p->all && pids, "--all and --pid: -a traces these too; give one of them"},
		{p->all && (p->check || p->list_events),
		 "--all: nothing is traced by --check and --list-events; leave it out"},
		{p->o.by_uid && !p->all, "--uid: narrows -a; give -a too, or leave it out"},
		{p->o.comm && !p->all, "--comm: narrows -a; give -a too, or leave it out"},
		{p->o.cgroup && !p->all, "--cgroup: narrows -a; give -a too, or leave it out"},
		{p->o.n_args && p->o.no_args,
		 "--arg and --no-args: without arguments none can match; give one of them"},
		{p->o.n_args && (p->check || p->list_events),
		 "--arg: nothing is traced by --check and --list-events; leave it out"},
		{p->list_events && pids, "--pid: nothing is traced by --list-events; leave it out"},
		{(p->check || p->list_events) && strcmp(p->o.format, "text") &&
			 strcmp(p->o.format, "json"),
		 "--format: of events, which are not traced here; give text or json"},
		{p->o.to_socket && (!strcmp(p->o.format, "folded") ||
				    (p->o.summary && !strcmp(p->o.format, "text"))),
		 "--output: a table cannot be sent to a socket; give --format json, or a file"},
		{p->o.rotate_size && (!p->o.output || p->o.to_socket || !strcmp(p->o.output, "-")),
		 "--rotate: there is no file to rotate; give -o FILE"},
		{p->o.otel_pid != PID_IN_RESOURCE && !p->o.otlp,
		 "--otel-pid-attr: of what --otlp sends; give --otlp too"},
		{p->o.spool && !p->o.otlp, "--spool: keeps what --otlp sends; give --otlp too"},
		{!strcmp(p->o.format, "folded") && p->o.summary,
		 "--summary and --format folded: two ways to count; give one of them"},
	};
	size_t i;

	for (i = 0; i < sizeof(conflicts) / sizeof(*conflicts); i++) {
		if (conflicts[i].found) {
			log_error("%s", conflicts[i].text);
			return USAGE_ERROR;
		}
	}
	if (operand && p->list_events) {
		log_error("%.200s: --list-events takes no argument; select with -e", operand);
		return USAGE_ERROR;
	}
	if (command && (p->all || pids)) {
		log_error("%.200s: a COMMAND and --%s; give one of them", operand,
			  p->all ? "all" : "pid");
		return USAGE_ERROR;
	}
	return 0;
}

static int choose_mode(struct option_parser *p, char **operands)
{
	int ret = check_conflicts(p, *operands);

	if (ret)
		return ret;
	if (p->check) {
		p->o.mode = MODE_CHECK;
	} else if (p->list_events) {
		p->o.mode = MODE_LIST_EVENTS;
	} else if (p->all) {
		p->o.mode = MODE_ALL;
		p->o.follow = true;
	} else if (p->o.n_pids) {
		p->o.mode = MODE_PIDS;
	} else if (*operands) {
		p->o.mode = MODE_COMMAND;
		p->o.command = operands;
	} else {
		log_error("nothing to trace: no process is named; give -p PID, -a or a COMMAND, "
			  "see pyaudit-trace --help");
		return USAGE_ERROR;
	}
	return 0;
}

/* What the command line has is skipped in the file. */
static int read_config(struct option_parser *p, bool operand)
{
	const struct option_row *rows;
	bool target = operand;
	size_t n, i;

	rows = options_table(&n);
	for (i = 0; i < n; i++)
		target = target || (p->given[i] && rows[i].flags & ROW_TARGET);
	p->o.config = config_read(p->config);
	return p->o.config ? config_apply(p->o.config, p, target) : USAGE_ERROR;
}

static void settle_format(struct option_parser *p)
{
	p->o.to_socket = p->o.output && address_has_scheme(p->o.output);
	/* A socket is read by a program. */
	if (!p->o.format)
		p->o.format = p->o.to_socket ? "json" : "text";
	/* Stacks without their outermost frames do not add up. */
	if (!strcmp(p->o.format, "folded") && !p->o.stack_depth)
		p->o.stack_depth = WIRE_MAX_FRAMES;
}

static int parse_all(struct option_parser *p, int argc, char **argv)
{
	bool ended;
	int ret = take_options(p, argc, argv, &ended);

	if (!ret && p->check)
		ret = take_files(p, argc, argv, ended);
	if (!ret && p->config)
		ret = read_config(p, optind < argc);
	settle_format(p);
	return ret ? ret : choose_mode(p, argv + optind);
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct option_parser p = {.o = {.string_limit = STRING_LIMIT_DEFAULT,
					.buffer_size = BUFFER_DEFAULT,
					.outcome_wait_ns = OUTCOME_WAIT_DEFAULT}};
	int ret;

	opterr = 0;
	optind = 0; /* glibc: forget an earlier command line */
	ret = parse_all(&p, argc, argv);
	if (ret == OPTION_LAST)
		ret = 0;
	if (ret)
		options_free(&p.o);
	*o = p.o;
	return ret;
}

void options_free(struct options *o)
{
	size_t i;

	for (i = 0; i < o->n_events; i++)
		free(o->events[i]);
	config_free(o->config);
	free(o->events);
	free(o->args);
	free(o->redact);
	free(o->files);
	free(o->spool);
	free(o->syslog);
	free(o->pids);
	*o = (struct options){0};
}
