// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "python/code.h"
#include "python/version.h"

static bool take_number(const char **text, unsigned int *out)
{
	size_t len = strspn(*text, "0123456789");

	if (!len || len > 3)
		return false;
	*out = strtoul(*text, NULL, 10);
	*text += len;
	return *out <= 255;
}

static unsigned int take_level(const char **text)
{
	static const struct {
		const char *name;
		unsigned int level;
	} levels[] = {{"rc", 0xc}, {"c", 0xc}, {"b", 0xb}, {"a", 0xa}};

	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		size_t len = strlen(levels[i].name);

		if (!strncmp(*text, levels[i].name, len)) {
			*text += len;
			return levels[i].level;
		}
	}
	return 0xf;
}

uint32_t version_parse(const char *text)
{
	unsigned int major, minor, micro, level, serial = 0;

	if (!take_number(&text, &major) || *text++ != '.' || !take_number(&text, &minor) ||
	    *text++ != '.' || !take_number(&text, &micro) || major < 2 || major > 3)
		return 0;
	level = take_level(&text);
	if (level != 0xf && (!take_number(&text, &serial) || serial > 15))
		return 0;
	if (*text == '+')
		text++;
	return *text ? 0 : major << 24 | minor << 16 | micro << 8 | level << 4 | serial;
}

struct literal {
	struct elf_file *f;
	uint32_t version;
};

static bool check_literal(struct literal *l, uint64_t addr)
{
	const char *text;
	size_t len;

	if (!addr)
		return false;
	text = elf_file_text(l->f, addr, &len);
	l->version = text && len < 16 ? version_parse(text) : 0;
	return l->version;
}

static bool visit_operands(const struct code_insn *insn, void *arg)
{
	for (int i = 0; i < insn->decoded.operand_count_visible; i++) {
		const ZydisDecodedOperand *op = &insn->operands[i];
		uint64_t addr = 0;

		if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !op->imm.is_relative)
			addr = op->imm.value.u;
		else if (op->type == ZYDIS_OPERAND_TYPE_MEMORY &&
			 op->mem.base == ZYDIS_REGISTER_RIP)
			addr = insn->addr + insn->length + op->mem.disp.value;
		if (check_literal(arg, addr))
			return false;
	}
	return true;
}

/* Py_GetVersion() formats PY_VERSION, a literal. The literal cannot be searched for without the
 * code that uses it: linkers merge it with the end of longer strings, such as an installation path.
 */
static uint32_t version_literal(struct elf_file *f, const struct elf_symbol_table *symbols)
{
	struct literal l = {.f = f};
	struct elf_range range;
	struct elf_symbol sym;

	if (!elf_symbol_find(symbols, "Py_GetVersion", &sym))
		return 0;
	range = (struct elf_range){.start = sym.addr, .size = sym.size < 512 ? sym.size : 512};
	code_walk(f, &range, visit_operands, &l);
	return l.version;
}

/* Functions that a minor version was the first to export, newest first. */
static const struct {
	const char *name;
	uint32_t version;
} introduced[] = {
	{"Py_NewRef", 0x030a0000},
	{"PyFrame_GetBack", 0x03090000},
};

static uint32_t minor_by_exports(const struct elf_symbol_table *symbols)
{
	struct elf_symbol sym;

	for (size_t i = 0; i < sizeof(introduced) / sizeof(*introduced); i++)
		if (elf_symbol_find(symbols, introduced[i].name, &sym))
			return introduced[i].version;
	return 0x03080000;
}

uint32_t version_find(struct elf_file *f, const struct elf_symbol_table *symbols, bool *exact)
{
	struct elf_symbol sym;
	uint32_t version, minor;
	const void *data;

	/* 3.11 and later: unsigned long Py_Version */
	if (elf_symbol_find(symbols, "Py_Version", &sym)) {
		data = elf_file_at(f, sym.addr, sizeof(version));
		if (data) {
			memcpy(&version, data, sizeof(version));
			*exact = version >= 0x030b0000 && version < 0x04000000;
			return *exact ? version : 0;
		}
	}
	minor = minor_by_exports(symbols);
	version = version_literal(f, symbols);
	*exact = version >> 16 == minor >> 16;
	return *exact ? version : minor;
}

int version_find_old(struct elf_file *f, uint32_t *version, bool *exact)
{
	static const char *const known[] = {"Py_GetVersion", "PyEval_EvalCodeEx",
					    "PyImport_AddModule"};
	struct elf_symbol sym;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!elf_symbol_find(&f->dynsym, known[i], &sym) || sym.type != STT_FUNC)
			return -ENOENT;
	*version = version_literal(f, &f->dynsym);
	*exact = *version != 0;
	return 0;
}

/* Reference counts are split in two only in these builds. */
bool version_free_threaded(const struct elf_symbol_table *symbols)
{
	struct elf_symbol sym;

	return elf_symbol_find(symbols, "_Py_MergeZeroLocalRefcount", &sym) ||
	       elf_symbol_find(symbols, "_Py_DecRefShared", &sym);
}
