// SPDX-License-Identifier: GPL-2.0-only
/* The text writer: every value and record, and that nothing a process chose can break the line. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <cmocka.h>

#include "base/buf.h"
#include "decode/wire_decode.h"
#include "sink/format.h"
#include "sink/sink.h"
#include "tests/unit/event_build.h"
#include "stack_build.h"

static struct buf out;

#define WHO "06:10:24.123456 4712 python3 "

static const char *write_event(bool color)
{
	out.len = 0;
	format_text.write(&out, &event, 42, color);
	buf_char(&out, '\0');
	assert_false(out.failed);
	return out.data;
}

/* The arguments of the event "x", and that the line ends once and holds no control byte. */
static void expect(uint32_t args, const char *want)
{
	const char *line, *p;

	decode(args);
	line = write_event(false);
	assert_int_equal(strncmp(line, WHO "x(", strlen(WHO "x(")), 0);
	for (p = line; p[1]; p++)
		assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
	assert_int_equal(*p, '\n');
	out.data[p - line - 1] = '\0';
	assert_string_equal(line + strlen(WHO "x("), want);
}

static void test_stack(void **state)
{
	struct stack stack;

	build_stack(&stack);
	begin("x");
	decode(0);
	event.stack = &stack;
	assert_string_equal(write_event(false), WHO "x()\n"
						    "        at inner (/srv/app.py:12)\n"
						    "        at a\\n\"b;... (<x>:1)\n"
						    "        at <unreadable: EFAULT>\n"
						    "        at \u20ac\\udc80 ()\n");
	stack.n_frames = 1;
	stack.cut = true;
	assert_string_equal(write_event(false), WHO "x()\n"
						    "        at inner (/srv/app.py:12)\n"
						    "        ... 1 or more callers not shown\n");
	stack = (struct stack){.error = ESRCH};
	assert_string_equal(write_event(false), WHO "x()\n        <unreadable: ESRCH>\n");
	stack.error = 0;
	assert_string_equal(write_event(false), WHO "x()\n");
}

static void test_whole_line(void **state)
{
	begin("open");
	wb_cstr(&b, "/etc/hostname");
	wb_cstr(&b, "r");
	wb_int(&b, O_RDONLY | O_CLOEXEC);
	decode(3);
	event.variant = &open_args;
	assert_string_equal(write_event(false), WHO
			    "open(path=\"/etc/hostname\", mode=\"r\", flags=O_RDONLY|O_CLOEXEC)\n");
	assert_string_equal(write_event(true),
			    "\033[2m06:10:24.123456\033[0m 4712 python3 \033[1mopen\033[0m("
			    "path=\"/etc/hostname\", mode=\"r\", flags=O_RDONLY|O_CLOEXEC)\n");
}

static void test_local_time(void **state)
{
	begin("x");
	decode(0);
	event.time.ns += 1000000000ll * 36;
	assert_int_equal(strncmp(write_event(false), "06:11:00.123456 ", 16), 0);
	event.time.ns = -1;
	assert_int_equal(strncmp(write_event(false), "23:59:59.999999 ", 16), 0);
	setenv("TZ", "XXX-5:30", 1);
	tzset();
	event.time.ns = TIME_NS;
	assert_int_equal(strncmp(write_event(false), "11:40:24.123456 ", 16), 0);
	setenv("TZ", "UTC0", 1);
	tzset();
	event.time.ns = 0; /* leaves the second that was shown in the other zone */
	write_event(false);
}

static void test_simple_values(void **state)
{
	begin("x");
	expect(0, "");
	begin("x");
	wb_none(&b);
	wb_head(&b, WIRE_BOOL, WIRE_OK, 0, 0, 1);
	wb_head(&b, WIRE_BOOL, WIRE_OK, 0, 0, 0);
	wb_int(&b, INT64_MIN);
	wb_head(&b, WIRE_UINT, WIRE_OK, 0, 0, UINT64_MAX);
	wb_null(&b);
	wb_float(&b, 1.5);
	wb_float(&b, NAN);
	wb_float(&b, -INFINITY);
	expect(9, "arg0=None, arg1=True, arg2=False, arg3=-9223372036854775808, "
		  "arg4=18446744073709551615, arg5=NULL, arg6=1.5, arg7=nan, arg8=-inf");
}

/* Only numbers of the argument itself are shown by name. */
static void test_shown_numbers(void **state)
{
	begin("x");
	wb_cstr(&b, "p");
	wb_none(&b);
	wb_sequence(&b, WIRE_TUPLE, 1);
	wb_int(&b, O_CLOEXEC);
	decode(3);
	event.variant = &open_args;
	assert_string_equal(write_event(false), WHO "x(path=\"p\", mode=None, flags=(524288,))\n");
	begin("x");
	wb_cstr(&b, "p");
	wb_none(&b);
	wb_head(&b, WIRE_INT, WIRE_UNREADABLE, 0, 0, EFAULT);
	wb_int(&b, 5);
	decode(4);
	event.variant = &open_args;
	assert_string_equal(write_event(false),
			    WHO "x(path=\"p\", mode=None, flags=<unreadable: EFAULT>, arg3=5)\n");
}

static void test_socket_protocol(void **state)
{
	static const struct event_variant socket_args = {
		.n_args = 2,
		.args = {{"family", SHOW_FAMILY}, {"protocol", SHOW_PROTOCOL}},
	};
	static const struct {
		int family, protocol;
		const char *text;
	} cases[] = {
		{AF_INET, IPPROTO_TCP, "x(family=AF_INET, protocol=IPPROTO_TCP)\n"},
		{AF_UNIX, 6, "x(family=AF_UNIX, protocol=6)\n"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		begin("x");
		wb_int(&b, cases[i].family);
		wb_int(&b, cases[i].protocol);
		decode(2);
		event.variant = &socket_args;
		assert_string_equal(write_event(false) + strlen(WHO), cases[i].text);
	}
}

static void test_strings(void **state)
{
	static const uint16_t two[] = {'a', 0xdc80, 0x2028, 0x85, 0xe9};

	begin("x");
	wb_cstr(&b, "\n\t\r\"\\'\x1b[31m\x7f\x01");
	wb_data(&b, WIRE_STR, WIRE_OK, 0, "a\0b", 3, 3);
	wb_cstr(&b, "é€😀");
	wb_units(&b, 2, two, sizeof(two));
	wb_cstr(&b, "\xff\xed\xa0\x80");
	expect(5, "arg0=\"\\n\\t\\r\\\"\\\\'\\x1b[31m\\x7f\\x01\", arg1=\"a\\x00b\", arg2=\"é€😀\", "
		  "arg3=\"a\\udc80\\u2028\\x85é\", arg4=\"\\udcff\\udced\\udca0\\udc80\"");
}

/* What terminals obey, and what reorders or hides text. */
static void test_unsafe_code_points(void **state)
{
	static const struct {
		uint32_t cp;
		const char *text;
	} cases[] = {
		{0, "\\x00"},
		{0x1f, "\\x1f"},
		{0x20, " "},
		{0x7e, "~"},
		{0x7f, "\\x7f"},
		{0x80, "\\x80"},
		{0x9b, "\\x9b"},
		{0x9f, "\\x9f"},
		{0xa0, "\u00a0"},
		{0xad, "\\xad"},
		{0x61c, "\\u061c"},
		{0x200b, "\\u200b"},
		{0x200f, "\\u200f"},
		{0x2010, "\u2010"},
		{0x2028, "\\u2028"},
		{0x2029, "\\u2029"},
		{0x202a, "\\u202a"},
		{0x202e, "\\u202e"},
		{0x202f, "\u202f"},
		{0x2066, "\\u2066"},
		{0x2069, "\\u2069"},
		{0xd7ff, "\xed\x9f\xbf"},
		{0xd800, "\\ud800"},
		{0xdfff, "\\udfff"},
		{0xe000, "\xee\x80\x80"},
		{0xfeff, "\\ufeff"},
		{0xffff, "\\uffff"},
		{0x1f600, "😀"},
		{0xe0001, "\\U000e0001"},
		{0xe01ef, "\\U000e01ef"},
		{0x10fffd, "\xf4\x8f\xbf\xbd"},
	};
	char want[40];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		begin("x");
		wb_units(&b, 4, &cases[i].cp, 4);
		snprintf(want, sizeof(want), "arg0=\"%s\"", cases[i].text);
		expect(1, want);
	}
}

/* The longest escapes of each width must fit what was reserved. */
static void test_longest_escapes(void **state)
{
	static uint32_t units[2000];
	static const struct {
		int width;
		unsigned char fill;
		uint32_t each; /* characters a unit becomes */
	} cases[] = {{0, 0xff, 6}, {1, 0x80, 4}, {2, 0xdc, 6}, {4, 0, 4}};
	uint32_t i, n;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(units, cases[i].fill, sizeof(units));
		n = sizeof(units) / (cases[i].width ?: 1);
		begin("x");
		wb_units(&b, cases[i].width ?: 1, units, sizeof(units));
		((struct wire_value *)(b.data + b.len - sizeof(units) - 16))->aux = cases[i].width;
		decode(1);
		buf_free(&out);
		write_event(false);
		assert_int_equal(out.len - 1, strlen(WHO "x(arg0=\"\")\n") + n * cases[i].each);
	}
	for (i = 0; i < ARRAY_SIZE(units); i++)
		units[i] = 0xe0001;
	begin("x");
	wb_units(&b, 4, units, sizeof(units));
	decode(1);
	buf_free(&out);
	write_event(false);
	assert_int_equal(out.len - 1, strlen(WHO "x(arg0=\"\")\n") + 2000 * 10);
}

static void test_bytes(void **state)
{
	begin("x");
	wb_bytes(&b, "a\"\\\n\x1b\xc3\xa9\xff\0", 9);
	wb_data(&b, WIRE_BYTEARRAY, WIRE_OK, 0, "ba", 2, 2);
	wb_bytes(&b, "", 0);
	expect(3, "arg0=b\"a\\\"\\\\\\n\\x1b\\xc3\\xa9\\xff\\x00\", arg1=bytearray(b\"ba\"), "
		  "arg2=b\"\"");
}

static void test_containers(void **state)
{
	begin("x");
	wb_sequence(&b, WIRE_TUPLE, 2);
	wb_int(&b, 1);
	wb_int(&b, 2);
	wb_sequence(&b, WIRE_TUPLE, 1);
	wb_cstr(&b, "a");
	wb_sequence(&b, WIRE_TUPLE, 0);
	wb_sequence(&b, WIRE_LIST, 2);
	wb_sequence(&b, WIRE_LIST, 0);
	wb_none(&b);
	wb_dict(&b, 2);
	wb_cstr(&b, "k");
	wb_cstr(&b, "v");
	wb_int(&b, 3);
	wb_dict(&b, 0);
	expect(5,
	       "arg0=(1, 2), arg1=(\"a\",), arg2=(), arg3=[[], None], arg4={\"k\": \"v\", 3: {}}");
}

static void test_truncated(void **state)
{
	uint32_t digits[] = {1, 2};

	begin("x");
	wb_cut_cstr(&b, "caf\xc3", 9000);
	wb_data(&b, WIRE_BYTES, WIRE_TRUNCATED, 0, "caf\xc3", 4, 9001);
	wb_head(&b, WIRE_LIST, WIRE_TRUNCATED, 0, 1, 120);
	wb_int(&b, 1);
	wb_head(&b, WIRE_TUPLE, WIRE_TRUNCATED, 0, 1, 5);
	wb_int(&b, 1);
	wb_head(&b, WIRE_LIST, WIRE_TRUNCATED, 0, 0, 7);
	wb_head(&b, WIRE_DICT, WIRE_TRUNCATED, 0, 2, 30);
	wb_cut_cstr(&b, "k", 99);
	wb_int(&b, 1);
	wb_data(&b, WIRE_BIGINT, WIRE_TRUNCATED, 0, digits, 8, 100);
	expect(7, "arg0=\"caf\"...(9000), arg1=b\"caf\\xc3\"...(9001), arg2=[1, ...(120)], "
		  "arg3=(1, ...(5)), arg4=[...(7)], arg5={\"k\"...(99): 1, ...(30)}, "
		  "arg6=<int of 100 30-bit digits>");
	begin("x");
	wb_data(&b, WIRE_BIGINT, WIRE_OK, 1, digits, 8, 2);
	expect(1, "arg0=-2147483649");
}

static void test_objects(void **state)
{
	begin("x");
	wb_object(&b, WIRE_OBJECT_PLAIN, "Foo\n", 0);
	wb_object(&b, WIRE_OBJECT_CODE, "code", 3);
	wb_cstr(&b, "read_name");
	wb_cstr(&b, "/srv/\"app\".py");
	wb_int(&b, 12);
	wb_object(&b, WIRE_OBJECT_FUNCTION, "function", 1);
	wb_cstr(&b, "f\x1b");
	wb_object(&b, WIRE_OBJECT_TYPE, "type", 1);
	wb_cut_cstr(&b, "Foo", 500);
	wb_object(&b, WIRE_OBJECT_MODULE, "module", 1);
	wb_unreadable(&b, EFAULT);
	wb_object(&b, WIRE_OBJECT_SOCKET, "_socket.socket", 1);
	wb_int(&b, 3);
	wb_object(&b, WIRE_OBJECT_CODE, "code", 0);
	expect(7, "arg0=<Foo\\n object>, arg1=<code read_name at /srv/\"app\".py:12>, "
		  "arg2=<function f\\x1b>, arg3=<class Foo...(500)>, "
		  "arg4=<module <unreadable: EFAULT>>, arg5=<socket fd=3>, arg6=<code object ...>");
}

static void test_stand_ins(void **state)
{
	begin("x");
	wb_object(&b, WIRE_OBJECT_PATH, "PosixPath", 1);
	wb_cut_cstr(&b, "/tmp/\x1b", 600);
	wb_object(&b, WIRE_OBJECT_PATH_PARTS, "PosixPath", 1);
	wb_sequence(&b, WIRE_LIST, 2);
	wb_cstr(&b, "/");
	wb_cstr(&b, "s\"\n");
	wb_object(&b, WIRE_OBJECT_PATH_PARTS, "PosixPath", 1);
	wb_head(&b, WIRE_LIST, WIRE_TRUNCATED, 0, 1, 9);
	wb_cstr(&b, "a");
	wb_object(&b, WIRE_OBJECT_MAPPING, "os._Environ", 1);
	wb_dict(&b, 1);
	wb_bytes(&b, "A", 1);
	wb_bytes(&b, "b", 1);
	wb_object(&b, WIRE_OBJECT_MAPPING, "os._Environ", 1);
	wb_none(&b);
	expect(5, "arg0=\"/tmp/\\x1b\"...(600), arg1=\"/s\\\"\\n\", arg2=\"a\"..., "
		  "arg3=<os._Environ {\"A\": \"b\"}>, arg4=<os._Environ None>");
}

static void test_missing(void **state)
{
	begin("x");
	wb_unreadable(&b, EFAULT);
	wb_head(&b, 0, WIRE_UNREADABLE, 0, 0, 123456);
	wb_head(&b, 0, WIRE_UNSUPPORTED, 0, 0, 'z');
	expect(3, "arg0=<unreadable: EFAULT>, arg1=<unreadable: 123456>, arg2=<unsupported>");
	event.args_total = 12;
	assert_non_null(strstr(write_event(false), "arg2=<unsupported>, ...(12))\n"));
	begin("x");
	decode(0);
	event.args_total = 2;
	assert_string_equal(write_event(false), WHO "x(...(2))\n");
	event.args_total = 0;
	event.flags = WIRE_AUDIT_FMT_UNREAD;
	assert_string_equal(write_event(false), WHO "x(<unreadable>)\n");
	event.flags = WIRE_AUDIT_FMT_UNKNOWN;
	assert_string_equal(write_event(false), WHO "x(<unsupported>)\n");
	event.args_total = 2;
	assert_string_equal(write_event(false), WHO "x(...(2), <unsupported>)\n");
	event.flags = WIRE_AUDIT_NO_ARGS;
	event.no_args = true;
	assert_string_equal(write_event(false), WHO "x\n");
}

static void test_names(void **state)
{
	wb_begin(&b);
	wb_unreadable(&b, EFAULT);
	decode(0);
	strcpy(event.comm, "a\nb \x1b[0m\xff");
	assert_string_equal(write_event(false),
			    "06:10:24.123456 4712 a\\nb \\x1b[0m\\udcff <unreadable>()\n");
	wire_set_name(&event, "ev\nil");
	assert_string_equal(write_event(false),
			    "06:10:24.123456 4712 a\\nb \\x1b[0m\\udcff ev\\nil()\n");
}

static void test_process(void **state)
{
	static const char *const missed[] = {"import", "exec"};
	struct process_info process = {0};

	event = (struct audit_event){.type = RECORD_PROCESS, .time.ns = TIME_NS, .pid = 4712};
	strcpy(event.comm, "python3");
	assert_string_equal(write_event(false), WHO "+++ process: +++\n");
	event.process = &process;
	assert_string_equal(write_event(false), WHO "+++ process: +++\n");
	process.exe = "/usr/bin/python3.11";
	process.cmdline = "python3\0app.py";
	process.cmdline_len = 15;
	process.python = "3.11.2";
	process.probe = "uprobe";
	assert_string_equal(
		write_event(false),
		WHO "+++ process: /usr/bin/python3.11 app.py (CPython 3.11.2, uprobe) +++\n");
	process.exe = NULL;
	process.cmdline = "python3\0-c\0print(\"\n\")\0\0a b";
	process.cmdline_len = 26;
	process.missed = missed;
	process.n_missed = 2;
	assert_string_equal(write_event(false),
			    WHO "+++ process: python3 -c \"print(\\\"\\n\\\")\" \"\" \"a b\" "
				"(CPython 3.11.2, uprobe; misses import, exec) +++\n");
	process.n_missed = 0;
	process.cmdline = NULL;
	process.cmdline_len = 0;
	process.unseen_ns = 999999;
	assert_string_equal(write_event(false), WHO "+++ process: (CPython 3.11.2, uprobe) +++\n");
	process.unseen_ns = 1500000000;
	process.container = "0123456789abcdef";
	assert_string_equal(write_event(false),
			    WHO "+++ process: (CPython 3.11.2, uprobe; its first 1.500 s were not "
				"seen) in container 0123456789ab +++\n");
}

static void test_exit(void **state)
{
	event = (struct audit_event){.type = RECORD_EXIT, .time.ns = TIME_NS, .pid = 4712};
	strcpy(event.comm, "python3");
	assert_string_equal(write_event(false), WHO "+++ exited with 0 +++\n");
	event.status = 3 << 8;
	assert_string_equal(write_event(false), WHO "+++ exited with 3 +++\n");
	event.status = SIGKILL;
	assert_string_equal(write_event(false), WHO "+++ killed by SIGKILL +++\n");
}

static void test_lost_and_summary(void **state)
{
	event = (struct audit_event){.type = RECORD_LOST, .time.ns = TIME_NS};
	event.lost = (struct loss){.reason = LOSS_RING, .count = 120};
	assert_string_equal(write_event(false),
			    "06:10:24.123456 --- lost 120 events: ring buffer full ---\n");
	assert_string_equal(write_event(true), "\033[2m06:10:24.123456\033[0m \033[31m--- lost 120 "
					       "events: ring buffer full ---\033[0m\n");
	event.lost = (struct loss){.reason = LOSS_MAX, .count = 1};
	assert_string_equal(write_event(false), "06:10:24.123456 --- lost 1 event: unknown ---\n");
	event.type = RECORD_SUMMARY;
	assert_string_equal(write_event(false), "");
}

static int setup(void **state)
{
	setenv("TZ", "UTC0", 1);
	tzset();
	return 0;
}

static int free_buffer(void **state)
{
	buf_free(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_line),
		cmocka_unit_test(test_local_time),
		cmocka_unit_test(test_simple_values),
		cmocka_unit_test(test_shown_numbers),
		cmocka_unit_test(test_socket_protocol),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_unsafe_code_points),
		cmocka_unit_test(test_longest_escapes),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_stand_ins),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_lost_and_summary),
	};

	return cmocka_run_group_tests(tests, setup, free_buffer);
}
