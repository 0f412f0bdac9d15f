// SPDX-License-Identifier: GPL-2.0-only
/* Exporters beside each other: names, what each is given, and the end, which one that is slow may
 * neither prolong nor cut short for the others. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/patience.h"
#include "sink/exporters.h"

/* Takes so many steps to go out, or to end; -1: it never does. */
struct toy {
	int idle_in, end_in, delivers;
	int records, flushes, steps, dropped, given_up, freed;
	size_t queued; /* of 100 */
	bool up, keeps;
};

static void toy_record(void *arg, const struct audit_event *event)
{
	((struct toy *)arg)->records++;
}

static void toy_flush(void *arg)
{
	struct toy *toy = arg;

	toy->records += toy->delivers;

	toy->flushes++;
	toy->queued -= toy->delivers && toy->queued;
	toy->idle_in -= toy->idle_in > 0;
}

static bool toy_idle(void *arg)
{
	return ((struct toy *)arg)->idle_in == 0;
}

static bool toy_end_step(void *arg)
{
	struct toy *toy = arg;

	toy->steps++;
	toy->end_in -= toy->end_in > 0;
	return toy->end_in == 0;
}

static void toy_drop_unsent(void *arg)
{
	((struct toy *)arg)->dropped++;
}

static void toy_give_up(void *arg)
{
	((struct toy *)arg)->given_up++;
}

static int toy_poll(void *arg, struct pollfd *fd)
{
	return 0;
}

static void toy_stats(const void *arg, struct exporter_stats *stats)
{
	const struct toy *toy = arg;

	*stats = (struct exporter_stats){.delivered = toy->records,
					 .queue_bytes = toy->queued,
					 .queue_max = 100,
					 .up = toy->up,
					 .keeps = toy->keeps};
}

static void toy_free(void *arg)
{
	((struct toy *)arg)->freed++;
}

static const struct exporter_ops toy_ops = {
	.record = toy_record,
	.flush = toy_flush,
	.idle = toy_idle,
	.end_step = toy_end_step,
	.drop_unsent = toy_drop_unsent,
	.give_up = toy_give_up,
	.poll = toy_poll,
	.stats = toy_stats,
	.free = toy_free,
};

static struct exporters *all;
static struct toy toys[3];

static void make(struct toy a, struct toy b, struct toy c)
{
	size_t i;

	toys[0] = a;
	toys[1] = b;
	toys[2] = c;
	all = exporters_new();
	for (i = 0; i < 3; i++)
		assert_int_equal(exporters_add(all, "toy", &toy_ops, &toys[i]), 0);
}

static long ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void test_names_and_records(void **state)
{
	struct audit_event event = {0};
	const struct exporter_stats *stats;
	struct toy other = {0};
	size_t n;

	make((struct toy){0}, (struct toy){0}, (struct toy){0});
	exporters_record(all, &event);
	assert_int_equal(exporters_add(all, "toyland", &toy_ops, &other), 0);
	exporters_record(all, &event);
	stats = exporters_stats(all, &n);
	assert_int_equal(n, 4);
	assert_string_equal(stats[0].name, "toy");
	assert_string_equal(stats[1].name, "toy2");
	assert_string_equal(stats[2].name, "toy3");
	assert_string_equal(stats[3].name, "toyland");
	assert_int_equal(stats[2].delivered, 2);
	assert_int_equal(stats[3].delivered, 1);
	exporters_free(all);
	assert_int_equal(toys[0].freed + toys[1].freed + toys[2].freed + other.freed, 4);
}

static void test_drain(void **state)
{
	long start = ms();

	make((struct toy){.idle_in = 3}, (struct toy){.idle_in = 1}, (struct toy){0});
	exporters_drain(all, 5000);
	assert_in_range(ms() - start, 0, 2000);
	assert_int_equal(toys[0].idle_in, 0);
	toys[1].idle_in = -1;
	start = ms();
	exporters_drain(all, 60);
	assert_in_range(ms() - start, 60, 2000);
	assert_int_equal(toys[1].dropped, 1);
	assert_int_equal(toys[0].dropped + toys[2].dropped, 0);
	/* While something gets out there is more time, but not for ever. */
	toys[1].idle_in = 15;
	toys[1].delivers = 1;
	exporters_drain(all, 60);
	assert_int_equal(toys[1].dropped, 1);
	toys[1].idle_in = -1;
	start = ms();
	exporters_drain(all, 60);
	assert_in_range(ms() - start, 300, 2000);
	assert_int_equal(toys[1].dropped, 2);
	exporters_free(all);
}

/* At the end of tracing a receiver that takes what is sent is waited for, and no other. */
static void test_room(void **state)
{
	struct patience patience = patience_new(5000);
	long start = ms();

	make((struct toy){.queued = 60, .up = true, .delivers = 1},
	     (struct toy){.queued = 90, .delivers = 0},
	     (struct toy){.queued = 90, .up = true, .keeps = true});
	exporters_make_room(all, &patience);
	assert_int_equal(toys[0].queued, 50);
	assert_in_range(ms() - start, 0, 4000);
	toys[0].delivers = 0;
	toys[0].queued = 60;
	patience = patience_new(60);
	start = ms();
	exporters_make_room(all, &patience);
	assert_in_range(ms() - start, 60, 2000);
	assert_int_equal(toys[0].dropped + toys[1].dropped + toys[2].dropped, 0);
	exporters_free(all);
}

static void test_finish(void **state)
{
	long start = ms();

	make((struct toy){.end_in = 2}, (struct toy){.end_in = -1}, (struct toy){.end_in = 4});
	exporters_finish(all, 200);
	assert_in_range(ms() - start, 200, 2000);
	assert_int_equal(toys[0].steps, 2); /* an end is one */
	assert_int_equal(toys[2].steps, 4);
	assert_int_equal(toys[0].given_up + toys[2].given_up, 0);
	assert_int_equal(toys[1].given_up, 1);
	exporters_free(all);
	start = ms();
	make((struct toy){.end_in = 2}, (struct toy){.end_in = 1}, (struct toy){.end_in = 1});
	exporters_finish(all, 60000);
	assert_in_range(ms() - start, 0, 2000);
	exporters_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_records),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
