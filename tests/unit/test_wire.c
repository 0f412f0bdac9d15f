// SPDX-License-Identifier: GPL-2.0-only
/* Wire bytes to audit events: what is right is taken whole, what contradicts itself is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "decode/text_iter.h"
#include "decode/wire_decode.h"
#include "sink/sink.h"
#include "tests/unit/wire_build.h"

static struct wire_build b;
static struct wire_decoder decoder;
static struct audit_event event;

static int decode(void)
{
	memset(&event, 0, sizeof(event));
	return wire_decode_audit(b.data, b.len, &decoder, &event);
}

static void begin(const char *name)
{
	wb_begin(&b);
	wb_cstr(&b, name);
}

static void assert_text(const struct text *text, const char *s)
{
	assert_int_equal(text->len, strlen(s));
	assert_memory_equal(text->data, s, text->len);
}

static void test_header(void **state)
{
	begin("os.fork");
	wb_end(&b, 0, 0);
	memcpy(b.audit.head.comm, "sixteen-letters!", WIRE_COMM_LEN);
	assert_int_equal(decode(), 0);
	assert_int_equal(event.type, RECORD_AUDIT);
	assert_int_equal(event.pid, 4711);
	assert_int_equal(event.tid, 4712);
	assert_int_equal(event.uid, 1000);
	assert_string_equal(event.comm, "sixteen-letters!");
	assert_text(&event.name, "os.fork");
	assert_string_equal(event.name_text, "os.fork");
	assert_int_equal(event.n_args, 0);
	assert_int_equal(event.args_total, 0);
	assert_false(event.no_args);
}

static void test_caller_fields_stay(void **state)
{
	struct event_row row;

	begin("os.fork");
	wb_end(&b, 0, 0);
	event = (struct audit_event){.ppid = 7, .time.ns = 8, .version = 9, .row = &row};
	assert_int_equal(wire_decode_audit(b.data, b.len, &decoder, &event), 0);
	assert_int_equal(event.ppid, 7);
	assert_int_equal(event.time.ns, 8);
	assert_int_equal(event.version, 9);
	assert_ptr_equal(event.row, &row);
}

static void test_flags(void **state)
{
	begin("open");
	wb_end(&b, 0, 3);
	b.audit.flags = WIRE_AUDIT_NO_ARGS;
	assert_int_equal(decode(), 0);
	assert_true(event.no_args);
	assert_int_equal(event.args_total, 3);
	b.audit.flags = WIRE_AUDIT_FMT_UNKNOWN;
	assert_int_equal(decode(), 0);
	assert_false(event.no_args);
	assert_int_equal(event.flags, WIRE_AUDIT_FMT_UNKNOWN);
}

/* args below what follows would make later stages count wrong */
static void test_total_is_never_less_than_captured(void **state)
{
	begin("x");
	wb_int(&b, 1);
	wb_int(&b, 2);
	wb_end(&b, 2, 0);
	assert_int_equal(decode(), 0);
	assert_int_equal(event.args_total, 2);
}

static void test_spans(void **state)
{
	const struct value *v;

	begin("x");
	wb_sequence(&b, WIRE_TUPLE, 2); /* (1, ["a", ()]), {2: 3}, 4 */
	wb_int(&b, 1);
	wb_sequence(&b, WIRE_LIST, 2);
	wb_cstr(&b, "a");
	wb_sequence(&b, WIRE_TUPLE, 0);
	wb_dict(&b, 1);
	wb_int(&b, 2);
	wb_int(&b, 3);
	wb_int(&b, 4);
	wb_end(&b, 3, 3);
	assert_int_equal(decode(), 0);
	assert_int_equal(event.n_args, 3);
	assert_int_equal(event.n_values, 9);
	v = event.values;
	assert_int_equal(v->kind, WIRE_TUPLE);
	assert_int_equal(v->children, 2);
	assert_int_equal(v->span, 4);
	assert_int_equal(v[2].span, 2);
	assert_int_equal(v[4].span, 0);
	v = value_next(v);
	assert_int_equal(v->kind, WIRE_DICT);
	assert_int_equal(v->children, 2);
	assert_int_equal(v->span, 2);
	v = value_next(v);
	assert_int_equal(v->num, 4);
}

static void test_payloads(void **state)
{
	begin("x");
	wb_cstr(&b, "path");
	wb_units(&b, 2, u"\u20ac\u00e9", 4);
	wb_bytes(&b, "\0\1\2", 3);
	wb_object(&b, WIRE_OBJECT_SOCKET, "_socket.socket", 1);
	wb_int(&b, 5);
	wb_end(&b, 4, 4);
	assert_int_equal(decode(), 0);
	assert_text(&event.values[0].text, "path");
	assert_int_equal(event.values[1].text.width, 2);
	assert_int_equal(event.values[1].text.len, 4);
	assert_int_equal(event.values[2].text.len, 3);
	assert_text(&event.values[3].text, "_socket.socket");
	assert_int_equal(event.values[3].children, 1);
	assert_int_equal(event.values[4].num, 5);
}

static void test_missing_values(void **state)
{
	begin("x");
	wb_unreadable(&b, EFAULT);
	wb_null(&b);
	wb_head(&b, 0, WIRE_UNSUPPORTED, 0, 0, 'z');
	wb_end(&b, 3, 3);
	assert_int_equal(decode(), 0);
	assert_int_equal(event.values[0].status, WIRE_UNREADABLE);
	assert_int_equal(event.values[0].num, EFAULT);
	assert_int_equal(event.values[1].status, WIRE_NULL);
	assert_int_equal(event.values[2].status, WIRE_UNSUPPORTED);
}

static void test_what_was_cut_never_looks_whole(void **state)
{
	uint32_t digits[2] = {1, 2}, i;

	begin("x");
	wb_data(&b, WIRE_STR, WIRE_OK, 0, "abc", 3, 4);
	wb_data(&b, WIRE_STR, WIRE_OK, 2, u"ab", 4, 3);
	wb_data(&b, WIRE_BYTES, WIRE_OK, 0, "abc", 3, 4);
	wb_data(&b, WIRE_BIGINT, WIRE_OK, 0, digits, 8, 3);
	wb_head(&b, WIRE_LIST, WIRE_OK, 0, 0, 5);
	wb_head(&b, WIRE_DICT, WIRE_OK, 0, 0, 1);
	wb_end(&b, 6, 6);
	assert_int_equal(decode(), 0);
	for (i = 0; i < 6; i++)
		assert_int_equal(event.values[i].status, WIRE_TRUNCATED);
	begin("x");
	wb_data(&b, WIRE_STR, WIRE_OK, 2, u"ab", 4, 2);
	wb_data(&b, WIRE_BIGINT, WIRE_OK, 0, digits, 8, 2);
	wb_dict(&b, 1);
	wb_int(&b, 1);
	wb_int(&b, 2);
	wb_end(&b, 3, 3);
	assert_int_equal(decode(), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(event.values[i].status, WIRE_OK);
}

static void test_names(void **state)
{
	wb_begin(&b);
	wb_unreadable(&b, EFAULT);
	wb_int(&b, 1);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), 0);
	assert_null(event.name.data);
	assert_string_equal(event.name_text, "");
	assert_int_equal(event.n_args, 1);
	assert_int_equal(event.values[0].num, 1);
	wire_set_name(&event, "open");
	assert_string_equal(event.name_text, "open");
	assert_text(&event.name, "open");

	wb_begin(&b);
	wb_units(&b, 2, u"\u00e9v\u00e9nement.\u20ac", 22);
	wb_end(&b, 0, 0);
	assert_int_equal(decode(), 0);
	assert_string_equal(event.name_text, "événement.€");

	/* not the event "open" */
	wb_begin(&b);
	wb_data(&b, WIRE_STR, WIRE_OK, 1, "open\0x", 6, 6);
	wb_end(&b, 0, 0);
	assert_int_equal(decode(), 0);
	assert_string_equal(event.name_text, "open\xef\xbf\xbdx");

	begin("x");
	b.audit.values = 0;
	b.audit.head.size = b.len;
	assert_int_equal(decode(), -EBADMSG);
	wb_begin(&b);
	wb_int(&b, 1);
	wb_end(&b, 0, 0);
	assert_int_equal(decode(), -EBADMSG);
}

static void test_long_name(void **state)
{
	char name[3 * WIRE_MAX_NAME];

	memset(name, 'n', sizeof(name));
	name[WIRE_MAX_NAME - 1] = (char)0xc3;
	name[WIRE_MAX_NAME] = (char)0xa9;
	wb_begin(&b);
	wb_data(&b, WIRE_STR, WIRE_OK, 0, name, sizeof(name), sizeof(name));
	wb_end(&b, 0, 0);
	assert_int_equal(decode(), 0);
	/* whole code points only */
	assert_int_equal(strlen(event.name_text), WIRE_MAX_NAME - 1);
	name[sizeof(name) - 1] = '\0';
	wire_set_name(&event, name);
	assert_int_equal(strlen(event.name_text), WIRE_MAX_NAME);
}

static void nest(int depth)
{
	begin("x");
	while (depth--)
		wb_sequence(&b, WIRE_LIST, 1);
	wb_int(&b, 1);
	wb_end(&b, 1, 1);
}

static void test_nesting(void **state)
{
	nest(WIRE_MAX_DEPTH);
	assert_int_equal(decode(), 0);
	assert_int_equal(event.values[0].span, WIRE_MAX_DEPTH);
	nest(WIRE_DECODE_DEPTH);
	assert_int_equal(decode(), 0);
	nest(WIRE_DECODE_DEPTH + 1);
	assert_int_equal(decode(), -EBADMSG);
	nest(200);
	assert_int_equal(decode(), -EBADMSG);
}

static void many(uint32_t args)
{
	uint32_t i;

	begin("x");
	for (i = 0; i < args; i++)
		wb_int(&b, i);
	wb_end(&b, args, args);
}

static void test_number_of_values(void **state)
{
	many(WIRE_MAX_VALUES - 1);
	assert_int_equal(decode(), 0);
	assert_int_equal(event.n_args, WIRE_MAX_VALUES - 1);
	many(WIRE_DECODE_VALUES - 1);
	assert_int_equal(decode(), 0);
	many(WIRE_DECODE_VALUES);
	assert_int_equal(decode(), -EBADMSG);
	many(3000);
	assert_int_equal(decode(), -EBADMSG);
}

/* One wrong thing each, in an otherwise good record with one argument. */
static void refuse(int kind, int status, int aux, uint32_t len, uint64_t num)
{
	begin("x");
	wb_head(&b, kind, status, aux, len, num);
	wb_payload(&b, "01234567", 8);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), -EBADMSG);
}

static void test_contradictions(void **state)
{
	begin("x");
	wb_data(&b, WIRE_STR, WIRE_OK, 1, "01234567", 8, 8);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), 0);
	refuse(0, WIRE_OK, 0, 8, 8);
	refuse(WIRE_OBJECT + 1, WIRE_OK, 0, 8, 8);
	refuse(255, WIRE_OK, 0, 8, 8);
	refuse(WIRE_STR, WIRE_UNSUPPORTED + 1, 0, 8, 8);
	refuse(WIRE_STR, 255, 0, 8, 8);
	refuse(WIRE_STR, WIRE_UNREADABLE, 0, 8, EFAULT);
	refuse(WIRE_STR, WIRE_NULL, 0, 8, 0);
	refuse(WIRE_STR, WIRE_OK, 3, 8, 8);
	refuse(WIRE_STR, WIRE_OK, 5, 8, 8);
	refuse(WIRE_STR, WIRE_OK, 8, 8, 1);
	refuse(WIRE_STR, WIRE_OK, 2, 7, 3);
	refuse(WIRE_STR, WIRE_OK, 4, 6, 1);
	refuse(WIRE_STR, WIRE_OK, 0, 9, 9);
	refuse(WIRE_STR, WIRE_OK, 0, 0, 0);
	refuse(WIRE_STR, WIRE_OK, 0, UINT32_MAX, 8);
	refuse(WIRE_STR, WIRE_OK, 0, UINT32_MAX - 7, 8);
	refuse(WIRE_BYTES, WIRE_OK, 0, 1u << 31, 8);
	refuse(WIRE_BIGINT, WIRE_OK, 0, 6, 2);
	refuse(WIRE_BIGINT, WIRE_OK, 0, 16, 4);
	refuse(WIRE_INT, WIRE_OK, 0, 8, 1);
	refuse(WIRE_NONE, WIRE_OK, 0, 8, 0);
	refuse(WIRE_FLOAT, WIRE_OK, 0, 8, 0);
	refuse(WIRE_TUPLE, WIRE_OK, 0, 1, 1);
	refuse(WIRE_LIST, WIRE_OK, 0, UINT32_MAX, UINT32_MAX);
	refuse(WIRE_DICT, WIRE_OK, 0, 1, 1);
	refuse(WIRE_DICT, WIRE_OK, 0, 2, 1);
	refuse(WIRE_OBJECT, WIRE_OK, WIRE_OBJECT_DIR_ENTRY + 1, 8, 0);
	refuse(WIRE_OBJECT, WIRE_OK, WIRE_OBJECT_PLAIN, 8, 1);
	refuse(WIRE_OBJECT, WIRE_OK, WIRE_OBJECT_FUNCTION, 8, 1);
	refuse(WIRE_OBJECT, WIRE_OK, WIRE_OBJECT_CODE, 8, UINT64_MAX);
}

/* The same with what would follow in place, so that nothing else is wrong. */
static void test_contradictions_that_fit(void **state)
{
	begin("x");
	wb_object(&b, WIRE_OBJECT_FUNCTION, "function", 2);
	wb_int(&b, 1);
	wb_int(&b, 2);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), -EBADMSG);
	begin("x");
	wb_object(&b, WIRE_OBJECT_PLAIN, "x", 1);
	wb_int(&b, 1);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), -EBADMSG);
	begin("x");
	wb_head(&b, WIRE_STR, WIRE_UNREADABLE, 0, 8, EFAULT);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), -EBADMSG);
	begin("x");
	wb_head(&b, WIRE_OBJECT + 1, WIRE_UNREADABLE, 0, 0, EFAULT);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), -EBADMSG);
}

static void test_odd_dict(void **state)
{
	begin("x");
	wb_head(&b, WIRE_DICT, WIRE_OK, 0, 1, 1);
	wb_int(&b, 1);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), -EBADMSG);
}

static void test_too_big_int(void **state)
{
	static uint32_t digits[WIRE_MAX_STRING / 4 + 1];

	begin("x");
	wb_data(&b, WIRE_BIGINT, WIRE_OK, 0, digits, WIRE_MAX_STRING, WIRE_MAX_STRING / 4);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), 0);
	begin("x");
	wb_data(&b, WIRE_BIGINT, WIRE_OK, 0, digits, sizeof(digits), sizeof(digits) / 4);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), -EBADMSG);
}

static void test_left_over_bytes(void **state)
{
	begin("x");
	wb_int(&b, 1);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), 0);
	b.len += 8;
	assert_int_equal(decode(), 0); /* behind the record */
	b.audit.head.size += 8;
	assert_int_equal(decode(), -EBADMSG);
}

static void rich_record(void)
{
	uint32_t digits[3] = {1, 2, 3};

	begin("subprocess.Popen");
	wb_cstr(&b, "/bin/sh");
	wb_sequence(&b, WIRE_LIST, 3);
	wb_units(&b, 1, "caf\xe9", 4);
	wb_units(&b, 2, u"\u20ac\xdc80", 4);
	wb_units(&b, 4, U"\U0001f600", 4);
	wb_object(&b, WIRE_OBJECT_MAPPING, "os._Environ", 1);
	wb_dict(&b, 2);
	wb_bytes(&b, "PATH", 4);
	wb_bytes(&b, "\xff\xfe", 2);
	wb_cstr(&b, "k");
	wb_unreadable(&b, EFAULT);
	wb_data(&b, WIRE_BIGINT, WIRE_OK, 1, digits, 12, 3);
	wb_float(&b, 1.5);
	wb_object(&b, WIRE_OBJECT_PATH_PARTS, "PosixPath", 1);
	wb_sequence(&b, WIRE_TUPLE, 2);
	wb_cstr(&b, "/");
	wb_cut_cstr(&b, "usr", 900);
	wb_object(&b, WIRE_OBJECT_CODE, "code", 3);
	wb_cstr(&b, "f");
	wb_cstr(&b, "f.py");
	wb_int(&b, 3);
	wb_end(&b, 7, 9);
}

/* Decodes a copy of exactly size bytes, so that a sanitizer or malloc sees what is read behind it;
 * what decodes is written too. */
static int decode_copy(const void *data, size_t size)
{
	struct buf out = {0};
	void *copy = malloc(size ?: 1);
	int err;

	memcpy(copy, data, size);
	memset(&event, 0, sizeof(event));
	err = wire_decode_audit(copy, size, &decoder, &event);
	if (!err) {
		format_json.write(&out, &event, 1, false);
		format_text.write(&out, &event, 1, false);
		assert_true(out.len > 0);
	}
	buf_free(&out);
	free(copy);
	return err;
}

static void test_cut_records(void **state)
{
	uint32_t size, whole;

	rich_record();
	whole = b.len;
	assert_int_equal(decode_copy(b.data, whole), 0);
	for (size = 0; size < whole; size++)
		assert_int_equal(decode_copy(b.data, size), -EBADMSG);
	/* the same with a header that admits the cut */
	for (size = 0; size < whole; size++) {
		b.audit.head.size = size;
		assert_int_equal(decode_copy(b.data, size), -EBADMSG);
	}
}

static void test_flipped_bits(void **state)
{
	uint32_t i, refused = 0;
	int err;

	rich_record();
	for (i = 0; i < b.len * 8; i++) {
		b.data[i / 8] ^= 1 << i % 8;
		err = decode_copy(b.data, b.len);
		assert_true(err == 0 || err == -EBADMSG);
		refused += err != 0;
		b.data[i / 8] ^= 1 << i % 8;
	}
	assert_true(refused > 500);
	assert_int_equal(decode_copy(b.data, b.len), 0);
}

static void test_noise(void **state)
{
	uint32_t x = 12345, round, i, refused = 0;
	int err;

	for (round = 0; round < 3000; round++) {
		rich_record();
		for (i = 0; i < 3; i++) {
			x = x * 1664525 + 1013904223;
			b.data[sizeof(struct wire_header) + (x >> 8) % (b.len - 48)] = x >> 4;
		}
		err = decode_copy(b.data, b.len);
		assert_true(err == 0 || err == -EBADMSG);
		refused += err != 0;
	}
	assert_in_range(refused, 500, 2500);
}

static void test_unaligned_data(void **state)
{
	rich_record();
	memmove(b.data + 1, b.data, b.len);
	assert_int_equal(wire_decode_audit(b.data + 1, b.len, &decoder, &event), -EBADMSG);
}

static const struct wire_header *check(const void *data, size_t size)
{
	const struct wire_header *head;

	return wire_check(data, size, &head) ? NULL : head;
}

static void test_other_records(void **state)
{
	struct wire_fork fork = {.head = {.kind = WIRE_FORK, .size = sizeof(fork)}, .child = 12};
	struct wire_exec exec = {.head = {.kind = WIRE_EXEC, .size = sizeof(exec)}, .ino = 34};
	struct wire_exit done = {.head = {.kind = WIRE_EXIT, .size = sizeof(done)}, .status = 9};

	assert_int_equal(wire_as_fork(check(&fork, sizeof(fork)))->child, 12);
	assert_int_equal(wire_as_exec(check(&exec, sizeof(exec)))->ino, 34);
	assert_int_equal(wire_as_exit(check(&done, sizeof(done)))->status, 9);
	assert_null(wire_as_exit(check(&fork, sizeof(fork))));
	assert_null(wire_as_fork(check(&done, sizeof(done))));
	assert_null(wire_as_exec(check(&fork, sizeof(fork))));
	assert_null(wire_as_audit(check(&fork, sizeof(fork))));
	assert_int_equal(wire_decode_audit(&fork, sizeof(fork), &decoder, &event), -EBADMSG);
	assert_null(check(&fork, sizeof(fork) - 1));
	exec.head.size = sizeof(fork);
	assert_null(check(&exec, sizeof(exec)));
	exec.head.size = sizeof(exec) + 1;
	assert_null(check(&exec, sizeof(exec) + 8));
	done.head.kind = WIRE_EXIT + 1;
	assert_null(check(&done, sizeof(done)));
	done.head.kind = 0;
	assert_null(check(&done, sizeof(done)));
	fork.head.size = 0;
	assert_null(check(&fork, sizeof(fork)));
	assert_null(check(&fork, 0));
}

static void test_record_size_limit(void **state)
{
	static char text[WIRE_MAX_RECORD];
	uint32_t used;

	begin("x");
	wb_data(&b, WIRE_BYTES, WIRE_OK, 0, text, 32000, 32000);
	used = b.len + sizeof(struct wire_value);
	wb_data(&b, WIRE_BYTES, WIRE_OK, 0, text, WIRE_MAX_RECORD - used, WIRE_MAX_RECORD - used);
	wb_end(&b, 2, 2);
	assert_int_equal(b.len, WIRE_MAX_RECORD);
	assert_int_equal(decode(), 0);
	wb_int(&b, 1);
	wb_end(&b, 3, 3);
	assert_int_equal(decode(), -EBADMSG);
}

static void assert_code_points(const struct text *text, const uint32_t *want, size_t n)
{
	struct text_iter it;
	uint32_t cp;
	size_t i;

	text_iter_init(&it, text);
	for (i = 0; i < n; i++) {
		assert_true(text_next(&it, &cp));
		assert_int_equal(cp, want[i]);
	}
	assert_false(text_next(&it, &cp));
}

#define CODE_POINTS(w, bytes, ...)                                                        \
	do {                                                                              \
		const uint32_t want[] = {__VA_ARGS__};                                    \
		struct text text = {.data = bytes, .len = sizeof(bytes) - 1, .width = w}; \
		assert_code_points(&text, want, sizeof(want) / 4);                        \
	} while (0)

static void test_code_points(void **state)
{
	CODE_POINTS(0, "a\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 'a', 0, 0xe9, 0x20ac, 0x1f600);
	CODE_POINTS(0, "\xff\x80\xc3(", 0xdcff, 0xdc80, 0xdcc3, '(');
	CODE_POINTS(0, "\xc0\xaf", 0xdcc0, 0xdcaf);			    /* overlong */
	CODE_POINTS(0, "\xe0\x9f\xbf", 0xdce0, 0xdc9f, 0xdcbf);		    /* overlong */
	CODE_POINTS(0, "\xf0\x8f\xbf\xbf", 0xdcf0, 0xdc8f, 0xdcbf, 0xdcbf); /* overlong */
	CODE_POINTS(0, "\xed\xa0\x80", 0xdced, 0xdca0, 0xdc80);		    /* surrogate */
	CODE_POINTS(0, "\xed\x9f\xbf\xee\x80\x80", 0xd7ff, 0xe000);
	CODE_POINTS(0, "\xf4\x8f\xbf\xbf", 0x10ffff);
	CODE_POINTS(0, "\xf4\x90\x80\x80", 0xdcf4, 0xdc90, 0xdc80, 0xdc80);
	CODE_POINTS(0, "\xf0\x9f\x98", 0xdcf0, 0xdc9f, 0xdc98);
	CODE_POINTS(1, "a\xe9\xff", 'a', 0xe9, 0xff);
	CODE_POINTS(2, "a\0\xac\x20\x80\xdc", 'a', 0x20ac, 0xdc80);
	CODE_POINTS(2, "a\0b", 'a'); /* half a unit is none */
	CODE_POINTS(4, "\x00\xf6\x01\x00\xff\xff\xff\xff", 0x1f600, 0xfffd);
}

static void test_cut_tail(void **state)
{
	static const struct {
		const char *s;
		uint32_t tail;
	} cases[] = {
		{"", 0},	 {"abc", 0},	      {"ab\xc3", 1},   {"ab\xc3\xa9", 0},
		{"\xe2\x82", 2}, {"\xf0\x9f\x98", 3}, {"\xf0\x9f", 2}, {"\xf0\x9f\x98\x80", 0},
		{"ab\xff", 0},	 {"\x80\x80\x80", 0}, {"\xe0\x80", 0},
	};
	struct text text;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text = text_of_cstr(cases[i].s);
		assert_int_equal(text_cut_tail(&text), cases[i].tail);
	}
	text = (struct text){.data = "ab\xc3", .len = 3, .width = 1};
	assert_int_equal(text_cut_tail(&text), 0);
}

static void test_encode_round_trip(void **state)
{
	uint32_t cp, back;
	char utf8[4];
	int n;

	for (cp = 0; cp <= 0x10ffff; cp++) {
		if (cp == 0xd800)
			cp = 0xe000;
		n = utf8_encode(utf8, cp) - utf8;
		assert_int_equal(utf8_decode((unsigned char *)utf8, n, &back), n);
		assert_int_equal(back, cp);
	}
}

static const struct wire_trace some_trace = {{1, 2}, {3}, 1, {0}};

static void test_trace(void **state)
{
	begin("os.fork");
	wb_int(&b, 7);
	wb_trace(&b, &some_trace);
	wb_end(&b, 1, 1);
	assert_int_equal(decode(), 0);
	assert_int_equal(event.n_values, 1);
	assert_memory_equal(event.trace, &some_trace, sizeof(some_trace));
	assert_int_equal(event.flags, 0); /* its arguments are all there */
	/* without the flag it is bytes too many; and the other way round */
	b.audit.flags = 0;
	assert_int_equal(decode(), -EBADMSG);
	begin("os.fork");
	wb_end(&b, 0, 0);
	b.audit.flags = WIRE_AUDIT_TRACE;
	assert_int_equal(decode(), -EBADMSG);
	b.len = b.audit.head.size = sizeof(b.audit) + 8;
	assert_int_equal(decode(), -EBADMSG);
	b.audit.flags = 0;
	begin("os.fork");
	wb_end(&b, 0, 0);
	assert_int_equal(decode(), 0);
	assert_null(event.trace);
}

/* Behind the stack, which ends where it begins. */
static void test_trace_and_stack(void **state)
{
	const struct wire_stack stack = {.frames = 1};
	const struct wire_frame frame = {.code = 5};

	begin("os.fork");
	b.audit.stack = b.len;
	wb_payload(&b, &stack, sizeof(stack));
	wb_payload(&b, &frame, sizeof(frame));
	wb_trace(&b, &some_trace);
	wb_end(&b, 0, 0);
	assert_int_equal(decode(), 0);
	assert_memory_equal(event.trace, &some_trace, sizeof(some_trace));
	assert_int_equal(wire_stack_at(&b.audit.head, b.audit.stack)->frames, 1);
	b.audit.flags = 0;
	assert_int_equal(decode(), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_caller_fields_stay),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_total_is_never_less_than_captured),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_payloads),
		cmocka_unit_test(test_missing_values),
		cmocka_unit_test(test_what_was_cut_never_looks_whole),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_number_of_values),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_contradictions_that_fit),
		cmocka_unit_test(test_odd_dict),
		cmocka_unit_test(test_too_big_int),
		cmocka_unit_test(test_left_over_bytes),
		cmocka_unit_test(test_cut_records),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_unaligned_data),
		cmocka_unit_test(test_other_records),
		cmocka_unit_test(test_record_size_limit),
		cmocka_unit_test(test_code_points),
		cmocka_unit_test(test_cut_tail),
		cmocka_unit_test(test_encode_round_trip),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_trace_and_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
