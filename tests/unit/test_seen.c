// SPDX-License-Identifier: GPL-2.0-only
/* The bounded set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/seen.h"

static void keys(void **state)
{
	struct seen *s = seen_new(1000);
	uint64_t i;

	assert_non_null(s);
	assert_false(seen_has(s, (struct seen_key){1, 2, 3}));
	for (i = 1; i <= 1000; i++) {
		seen_add(s, (struct seen_key){i, 7, i % 3});
		seen_add(s, (struct seen_key){i, 7, i % 3});
	}
	for (i = 1; i <= 1000; i++) {
		assert_true(seen_has(s, (struct seen_key){i, 7, i % 3}));
		assert_false(seen_has(s, (struct seen_key){i, 8, i % 3}));
		assert_false(seen_has(s, (struct seen_key){i, 7, i % 3 + 1}));
	}
	seen_free(s);
}

/* When it is full it begins anew, as often as need be. */
static void bounded(void **state)
{
	struct seen *s = seen_new(16);
	unsigned int known = 0;
	uint64_t i;

	assert_non_null(s);
	for (i = 1; i <= 17; i++)
		seen_add(s, (struct seen_key){i, 0, 0});
	assert_false(seen_has(s, (struct seen_key){1, 0, 0}));
	assert_true(seen_has(s, (struct seen_key){17, 0, 0}));
	for (i = 1; i <= 100000; i++) {
		seen_add(s, (struct seen_key){0, i, 0});
		assert_true(seen_has(s, (struct seen_key){0, i, 0}));
	}
	for (i = 1; i <= 100000; i++)
		known += seen_has(s, (struct seen_key){0, i, 0});
	assert_true(known <= 16);
	seen_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
