// SPDX-License-Identifier: GPL-2.0-only
/* Names and formats found in read-only data, and where they are kept. */
#include <linux/types.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "image_config.h"
#include "kernel/literals.h"

static const char *const names[] = {"open", "webbrowser.open", "os.remove"};
static void tell(size_t at, const char *text, int name, void *arg)
{
	buf_printf(arg, "%zu %s %d\n", at, text, name);
}

static void expect(const char *data, size_t len, size_t before, const char *want)
{
	struct literals *l = literals_new(names, 3);
	struct buf out = {0};

	assert_non_null(l);
	literals_scan(l, data, len, before, tell, &out);
	buf_char(&out, 0);
	assert_string_equal(out.data, want);
	buf_free(&out);
	literals_free(l);
}

#define EXPECT(data, want) expect(data, sizeof(data) - 1, sizeof(data), want)

static void found(void **state)
{
	EXPECT("open\0", "0 open 0\n3 n -1\n"); /* as a format too */
	EXPECT("\0\0xopen\0os.remove\0", "3 open 0\n6 n -1\n8 os.remove 2\n");
	/* One string inside another, at its end only. */
	EXPECT("webbrowser.open\0openx\0", "0 webbrowser.open 1\n11 open 0\n14 n -1\n");
	EXPECT("OOO\0", "0 OOO -1\n1 OO -1\n2 O -1\n");
}

static void not_found(void **state)
{
	EXPECT("", "");
	EXPECT("o", "");
	EXPECT("\0\0\0\0", "");
	EXPECT("Opened\0os.removed\0os.remov\0", "");
	/* Not ended: what follows is not known. */
	EXPECT("open", "");
	/* Begins on the next page. */
	expect("xxxxopen\0", 9, 4, "");
	expect("xxxxopen\0", 9, 5, "4 open 0\n");
}

static void slots(void **state)
{
	assert_true(literal_slot(literal_index(0, 0x400000)) < LITERAL_SLOTS);
	assert_true(literal_slot(~0ull) < LITERAL_SLOTS);
	assert_true(literal_index(0, 0) > LITERAL_GONE);
	assert_true(literal_index(0, 0x400000) != literal_index(1, 0x400000));
	assert_true(literal_is_of(literal_index(7, 0x400000), 7));
	assert_true(literal_is_of(literal_index(MAX_IMAGES - 1, 0xffffffffffff), MAX_IMAGES - 1));
	assert_false(literal_is_of(literal_index(7, 0x400000), 8));
	assert_false(literal_is_of(0, 0) || literal_is_of(LITERAL_GONE, 0));
	assert_true(LITERAL_SLOTS == 1 << LITERAL_BITS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(not_found),
		cmocka_unit_test(slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
