// SPDX-License-Identifier: GPL-2.0-only
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "options_table.h"

#define USAGE_ERROR 2

#define STRING_LIMIT_DEFAULT 512
#define STRING_LIMIT_MAX     32768
#define BUFFER_DEFAULT	     (8ULL << 20)
#define BUFFER_MIN	     (64ULL << 10)
#define BUFFER_MAX	     (1ULL << 30)

/* Long options come back from getopt_long as this plus their row: never a letter. */
#define LONG_BASE 256

struct option_parser {
	struct options o;
	bool all, check, list_events;
};

/* The digits at *text as a number; *text moves behind them. There must be one at least. */
static int take_digits(const char **text, uint64_t *value)
{
	const char *s = *text;
	uint64_t v = 0;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s - '0', &v))
			return -ERANGE;
	*text = s;
	*value = v;
	return 0;
}

static int parse_number(const char *text, uint64_t *value)
{
	int ret = take_digits(&text, value);

	return ret ? ret : *text ? -EINVAL : 0;
}

int parse_size(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "kKmMgG";
	const char *suffix;
	uint64_t value;
	int shift = 0, ret = take_digits(&text, &value);

	if (ret)
		return ret;
	if (*text) {
		suffix = strchr(suffixes, *text);
		if (!suffix || text[1])
			return -EINVAL;
		shift = 10 * (1 + (int)(suffix - suffixes) / 2);
	}
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = value << shift;
	return 0;
}

static const struct time_unit {
	const char *suffix;
	uint64_t ns;
} time_units[] = {
	{"", 1000000000ULL},   {"s", 1000000000ULL},	{"ms", 1000000ULL},
	{"m", 60000000000ULL}, {"h", 3600000000000ULL}, {"d", 86400000000000ULL},
};

/* The fraction behind a point in units of 1e-9; finer than that is an error, not a rounding. */
static int take_fraction(const char **text, uint64_t *billionths)
{
	const char *start = *text;
	int ret = take_digits(text, billionths), digits = (int)(*text - start);

	if (ret)
		return ret;
	if (digits > 9)
		return -EINVAL;
	while (digits++ < 9)
		*billionths *= 10;
	return 0;
}

static int time_in_ns(uint64_t whole, uint64_t billionths, uint64_t unit, uint64_t *ns)
{
	unsigned __int128 total = (unsigned __int128)whole * unit;

	total += (unsigned __int128)billionths * unit / 1000000000;
	/* Deadlines are sums of this and a clock: keep clear of the sign bit. */
	if (total > INT64_MAX / 2)
		return -ERANGE;
	*ns = (uint64_t)total;
	return 0;
}

int parse_time(const char *text, uint64_t *ns)
{
	uint64_t whole = 0, billionths = 0;
	size_t i;
	int ret = *text == '.' ? 0 : take_digits(&text, &whole);

	if (!ret && *text == '.') {
		text++;
		ret = take_fraction(&text, &billionths);
	}
	if (ret)
		return ret;
	for (i = 0; i < sizeof(time_units) / sizeof(*time_units); i++)
		if (!strcmp(text, time_units[i].suffix))
			return time_in_ns(whole, billionths, time_units[i].ns, ns);
	return -EINVAL;
}

/* The length is limited so that a long value does not push the remedy out of the line. */
static int bad_value(const struct option_row *row, const char *value, const char *why)
{
	log_error("--%s '%.200s': %s", row->name, value, why);
	return USAGE_ERROR;
}

static int out_of_memory(void)
{
	log_error("command line: out of memory; give fewer arguments");
	return USAGE_ERROR;
}

static int set_flag(struct option_parser *p, const struct option_row *row, const char *value)
{
	*(bool *)((char *)p + row->field) = true;
	return 0;
}

static int add_pid(struct options *o, pid_t pid)
{
	pid_t *pids;
	size_t i;

	for (i = 0; i < o->n_pids; i++)
		if (o->pids[i] == pid)
			return 0;
	pids = reallocarray(o->pids, o->n_pids + 1, sizeof(*pids));
	if (!pids)
		return out_of_memory();
	o->pids = pids;
	o->pids[o->n_pids++] = pid;
	return 0;
}

static int set_pids(struct option_parser *p, const struct option_row *row, const char *value)
{
	static const char why[] = "not a process number; give numbers above 0, separated by commas";
	const char *s = value;
	uint64_t pid;

	for (;;) {
		if (take_digits(&s, &pid) || !pid || pid > INT_MAX || (*s && *s != ','))
			return bad_value(row, value, why);
		if (add_pid(&p->o, (pid_t)pid))
			return USAGE_ERROR;
		if (!*s++)
			return 0;
	}
}

/* Takes over pattern. The array always ends with a NULL. */
static int add_event(struct options *o, char *pattern)
{
	char **events = pattern ? reallocarray(o->events, o->n_events + 2, sizeof(*events)) : NULL;

	if (!events) {
		free(pattern);
		return out_of_memory();
	}
	o->events = events;
	o->events[o->n_events++] = pattern;
	o->events[o->n_events] = NULL;
	return 0;
}

static int set_events(struct option_parser *p, const struct option_row *row, const char *value)
{
	const char *s = value, *name;
	size_t len;

	for (;; s += len + 1) {
		len = strcspn(s, ",");
		name = s + (*s == '!');
		name += *name == '@';
		if (name >= s + len)
			return bad_value(row, value,
					 "a pattern is empty; see --list-events for names");
		if (add_event(&p->o, strndup(s, len)))
			return USAGE_ERROR;
		if (!s[len])
			return 0;
	}
}

static int set_string_limit(struct option_parser *p, const struct option_row *row,
			    const char *value)
{
	uint64_t bytes;

	if (parse_size(value, &bytes) || !bytes || bytes > STRING_LIMIT_MAX)
		return bad_value(row, value,
				 "not a string limit; give 1 to 32768 bytes, or 1k to 32k");
	p->o.string_limit = (uint32_t)bytes;
	return 0;
}

static int set_buffer(struct option_parser *p, const struct option_row *row, const char *value)
{
	uint64_t bytes, size = BUFFER_MIN;

	if (parse_size(value, &bytes) || bytes < BUFFER_MIN || bytes > BUFFER_MAX)
		return bad_value(row, value, "not a buffer size; give 64k to 1G");
	while (size < bytes)
		size *= 2;
	p->o.buffer_size = size;
	return 0;
}

static int set_duration(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (parse_time(value, &p->o.duration_ns) || !p->o.duration_ns)
		return bad_value(row, value, "not a time above 0; give 10, 1.5s, 200ms, 5m or 1h");
	return 0;
}

static int set_count(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (parse_number(value, &p->o.count) || !p->o.count)
		return bad_value(row, value, "not a number of events; give a number above 0");
	return 0;
}

static int set_output(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (!*value)
		return bad_value(row, value, "no file name; give one, or - for stdout");
	p->o.output = value;
	return 0;
}

/* Which of "a|b|c" the value is; -1: none of them. */
static int choice_index(const char *choices, const char *value)
{
	size_t len = strlen(value);
	int i;

	for (i = 0;; i++, choices++) {
		size_t n = strcspn(choices, "|");

		if (n == len && !memcmp(choices, value, n))
			return i;
		choices += n;
		if (!*choices)
			return -1;
	}
}

static int set_choice(struct option_parser *p, const struct option_row *row, const char *value)
{
	int i = choice_index(row->choices, value);

	if (i < 0) {
		log_error("--%s '%.200s': unknown value; give one of %s", row->name, value,
			  row->choices);
		return USAGE_ERROR;
	}
	*(int *)((char *)p + row->field) = i;
	return 0;
}

static int set_format(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (choice_index(row->choices, value) < 0)
		return bad_value(row, value, "unknown format; give text or json");
	p->o.format = value;
	return 0;
}

static int set_quiet(struct option_parser *p, const struct option_row *row, const char *value)
{
	p->o.verbosity = -1;
	return 0;
}

static int set_verbose(struct option_parser *p, const struct option_row *row, const char *value)
{
	p->o.verbosity = p->o.verbosity < 0 ? 1 : p->o.verbosity + 1;
	return 0;
}

static int set_help(struct option_parser *p, const struct option_row *row, const char *value)
{
	p->o.mode = MODE_HELP;
	return OPTION_LAST;
}

static int set_version(struct option_parser *p, const struct option_row *row, const char *value)
{
	p->o.mode = MODE_VERSION;
	return OPTION_LAST;
}

_Static_assert(sizeof(enum color_when) == sizeof(int) && COLOR_NEVER == 2, "as in its choices");
_Static_assert(sizeof(enum py_probe_choice) == sizeof(int) && PY_PROBE_USDT == 2,
	       "as in its choices");

/* clang-format off */
#define ROW(l, n, a, h, ...) {.letter = (l), .name = (n), .arg = (a), .help = (h), __VA_ARGS__}
#define FIELD(f) .field = offsetof(struct option_parser, f)

static const struct option_row rows[] = {
	ROW('p', "pid", "PID[,PID]",
	    "these running processes, all threads; repeatable",
	    .heading = "What to trace", .set = set_pids),
	ROW('f', "follow", NULL,
	    "also their children: fork, exec of another Python; -a implies it",
	    .set = set_flag, FIELD(o.follow)),
	ROW('a', "all", NULL,
	    "every CPython on the machine, now and later",
	    .set = set_flag, FIELD(all)),
	ROW(0, "as-root", NULL,
	    "run COMMAND as root, not as the user who called sudo",
	    .set = set_flag, FIELD(o.as_root)),

	ROW('e', "event", "GLOB[,GLOB]",
	    "only these; !GLOB excludes, @NAME is a category; later wins",
	    .heading = "Which events", .set = set_events),
	ROW('s', "string-limit", "BYTES",
	    "bytes of one string that are captured: 1 to 32k (default 512)",
	    .set = set_string_limit),
	ROW(0, "no-args", NULL,
	    "event names only",
	    .set = set_flag, FIELD(o.no_args)),

	ROW('o', "output", "FILE",
	    "write events there; - is stdout",
	    .heading = "Output", .set = set_output),
	ROW(0, "format", "FORMAT",
	    "text (default), or json: one object a line",
	    .set = set_format, .choices = "text|json"),
	ROW('c', "summary", NULL,
	    "counts instead of events",
	    .set = set_flag, FIELD(o.summary)),
	ROW(0, "color", "WHEN",
	    "auto (default: on a terminal only), always or never",
	    .set = set_choice, FIELD(o.color), .choices = "auto|always|never"),
	ROW('q', "quiet", NULL,
	    "errors only on stderr",
	    .set = set_quiet),
	ROW('v', "verbose", NULL,
	    "say on stderr what happens; repeatable",
	    .set = set_verbose),

	ROW(0, "duration", "TIME",
	    "stop after it: 10, 1.5s, 200ms, 5m, 1h",
	    .heading = "Limits", .set = set_duration),
	ROW(0, "count", "N",
	    "stop after N events",
	    .set = set_count),
	ROW(0, "buffer", "SIZE",
	    "ring buffer of the kernel: 64k to 1G (default 8M)",
	    .set = set_buffer),

	ROW(0, "probe", "HOW",
	    "auto (default: what sees all and changes nothing), uprobe or usdt",
	    .heading = "Other", .set = set_choice, FIELD(o.probe), .choices = "auto|uprobe|usdt"),
	ROW(0, "check", NULL,
	    "what this kernel and these interpreters (-p or FILE) let us see",
	    .set = set_flag, FIELD(check)),
	ROW(0, "list-events", NULL,
	    "the event table; -e selects, --format json for programs",
	    .set = set_flag, FIELD(list_events)),
	ROW(0, "version", NULL,
	    "print the version and exit",
	    .set = set_version),
	ROW('h', "help", NULL,
	    "print this and exit",
	    .set = set_help),
};
/* clang-format on */

#define N_ROWS (sizeof(rows) / sizeof(*rows))

const struct option_row *options_table(size_t *n)
{
	*n = N_ROWS;
	return rows;
}

/* "+": COMMAND ends our options, whatever its own are; ":": a missing argument is told apart. */
static void fill_getopt(char *letters, struct option *longs)
{
	size_t i;

	*letters++ = '+';
	*letters++ = ':';
	for (i = 0; i < N_ROWS; i++) {
		longs[i] =
			(struct option){rows[i].name, rows[i].arg ? required_argument : no_argument,
					NULL, LONG_BASE + (int)i};
		if (rows[i].letter)
			*letters++ = rows[i].letter;
		if (rows[i].letter && rows[i].arg)
			*letters++ = ':';
	}
	*letters = 0;
	longs[N_ROWS] = (struct option){0};
}

static const struct option_row *row_of(int code)
{
	size_t i;

	if (code >= LONG_BASE)
		return &rows[code - LONG_BASE];
	for (i = 0; i < N_ROWS; i++)
		if (rows[i].letter == code)
			return &rows[i];
	return NULL;
}

static int unknown_long(const char *arg)
{
	size_t i, n = strcspn(arg, "="), matches = 0;

	for (i = 0; n > 2 && i < N_ROWS; i++)
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
			  rows[optopt - LONG_BASE].name);
	else if (optopt > ' ' && optopt < 0x7f)
		log_error("-%c: unknown option; see pyaudit-trace --help", optopt);
	else
		log_error("-\\x%02x: unknown option; see pyaudit-trace --help", optopt & 0xff);
	return USAGE_ERROR;
}

/* All options up to the first argument that is none, or behind "--" (*ended). */
static int take_options(struct option_parser *p, int argc, char **argv, bool *ended)
{
	char letters[2 * N_ROWS + 3];
	struct option longs[N_ROWS + 1];
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
		return out_of_memory();
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
		{p->list_events && pids, "--pid: nothing is traced by --list-events; leave it out"},
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

static int parse_all(struct option_parser *p, int argc, char **argv)
{
	bool ended;
	int ret = take_options(p, argc, argv, &ended);

	if (!ret && p->check)
		ret = take_files(p, argc, argv, ended);
	return ret ? ret : choose_mode(p, argv + optind);
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct option_parser p = {.o = {.string_limit = STRING_LIMIT_DEFAULT,
					.buffer_size = BUFFER_DEFAULT,
					.format = "text"}};
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
	free(o->events);
	free(o->files);
	free(o->pids);
	*o = (struct options){0};
}
