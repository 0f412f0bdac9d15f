// SPDX-License-Identifier: GPL-2.0-only
/* The command line: every row of the table, every error. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "options.h"
#include "options_values.h"
#include "options_table.h"

#define ARGV(...) ((char *[]){"pyaudit-trace", __VA_ARGS__ __VA_OPT__(, ) NULL})

static char said[8192];

static int count_args(char **argv)
{
	int n = 0;

	while (argv[n])
		n++;
	return n;
}

/* Parses with stderr caught in said. */
static int parse(struct options *o, char **argv)
{
	int fd = memfd_create("stderr", 0), saved = dup(STDERR_FILENO), ret;
	ssize_t n;

	assert_true(fd >= 0 && saved >= 0);
	dup2(fd, STDERR_FILENO);
	ret = options_parse(o, count_args(argv), argv);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fd, said, sizeof(said) - 1, 0);
	close(fd);
	assert_true(n >= 0);
	said[n] = 0;
	return ret;
}

static struct options good(char **argv)
{
	struct options o;
	int ret = parse(&o, argv);

	if (ret)
		print_error("%s", said);
	assert_int_equal(ret, 0);
	assert_string_equal(said, "");
	return o;
}

/* Refused with one line "pyaudit-trace: object: cause; remedy" that has this text in it. */
static void bad(char **argv, const char *text)
{
	struct options o;
	char *end, *colon;

	assert_int_equal(parse(&o, argv), 2);
	end = strchr(said, '\n');
	if (!end || end[1] || strncmp(said, "pyaudit-trace: ", 15) || !strstr(said, text))
		fail_msg("expected one line with \"%s\", got: %s", text, said);
	colon = strstr(said + 15, ": ");
	assert_non_null(colon);
	assert_non_null(strpbrk(colon, ";,"));
	assert_null(o.pids);
	assert_null(o.events);
}

static void defaults(void **state)
{
	struct options o = good(ARGV("-a"));

	assert_int_equal(o.mode, MODE_ALL);
	assert_true(o.follow);
	assert_int_equal(o.string_limit, 512);
	assert_int_equal(o.buffer_size, 8 << 20);
	assert_string_equal(o.format, "text");
	assert_null(o.output);
	assert_null(o.events);
	assert_int_equal(o.n_events, 0);
	assert_true(!o.no_args && !o.summary && !o.as_root && !o.duration_ns && !o.count);
	assert_int_equal(o.color, COLOR_AUTO);
	assert_int_equal(o.probe, PY_PROBE_AUTO);
	assert_int_equal(o.verbosity, 0);
	options_free(&o);
}

static void pids(void **state)
{
	struct options o = good(ARGV("-p", "1,22", "--pid=333", "-p22", "-f"));

	assert_int_equal(o.mode, MODE_PIDS);
	assert_int_equal(o.n_pids, 3);
	assert_int_equal(o.pids[0], 1);
	assert_int_equal(o.pids[1], 22);
	assert_int_equal(o.pids[2], 333);
	assert_true(o.follow);
	options_free(&o);
	assert_null(o.pids);
}

static void events(void **state)
{
	struct options o = good(ARGV("-a", "-e", "open,!os.*", "--event", "@network,!@file"));
	const char *const want[] = {"open", "!os.*", "@network", "!@file"};
	size_t i;

	assert_int_equal(o.n_events, 4);
	for (i = 0; i < 4; i++)
		assert_string_equal(o.events[i], want[i]);
	assert_null(o.events[4]);
	options_free(&o);
}

static void values(void **state)
{
	struct options o =
		good(ARGV("-a", "-s", "4k", "--no-args", "-o", "-", "--format", "json", "-c",
			  "--duration", "1.5s", "--count", "12", "--buffer", "100k", "--as-root",
			  "--probe", "usdt", "-vv", "--color", "never"));

	assert_int_equal(o.string_limit, 4096);
	assert_true(o.no_args && o.summary && o.as_root);
	assert_string_equal(o.output, "-");
	assert_string_equal(o.format, "json");
	assert_int_equal(o.duration_ns, 1500000000);
	assert_int_equal(o.count, 12);
	assert_int_equal(o.buffer_size, 128 << 10);
	assert_int_equal(o.probe, PY_PROBE_USDT);
	assert_int_equal(o.color, COLOR_NEVER);
	assert_int_equal(o.verbosity, 2);
	options_free(&o);

	o = good(ARGV("-a", "-q", "--probe=uprobe", "--color=always", "-s32768", "--buffer=1G"));
	assert_int_equal(o.verbosity, -1);
	assert_int_equal(o.probe, PY_PROBE_UPROBE);
	assert_int_equal(o.color, COLOR_ALWAYS);
	assert_int_equal(o.string_limit, 32768);
	assert_int_equal(o.buffer_size, 1 << 30);
	options_free(&o);

	o = good(ARGV("-a", "--buffer", "65537"));
	assert_int_equal(o.buffer_size, 128 << 10);
	options_free(&o);
}

static void redaction(void **state)
{
	struct options o = good(ARGV("-a", "--redact", "none", "--redact=open:path~a,b"));

	assert_int_equal(o.n_redact, 2);
	assert_string_equal(o.redact[0], "none");
	assert_string_equal(o.redact[1], "open:path~a,b");
	options_free(&o);
	bad(ARGV("-a", "--redact"), "--redact: its argument is missing; give RULE");
}

static void narrowing(void **state)
{
	struct options o = good(ARGV("-a", "-u", "root", "--comm", "py*", "--cgroup", "a.slice",
				     "--rate", "7", "--arg", "path~/etc/*", "--arg", "mode~w"));

	assert_true(o.by_uid);
	assert_int_equal(o.uid, 0);
	assert_string_equal(o.comm, "py*");
	assert_string_equal(o.cgroup, "a.slice");
	assert_int_equal(o.rate, 7);
	assert_int_equal(o.n_args, 2);
	assert_string_equal(o.args[0], "path~/etc/*");
	assert_string_equal(o.args[1], "mode~w");
	assert_null(o.args[2]);
	options_free(&o);
	o = good(ARGV("-a", "--uid=1234567"));
	assert_int_equal(o.uid, 1234567);
	options_free(&o);
}

static void commands(void **state)
{
	char **argv = ARGV("-f", "python3", "-c", "pass", "--all", "-x");
	struct options o = good(argv);

	assert_int_equal(o.mode, MODE_COMMAND);
	assert_ptr_equal(o.command, argv + 2);
	assert_true(o.follow && !o.summary);
	options_free(&o);

	argv = ARGV("-c", "--", "-odd", "--help");
	o = good(argv);
	assert_int_equal(o.mode, MODE_COMMAND);
	assert_ptr_equal(o.command, argv + 3);
	assert_true(o.summary);
	options_free(&o);
}

static void other_modes(void **state)
{
	struct options o = good(ARGV("--check"));

	assert_int_equal(o.mode, MODE_CHECK);
	assert_true(!o.files || !o.files[0]);
	options_free(&o);

	o = good(ARGV("--check", "-p", "5"));
	assert_int_equal(o.mode, MODE_CHECK);
	assert_int_equal(o.n_pids, 1);
	options_free(&o);

	o = good(ARGV("--check", "/bin/a", "-v", "b", "--", "-c"));
	assert_int_equal(o.mode, MODE_CHECK);
	assert_string_equal(o.files[0], "/bin/a");
	assert_string_equal(o.files[1], "b");
	assert_string_equal(o.files[2], "-c");
	assert_null(o.files[3]);
	assert_int_equal(o.verbosity, 1);
	assert_false(o.summary);
	options_free(&o);

	o = good(ARGV("--check", "--", "-v", "-q"));
	assert_string_equal(o.files[0], "-v");
	assert_string_equal(o.files[1], "-q");
	assert_null(o.files[2]);
	options_free(&o);

	o = good(ARGV("--list-events", "-e", "os.*", "--format", "json"));
	assert_int_equal(o.mode, MODE_LIST_EVENTS);
	assert_int_equal(o.n_events, 1);
	options_free(&o);

	o = good(ARGV("--help", "--nonsense"));
	assert_int_equal(o.mode, MODE_HELP);
	options_free(&o);
	o = good(ARGV("-h"));
	assert_int_equal(o.mode, MODE_HELP);
	options_free(&o);
	o = good(ARGV("--version"));
	assert_int_equal(o.mode, MODE_VERSION);
	options_free(&o);
}

static void errors(void **state)
{
	char *no_pid[] = {"",	"0",  "-1",   "+1",  " 1",  "1 ",	  "1x",
			  "1,", ",1", "1,,2", "0x1", "1,0", "2147483648", "99999999999999999999999",
			  "$",	NULL};
	char *no_limit[] = {"", "0", "32769", "33k", "1kk", "k", "-1", "1.5k", "1 k", "1kb", NULL};
	char *no_buffer[] = {"", "0", "65535", "63k", "2G", "1073741825", "8X", "8MM", NULL};
	char *no_time[] = {"",
			   "0",
			   "0s",
			   "s",
			   "1.",
			   ".",
			   "1x",
			   "-1",
			   "1s ",
			   "1e3",
			   "1.5.5",
			   "99999999999999999999",
			   "9999999999999",
			   "0.0000000001",
			   NULL};
	char *no_count[] = {"", "0", "1k", "-1", "18446744073709551616", NULL};
	char *no_share[] = {"", "0", "5%", "1001", NULL};
	char *no_rate[] = {"", "0", "1k", "-1", "1000000001", NULL};
	char *no_event[] = {"", ",", "a,", ",a", "!", "@", "!@", "a,!", "a,,b", NULL};
	size_t i;

	for (i = 0; no_pid[i]; i++)
		bad(ARGV("-p", no_pid[i]), "--pid '");
	for (i = 0; no_limit[i]; i++)
		bad(ARGV("-a", "-s", no_limit[i]), "--string-limit '");
	for (i = 0; no_buffer[i]; i++)
		bad(ARGV("-a", "--buffer", no_buffer[i]), "--buffer '");
	for (i = 0; no_time[i]; i++)
		bad(ARGV("-a", "--duration", no_time[i]), "--duration '");
	for (i = 0; no_count[i]; i++)
		bad(ARGV("-a", "--count", no_count[i]), "--count '");
	for (i = 0; no_event[i]; i++)
		bad(ARGV("-a", "-e", no_event[i]), "--event '");
	for (i = 0; no_rate[i]; i++)
		bad(ARGV("-a", "--rate", no_rate[i]), "--rate '");
	for (i = 0; no_share[i]; i++)
		bad(ARGV("-a", "--max-cpu", no_share[i]), "--max-cpu '");
	bad(ARGV("-a", "-u", "no such user"), "--uid 'no such user': no such user");
	bad(ARGV("-a", "-u", "4294967295"), "no such user");
	bad(ARGV("-a", "--comm", ""), "--comm ''");
	bad(ARGV("-a", "--comm", "py[23]"), "no []");
	bad(ARGV("-a", "--cgroup", ""), "--cgroup ''");
	bad(ARGV("-a", "--format", "xml"), "text, json");
	bad(ARGV("-a", "--format", "tex"), "text, json");
	bad(ARGV("-a", "--color", "maybe"), "auto|always|never");
	bad(ARGV("-a", "--otlp", "--otel-pid-attr", "both"), "resource|record");
	bad(ARGV("-a", "--otel-pid-attr=record"), "give --otlp too");
	bad(ARGV("-a", "--probe", ""), "auto|uprobe|usdt");
	bad(ARGV("-a", "-o", ""), "--output ''");
}

static void usage_errors(void **state)
{
	char *long_value = malloc(10001);

	memset(long_value, 'x', 10000);
	long_value[10000] = 0;
	bad(ARGV("-p", long_value), "give numbers above 0");
	bad(ARGV("-p", "1\n2"), "not a process number");
	free(long_value);

	bad(ARGV("--nonsense"), "--nonsense: unknown option");
	bad(ARGV("--nonsense=3"), "--nonsense=3: unknown option");
	bad(ARGV("-a", "-Z"), "-Z: unknown option");
	bad(ARGV("-aZ"), "-Z: unknown option");
	bad(ARGV("-a\xc3"), "-\\xc3: unknown option");
	bad(ARGV("--co"), "--co: several options");
	bad(ARGV("--all=yes"), "--all: takes no argument");
	bad(ARGV("-p"), "--pid: its argument is missing");
	bad(ARGV("--format"), "--format: its argument is missing");
	bad(ARGV("-p", "1", "python3"), "python3: a COMMAND and --pid");
	bad(ARGV("-a", "python3"), "python3: a COMMAND and --all");
	bad(ARGV("-a", "-p", "1", "-e", "open"), "--all and --pid");
	bad(ARGV("--check", "--list-events"), "--check and --list-events");
	bad(ARGV("--check", "-a"), "--all");
	bad(ARGV("--list-events", "-p1"), "--pid");
	bad(ARGV("--list-events", "open"), "open: ");
	bad(ARGV("-u", "root", "-p", "1"), "--uid: narrows -a");
	bad(ARGV("--comm", "x", "python3"), "--comm: narrows -a");
	bad(ARGV("--cgroup", "x", "-p", "1"), "--cgroup: narrows -a");
	bad(ARGV("--arg", "path~x", "--no-args", "-a"), "--arg and --no-args");
	bad(ARGV("--arg", "path~x", "--check"), "--arg: nothing is traced");
	bad(ARGV("--check", "file", "-Z"), "-Z: unknown option");
	bad(ARGV(), "--help");
	bad(ARGV("-f", "-e", "open"), "nothing to trace");
	bad(ARGV("--"), "nothing to trace");
}

static void stack(void **state)
{
	struct options o = good(ARGV("-a"));

	assert_int_equal(o.stack_depth, 0);
	options_free(&o);
	o = good(ARGV("-k", "cmd", "8"));
	assert_int_equal(o.stack_depth, 16);
	assert_string_equal(o.command[0], "cmd");
	options_free(&o);
	o = good(ARGV("-k128", "-a"));
	assert_int_equal(o.stack_depth, 128);
	options_free(&o);
	o = good(ARGV("--stack", "-a"));
	assert_int_equal(o.stack_depth, 16);
	options_free(&o);
	o = good(ARGV("--stack=1", "-a"));
	assert_int_equal(o.stack_depth, 1);
	options_free(&o);
	/* Counts of stacks want them whole, unless told otherwise. */
	o = good(ARGV("--format", "folded", "-a"));
	assert_int_equal(o.stack_depth, 128);
	options_free(&o);
	o = good(ARGV("-k4", "--format", "folded", "-a"));
	assert_int_equal(o.stack_depth, 4);
	options_free(&o);
	bad(ARGV("-a", "-k0"), "--stack '0'");
	bad(ARGV("-a", "--stack=129"), "1 to 128");
	bad(ARGV("-a", "--stack=8x"), "1 to 128");
	bad(ARGV("-a", "--stack="), "1 to 128");
	bad(ARGV("-a", "-c", "--format", "folded"), "--summary and --format folded");
	bad(ARGV("--list-events", "--format", "folded"), "--format: of events");
	bad(ARGV("--check", "--format", "ecs"), "--format: of events");
}

static void exporters(void **state)
{
	struct options o;

	o = good(ARGV("-a"));
	assert_false(o.journald);
	assert_int_equal(o.n_syslog, 0);
	assert_null(o.metrics);
	options_free(&o);
	o = good(ARGV("-a", "--journald", "--syslog", "--syslog=tls:h,facility=local1", "--metrics",
		      "[::1]:9464"));
	assert_true(o.journald);
	assert_int_equal(o.n_syslog, 2);
	assert_null(o.syslog[0]);
	assert_string_equal(o.syslog[1], "tls:h,facility=local1");
	assert_string_equal(o.metrics, "[::1]:9464");
	options_free(&o);
	o = good(ARGV("-a", "-o", "unix:/run/x"));
	assert_true(o.to_socket);
	assert_string_equal(o.format, "json");
	options_free(&o);
	o = good(ARGV("-a", "-o", "tcp:h:1", "--format", "text"));
	assert_string_equal(o.format, "text");
	options_free(&o);
	o = good(ARGV("-a", "-o", "./unix:x"));
	assert_false(o.to_socket);
	assert_string_equal(o.format, "text");
	options_free(&o);
	bad(ARGV("-a", "--metrics", "x"), "--metrics 'x': not an address");
	bad(ARGV("-a", "--syslog=x"), "--syslog 'x': not an address");
	bad(ARGV("-a", "--syslog=udp:h,facility=x"), "unknown facility");
	bad(ARGV("-a", "-o", "tcp:h"), "no port");
	bad(ARGV("-a", "-o", "udp:h:1"), "datagrams get lost");
	bad(ARGV("-a", "-o", "unix:x", "--format", "folded"), "a table cannot be sent");
	bad(ARGV("-a", "-o", "unix:x", "--rotate", "1M"), "no file to rotate");
}

static void otlp(void **state)
{
	struct options o = good(ARGV("-a", "--otlp", "--spool", "/var/spool/x"));

	assert_true(o.otlp);
	assert_null(o.otlp_url);
	assert_string_equal(o.spool, "/var/spool/x");
	assert_int_equal(o.spool_size, 256 << 20);
	options_free(&o);
	o = good(ARGV("-a", "--otlp=https://h:1/x", "--spool", "a,b,64M"));
	assert_string_equal(o.otlp_url, "https://h:1/x");
	assert_string_equal(o.spool, "a,b");
	assert_int_equal(o.spool_size, 64 << 20);
	options_free(&o);
	bad(ARGV("-a", "--otlp=collector:4318"), "--otlp 'collector:4318': not the URL");
	bad(ARGV("-a", "--otlp=ftp://h"), "not the URL");
	bad(ARGV("-a", "--otlp=http://"), "not the URL");
	bad(ARGV("-a", "--spool", "x"), "--spool: keeps what --otlp sends; give --otlp too");
	bad(ARGV("-a", "--otlp", "--spool", "x,1k"), "--spool 'x,1k': not a directory and a size");
	bad(ARGV("-a", "--otlp", "--spool", ",1M"), "no directory");
}

/* A value that the row takes. */
static const char *fitting(const struct option_row *row)
{
	static char choice[32];

	if (row->choices) {
		strncpy(choice, row->choices, sizeof(choice) - 1);
		*strchr(choice, '|') = 0;
		return choice;
	}
	if (!strcmp(row->name, "config"))
		return "/dev/null";
	if (!strcmp(row->name, "user"))
		return "root";
	if (!strcmp(row->name, "syslog"))
		return "udp:localhost";
	if (!strcmp(row->name, "otlp"))
		return "http://localhost";
	if (!strcmp(row->name, "syscalls"))
		return "all";
	return !strcmp(row->name, "buffer") || !strcmp(row->name, "rotate") ? "64k" : "7";
}

static void every_row(void **state)
{
	const struct option_row *row;
	char text[64], letter[3] = "-";
	struct options o;
	size_t i, n;
	int ret;

	row = options_table(&n);
	assert_true(n > 20);
	for (i = 0; i < n; i++, row++) {
		snprintf(text, sizeof(text), "--%s%s%s", row->name, row->arg ? "=" : "",
			 row->arg ? fitting(row) : "");
		ret = parse(&o, ARGV(text));
		/* Right or wrong as a whole: the option itself must be known. */
		if (ret && !strstr(said, "--rotate: there is no file") &&
		    !strstr(said, "--spool: keeps what --otlp sends"))
			assert_non_null(strstr(said, "nothing to trace")
						?: strstr(said, "narrows -a"));
		options_free(&o);
		letter[1] = row->letter;
		if (row->letter && row->arg && !row->optional)
			ret = parse(&o, ARGV(letter, (char *)fitting(row), "cmd"));
		else if (row->letter)
			ret = parse(&o, ARGV(letter, "cmd"));
		else
			continue;
		if (ret)
			assert_non_null(strstr(said, "a COMMAND and")
						?: strstr(said, "narrows -a"));
		options_free(&o);
		if (row->arg && !row->optional)
			bad(ARGV(letter), row->name);
	}
}

static void help_shows_every_row(void **state)
{
	const struct option_row *row;
	char *text = NULL, *line, *rest, want[64];
	size_t i, n, size, lines;
	FILE *f = open_memstream(&text, &size);

	options_print_help(f);
	fclose(f);
	row = options_table(&n);
	for (i = 0; i < n; i++, row++) {
		snprintf(want, sizeof(want), " --%s%s%s%s ", row->name,
			 row->optional ? "[="
			 : row->arg    ? " "
				       : "",
			 row->arg ? row->arg : "", row->optional ? "]" : "");
		if (!strstr(text, want) || !strstr(text, row->help))
			fail_msg("--help lacks %s", want);
		if (row->letter) {
			snprintf(want, sizeof(want), "  -%c, --%s", row->letter, row->name);
			assert_non_null(strstr(text, want));
		}
		if (row->heading)
			assert_non_null(strstr(text, row->heading));
	}
	lines = 0;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strlen(line) > 100)
			fail_msg("longer than 100 columns: %s", line);
		lines += !strncmp(line, "  pyaudit-trace ", 16);
	}
	assert_in_range(lines, 4, 5);
	free(text);
}

static void version(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	options_print_version(f);
	fclose(f);
	assert_memory_equal(text, "pyaudit-trace ", 14);
	assert_int_equal(text[size - 1], '\n');
	free(text);
}

static void sizes(void **state)
{
	uint64_t v = 0;

	assert_int_equal(parse_size("0", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(parse_size("512k", &v), 0);
	assert_int_equal(v, 512 << 10);
	assert_int_equal(parse_size("4M", &v), 0);
	assert_int_equal(v, 4 << 20);
	assert_int_equal(parse_size("1G", &v), 0);
	assert_int_equal(v, 1 << 30);
	assert_int_equal(parse_size("18446744073709551615", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(parse_size("18446744073709551616", &v), -ERANGE);
	assert_int_equal(parse_size("17179869184G", &v), -ERANGE);
	assert_int_equal(parse_size("", &v), -EINVAL);
	assert_int_equal(parse_size("1T", &v), -EINVAL);
}

static void times(void **state)
{
	const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{"10", 10000000000},	 {"1.5s", 1500000000},
		{"200ms", 200000000},	 {"5m", 300000000000},
		{"1h", 3600000000000},	 {".5", 500000000},
		{"0.000000001", 1},	 {"0", 0},
		{"1.5h", 5400000000000}, {"0.5ms", 500000},
	};
	uint64_t v;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(parse_time(rows[i].text, &v), 0);
		assert_int_equal(v, rows[i].ns);
	}
	assert_int_equal(parse_time("9999999999999", &v), -ERANGE);
	assert_int_equal(parse_time("9999999999999999999999", &v), -ERANGE);
	assert_int_equal(parse_time("1w", &v), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(pids),
		cmocka_unit_test(events),
		cmocka_unit_test(values),
		cmocka_unit_test(redaction),
		cmocka_unit_test(narrowing),
		cmocka_unit_test(commands),
		cmocka_unit_test(other_modes),
		cmocka_unit_test(errors),
		cmocka_unit_test(usage_errors),
		cmocka_unit_test(stack),
		cmocka_unit_test(exporters),
		cmocka_unit_test(otlp),
		cmocka_unit_test(every_row),
		cmocka_unit_test(help_shows_every_row),
		cmocka_unit_test(version),
		cmocka_unit_test(sizes),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
