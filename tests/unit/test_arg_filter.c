// SPDX-License-Identifier: GPL-2.0-only
/* --arg: globs, what is said of bad rules, and which events pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "arg_filter.h"
#include "base/glob.h"
#include "base/log.h"
#include "decode/wire_decode.h"
#include "wire_build.h"

static void globs(void **state)
{
	static const struct {
		const char *glob, *text;
		bool match;
	} rows[] = {
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a/b", true},
		{"a*", "ab", true},
		{"a*", "ba", false},
		{"*.py", "x.py", true},
		{"*.py", "x.pyc", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*a*b*", "xxaxxbxx", true},
		{"*a*b", "ab ab a", false},
		{"[ab]c", "bc", true},
		{"[ab]c", "cc", false},
		{"[a-c]", "b", true},
		{"[!a-c]", "b", false},
		{"[^a-c]", "d", true},
		{"[]a]", "]", true},
		{"[a-]", "-", true},
		{"[", "[", true},
		{"[ab", "[ab", true},
		{"a[", "a[", true},
		{"*[0-9]", "x7", true},
		{"*[0-9]", "7x", false},
		{"\\*", "\\x", true},
		{"***", "", true},
		{"a", "", false},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (glob_match_bytes(rows[i].glob, rows[i].text, strlen(rows[i].text)) !=
		    rows[i].match)
			fail_msg("%s on %s", rows[i].glob, rows[i].text);
	assert_true(glob_match_bytes("a*c", "a\0b\0c", 5));
	assert_false(glob_match_bytes("a", "a\0", 2));
	/* Many stars do not take forever. */
	assert_false(glob_match_bytes(
		"*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 60));
}

static struct wire_build build;
static struct wire_decoder decoder;
static struct audit_event event;

static void begin(const char *name)
{
	wb_begin(&build);
	wb_cstr(&build, name);
}

static bool passes(const char *first, const char *second)
{
	char *rules[] = {(char *)first, (char *)second, NULL};
	struct arg_filter *f = arg_filter_new(rules, second ? 2 : 1);
	bool pass;

	assert_non_null(f);
	memset(&event, 0, sizeof(event));
	assert_int_equal(wire_decode_audit(&build, build.len, &decoder, &event), 0);
	event.row = event_find(event.name_text);
	if (event.row)
		event.variant = event_variant_for(event.row, 0, event.args_total);
	pass = arg_filter_passes(f, &event);
	arg_filter_free(f);
	return pass;
}

static void open_event(const char *path, uint64_t length)
{
	begin("open");
	if (length)
		wb_cut_cstr(&build, path, length);
	else
		wb_cstr(&build, path);
	wb_cstr(&build, "r");
	wb_int(&build, 524288);
	wb_end(&build, 3, 3);
}

static void values(void **state)
{
	open_event("/etc/hosts", 0);
	assert_true(passes("path~/etc/*", NULL));
	assert_true(passes("path~/etc/hosts", NULL));
	assert_true(passes("path~*[s]", NULL));
	assert_false(passes("path~/etc", NULL));
	assert_true(passes("flags~524288", NULL));
	assert_false(passes("flags~5", NULL));
	assert_true(passes("path~/etc/*", "mode~r"));
	assert_false(passes("path~/etc/*", "mode~w"));
	/* No such argument, in this event; nor has it one without a name. */
	assert_false(passes("host~*", NULL));
	assert_false(passes("arg0~*", NULL));

	begin("my.event");
	wb_none(&build);
	wb_units(&build, 1, "\xe9t\xe9", 3);
	wb_bytes(&build, "\0\1b", 3);
	wb_sequence(&build, WIRE_TUPLE, 2);
	wb_cstr(&build, "127.0.0.1");
	wb_int(&build, 80);
	wb_end(&build, 4, 4);
	assert_true(passes("arg0~None", NULL));
	assert_true(passes("arg1~\xc3\xa9*", NULL));
	assert_true(passes("arg2~*b", NULL));
	assert_true(passes("arg3~*127.0.0.1*80*", NULL));
	assert_false(passes("arg3~127*", NULL));
	assert_false(passes("arg4~*", NULL));
}

/* What is not known passes where it might match. */
static void not_whole(void **state)
{
	open_event("/etc/ho", 9000);
	assert_true(passes("path~/etc/*", NULL));
	assert_true(passes("path~*.conf", NULL));
	assert_true(passes("path~/etc/hosts*", NULL));
	assert_false(passes("path~/usr/*", NULL));
	assert_false(passes("path~/etc", NULL));

	begin("open");
	wb_unreadable(&build, 14);
	wb_end(&build, 1, 3);
	assert_true(passes("path~/etc/*", NULL));
	assert_true(passes("mode~w", NULL)); /* cut off */
	begin("my.event");
	wb_end(&build, 0, 0);
	build.audit.flags = WIRE_AUDIT_FMT_UNREAD;
	assert_true(passes("arg0~x", NULL));
}

static void refused(void **state)
{
	static char *const bad[] = {"path",   "~x",	"nosuchargument~x",
				    "argx~x", "arg1x~", "arg300~x"};
	char *many[] = {"path~1", "path~2", "path~3", "path~4", "path~5",
			"path~6", "path~7", "path~8", "path~9"};
	char *one[1], longest[200] = "path~";
	struct arg_filter *f;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		one[0] = bad[i];
		assert_null(arg_filter_new(one, 1));
	}
	assert_null(arg_filter_new(many, 9));
	memset(longest + 5, 'x', 128);
	one[0] = longest;
	assert_null(arg_filter_new(one, 1));
	longest[5 + 127] = '\0';
	f = arg_filter_new(one, 1);
	assert_non_null(f);
	arg_filter_free(f);
}

static void for_the_kernel(void **state)
{
	char *rules[] = {"path~/etc/*", "path~*.py",	 "path~x",
			 "path~*x*",	"arg2~\xc3\xa9", "path~*"};
	struct arg_filter *f = arg_filter_new(rules, 6);
	const struct tracer_arg_place *places;
	const struct arg_rule *r;
	bool open_seen = false;
	size_t n, i;

	assert_non_null(f);
	assert_int_equal(arg_filter_count(f), 6);
	r = arg_filter_rules(f);
	assert_int_equal(r[0].form, ARG_RULE_PREFIX);
	assert_int_equal(r[0].len, 5);
	assert_memory_equal(r[0].text, "/etc/", 5);
	assert_int_equal(r[1].form, ARG_RULE_SUFFIX);
	assert_memory_equal(r[1].text, ".py", 3);
	assert_int_equal(r[2].form, ARG_RULE_EXACT);
	assert_int_equal(r[3].form, ARG_RULE_OTHER);
	assert_int_equal(r[4].form, ARG_RULE_EXACT);
	assert_false(r[4].ascii);
	assert_int_equal(r[4].other, 2);
	assert_int_equal(r[5].form, ARG_RULE_PREFIX);
	assert_int_equal(r[5].len, 0);
	places = arg_filter_places(f, &n);
	for (i = 0; i < n; i++)
		if (!strcmp(places[i].event, "open") && places[i].rule == 0)
			open_seen = places[i].place == 0;
	assert_true(open_seen);
	arg_filter_free(f);
}

/* Names of events that cannot have the argument are known not to pass. */
static void names(void **state)
{
	char *path_rule[] = {"path~*"}, *arg_rule[] = {"arg0~*"};
	struct arg_filter *f = arg_filter_new(path_rule, 1);
	struct filter filter;
	size_t i;

	assert_int_equal(filter_init(&filter, NULL, 0), 0);
	arg_filter_narrow(f, &filter);
	assert_false(filter.default_pass);
	for (i = 0; i < filter.n_names; i++) {
		if (!strcmp(filter.names[i], "open"))
			assert_true(filter.names_pass[i]);
		if (!strcmp(filter.names[i], "socket.connect"))
			assert_false(filter.names_pass[i]);
	}
	filter_free(&filter);
	arg_filter_free(f);

	f = arg_filter_new(arg_rule, 1);
	assert_int_equal(filter_init(&filter, NULL, 0), 0);
	arg_filter_narrow(f, &filter);
	assert_true(filter.default_pass);
	filter_free(&filter);
	arg_filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs),	  cmocka_unit_test(values),
		cmocka_unit_test(not_whole),	  cmocka_unit_test(refused),
		cmocka_unit_test(for_the_kernel), cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
