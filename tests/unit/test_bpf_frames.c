// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel side's walk over Python frames, compiled for the host, over interpreters whose threads
 * wait; with reads that fail, pages that are not there, and memory that is noise. A frame must be
 * right or marked, and the walk must end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#include "bpf_children.h"
#include "bpf_host.h"
#include "bpf/frames.h"
#include "base/buf.h"
#include "decode/stack.h"
#include "python/frames.h"
#include "python_made.h"
#include "sink/json.h"

#define PID 4711

static struct stack_area area;
static struct stack_cache *cache;

/* --- what bpf/stack.h does around the header --- */

static void hash_text(const struct code_text *t)
{
	area.hash_at = t->at;
	area.hash_left = t->len;
	while (hash_chunk(&area))
		;
}

static uint64_t host_hash(uint64_t key)
{
	hash_start(&area, key, 5, PID);
	hash_text(&area.func);
	hash_text(&area.file);
	hash_text(&area.table);
	return hash_end(&area);
}

static void add_part(unsigned char **at, const struct code_text *t)
{
	memcpy(*at, area.text + t->at, t->len);
	*at += WIRE_PAD(t->len);
}

/* Puts the code object into the cache, as the record that would be sent. Returns its reference. */
static uint64_t host_code(void)
{
	static _Alignas(8) unsigned char record[WIRE_MAX_SIZE];
	unsigned char *at = record + sizeof(struct wire_code);

	memset(record, 0,
	       sizeof(area.head) + WIRE_PAD(area.func.len) + WIRE_PAD(area.file.len) +
		       WIRE_PAD(area.table.len));
	add_part(&at, &area.func);
	add_part(&at, &area.file);
	add_part(&at, &area.table);
	area.head.head = (struct wire_header){.size = at - record, .kind = WIRE_CODE, .pid = PID};
	area.head.code = host_hash(4);
	memcpy(record, &area.head, sizeof(area.head));
	assert_int_equal(stack_cache_add(cache, (struct wire_code *)record), 0);
	return area.head.code;
}

#define MAX_STEPS_HOST 1000

/* capture_stack, up to `depth` frames. */
static void host_stack(struct stack *out, const struct image_config *image, uint64_t bias,
		       uint64_t tstate, uint32_t depth)
{
	static _Alignas(8) struct {
		struct wire_audit audit;
		struct wire_stack stack;
		struct wire_frame frames[WIRE_MAX_FRAMES];
	} record;
	int step, steps = 0;

	memset(&area, 0xa5, offsetof(struct stack_area, text));
	host_mem.reads = host_mem.n_touched = 0;
	walk_start(&area, &image->stack, tstate, true, 0);
	while ((step = frame_step(&area, image, bias)) != FRAME_END && ++steps < MAX_STEPS_HOST) {
		if (step == FRAME_SKIP)
			continue;
		if (area.frames == depth) {
			area.flags |= WIRE_STACK_CUT;
			break;
		}
		if (!area.code_error)
			load_content(&area, image);
		record.frames[area.frames++] = (struct wire_frame){
			.code = area.code_error ? 0 : host_code(),
			.lasti = area.lasti,
			.error = area.code_error,
		};
	}
	record.stack = (struct wire_stack){area.frames, area.flags, area.error};
	record.audit = (struct wire_audit){.stack = offsetof(__typeof__(record), stack)};
	record.audit.head = (struct wire_header){
		.size = record.audit.stack + sizeof(record.stack) +
			area.frames * sizeof(record.frames[0]),
		.kind = WIRE_AUDIT,
		.pid = PID,
	};
	assert_true(stack_decode(cache, &record.audit, out));
}

/* --- interpreters --- */

static const char *lacks(const struct child *c)
{
	return c->config.stack.walk ? NULL : "the layout of its frames is not known";
}

static int setup(void **state)
{
	cache = stack_cache_new(NULL, NULL);
	children_start("frames.py", lacks);
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
	children_end();
	stack_cache_free(cache);
	unlink(file);
	unlink(program);
	rmdir(directory);
	return 0;
}

static const char *as_json(const struct stack *stack)
{
	static struct buf out;

	buf_truncate(&out, 0);
	json_stack(&out, stack);
	buf_char(&out, '\0');
	return strchr(out.data, '[');
}

static void check_exact(struct child *c, const struct child_object *o)
{
	static struct stack stack;

	host_stack(&stack, &c->config, c->bias, o->addr, WIRE_MAX_FRAMES);
	if (strcmp(as_json(&stack), o->expected))
		print_error("%s of %s\n", o->name, c->path);
	assert_string_equal(as_json(&stack), o->expected);
	assert_int_equal(stack.error, 0);
	assert_false(stack.cut);
}

static void stacks_are_exact(void **state)
{
	each_object(check_exact);
}

/* A frame is as without the fault, or without its line, or marked. */
static bool frame_fits(const struct stack_frame *good, const struct stack_frame *bad)
{
	if (bad->error)
		return true;
	return good->func.len == bad->func.len && good->file.len == bad->file.len &&
	       !memcmp(good->func.data, bad->func.data, good->func.len) &&
	       !memcmp(good->file.data, bad->file.data, good->file.len) &&
	       (bad->line == good->line || !bad->line);
}

static void check_marked(const struct child *c, const struct child_object *o,
			 const struct stack *good, const struct stack *bad, uint64_t at)
{
	bool fits =
		bad->n_frames == good->n_frames || (bad->error && bad->n_frames < good->n_frames);
	uint32_t i;

	for (i = 0; i < bad->n_frames && fits; i++)
		fits = frame_fits(&good->frames[i], &bad->frames[i]);
	if (!fits)
		fail_msg("%s of %s, fault %#llx: %s", o->name, c->path, (unsigned long long)at,
			 as_json(bad));
}

static struct stack whole, part;

static void check_each_read_fails(struct child *c, const struct child_object *o)
{
	uint64_t reads, i;

	host_stack(&whole, &c->config, c->bias, o->addr, WIRE_MAX_FRAMES);
	reads = host_mem.reads;
	assert_in_range(reads, 10, 1000);
	for (i = 1; i <= reads; i++) {
		host_mem.fail_at = i;
		host_stack(&part, &c->config, c->bias, o->addr, WIRE_MAX_FRAMES);
		host_mem.fail_at = 0;
		check_marked(c, o, &whole, &part, i);
	}
}

static void failing_reads_are_marked(void **state)
{
	each_object(check_each_read_fails);
}

static void check_each_page_missing(struct child *c, const struct child_object *o)
{
	uint64_t pages[HOST_TOUCHED];
	uint32_t i, n;

	host_stack(&whole, &c->config, c->bias, o->addr, WIRE_MAX_FRAMES);
	n = host_mem.n_touched;
	memcpy(pages, host_mem.touched, sizeof(pages));
	for (i = 0; i < n; i++) {
		host_mem.missing = pages[i];
		host_stack(&part, &c->config, c->bias, o->addr, WIRE_MAX_FRAMES);
		host_mem.missing = 0;
		check_marked(c, o, &whole, &part, pages[i]);
	}
}

static void missing_pages_are_marked(void **state)
{
	each_object(check_each_page_missing);
}

static void check_depth(struct child *c, const struct child_object *o)
{
	uint32_t n;

	host_stack(&whole, &c->config, c->bias, o->addr, WIRE_MAX_FRAMES);
	for (n = 1; n <= whole.n_frames; n++) {
		host_stack(&part, &c->config, c->bias, o->addr, n);
		assert_int_equal(part.n_frames, n);
		assert_int_equal(part.cut, n < whole.n_frames);
		check_marked(c, o, &part, &part, n);
	}
}

static void cut_stacks_say_so(void **state)
{
	each_object(check_depth);
}

/* --- no frames at all --- */

#define N_GARBAGE 4000

static void garbage_always_ends(void **state)
{
	struct image_config image = {0};
	uint64_t words[64];
	uint32_t i, k, minor, frames = 0;

	for (i = 0; i < N_GARBAGE; i++) {
		host_mem = (struct host_memory){.seed = i + 1, .words = words, .n_words = 64};
		for (k = 0; k < 64; k++)
			words[k] = 0x7f0000001000 + k * 0x200;
		minor = 0x0308 + i % 8;
		image.layout = *layout_find(minor, minor >= 0x030d && i & 8);
		image.stack.frames = *frames_find(minor, minor >= 0x030d && i & 8);
		image.types.code = i & 16 ? words[1] : 0;
		host_stack(&part, &image, 0, 0x1000, 1 + i % WIRE_MAX_FRAMES);
		frames += part.n_frames;
		assert_in_range(part.n_frames, 0, WIRE_MAX_FRAMES);
		as_json(&part);
	}
	assert_in_range(frames, 1000, UINT32_MAX);
}

/* --- made-up frames --- */

static void put_word(void *object, size_t at, uint64_t value)
{
	memcpy((char *)object + at, &value, sizeof(value));
}

/* Threads of free-threaded builds run copies of the bytecode (3.14): where one is in it is not
 * counted from the code object. */
static void copies_of_the_bytecode(void **state)
{
	static _Alignas(8) unsigned char frame[80], code[256], copy[64];
	static uint64_t copies[5] = {4};
	struct image_config image = {.layout = *layout_find(0x030e, true)};
	struct py_frames *f = &image.stack.frames;

	*f = *frames_find(0x030e, true);
	host_mem = (struct host_memory){.pid = getpid()};
	memset(&area, 0, offsetof(struct stack_area, text));
	copies[1 + 2] = (uintptr_t)copy;
	put_word(code, f->code_tlbc, (uintptr_t)copies);
	put_word(frame, f->code, (uintptr_t)code | 1);
	put_word(frame, f->lasti, (uintptr_t)copy + 34);
	frame[f->tlbc_index] = 2;
	area.frame = (uintptr_t)frame;
	assert_int_equal(frame_step(&area, &image, 0), FRAME_FOUND);
	assert_true(area.code == (uintptr_t)code);
	assert_int_equal(area.code_error, 0);
	assert_int_equal(area.lasti, 34);
	assert_true(area.frame == 0);
	/* The first is the code object's own. */
	frame[f->tlbc_index] = 0;
	put_word(frame, f->lasti, (uintptr_t)code + f->code_start + 10);
	area.frame = (uintptr_t)frame;
	assert_int_equal(frame_step(&area, &image, 0), FRAME_FOUND);
	assert_int_equal(area.lasti, 10);
	/* What cannot be told is not guessed. */
	frame[f->tlbc_index] = 2;
	put_word(code, f->code_tlbc, 8);
	area.frame = (uintptr_t)frame;
	assert_int_equal(frame_step(&area, &image, 0), FRAME_FOUND);
	assert_int_equal(area.lasti, WIRE_LASTI_UNKNOWN);
}

/* Frames that C made, and frames that are being set up, are passed over. */
static void frames_that_are_none(void **state)
{
	static _Alignas(8) unsigned char frame[72], code[256];
	struct image_config image = {.layout = *layout_find(0x030d, false)};
	struct py_frames *f = &image.stack.frames;

	*f = *frames_find(0x030d, false);
	host_mem = (struct host_memory){.pid = getpid()};
	put_word(frame, f->code, (uintptr_t)code);
	put_word(frame, f->lasti, (uintptr_t)code + f->code_start + 6);
	code[f->code_traceable] = 4; /* instructions: 8 bytes */
	area.frame = (uintptr_t)frame;
	assert_int_equal(frame_step(&area, &image, 0), FRAME_SKIP);
	frame[f->owner] = f->generator;
	area.frame = (uintptr_t)frame;
	assert_int_equal(frame_step(&area, &image, 0), FRAME_FOUND);
	frame[f->owner] = 0;
	put_word(frame, f->lasti, (uintptr_t)code + f->code_start + 8);
	area.frame = (uintptr_t)frame;
	assert_int_equal(frame_step(&area, &image, 0), FRAME_FOUND);
	frame[f->owner] = 3;
	area.frame = (uintptr_t)frame;
	assert_int_equal(frame_step(&area, &image, 0), FRAME_SKIP);
	assert_int_equal(frame_step(&area, &image, 0), FRAME_END);
	assert_int_equal(area.error, 0);
}

/* --- the hash --- */

/* Each bit of what is hashed, the lengths and the key matter. */
static void hash_sees_every_bit(void **state)
{
	uint64_t seen[4096], n = 0, i, k, whole_hash;

	memset(&area, 0, sizeof(area));
	area.func = (struct code_text){.at = CODE_FUNC + 48, .len = 21};
	area.file = (struct code_text){.at = CODE_FILE + 40, .len = 33};
	area.table = (struct code_text){.at = CODE_TABLE + 32, .len = 200};
	seen[n++] = whole_hash = host_hash(4);
	for (i = 0; i < 21 * 8; i++) {
		area.text[CODE_FUNC + 48 + i / 8] ^= 1 << i % 8;
		seen[n++] = host_hash(4);
		area.text[CODE_FUNC + 48 + i / 8] ^= 1 << i % 8;
	}
	for (i = 0; i < 200 * 8; i++) {
		area.text[CODE_TABLE + 32 + i / 8] ^= 1 << i % 8;
		seen[n++] = host_hash(4);
		area.text[CODE_TABLE + 32 + i / 8] ^= 1 << i % 8;
	}
	area.head.func_len = 22;
	seen[n++] = host_hash(4);
	area.head.func_len = 0;
	area.head.first_line = 1;
	seen[n++] = host_hash(4);
	area.head.first_line = 0;
	seen[n++] = host_hash(6);
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			assert_true(seen[i] != seen[k]);
	assert_true(host_hash(4) == whole_hash);
}

/* --- where the thread's state is --- */

static const char tls_source[] = "const unsigned long Py_Version = 0x030d00f0;\n"
				 "_Thread_local void *other = 0;\n"
				 "static _Thread_local void *state = 0;\n"
				 "__attribute__((visibility(\"default\"))) void "
				 "*_PyThreadState_GetCurrent(void) { return state; }\n"
				 "void set(void *s) { state = s; other = 0; }\n"
				 "#ifdef MAIN\n"
				 "#include <stdio.h>\n"
				 "int main(void) { printf(\"%ld\\n\", (long)((char *)&state - "
				 "(char *)__builtin_thread_pointer())); }\n"
				 "#endif\n";

static void read_thread(const char *flags, struct py_thread *thread)
{
	struct elf_file f;
	FILE *out;
	int fd;

	snprintf(file, sizeof(file), "%s/made.c", directory);
	snprintf(program, sizeof(program), "%s/made", directory);
	out = fopen(file, "w");
	assert_non_null(out);
	fputs(tls_source, out);
	fclose(out);
	fd = make(flags);
	assert_int_equal(elf_file_open(&f, fd), 0);
	thread_find(&f, &f.dynsym, 0x030d00f0, thread);
	elf_file_close(&f);
	close(fd);
}

struct tls {
	void (*set)(void *);
	const struct py_thread *thread;
	uint64_t bias;
	bool found;
};

/* The kernel side's way, in a thread of this process, from its own memory. */
static void *find_own(void *arg)
{
	struct tls *t = arg;
	__u64 state = 0;

	t->set(&state);
	t->found = !find_state(t->thread, t->bias, pthread_self(), &state) &&
		   state == (uintptr_t)&state;
	return NULL;
}

static void check_library(const char *flags, enum py_thread_source expected)
{
	struct py_thread thread;
	struct link_map *map;
	struct tls t = {.thread = &thread};
	pthread_t other;
	void *lib;

	read_thread(flags, &thread);
	assert_int_equal(thread.source, expected);
	lib = dlopen(program, RTLD_NOW);
	if (!lib)
		fail_msg("%s", dlerror());
	assert_int_equal(dlinfo(lib, RTLD_DI_LINKMAP, &map), 0);
	t.bias = map->l_addr;
	t.set = (void (*)(void *))dlsym(lib, "set");
	host_mem = (struct host_memory){.pid = getpid()};
	find_own(&t);
	assert_true(t.found);
	t.found = false;
	assert_int_equal(pthread_create(&other, NULL, find_own, &t), 0);
	pthread_join(other, NULL);
	assert_true(t.found);
	dlclose(lib);
	unlink(program);
}

static void libraries(void **state)
{
	check_library("-O2 -shared -fPIC -Wl,-z,noexecstack", PY_THREAD_TLS_MODULE);
	check_library("-O2 -shared -fPIC -ftls-model=global-dynamic", PY_THREAD_TLS_MODULE);
	check_library("-O0 -shared -fPIC", PY_THREAD_TLS_MODULE);
	check_library("-O2 -fno-omit-frame-pointer -shared -fPIC -s", PY_THREAD_TLS_MODULE);
	check_library("-O2 -shared -fPIC -ftls-model=initial-exec", PY_THREAD_TLS_OFFSET);
}

static void check_program(const char *flags)
{
	struct py_thread thread;
	long offset = 0;
	FILE *f;

	read_thread(flags, &thread);
	assert_int_equal(thread.source, PY_THREAD_TLS);
	f = popen(program, "r");
	assert_int_equal(fscanf(f, "%ld", &offset), 1);
	pclose(f);
	assert_int_equal(thread.offset, offset);
}

static void programs(void **state)
{
	check_program("-DMAIN -O2 -no-pie -rdynamic");
	check_program("-DMAIN -O2 -pie -fPIE -rdynamic -s");
	check_program("-DMAIN -O0 -fno-omit-frame-pointer -pie -fPIE -rdynamic");
	check_program("-DMAIN -O2 -fPIC -pie -rdynamic");
}

/* What does something else is not taken for the variable. */
static void other_functions(void **state)
{
	struct py_thread thread;

	read_thread("-O2 -shared -fPIC -D_PyThreadState_GetCurrent=other_name", &thread);
	assert_int_equal(thread.source, PY_THREAD_UNKNOWN);
}

/* --- rows --- */

/* What builds of Debian and one without the GIL have in their _Py_DebugOffsets. */
static void debug_offsets(void **state)
{
	static const struct {
		uint32_t version;
		bool free_threaded;
		size_t size;
		struct {
			uint16_t word, value;
		} words[10];
	} builds[] = {
		{0x030d05f0,
		 true,
		 584,
		 {{23, 72}, {24, 152}, {29, 8}, {30, 0}, {31, 56}, {33, 70}, {38, 152}, {43, 216}}},
		{0x030e08f0,
		 false,
		 760,
		 {{26, 72},
		  {27, 152},
		  {32, 8},
		  {33, 0},
		  {34, 56},
		  {36, 74},
		  {38, 0},
		  {43, 136},
		  {48, 208},
		  {49, 0}}},
		{0x030f00f0,
		 false,
		 888,
		 {{26, 72},
		  {30, 176},
		  {40, 8},
		  {41, 0},
		  {42, 56},
		  {44, 74},
		  {46, 0},
		  {51, 136},
		  {56, 208},
		  {57, 0}}},
	};
	uint64_t words[128];
	size_t i, k;

	for (i = 0; i < sizeof(builds) / sizeof(builds[0]); i++) {
		const struct py_frames *frames =
			frames_find(builds[i].version >> 16, builds[i].free_threaded);

		memset(words, 0xa5, sizeof(words));
		memcpy(words, "xdebugpy", 8);
		words[1] = builds[i].version;
		words[2] = builds[i].free_threaded;
		for (k = 0; k < 10 && builds[i].words[k].word; k++)
			words[builds[i].words[k].word] = builds[i].words[k].value;
		assert_int_equal(frames_compare_bytes(words, builds[i].size, builds[i].version,
						      builds[i].free_threaded, frames),
				 LAYOUT_AGREES);
		for (k = 0; k < 10 && builds[i].words[k].word; k++) {
			words[builds[i].words[k].word] += 8;
			assert_int_equal(frames_compare_bytes(words, builds[i].size,
							      builds[i].version,
							      builds[i].free_threaded, frames),
					 LAYOUT_DISAGREES);
			words[builds[i].words[k].word] -= 8;
		}
	}
	assert_null(frames_find(0x0310, false));
	assert_null(frames_find(0x030c, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_are_exact),
		cmocka_unit_test(failing_reads_are_marked),
		cmocka_unit_test(missing_pages_are_marked),
		cmocka_unit_test(cut_stacks_say_so),
		cmocka_unit_test(garbage_always_ends),
		cmocka_unit_test(hash_sees_every_bit),
		cmocka_unit_test(copies_of_the_bytecode),
		cmocka_unit_test(frames_that_are_none),
		cmocka_unit_test(libraries),
		cmocka_unit_test(programs),
		cmocka_unit_test(other_functions),
		cmocka_unit_test(debug_offsets),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
