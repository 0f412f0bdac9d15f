// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel side's reader of Python objects and C arguments, compiled for the host, over real
 * interpreters and with everything going wrong that can: reads that fail, pages that are not there,
 * objects cut by the end of a mapping, memory that is noise.
 *
 * What must hold: the record always decodes, and a value in it is right or marked, never silently
 * wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <sys/mman.h>
#include <wchar.h>

#include "bpf_children.h"
#include "bpf_record.h"
#include "filter.h"
#include "python/layout.h"

static const char *lacks(const struct child *c)
{
	return c->config.decode ? NULL : "the layout of its objects is not known";
}

static int start_children(void **state)
{
	children_start("objects.py", lacks);
	return 0;
}

static int end_children(void **state)
{
	children_end();
	return 0;
}

/* Captures an object as the one argument, or an argument tuple, into r. */
static void capture(struct record *r, const struct child *c, const struct child_object *o,
		    uint64_t addr)
{
	struct scratch *s = host_start(c->bias);

	if (o->size < 0)
		start_single(s, &c->config, addr);
	else
		host_start_object(s, addr);
	record_take(r, s, &c->config);
}

static void describe(const struct child *c, const struct child_object *o, const char *what,
		     uint64_t at)
{
	print_error("%s of %s, %s %#llx\n", o->name, c->path, what, (unsigned long long)at);
}

/* --- real objects --- */

static void check_exact(struct child *c, const struct child_object *o)
{
	static struct record r;

	capture(&r, c, o, o->addr);
	if (strcmp(r.args, o->expected))
		describe(c, o, "whole", 0);
	assert_string_equal(r.args, o->expected);
}

static void objects_are_exact(void **state)
{
	each_object(check_exact);
}

/* After a fault: as without one, or less and marked. */
static void check_marked(const struct child *c, const struct child_object *o,
			 const struct record *good, const struct record *bad, const char *what,
			 uint64_t at)
{
	if (record_fits(good, bad))
		return;
	describe(c, o, what, at);
	print_error("without: %.600s\n", good->args);
	fail_msg("with:    %.600s", bad->args);
}

#define EVERY_READ 24

static void check_each_read_fails(struct child *c, const struct child_object *o)
{
	static struct record good, bad;
	uint64_t reads, i;

	capture(&good, c, o, o->addr);
	reads = host_mem.reads;
	for (i = 1; i <= reads; i++) {
		/* What is between the first and the last of many is more of the same. */
		if (i > EVERY_READ && i + EVERY_READ < reads && i % 7)
			continue;
		host_mem.fail_at = i;
		capture(&bad, c, o, o->addr);
		host_mem.fail_at = 0;
		check_marked(c, o, &good, &bad, "failing read", i);
	}
}

static void failing_reads_are_marked(void **state)
{
	each_object(check_each_read_fails);
}

static void check_each_page_missing(struct child *c, const struct child_object *o)
{
	static struct record good, bad;
	uint64_t pages[HOST_TOUCHED];
	uint32_t i, n;

	capture(&good, c, o, o->addr);
	n = host_mem.n_touched;
	memcpy(pages, host_mem.touched, sizeof(pages));
	for (i = 0; i < n; i++) {
		host_mem.missing = pages[i];
		capture(&bad, c, o, o->addr);
		host_mem.missing = 0;
		check_marked(c, o, &good, &bad, "missing page", pages[i]);
	}
}

static void missing_pages_are_marked(void **state)
{
	each_object(check_each_page_missing);
}

/* The object ends with its mapping, whole or not. */
static void check_cut(struct child *c, const struct child_object *o)
{
	static struct record good, bad;
	uint32_t n;

	capture(&good, c, o, o->addr);
	host_mem.window = o->addr;
	for (n = 0; n <= 2 * OBJECT_READ; n += 4) {
		host_mem.window_len = n;
		capture(&bad, c, o, HOST_WINDOW + HOST_PAGE - n);
		check_marked(c, o, &good, &bad, "bytes before the end of its mapping", n);
		if (o->size > 0 && n >= (unsigned int)o->size)
			assert_string_equal(bad.args, good.args);
	}
	host_mem.window = 0;
}

static void objects_cut_by_a_page_are_marked(void **state)
{
	each_object(check_cut);
}

/* An image whose layout is not known shows nothing of its objects. */
static void unknown_layouts_show_nothing(void **state)
{
	static struct record r;
	struct child c;

	need_children();
	c = children[0];
	child_use(&children[0]);
	c.config.decode = 0;
	capture(&r, &c, &c.objects[0], c.objects[0].addr);
	assert_string_equal(r.args,
			    "\"args\":{\"arg0\":null},\"unreadable\":{\"arg0\":\"unsupported\"}}");
	assert_int_equal(host_mem.reads, 0);
}

/* --- no objects at all --- */

#define N_GARBAGE 16000 /* captures, of some hundred objects each */

/* Types at made-up addresses, and every layout in turn. */
static void garbage_image(struct image_config *image, uint64_t *words, uint32_t i)
{
	static const struct {
		uint16_t minor;
		bool free_threaded;
	} builds[] = {{8, false},  {9, false},	{10, false}, {11, false}, {12, false}, {13, false},
		      {14, false}, {15, false}, {13, true},  {14, true},  {15, true}};
	uint64_t *types = (uint64_t *)&image->types;
	size_t build = i % (sizeof(builds) / sizeof(builds[0])), k;
	const struct py_layout *layout;

	layout = layout_find(0x0300 + builds[build].minor, builds[build].free_threaded);
	assert_non_null(layout);
	image->decode = 1;
	image->layout = *layout;
	for (k = 0; k < sizeof(image->types) / sizeof(*types); k++)
		words[k] = types[k] = 0x7f0000001000 + k * 0x200;
}

static void garbage_always_decodes(void **state)
{
	static struct record r;
	struct image_config image = {0};
	uint64_t words[sizeof(struct py_types) / 8], kinds = 0, objects = 0;
	uint32_t i, n;

	for (i = 0; i < N_GARBAGE; i++) {
		struct scratch *s;

		host_mem = (struct host_memory){.seed = i + 1, .words = words};
		garbage_image(&image, words, i);
		host_mem.n_words = sizeof(words) / sizeof(words[0]);
		/* Small limits reach more structure, the largest the end of the record. */
		knob_string_limit = i % 256 ? 24 : WIRE_MAX_STRING;
		s = host_start(0);
		if (i % 2)
			start_single(s, &image, 0x1000 + host_random() % 0x2000);
		else {
			s->frames[0].next = 0x1000;
			s->frames[0].left = s->args = 1 + host_random() % 8;
		}
		record_walk(&r, s, &image);
		objects += r.event.n_values;
		for (n = 0; n < r.event.n_values; n++)
			if (r.event.values[n].status <= WIRE_TRUNCATED)
				kinds |= 1ull << r.event.values[n].kind;
	}
	knob_string_limit = 512;
	assert_in_range(objects, 100000, UINT64_MAX);
	/* The noise is good for something: all that an object can be was met, WIRE_UINT is not. */
	assert_int_equal(kinds, (1u << (WIRE_OBJECT + 1)) - 2 - (1u << WIRE_UINT));
}

/* --- filters --- */

static const char *random_text(char *text, size_t max, const char *letters)
{
	size_t n = host_random() % (max + 1), i;

	for (i = 0; i < n; i++)
		text[i] = letters[host_random() % strlen(letters)];
	text[n] = 0;
	return text;
}

static void globs_agree(void **state)
{
	struct pattern p = {0};
	char name[WIRE_MAX_NAME];
	int i, got, matched = 0, given_up = 0;

	host_mem = (struct host_memory){.seed = 1};
	for (i = 0; i < 200000; i++) {
		size_t longest = i % 100 ? 8 : 120;

		random_text(p.glob, longest, i % 3 ? "ab*?" : "aaaab*");
		random_text(name, i % 100 ? 12 : 250, i % 3 ? "ab." : "aaaaaab");
		got = host_glob(&host_scratch, &p, name);
		given_up += got < 0;
		matched += got > 0;
		if (got >= 0 && got != glob_match(p.glob, name))
			fail_msg("pattern %s, name %s: %d in the kernel", p.glob, name, got);
	}
	/* Neither outcome is rare, and giving up is. */
	assert_in_range(matched, 10000, 190000);
	assert_in_range(given_up, 0, 100);
}

static void globs_by_hand(void **state)
{
	static const struct {
		const char *glob, *name;
		int matches;
	} cases[] = {
		{"", "", 1},
		{"", "a", 0},
		{"*", "", 1},
		{"**", "x", 1},
		{"?", "", 0},
		{"open", "open", 1},
		{"open", "ope", 0},
		{"open", "opens", 0},
		{"os.*", "os.fork", 1},
		{"os.*", "os", 0},
		{"*.fork", "os.fork", 1},
		{"*a*b", "xaxbxb", 1},
		{"a*", "A", 0},
		{"[ab]", "a", 0},
		{"?\xa9", "\xc3\xa9", 1},
	};
	struct pattern p = {0};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(p.glob, cases[i].glob);
		assert_int_equal(host_glob(&host_scratch, &p, cases[i].name), cases[i].matches);
		assert_int_equal(glob_match(cases[i].glob, cases[i].name), cases[i].matches);
	}
}

#include "bpf_units.h"

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_exact),
		cmocka_unit_test(failing_reads_are_marked),
		cmocka_unit_test(missing_pages_are_marked),
		cmocka_unit_test(objects_cut_by_a_page_are_marked),
		cmocka_unit_test(unknown_layouts_show_nothing),
		cmocka_unit_test(garbage_always_decodes),
		cmocka_unit_test(globs_agree),
		cmocka_unit_test(globs_by_hand),
		UNIT_TESTS,
	};

	return cmocka_run_group_tests(tests, start_children, end_children);
}
