// SPDX-License-Identifier: GPL-2.0-only
/* Call stacks in user space: line tables, against what interpreters read from them; the cache of
 * code objects; records that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decode/line_table.h"
#include "decode/stack.h"
#include "decode/wire_decode.h"

/* --- line tables --- */

static enum wire_lines form_of(const char *path)
{
	const char *version = strstr(path, "python3.") ?: strstr(path, "versions/3.");
	int minor = atoi(strstr(version, "3.") + 2);

	return minor < 10 ? WIRE_LINES_LNOTAB : minor < 11 ? WIRE_LINES_TABLE : WIRE_LINES_LOCATION;
}

static size_t from_hex(const char *hex, unsigned char *out, size_t max)
{
	size_t n = 0;
	unsigned int byte;

	while (n < max && sscanf(hex + n * 2, "%2x", &byte) == 1)
		out[n++] = byte;
	return n;
}

/* Returns how many instructions were compared; 0 when the interpreter could not say. */
static size_t check_interpreter(const char *path, const char *program)
{
	static unsigned char table[1 << 20];
	size_t len = 0, size = 0, n = 0;
	char command[1024], *line = NULL;
	int first = 0, lasti, want;
	bool ready = false;
	FILE *f;

	snprintf(command, sizeof(command), "%s -I -S %s 2>/dev/null", path, program);
	f = popen(command, "r");
	while (f && getline(&line, &size, f) > 0) {
		if (sscanf(line, "T %d", &first) == 1)
			len = from_hex(strrchr(line, ' ') + 1, table, sizeof(table));
		else if (sscanf(line, "L %d %d", &lasti, &want) == 2 && ++n &&
			 line_table_find(form_of(path), table, len, first, lasti) != want)
			fail_msg("%s: first line %d, lasti %d: %d instead of %d", path, first,
				 lasti, line_table_find(form_of(path), table, len, first, lasti),
				 want);
		else
			ready |= !strcmp(line, "ready\n");
	}
	if (f)
		pclose(f);
	free(line);
	return ready ? n : 0;
}

static void lines_as_the_interpreter(void **state)
{
	char file[] = __FILE__, program[512], pattern[512];
	size_t i, compared = 0;
	glob_t paths;

	snprintf(program, sizeof(program), "%s/programs/lines.py", dirname(file));
	snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/3.*/bin/python3",
		 getenv("HOME") ?: "/root");
	glob(pattern, 0, NULL, &paths);
	glob("/usr/bin/python3.[89]", GLOB_APPEND, NULL, &paths);
	glob("/usr/bin/python3.[1-9][0-9]", GLOB_APPEND, NULL, &paths);
	for (i = 0; i < paths.gl_pathc; i++) {
		size_t n = check_interpreter(paths.gl_pathv[i], program);

		if (!n)
			print_message("skipped: %s\n", paths.gl_pathv[i]);
		compared += n;
	}
	globfree(&paths);
	if (!compared)
		skip();
	assert_in_range(compared, 10000, SIZE_MAX);
}

#define LINE(form, first, lasti, ...)                                 \
	line_table_find((form), (const unsigned char[]){__VA_ARGS__}, \
			sizeof((const unsigned char[]){__VA_ARGS__}), (first), (lasti))

static void lines_by_hand(void **state)
{
	/* Objects/lnotab_notes.txt: 6, 1; 44, 5 in two; backwards */
	assert_int_equal(LINE(WIRE_LINES_LNOTAB, 1, 0, 6, 1, 44, 127), 1);
	assert_int_equal(LINE(WIRE_LINES_LNOTAB, 1, 5, 6, 1, 44, 127), 1);
	assert_int_equal(LINE(WIRE_LINES_LNOTAB, 1, 6, 6, 1, 44, 127), 2);
	assert_int_equal(LINE(WIRE_LINES_LNOTAB, 1, 50, 6, 1, 44, 127), 129);
	assert_int_equal(LINE(WIRE_LINES_LNOTAB, 9, 4, 2, 0xff, 2, 0xfe), 6);
	assert_int_equal(LINE(WIRE_LINES_LNOTAB, 7, -1, 0, 5), 7);
	/* 3.10: the step comes before the range; -128 has no line */
	assert_int_equal(LINE(WIRE_LINES_TABLE, 1, 0, 4, 1, 2, 0x80, 6, 2), 2);
	assert_int_equal(LINE(WIRE_LINES_TABLE, 1, 4, 4, 1, 2, 0x80, 6, 2), 0);
	assert_int_equal(LINE(WIRE_LINES_TABLE, 1, 6, 4, 1, 2, 0x80, 6, 2), 4);
	assert_int_equal(LINE(WIRE_LINES_TABLE, 1, 12, 4, 1, 2, 0x80, 6, 2), 0);
	/* 3.11: one unit on the first line; two on the next; one without; long: -3 */
	assert_int_equal(LINE(WIRE_LINES_LOCATION, 5, 0, 0x80, 0, 0xd9, 0, 0, 0xf8), 5);
	assert_int_equal(LINE(WIRE_LINES_LOCATION, 5, 2, 0x80, 0, 0xd9, 0, 0, 0xf8), 6);
	assert_int_equal(LINE(WIRE_LINES_LOCATION, 5, 4, 0x80, 0, 0xd9, 0, 0, 0xf8), 6);
	assert_int_equal(LINE(WIRE_LINES_LOCATION, 5, 6, 0x80, 0, 0xd9, 0, 0, 0xf8), 0);
	assert_int_equal(LINE(WIRE_LINES_LOCATION, 5, 0, 0xf0, 0x07, 0, 0, 0), 2);
	/* svarint of two bytes: 0x42 0x01 is 66, so +33 */
	assert_int_equal(LINE(WIRE_LINES_LOCATION, 5, 0, 0xe8, 0x42, 0x01), 38);
}

/* Any bytes give some line, and never one below 0. */
static void hostile_tables(void **state)
{
	unsigned char table[64];
	uint64_t seed = 1;
	uint32_t i, k;

	for (i = 0; i < 300000; i++) {
		for (k = 0; k < sizeof(table); k++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			table[k] = i % 3 ? seed >> 56 : (seed >> 56) | 0xc0;
		}
		for (k = 1; k <= 3; k++)
			assert_true(line_table_find(k, table, i % 65, (int32_t)seed,
						    (int32_t)(seed >> 40) & 0xff) >= 0);
	}
	assert_int_equal(line_table_find(0, table, 64, 1, 0), 0);
	assert_int_equal(line_table_find(WIRE_LINES_LOCATION, NULL, 0, 1, 0), 0);
}

/* --- the cache --- */

static struct {
	uint32_t pid;
	uint64_t code;
	size_t n;
} forgotten;

static void on_forget(uint32_t pid, uint64_t code, void *arg)
{
	forgotten.pid = pid;
	forgotten.code = code;
	forgotten.n++;
	assert_ptr_equal(arg, &forgotten);
}

static _Alignas(8) unsigned char record[WIRE_MAX_SIZE + 64];
static struct stack stack;

static const struct wire_code *code_record(uint32_t pid, uint64_t id, const char *func,
					   uint32_t table_len, uint64_t time)
{
	struct wire_code *w = (void *)record;
	uint32_t func_len = strlen(func);

	memset(record, 0, sizeof(*w) + 64 + WIRE_PAD(table_len));
	*w = (struct wire_code){
		.head = {.kind = WIRE_CODE, .pid = pid, .time = time},
		.code = id,
		.first_line = 10,
		.lines = WIRE_LINES_TABLE,
		.func_width = 1,
		.file_width = 1,
		.func_len = func_len,
		.file_len = 4,
		.table_len = table_len,
	};
	w->head.size = sizeof(*w) + WIRE_PAD(func_len) + 8 + WIRE_PAD(table_len);
	memcpy(w + 1, func, func_len);
	memcpy((char *)(w + 1) + WIRE_PAD(func_len), "f.py", 4);
	/* one range of 200 bytes, one line on */
	memcpy((char *)(w + 1) + WIRE_PAD(func_len) + 8, "\xc8\x01", table_len < 2 ? 0 : 2);
	return w;
}

/* An audit record with a stack and no values. */
static const struct wire_audit *audit_record(uint32_t pid, uint64_t time, uint16_t n,
					     const struct wire_frame *frames)
{
	struct wire_audit *a = (void *)record;
	struct wire_stack *s = (void *)(a + 1);

	*a = (struct wire_audit){.head = {.kind = WIRE_AUDIT, .pid = pid, .time = time},
				 .stack = sizeof(*a)};
	*s = (struct wire_stack){.frames = n};
	memcpy(s + 1, frames, n * sizeof(*frames));
	a->head.size = sizeof(*a) + sizeof(*s) + n * sizeof(*frames);
	return a;
}

static struct stack_cache *new_cache(void)
{
	struct stack_cache *cache = stack_cache_new(on_forget, &forgotten);

	memset(&forgotten, 0, sizeof(forgotten));
	assert_non_null(cache);
	return cache;
}

static void frames_are_named(void **state)
{
	const struct wire_frame frames[] = {
		{.code = 7, .lasti = 4},
		{.code = 8, .lasti = 4},
		{.lasti = 4, .error = EFAULT},
		{.code = 7, .lasti = -1},
		{.code = 7, .lasti = WIRE_LASTI_UNKNOWN},
	};
	struct stack_cache *cache = new_cache();

	assert_int_equal(stack_cache_add(cache, code_record(1, 7, "seven", 2, 1)), 0);
	/* of another process: cannot stand for this one's */
	assert_int_equal(stack_cache_add(cache, code_record(2, 8, "eight", 2, 1)), 0);
	assert_true(stack_decode(cache, audit_record(1, 2, 5, frames), &stack));
	assert_int_equal(stack.n_frames, 5);
	assert_int_equal(stack.frames[0].error, 0);
	assert_int_equal(stack.frames[0].line, 11);
	assert_int_equal(stack.frames[0].func.len, 5);
	assert_memory_equal(stack.frames[0].func.data, "seven", 5);
	assert_memory_equal(stack.frames[0].file.data, "f.py", 4);
	assert_int_equal(stack.frames[1].error, ENOBUFS);
	assert_null(stack.frames[1].func.data);
	assert_int_equal(stack.frames[2].error, EFAULT);
	assert_int_equal(stack.frames[3].line, 10);
	assert_int_equal(stack.frames[4].line, 0);
	assert_int_equal(stack.frames[4].error, 0);
	stack_cache_free(cache);
}

static void the_cache_is_bounded(void **state)
{
	struct stack_cache *cache = new_cache();
	struct wire_frame frame = {.code = 0, .lasti = 0};
	uint64_t i, first;

	for (i = 0; i < STACK_CACHE_CODES; i++)
		assert_int_equal(stack_cache_add(cache, code_record(1, i, "f", 2, 1)), 0);
	assert_int_equal(forgotten.n, 0);
	/* What is used stays; the one not used for longest is taken back from the kernel side, */
	assert_true(stack_decode(cache, audit_record(1, 1, 1, &frame), &stack));
	assert_int_equal(stack_cache_add(cache, code_record(1, i, "f", 2, 1)), 0);
	assert_int_equal(forgotten.n, 1);
	assert_int_equal(forgotten.code, 1);
	assert_int_equal(forgotten.pid, 1);
	assert_int_equal(stack_cache_count(cache), STACK_CACHE_CODES);
	/* but is still known to records that are under way, */
	frame.code = first = forgotten.code;
	assert_true(stack_decode(cache, audit_record(1, 1, 1, &frame), &stack));
	assert_int_equal(stack.frames[0].error, 0);
	/* comes back when it is sent again, */
	assert_int_equal(stack_cache_add(cache, code_record(1, first, "f", 2, 1)), 0);
	assert_int_equal(stack_cache_add(cache, code_record(1, i + 1, "f", 2, 1)), 0);
	assert_int_not_equal(forgotten.code, first);
	/* and is gone when none can be under way any more. */
	frame.code = forgotten.code;
	assert_int_equal(stack_cache_add(cache, code_record(1, i + 2, "f", 2, UINT64_MAX)), 0);
	assert_true(stack_decode(cache, audit_record(1, UINT64_MAX, 1, &frame), &stack));
	assert_int_equal(stack.frames[0].error, ENOBUFS);
	stack_cache_free(cache);
}

/* However much a process makes, and however fast. */
static void memory_is_bounded(void **state)
{
	struct stack_cache *cache = new_cache();
	uint64_t i;

	for (i = 0; i < 4000; i++)
		assert_int_equal(stack_cache_add(cache, code_record(1, i, "f", 100000, 1)), 0);
	assert_in_range(stack_cache_bytes(cache), STACK_CACHE_BYTES, 2u * STACK_CACHE_BYTES);
	assert_in_range(forgotten.n, 3000, 4000);
	stack_cache_free(cache);
}

/* --- records that lie --- */

static void bad_code_records(void **state)
{
	struct stack_cache *cache = new_cache();
	struct wire_code *w = (void *)record;

	code_record(1, 1, "f", 2, 1);
	w->func_len = 9;
	assert_int_equal(stack_cache_add(cache, w), -EBADMSG);
	code_record(1, 1, "f", 2, 1);
	w->func_len = UINT32_MAX;
	w->file_len = UINT32_MAX - 7;
	assert_int_equal(stack_cache_add(cache, w), -EBADMSG);
	code_record(1, 1, "f", 2, 1);
	w->func_width = 3;
	assert_int_equal(stack_cache_add(cache, w), -EBADMSG);
	code_record(1, 1, "f", 2, 1);
	w->func_width = 2;
	assert_int_equal(stack_cache_add(cache, w), -EBADMSG);
	assert_int_equal(stack_cache_count(cache), 0);
	stack_cache_free(cache);
}

static void bad_stacks(void **state)
{
	const struct wire_frame frame = {.code = 1};
	struct wire_audit *a = (void *)record;
	struct wire_stack *s = (void *)(a + 1);

	audit_record(1, 1, 1, &frame);
	assert_ptr_equal(wire_stack_at(&a->head, a->stack), s);
	s->frames = 2;
	assert_null(wire_stack_at(&a->head, a->stack));
	s->frames = 0;
	assert_null(wire_stack_at(&a->head, a->stack));
	s->frames = WIRE_MAX_FRAMES + 1;
	a->head.size = sizeof(*a) + sizeof(*s) + s->frames * sizeof(frame);
	assert_null(wire_stack_at(&a->head, a->stack));
	audit_record(1, 1, 1, &frame);
	a->stack = 4;
	assert_null(wire_stack_at(&a->head, a->stack));
	a->stack = sizeof(*a) + 1;
	assert_null(wire_stack_at(&a->head, a->stack));
	a->stack = a->head.size;
	assert_null(wire_stack_at(&a->head, a->stack));
	a->stack = UINT32_MAX & ~7u;
	assert_null(wire_stack_at(&a->head, a->stack));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_as_the_interpreter), cmocka_unit_test(lines_by_hand),
		cmocka_unit_test(hostile_tables),	    cmocka_unit_test(frames_are_named),
		cmocka_unit_test(the_cache_is_bounded),	    cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(bad_code_records),	    cmocka_unit_test(bad_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
