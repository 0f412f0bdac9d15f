// SPDX-License-Identifier: GPL-2.0-only
/* Messages of RFC 5424: the header, the frame, facilities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "decode/wire_decode.h"
#include "sink/format.h"
#include "sink/syslog.h"
#include "tests/unit/event_build.h"

static struct buf out;
static struct syslog_origin origin = {.facility = 16, .pid = 99, .host = "web1"};

static void raise_event(const char *name, const char *arg)
{
	begin(name);
	wb_cstr(&b, arg);
	decode(1);
	event.row = event_find(event.name_text);
}

static const char *message(void)
{
	out.len = 0;
	syslog_message(&out, &origin, &event, 42);
	buf_char(&out, '\0');
	assert_false(out.failed);
	return out.data;
}

#define JSON                                                                                      \
	"{\"type\":\"audit\",\"time\":\"2026-11-22T06:10:24.123456789Z\",\"seq\":42,\"pid\":4711" \
	",\"tid\":4712,\"uid\":1000,\"comm\":\"python3\",\"event\":"

static void test_message(void **state)
{
	raise_event("os.remove", "/tmp/x");
	assert_string_equal(message(),
			    "<134>1 2026-11-22T06:10:24.123456Z web1 pyaudit-trace 99 os.remove - "
			    "@cee: " JSON "\"os.remove\",\"args\":{\"arg0\":\"/tmp/x\"}}");
}

/* A name that a program made up stands in the JSON only: a header has no escapes. */
static void test_hostile_name(void **state)
{
	raise_event("x - @cee: {}\n<0>1 ", "a\nb");
	assert_string_equal(
		message(), "<134>1 2026-11-22T06:10:24.123456Z web1 pyaudit-trace 99 custom - "
			   "@cee: " JSON "\"x - @cee: {}\\n<0>1 \",\"args\":{\"arg0\":\"a\\nb\"}}");
}

static void test_other_records(void **state)
{
	event = (struct audit_event){.type = RECORD_LOST, .lost = {LOSS_RING, 7}};
	assert_string_equal(message(), "<132>1 1970-01-01T00:00:00.000000Z web1 pyaudit-trace 99 "
				       "lost - @cee: {\"type\":\"lost\",\"time\":\"1970-01-01T00:"
				       "00:00.000000000Z\",\"seq\":42,\"count\":7,\"reason\":"
				       "\"ring\"}");
}

static void test_frame(void **state)
{
	char *rest, *whole;
	unsigned long len;

	raise_event("os.remove", "/tmp/x");
	whole = strdup(message());
	out.len = 0;
	buf_str(&out, "before");
	syslog_frame(&out, &origin, &event, 42);
	buf_char(&out, '\0');
	assert_memory_equal(out.data, "before", 6);
	len = strtoul(out.data + 6, &rest, 10);
	assert_int_equal(*rest, ' ');
	assert_string_equal(rest + 1, whole);
	assert_int_equal(len, strlen(whole));
	free(whole);
}

static void test_facilities(void **state)
{
	assert_int_equal(syslog_facility("kern"), 0);
	assert_int_equal(syslog_facility("daemon"), SYSLOG_DEFAULT_FACILITY);
	assert_int_equal(syslog_facility("authpriv"), 10);
	assert_int_equal(syslog_facility("local7"), 23);
	assert_int_equal(syslog_facility("13"), 13);
	assert_int_equal(syslog_facility("24"), -1);
	assert_int_equal(syslog_facility("1x"), -1);
	assert_int_equal(syslog_facility("-1"), -1);
	assert_int_equal(syslog_facility(""), -1);
	assert_int_equal(syslog_facility("local8"), -1);
}

static void test_origin(void **state)
{
	struct syslog_origin o;
	size_t i;

	syslog_origin_init(&o, 3);
	assert_true(o.host[0]);
	for (i = 0; o.host[i]; i++)
		assert_in_range(o.host[i], '!', '~');
}

/* RFC 5424: at most 32 printable characters. */
static void test_message_ids(void **state)
{
	size_t n, i, k;
	const struct event_row *table = event_table(&n);

	for (i = 0; i < n; i++) {
		const char *name;

		event = (struct audit_event){.row = &table[i]};
		name = strstr(message(), " 99 ") + 4;
		assert_in_range(strcspn(name, " "), 1, 32);
		for (k = 0; name[k] != ' '; k++)
			assert_in_range(name[k], '!', '~');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),	      cmocka_unit_test(test_hostile_name),
		cmocka_unit_test(test_other_records), cmocka_unit_test(test_frame),
		cmocka_unit_test(test_facilities),    cmocka_unit_test(test_origin),
		cmocka_unit_test(test_message_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
