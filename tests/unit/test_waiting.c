// SPDX-License-Identifier: GPL-2.0-only
/* How long is waited before something is tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/backoff.h"

#define SECOND 1000000000ll

/* Twice as long each time, and anywhere between half of that and all. */
static void backoff(void **state)
{
	int64_t delay = SECOND, wait, least = INT64_MAX, most = 0;
	struct backoff b;
	int i;

	backoff_init(&b, SECOND, 15 * SECOND);
	for (i = 0; i < 4; i++, delay *= 2) {
		wait = backoff_next(&b);
		assert_in_range(wait, delay / 2, delay);
	}
	for (i = 0; i < 1000; i++) {
		wait = backoff_next(&b);
		assert_in_range(wait, 15 * SECOND / 2, 15 * SECOND);
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	assert_true(least < 9 * SECOND && most > 13 * SECOND);
	backoff_reset(&b);
	assert_in_range(backoff_next(&b), SECOND / 2, SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
