/* SPDX-License-Identifier: GPL-2.0-only */
/* Images separated from their symbols, as distributions do it. A test of these is skipped where
 * there is no compiler, no binutils or no xz. */
#ifndef PYAUDIT_TESTS_PYTHON_SPLIT_H
#define PYAUDIT_TESTS_PYTHON_SPLIT_H

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "python/elf_debug.h"
#include "python/finder.h"
#include "python_made.h"

/* Its functions can be found without symbols too. */
#define CLEAR VERSION WORKER METHOD "-Wl,--build-id "

/*
 * sh -c: $1 the directory, $2 the file with symbols. Leaves symbols (a copy), debug (as debug
 * packages have it), stripped, and mini.xz made as Fedora's find-debuginfo makes it.
 */
static const char split[] = "set -e; cd \"$1\"; export LC_ALL=C\n"
			    "cp \"$2\" symbols; chmod u+w symbols\n"
			    "objcopy --only-keep-debug symbols debug\n"
			    "strip --strip-all -o stripped symbols\n"
			    "nm -D --format=posix --defined-only symbols 2>/dev/null | awk '{ "
			    "print $1 }' | sort >dynamic\n"
			    "nm --format=posix --defined-only debug | awk '$2 ~ /^[tT]$/ { print "
			    "$1 }' | sort >functions\n"
			    "comm -13 dynamic functions >keep\n"
			    "objcopy -S --remove-section .gdb_index --remove-section .comment "
			    "--keep-symbols=keep debug mini\n"
			    "xz -c mini >mini.xz\n";

static inline void run(const char *script, const char *arg)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execlp("sh", "sh", "-c", script, "sh", directory, arg, NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("%s: status %#x", script, status);
}

static inline bool have_tools(void)
{
	return !system("for tool in cc objcopy strip nm xz awk comm; do\n"
		       "command -v $tool >/dev/null || exit 1; done");
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level ? remove(path) : 0;
}

/* Each test starts with an empty directory, which is also where debug files are looked for. */
static inline int clear(void **state)
{
	elf_debug_directory = directory;
	return nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline int begin(void **state)
{
	return mkdtemp(directory) ? 0 : -1;
}

static inline int end(void **state)
{
	clear(state);
	return rmdir(directory);
}

/* Makes an image with these flags and splits it. */
static inline void prepare(const char *flags)
{
	if (!have_tools())
		skip();
	assert_int_equal(write_source(), 0);
	close(make(flags));
	run(split, program);
}

static inline int open_made(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline void find_in(int fd, bool use_symbols, struct entry_points *e)
{
	const struct elf_symbol_table *t;
	struct elf_symbol sym;
	struct elf_file f;

	memset(e, 0, sizeof(*e));
	assert_int_equal(elf_file_open(&f, fd), 0);
	t = f.dynsym.count ? &f.dynsym : elf_file_symtab(&f);
	assert_true(elf_symbol_find(t, "PySys_Audit", &sym));
	e->public = (struct found_function){sym.addr, sym.size, PY_FOUND_DYNSYM};
	finder_find(&f, 0x030b02f0, use_symbols, e);
	elf_file_close(&f);
}

static inline void find(const char *name, struct entry_points *e)
{
	int fd = open_made(name);

	find_in(fd, true, e);
	close(fd);
}

#define TEST(fn) cmocka_unit_test_setup(fn, clear)

#endif
