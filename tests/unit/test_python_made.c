// SPDX-License-Identifier: GPL-2.0-only
/*
 * Images made here with the C compiler, to the shape of interpreters that are not installed: bodies
 * inlined into clones, no separate worker, packed relocations, static programs, versions of the
 * future. Skipped where there is no compiler.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "python/py_image.h"
#include "python_made.h"

static int setup(void **state)
{
	return mkdtemp(directory) ? write_source() : -1;
}

static int teardown(void **state)
{
	unlink(file);
	unlink(program);
	return rmdir(directory);
}

static struct py_image *made(const char *flags)
{
	struct py_image *image;
	int fd = make(flags);

	assert_true(fd >= 0);
	assert_int_equal(py_image_read(fd, &image), 0);
	close(fd);
	return image;
}

static void check_pair(const struct py_image *image, enum py_found worker, enum py_found method)
{
	assert_int_equal(image->n_uprobes, 2);
	assert_int_equal(image->uprobes[0].config.entry, PY_ENTRY_SYS_AUDIT_TSTATE);
	assert_int_equal(image->uprobes[0].found, worker);
	assert_int_equal(image->uprobes[1].config.entry, PY_ENTRY_SYS_AUDIT);
	assert_int_equal(image->uprobes[1].found, method);
}

/* The same program linked in each way, with symbols as the judge of the stripped copy. */
static void linked(const char *flags, bool has_soname)
{
	char with[512], without[600];
	struct py_image *a, *b;

	snprintf(with, sizeof(with), "%s %s", VERSION WORKER METHOD USDT, flags);
	snprintf(without, sizeof(without), "%s %s", with, STRIPPED);
	a = made(with);
	b = made(without);
	check_pair(a, PY_FOUND_SYMTAB, PY_FOUND_SYMTAB);
	check_pair(b, PY_FOUND_CALL, PY_FOUND_METHODDEF);
	for (int i = 0; i < 2; i++)
		assert_memory_equal(&a->uprobes[i].config, &b->uprobes[i].config,
				    sizeof(a->uprobes[i].config));
	assert_int_equal(b->n_usdts, 1);
	assert_false(b->body_inlined);
	assert_int_equal(b->n_uprobe_gaps, 0);
	assert_int_equal(b->shared_library, has_soname);
	assert_string_equal(b->soname, has_soname ? "libmade.so.1" : "");
	assert_int_equal(b->version, 0x030b02f0);
	py_image_free(a);
	py_image_free(b);
}

static void shared(void **state)
{
	linked(SHARED, true);
}

static void packed(void **state)
{
	linked(SHARED PACKED, true);
}

static void non_pie(void **state)
{
	linked(NO_PIE, false);
}

static void pie(void **state)
{
	linked(PIE, false);
}

static void pie_packed(void **state)
{
	linked(PIE PACKED, false);
}

/* Nothing is exported: only .symtab tells. */
static void static_program(void **state)
{
	struct py_image *image = made(VERSION WORKER METHOD STATIC);
	int fd;

	check_pair(image, PY_FOUND_SYMTAB, PY_FOUND_SYMTAB);
	assert_false(image->position_independent);
	assert_int_equal(image->version, 0x030b02f0);
	py_image_free(image);
	fd = make(VERSION WORKER METHOD STATIC STRIPPED);
	assert_int_equal(py_image_read(fd, &image), -ENOENT);
	close(fd);
}

static void inlined_with_usdt(void **state)
{
	struct py_image *image = made(VERSION WORKER METHOD USDT "-DCLONE " SHARED STRIPPED);

	check_pair(image, PY_FOUND_CALL, PY_FOUND_METHODDEF);
	assert_int_equal(image->n_usdts, 2);
	assert_int_equal(image->usdts[0].config.operand[1].memory, 1);
	assert_int_equal(image->usdts[0].config.operand[1].displacement, -8);
	assert_int_equal(image->usdts[0].semaphore_offset, image->usdts[1].semaphore_offset);
	assert_true(image->body_inlined);
	assert_int_equal(image->n_uprobe_gaps, 1);
	assert_non_null(strstr(image->uprobe_gaps[0], "inlined"));
	assert_int_equal(py_image_choose(image, PY_PROBE_AUTO), PY_PROBE_USDT);
	py_image_free(image);
}

/* Without notes the copy shows in who calls the worker. */
static void inlined_without_usdt(void **state)
{
	static const char *const ways[] = {VERSION WORKER METHOD "-DCLONE " SHARED STRIPPED,
					   VERSION WORKER METHOD "-DCLONE " SHARED};

	for (size_t i = 0; i < 2; i++) {
		struct py_image *image = made(ways[i]);

		assert_false(image->has_usdt);
		assert_true(image->body_inlined);
		assert_int_equal(image->n_uprobe_gaps, 1);
		assert_int_equal(py_image_choose(image, PY_PROBE_AUTO), PY_PROBE_UPROBE);
		py_image_free(image);
	}
}

/* Each function has the body: PySys_Audit and _PySys_Audit are probed. */
static void no_worker(void **state)
{
	struct py_image *image = made(VERSION METHOD USDT SHARED STRIPPED);

	assert_int_equal(image->n_uprobes, 3);
	assert_int_equal(image->uprobes[0].config.entry, PY_ENTRY_PYSYS_AUDIT);
	assert_int_equal(image->uprobes[1].config.entry, PY_ENTRY_PYSYS_AUDIT_T);
	assert_int_equal(image->uprobes[2].config.entry, PY_ENTRY_SYS_AUDIT);
	assert_int_equal(image->n_usdts, 2);
	assert_false(image->body_inlined);
	assert_int_equal(image->n_uprobe_gaps, 0);
	py_image_free(image);
}

/* A large exported function that PySys_Audit calls as well is not the worker. */
static void exported_helper(void **state)
{
	struct py_image *image = made(VERSION WORKER METHOD NO_PIE STRIPPED
				      "-DHELPER='__attribute__((noinline, noclone))' ");

	check_pair(image, PY_FOUND_CALL, PY_FOUND_METHODDEF);
	py_image_free(image);
}

/* Two candidates: neither is taken. */
static void ambiguous_helper(void **state)
{
	struct py_image *image = made(VERSION WORKER METHOD NO_PIE STRIPPED "-DHELPER=HIDE ");

	assert_int_equal(image->uprobes[0].config.entry, PY_ENTRY_PYSYS_AUDIT);
	assert_true(image->n_uprobe_gaps > 0);
	py_image_free(image);
}

/* Where PySys_Audit has the body, no function it calls is the worker. */
static void helper_of_body(void **state)
{
	struct py_image *image = made(VERSION METHOD SHARED STRIPPED "-DHELPER=HIDE ");

	assert_int_equal(image->n_uprobes, 3);
	assert_int_equal(image->uprobes[0].config.entry, PY_ENTRY_PYSYS_AUDIT);
	assert_int_equal(image->n_uprobe_gaps, 1);
	py_image_free(image);
}

static void no_method(void **state)
{
	struct py_image *image = made(VERSION WORKER SHARED STRIPPED);

	assert_int_equal(image->n_uprobes, 1);
	assert_int_equal(image->n_uprobe_gaps, 1);
	assert_non_null(strstr(image->uprobe_gaps[0], "sys.audit()"));
	py_image_free(image);
}

/* --without-doc-strings */
static void no_doc(void **state)
{
	struct py_image *image = made(VERSION WORKER "-DMETHOD='\"\"' " SHARED STRIPPED);

	check_pair(image, PY_FOUND_CALL, PY_FOUND_METHODDEF);
	py_image_free(image);
}

static void future_version(void **state)
{
	struct py_image *image = made("-DVERSION=0x031000f0 " WORKER METHOD SHARED STRIPPED);
	char text[32];

	check_pair(image, PY_FOUND_CALL, PY_FOUND_METHODDEF);
	assert_int_equal(image->config.decode, 0);
	assert_int_equal(image->config.stack.walk, 0);
	assert_string_equal(py_image_stack_gap(image, PY_PROBE_UPROBE),
			    "Python call stacks: the layout of frames is not known");
	assert_string_equal(py_version_text(image, text, sizeof(text)), "3.16.0");
	py_image_free(image);
}

/* A version that is known, but none of its types are there to compare with. */
static void unproven_layout(void **state)
{
	struct py_image *image = made(VERSION WORKER METHOD SHARED);

	assert_int_equal(image->config.decode, 0);
	py_image_free(image);
}

static void bad_note(void **state)
{
	static const char *const notes[] = {
		"-DUSDT -DSEMAPHORE='\"0\"' -DOPERANDS='\"4@%ebx 8@$5\"' ",
		/* a semaphore that cannot be raised: in no segment, in read-only data */
		"-DUSDT -DSEMAPHORE='\"0x7fff0000\"' -DOPERANDS='\"8@%rbx 8@%r12\"' ",
		"-DUSDT -DSEMAPHORE='\"Py_Version\"' -DOPERANDS='\"8@%rbx 8@%r12\"' ",
	};

	for (size_t i = 0; i < sizeof(notes) / sizeof(*notes); i++) {
		char flags[600];
		struct py_image *image;

		snprintf(flags, sizeof(flags), "%s %s", VERSION WORKER METHOD SHARED, notes[i]);
		image = made(flags);
		assert_false(image->has_usdt);
		assert_int_equal(image->n_usdts, 0);
		assert_int_equal(image->n_uprobes, 2);
		py_image_free(image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared),
		cmocka_unit_test(packed),
		cmocka_unit_test(non_pie),
		cmocka_unit_test(pie),
		cmocka_unit_test(pie_packed),
		cmocka_unit_test(static_program),
		cmocka_unit_test(inlined_with_usdt),
		cmocka_unit_test(inlined_without_usdt),
		cmocka_unit_test(no_worker),
		cmocka_unit_test(exported_helper),
		cmocka_unit_test(ambiguous_helper),
		cmocka_unit_test(helper_of_body),
		cmocka_unit_test(no_method),
		cmocka_unit_test(no_doc),
		cmocka_unit_test(future_version),
		cmocka_unit_test(unproven_layout),
		cmocka_unit_test(bad_note),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
