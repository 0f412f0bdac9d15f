// SPDX-License-Identifier: GPL-2.0-only
/* --format folded: counts by stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/folded.h"
#include "stack_build.h"

static struct stack stack;
static struct buf out;

static void count(struct folded *f, const char *name, bool with_stack)
{
	struct audit_event event = {.type = RECORD_AUDIT, .name = text_of_cstr(name)};

	event.stack = with_stack ? &stack : NULL;
	assert_true(folded_count(f, &event));
}

static const char *written(struct folded *f)
{
	buf_truncate(&out, 0);
	folded_write(f, &out);
	buf_char(&out, '\0');
	assert_false(out.failed);
	return out.data;
}

static void lines_are_counted(void **state)
{
	struct folded *f = folded_new();

	build_stack(&stack);
	assert_string_equal(written(f), "");
	count(f, "open", true);
	count(f, "open", false);
	count(f, "open", true);
	count(f, "a;b\nc", false);
	stack.n_frames = 1;
	stack.cut = true;
	count(f, "open", true);
	assert_string_equal(written(f),
			    "[audit] a,b\\nc 1\n"
			    "[audit] open 1\n"
			    "[callers not known];inner (/srv/app.py:12);[audit] open 1\n"
			    "\u20ac\\udc80 ();<unreadable: EFAULT>;a\\n\"b,... (<x>:1);"
			    "inner (/srv/app.py:12);[audit] open 2\n");
	/* What has been written is forgotten. */
	assert_string_equal(written(f), "");
	count(f, "open", false);
	assert_string_equal(written(f), "[audit] open 1\n");
	folded_free(f);
}

static void events_without_a_name(void **state)
{
	struct audit_event event = {.type = RECORD_AUDIT};
	struct folded *f = folded_new();

	assert_true(folded_count(f, &event));
	strcpy(event.name_text, "from.file");
	assert_true(folded_count(f, &event));
	assert_string_equal(written(f), "[audit] <unreadable> 1\n[audit] from.file 1\n");
	folded_free(f);
}

/* Readers take numbers at the end of a line for counts. */
static void names_with_numbers(void **state)
{
	struct folded *f = folded_new();

	count(f, "a 7", false);
	count(f, "8", false);
	count(f, "b 7.5", false);
	count(f, "c7 x9", false);
	assert_string_equal(written(f), "[audit] a_7 1\n[audit] b_7.5 1\n[audit] c7 x9 1\n"
					"[audit]_8 1\n");
	folded_free(f);
}

/* However many stacks a process makes up, none of its events is lost. */
static void memory_is_bounded(void **state)
{
	struct folded *f = folded_new();
	uint64_t total = 0, lines = 0;
	char name[32], *line, *rest;
	unsigned int i;

	for (i = 0; i < FOLDED_LINES + 1000; i++) {
		snprintf(name, sizeof(name), "e%u", i);
		count(f, name, false);
	}
	count(f, "e0", false);
	written(f);
	assert_non_null(strstr(out.data, "[audit] e0 2\n"));
	assert_non_null(strstr(out.data, "\n(other) 1000\n"));
	for (line = strtok_r(out.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		total += strtoull(strrchr(line, ' '), NULL, 10);
		lines++;
	}
	assert_int_equal(total, FOLDED_LINES + 1001);
	assert_int_equal(lines, FOLDED_LINES + 1);
	folded_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_counted),
		cmocka_unit_test(events_without_a_name),
		cmocka_unit_test(names_with_numbers),
		cmocka_unit_test(memory_is_bounded),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&out);
	return failed;
}
