// SPDX-License-Identifier: GPL-2.0-only
/* Which event started which process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "enrich/lineage.h"

#define SECOND 1000000000ull

static void test_last_of_the_thread(void **state)
{
	struct lineage *l = lineage_new();

	lineage_event(l, 7, 10, "os.fork", 1);
	lineage_event(l, 7, 20, "subprocess.Popen", 2);
	lineage_event(l, 8, 25, "os.system", 3);
	lineage_event(l, 7, 40, "os.fork", 4);
	lineage_fork(l, 7, 30, 100);
	assert_string_equal(lineage_of(l, 100).name, "subprocess.Popen");
	assert_int_equal(lineage_of(l, 100).seq, 2);
	lineage_free(l);
}

static void test_nothing_known(void **state)
{
	struct lineage *l = lineage_new();

	assert_null(lineage_of(l, 100).name);
	/* By a thread that announced nothing, or long ago. */
	lineage_event(l, 7, 10, "os.fork", 1);
	lineage_fork(l, 8, 20, 100);
	assert_null(lineage_of(l, 100).name);
	lineage_fork(l, 7, 10 + 2 * SECOND, 101);
	assert_null(lineage_of(l, 101).name);
	/* Another process with a number that shares its place. */
	lineage_fork(l, 7, 20, 102);
	lineage_fork(l, 8, 20, 102 + 4096);
	assert_null(lineage_of(l, 102).name);
	lineage_free(l);
}

static void test_many(void **state)
{
	struct lineage *l = lineage_new();
	int i;

	for (i = 1; i <= 100000; i++) {
		lineage_event(l, i, i, "os.fork", i);
		lineage_fork(l, i, i, i);
		assert_int_equal(lineage_of(l, i).seq, i);
	}
	lineage_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_of_the_thread),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
