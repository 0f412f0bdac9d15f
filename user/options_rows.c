// SPDX-License-Identifier: GPL-2.0-only
/* The options: what each takes, and the table of them. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "confine.h"
#include "options_table.h"
#include "options_values.h"
#include "sink/address.h"
#include "sink/forward.h"
#include "sink/http_server.h"
#include "sink/otlp_config.h"
#include "sink/spool.h"
#include "wire.h"

#define STRING_LIMIT_MAX 32768
#define OUTCOME_WAIT_MAX 60000000000ULL
#define BUFFER_MIN	 (64ULL << 10)
#define BUFFER_MAX	 (1ULL << 30)
#define COMM_GLOB_MAX	 127
#define RATE_MAX	 1000000000
#define MAX_CPU_MAX	 1000

#define ROTATE_MIN	    4096
#define ROTATE_KEEP_DEFAULT 5
#define ROTATE_KEEP_MAX	    1000

/* The length is limited so that a long value does not push the remedy out of the line. */
static int bad_value(const struct option_row *row, const char *value, const char *why)
{
	log_error("--%s '%.200s': %s", row->name, value, why);
	return USAGE_ERROR;
}

int options_out_of_memory(void)
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
		return options_out_of_memory();
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
		return options_out_of_memory();
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

/* The array always ends with a NULL. */
static int add_arg(struct option_parser *p, const struct option_row *row, const char *value)
{
	struct options *o = &p->o;
	char **args = reallocarray(o->args, o->n_args + 2, sizeof(*args));

	if (!args)
		return options_out_of_memory();
	o->args = args;
	o->args[o->n_args++] = (char *)value;
	o->args[o->n_args] = NULL;
	return 0;
}

static int set_uid(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (parse_user(value, &p->o.uid))
		return bad_value(row, value, "no such user; give a name or a number");
	p->o.by_uid = true;
	return 0;
}

static int set_comm(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (!*value || strlen(value) > COMM_GLOB_MAX)
		return bad_value(row, value, "not a name; give a glob of 1 to 127 bytes");
	if (strchr(value, '['))
		return bad_value(row, value, "no [] here; use * and ?");
	p->o.comm = value;
	return 0;
}

static int set_cgroup(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (!*value)
		return bad_value(row, value, "no path; give one below /sys/fs/cgroup");
	p->o.cgroup = value;
	return 0;
}

static int set_max_cpu(struct option_parser *p, const struct option_row *row, const char *value)
{
	uint64_t percent;

	if (parse_number(value, &percent) || !percent || percent > MAX_CPU_MAX)
		return bad_value(row, value, "not a share; give 1 to 1000 percent of one CPU");
	p->o.max_cpu = percent;
	return 0;
}

static int set_rate(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (parse_number(value, &p->o.rate) || !p->o.rate || p->o.rate > RATE_MAX)
		return bad_value(row, value, "not a rate; give 1 to 1000000000 events a second");
	return 0;
}

static int set_redact(struct option_parser *p, const struct option_row *row, const char *value)
{
	char **rules = reallocarray(p->o.redact, p->o.n_redact + 1, sizeof(*rules));

	if (!rules)
		return options_out_of_memory();
	p->o.redact = rules;
	p->o.redact[p->o.n_redact++] = (char *)value;
	return 0;
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

#define STACK_DEPTH_DEFAULT 16

static int set_stack(struct option_parser *p, const struct option_row *row, const char *value)
{
	uint64_t depth = STACK_DEPTH_DEFAULT;

	if (value && (parse_number(value, &depth) || !depth || depth > WIRE_MAX_FRAMES))
		return bad_value(row, value, "not a number of frames; give 1 to 128");
	p->o.stack_depth = depth;
	return 0;
}

static int set_syscalls(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (value && strcmp(value, "all"))
		return bad_value(row, value, "unknown value; leave it out, or give all");
	p->o.syscalls = value ? TRACER_SYSCALLS_ALL : TRACER_SYSCALLS_EVENTS;
	return 0;
}

static int set_outcome_wait(struct option_parser *p, const struct option_row *row,
			    const char *value)
{
	if (parse_time(value, &p->o.outcome_wait_ns) || p->o.outcome_wait_ns > OUTCOME_WAIT_MAX)
		return bad_value(row, value, "not a time up to 60s; give 100ms, 1s");
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
	const char *why;

	if (!*value)
		return bad_value(row, value, "no file name; give one, or - for stdout");
	if (address_has_scheme(value) && !forward_takes(FORWARD_LINES, value, &why))
		return bad_value(row, value, why);
	p->o.output = value;
	return 0;
}

static int set_rotate(struct option_parser *p, const struct option_row *row, const char *value)
{
	static const char why[] =
		"not a size and a number; give 4k or more, and how many files to keep, as in 64M,5";
	const char *comma = strchr(value, ',');
	uint64_t size, keep = ROTATE_KEEP_DEFAULT;
	char text[32];

	if (comma && (parse_number(comma + 1, &keep) || !keep || keep > ROTATE_KEEP_MAX))
		return bad_value(row, value, why);
	if ((size_t)snprintf(text, sizeof(text), "%.*s", (int)strcspn(value, ","), value) >=
		    sizeof(text) ||
	    parse_size(text, &size) || size < ROTATE_MIN || size > INT64_MAX)
		return bad_value(row, value, why);
	p->o.rotate_size = size;
	p->o.rotate_keep = keep;
	return 0;
}

static int set_user(struct option_parser *p, const struct option_row *row, const char *value)
{
	uid_t uid;
	gid_t gid;

	if (confine_find_user(value, &uid, &gid))
		return bad_value(row, value, "no such user; give a name of getent passwd");
	p->o.user = value;
	return 0;
}

static int set_config(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (!*value)
		return bad_value(row, value, "no file name; give one");
	p->config = value;
	return 0;
}

static int set_syslog(struct option_parser *p, const struct option_row *row, const char *value)
{
	const char **all, *why;

	if (value && !forward_takes(FORWARD_SYSLOG, value, &why))
		return bad_value(row, value, why);
	all = reallocarray(p->o.syslog, p->o.n_syslog + 1, sizeof(*all));
	if (!all)
		return options_out_of_memory();
	p->o.syslog = all;
	p->o.syslog[p->o.n_syslog++] = value;
	return 0;
}

static int set_otlp(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (value && !otlp_config_takes(value))
		return bad_value(row, value,
				 "not the URL of a receiver; give http://HOST:PORT or https://");
	p->o.otlp = true;
	p->o.otlp_url = value;
	return 0;
}

static int set_spool(struct option_parser *p, const struct option_row *row, const char *value)
{
	const char *comma = strrchr(value, ',');
	uint64_t size = SPOOL_SIZE_DEFAULT;
	char *dir;

	if (comma && (parse_size(comma + 1, &size) || size < SPOOL_SIZE_MIN || size > INT64_MAX))
		return bad_value(row, value,
				 "not a directory and a size; give 1M or more, as in DIR,256M");
	if (!*value || value == comma)
		return bad_value(row, value, "no directory; give one of the tracer's own");
	dir = strndup(value, comma ? (size_t)(comma - value) : strlen(value));
	if (!dir)
		return options_out_of_memory();
	free(p->o.spool);
	p->o.spool = dir;
	p->o.spool_size = size;
	return 0;
}

static int set_metrics(struct option_parser *p, const struct option_row *row, const char *value)
{
	if (!http_server_takes(value))
		return bad_value(row, value,
				 "not an address; give PORT, ADDR:PORT or [ADDR6]:PORT");
	p->o.metrics = value;
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
		return bad_value(row, value,
				 "unknown format; give text, json, folded, ecs or ocsf");
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
	    .heading = "What to trace", .set = set_pids, .flags = ROW_REPEATS | ROW_TARGET),
	ROW('f', "follow", NULL,
	    "also their children: fork, exec of another Python; -a implies it",
	    .set = set_flag, FIELD(o.follow)),
	ROW('a', "all", NULL,
	    "every CPython on the machine, now and later",
	    .set = set_flag, FIELD(all), .flags = ROW_TARGET),
	ROW('u', "uid", "USER",
	    "with -a: only processes of this user, a name or a number",
	    .set = set_uid, .flags = ROW_NARROWS),
	ROW(0, "comm", "GLOB",
	    "with -a: only processes, or threads, with such a name",
	    .set = set_comm, .flags = ROW_NARROWS),
	ROW(0, "cgroup", "PATH",
	    "with -a: only processes in this control group or below it",
	    .set = set_cgroup, .flags = ROW_NARROWS),
	ROW(0, "as-root", NULL,
	    "run COMMAND as root, not as the user who called sudo",
	    .set = set_flag, FIELD(o.as_root)),

	ROW('e', "event", "GLOB[,GLOB]",
	    "only these; !GLOB excludes, @NAME is a category; later wins",
	    .heading = "Which events", .set = set_events, .flags = ROW_REPEATS),
	ROW(0, "arg", "NAME~GLOB",
	    "only events whose argument NAME matches; repeatable: all must",
	    .set = add_arg, .flags = ROW_REPEATS),
	ROW('s', "string-limit", "BYTES",
	    "bytes of one string that are captured: 1 to 32k (default 512)",
	    .set = set_string_limit),
	ROW(0, "no-args", NULL,
	    "event names only",
	    .set = set_flag, FIELD(o.no_args)),
	ROW('k', "stack", "DEPTH",
	    "the Python call stack of each event: 1 to 128 frames (16)",
	    .optional = true, .set = set_stack),
	ROW(0, "syscalls", "all",
	    "each event's system calls, and those no event explains",
	    .optional = true, .set = set_syscalls),
	ROW(0, "outcome-wait", "TIME",
	    "how long an event waits for its system calls (100ms)",
	    .set = set_outcome_wait),

	ROW('o', "output", "FILE",
	    "write events there; - is stdout, unix:PATH or tcp:HOST:PORT a socket",
	    .heading = "Output", .set = set_output, .flags = ROW_LIVE),
	ROW(0, "rotate", "SIZE[,KEEP]",
	    "begin a new file of -o at SIZE; KEEP old ones stay (5)",
	    .set = set_rotate, .flags = ROW_LIVE),
	ROW(0, "format", "FORMAT",
	    "text (default), json (a line each), folded (counts), ecs or ocsf",
	    .set = set_format, .choices = "text|json|folded|ecs|ocsf"),
	ROW(0, "redact", "RULE",
	    "also hide EVENT:ARG or EVENT:ARG~REGEX; none: not even passwords",
	    .set = set_redact, .flags = ROW_REPEATS),
	ROW('c', "summary", NULL,
	    "counts instead of events",
	    .set = set_flag, FIELD(o.summary)),
	ROW(0, "color", "WHEN",
	    "auto (default: on a terminal only), always or never",
	    .set = set_choice, FIELD(o.color), .choices = "auto|always|never"),
	ROW('q', "quiet", NULL,
	    "errors only on stderr",
	    .set = set_quiet, .flags = ROW_LIVE),
	ROW('v', "verbose", NULL,
	    "say on stderr what happens; repeatable",
	    .set = set_verbose, .flags = ROW_LIVE | ROW_COUNTS),

	ROW(0, "metrics", "ADDR:PORT",
	    "serve Prometheus metrics; PORT alone: on the loopback only",
	    .heading = "Exporters", .set = set_metrics),
	ROW(0, "otlp", "URL",
	    "send OpenTelemetry logs there (default: OTEL_* variables, localhost)",
	    .optional = true, .set = set_otlp),
	ROW(0, "otel-pid-attr", "WHERE",
	    "with --otlp: where process.pid goes: resource (default) or record",
	    .set = set_choice, FIELD(o.otel_pid), .choices = "resource|record"),
	ROW(0, "spool", "DIR[,SIZE]",
	    "with --otlp: keep there what is not delivered yet (256M)",
	    .set = set_spool),
	ROW(0, "journald", NULL,
	    "send events to the systemd journal, with fields to match",
	    .set = set_flag, FIELD(o.journald)),
	ROW(0, "syslog", "ADDR",
	    "unix:PATH (default /dev/log), udp:, tcp:, tls:HOST[:PORT]; repeatable",
	    .optional = true, .set = set_syslog, .flags = ROW_REPEATS),

	ROW(0, "duration", "TIME",
	    "stop after it: 10, 1.5s, 200ms, 5m, 1h",
	    .heading = "Limits", .set = set_duration),
	ROW(0, "count", "N",
	    "stop after N events",
	    .set = set_count),
	ROW(0, "buffer", "SIZE",
	    "ring buffer of the kernel: 64k to 1G (default 8M)",
	    .set = set_buffer),

	ROW(0, "rate", "N",
	    "events a second of one process; more are lost, and counted so",
	    .set = set_rate),
	ROW(0, "max-cpu", "PERCENT",
	    "of one CPU for the tracer; above it frequent events are left out",
	    .set = set_max_cpu),

	ROW(0, "probe", "HOW",
	    "auto (default: what sees all and changes nothing), uprobe or usdt",
	    .heading = "Other", .set = set_choice, FIELD(o.probe), .choices = "auto|uprobe|usdt"),
	ROW(0, "user", "NAME",
	    "become this user once the probes stand",
	    .set = set_user),
	ROW(0, "config", "FILE",
	    "more options, from a YAML file; SIGHUP reads it again",
	    .set = set_config, .flags = ROW_COMMAND_LINE),
	ROW(0, "check", NULL,
	    "what this kernel and these interpreters (-p or FILE) let us see",
	    .set = set_flag, FIELD(check), .flags = ROW_COMMAND_LINE | ROW_TARGET),
	ROW(0, "list-events", NULL,
	    "the event table; -e selects, --format json for programs",
	    .set = set_flag, FIELD(list_events), .flags = ROW_COMMAND_LINE | ROW_TARGET),
	ROW(0, "version", NULL,
	    "print the version and exit",
	    .set = set_version, .flags = ROW_COMMAND_LINE),
	ROW('h', "help", NULL,
	    "print this and exit",
	    .set = set_help, .flags = ROW_COMMAND_LINE),
};
/* clang-format on */

#define N_ROWS (sizeof(rows) / sizeof(*rows))
_Static_assert(N_ROWS <= OPTIONS_MAX, "the parser has room for them");

const struct option_row *options_table(size_t *n)
{
	if (n)
		*n = N_ROWS;
	return rows;
}
