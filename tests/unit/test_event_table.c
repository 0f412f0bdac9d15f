// SPDX-License-Identifier: GPL-2.0-only
/* The event table is well-formed, and finding rows and variants in it works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "event_table.h"
#include "syscall_table.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const categories[] = {
	"code",		 "ctypes", "database", "file", "import",  "interpreter",
	"introspection", "memory", "network",  "os",   "process", "windows",
};
static const char *const platforms[] = {"any", "linux", "unix", "windows"};

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static const struct event_row *find(const char *name)
{
	const struct event_row *row = event_find(name);

	assert_non_null(row);
	assert_string_equal(row->name, name);
	return row;
}

static void test_sorted_and_unique(void **state)
{
	size_t n;
	const struct event_row *rows = event_table(&n);

	assert_true(n >= 200);
	for (size_t i = 1; i < n; i++)
		if (strcmp(rows[i - 1].name, rows[i].name) >= 0)
			fail_msg("%s stands before %s", rows[i - 1].name, rows[i].name);
}

/* "3.8" or "3.8.1" as PY_VERSION_HEX without the release level; 0 for anything else. */
static uint32_t parse_version(const char *text)
{
	unsigned int major, minor, micro = 0;
	int len = 0;

	if (sscanf(text, "%u.%u%n.%u%n", &major, &minor, &len, &micro, &len) < 2 || text[len])
		return 0;
	return major << 24 | minor << 16 | micro << 8;
}

static void check_versions(const struct event_row *row)
{
	if (!row->since) {
		assert_null(row->until);
		return;
	}
	if (parse_version(row->since) < 0x03080000)
		fail_msg("%s: since %s", row->name, row->since);
	if (row->until && parse_version(row->until) <= parse_version(row->since))
		fail_msg("%s: until %s is not after since %s", row->name, row->until, row->since);
}

static void test_texts(void **state)
{
	size_t n;
	const struct event_row *rows = event_table(&n);

	for (const struct event_row *row = rows; row < rows + n; row++) {
		size_t len = strlen(row->about);

		if (!*row->name || !is_one_of(row->category, categories, ARRAY_SIZE(categories)))
			fail_msg("%s: category %s", row->name, row->category);
		if (!is_one_of(row->platform, platforms, ARRAY_SIZE(platforms)))
			fail_msg("%s: platform %s", row->name, row->platform);
		if (len < 10 || len > 100 || strpbrk(row->about, "\n\t\"\\|"))
			fail_msg("%s: about \"%s\"", row->name, row->about);
		check_versions(row);
	}
}

/* Lower-case names with one space between them, none twice; nothing for what Linux never sees. */
static void check_syscalls(const struct event_row *row)
{
	char list[256], *word, *rest = list;
	const char *seen[32];
	size_t n = 0;

	if (strlen(row->syscalls) >= sizeof(list) || !strcmp(row->platform, "windows"))
		fail_msg("%s: system calls %s", row->name, row->syscalls);
	strcpy(list, row->syscalls);
	while ((word = strsep(&rest, " "))) {
		if (!*word || strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(word))
			fail_msg("%s: bad system call \"%s\"", row->name, word);
		if (is_one_of(word, seen, n))
			fail_msg("%s: %s twice", row->name, word);
		assert_true(n < ARRAY_SIZE(seen));
		seen[n++] = word;
	}
}

static void test_syscalls(void **state)
{
	size_t n;
	const struct event_row *rows = event_table(&n);

	for (const struct event_row *row = rows; row < rows + n; row++)
		if (row->syscalls)
			check_syscalls(row);
	assert_string_equal(find("open")->syscalls, "openat open");
	assert_string_equal(find("socket.connect")->syscalls, "connect");
	assert_string_equal(find("os.rename")->syscalls, "rename renameat renameat2");
	assert_null(find("compile")->syscalls);
}

static void check_args(const struct event_row *row, const struct event_variant *v)
{
	const char *names[EVENT_MAX_ARGS];

	assert_true(v->n_args <= EVENT_MAX_ARGS);
	for (size_t i = 0; i < v->n_args; i++) {
		const struct event_arg *arg = &v->args[i];

		if (!arg->name || !*arg->name || strpbrk(arg->name, " ,\"\\"))
			fail_msg("%s: argument %zu has no proper name", row->name, i);
		if (is_one_of(arg->name, names, i))
			fail_msg("%s: two arguments %s", row->name, arg->name);
		if (arg->show < SHOW_PLAIN || arg->show >= SHOW_MAX)
			fail_msg("%s: show of %s", row->name, arg->name);
		names[i] = arg->name;
	}
	for (size_t i = v->n_args; i < EVENT_MAX_ARGS; i++)
		assert_null(v->args[i].name);
}

/* Oldest first; ranges that overlap must be told apart by the number of arguments. */
static void test_variants(void **state)
{
	size_t n;
	const struct event_row *rows = event_table(&n);

	for (const struct event_row *row = rows; row < rows + n; row++) {
		assert_non_null(row->variants);
		assert_true(row->n_variants > 0);
		for (size_t i = 0; i < row->n_variants; i++) {
			const struct event_variant *v = &row->variants[i];

			check_args(row, v);
			if (v->until && v->until <= v->since)
				fail_msg("%s: empty range", row->name);
			if (i && v->since < v[-1].since)
				fail_msg("%s: variants out of order", row->name);
			for (size_t j = 0; j < i; j++) {
				const struct event_variant *w = &row->variants[j];

				if ((!w->until || w->until > v->since) && w->n_args == v->n_args)
					fail_msg("%s: variants overlap", row->name);
			}
		}
	}
}

static void test_find(void **state)
{
	static const char *const unknown[] = {
		"",    "ope",  "openx", "OPEN",	  "my.event", "os.",
		"zzz", "\xff", "!",	"socket", "open ",
	};
	size_t n;
	const struct event_row *rows = event_table(&n);

	for (size_t i = 0; i < n; i++)
		assert_ptr_equal(event_find(rows[i].name), &rows[i]);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		if (event_find(unknown[i]))
			fail_msg("found \"%s\"", unknown[i]);
}

static void check_names(const struct event_variant *v, const char *want)
{
	char got[256] = "";

	for (size_t i = 0; i < v->n_args; i++) {
		strcat(got, i ? "," : "");
		strcat(got, v->args[i].name);
	}
	assert_string_equal(got, want);
}

static void test_names_and_hints(void **state)
{
	const struct event_variant *v = event_variant_for(find("open"), 0x030b02f0, 3);

	check_names(v, "path,mode,flags");
	assert_int_equal(v->args[0].show, SHOW_PLAIN);
	assert_int_equal(v->args[2].show, SHOW_OPEN_FLAGS);
	check_names(event_variant_for(find("import"), 0, 5),
		    "module,filename,sys.path,sys.meta_path,sys.path_hooks");
	check_names(event_variant_for(find("cpython.run_module"), 0, 1), "module-name");
	check_names(event_variant_for(find("sys._getframe"), 0x03080000, 1), "frame");
	check_names(event_variant_for(find("os.fork"), 0, 0), "");
	v = event_variant_for(find("code.__new__"), 0, 9);
	assert_int_equal(v->n_args, 9);
	assert_int_equal(event_variant_for(find("os.kill"), 0, 2)->args[1].show, SHOW_SIGNAL);
	assert_null(find("sys.set_asyncgen_hooks_firstiter")->since);
	assert_string_equal(find("sys.set_asyncgen_hook_firstiter")->since, "3.8");
}

static void test_variant_by_version(void **state)
{
	const struct event_row *row = find("shutil.rmtree");

	check_names(event_variant_for(row, 0x030a0df0, 1), "path");
	check_names(event_variant_for(row, 0x030b0000, 2), "path,dir_fd");
	check_names(event_variant_for(row, 0, 2), "path,dir_fd");
	check_names(event_variant_for(row, 0, 7), "path,dir_fd");
	check_names(event_variant_for(row, 0x030a0df0, 7), "path");
	/* The number of arguments decides against the version. */
	check_names(event_variant_for(row, 0x030b02f0, 1), "path");
	check_names(event_variant_for(row, 0x030a0df0, 2), "path,dir_fd");
	check_names(event_variant_for(row, 0, 1), "path");
}

/* Two call sites of one version that differ in arity, a gap between the ranges, and an old meaning.
 */
static void test_variant_rules(void **state)
{
	static const struct event_variant variants[] = {
		{0x03080000, 0x03090000, 2, {{"old1", 0}, {"old2", 0}}},
		{0x030a0000, 0, 1, {{"one", 0}}},
		{0x030a0000, 0, 2, {{"new1", 0}, {"new2", 0}}},
	};
	const struct event_row row = {.name = "x", .variants = variants, .n_variants = 3};

	check_names(event_variant_for(&row, 0x030b0000, 1), "one");
	check_names(event_variant_for(&row, 0x030b0000, 2), "new1,new2");
	check_names(event_variant_for(&row, 0x03080000, 2), "old1,old2");
	check_names(event_variant_for(&row, 0x0308ffff, 1), "one");
	check_names(event_variant_for(&row, 0x03080000, 5), "old1,old2");
	check_names(event_variant_for(&row, 0x03090000, 2),
		    "new1,new2"); /* in the gap: the newest */
	check_names(event_variant_for(&row, 0x03090000, 5), "new1,new2");
	check_names(event_variant_for(&row, 0, 1), "one");
	check_names(event_variant_for(&row, 0, 0), "new1,new2");
}

static void test_variant_never_null(void **state)
{
	size_t n;
	const struct event_row *rows = event_table(&n);

	for (size_t i = 0; i < n; i++)
		for (uint32_t args = 0; args < 12; args++)
			for (uint32_t minor = 0; minor < 20; minor++)
				assert_non_null(event_variant_for(
					&rows[i], minor ? 3u << 24 | minor << 16 : 0, args));
	assert_non_null(event_variant_for(rows, UINT32_MAX, UINT32_MAX));
}

/* What the 32-bit entry's numbers mean are rows, and there is one of each name but for what it
 * lacks. */
static void test_i386(void **state)
{
	size_t n, n_calls, i, k, named = 0;
	const struct i386_row *rows = syscall_i386_table(&n);
	const struct call_row *calls = syscall_table(&n_calls);

	for (i = 0; i < n; i++) {
		assert_true(rows[i].index < I386_CALLS &&
			    (!i || rows[i].index > rows[i - 1].index));
		assert_non_null(syscall_find(rows[i].call.nr));
	}
	for (i = 0; i < n_calls; i++) {
		for (k = 0; k < n && rows[k].call.nr != calls[i].nr; k++)
			;
		named += k < n;
	}
	assert_int_equal(named, n_calls - 1); /* kexec_file_load */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted_and_unique), cmocka_unit_test(test_texts),
		cmocka_unit_test(test_syscalls),	  cmocka_unit_test(test_i386),
		cmocka_unit_test(test_variants),	  cmocka_unit_test(test_find),
		cmocka_unit_test(test_names_and_hints),	  cmocka_unit_test(test_variant_by_version),
		cmocka_unit_test(test_variant_rules),	  cmocka_unit_test(test_variant_never_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
