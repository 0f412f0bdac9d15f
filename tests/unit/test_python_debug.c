// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symbols that a stripped file keeps in .gnu_debugdata, or that a debug file has: with .symtab of
 * the same file as their judge, and with everything in them damaged. Skipped where there is no
 * compiler, no binutils or no xz.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <lzma.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "python/elf_debug.h"
#include "python/finder.h"
#include "python_made.h"

/* Nothing else than its symbols tells the functions of such an image. */
#define OBSCURE	 VERSION WORKER "-DHELPER=HIDE -Wl,--build-id "
#define CLEAR	 VERSION WORKER METHOD "-Wl,--build-id "
#define MAX_FILE (1u << 20)
/* Where damaged contents are written; larger than any of them. */
#define PLACEHOLDER (128u << 10)

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

static const char add_mini[] =
	"cd \"$1\"; objcopy --add-section .gnu_debugdata=mini.xz stripped packed";

/* $2: build-id in hexadecimal */
static const char add_debug_file[] =
	"set -e; cd \"$1\"; x=$(printf %s \"$2\" | cut -c1-2); y=$(printf %s \"$2\" | cut -c3-)\n"
	"mkdir -p .build-id/$x; cp debug .build-id/$x/$y.debug";

static void run(const char *script, const char *arg)
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

static bool have_tools(void)
{
	return !system("command -v cc objcopy strip nm xz awk >/dev/null 2>&1") &&
	       !system("cc --version >/dev/null 2>&1 && xz --version >/dev/null 2>&1 && "
		       "objcopy --version >/dev/null 2>&1 && nm --version >/dev/null 2>&1");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level ? remove(path) : 0;
}

/* Each test starts with an empty directory, which is also where debug files are looked for. */
static int clear(void **state)
{
	elf_debug_directory = directory;
	return nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int begin(void **state)
{
	return mkdtemp(directory) ? 0 : -1;
}

static int end(void **state)
{
	clear(state);
	return rmdir(directory);
}

/* Makes an image with these flags and splits it. */
static void prepare(const char *flags)
{
	if (!have_tools())
		skip();
	assert_int_equal(write_source(), 0);
	close(make(flags));
	run(split, program);
}

static int open_made(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void find_in(int fd, bool use_symbols, struct entry_points *e)
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

static void find(const char *name, struct entry_points *e)
{
	int fd = open_made(name);

	find_in(fd, true, e);
	close(fd);
}

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
print_message("case %zu\n", i);
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

/* The addresses above agree with each other; here they agree with the program's own code. */
static void suffixes_against_recipes(void **state)
{
	static const char *const flags[] = {CLEAR SHARED, CLEAR STATIC};

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
print_message("%zu %lx %d\n",i,without.public.addr,(int)without.public.size);
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

/* A file with room for a .gnu_debugdata of any content. */
struct victim {
	unsigned char *data;
	size_t size;
	Elf64_Shdr *section;
	struct entry_points symbols, recipes;
};

static void *load(const char *name, size_t *size)
{
	int fd = open_made(name);
	void *data = malloc(MAX_FILE);
	ssize_t n;

	assert_non_null(data);
	n = read(fd, data, MAX_FILE);
	assert_true(n > 0 && n < (ssize_t)MAX_FILE);
	*size = n;
	close(fd);
	return data;
}

static Elf64_Shdr *find_section(unsigned char *data, const char *name)
{
	const Elf64_Ehdr *eh = (const void *)data;
	Elf64_Shdr *sh = (void *)(data + eh->e_shoff);
	const char *names = (const char *)data + sh[eh->e_shstrndx].sh_offset;

	for (int i = 0; i < eh->e_shnum; i++)
		if (!strcmp(names + sh[i].sh_name, name))
			return &sh[i];
	fail_msg("no section %s", name);
	return NULL;
}

static void make_victim(struct victim *v)
{
	char command[64];
	int fd;

	prepare(CLEAR SHARED);
	snprintf(command, sizeof(command), "truncate -s %u \"$1\"/room", PLACEHOLDER);
	run(command, NULL);
	run("cd \"$1\"; objcopy --add-section .gnu_debugdata=room stripped victim", NULL);
	v->data = load("victim", &v->size);
	v->section = find_section(v->data, ".gnu_debugdata");
	find("symbols", &v->symbols);
	fd = open_made("stripped");
	find_in(fd, false, &v->recipes);
	close(fd);
	assert_int_equal(v->recipes.worker.how, PY_FOUND_CALL);
}

static void put(struct victim *v, const void *packed, size_t size)
{
	assert_true(size <= PLACEHOLDER);
	memcpy(v->data + v->section->sh_offset, packed, size);
	v->section->sh_size = size;
}

static void read_victim(const struct victim *v, struct entry_points *e)
{
	int fd = memfd_create("victim", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, v->data, v->size), v->size);
	find_in(fd, true, e);
	close(fd);
}

static bool read_packed(const struct victim *v)
{
	struct entry_points e;

	read_victim(v, &e);
	return e.worker.how == PY_FOUND_DEBUGDATA;
}

/* Everything is as if there were no such section. */
static void check_recipes(const struct victim *v)
{
	struct entry_points e;

	read_victim(v, &e);
	assert_memory_equal(&e, &v->recipes, sizeof(e));
}

static void truncated(void **state)
{
	struct victim v;
	unsigned char *xz;
	size_t size;

	make_victim(&v);
	xz = load("mini.xz", &size);
	put(&v, xz, size);
	assert_true(read_packed(&v));
	for (size_t len = 0; len < size; len += len < 64 || len + 64 > size ? 1 : 7) {
		put(&v, xz, len);
		check_recipes(&v);
	}
	/* The section ends behind the file's end, or far away. */
	put(&v, xz, size);
	v.section->sh_size = v.size;
	check_recipes(&v);
	v.section->sh_size = UINT64_MAX;
	check_recipes(&v);
	put(&v, xz, size);
	v.section->sh_offset = UINT64_MAX - 4;
	check_recipes(&v);
	free(xz);
	free(v.data);
}

/* The checksums of the format cover every byte of it. */
static void flipped(void **state)
{
	struct victim v;
	unsigned char *xz;
	size_t size;

	make_victim(&v);
	xz = load("mini.xz", &size);
	for (size_t at = 0; at < size; at++) {
		unsigned char was = xz[at];

		xz[at] ^= at % 3 ? 1u << at % 8 : 0xff;
		put(&v, xz, size);
		check_recipes(&v);
		xz[at] = was;
	}
	put(&v, xz, size);
	assert_true(read_packed(&v));
	free(xz);
	free(v.data);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void garbage(void **state)
{
	unsigned char noise[4096];
	uint32_t seed = 20221122;
	struct victim v;

	make_victim(&v);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = next_random(&seed);
	put(&v, noise, sizeof(noise));
	check_recipes(&v);
	memcpy(noise,
	       "\xfd"
	       "7zXZ\0",
	       6);
	put(&v, noise, sizeof(noise));
	check_recipes(&v);
	v.section->sh_type = SHT_NOBITS;
	check_recipes(&v);
	free(v.data);
}

static void pack(struct victim *v, const void *data, size_t size)
{
	size_t out = 0, room = lzma_stream_buffer_bound(size);
	unsigned char *xz = malloc(room);

	assert_non_null(xz);
	assert_int_equal(
		lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, data, size, xz, &out, room),
		LZMA_OK);
	put(v, xz, out);
	free(xz);
}

/* What is unpacked is sound xz and an evil file. Its symbols may be wrong then, nothing else. */
static void evil_content(void **state)
{
	unsigned char *mini, *copy;
	uint32_t seed = 20221122;
	struct entry_points e;
	struct victim v;
	int taken = 0;
	size_t size;

	make_victim(&v);
	mini = load("mini", &size);
	copy = malloc(size);
	assert_non_null(copy);
	for (int round = 0; round < 400; round++) {
		const Elf64_Ehdr *eh = (const void *)mini;
		size_t start[] = {0, eh->e_shoff, find_section(mini, ".symtab")->sh_offset, 0};
		size_t length[] = {64, size - eh->e_shoff, 600, size};
		int which = round % 4;

		memcpy(copy, mini, size);
		for (int i = 0; i < 1 + round % 13; i++) {
			size_t at = start[which] + next_random(&seed) % length[which];

			copy[at % size] = next_random(&seed) & 1 ? 0xff : next_random(&seed);
		}
		pack(&v, copy, round % 5 ? size : next_random(&seed) % size);
		read_victim(&v, &e);
		assert_true(e.worker.addr && e.method.addr);
		taken += e.worker.how == PY_FOUND_DEBUGDATA;
	}
	assert_true(taken > 20 && taken < 380);
	free(copy);
	free(mini);
	free(v.data);
}

/* A small section that unpacks to more than is allowed, around the limit. */
static void bomb(void **state)
{
	static const size_t sizes[] = {ELF_DEBUG_MAX_UNPACKED - 1, ELF_DEBUG_MAX_UNPACKED + 1};
	unsigned char *mini, *large;
	struct victim v;
	size_t size;

	make_victim(&v);
	mini = load("mini", &size);
	large = calloc(1, ELF_DEBUG_MAX_UNPACKED + 1);
	assert_non_null(large);
	memcpy(large, mini, size);
	pack(&v, large, sizes[0]);
	assert_true(read_packed(&v));
	pack(&v, large, sizes[1]);
	check_recipes(&v);
	free(large);
	free(mini);
	free(v.data);
}

/* The header of a block (section 3.1 of the format) starts with its size, has the filter's
 * identifier, the length of its properties, 1, and the size of the dictionary somewhere behind
 * sizes, and ends with a checksum of its own. */
static void set_dictionary(unsigned char *header, unsigned char code)
{
	size_t size = (header[0] + 1) * 4 - 4;
	unsigned char *filter = memmem(header, size, "\x21\x01", 2);
	uint32_t crc;

	assert_non_null(filter);
	filter[2] = code;
	crc = lzma_crc32(header, size, 0);
	memcpy(header + size, &crc, 4);
}

/* A block that asks for a dictionary of 4 GiB. */
static void huge_dictionary(void **state)
{
	unsigned char *mini, *xz;
	struct victim v;
	size_t size;

	make_victim(&v);
	mini = load("mini", &size);
	pack(&v, mini, size);
	assert_true(read_packed(&v));
	xz = v.data + v.section->sh_offset;
	/* 16 MiB is fine */
	set_dictionary(xz + 12, 24);
	assert_true(read_packed(&v));
	set_dictionary(xz + 12, 40);
	check_recipes(&v);
	free(mini);
	free(v.data);
}

/* Every symbol has a name as long as the string table, and there are many. */
static void long_names(void **state)
{
	enum { SYMBOLS = 40000, STRINGS = 4 << 20 };
	size_t strings_at = 64, symbols_at = strings_at + STRINGS;
	size_t sections_at = symbols_at + SYMBOLS * sizeof(Elf64_Sym);
	size_t size = sections_at + 3 * sizeof(Elf64_Shdr);
	unsigned char *elf = calloc(1, size);
	Elf64_Ehdr *eh = (void *)elf;
	Elf64_Sym *symbols = (void *)(elf + symbols_at);
	Elf64_Shdr *sh = (void *)(elf + sections_at);
	struct victim v;

	assert_non_null(elf);
	make_victim(&v);
	memcpy(elf, v.data, sizeof(*eh));
	eh->e_shoff = sections_at;
	eh->e_shnum = 3;
	memset(elf + strings_at, 'a', STRINGS - 1);
	memcpy(elf + strings_at, "sys_audit.", 10);
	for (int i = 0; i < SYMBOLS; i++)
		symbols[i] = (Elf64_Sym){.st_info = STT_FUNC, .st_shndx = 1, .st_value = 4096};
	sh[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB, .sh_link = 2, .sh_offset = symbols_at};
	sh[1].sh_size = SYMBOLS * sizeof(Elf64_Sym);
	sh[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = strings_at, .sh_size = STRINGS};
	pack(&v, elf, size);
	alarm(20);
	check_recipes(&v);
	alarm(0);
	free(elf);
	free(v.data);
}

#define TEST(fn) cmocka_unit_test_setup(fn, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packed_symbols),  TEST(debug_file),	 TEST(whole_image),
		TEST(order),	       TEST(foreign_debug_file), TEST(debug_file_headers),
		TEST(static_program),  TEST(suffixes),		 TEST(suffixes_against_recipes),
		TEST(installed),       TEST(truncated),		 TEST(flipped),
		TEST(garbage),	       TEST(evil_content),	 TEST(bomb),
		TEST(huge_dictionary), TEST(long_names),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
