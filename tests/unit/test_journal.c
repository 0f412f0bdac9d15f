// SPDX-License-Identifier: GPL-2.0-only
/* Entries of the journal: framing of values with line ends, field names, what is a text; and that
 * nothing a process chose makes a field of its own. */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "decode/wire_decode.h"
#include "sink/format.h"
#include "sink/journal.h"
#include "tests/unit/event_build.h"

static struct buf out;

static const struct process_info process = {.unit = "web.service", .container = "c0ffee"};

struct field {
	const char *name;
	size_t name_len;
	const char *value;
	size_t len;
};

/* Reads the entry as journald does. Returns the number of fields. */
static size_t parse(struct field *fields, size_t max)
{
	const char *p = out.data, *end = p + out.len, *eol, *eq;
	size_t n = 0;
	uint64_t len;

	while (p < end) {
		struct field *f = &fields[n++];

		assert_in_range(n, 1, max);
		eol = memchr(p, '\n', end - p);
		assert_non_null(eol);
		eq = memchr(p, '=', eol - p);
		f->name = p;
		f->name_len = (eq ?: eol) - p;
		if (eq) {
			f->value = eq + 1;
			f->len = eol - eq - 1;
			p = eol + 1;
		} else {
			assert_true((size_t)(end - eol - 1) >= sizeof(len));
			memcpy(&len, eol + 1, sizeof(len));
			f->len = le64toh(len);
			f->value = eol + 1 + sizeof(len);
			assert_true(f->len < (size_t)(end - f->value));
			assert_int_equal(f->value[f->len], '\n');
			p = f->value + f->len + 1;
		}
	}
	return n;
}

static struct field fields[64];
static size_t n_fields;

static void write_entry(void)
{
	out.len = 0;
	format_journal.write(&out, &event, 42, false);
	assert_false(out.failed);
	n_fields = parse(fields, 64);
}

static const struct field *find(const char *name)
{
	const struct field *found = NULL;
	size_t i;

	for (i = 0; i < n_fields; i++)
		if (fields[i].name_len == strlen(name) &&
		    !memcmp(fields[i].name, name, strlen(name))) {
			assert_null(found);
			found = &fields[i];
		}
	return found;
}

static void expect_data(const char *name, const void *value, size_t len)
{
	const struct field *f = find(name);

	if (!f)
		print_error("no field %s\n", name);
	assert_non_null(f);
	assert_int_equal(f->len, len);
	assert_memory_equal(f->value, value, len);
}

static void expect(const char *name, const char *value)
{
	expect_data(name, value, strlen(value));
}

static void test_event(void **state)
{
	begin_open();
	decode_known(3);
	event.ppid = 4700;
	event.process = &process;
	write_entry();
	expect("MESSAGE", "4712 python3 open(path=\"/etc/hostname\", mode=\"r\", "
			  "flags=O_RDONLY|O_CLOEXEC)");
	expect("PRIORITY", "6");
	expect("SYSLOG_IDENTIFIER", "pyaudit-trace");
	expect("OBJECT_SYSTEMD_UNIT", "web.service");
	expect("PYAUDIT_CONTAINER", "c0ffee");
	assert_null(find("PYAUDIT_POD"));
	assert_null(find("OBJECT_PID"));
	expect("PYAUDIT_TYPE", "audit");
	expect("PYAUDIT_SEQ", "42");
	expect("PYAUDIT_TIME", "2026-11-22T06:10:24.123456789Z");
	expect("PYAUDIT_PID", "4711");
	expect("PYAUDIT_TID", "4712");
	expect("PYAUDIT_PPID", "4700");
	expect("PYAUDIT_UID", "1000");
	expect("PYAUDIT_COMM", "python3");
	expect("PYAUDIT_EVENT", "open");
	expect("PYAUDIT_CATEGORY", "file");
	expect("PYAUDIT_ARG_PATH", "/etc/hostname");
	expect("PYAUDIT_ARG_FLAGS", "524288");
	expect("PYAUDIT_RECORD",
	       "{\"type\":\"audit\",\"time\":\"2026-11-22T06:10:24.123456789Z\",\"seq\":42,"
	       "\"pid\":4711,\"tid\":4712,\"ppid\":4700,\"uid\":1000,\"comm\":\"python3\","
	       "\"event\":\"open\",\"args\":{\"path\":\"/etc/hostname\",\"mode\":\"r\","
	       "\"flags\":524288},\"container\":\"c0ffee\"}");
}

/* What would end a field or begin one is inside a value with a length. */
static void test_no_injection(void **state)
{
	static const char evil[] = "x\nPRIORITY=0\nMESSAGE\n\x01\0\0\0\0\0\0\0y";

	begin("x\nPYAUDIT_UID=0");
	wb_units(&b, 1, evil, sizeof(evil) - 1);
	decode_known(1);
	strcpy(event.comm, "a\nUID=0");
	write_entry();
	expect("PYAUDIT_EVENT", "x\nPYAUDIT_UID=0");
	expect("PYAUDIT_UID", "1000");
	expect("PRIORITY", "6");
	expect("PYAUDIT_COMM", "a\nUID=0");
	expect_data("PYAUDIT_ARG_ARG0", evil, sizeof(evil) - 1);
	assert_null(find("PYAUDIT_CATEGORY"));
	assert_null(find("UID"));
	assert_null(memchr(find("MESSAGE")->value, '\n', find("MESSAGE")->len));
	assert_null(memchr(find("PYAUDIT_RECORD")->value, '\n', find("PYAUDIT_RECORD")->len));
}

static void test_values(void **state)
{
	static const uint16_t surrogates[] = {0xdcff, 0xd800, 'a'};

	begin("x");
	wb_data(&b, WIRE_BYTES, WIRE_OK, 0, "\xff\n\0", 3, 3);
	wb_units(&b, 2, surrogates, sizeof(surrogates));
	wb_head(&b, WIRE_NONE, WIRE_OK, 0, 0, 0);
	wb_head(&b, WIRE_BOOL, WIRE_OK, 0, 0, 1);
	wb_head(&b, WIRE_UINT, WIRE_OK, 0, 0, UINT64_MAX);
	wb_head(&b, WIRE_STR, WIRE_UNREADABLE, 0, 0, 14);
	wb_cstr(&b, "");
	decode_known(7);
	write_entry();
	expect_data("PYAUDIT_ARG_ARG0", "\xff\n\0", 3);
	expect("PYAUDIT_ARG_ARG1", "\xff\xef\xbf\xbd"
				   "a");
	assert_null(find("PYAUDIT_ARG_ARG2"));
	expect("PYAUDIT_ARG_ARG3", "true");
	expect("PYAUDIT_ARG_ARG4", "18446744073709551615");
	assert_null(find("PYAUDIT_ARG_ARG5"));
	expect("PYAUDIT_ARG_ARG6", "");
}

static void test_other_records(void **state)
{
	event = (struct audit_event){.type = RECORD_LOST, .lost = {LOSS_RING, 7}};
	write_entry();
	expect("MESSAGE", "--- lost 7 events: ring buffer full ---");
	expect("PRIORITY", "4");
	expect("PYAUDIT_TYPE", "lost");
	event = (struct audit_event){.type = RECORD_SUMMARY, .totals.seen = 3};
	write_entry();
	expect("PYAUDIT_TYPE", "summary");
	assert_non_null(strstr(find("MESSAGE")->value, "\"seen\":3"));
}

/* Every name of the table makes a field that journald keeps. */
static void test_field_names(void **state)
{
	size_t n, i, v, a, k;
	const struct event_row *table = event_table(&n);

	for (i = 0; i < n; i++)
		for (v = 0; v < table[i].n_variants; v++)
			for (a = 0; a < table[i].variants[v].n_args; a++) {
				const char *name = table[i].variants[v].args[a].name;

				assert_in_range(strlen("PYAUDIT_ARG_") + strlen(name), 1, 64);
				for (k = 0; name[k]; k++)
					assert_true((unsigned char)name[k] < 0x80);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event),	    cmocka_unit_test(test_no_injection),
		cmocka_unit_test(test_values),	    cmocka_unit_test(test_other_records),
		cmocka_unit_test(test_field_names),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
