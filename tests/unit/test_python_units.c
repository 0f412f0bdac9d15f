// SPDX-License-Identifier: GPL-2.0-only
/* The parts of user/python that need no interpreter: versions, USDT operands, layouts, placement.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <asm/ptrace.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "python/code.h"
#include "python/layout.h"
#include "python/placement.h"
#include "python/usdt.h"
#include "python/version.h"

static void versions(void **state)
{
	static const struct {
		const char *text;
		uint32_t hex;
	} rows[] = {
		{"3.11.2", 0x030b02f0},
		{"3.14.0rc1", 0x030e00c1},
		{"3.10.0a5+", 0x030a00a5},
		{"3.9.0b2", 0x030900b2},
		{"2.7.18", 0x020712f0},
		{"3.8.10+", 0x03080af0},
		{"3.12.0c1", 0x030c00c1},
		{"", 0},
		{"3", 0},
		{"3.11", 0},
		{"3.11.", 0},
		{"3.11.2 ", 0},
		{"3.11.2x", 0},
		{"3.11.256", 0},
		{"3.11.1111", 0},
		{"1.2.11", 0},
		{"4.0.0", 0},
		{"3.11.0rc", 0},
		{"3.11.0rc16", 0},
		{"-3.11.2", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (version_parse(rows[i].text) != rows[i].hex)
			fail_msg("%s: %#x", rows[i].text, version_parse(rows[i].text));
	}
}

static void version_texts(void **state)
{
	static const struct {
		uint32_t version;
		bool exact;
		const char *text;
	} rows[] = {
		{0x030b02f0, true, "3.11.2"},	{0x030e00c1, true, "3.14.0rc1"},
		{0x030e00a7, true, "3.14.0a7"}, {0x03090000, false, "3.9"},
		{0, false, "unknown"},
	};
	struct py_image image = {0};
	char buf[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		image.version = rows[i].version;
		image.version_exact = rows[i].exact;
		assert_string_equal(py_version_text(&image, buf, sizeof(buf)), rows[i].text);
	}
}

#define REG(name) offsetof(struct pt_regs, name)

static void operands(void **state)
{
	static const struct {
		const char *text;
		struct probe_operand want[2];
	} rows[] = {
		{"8@%rbx 8@%r15", {{REG(rbx), 0, 0}, {REG(r15), 0, 0}}},
		{"8@-136(%rbp) 8@%r14", {{REG(rbp), 1, -136}, {REG(r14), 0, 0}}},
		{"8@%rbp 8@48(%rsp)", {{REG(rbp), 0, 0}, {REG(rsp), 1, 48}}},
		{"-8@(%rax) 8@%r9", {{REG(rax), 1, 0}, {REG(r9), 0, 0}}},
		{"8@%rdi 8@-2147483648(%r10)", {{REG(rdi), 0, 0}, {REG(r10), 1, INT32_MIN}}},
	};
	struct probe_operand out[2];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(usdt_parse_operands(rows[i].text, out), 0);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(out[k].reg, rows[i].want[k].reg);
			assert_int_equal(out[k].memory, rows[i].want[k].memory);
			assert_int_equal(out[k].displacement, rows[i].want[k].displacement);
		}
	}
}

static void bad_operands(void **state)
{
	static const char *const bad[] = {
		"",
		"8@%rbx",
		"8@%rbx ",
		"8@%rbx  8@%r15",
		"8@%rbx 8@%r15 ",
		"8@%rbx 8@%r15 8@%rax",
		"4@%ebx 8@%r15",
		"8@%ebx 8@%r15",
		"8@%r16 8@%r15",
		"8@rbx 8@%r15",
		"8@$5 8@%r15",
		"8@-(%rbp) 8@%r15",
		"8@-136%rbp 8@%r15",
		"8@-136(%rbp 8@%r15",
		"8@99999999999(%rbp) 8@%r15",
		"8@2147483648(%rbp) 8@%r15",
		"8@8(%rax,%rbx,4) 8@%r15",
		"8@name(%rip) 8@%r15",
		"8@%rbx 8@%",
		"8",
	};
	struct probe_operand out[2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (usdt_parse_operands(bad[i], out) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
}

/* A program whose one segment holds the code at a link address; 16 bytes of nops follow. */
#define CODE_ADDR 0x401000

static int code_file(const void *code, size_t size)
{
	Elf64_Ehdr eh = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(eh),
		.e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	};
	Elf64_Phdr ph = {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_offset = 0x1000,
		.p_vaddr = CODE_ADDR,
		.p_filesz = size,
		.p_memsz = size,
	};
	int fd = memfd_create("code", 0);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &eh, sizeof(eh), 0), sizeof(eh));
	assert_int_equal(pwrite(fd, &ph, sizeof(ph), sizeof(eh)), sizeof(ph));
	assert_int_equal(pwrite(fd, code, size, 0x1000), size);
	return fd;
}

static void place(enum py_entry entry, const void *code, size_t size, struct py_probe *probe)
{
	int fd = code_file(code, size);
	struct elf_file f;

	*probe = (struct py_probe){.function = CODE_ADDR};
	probe->config.entry = entry;
	assert_int_equal(elf_file_open(&f, fd), 0);
	assert_int_equal(placement_choose(&f, probe, size), 0);
	assert_int_equal(probe->file_offset, 0x1000 + probe->config.link_addr - CODE_ADDR);
	elf_file_close(&f);
	close(fd);
}

struct prologue {
	const char *what;
	enum py_entry entry;
	const char *code;
	size_t size;
	unsigned int offset;
	int adjust;
	bool emulated;
};

#define CODE(bytes) bytes, sizeof(bytes) - 1
#define RET	    "\xc3"

static const struct prologue prologues[] = {
	{"push %rbp", PY_ENTRY_PYSYS_AUDIT, CODE("\x55" RET), 0, 0, true},
	{"endbr64; push %r15", PY_ENTRY_SYS_AUDIT_TSTATE, CODE("\xf3\x0f\x1e\xfa\x41\x57" RET), 4,
	 0, true},
	{"sub $0xd8,%rsp; test %al,%al; je", PY_ENTRY_PYSYS_AUDIT,
	 CODE("\x48\x81\xec\xd8\x00\x00\x00\x84\xc0\x74\x01" RET RET), 9, 0xd8, true},
	{"endbr64; sub $8,%rsp; mov %r9,0x20(%rsp); test; je", PY_ENTRY_PYSYS_AUDIT,
	 CODE("\xf3\x0f\x1e\xfa\x48\x83\xec\x08\x4c\x89\x4c\x24\x20\x84\xc0\x74\x01" RET RET), 15,
	 8, true},
	{"lea -0x80(%rsp),%rsp; je", PY_ENTRY_PYSYS_AUDIT,
	 CODE("\x48\x8d\x64\x24\x80\x74\x01" RET RET), 5, 0x80, true},
	{"sub $16,%rsp; add $8,%rsp; je", PY_ENTRY_PYSYS_AUDIT,
	 CODE("\x48\x83\xec\x10\x48\x83\xc4\x08\x74\x01" RET RET), 8, 8, true},
	{"mov %rsp,%rbp; and $-16,%rsp; push", PY_ENTRY_PYSYS_AUDIT,
	 CODE("\x48\x89\xe5\x48\x83\xe4\xf0\x55" RET), 0, 0, false},
	{"mov %edi,%edi; push: rdi written", PY_ENTRY_PYSYS_AUDIT, CODE("\x89\xff\x55" RET), 0, 0,
	 false},
	{"the same where rdi is no argument", PY_ENTRY_SYS_AUDIT, CODE("\x89\xff\x55" RET), 2, 0,
	 true},
	{"xor %r9d,%r9d; push: vararg", PY_ENTRY_PYSYS_AUDIT, CODE("\x45\x31\xc9\x55" RET), 0, 0,
	 false},
	{"the same, not an argument of the worker", PY_ENTRY_SYS_AUDIT_TSTATE,
	 CODE("\x45\x31\xc9\x55" RET), 3, 0, true},
	{"xor %ecx,%ecx: the worker's va_list", PY_ENTRY_SYS_AUDIT_TSTATE, CODE("\x31\xc9\x55" RET),
	 0, 0, false},
	{"movl $8,(%rcx); push: the va_list itself", PY_ENTRY_SYS_AUDIT_TSTATE,
	 CODE("\xc7\x01\x08\x00\x00\x00\x55" RET), 0, 0, false},
	{"test; je (long)", PY_ENTRY_SYS_AUDIT,
	 CODE("\x48\x85\xd2\x0f\x84\x01\x00\x00\x00" RET RET), 3, 0, true},
	{"ret before anything", PY_ENTRY_SYS_AUDIT, CODE("\x31\xc0" RET "\x55"), 0, 0, false},
	{"indirect jump before push", PY_ENTRY_SYS_AUDIT, CODE("\xff\xe0\x55" RET), 0, 0, false},
	{"call", PY_ENTRY_SYS_AUDIT, CODE("\x31\xc0\xe8\x01\x00\x00\x00" RET RET), 2, 0, true},
	{"long nop is stepped; push", PY_ENTRY_SYS_AUDIT, CODE("\x0f\x1f\x40\x00\x55" RET), 4, 0,
	 true},
	{"nop", PY_ENTRY_SYS_AUDIT, CODE("\x90" RET), 0, 0, true},
	{"two-byte nop", PY_ENTRY_SYS_AUDIT, CODE("\x66\x90" RET), 0, 0, true},
	{"pause is no nop", PY_ENTRY_SYS_AUDIT, CODE("\xf3\x90\x55" RET), 2, 0, true},
	{"xchg %r8,%rax is no nop", PY_ENTRY_SYS_AUDIT, CODE("\x49\x90\x55" RET), 2, 0, true},
	{"push $1 is stepped; je", PY_ENTRY_SYS_AUDIT, CODE("\x6a\x01\x74\x01" RET RET), 2, 8,
	 true},
	/* xor %eax,%eax; 2: push %rbx; jmp 2b */
	{"a loop leads back to the push", PY_ENTRY_SYS_AUDIT, CODE("\x31\xc0\x53\xeb\xfd"), 0, 0,
	 false},
	/* push %rbx; jmp to the entry: every pass is a call of its own */
	{"a loop leads back to the entry", PY_ENTRY_SYS_AUDIT, CODE("\x53\xeb\xfd"), 0, 0, true},
	{"the code ends", PY_ENTRY_SYS_AUDIT, CODE("\x31\xc0\x31"), 0, 0, false},
	{"not an instruction", PY_ENTRY_SYS_AUDIT, CODE("\x06\x55" RET), 0, 0, false},
};

static void placements(void **state)
{
	for (size_t i = 0; i < sizeof(prologues) / sizeof(*prologues); i++) {
		const struct prologue *p = &prologues[i];
		struct py_probe probe;

		place(p->entry, p->code, p->size, &probe);
		if (probe.config.link_addr != CODE_ADDR + p->offset ||
		    probe.config.stack_adjust != p->adjust || probe.emulated != p->emulated)
			fail_msg("%s: +%d, adjust %d, emulated %d", p->what,
				 (int)(probe.config.link_addr - CODE_ADDR),
				 probe.config.stack_adjust, probe.emulated);
	}
}

/* Numbers of struct _Py_DebugOffsets, group by group in the order of each version's header. */
struct group {
	const char *name;
	unsigned int words[3]; /* of 3.13, 3.14, 3.15 */
};

static const struct group groups[] = {
	{"head", {3, 3, 3}},	  {"runtime", {3, 3, 3}},   {"interpreter", {13, 16, 16}},
	{"thread", {9, 9, 16}},	  {"exception", {0, 0, 1}}, {"frame", {6, 8, 8}},
	{"code", {10, 11, 11}},	  {"object", {2, 2, 2}},    {"type", {4, 4, 6}},
	{"heap type", {0, 0, 2}}, {"tuple", {3, 3, 3}},	    {"list", {3, 3, 3}},
	{"set", {0, 4, 4}},	  {"dict", {3, 3, 3}},	    {"float", {2, 2, 2}},
	{"long", {3, 3, 3}},	  {"bytes", {3, 3, 3}},	    {"unicode", {4, 4, 5}},
	{"gc", {2, 2, 5}},	  {"generator", {0, 4, 4}}, {"llist", {0, 2, 2}},
	{"debugger", {0, 6, 6}},
};

/* What the headers of the three versions' builds with a GIL evaluate to. */
static const struct {
	const char *group;
	unsigned int word, value[3];
} values[] = {
	{"code", 1, {112, 112, 112}}, {"code", 2, {120, 120, 120}},  {"code", 3, {128, 128, 128}},
	{"code", 5, {68, 68, 68}},    {"object", 0, {16, 16, 16}},   {"object", 1, {8, 8, 8}},
	{"type", 1, {24, 24, 24}},    {"type", 3, {168, 168, 168}},  {"type", 4, {0, 0, 32}},
	{"type", 5, {0, 0, 288}},     {"heap type", 1, {0, 0, 888}}, {"tuple", 1, {24, 32, 32}},
	{"tuple", 2, {16, 16, 16}},   {"list", 1, {24, 24, 24}},     {"list", 2, {16, 16, 16}},
	{"dict", 1, {32, 32, 32}},    {"dict", 2, {40, 40, 40}},     {"float", 1, {16, 16, 16}},
	{"long", 1, {16, 16, 16}},    {"long", 2, {24, 24, 24}},     {"bytes", 1, {16, 16, 16}},
	{"bytes", 2, {32, 32, 32}},   {"unicode", 1, {32, 32, 32}},  {"unicode", 2, {16, 16, 16}},
	{"unicode", 3, {40, 40, 40}}, {"unicode", 4, {0, 0, 56}},
};

static unsigned int group_start(const char *name, int minor)
{
	unsigned int at = 0;

	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (!strcmp(groups[i].name, name))
			return at;
		at += groups[i].words[minor];
	}
	fail_msg("no group %s", name);
	return 0;
}

static size_t debug_offsets(int minor, uint64_t *words, size_t max)
{
	size_t n = group_start("debugger", minor) + (minor ? 6 : 0);

	assert_true(n <= max);
	memset(words, 0xa5, n * 8);
	memcpy(words, "xdebugpy", 8);
	words[1] = 0x030d00f0u + (minor << 16);
	words[2] = 0;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (values[i].value[minor])
			words[group_start(values[i].group, minor) + values[i].word] =
				values[i].value[minor];
	return n * 8;
}

static void debug_offsets_agree(void **state)
{
	static const size_t sizes[] = {584, 760, 888};
	uint64_t words[128];

	for (int minor = 0; minor < 3; minor++) {
		uint32_t version = 0x030d00f0u + (minor << 16);
		const struct py_layout *layout = layout_find(version >> 16, false);
		size_t size = debug_offsets(minor, words, 128);

		assert_non_null(layout);
		assert_int_equal(size, sizes[minor]);
		assert_int_equal(layout_compare_bytes(words, size, version, false, layout),
				 LAYOUT_AGREES);
		assert_int_equal(layout_compare_bytes(words, size - 1, version, false, layout),
				 LAYOUT_SILENT);
		assert_int_equal(layout_compare_bytes(words, size, version, true, layout),
				 LAYOUT_SILENT);
		assert_int_equal(layout_compare_bytes(words, size, version + 0x100, false, layout),
				 LAYOUT_SILENT);
	}
}

static void debug_offsets_disagree(void **state)
{
	uint64_t words[128];

	for (int minor = 0; minor < 3; minor++) {
		uint32_t version = 0x030d00f0u + (minor << 16);
		const struct py_layout *layout = layout_find(version >> 16, false);
		size_t size = debug_offsets(minor, words, 128);

		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
			uint64_t *word =
				&words[group_start(values[i].group, minor) + values[i].word];

			if (!values[i].value[minor])
				continue;
			*word += 8;
			if (layout_compare_bytes(words, size, version, false, layout) !=
			    LAYOUT_DISAGREES)
				fail_msg("3.%d: %s, word %u is not checked", 13 + minor,
					 values[i].group, values[i].word);
			*word -= 8;
		}
		words[0] ^= 1;
		assert_int_equal(layout_compare_bytes(words, size, version, false, layout),
				 LAYOUT_SILENT);
	}
}

/* A free-threaded build is the same build with a head 16 bytes larger, but for what is no object.
 */
static void free_threaded_layouts(void **state)
{
	for (uint32_t minor = 0x030d; minor <= 0x030f; minor++) {
		const struct py_layout *with = layout_find(minor, false),
				       *t = layout_find(minor, true);

		assert_non_null(with);
		assert_non_null(t);
		assert_int_equal(t->object_size, 32);
		assert_int_equal(t->ob_type, 24);
		assert_int_equal(t->tuple_items, with->tuple_items + 16);
		assert_int_equal(t->ht_cached_keys, with->ht_cached_keys + 16);
		assert_int_equal(t->code_qualname, with->code_qualname + 16);
		assert_int_equal(t->dk_indices, with->dk_indices);
		assert_int_equal(t->managed_dict, -8);
		assert_int_equal(t->str_kind_bit, minor == 0x030d ? 2 : 8);
	}
}

static void unknown_layouts(void **state)
{
	assert_null(layout_find(0x0307, false));
	assert_null(layout_find(0x0310, false));
	assert_null(layout_find(0x030c, true));
	assert_null(layout_find(0, false));
}

static void choices(void **state)
{
	struct py_image image = {.n_uprobes = 2, .n_usdts = 3};
	size_t n;

	assert_int_equal(py_image_choose(&image, PY_PROBE_AUTO), PY_PROBE_UPROBE);
	assert_int_equal(py_image_choose(&image, PY_PROBE_USDT), PY_PROBE_USDT);
	image.body_inlined = true;
	assert_int_equal(py_image_choose(&image, PY_PROBE_AUTO), PY_PROBE_USDT);
	assert_int_equal(py_image_choose(&image, PY_PROBE_UPROBE), PY_PROBE_UPROBE);
	assert_ptr_equal(py_image_probes(&image, PY_PROBE_USDT, &n), image.usdts);
	assert_int_equal(n, 3);
	assert_ptr_equal(py_image_probes(&image, PY_PROBE_UPROBE, &n), image.uprobes);
	assert_int_equal(n, 2);
	image.n_usdts = 0;
	assert_int_equal(py_image_choose(&image, PY_PROBE_AUTO), PY_PROBE_UPROBE);
}

static void names(void **state)
{
	assert_string_equal(py_entry_name(PY_ENTRY_SYS_AUDIT_TSTATE), "sys_audit_tstate");
	assert_string_equal(py_entry_name(PY_ENTRY_USDT), "python:audit");
	assert_string_equal(py_entry_name(0), "unknown");
	assert_string_equal(py_entry_name(77), "unknown");
	assert_string_equal(py_found_name(PY_FOUND_METHODDEF), "method table");
	assert_string_equal(py_found_name(PY_FOUND_NOTE), "USDT note");
	assert_string_equal(py_found_name(99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),
		cmocka_unit_test(version_texts),
		cmocka_unit_test(operands),
		cmocka_unit_test(bad_operands),
		cmocka_unit_test(placements),
		cmocka_unit_test(debug_offsets_agree),
		cmocka_unit_test(debug_offsets_disagree),
		cmocka_unit_test(free_threaded_layouts),
		cmocka_unit_test(unknown_layouts),
		cmocka_unit_test(choices),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
