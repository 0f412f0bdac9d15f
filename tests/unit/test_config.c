// SPDX-License-Identifier: GPL-2.0-only
/* The configuration file: what is taken from it, what the command line overrides, every error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

#define ARGV(...) ((char *[]){"pyaudit-trace", "--config", path, __VA_ARGS__ __VA_OPT__(, ) NULL})

static char path[] = "/tmp/pyaudit-config.XXXXXX", said[4096];

static void write_config(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int parse(struct options *o, char **argv)
{
	int fd = memfd_create("stderr", 0), saved = dup(STDERR_FILENO), ret, n = 0;
	ssize_t len;

	while (argv[n])
		n++;
	assert_true(fd >= 0 && saved >= 0);
	dup2(fd, STDERR_FILENO);
	ret = options_parse(o, n, argv);
	dup2(saved, STDERR_FILENO);
	close(saved);
	len = pread(fd, said, sizeof(said) - 1, 0);
	close(fd);
	assert_true(len >= 0);
	said[len] = 0;
	return ret;
}

static struct options good(const char *text, char **argv)
{
	struct options o;

	write_config(text);
	if (parse(&o, argv))
		fail_msg("%s", said);
	assert_string_equal(said, "");
	return o;
}

/* One line: the file, this line of it, and this text. */
static void bad(const char *text, unsigned int line, const char *want)
{
	char place[128];
	struct options o;

	write_config(text);
	assert_int_equal(parse(&o, ARGV("-a")), USAGE_ERROR);
	snprintf(place, sizeof(place), "pyaudit-trace: %s:%u: ", path, line);
	if (strncmp(said, place, strlen(place)) || !strstr(said, want) ||
	    strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("expected %s...%s, got: %s", place, want, said);
	assert_null(o.events);
	assert_null(o.config);
}

static void takes_options(void **state)
{
	struct options o = good("# a service\n"
				"all: true\n"
				"event: [\"!import\", '@network', open]\n"
				"output: /var/log/x.json\n"
				"rotate: 64M,7\n"
				"format: json\n"
				"stack: true\n"
				"string-limit: 4k\n"
				"no-args: false\n"
				"verbose: 2\n",
				ARGV());

	assert_int_equal(o.mode, MODE_ALL);
	assert_int_equal(o.n_events, 3);
	assert_string_equal(o.events[0], "!import");
	assert_string_equal(o.events[2], "open");
	assert_string_equal(o.output, "/var/log/x.json");
	assert_int_equal(o.rotate_size, 64 << 20);
	assert_int_equal(o.rotate_keep, 7);
	assert_string_equal(o.format, "json");
	assert_int_equal(o.stack_depth, 16);
	assert_int_equal(o.string_limit, 4096);
	assert_false(o.no_args);
	assert_int_equal(o.verbosity, 2);
	options_free(&o);
}

static void lists_may_be_blocks(void **state)
{
	struct options o = good("pid:\n  - 11\n  - 12,13\nevent:\n- open\n", ARGV());

	assert_int_equal(o.mode, MODE_PIDS);
	assert_int_equal(o.n_pids, 3);
	assert_int_equal(o.pids[2], 13);
	assert_int_equal(o.n_events, 1);
	options_free(&o);
}

static void empty_files(void **state)
{
	static const char *const texts[] = {"", "# nothing\n", "---\n# nothing\n"};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct options o = good(texts[i], ARGV("-a"));

		assert_int_equal(o.mode, MODE_ALL);
		options_free(&o);
	}
}

/* What stands on the command line replaces what the file has of the same option. */
static void command_line_wins(void **state)
{
	static const char text[] = "all: true\nevent: [open, import]\nformat: json\nquiet: true\n"
				   "buffer: 1M\n";
	struct options o = good(text, ARGV("-p", "5", "-e", "exec", "-v", "--format=text"));

	assert_int_equal(o.mode, MODE_PIDS);
	assert_int_equal(o.n_events, 1);
	assert_string_equal(o.events[0], "exec");
	assert_string_equal(o.format, "text");
	assert_int_equal(o.verbosity, 1);
	assert_int_equal(o.buffer_size, 1 << 20);
	options_free(&o);

	o = good(text, ARGV("python3", "-c", "pass"));
	assert_int_equal(o.mode, MODE_COMMAND);
	assert_int_equal(o.n_events, 2);
	options_free(&o);
	o = good("all: true\ncomm: py*\narg: path~/etc/*\n", ARGV("-p1"));
	assert_int_equal(o.mode, MODE_PIDS);
	assert_null(o.comm);
	assert_int_equal(o.n_args, 1);
	options_free(&o);
	o = good(text, ARGV("--list-events"));
	assert_int_equal(o.mode, MODE_LIST_EVENTS);
	options_free(&o);
}

static void errors(void **state)
{
	bad("bufer: 1M\n", 1, "no such option");
	bad("\n\nbuffer: 3\n", 3, "--buffer '3': not a buffer size");
	bad("event: [open,\n  nosuch]\n", 2, "matches no event");
	bad("event: [open, '@nonet']\n", 1, "no such category");
	bad("event: 'a.[z-b]'\n", 1, "bad character class");
	bad("event: !import\n", 1, "quote it");
	bad("event: @network\n", 1, "quote values that begin with");
	bad("format: json\nformat: json\n", 2, "given twice");
	bad("output: [a, b]\n", 1, "takes one value");
	bad("follow: 1\n", 1, "give true or false");
	bad("verbose: 12\n", 1, "give 0 to 9");
	bad("stack: 300\n", 1, "give 1 to 128");
	bad("event:\n", 1, "no value");
	bad("event: \"a\\0b\"\n", 1, "NUL");
	bad("event: {a: b}\n", 1, "not one value");
	bad("event: &a [*a]\n", 1, "not one value");
	bad("help: true\n", 1, "command line");
	bad("config: x\n", 1, "command line");
	bad("- all\n", 1, "option: value");
	bad("all\n", 1, "option: value");
	bad("format: json\n---\nall: true\n", 2, "second document");
	bad("arg: [path~a, xpath~b]\n", 1, "xpath");
	bad("format: [json\n", 2, "not YAML");
	bad("format: json\n\tall: true\n", 2, "not YAML");
	bad("rotate: 10,5\n", 1, "not a size and a number");
}

static void unreadable_files(void **state)
{
	struct options o;

	assert_int_equal(parse(&o, (char *[]){"pyaudit-trace", "-a", "--config", "/nowhere", NULL}),
			 USAGE_ERROR);
	assert_non_null(strstr(said, "/nowhere: cannot be read: No such file"));
	write_config("format: json\n");
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(parse(&o, ARGV("-a")), USAGE_ERROR);
	assert_non_null(strstr(said, "anybody may write it"));
	assert_int_equal(chmod(path, 0644), 0);
}

static void rotate_needs_a_file(void **state)
{
	struct options o;

	write_config("rotate: 1M\n");
	assert_int_equal(parse(&o, ARGV("-a")), USAGE_ERROR);
	assert_non_null(strstr(said, "--rotate: there is no file to rotate; give -o FILE"));
}

static const struct option_row *row(const char *name)
{
	const struct option_row *rows;
	size_t n, i;

	rows = options_table(&n);
	for (i = 0; i < n; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	fail_msg("%s", name);
	return NULL;
}

static bool differs(const char *a, const char *b, const char *name)
{
	struct config *x = config_parse("a", a, strlen(a)), *y = config_parse("b", b, strlen(b));
	bool yes = config_differs(x, y, row(name));

	config_free(x);
	config_free(y);
	return yes;
}

static void changes(void **state)
{
	assert_false(differs("format: json", "all: true\nformat: json", "format"));
	assert_true(differs("format: json", "format: text", "format"));
	assert_true(differs("format: json", "", "format"));
	assert_true(differs("", "follow: true", "follow"));
	assert_false(differs("", "follow: false", "follow"));
	assert_false(differs("event: [open, exec]", "event:\n- open\n- exec", "event"));
	assert_true(differs("event: [open, exec]", "event: [exec, open]", "event"));
	assert_true(differs("event: [open]", "event: [open, exec]", "event"));
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	if (fd < 0 || fchmod(fd, 0644))
		return -1;
	close(fd);
	return 0;
}

static int remove_file(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_options),
		cmocka_unit_test(lists_may_be_blocks),
		cmocka_unit_test(empty_files),
		cmocka_unit_test(command_line_wins),
		cmocka_unit_test(errors),
		cmocka_unit_test(unreadable_files),
		cmocka_unit_test(rotate_needs_a_file),
		cmocka_unit_test(changes),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
