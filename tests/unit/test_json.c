// SPDX-License-Identifier: GPL-2.0-only
/* The JSON writer: every value, what is missing, the order of keys, the record types. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "decode/bigint.h"
#include "decode/wire_decode.h"
#include "sink/format.h"
#include "sink/sink.h"
#include "tests/unit/event_build.h"
#include "stack_build.h"

static struct buf out;

#define STARTED	  "\"2026-11-22T06:10:24.123456789Z\""
#define TIME_TEXT "\"time\":\"2026-11-22T06:10:24.123456789Z\",\"seq\":42"

static const char *write_event(void)
{
	out.len = 0;
	format_json.write(&out, &event, 42, false);
	buf_char(&out, '\0');
	assert_false(out.failed);
	return out.data;
}

/* The record must be one line that a strict parser takes. */
static json_t *parse(const char *line)
{
	json_error_t error;
	json_t *json = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	if (!json)
		print_error("%s: %s\n", error.text, line);
	assert_non_null(json);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	return json;
}

/* Everything from "args" on, for records of the event "x". */
static const char *written(void)
{
	const char *line = write_event(), *from = strstr(line, "\"event\":\"x\",");

	assert_non_null(from);
	out.data[strlen(line) - 2] = '\0'; /* the closing brace and the line end */
	return from + strlen("\"event\":\"x\",");
}

/* Lone surrogates are what jansson refuses: those results are not parsed. */
static void expect_unparsed(uint32_t args, const char *want)
{
	decode(args);
	assert_string_equal(written(), want);
}

static void expect(uint32_t args, const char *want)
{
	expect_unparsed(args, want);
	json_decref(parse(write_event()));
}

static void test_whole_record(void **state)
{
	begin_open();
	decode(3);
	event.ppid = 4700;
	event.variant = &open_args;
	assert_string_equal(
		write_event(),
		"{\"type\":\"audit\"," TIME_TEXT ",\"pid\":4711,\"tid\":4712,"
		"\"ppid\":4700,\"uid\":1000,\"comm\":\"python3\",\"event\":\"open\","
		"\"args\":{\"path\":\"/etc/hostname\",\"mode\":\"r\",\"flags\":524288}}\n");
	json_decref(parse(out.data));
	event.ppid = 0;
	assert_null(strstr(write_event(), "ppid"));
}

static void test_time(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000000000Z"},
		{999999999, "1970-01-01T00:00:00.999999999Z"},
		{1000000000, "1970-01-01T00:00:01.000000000Z"},
		{-1, "1969-12-31T23:59:59.999999999Z"},
		{-1000000000, "1969-12-31T23:59:59.000000000Z"},
		{TIME_NS, "2026-11-22T06:10:24.123456789Z"},
		{TIME_NS + 1, "2026-11-22T06:10:24.123456790Z"},
		{INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
		{INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		out.len = 0;
		format_time_utc(&out, cases[i].ns);
		assert_int_equal(out.len, strlen(cases[i].text));
		assert_memory_equal(out.data, cases[i].text, out.len);
	}
}

static void test_argument_names(void **state)
{
	begin("x");
	expect(0, "\"args\":{}");
	begin("x");
	wb_int(&b, 1);
	wb_int(&b, 2);
	expect(2, "\"args\":{\"arg0\":1,\"arg1\":2}");
	begin("x");
	wb_int(&b, 1);
	wb_int(&b, 2);
	wb_int(&b, 3);
	wb_cut_cstr(&b, "a", 7);
	decode(4);
	event.variant = &open_args;
	assert_string_equal(written(),
			    "\"args\":{\"path\":1,\"mode\":2,\"flags\":3,\"arg3\":\"a\"},"
			    "\"truncated\":{\"arg3\":7}");
}

static void test_simple_values(void **state)
{
	begin("x");
	wb_none(&b);
	wb_head(&b, WIRE_BOOL, WIRE_OK, 0, 0, 1);
	wb_head(&b, WIRE_BOOL, WIRE_OK, 0, 0, 0);
	wb_int(&b, -1);
	wb_int(&b, INT64_MIN);
	wb_head(&b, WIRE_UINT, WIRE_OK, 0, 0, UINT64_MAX);
	wb_null(&b);
	expect_unparsed(7, "\"args\":{\"arg0\":null,\"arg1\":true,\"arg2\":false,\"arg3\":-1,"
			   "\"arg4\":-9223372036854775808,\"arg5\":18446744073709551615,"
			   "\"arg6\":null}");
}

static void expect_float(double value, const char *want)
{
	char text[100];

	begin("x");
	wb_float(&b, value);
	snprintf(text, sizeof(text), "\"args\":{\"arg0\":%s}", want);
	expect(1, text);
}

/* as json.dumps writes them; 2**-44 and 2**122 have their shortest form on the far side */
static void test_floats(void **state)
{
	expect_float(5, "5.0");
	expect_float(-0.0, "-0.0");
	expect_float(0.1, "0.1");
	expect_float(0.1 + 0.2, "0.30000000000000004");
	expect_float(1.0 / 3, "0.3333333333333333");
	expect_float(-2.5e-5, "-2.5e-05");
	expect_float(1e-4, "0.0001");
	expect_float(123456789012345680.0, "1.2345678901234568e+17");
	expect_float(1e15, "1000000000000000.0");
	expect_float(1e16, "1e+16");
	expect_float(9007199254740993.0, "9007199254740992.0");
	expect_float(5e-324, "5e-324");
	expect_float(2.2250738585072014e-308, "2.2250738585072014e-308");
	expect_float(1.7976931348623157e308, "1.7976931348623157e+308");
	expect_float(0x1p-44, "5.684341886080802e-14");
	expect_float(0x1p122, "5.316911983139664e+36");
	expect_float(1e100, "1e+100");
	expect_float(NAN, "\"nan\"");
	expect_float(-NAN, "\"nan\"");
	expect_float(INFINITY, "\"inf\"");
	expect_float(-INFINITY, "\"-inf\"");
}

static void test_strings(void **state)
{
	begin("x");
	wb_cstr(&b, "\b\t\n\f\r\"\\/\x01\x1f\x7f");
	expect(1, "\"args\":{\"arg0\":\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0001\\u001f\x7f\"}");
	begin("x");
	wb_data(&b, WIRE_STR, WIRE_OK, 0, "a\0b", 3, 3);
	wb_data(&b, WIRE_STR, WIRE_OK, 0, "", 0, 0);
	expect(2, "\"args\":{\"arg0\":\"a\\u0000b\",\"arg1\":\"\"}");
	begin("x");
	wb_cstr(&b, "é€😀\xe2\x80\xa8");
	wb_units(&b, 1, "\xe9\x80\xff", 3);
	wb_units(&b, 2, u"é€\u2028", 6);
	wb_units(&b, 4, U"é€😀", 12);
	expect(4, "\"args\":{\"arg0\":\"é€😀\xe2\x80\xa8\",\"arg1\":\"é\xc2\x80ÿ\","
		  "\"arg2\":\"é€\xe2\x80\xa8\",\"arg3\":\"é€😀\"}");
}

static void test_surrogates(void **state)
{
	static const uint16_t two[] = {'a', 0xd800, 0xdcff, 0xdfff};
	static const uint32_t four[] = {0xdc80, 0x1f600, 0xffffffff};

	begin("x");
	wb_units(&b, 2, two, sizeof(two));
	wb_units(&b, 4, four, sizeof(four));
	wb_cstr(&b, "\xff ok \xed\xa0\x80");
	expect_unparsed(3, "\"args\":{\"arg0\":\"a\\ud800\\udcff\\udfff\","
			   "\"arg1\":\"\\udc80😀\xef\xbf\xbd\","
			   "\"arg2\":\"\\udcff ok \\udced\\udca0\\udc80\"}");
}

static void test_bytes(void **state)
{
	begin("x");
	wb_bytes(&b, "abc\"\n", 5);
	wb_bytes(&b, "", 0);
	wb_bytes(&b, "\xc3\xa9\0", 3);
	wb_bytes(&b, "\xff", 1);
	wb_bytes(&b, "\xff\xfe", 2);
	wb_bytes(&b, "\xff\xfe\xfd", 3);
	wb_bytes(&b, "\xfb\xff\xbf\0", 4);
	wb_data(&b, WIRE_BYTEARRAY, WIRE_OK, 0, "ba", 2, 2);
	expect(8, "\"args\":{\"arg0\":{\"bytes\":\"abc\\\"\\n\"},\"arg1\":{\"bytes\":\"\"},"
		  "\"arg2\":{\"bytes\":\"é\\u0000\"},\"arg3\":{\"base64\":\"/w==\"},"
		  "\"arg4\":{\"base64\":\"//4=\"},\"arg5\":{\"base64\":\"//79\"},"
		  "\"arg6\":{\"base64\":\"+/+/AA==\"},\"arg7\":{\"bytes\":\"ba\"}}");
}

/* A cut inside a code point: text loses the half one, bytes stay exact. */
static void test_cut_inside_a_code_point(void **state)
{
	begin("x");
	wb_cut_cstr(&b, "caf\xc3", 5);
	wb_data(&b, WIRE_BYTES, WIRE_TRUNCATED, 0, "caf\xc3", 4, 5);
	expect(2, "\"args\":{\"arg0\":\"caf\",\"arg1\":{\"base64\":\"Y2Fmww==\"}},"
		  "\"truncated\":{\"arg0\":5,\"arg1\":5}");
	begin("x");
	wb_cstr(&b, "caf\xc3");
	expect_unparsed(1, "\"args\":{\"arg0\":\"caf\\udcc3\"}");
}

static void expect_bigint(const uint32_t *digits, uint32_t n, bool negative, const char *want)
{
	char *text = NULL;

	begin("x");
	wb_data(&b, WIRE_BIGINT, WIRE_OK, negative, digits, 4 * n, n);
	assert_true(asprintf(&text, "\"args\":{\"arg0\":%s}", want) > 0);
	expect_unparsed(1, text);
	free(text);
}

/* The decimal texts are Python's. */
static void test_bigints(void **state)
{
	static const uint32_t ones[] = {0x3fffffff, 0x3fffffff, 0x3fffffff, 0x3fffffff};
	static const uint32_t limbs[] = {0x28000000, 0x3f4200f3, 0x33b2e3c9};
	static const uint32_t less[] = {0x27ffffff, 0x3f4200f3, 0x33b2e3c9};
	static const uint32_t zeros[] = {0x5, 0xd2e7c40, 0x3c90715b, 0x3025f39e};
	uint32_t power[12] = {0};

	expect_bigint(power, 0, false, "0");
	expect_bigint(power, 3, true, "0");
	power[4] = 1; /* 2**120 */
	expect_bigint(power, 5, false, "1329227995784915872903807060280344576");
	expect_bigint(power, 5, true, "-1329227995784915872903807060280344576");
	expect_bigint(ones, 4, false, "1329227995784915872903807060280344575");
	power[4] = 0;
	power[11] = 1 << 2; /* 2**332 */
	expect_bigint(power, 12, false,
		      "87490028991320476974900089084704854614126777235728497457030824256398119"
		      "96797503692894052708092215296");
	expect_bigint(limbs, 3, false, "1000000000000000000000000000");
	expect_bigint(less, 3, false, "999999999999999999999999999");
	expect_bigint(zeros, 4, false, "1000000000000000000000000000000000005");
}

static void expect_ends(uint32_t len, const char *head, const char *tail)
{
	assert_int_equal(out.len, len);
	assert_memory_equal(out.data, head, 10);
	assert_memory_equal(out.data + len - 10, tail, 10);
}

static void test_biggest_int(void **state)
{
	static uint32_t digits[BIGINT_MAX_DIGITS + 1];
	size_t i;

	digits[BIGINT_MAX_DIGITS - 1] = 1; /* 2**(30*8191) */
	out.len = 0;
	assert_int_equal(bigint_decimal(&out, digits, BIGINT_MAX_DIGITS, false), 0);
	expect_ends(73973, "1261346801", "3736269824");
	for (i = 0; i < BIGINT_MAX_DIGITS; i++)
		digits[i] = 0x3fffffff; /* 2**(30*8192) - 1 */
	out.len = 0;
	assert_int_equal(bigint_decimal(&out, digits, BIGINT_MAX_DIGITS, false), 0);
	expect_ends(73982, "1354360814", "5777918975");
	/* more than 30 bits in each: no interpreter has it, a record may */
	memset(digits, 0xff, sizeof(digits));
	out.len = 0;
	assert_int_equal(bigint_decimal(&out, digits, BIGINT_MAX_DIGITS, false), 0);
	assert_in_range(out.len, 73982, 73984);
	out.len = 0;
	assert_int_equal(bigint_decimal(&out, digits, BIGINT_MAX_DIGITS + 1, false), -E2BIG);
	assert_int_equal(out.len, 0);
}

static void test_cut_bigint(void **state)
{
	uint32_t digits[] = {1, 2};

	begin("x");
	wb_data(&b, WIRE_BIGINT, WIRE_TRUNCATED, 0, digits, 8, 100);
	wb_data(&b, WIRE_BIGINT, WIRE_TRUNCATED, 0, digits, 8, UINT64_MAX);
	expect_unparsed(2, "\"args\":{\"arg0\":null,\"arg1\":null},"
			   "\"truncated\":{\"arg0\":400,\"arg1\":18446744073709551615}");
}

static void test_containers(void **state)
{
	begin("x");
	wb_sequence(&b, WIRE_TUPLE, 2);
	wb_cstr(&b, "127.0.0.1");
	wb_int(&b, 80);
	wb_sequence(&b, WIRE_LIST, 0);
	wb_sequence(&b, WIRE_LIST, 2);
	wb_sequence(&b, WIRE_LIST, 1);
	wb_int(&b, 1);
	wb_sequence(&b, WIRE_TUPLE, 0);
	expect(3, "\"args\":{\"arg0\":[\"127.0.0.1\",80],\"arg1\":[],\"arg2\":[[1],[]]}");
}

static void test_dicts(void **state)
{
	begin("x");
	wb_dict(&b, 2);
	wb_cstr(&b, "a");
	wb_int(&b, 1);
	wb_cstr(&b, "b\"");
	wb_dict(&b, 0);
	wb_dict(&b, 2);
	wb_cstr(&b, "a");
	wb_int(&b, 1);
	wb_int(&b, 2);
	wb_sequence(&b, WIRE_LIST, 1);
	wb_int(&b, 3);
	wb_dict(&b, 1); /* a key that was cut may equal another */
	wb_cut_cstr(&b, "k", 9);
	wb_int(&b, 1);
	expect(3,
	       "\"args\":{\"arg0\":{\"a\":1,\"b\\\"\":{}},\"arg1\":{\"items\":[[\"a\",1],[2,[3]]]},"
	       "\"arg2\":{\"items\":[[\"k\",1]]}},\"truncated\":{\"arg2.items[0][0]\":9}");
}

static void test_objects(void **state)
{
	begin("x");
	wb_object(&b, WIRE_OBJECT_PLAIN, "Foo\"", 0);
	wb_object(&b, WIRE_OBJECT_CODE, "code", 3);
	wb_cstr(&b, "<module>");
	wb_cstr(&b, "a.py");
	wb_int(&b, 12);
	wb_object(&b, WIRE_OBJECT_FUNCTION, "function", 1);
	wb_cstr(&b, "f");
	wb_object(&b, WIRE_OBJECT_TYPE, "type", 1);
	wb_cstr(&b, "Foo");
	wb_object(&b, WIRE_OBJECT_MODULE, "module", 1);
	wb_cstr(&b, "os");
	wb_object(&b, WIRE_OBJECT_SOCKET, "_socket.socket", 1);
	wb_int(&b, -1);
	wb_object(&b, WIRE_OBJECT_CODE, "code", 0);
	expect(7, "\"args\":{\"arg0\":{\"object\":\"Foo\\\"\"},\"arg1\":{\"object\":\"code\","
		  "\"func\":\"<module>\",\"file\":\"a.py\",\"line\":12},"
		  "\"arg2\":{\"object\":\"function\",\"func\":\"f\"},"
		  "\"arg3\":{\"object\":\"type\",\"name\":\"Foo\"},"
		  "\"arg4\":{\"object\":\"module\",\"name\":\"os\"},"
		  "\"arg5\":{\"object\":\"_socket.socket\",\"fd\":-1},"
		  "\"arg6\":{\"object\":\"code\"}},\"truncated\":{\"arg6\":3}");
}

/* Segments are separated by '|'. */
static void expect_joined(const char *segments, const char *want)
{
	const char *p = segments, *end;
	char text[100];
	uint32_t n = 1;

	for (end = p; *end; end++)
		n += *end == '|';
	begin("x");
	wb_object(&b, WIRE_OBJECT_PATH_PARTS, "PosixPath", 1);
	wb_sequence(&b, WIRE_LIST, n);
	for (; n; n--, p = end + 1) {
		end = strchrnul(p, '|');
		wb_data(&b, WIRE_STR, WIRE_OK, 1, p, end - p, end - p);
	}
	snprintf(text, sizeof(text), "\"args\":{\"arg0\":\"%s\"}", want);
	expect(1, text);
}

/* str(pathlib.PurePosixPath(*segments)) */
static void test_path_parts(void **state)
{
	expect_joined("/|srv|app.py", "/srv/app.py");
	expect_joined("srv|app.py", "srv/app.py");
	expect_joined("/a|/b|c", "/b/c");
	expect_joined("a|/b/|c/", "/b/c");
	expect_joined("/", "/");
	expect_joined("", ".");
	expect_joined(".", ".");
	expect_joined("|a", "a");
	expect_joined("a||b", "a/b");
	expect_joined("./a/./b//c/.", "a/b/c");
	expect_joined("..|.a|b.|...", "../.a/b./...");
	expect_joined("//srv|a", "//srv/a");
	expect_joined("///srv|a", "/srv/a");
	expect_joined("/srv|//a", "//a");
	expect_joined("a\"|b", "a\\\"/b");
	begin("x");
	wb_object(&b, WIRE_OBJECT_PATH_PARTS, "PosixPath", 1);
	wb_sequence(&b, WIRE_TUPLE, 0);
	expect(1, "\"args\":{\"arg0\":\".\"}");
}

static void test_incomplete_paths(void **state)
{
	begin("x");
	wb_object(&b, WIRE_OBJECT_PATH_PARTS, "PosixPath", 1);
	wb_head(&b, WIRE_LIST, WIRE_TRUNCATED, 0, 2, 9);
	wb_cstr(&b, "/");
	wb_cut_cstr(&b, "srv", 700);
	wb_object(&b, WIRE_OBJECT_PATH_PARTS, "PosixPath", 1);
	wb_sequence(&b, WIRE_LIST, 2);
	wb_cstr(&b, "/");
	wb_unreadable(&b, EFAULT);
	wb_object(&b, WIRE_OBJECT_PATH_PARTS, "PosixPath", 1);
	wb_unreadable(&b, EFAULT);
	wb_object(&b, WIRE_OBJECT_PATH_PARTS, "PosixPath", 0);
	expect(4, "\"args\":{\"arg0\":\"/srv\",\"arg1\":{\"object\":\"PosixPath\",\"parts\":[\"/"
		  "\",null]},"
		  "\"arg2\":null,\"arg3\":{\"object\":\"PosixPath\"}},"
		  "\"truncated\":{\"arg0.parts\":9,\"arg0.parts[1]\":700,\"arg3\":1},"
		  "\"unreadable\":{\"arg1.parts[1]\":\"EFAULT\",\"arg2\":\"EFAULT\"}");
}

static void test_stand_ins(void **state)
{
	begin("x");
	wb_object(&b, WIRE_OBJECT_PATH, "PosixPath", 1);
	wb_cut_cstr(&b, "/tmp/x", 600);
	wb_object(&b, WIRE_OBJECT_MAPPING, "os._Environ", 1);
	wb_dict(&b, 1);
	wb_bytes(&b, "PATH", 4);
	wb_data(&b, WIRE_BYTES, WIRE_TRUNCATED, 0, "/bin", 4, 800);
	wb_object(&b, WIRE_OBJECT_MAPPING, "os._Environ", 1);
	wb_unreadable(&b, EFAULT);
	wb_object(&b, WIRE_OBJECT_PATH, "PosixPath", 1);
	wb_none(&b);
	expect(4, "\"args\":{\"arg0\":\"/tmp/x\",\"arg1\":{\"object\":\"os._Environ\","
		  "\"mapping\":{\"PATH\":\"/bin\"}},"
		  "\"arg2\":{\"object\":\"os._Environ\",\"mapping\":null},"
		  "\"arg3\":{\"object\":\"PosixPath\",\"path\":null}},"
		  "\"truncated\":{\"arg0\":600,\"arg1.mapping.PATH\":800},"
		  "\"unreadable\":{\"arg2.mapping\":\"EFAULT\"}");
}

static void test_truncated_keys(void **state)
{
	begin("x");
	wb_cut_cstr(&b, "a", 9000);
	wb_head(&b, WIRE_LIST, WIRE_TRUNCATED, 0, 3, 120);
	wb_int(&b, 1);
	wb_int(&b, 2);
	wb_cut_cstr(&b, "b", 77);
	wb_head(&b, WIRE_DICT, WIRE_TRUNCATED, 0, 2, 30);
	wb_cstr(&b, "PA\"TH");
	wb_sequence(&b, WIRE_TUPLE, 1);
	wb_cut_cstr(&b, "c", 66);
	wb_object(&b, WIRE_OBJECT_CODE, "code", 3);
	wb_cut_cstr(&b, "f", 5);
	wb_cstr(&b, "g");
	wb_unreadable(&b, EFAULT);
	expect(4, "\"args\":{\"arg0\":\"a\",\"arg1\":[1,2,\"b\"],\"arg2\":{\"PA\\\"TH\":[\"c\"]},"
		  "\"arg3\":{\"object\":\"code\",\"func\":\"f\",\"file\":\"g\",\"line\":null}},"
		  "\"truncated\":{\"arg0\":9000,\"arg1\":120,\"arg1[2]\":77,\"arg2\":30,"
		  "\"arg2.PA\\\"TH[0]\":66,\"arg3.func\":5},\"unreadable\":{\"arg3.line\":"
		  "\"EFAULT\"}");
}

static void test_cut_name(void **state)
{
	wb_begin(&b);
	wb_cut_cstr(&b, "my.x", 300);
	wb_cut_cstr(&b, "a", 9000);
	wb_end(&b, 1, 1);
	event = (struct audit_event){.time.ns = TIME_NS};
	assert_int_equal(wire_decode_audit(b.data, b.len, &decoder, &event), 0);
	assert_non_null(strstr(write_event(), "\"event\":\"my.x\",\"args\":{\"arg0\":\"a\"},"
					      "\"truncated\":{\"event\":300,\"arg0\":9000}}"));
	event.no_args = true;
	assert_non_null(strstr(write_event(), "\"my.x\",\"truncated\":{\"event\":300}}"));
}

/* How long a type's name is, is not known: num counts properties. */
static void test_cut_type_name(void **state)
{
	begin("x");
	wb_data(&b, WIRE_OBJECT, WIRE_TRUNCATED, WIRE_OBJECT_FUNCTION, "a.b.c", 5, 1);
	wb_cstr(&b, "f");
	expect(1, "\"args\":{\"arg0\":{\"object\":\"a.b.c\",\"func\":\"f\"}}");
}

static void test_unreadable(void **state)
{
	begin("x");
	wb_unreadable(&b, EFAULT);
	wb_unreadable(&b, ENOMEM);
	wb_head(&b, 0, WIRE_UNREADABLE, 0, 0, 123456);
	wb_head(&b, WIRE_STR, WIRE_UNREADABLE, 0, 0, UINT64_MAX);
	wb_head(&b, 0, WIRE_UNSUPPORTED, 0, 0, 'z');
	wb_null(&b);
	expect(6,
	       "\"args\":{\"arg0\":null,\"arg1\":null,\"arg2\":null,\"arg3\":null,\"arg4\":null,"
	       "\"arg5\":null},\"unreadable\":{\"arg0\":\"EFAULT\",\"arg1\":\"ENOMEM\","
	       "\"arg2\":\"123456\",\"arg3\":\"18446744073709551615\",\"arg4\":\"unsupported\"}");
}

static void test_missing_arguments(void **state)
{
	begin("x");
	wb_int(&b, 1);
	decode(1);
	event.args_total = 12;
	assert_string_equal(written(), "\"args\":{\"arg0\":1},\"truncated\":{\"[args]\":12}");
	event.flags = WIRE_AUDIT_FMT_UNKNOWN;
	assert_string_equal(written(), "\"args\":{\"arg0\":1},\"truncated\":{\"[args]\":12},"
				       "\"unreadable\":{\"[args]\":\"unsupported\"}");
	begin("x");
	decode(0);
	event.flags = WIRE_AUDIT_FMT_UNREAD;
	assert_string_equal(written(), "\"args\":null,\"unreadable\":{\"[args]\":\"EFAULT\"}");
	event.flags = WIRE_AUDIT_NO_ARGS;
	event.no_args = true;
	event.args_total = 3;
	assert_null(strstr(write_event(), "args"));
	assert_null(strstr(out.data, "truncated"));
}

#define FRAMES                                                        \
	"[{\"func\":\"inner\",\"file\":\"/srv/app.py\",\"line\":12}," \
	"{\"func\":\"a\\n\\\"b;\",\"file\":\"<x>\",\"line\":1},null," \
	"{\"func\":\"\u20ac\\udc80\",\"file\":\"\"}]"

static void test_stack(void **state)
{
	struct stack stack;

	build_stack(&stack);
	begin("x");
	decode(0);
	event.stack = &stack;
	assert_string_equal(written(),
			    "\"args\":{},\"truncated\":{\"stack[1].func\":6},"
			    "\"unreadable\":{\"stack[2]\":\"EFAULT\"},\"stack\":" FRAMES);
	stack.cut = true;
	stack.error = ESRCH;
	assert_string_equal(written(),
			    "\"args\":{},\"truncated\":{\"stack[1].func\":6,\"stack\":5},"
			    "\"unreadable\":{\"stack[2]\":\"EFAULT\",\"stack\":\"ESRCH\"},"
			    "\"stack\":" FRAMES);
	/* Arguments that were not asked for are not missing; a stack is told without them. */
	event.no_args = true;
	event.flags = WIRE_AUDIT_NO_ARGS;
	event.args_total = 3;
	stack = (struct stack){.n_frames = 0};
	assert_string_equal(written(), "\"stack\":[]");
	stack.cut = true;
	assert_string_equal(written(), "\"truncated\":{\"stack\":1},\"stack\":[]");
}

static void test_names(void **state)
{
	wb_begin(&b);
	wb_unreadable(&b, EFAULT);
	decode(0);
	assert_non_null(strstr(write_event(), "\"event\":null,"));
	wire_set_name(&event, "my\n");
	assert_non_null(strstr(write_event(), "\"event\":\"my\\n\","));
	strcpy(event.comm, "a\"\xff");
	assert_non_null(strstr(write_event(), "\"comm\":\"a\\\"\\udcff\","));
}

static void test_process(void **state)
{
	static const char *const entries[] = {"sys_audit_tstate", "sys_audit"};
	static const char *const missed[] = {"events of \"x\""};
	struct process_info process = {.exe = "/usr/bin/python3.11"};

	event = (struct audit_event){
		.type = RECORD_PROCESS, .time.ns = TIME_NS, .pid = 5, .ppid = 4};
	strcpy(event.comm, "python3");
	event.process = &process;
	assert_string_equal(write_event(),
			    "{\"type\":\"process\"," TIME_TEXT ",\"pid\":5,\"ppid\":4,\"uid\":0,"
			    "\"comm\":\"python3\",\"exe\":\"/usr/bin/python3.11\"}\n");
	process.cmdline = "python3\0\0a\xc3\xa9 b";
	process.cmdline_len = 14;
	process.cwd = "/srv";
	process.python = "3.11.2";
	process.build = "static executable";
	process.probe = "uprobe";
	process.entries = entries;
	process.n_entries = 2;
	assert_string_equal(write_event(),
			    "{\"type\":\"process\"," TIME_TEXT ",\"pid\":5,\"ppid\":4,\"uid\":0,"
			    "\"comm\":\"python3\",\"exe\":\"/usr/bin/python3.11\","
			    "\"cmdline\":[\"python3\",\"\",\"aé b\"],\"cwd\":\"/srv\","
			    "\"python\":\"3.11.2\",\"build\":\"static executable\","
			    "\"probe\":{\"kind\":\"uprobe\",\"entries\":[\"sys_audit_tstate\","
			    "\"sys_audit\"]},\"missed\":[],\"unseen_ns\":0}\n");
	json_decref(parse(out.data));
	process.missed = missed;
	process.n_missed = 1;
	process.cmdline_len = 0;
	assert_non_null(strstr(write_event(), "\"cmdline\":[],"));
	assert_non_null(
		strstr(out.data, "\"missed\":[\"events of \\\"x\\\"\"],\"unseen_ns\":0}\n"));
	json_decref(parse(out.data));
	process.started_ns = TIME_NS;
	process.ns_pid = 2;
	process.cgroup = "/a\"/pod1/id";
	process.container = "id";
	process.pod = "pod";
	process.unit = "a.service";
	process.unseen_ns = 1500000000;
	assert_non_null(strstr(write_event(),
			       "\"cwd\":\"/srv\",\"started\":" STARTED ",\"ns_pid\":2,"
			       "\"cgroup\":\"/a\\\"/pod1/id\",\"container\":\"id\","
			       "\"pod\":\"pod\",\"unit\":\"a.service\",\"python\":"));
	assert_non_null(strstr(out.data, ",\"unseen_ns\":1500000000}\n"));
	json_decref(parse(out.data));
}

static void test_calls_cut(void **state)
{
	struct call_info call = {.row = syscall_find(257), .ret = 3, .pid = 5};

	event = (struct audit_event){
		.type = RECORD_AUDIT, .pid = 5, .calls = &call, .n_calls = 1, .calls_made = 20};
	wire_set_name(&event, "my");
	assert_non_null(strstr(write_event(), "\"args\":{},\"truncated\":{\"syscalls\":20},"
					      "\"syscalls\":[{\"name\":\"openat\""));
	json_decref(parse(out.data));
	event.calls_made = 1;
	assert_null(strstr(write_event(), "truncated"));
}

static void test_trace_ids(void **state)
{
	static const struct wire_trace trace = {{0, 1, 0xab, [15] = 0xff}, {0x10, [7] = 1}, 1, {0}};
	struct process_info process = {.container = "id"};

	event = (struct audit_event){.type = RECORD_AUDIT, .pid = 5, .process = &process};
	event.trace = &trace;
	wire_set_name(&event, "my");
	assert_non_null(strstr(write_event(), ",\"container\":\"id\","
					      "\"trace_id\":\"0001ab000000000000000000000000ff\","
					      "\"span_id\":\"1000000000000001\"}\n"));
	json_decref(parse(out.data));
}

static void test_container(void **state)
{
	struct process_info process = {.container = "id"};

	event = (struct audit_event){.type = RECORD_AUDIT, .time.ns = TIME_NS, .pid = 5};
	wire_set_name(&event, "my");
	assert_non_null(strstr(write_event(), "\"event\":\"my\",\"args\":{}}\n"));
	event.process = &process;
	assert_non_null(strstr(write_event(), ",\"args\":{},\"container\":\"id\"}\n"));
	event.no_args = true;
	assert_non_null(strstr(write_event(), ",\"event\":\"my\",\"container\":\"id\"}\n"));
	process.container = NULL;
	assert_non_null(strstr(write_event(), ",\"event\":\"my\"}\n"));
}

static void test_exit(void **state)
{
	event = (struct audit_event){.type = RECORD_EXIT, .time.ns = TIME_NS, .pid = 5};
	strcpy(event.comm, "python3");
	event.status = 3 << 8;
	assert_string_equal(write_event(), "{\"type\":\"exit\"," TIME_TEXT
					   ",\"pid\":5,\"comm\":\"python3\",\"status\":3}\n");
	event.ppid = 4;
	event.status = SIGKILL;
	assert_string_equal(write_event(),
			    "{\"type\":\"exit\"," TIME_TEXT
			    ",\"pid\":5,\"ppid\":4,\"comm\":\"python3\",\"status\":137,"
			    "\"signal\":\"SIGKILL\"}\n");
	event.status = SIGSEGV | 0x80;
	assert_non_null(strstr(write_event(), "\"signal\":\"SIGSEGV\"}"));
	event.status = SIGRTMIN + 2;
	assert_non_null(strstr(write_event(), "\"signal\":\"SIGRTMIN+2\"}"));
	event.status = 32;
	assert_non_null(strstr(write_event(), "\"signal\":\"SIG32\"}"));
	json_decref(parse(out.data));
}

static void test_lost_and_summary(void **state)
{
	event = (struct audit_event){.type = RECORD_LOST, .time.ns = TIME_NS};
	event.lost = (struct loss){.reason = LOSS_RING, .count = 120};
	assert_string_equal(write_event(), "{\"type\":\"lost\"," TIME_TEXT
					   ",\"count\":120,\"reason\":\"ring\"}\n");
	event.lost.reason = LOSS_MAX;
	assert_non_null(strstr(write_event(), "\"reason\":\"unknown\"}"));
	event = (struct audit_event){.type = RECORD_SUMMARY, .time.ns = TIME_NS};
	event.totals =
		(struct totals){.seen = 10, .delivered = 5, .filtered = 1, .lost = {3, 0, 0, 1}};
	assert_string_equal(write_event(),
			    "{\"type\":\"summary\"," TIME_TEXT ",\"seen\":10,\"delivered\":5,"
			    "\"filtered\":1,\"lost\":{\"ring\":3,\"scratch\":0,\"decode\":0,"
			    "\"output\":1,\"rate\":0,\"cpu\":0}}\n");
	json_decref(parse(out.data));
	event.totals.exporters = (struct exporter_stats[]){
		{.name = "a", .delivered = 4, .drops = {{"full", 1}, {"x", 0}}, .n_drops = 2},
		{.name = "b"}};
	event.totals.n_exporters = 2;
	assert_non_null(strstr(write_event(),
			       "\"cpu\":0},\"exporters\":{\"a\":{\"delivered\":4,\"dropped\":{"
			       "\"full\":1,\"x\":0}},\"b\":{\"delivered\":0,\"dropped\":{}}}}\n"));
	json_decref(parse(out.data));
}

static void test_format_find(void **state)
{
	assert_ptr_equal(format_find("json"), &format_json);
	assert_ptr_equal(format_find("text"), &format_text);
	assert_null(format_find("jso"));
	assert_null(format_find(""));
}

static bool is_open(const struct event_row *row, void *arg)
{
	return !strcmp(row->name, arg);
}

static void check_row(json_t *row)
{
	static const char *const keys[] = {"event", "args",  "category", "platform",
					   "since", "until", "about",	 "variants"};
	void *member = json_object_iter(row);
	size_t i;

	for (i = 0; member; i++, member = json_object_iter_next(row, member)) {
		assert_true(i < ARRAY_SIZE(keys));
		assert_string_equal(json_object_iter_key(member), keys[i]);
	}
	assert_true(i >= ARRAY_SIZE(keys) - 1);
	assert_true(json_is_array(json_object_get(row, "args")));
	if (i == ARRAY_SIZE(keys))
		assert_true(json_array_size(json_object_get(row, "variants")) > 1);
}

static void test_list_events(void **state)
{
	size_t n, lines = 0;
	char *line, *save;
	json_t *row;

	event_table(&n);
	out.len = 0;
	list_events_json(&out, NULL, NULL);
	buf_char(&out, '\0');
	for (line = strtok_r(out.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		row = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(row);
		check_row(row);
		assert_non_null(event_find(json_string_value(json_object_get(row, "event"))));
		json_decref(row);
		lines++;
	}
	assert_int_equal(lines, n);
	out.len = 0;
	list_events_json(&out, is_open, "open");
	buf_char(&out, '\0');
	row = json_loads(out.data, 0, NULL);
	assert_string_equal(json_string_value(json_array_get(json_object_get(row, "args"), 0)),
			    "path");
	json_decref(row);
	out.len = 0;
	list_events_json(&out, is_open, "shutil.rmtree");
	buf_char(&out, '\0');
	assert_non_null(strstr(out.data, "\"variants\":[{\"since\":\"3.8\",\"until\":\"3.11\","
					 "\"args\":[\"path\"]},{\"since\":\"3.11\",\"until\":null,"
					 "\"args\":[\"path\",\"dir_fd\"]}]}\n"));
	out.len = 0;
	list_events_text(&out, is_open, "open");
	buf_char(&out, '\0');
	assert_int_equal(strncmp(out.data, "open ", 5), 0);
	assert_non_null(strstr(out.data, "(path, mode, flags)"));
	assert_ptr_equal(strchr(out.data, '\n'), out.data + strlen(out.data) - 1);
}

static int free_buffer(void **state)
{
	buf_free(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_record),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_argument_names),
		cmocka_unit_test(test_simple_values),
		cmocka_unit_test(test_floats),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_surrogates),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_cut_inside_a_code_point),
		cmocka_unit_test(test_bigints),
		cmocka_unit_test(test_biggest_int),
		cmocka_unit_test(test_cut_bigint),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_dicts),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_path_parts),
		cmocka_unit_test(test_incomplete_paths),
		cmocka_unit_test(test_stand_ins),
		cmocka_unit_test(test_truncated_keys),
		cmocka_unit_test(test_cut_name),
		cmocka_unit_test(test_cut_type_name),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_missing_arguments),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_calls_cut),
		cmocka_unit_test(test_trace_ids),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_lost_and_summary),
		cmocka_unit_test(test_format_find),
		cmocka_unit_test(test_list_events),
	};

	return cmocka_run_group_tests(tests, NULL, free_buffer);
}
