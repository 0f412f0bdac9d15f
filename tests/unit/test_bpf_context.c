// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contexts of threads (OTEP 4947): libraries built in each way the variable can be reached, loaded
 * into this process; what user space finds out about them, and what the kernel side, compiled for
 * the host, then reads in several threads. And files, tables and records that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf_host.h"
#include "otel_context.h"
#include "bpf/trace.h"
#include "enrich/thread_context.h"

static const char source[] =
	"#include <stdio.h>\n"
	"#ifdef OWN\n"
	"static __thread long before = 1;\n"
	"long first(void) { return ++before; }\n"
	"__attribute__((visibility(\"hidden\"))) __thread void *variable;\n"
	"extern __thread void *otel_thread_ctx_v1 __attribute__((alias(\"variable\")));\n"
	"#else\n"
	"__thread void *otel_thread_ctx_v1;\n"
	"#define variable otel_thread_ctx_v1\n"
	"#endif\n"
	"__thread char fill[FILL] __attribute__((aligned(ALIGN))) = {1};\n"
	"#ifdef REACHED\n"
	"void set(void *record) { variable = record; }\n"
	"#endif\n"
	"#ifdef MAIN\n"
	"int main(void) { char *self; asm(\"mov %%fs:0, %0\" : \"=r\"(self));\n"
	" printf(\"%ld\\n\", (char *)&variable - self); return fill[0] - 1; }\n"
	"#endif\n";

#define LIBRARY "-shared -fPIC -DREACHED -DALIGN=8 -Wl,--no-as-needed -lc "
#define GNU2	"-mtls-dialect=gnu2 "
#define OWN	"-DOWN "
#define SMALL	"-DFILL=8 "
#define LARGE	"-DFILL=100000 " /* more than the loader keeps for libraries that come late */

static char directory[] = "/tmp/pyaudit-test-XXXXXX";
static char file[64];
static int made;

static int set_up(void **state)
{
	FILE *f;

	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/made.c", directory);
	f = fopen(file, "w");
	if (!f)
		return -1;
	fputs(source, f);
	return fclose(f);
}

static int tear_down(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

/* Each has a name of its own: the loader knows files by it. */
static void make(const char *flags, char path[64])
{
	char command[512];
	int status;

	snprintf(path, 64, "%s/made%d", directory, made++);
	snprintf(command, sizeof(command), "cc -O1 -o %s %s %s", path, file, flags);
	status = system(command);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		skip();
	if (status)
		fail_msg("compiler: %s", command);
}

static int find_in(const char *path, struct elf_tls *tls)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	struct elf_file f;

	assert_true(fd >= 0);
	err = elf_file_open(&f, fd);
	if (!err) {
		err = elf_tls_find(&f, THREAD_CONTEXT_SYMBOL, tls);
		elf_file_close(&f);
	}
	close(fd);
	return err;
}

static struct thread_context_record record(uint8_t trace, uint8_t span, uint8_t valid)
{
	struct thread_context_record r = {.valid = valid, .trace_flags = 1};

	memset(r.trace_id, trace, sizeof(r.trace_id));
	memset(r.span_id, span, sizeof(r.span_id));
	return r;
}

static uint64_t thread_pointer(void)
{
	uint64_t self;

	asm("mov %%fs:0, %0" : "=r"(self));
	return self;
}

static bool look(const struct process_context *context, struct wire_trace *t)
{
	host_mem.reads = 0;
	host_mem.pid = getpid();
	return find_context(context, thread_pointer(), t);
}

/* A library that is loaded. */
struct library {
	void *handle;
	void (*set)(void *record);
	struct elf_tls tls;
	struct process_context context;
	char path[64];
};

static struct library load(const char *flags)
{
	struct library lib = {.context.n = 1};
	struct link_map *map;

	make(flags, lib.path);
	assert_int_equal(find_in(lib.path, &lib.tls), 0);
	lib.handle = dlopen(lib.path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(lib.handle);
	assert_int_equal(dlinfo(lib.handle, RTLD_DI_LINKMAP, &map), 0);
	lib.set = (void (*)(void *))dlsym(lib.handle, "set");
	assert_non_null(lib.set);
	assert_int_equal(
		thread_context_place(getpid(), &lib.tls, map->l_addr, &lib.context.places[0]), 0);
	return lib;
}

/* Whatever a thread does. */
static void check_thread(const struct library *lib, uint8_t number)
{
	struct thread_context_record r = record(number, number + 1, 1), off = record(1, 1, 0),
				     no_trace = record(0, 1, 1), no_span = record(1, 0, 1);
	struct wire_trace t;
	char odd[sizeof(r) + 2];

	assert_false(look(&lib->context, &t));
	lib->set(&r);
	assert_true(look(&lib->context, &t));
	assert_memory_equal(t.trace_id, r.trace_id, sizeof(t.trace_id));
	assert_memory_equal(t.span_id, r.span_id, sizeof(t.span_id));
	assert_int_equal(t.flags, 1);
	r.valid = 2;
	assert_false(look(&lib->context, &t));
	lib->set(&off);
	assert_false(look(&lib->context, &t));
	lib->set(&no_trace);
	assert_false(look(&lib->context, &t));
	lib->set(&no_span);
	assert_false(look(&lib->context, &t));
	r.valid = 1;
	memcpy(odd + 1 - ((uintptr_t)odd & 1), &r, sizeof(r));
	lib->set(odd + 1 - ((uintptr_t)odd & 1));
	assert_false(look(&lib->context, &t));
	lib->set((void *)16);
	assert_false(look(&lib->context, &t));
	lib->set(NULL);
	assert_false(look(&lib->context, &t));
}

static void *run_thread(void *lib)
{
	static uint8_t number = 10;

	check_thread(lib, ++number);
	return NULL;
}

static void check_library(const char *flags, enum elf_tls_form form, bool dynamic)
{
	struct library lib = load(flags);
	pthread_t thread;
	int i;

	assert_int_equal(lib.tls.form, form);
	assert_int_equal(lib.context.places[0].module != 0, dynamic);
	check_thread(&lib, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&thread, NULL, run_thread, &lib), 0);
		pthread_join(thread, NULL);
	}
	dlclose(lib.handle);
}

static void descriptors(void **state)
{
	check_library(GNU2 SMALL LIBRARY, ELF_TLS_DESCRIPTOR, false);
	check_library(GNU2 LARGE LIBRARY, ELF_TLS_DESCRIPTOR, true);
	/* lazily bound where the loader does that */
	check_library(GNU2 LARGE LIBRARY "-Wl,-z,lazy", ELF_TLS_DESCRIPTOR, true);
}

static void get_addr(void **state)
{
	check_library(SMALL LIBRARY, ELF_TLS_PAIR, true);
	check_library(LARGE LIBRARY, ELF_TLS_PAIR, true);
}

static void initial_exec(void **state)
{
	check_library("-ftls-model=initial-exec " SMALL LIBRARY, ELF_TLS_OFFSET, false);
}

/* Relocations that name the module and not the variable. */
static void own_module(void **state)
{
	check_library(SMALL LIBRARY OWN, ELF_TLS_MODULE, true);
	check_library(GNU2 LARGE LIBRARY OWN, ELF_TLS_DESCRIPTOR, true);
	check_library(GNU2 SMALL LIBRARY OWN, ELF_TLS_DESCRIPTOR, false);
	check_library("-ftls-model=initial-exec " SMALL LIBRARY OWN, ELF_TLS_OFFSET, false);
}

static void check_program(const char *flags)
{
	struct context_place place;
	struct elf_tls tls;
	char path[64], line[32];
	FILE *out;

	make(flags, path);
	assert_int_equal(find_in(path, &tls), 0);
	assert_int_equal(tls.form, ELF_TLS_EXECUTABLE);
	assert_int_equal(thread_context_place(getpid(), &tls, 0, &place), 0);
	out = popen(path, "r");
	assert_non_null(out);
	assert_non_null(fgets(line, sizeof(line), out));
	pclose(out);
	assert_int_equal(place.offset, atol(line));
	assert_int_equal(place.module, 0);
}

/* They say themselves where the variable is. */
static void programs(void **state)
{
	static const char *const kinds[] = {"-no-pie ", "-pie -fPIE "};
	static const char *const sizes[] = {"-DFILL=1 -DALIGN=1", "-DFILL=100 -DALIGN=64",
					    "-DFILL=4000 -DALIGN=4096", "-DFILL=7 -DALIGN=16"};
	char flags[128];
	size_t i;

	for (i = 0; i < 8; i++) {
		snprintf(flags, sizeof(flags), "-DMAIN -rdynamic %s %s", kinds[i % 2],
			 sizes[i / 2]);
		check_program(flags);
	}
}

static void no_variable(void **state)
{
	struct elf_tls tls;
	char path[64];

	make("-shared -fPIC -fvisibility=hidden -DALIGN=8 -Dotel_thread_ctx_v1=other " SMALL, path);
	assert_int_equal(find_in(path, &tls), -ENOENT);
	/* exported, but nothing in the library refers to it */
	make("-shared -fPIC -DALIGN=8 " SMALL, path);
	assert_int_equal(find_in(path, &tls), -ENOTSUP);
}

/* The text is small and the rest of the file as well, so many of the changes hit something. */
static void damaged_files(void **state)
{
	unsigned char *data, saved[8];
	struct elf_file f;
	struct elf_tls tls;
	struct stat st;
	char path[64];
	int fd, err, i;

	make(GNU2 SMALL LIBRARY, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0 && !fstat(fd, &st));
	data = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(data != MAP_FAILED);
	host_mem.seed = 1;
	for (i = 0; i < 3000; i++) {
		size_t at = host_random() % (i % 3 ? 4096 : (uint64_t)st.st_size - 8) & ~7ull;

		memcpy(saved, data + at, 8);
		*(uint64_t *)(data + at) = i % 2 ? host_random() : ~0ull << (i % 64);
		err = elf_file_open(&f, fd);
		if (!err) {
			err = elf_tls_find(&f, THREAD_CONTEXT_SYMBOL, &tls);
			assert_true(!err || err == -ENOENT || err == -ENOTSUP);
			if (!err && tls.form != ELF_TLS_EXECUTABLE)
				assert_non_null(elf_file_segment(&f, tls.slot));
			elf_file_close(&f);
		}
		memcpy(data + at, saved, 8);
	}
	munmap(data, st.st_size);
	close(fd);
}

/* What is in the slot cannot be right, or is not there yet. */
static void bad_slots(void **state)
{
	static uint64_t words[4];
	static const struct {
		enum elf_tls_form form;
		uint64_t words[2];
		int err;
	} rows[] = {
		{ELF_TLS_OFFSET, {0}, -EAGAIN},
		{ELF_TLS_OFFSET, {8}, -ENOTSUP},
		{ELF_TLS_OFFSET, {-7ull}, -ENOTSUP},
		{ELF_TLS_OFFSET, {1ull << 63}, -ENOTSUP},
		{ELF_TLS_PAIR, {0, 8}, -EAGAIN},
		{ELF_TLS_PAIR, {2, 0}, -EAGAIN},
		{ELF_TLS_PAIR, {1 << 20, 8}, -ENOTSUP},
		{ELF_TLS_PAIR, {2, -8ull}, -ENOTSUP},
		{ELF_TLS_PAIR, {2, 8}, 0},
		{ELF_TLS_MODULE, {0}, -EAGAIN},
		{ELF_TLS_DESCRIPTOR, {0, -8ull}, -EAGAIN},
		{ELF_TLS_DESCRIPTOR, {1, 0}, -EAGAIN},
		{ELF_TLS_DESCRIPTOR, {1, 8}, -ENOTSUP},
		{ELF_TLS_DESCRIPTOR, {1, -8ull}, 0},
	};
	struct elf_tls tls = {.libc = ELF_LIBC_GLIBC, .value = 8};
	struct context_place place;
	size_t i;

	tls.slot = (uint64_t)words;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(words, rows[i].words, sizeof(rows[i].words));
		tls.form = rows[i].form;
		assert_int_equal(thread_context_place(getpid(), &tls, 0, &place), rows[i].err);
	}
	/* the loader's resolver, in the file itself */
	words[0] = 0x1800;
	words[1] = -8ull;
	tls.start = 0x1000;
	tls.end = 0x2000;
	assert_int_equal(thread_context_place(getpid(), &tls, 0, &place), -EAGAIN);
	tls.form = ELF_TLS_PAIR;
	tls.libc = ELF_LIBC_UNKNOWN;
	words[0] = 2;
	words[1] = 8;
	assert_int_equal(thread_context_place(getpid(), &tls, 0, &place), -ENOTSUP);
	tls.slot = 16;
	assert_int_equal(thread_context_place(getpid(), &tls, 0, &place), -EFAULT);
}

/* A table of our own: `control` is the thread's control block. */
static void tables(void **state)
{
	static struct thread_context_record r;
	static void *block[2];
	uint64_t dtv[8] = {2, 0, 7, 0, 0, 0, 0, 0}, musl[4] = {2, 0, (uint64_t)block, 0};
	uint64_t control[2] = {0, (uint64_t)(dtv + 2)};
	struct process_context c = {.n = 1,
				    .places = {{.module = 2, .dtv_stride = 16, .offset = 8}}};
	struct wire_trace t;

	r = record(3, 4, 1);
	block[1] = &r;
	host_mem.pid = getpid();
	dtv[2 + 2 * 2] = (uint64_t)block;
	assert_true(find_context(&c, (uint64_t)control, &t));
	c.places[0].generation = 7;
	assert_true(find_context(&c, (uint64_t)control, &t));
	c.places[0].generation = 8;
	assert_false(find_context(&c, (uint64_t)control, &t));
	c.places[0].generation = 0;
	dtv[0] = 1;
	assert_false(find_context(&c, (uint64_t)control, &t));
	dtv[0] = 2;
	dtv[2 + 2 * 2] = -1ull;
	assert_false(find_context(&c, (uint64_t)control, &t));
	/* where that would lead if it were a block */
	c.places[0].offset = (int64_t)(block + 1) + 1;
	assert_false(find_context(&c, (uint64_t)control, &t));
	c.places[0].offset = 8;
	dtv[2 + 2 * 2] = 0;
	assert_false(find_context(&c, (uint64_t)control, &t));
	control[1] = (uint64_t)musl;
	c.places[0].dtv_stride = 8;
	assert_true(find_context(&c, (uint64_t)control, &t));
	musl[0] = 1;
	assert_false(find_context(&c, (uint64_t)control, &t));
}

/* The first that is valid counts. */
static void several_places(void **state)
{
	struct thread_context_record first = record(1, 2, 0), second = record(3, 4, 1);
	void *slots[2] = {&first, &second};
	struct process_context c = {.n = 2, .places = {{.offset = 0}, {.offset = 8}}};
	struct wire_trace t;

	host_mem.pid = getpid();
	assert_true(find_context(&c, (uint64_t)slots, &t));
	assert_int_equal(t.trace_id[0], 3);
	first.valid = 1;
	assert_true(find_context(&c, (uint64_t)slots, &t));
	assert_int_equal(t.trace_id[0], 1);
	first.valid = 0;
	c.n = 1;
	assert_false(find_context(&c, (uint64_t)slots, &t));
}

/* A read that fails is no context; noise is none, or one that is whole. */
static void faults(void **state)
{
	struct library lib = load(LARGE LIBRARY);
	struct thread_context_record r = record(1, 2, 1);
	static const uint64_t words[] = {2, 16, 0x7f0000000000};
	struct wire_trace t;
	uint64_t reads, i;

	lib.set(&r);
	assert_true(look(&lib.context, &t));
	reads = host_mem.reads;
	assert_in_range(reads, 4, 8);
	for (i = 1; i <= reads; i++) {
		host_mem.fail_at = i;
		assert_false(look(&lib.context, &t));
	}
	host_mem.fail_at = 0;
	lib.set(NULL);
	host_mem.pid = 0;
	host_mem.words = words;
	host_mem.n_words = 3;
	for (i = 1; i < 20000; i++) {
		host_mem.seed = i;
		if (!find_context(&lib.context, 0x7f0000001000, &t))
			continue;
		assert_false(is_zero(t.trace_id, 2));
		assert_false(is_zero(t.span_id, 1));
	}
	dlclose(lib.handle);
}

/* --- what is kept of processes --- */

static struct process_context told;
static unsigned int tellings;

static void on_context(pid_t pid, const struct process_context *context, void *arg)
{
	assert_int_equal(pid, getpid());
	told = *context;
	tellings++;
}

/* The executable mapping of a file of ours. */
static void find_mapping(const char *path, struct target_file *out)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	struct map_line line;
	char text[512];

	assert_non_null(maps);
	while (fgets(text, sizeof(text), maps)) {
		text[strcspn(text, "\n")] = '\0';
		if (target_parse_map_line(text, &line) || strcmp(line.path, path) ||
		    line.perms[2] != 'x')
			continue;
		out->start = line.start;
		out->offset = line.offset;
	}
	fclose(maps);
}

static void candidates(void **state)
{
	struct contexts *c = contexts_new(on_context, NULL);
	struct library lib = load(GNU2 SMALL LIBRARY);
	struct target_file mapped;
	struct stat st;
	int fd = open(lib.path, O_RDONLY | O_CLOEXEC), i;

	assert_true(c && fd >= 0 && !fstat(fd, &st));
	mapped = target_file_of(fd, &st, lib.path);
	find_mapping(lib.path, &mapped);
	assert_true(mapped.start);
	assert_true(contexts_file(c, &mapped, getpid()));
	assert_int_equal(told.n, 1);
	assert_memory_equal(&told.places[0], &lib.context.places[0], sizeof(told.places[0]));
	/* once more, and for a process that is not there */
	assert_true(contexts_file(c, &mapped, getpid()));
	assert_true(contexts_file(c, &mapped, 1 << 30));
	contexts_poll(c);
	assert_int_equal(tellings, 1);
	/* gone: told when it is looked at the next time */
	dlclose(lib.handle);
	mapped.start += 4096;
	assert_true(contexts_file(c, &mapped, getpid()));
	mapped.start -= 4096;
	assert_true(contexts_file(c, &mapped, getpid()));
	for (i = 0; i < 1000 && tellings < 2; i++) {
		contexts_poll(c);
		usleep(10000);
	}
	assert_int_equal(told.n, 0);
	assert_int_equal(tellings, 2);
	contexts_forget(c, getpid(), UINT64_MAX);
	contexts_poll(c);
	assert_int_equal(tellings, 2);
	close(fd);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && !fstat(fd, &st));
	mapped = target_file_of(fd, &st, "exe");
	assert_false(contexts_file(c, &mapped, getpid()));
	close(fd);
	contexts_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors),	 cmocka_unit_test(get_addr),
		cmocka_unit_test(initial_exec),	 cmocka_unit_test(own_module),
		cmocka_unit_test(programs),	 cmocka_unit_test(no_variable),
		cmocka_unit_test(damaged_files), cmocka_unit_test(bad_slots),
		cmocka_unit_test(tables),	 cmocka_unit_test(several_places),
		cmocka_unit_test(faults),	 cmocka_unit_test(candidates),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
