/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests of the C format string and its arguments, which come through this compiler's own va_list.
 */
#ifndef PYAUDIT_BPF_UNITS_TESTS_H
#define PYAUDIT_BPF_UNITS_TESTS_H

#include <unistd.h>

#include "bpf_record.h"

static struct record unit_good, unit_bad;
static const struct image_config no_image;

static void capture_units(struct record *r, uint64_t format, uint64_t list)
{
	struct scratch *s = host_start(0);

	load_va_list(s, list);
	if (!(s->audit_flags & WIRE_AUDIT_FMT_UNREAD))
		host_start_format(s, &no_image, format);
	record_take(r, s, &no_image);
}

/* Captures a call of this format and these arguments, then again with each read failing. args: a
 * JSON record from its arguments on, without the name of that member. */
static void check_units(const char *args, const char *format, ...)
{
	uint64_t reads, i;
	va_list list;

	host_mem = (struct host_memory){.pid = getpid()};
	knob_string_limit = 512;
	va_start(list, format);
	capture_units(&unit_good, (uintptr_t)format, (uintptr_t)list);
	assert_memory_equal(unit_good.args, "\"args\":", 7);
	assert_string_equal(unit_good.args + 7, args);
	reads = host_mem.reads;
	for (i = 1; i <= reads; i++) {
		host_mem.fail_at = i;
		capture_units(&unit_bad, (uintptr_t)format, (uintptr_t)list);
		if (!record_fits(&unit_good, &unit_bad))
			fail_msg("format %s, failing read %d of %d: %s", format, (int)i, (int)reads,
				 unit_bad.args);
	}
	va_end(list);
}

static void number_units(void **state)
{
	check_units("{\"arg0\":-5}}", "i", -5);
	check_units("{\"arg0\":-2147483648,\"arg1\":2147483647}}", "ii", INT32_MIN, INT32_MAX);
	check_units("{\"arg0\":-6,\"arg1\":-7}}", "hb", (short)-6, (signed char)-7);
	check_units("{\"arg0\":4294967295}}", "I", UINT32_MAX);
	check_units("{\"arg0\":65535,\"arg1\":255}}", "HB", (unsigned short)-1, (unsigned char)-1);
	/* B is an int to Py_BuildValue like b and h. */
	check_units("{\"arg0\":-1}}", "B", -1);
	check_units("{\"arg0\":-9223372036854775808,\"arg1\":9223372036854775807,\"arg2\":-1}}",
		    "lLn", INT64_MIN, INT64_MAX, (ssize_t)-1);
	check_units("{\"arg0\":18446744073709551615,\"arg1\":1}}", "kK", UINT64_MAX, (uint64_t)1);
	check_units("{\"arg0\":true,\"arg1\":false,\"arg2\":true}}", "ppp", 1, 0, -1);
	check_units("{\"arg0\":1.5,\"arg1\":-0.25,\"arg2\":7}}", "dfi", 1.5, -0.25, 7);
	check_units("{\"arg0\":\"inf\",\"arg1\":\"nan\"}}", "dd", HUGE_VAL, (double)NAN);
}

static void character_units(void **state)
{
	check_units("{\"arg0\":\"A\",\"arg1\":\"\xf0\x9f\x98\x80\",\"arg2\":\"\\ud800\"}}", "CCC",
		    'A', 0x1f600, 0xd800);
	check_units("{\"arg0\":\"\\u0000\",\"arg1\":\"\xef\xbf\xbd\"}}", "CC", 0, -1);
	check_units("{\"arg0\":{\"bytes\":\"c\"},\"arg1\":{\"base64\":\"/w==\"}}}", "cc", 'c',
		    0xff);
}

static void text_units(void **state)
{
	check_units("{\"arg0\":\"a\",\"arg1\":\"\",\"arg2\":\"caf\xc3\xa9\"}}", "szU", "a", "",
		    "caf\xc3\xa9");
	check_units("{\"arg0\":{\"bytes\":\"raw\"},\"arg1\":{\"base64\":\"//4=\"}}}", "yy", "raw",
		    "\xff\xfe");
	check_units("{\"arg0\":\"bad\\udcff\"}}", "s", "bad\xff");
	check_units("{\"arg0\":\"wide \xe2\x82\xac\",\"arg1\":\"\"}}", "uu", L"wide \u20ac", L"");
	check_units("{\"arg0\":null,\"arg1\":null,\"arg2\":null,\"arg3\":null,\"arg4\":null,"
		    "\"arg5\":1}}",
		    "szUyui", NULL, NULL, NULL, NULL, NULL, 1);
	check_units("{\"arg0\":null}}", "O", NULL);
	check_units("{\"arg0\":null,\"arg1\":null}}", "SN", NULL, NULL);
}

static void counted_units(void **state)
{
	ssize_t three = 3, zero = 0, minus = -1;

	check_units("{\"arg0\":\"a\\u0000b\",\"arg1\":\"abc\",\"arg2\":\"\"}}", "s#z#U#", "a\0b",
		    three, "abcdef", three, "x", zero);
	check_units("{\"arg0\":{\"bytes\":\"a\\u0000b\"},\"arg1\":{\"bytes\":\"\"}}}", "y#y#",
		    "a\0b", three, "x", zero);
	check_units("{\"arg0\":\"wid\",\"arg1\":\"\"}}", "u#u#", L"wide", three, L"x", zero);
	check_units("{\"arg0\":null,\"arg1\":null,\"arg2\":null,\"arg3\":2}}", "s#y#u#i", NULL,
		    three, NULL, zero, NULL, minus, 2);
	/* Below zero the text ends with a NUL. */
	check_units("{\"arg0\":\"abc\",\"arg1\":{\"bytes\":\"de\"},\"arg2\":\"wide\"}}", "s#y#u#",
		    "abc", minus, "de", minus, L"wide", minus);
}

/* Text of n bytes or characters, n of which are shown at most. */
static const char *shown(const char *around, size_t n)
{
	static char text[4096];
	char run[2048];

	memset(run, 'x', n);
	run[n] = 0;
	snprintf(text, sizeof(text), around, run);
	return text;
}

static void long_units(void **state)
{
	static char text[3000000];
	static wchar_t wide[1000];
	ssize_t n = 513;
	size_t i;

	memset(text, 'x', sizeof(text) - 1);
	for (i = 0; i < 999; i++)
		wide[i] = L'x';
	check_units(shown("{\"arg0\":\"%s\"},\"truncated\":{\"arg0\":513}}", 512), "s",
		    text + sizeof(text) - 514);
	check_units(shown("{\"arg0\":\"%s\"}}", 512), "s", text + sizeof(text) - 513);
	check_units(shown("{\"arg0\":\"%s\"}}", 511), "s", text + sizeof(text) - 512);
	check_units(shown("{\"arg0\":{\"bytes\":\"%s\"}},\"truncated\":{\"arg0\":100000}}", 512),
		    "y", text + sizeof(text) - 100001);
	check_units(shown("{\"arg0\":\"%s\"},\"truncated\":{\"arg0\":513}}", 512), "s#", text, n);
	check_units(shown("{\"arg0\":{\"bytes\":\"%s\"}}}", 512), "y#", text, n - 1);
	check_units(shown("{\"arg0\":\"%s\"},\"truncated\":{\"arg0\":513}}", 128), "u#", wide, n);
	check_units(shown("{\"arg0\":\"%s\"},\"truncated\":{\"arg0\":129}}", 128), "u", wide);
	check_units(shown("{\"arg0\":\"%s\"}}", 127), "u", wide + 999 - 127);
	check_units(shown("{\"arg0\":\"%s\"}}", 128), "u", wide + 999 - 128);
}

/* Registers run out in the middle: six integers and eight doubles, less what the callee names. */
static void units_beyond_registers(void **state)
{
	check_units("{\"arg0\":1,\"arg1\":2,\"arg2\":3,\"arg3\":4,\"arg4\":5,\"arg5\":6,\"arg6\":7,"
		    "\"arg7\":\"eight\",\"arg8\":-9}}",
		    "iiiiiiisi", 1, 2, 3, 4, 5, 6, 7, "eight", -9);
	check_units("{\"arg0\":1.0,\"arg1\":1,\"arg2\":2.0,\"arg3\":2,\"arg4\":3.0,\"arg5\":3,"
		    "\"arg6\":4.0,\"arg7\":4,\"arg8\":5.0,\"arg9\":5,"
		    "\"arg10\":6.0,\"arg11\":6,\"arg12\":7.0,\"arg13\":7,\"arg14\":8.0,\"arg15\":8,"
		    "\"arg16\":9.0,\"arg17\":9,\"arg18\":10.0}}",
		    "dididididididididid", 1.0, 1, 2.0, 2, 3.0, 3, 4.0, 4, 5.0, 5, 6.0, 6, 7.0, 7,
		    8.0, 8, 9.0, 9, 10.0);
}

/* PySys_Audit(event, format, ...) at its first instruction: `first` registers are taken, there is
 * no register save area. */
static void check_registers(const char *args, __u32 first, const char *format,
			    const uint64_t *values)
{
	struct scratch *s;
	__u32 i;

	host_mem = (struct host_memory){.pid = getpid()};
	s = host_start(0);
	for (i = first; i < 6; i++)
		s->gp[i] = *values++;
	s->gp_next = first;
	s->overflow = (uintptr_t)values;
	host_start_format(s, &no_image, (uintptr_t)format);
	record_take(&unit_good, s, &no_image);
	assert_string_equal(unit_good.args + 7, args);
}

static void units_at_function_entry(void **state)
{
	/* Halves of registers that an int does not use may hold anything. */
	const uint64_t v[] = {0xdeadbeef00000001,  2, 0xffffffff, 4, 5, 0xdeadbeef00000006,
			      (uintptr_t) "seven", 8, 9};

	check_registers("{\"arg0\":1,\"arg1\":2,\"arg2\":-1,\"arg3\":4,\"arg4\":5,\"arg5\":6,"
			"\"arg6\":\"seven\",\"arg7\":8,\"arg8\":9}}",
			2, "iIiHBbsin", v);
	check_registers("{\"arg0\":1,\"arg1\":2,\"arg2\":4294967295,\"arg3\":4,\"arg4\":5,\"arg5\":"
			"6,\"arg6\":\"seven\",\"arg7\":\"8\"}}",
			3, "iilkniss",
			(const uint64_t[]){1, 2, 0xffffffff, 4, 5, 6, (uintptr_t) "seven",
					   (uintptr_t) "8"});
	check_registers(
		"{\"arg0\":1,\"arg1\":null,\"arg2\":2},\"unreadable\":{\"arg1\":\"unsupported\"}}",
		2, "idi", v);
	check_registers("{\"arg0\":true,\"arg1\":false}}", 2, "pp",
			(const uint64_t[]){2, 0xdeadbeef00000000, 0, 0});
}

static void nested_units(void **state)
{
	check_units("{}}", "");
	check_units("{}}", "()");
	check_units("{\"arg0\":1}}", "(i)", 1);
	check_units("{\"arg0\":1,\"arg1\":\"a\"}}", "(is)", 1, "a");
	check_units("{\"arg0\":[]}}", "(())");
	check_units("{\"arg0\":[1],\"arg1\":[2]}}", "(i)(i)", 1, 2);
	check_units("{\"arg0\":[1,2]}}", "[ii]", 1, 2);
	check_units("{\"arg0\":{\"a\":1,\"b\":2}}}", "{s:i,s:i}", "a", 1, "b", 2);
	check_units("{\"arg0\":{\"items\":[[1,2]]}}}", "{ii}", 1, 2);
	check_units("{\"arg0\":{},\"arg1\":[],\"arg2\":[]}}", "{}[]()");
	check_units("{\"arg0\":[{\"a\":[1,null]}],\"arg1\":2}}", "([{s:(iO)}]i)", "a", 1, NULL, 2);
	check_units("{\"arg0\":1,\"arg1\":2,\"arg2\":[3,4]}}", " i ,\ti:( i , i ) ", 1, 2, 3, 4);
	check_units("{\"arg0\":[[[[[[7]]]]]],\"arg1\":8}}", "[[[[[[i]]]]]]i", 7, 8);
}

static void strange_units(void **state)
{
	static const double values[2];

	check_units("{\"arg0\":1,\"arg1\":null},\"unreadable\":{\"[args]\":\"unsupported\","
		    "\"arg1\":\"unsupported\"}}",
		    "i?", 1);
	check_units("{\"arg0\":null,\"arg1\":3},\"unreadable\":{\"arg0\":\"unsupported\"}}", "O&i",
		    check_units, NULL, 3);
	check_units("{\"arg0\":null,\"arg1\":3},\"unreadable\":{\"arg0\":\"unsupported\"}}", "Di",
		    values, 3);
	/* Events with arguments behind those that are shown say so. */
	check_units("{\"arg0\":null},\"truncated\":{\"[args]\":3},\"unreadable\":{\"[args]\":"
		    "\"unsupported\",\"arg0\":\"unsupported\"}}",
		    "?(ii)[(i)i]", 1);
}

/* As many units as values are promised. */
static void many_units(void **state)
{
	uint64_t values[160];
	char format[128], expected[4096];
	size_t n, i, len;

	for (i = 0; i < 160; i++)
		values[i] = i;
	for (n = 60; n <= 80; n += 4) {
		len = sprintf(expected, "{");
		for (i = 0; i < n; i++)
			len += sprintf(expected + len, "%s\"arg%zu\":%zu", i ? "," : "", i, i);
		strcpy(expected + len, "}}");
		memset(format, 'i', n);
		format[n] = 0;
		check_registers(expected, 2, format, values);
	}
}

/* How many arguments a format has: countformat of CPython's Python/modsupport.c. */
static int count_units(const char *format)
{
	int count = 0, level = 0;

	for (; *format; format++) {
		if (strchr("([{", *format))
			count += !level++;
		else if (strchr(")]}", *format))
			level--;
		else if (!strchr("#&,: \t", *format))
			count += !level;
		if (level < 0)
			return -1;
	}
	return level ? -1 : count;
}

/* A format with its brackets in order, at most max characters. */
static char *random_format(char *p, const char *end, int depth)
{
	static const char units[] = "OSNszUyuihbIHBcClLnkKpd";
	int n = host_random() % 6;

	while (n-- && end - p > 12) {
		int what = host_random() % 16;

		if (what < 3 && depth < 9) {
			*p++ = "([{"[what];
			p = random_format(p, end - 1, depth + 1);
			*p++ = ")]}"[what];
		} else {
			*p++ = units[host_random() % (sizeof(units) - 1)];
			if (strchr("szUyu", p[-1]) && what < 8)
				*p++ = '#';
		}
	}
	*p = 0;
	return p;
}

/* Any format over noise: the record decodes, and no argument is missing unsaid. */
static void formats_over_garbage(void **state)
{
	uint64_t words[sizeof(struct py_types) / 8];
	struct image_config image = {0};
	char format[FORMAT_LEN];
	uint32_t i, k;
	int count;

	for (i = 0; i < 30000; i++) {
		struct scratch *s;

		host_mem = (struct host_memory){.seed = i + 1, .words = words};
		host_mem.n_words = sizeof(words) / sizeof(words[0]);
		garbage_image(&image, words, i);
		knob_string_limit = i % 256 ? 24 : WIRE_MAX_STRING;
		if (i % 2)
			random_text(format, FORMAT_LEN - 1,
				    "OSNszUyu##ihIBcClnkKpdfD&()[]{}(){} ,:\t?");
		else
			random_format(format, format + sizeof(format), 0);
		s = host_start(0);
		for (k = 0; k < 6; k++)
			s->gp[k] = host_garbage_word();
		s->gp_next = 2;
		s->overflow = 0x1000;
		strcpy(s->fmt, format);
		s->frames[0].kind = FRAME_UNITS;
		s->fmt_at = format_is_parenthesised(s);
		record_walk(&unit_good, s, &image);
		count = i % 2 || s->fmt_at ? -1 : count_units(format);
		if (count >= 0 && unit_good.event.args_total != (uint32_t)count)
			fail_msg("format %s: %u arguments", format, unit_good.event.args_total);
	}
	knob_string_limit = 512;
}

/* Two pages of which the second is not there. */
static char *page_end(void)
{
	char *p = mmap(NULL, 2 * HOST_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	assert_true(p != MAP_FAILED);
	munmap(p + HOST_PAGE, HOST_PAGE);
	return p + HOST_PAGE;
}

/* Text that goes on where nothing can be read is not whole. */
static void text_cut_by_a_page(void **state)
{
	char *end = page_end();
	wchar_t *wide = (wchar_t *)end;
	int i;

	memset(end - HOST_PAGE, 'x', HOST_PAGE);
	check_units("{\"arg0\":null},\"unreadable\":{\"arg0\":\"EFAULT\"}}", "s", end - 100);
	check_units("{\"arg0\":null},\"unreadable\":{\"arg0\":\"EFAULT\"}}", "y#", end - 100,
		    (ssize_t)101);
	/* 513 bytes are enough to see that 512 are not all. */
	check_units(shown("{\"arg0\":\"%s\"},\"truncated\":{\"arg0\":513}}", 512), "s", end - 600);
	for (i = -40; i < 0; i++)
		wide[i] = L'x';
	check_units(shown("{\"arg0\":\"%s\"},\"truncated\":{\"arg0\":41}}", 40), "u", wide - 40);
	wide[-1] = 0;
	end[-1] = 0;
	check_units(shown("{\"arg0\":\"%s\"}}", 39), "u", wide - 40);
	check_units("{\"arg0\":\"\"}}", "s", end - 1);
	munmap(end - HOST_PAGE, HOST_PAGE);
}

#define UNIT_TESTS                                                                         \
	cmocka_unit_test(number_units), cmocka_unit_test(character_units),                 \
		cmocka_unit_test(text_units), cmocka_unit_test(counted_units),             \
		cmocka_unit_test(long_units), cmocka_unit_test(units_beyond_registers),    \
		cmocka_unit_test(units_at_function_entry), cmocka_unit_test(nested_units), \
		cmocka_unit_test(strange_units), cmocka_unit_test(many_units),             \
		cmocka_unit_test(formats_over_garbage), cmocka_unit_test(text_cut_by_a_page)

#endif
