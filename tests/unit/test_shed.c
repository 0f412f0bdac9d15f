// SPDX-License-Identifier: GPL-2.0-only
/* --max-cpu: who is left out, and when he is let in again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "shed.h"

#define SECOND 1000000000ull

static char told[1024];
static uint64_t now, cpu;

static void tell(const char *name, bool out, void *arg)
{
	size_t len = strlen(told);

	snprintf(told + len, sizeof(told) - len, "%s%s ", out ? "-" : "+", name ? name : "*");
}

static void events(struct shed *s, const char *name, unsigned int n)
{
	struct audit_event event = {.row = event_find(name)};

	while (n--)
		shed_count(s, &event);
}

/* A second goes by, of which we used a part. */
static void second(struct shed *s, double used)
{
	now += SECOND;
	cpu += (uint64_t)(used * SECOND);
	told[0] = '\0';
	shed_look(s, now, cpu);
}

static struct shed *begin(void)
{
	struct shed *s = shed_new(10, tell, NULL);

	assert_non_null(s);
	now = cpu = 100 * SECOND;
	shed_look(s, now, cpu);
	return s;
}

static void most_frequent_first(void **state)
{
	struct shed *s = begin();

	events(s, "open", 100);
	second(s, 0.1);
	assert_string_equal(told, "");
	events(s, "open", 100);
	events(s, "import", 900);
	events(s, "exec", 10);
	second(s, 0.5);
	assert_string_equal(told, "-import ");
	events(s, "open", 100);
	events(s, "exec", 10);
	second(s, 0.4);
	assert_string_equal(told, "-open ");
	/* Not our doing: nothing came. */
	second(s, 0.4);
	assert_string_equal(told, "");
	shed_free(s);

	/* As many as it takes; names that are not listed go together. */
	s = begin();
	events(s, "open", 400);
	events(s, "my.event", 300);
	events(s, "your.event", 299);
	events(s, "exec", 1);
	second(s, 1.0);
	assert_string_equal(told, "-* -open ");
	shed_free(s);
}

static void let_in_again(void **state)
{
	struct shed *s = begin();
	int i;

	events(s, "open", 100);
	second(s, 1);
	assert_string_equal(told, "-open ");
	for (i = 0; i < 4; i++) {
		second(s, 0.01);
		assert_string_equal(told, "");
	}
	second(s, 0.08); /* below the limit, but there is no room */
	assert_string_equal(told, "");
	for (i = 0; i < 4; i++)
		second(s, 0.01);
	second(s, 0.01);
	assert_string_equal(told, "+open ");
	/* Too early: next time it takes longer. */
	events(s, "open", 100);
	second(s, 1);
	assert_string_equal(told, "-open ");
	for (i = 0; i < 9; i++) {
		second(s, 0.01);
		assert_string_equal(told, "");
	}
	second(s, 0.01);
	assert_string_equal(told, "+open ");
	/* All is well for a while: the next time begins anew. */
	for (i = 0; i < 12; i++)
		second(s, 0.01);
	events(s, "open", 100);
	second(s, 1);
	for (i = 0; i < 5; i++)
		second(s, 0.01);
	assert_string_equal(told, "+open ");
	shed_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_frequent_first),
		cmocka_unit_test(let_in_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
