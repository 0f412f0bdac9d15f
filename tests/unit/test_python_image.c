// SPDX-License-Identifier: GPL-2.0-only
/* What is read from the interpreters installed here, with and without their symbols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "python/code.h"
#include "python/finder.h"
#include "python/layout.h"
#include "python/py_image.h"
#include "python/version.h"

static glob_t files;

static int find_files(void **state)
{
	char pattern[512];
	int flags = 0;

	static const char *const patterns[] = {
		"/usr/bin/python3.[0-9]",	 "/usr/bin/python3.[0-9][0-9]",
		"/usr/lib/*/libpython3*.so.1.0", "/usr/local/lib/libpython3*.so.1.0",
		"/opt/*/lib/libpython3*.so.1.0",
	};

	snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/*/lib/libpython?.?*.so.1.0",
		 getenv("HOME") ?: "/root");
	if (!glob(pattern, flags, NULL, &files))
		flags = GLOB_APPEND;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		if (!glob(patterns[i], flags, NULL, &files))
			flags = GLOB_APPEND;
	if (!files.gl_pathc)
		print_message("no interpreter is installed: nothing to compare with\n");
	return 0;
}

static int free_files(void **state)
{
	globfree(&files);
	return 0;
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

static int read_path(const char *path, struct py_image **image)
{
	int fd = open_file(path), err = py_image_read(fd, image);

	close(fd);
	return err;
}

/* The version that a file's path tells: ".../3.11.7/lib/..." exactly, ".../python3.11" the minor.
 */
static uint32_t version_of_path(const char *path, bool *exact)
{
	const char *at = strstr(path, "/versions/");
	unsigned int major, minor;
	char text[32];

	*exact = at && sscanf(at, "/versions/%31[0-9.]/", text) == 1;
	if (*exact)
		return version_parse(text);
	at = strstr(path, "python");
	while (at && sscanf(at, "python%u.%u", &major, &minor) != 2)
		at = strstr(at + 1, "python");
	return at ? major << 24 | minor << 16 : 0;
}

static void versions(void **state)
{
	for (size_t i = 0; i < files.gl_pathc; i++) {
		const char *path = files.gl_pathv[i];
		struct py_image *image;
		uint32_t version;
		bool exact;
		int err = read_path(path, &image);

		if (err == -ENOENT) {
			print_message("skipped, no interpreter inside: %s\n", path);
			continue;
		}
		version = version_of_path(path, &exact);
		if (version && version < 0x03080000)
			assert_int_equal(err, -ENOTSUP);
		else
			assert_int_equal(err, 0);
		assert_non_null(image);
		assert_true(image->version_exact);
		if (exact)
			assert_int_equal(image->version, version);
		else
			assert_int_equal(image->version >> 16, version >> 16);
		assert_int_equal(image->config.version, image->version);
		assert_int_equal(image->build_id_len, 20);
		py_image_free(image);
	}
}

typedef void (*image_fn)(const char *path, const struct py_image *image);

static void each_image(image_fn fn)
{
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct py_image *image;

		if (!read_path(files.gl_pathv[i], &image))
			fn(files.gl_pathv[i], image);
		py_image_free(image);
	}
}

static void check_set(const char *path, const struct py_image *image)
{
	enum py_entry first =
		image->version >> 16 == 0x0308 ? PY_ENTRY_PYSYS_AUDIT : PY_ENTRY_SYS_AUDIT_TSTATE;

	assert_false(image->free_threaded);
	assert_int_equal(image->n_uprobes, 2);
	assert_int_equal(image->uprobes[0].config.entry, first);
	assert_int_equal(image->uprobes[1].config.entry, PY_ENTRY_SYS_AUDIT);
	if (!image->body_inlined)
		assert_int_equal(image->n_uprobe_gaps, 0);
	assert_int_equal(image->has_usdt, image->n_usdts > 0);
	for (size_t i = 0; i < image->n_usdts; i++) {
		assert_int_equal(image->usdts[i].config.entry, PY_ENTRY_USDT);
		assert_true(image->usdts[i].emulated);
		assert_true(image->usdts[i].semaphore_offset > 0);
		assert_true(image->n_usdt_gaps > 0);
	}
}

static void probe_sets(void **state)
{
	each_image(check_set);
}

/* Every build measured has an emulated instruction that still finds the arguments. */
static void check_places(const char *path, const struct py_image *image)
{
	int fd = open_file(path);

	for (size_t i = 0; i < image->n_uprobes; i++) {
		const struct py_probe *p = &image->uprobes[i];
		unsigned char b[2];

		assert_true(p->emulated);
		assert_true(p->config.link_addr - p->function < 96);
		assert_true(p->config.stack_adjust >= 0 && p->config.stack_adjust < 512);
		assert_int_equal(pread(fd, b, 2, p->file_offset), 2);
		if (!((b[0] & 0xf8) == 0x50 || (b[0] == 0x41 && (b[1] & 0xf8) == 0x50) ||
		      (b[0] & 0xf0) == 0x70 || (b[0] == 0x0f && (b[1] & 0xf0) == 0x80) ||
		      b[0] == 0x90 || b[0] == 0xe8 || b[0] == 0xe9 || b[0] == 0xeb))
			fail_msg("%s: %s stands on %02x %02x", path, py_entry_name(p->config.entry),
				 b[0], b[1]);
	}
	close(fd);
}

static void places(void **state)
{
	each_image(check_places);
}

static void check_decodes(const char *path, const struct py_image *image)
{
	const struct py_types *t = &image->config.types;
	const __u64 all[] = {t->none,  t->boolean,   t->integer, t->floating, t->str,
			     t->bytes, t->bytearray, t->tuple,	 t->list,     t->dict,
			     t->code,  t->function,  t->type,	 t->module};

	if (!image->config.decode)
		fail_msg("%s: layout not accepted", path);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		assert_true(all[i] != 0);
	assert_int_equal(image->config.stack.walk, 1);
	assert_int_not_equal(image->config.stack.thread.source, PY_THREAD_UNKNOWN);
	assert_null(py_image_stack_gap(image, PY_PROBE_UPROBE));
	assert_null(py_image_stack_gap(image, PY_PROBE_USDT));
	assert_memory_equal(&image->config.layout,
			    layout_find(image->version >> 16, image->free_threaded),
			    sizeof(struct py_layout));
}

static void decodes(void **state)
{
	each_image(check_decodes);
}

/* A layout of another version must not pass the check against the file's own type objects. */
static void check_foreign(const char *path, const struct py_image *image)
{
	struct py_layout layout = *layout_find(image->version >> 16, false);
	int fd = open_file(path);
	struct elf_file f;

	assert_int_equal(elf_file_open(&f, fd), 0);
	assert_true(layout_types_agree(&f, &layout, &image->config.types));
	layout.str_data ^= 8;
	assert_false(layout_types_agree(&f, &layout, &image->config.types));
	layout = *layout_find(0x030d, true);
	assert_false(layout_types_agree(&f, &layout, &image->config.types));
	if (image->version >= 0x030d0000 && image->version < 0x03100000) {
		layout = *layout_find(image->version >> 16, false);
		assert_int_equal(layout_compare(&f, image->version, false, &layout), LAYOUT_AGREES);
		layout.float_value = 24;
		assert_int_equal(layout_compare(&f, image->version, false, &layout),
				 LAYOUT_DISAGREES);
	}
	elf_file_close(&f);
	close(fd);
}

static void foreign_layouts(void **state)
{
	each_image(check_foreign);
}

static void find_entries(int fd, uint32_t version, bool use_symtab, struct entry_points *e)
{
	struct elf_symbol sym;
	struct elf_file f;

	memset(e, 0, sizeof(*e));
	assert_int_equal(elf_file_open(&f, fd), 0);
	assert_true(elf_symbol_find(&f.dynsym, "PySys_Audit", &sym));
	e->public = (struct found_function){sym.addr, sym.size, PY_FOUND_DYNSYM};
	finder_find(&f, version, use_symtab, e);
	elf_file_close(&f);
}

/* The finder, with the symbols as its judge. */
static void check_finder(const char *path, const struct py_image *image)
{
	struct entry_points with, without;
	int fd = open_file(path);

	find_entries(fd, image->version, true, &with);
	find_entries(fd, image->version, false, &without);
	close(fd);
	assert_int_equal(without.method.how, PY_FOUND_METHODDEF);
	assert_true(without.method.addr != 0);
	assert_int_equal(with.method.addr, without.method.addr);
	assert_int_equal(with.worker.addr, without.worker.addr);
	assert_int_equal(with.private.addr, without.private.addr);
	assert_int_equal(with.worker.addr != 0, image->version >= 0x03090000);
	assert_int_equal(with.private.addr != 0, image->version >= 0x03090000);
	if (!image->has_usdt) {
		assert_int_equal(with.clone_without_call, false);
		assert_int_equal(without.clone_without_call, false);
	}
	if (with.method.how != PY_FOUND_SYMTAB)
		print_message("no symbols to compare with: %s\n", path);
}

static void finder(void **state)
{
	each_image(check_finder);
}

static bool strip_file(const char *from, const char *to)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execlp("strip", "strip", "--strip-all", "-o", to, from, NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return false;
	assert_int_equal(status, 0);
	return true;
}

static void check_stripped(const char *path, const struct py_image *image)
{
	char copy[] = "/tmp/pyaudit-test-XXXXXX";
	struct py_image *stripped;
	int fd = mkstemp(copy);

	assert_true(fd >= 0);
	if (!strip_file(path, copy)) {
		print_message("skipped, no strip: %s\n", path);
	} else {
		assert_int_equal(read_path(copy, &stripped), 0);
		assert_int_equal(stripped->version, image->version);
		assert_int_equal(stripped->n_uprobes, image->n_uprobes);
		assert_int_equal(stripped->body_inlined, image->body_inlined);
		for (size_t i = 0; i < image->n_uprobes; i++) {
			assert_int_not_equal(stripped->uprobes[i].found, PY_FOUND_SYMTAB);
			assert_memory_equal(&stripped->uprobes[i].config, &image->uprobes[i].config,
					    sizeof(struct probe_config));
		}
		py_image_free(stripped);
	}
	unlink(copy);
	close(fd);
}

static void stripped_copies(void **state)
{
	each_image(check_stripped);
}

/* Addresses of builds that were taken apart by hand. */
static const struct {
	const char *build_id;
	uint64_t worker, method, site;
} known[] = {
	/* Debian 12 python3.11 3.11.2-6+deb12u6 */
	{"571d98e01096d5c1c32420d229a6731a0a50d2a0", 0x4f8060, 0x5fd800, 0x42512a},
};

static void check_known(const char *path, const struct py_image *image)
{
	char id[48] = "";

	for (size_t i = 0; i < image->build_id_len; i++)
		sprintf(id + 2 * i, "%02x", image->build_id[i]);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(id, known[i].build_id))
			continue;
		assert_int_equal(image->uprobes[0].function, known[i].worker);
		assert_int_equal(image->uprobes[1].function, known[i].method);
		assert_int_equal(image->n_usdts, 1);
		assert_int_equal(image->usdts[0].config.link_addr, known[i].site);
		assert_false(image->body_inlined);
		assert_false(image->position_independent);
		assert_false(image->shared_library);
	}
}

static void known_builds(void **state)
{
	each_image(check_known);
}

/* The site may stand in a part of the worker that was split off; it belongs to the worker all the
 * same, and to no other function. */
static void check_site(const char *path, const struct py_image *image)
{
	struct entry_points e;
	struct elf_range range;
	struct elf_file f;
	int fd;

	if (image->n_usdts != 1 || image->version < 0x03090000)
		return;
	fd = open_file(path);
	find_entries(fd, image->version, true, &e);
	assert_int_equal(elf_file_open(&f, fd), 0);
	range = (struct elf_range){e.worker.addr, e.worker.size};
	assert_true(code_belongs(&f, &range, image->usdts[0].config.link_addr));
	range = (struct elf_range){e.public.addr, e.public.size};
	assert_false(code_belongs(&f, &range, image->usdts[0].config.link_addr));
	elf_file_close(&f);
	close(fd);
}

static void sites(void **state)
{
	each_image(check_site);
}

struct literal {
	uint64_t addr;
	char text[8];
	int pages;
};

static int find_literal(uint64_t addr, const void *data, size_t len, void *arg)
{
	struct literal *l = arg;

	assert_true(addr % PY_PAGE_SIZE == 0 && len <= PY_PAGE_SIZE + PY_PAGE_TAIL);
	l->pages++;
	if (l->addr >= addr && l->addr < addr + PY_PAGE_SIZE &&
	    l->addr - addr + sizeof(l->text) <= len)
		memcpy(l->text, (const char *)data + (l->addr - addr), sizeof(l->text));
	return 0;
}

static int stop_at_once(uint64_t addr, const void *data, size_t len, void *arg)
{
	return 42;
}

/* The name of a type, which is a literal, is found in the pages that are told. */
static void check_strings(const char *path, const struct py_image *image)
{
	struct literal l = {0};
	int fd = open_file(path);
	struct elf_file f;

	assert_int_equal(elf_file_open(&f, fd), 0);
	elf_file_relocate(&f);
	memcpy(&l.addr,
	       elf_file_at(&f, image->config.types.boolean + image->config.layout.tp_name, 8), 8);
	assert_true(l.addr >= image->config.readonly_start && l.addr < image->config.readonly_end);
	assert_true(image->config.types.boolean >= image->config.readonly_end);
	assert_int_equal(py_image_pages(fd, find_literal, &l), 0);
	assert_true(l.pages > 50);
	assert_string_equal(l.text, "bool");
	assert_int_equal(py_image_pages(fd, stop_at_once, NULL), 42);
	elf_file_close(&f);
	close(fd);
}

static void strings(void **state)
{
	each_image(check_strings);
}

static void not_interpreters(void **state)
{
	struct py_image *image = (void *)1;

	assert_int_equal(read_path("/proc/self/exe", &image), -ENOENT);
	assert_null(image);
	assert_int_equal(read_path("/etc/passwd", &image), -ENOEXEC);
	assert_int_equal(read_path("/dev/null", &image), -ENOEXEC);
	assert_int_equal(py_image_read(-1, &image), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),
		cmocka_unit_test(probe_sets),
		cmocka_unit_test(places),
		cmocka_unit_test(decodes),
		cmocka_unit_test(foreign_layouts),
		cmocka_unit_test(finder),
		cmocka_unit_test(stripped_copies),
		cmocka_unit_test(known_builds),
		cmocka_unit_test(sites),
		cmocka_unit_test(strings),
		cmocka_unit_test(not_interpreters),
	};

	return cmocka_run_group_tests(tests, find_files, free_files);
}
