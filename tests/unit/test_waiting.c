// SPDX-License-Identifier: GPL-2.0-only
/* How long is waited: before something is tried again, and at the end. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/patience.h"

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

static void patience(void **state)
{
	struct patience p = patience_new(0);

	assert_true(patience_over(&p));
	p = patience_new(100000);
	assert_false(patience_over(&p));
	assert_in_range(patience_left(&p, INT32_MAX), 90000, 100000);
	assert_int_equal(patience_left(&p, 7), 7);
	p.end -= 50000;
	patience_renew(&p);
	assert_in_range(patience_left(&p, INT32_MAX), 90000, 100000);
	p.start -= 550000;
	patience_renew(&p);
	assert_in_range(patience_left(&p, INT32_MAX), 40000, 50000);
}

/* The last test: it stays lost. */
static void patience_lost(void **state)
{
	struct patience p = patience_new(100000);
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	assert_true(fd >= 0);
	patience_watch(fd);
	assert_false(patience_is_lost());
	kill(getpid(), SIGCHLD);
	assert_false(patience_is_lost());
	kill(getpid(), SIGTERM);
	assert_in_range(patience_left(&p, INT32_MAX), 0, 200);
	assert_true(patience_is_lost());
	p.start -= 1000;
	assert_true(patience_over(&p));
	p = patience_new(100000);
	assert_false(patience_over(&p));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backoff),
		cmocka_unit_test(patience),
		cmocka_unit_test(patience_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
