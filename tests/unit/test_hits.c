// SPDX-License-Identifier: GPL-2.0-only
/* Which hits of several probes at one place are one event: the kernel's hits, played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/cdefs.h>
#include <linux/types.h>

#include <cmocka.h>

#include "bpf/hits.h"

static struct hit last;
static const char *gone; /* probes that are known to be gone */

/* One event: the probes of a place in their order. Returns how often it is reported. */
static int event(const char *probes)
{
	int reports = 0;

	for (; *probes; probes++) {
		struct hit now = {1, 2, *probes, NO_PROBE};

		reports += !hit_is_same_event(
			&last, &now, last.first != now.first && strchr(gone, (int)last.first));
	}
	return reports;
}

static int setup(void **state)
{
	last = (struct hit){0, 0, NO_PROBE, NO_PROBE};
	gone = "";
	return 0;
}

static void once(void **state)
{
	assert_int_equal(event("A"), 1);
	assert_int_equal(event("A"), 1);
	assert_int_equal(event("ABCD"), 1);
	assert_int_equal(event("ABCD"), 1);
	assert_int_equal(event("ABCDE"), 1);
	assert_int_equal(event("FABCDE"), 1);
	assert_int_equal(event("FABCDE"), 1);
}

static void other_place(void **state)
{
	struct hit now = {1, 3, 'B', NO_PROBE};

	assert_int_equal(event("AB"), 1);
	assert_false(hit_is_same_event(&last, &now, false));
	assert_int_equal(event("AB"), 1);
}

/* Any of them goes, and with it nothing. */
static void one_goes(void **state)
{
	static const char *const left[] = {"BCD", "ACD", "ABD", "ABC"};
	size_t i;

	for (i = 0; i < sizeof(left) / sizeof(*left); i++) {
		setup(state);
		assert_int_equal(event("ABCD"), 1);
		assert_int_equal(event(left[i]), 1);
		assert_int_equal(event(left[i]), 1);
	}
}

/* Where the newest comes first. */
static void newest_first(void **state)
{
	assert_int_equal(event("A"), 1);
	assert_int_equal(event("BA"), 1);
	assert_int_equal(event("CBA"), 1);
	assert_int_equal(event("CA"), 1);
	gone = "BA";
	assert_int_equal(event("C"), 1);
	assert_int_equal(event("DC"), 1);
	assert_int_equal(event("DC"), 1);
	gone = "BAC";
	assert_int_equal(event("D"), 1);
}

static void several_go(void **state)
{
	assert_int_equal(event("ABCD"), 1);
	gone = "AB";
	assert_int_equal(event("CD"), 1);
	assert_int_equal(event("CD"), 1);
	gone = "ABC";
	assert_int_equal(event("D"), 1);
	assert_int_equal(event("D"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(once, setup),
		cmocka_unit_test_setup(other_place, setup),
		cmocka_unit_test_setup(one_goes, setup),
		cmocka_unit_test_setup(newest_first, setup),
		cmocka_unit_test_setup(several_go, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
