// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symbols that a stripped file keeps in .gnu_debugdata, or that a debug file has, with .symtab of
 * the same file as their judge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <glob.h>

#include "python_split.h"

/* Nothing else than its symbols tells the functions of such an image. */
#define OBSCURE VERSION WORKER "-DHELPER=HIDE -Wl,--build-id "
static const char add_mini[] =
	"cd \"$1\"; objcopy --add-section .gnu_debugdata=mini.xz stripped packed";

/* $2: build-id in hexadecimal */
static const char add_debug_file[] =
	"set -e; cd \"$1\"; x=$(printf %s \"$2\" | cut -c1-2); y=$(printf %s \"$2\" | cut -c3-)\n"
	"mkdir -p .build-id/$x; cp debug .build-id/$x/$y.debug";

static void same_function(const struct found_function *a, const struct found_function *b)
{
	assert_true(a->addr != 0 && a->size != 0);
	assert_int_equal(a->addr, b->addr);
	assert_int_equal(a->size, b->size);
}

/* All three are where .symtab has them, and were found in that way. */
static void check_same(const char *name, enum py_found how)
{
	struct entry_points expected, e;

	find("symbols", &expected);
	assert_int_equal(expected.worker.how, PY_FOUND_SYMTAB);
	find(name, &e);
	assert_int_equal(e.method.how, how);
	assert_int_equal(e.worker.how, how);
	assert_int_equal(e.private.how, how);
	same_function(&e.method, &expected.method);
	same_function(&e.worker, &expected.worker);
	same_function(&e.private, &expected.private);
	assert_int_equal(e.clone_without_call, expected.clone_without_call);
}

static void check_none(const char *name)
{
	struct entry_points e;

	find(name, &e);
	assert_int_equal(e.method.addr, 0);
	assert_int_equal(e.worker.addr, 0);
}

static void read_id(const char *name, char *id, size_t size)
{
	uint8_t bytes[20];
	int fd = open_made(name);
	struct elf_file f;
	size_t len;

	assert_int_equal(elf_file_open(&f, fd), 0);
	len = elf_file_build_id(&f, bytes, sizeof(bytes));
	assert_true(len == 20 && size > 40);
	for (size_t i = 0; i < len; i++)
		sprintf(id + 2 * i, "%02x", bytes[i]);
	elf_file_close(&f);
	close(fd);
}

static void install_debug_file(void)
{
	char id[48];

	read_id("stripped", id, sizeof(id));
	run(add_debug_file, id);
}

static void packed_symbols(void **state)
{
	static const char *const ways[] = {OBSCURE SHARED, OBSCURE NO_PIE, OBSCURE PIE};

	for (size_t i = 0; i < 3; i++) {
		prepare(ways[i]);
		run(add_mini, NULL);
		check_none("stripped");
		check_same("packed", PY_FOUND_DEBUGDATA);
	}
}

static void debug_file(void **state)
{
	static const char *const ways[] = {OBSCURE SHARED, OBSCURE NO_PIE, OBSCURE PIE};

	for (size_t i = 0; i < 3; i++) {
		prepare(ways[i]);
		check_none("stripped");
		install_debug_file();
		check_same("stripped", PY_FOUND_DEBUGFILE);
	}
}

/* The whole way, down to where the probes stand. */
static void whole_image(void **state)
{
	struct py_image *with, *without;
	int fd;

	prepare(OBSCURE SHARED);
	run(add_mini, NULL);
	fd = open_made("symbols");
	assert_int_equal(py_image_read(fd, &with), 0);
	close(fd);
	fd = open_made("packed");
	assert_int_equal(py_image_read(fd, &without), 0);
	close(fd);
	assert_int_equal(without->n_uprobes, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(without->uprobes[i].found, PY_FOUND_DEBUGDATA);
		assert_memory_equal(&without->uprobes[i].config, &with->uprobes[i].config,
				    sizeof(with->uprobes[i].config));
	}
	assert_int_equal(without->n_uprobe_gaps, with->n_uprobe_gaps);
	py_image_free(with);
	py_image_free(without);
}

/* The file itself goes before what is packed in it, and that before the debug file. */
static void order(void **state)
{
	struct entry_points e;

	prepare(OBSCURE SHARED);
	run(add_mini, NULL);
	install_debug_file();
	check_same("packed", PY_FOUND_DEBUGDATA);
	run("cd \"$1\"; objcopy --add-section .gnu_debugdata=mini.xz symbols all", NULL);
	check_same("all", PY_FOUND_SYMTAB);
	/* What one source lacks the next one has. */
	run("set -e; cd \"$1\"; echo sys_audit >keep; objcopy -S --keep-symbols=keep debug mini\n"
	    "xz -c mini >mini.xz; objcopy --add-section .gnu_debugdata=mini.xz stripped packed",
	    NULL);
	find("packed", &e);
	assert_int_equal(e.method.how, PY_FOUND_DEBUGDATA);
	assert_int_equal(e.worker.how, PY_FOUND_DEBUGFILE);
	assert_int_equal(e.private.how, PY_FOUND_DEBUGFILE);
}

/* A debug file of that name, but of another build, or without a build-id, or no ELF file. */
static void foreign_debug_file(void **state)
{
	static const char *const foreign[] = {
		"set -e; cd \"$1\"; x=$(ls -d .build-id/*/*)\n"
		"cc -O1 -shared -fPIC -DVERSION=1 -DWORKER -Wl,--build-id=0x$(printf %040d 1) -o "
		"it made.c\n"
		"objcopy --only-keep-debug it $x",
		"set -e; cd \"$1\"; x=$(ls -d .build-id/*/*)\n"
		"objcopy --remove-section .note.gnu.build-id symbols it; cp it $x",
		"cd \"$1\"; echo nothing >$(ls -d .build-id/*/*)",
		"cd \"$1\"; x=$(ls -d .build-id/*/*); rm $x; mkfifo $x",
		"cd \"$1\"; x=$(ls -d .build-id/*/*); rm $x; mkdir $x",
	};

	prepare(OBSCURE SHARED);
	install_debug_file();
	check_same("stripped", PY_FOUND_DEBUGFILE);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
		run(foreign[i], NULL);
		check_none("stripped");
	}
}

/* Programs that split files leave program headers that point past the end of the debug file. */
static void debug_file_headers(void **state)
{
	prepare(OBSCURE SHARED);
	run("printf '\\377\\377\\377\\377' | dd of=\"$1\"/debug bs=1 seek=72 conv=notrunc "
	    "2>/dev/null",
	    NULL);
	install_debug_file();
	check_same("stripped", PY_FOUND_DEBUGFILE);
}

/* Nothing is exported; the debug file has the names of data too, which tell the version. */
static void static_program(void **state)
{
	struct py_image *image;
	int fd;

	prepare(OBSCURE STATIC);
	fd = open_made("stripped");
	assert_int_equal(py_image_read(fd, &image), -ENOENT);
	install_debug_file();
	assert_int_equal(py_image_read(fd, &image), 0);
	close(fd);
	assert_int_equal(image->version, 0x030b02f0);
	assert_int_equal(image->n_uprobes, 2);
	assert_int_equal(image->uprobes[0].config.entry, PY_ENTRY_SYS_AUDIT_TSTATE);
	assert_int_equal(image->uprobes[0].found, PY_FOUND_DEBUGFILE);
	assert_int_equal(image->uprobes[1].found, PY_FOUND_DEBUGFILE);
	py_image_free(image);
}

static const char rename_symbols[] = "set -e; cd \"$1\"; mv made plain\n"
				     "objcopy --redefine-sym sys_audit=sys_audit$2 --redefine-sym "
				     "sys_audit_tstate=sys_audit_tstate$2"
				     " --redefine-sym _PySys_Audit=_PySys_Audit$2 plain made";

/* $2: the suffix of three more functions, at the first byte of .text */
static const char add_symbols[] = "set -e; cd \"$1\"; mv made plain\n"
				  "objcopy --add-symbol sys_audit$2=.text:0,function,local"
				  " --add-symbol sys_audit_tstate$2=.text:0,function,local"
				  " --add-symbol _PySys_Audit$2=.text:0,function,local plain made";

static void prepare_names(const char *flags, const char *suffix, const char *decoy)
{
	char path[128];

	assert_int_equal(write_source(), 0);
	close(make(flags));
	run(rename_symbols, suffix);
	if (decoy)
		run(add_symbols, decoy);
	snprintf(path, sizeof(path), "%s/made", directory);
	run(split, path);
}

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"

/* What is at the first byte of .text is not the function, whatever table tells it. */
static void suffixes(void **state)
{
	static const struct {
		const char *suffix, *decoy;
		bool good;
	} cases[] = {
		{".lto_priv.0", NULL, true},
		{".llvm.3647792031573395374", ".llvm.3647792031573395374.cold.0", true},
		{".constprop.0", ".cold", true},
		{"", ".cold.0", true},
		{"", ".part.0", true},
		{"", ".org.0", true},
		{"", ".lto_priv.0", true},
		{".lto_priv.0", ".llvm.5", true},
		{"", "_more", true},
		{".cold.0", NULL, false},
		{".lto_priv.0.cold", "x", false},
		{".part.0", NULL, false},
		{".org.0", NULL, false},
		{"_0", NULL, false},
		{"." LONG LONG LONG, NULL, false},
	};

	if (!have_tools())
		skip();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		clear(NULL);
		prepare_names(OBSCURE SHARED, cases[i].suffix, cases[i].decoy);
		run(add_mini, NULL);
		if (!cases[i].good) {
			check_none("symbols");
			check_none("packed");
			install_debug_file();
			check_none("stripped");
			continue;
		}
		check_same("symbols", PY_FOUND_SYMTAB);
		check_same("packed", PY_FOUND_DEBUGDATA);
		install_debug_file();
		check_same("stripped", PY_FOUND_DEBUGFILE);
	}
}

/* It comes last in the table, and is the one that counts. */
static void bare_name(void **state)
{
	struct entry_points e;
	Elf64_Shdr text;
	struct elf_file f;
	int fd;

	if (!have_tools())
		skip();
	prepare_names(OBSCURE SHARED, ".constprop.0", "");
	fd = open_made("symbols");
	assert_int_equal(elf_file_open(&f, fd), 0);
	text = *elf_file_section(&f, ".text");
	elf_file_close(&f);
	close(fd);
	find("symbols", &e);
	assert_int_equal(e.method.addr, text.sh_addr);
	assert_int_equal(e.worker.addr, text.sh_addr);
	assert_int_equal(e.private.addr, text.sh_addr);
}

/* The addresses above agree with each other; here they agree with the program's own code. */
static void suffixes_against_recipes(void **state)
{
	static const char *const flags[] = {CLEAR SHARED, CLEAR STATIC "-Wl,--eh-frame-hdr "};

	if (!have_tools())
		skip();
	for (size_t i = 0; i < 2; i++) {
		struct entry_points with, without;
		int fd;

		prepare_names(flags[i], ".lto_priv.0", ".lto_priv.0.cold");
		fd = open_made("symbols");
		find_in(fd, true, &with);
		find_in(fd, false, &without);
		close(fd);
		assert_int_equal(with.worker.how, PY_FOUND_SYMTAB);
		assert_int_equal(without.worker.how, PY_FOUND_CALL);
		assert_int_equal(with.worker.addr, without.worker.addr);
		assert_int_equal(with.method.addr, without.method.addr);
		assert_int_equal(with.private.addr, without.private.addr);
	}
}

static void check_installed(const char *path)
{
	struct entry_points e;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	find_in(fd, true, &e);
	close(fd);
	if (e.worker.how != PY_FOUND_SYMTAB) {
		print_message("skipped, no symbols: %s\n", path);
		return;
	}
	run(split, path);
	run(add_mini, NULL);
	check_same("packed", PY_FOUND_DEBUGDATA);
	install_debug_file();
	check_same("stripped", PY_FOUND_DEBUGFILE);
	clear(NULL);
}

/* Real interpreters; two of them, as each takes a second. */
static void installed(void **state)
{
	char pattern[512];
	glob_t files;

	snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/3.[19]*/lib/libpython3.?*.so.1.0",
		 getenv("HOME") ?: "/root");
	if (!have_tools() || glob(pattern, 0, NULL, &files))
		skip();
	check_installed(files.gl_pathv[0]);
	if (files.gl_pathc > 1)
		check_installed(files.gl_pathv[files.gl_pathc - 1]);
	globfree(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packed_symbols),	  TEST(debug_file),
		TEST(whole_image),	  TEST(order),
		TEST(foreign_debug_file), TEST(debug_file_headers),
		TEST(static_program),	  TEST(suffixes),
		TEST(bare_name),	  TEST(suffixes_against_recipes),
		TEST(installed),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
