// SPDX-License-Identifier: GPL-2.0-only
/*
 * Only PySys_Audit is exported. The others are looked up in .symtab, then in what distributions
 * keep of it when they strip a file, and else recognised by what the interpreter cannot do without:
 *  - sys_audit is in a PyMethodDef {"audit", function, METH_FASTCALL, doc};
 *  - sys_audit_tstate is the one large static function that PySys_Audit calls;
 *  - _PySys_Audit has the prologue of a variadic function and is called by sys_audit.
 * These held in all of 46 builds of 3.8 to 3.15 that were compared with their symbols.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "python/code.h"
#include "python/finder.h"

#define METH_FASTCALL 0x80
#define MAX_NAMES     256
/* Far more than real files have; a hostile one may have millions. */
#define MAX_CLONES  64
#define MAX_CALLEES 64
#define MAX_CALLERS 4096
#define MAX_SUFFIX  128
/* The worker has 1,000 bytes and more; what else PySys_Audit may call is smaller. */
#define MIN_WORKER 300
/* PySys_Audit is about 170 bytes when it calls the worker and over 1,100 when it contains it. */
#define MIN_BODY 1000

/*
 * Compilers and BOLT append to the names of static functions: .lto_priv.0, .llvm.N, .constprop.0.
 * These are no functions to enter: parts that are jumped to (.cold, .part) and what BOLT left of
 * a function that it moved (.org).
 */
static bool name_matches(const char *name, const char *base)
{
	static const char *const parts[] = {".cold", ".part", ".org."};
	size_t len = strlen(base);
	const char *suffix = name + len;

	if (strncmp(name, base, len) || (*suffix && *suffix != '.'))
		return false;
	/* Real names are short; a hostile table may name every symbol with all of its strings. */
	if (strnlen(suffix, MAX_SUFFIX) == MAX_SUFFIX)
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strstr(suffix, parts[i]))
			return false;
	return true;
}

static void set_found(struct elf_file *f, struct found_function *fn, uint64_t addr, uint64_t size,
		      enum py_found how)
{
	struct elf_range range;

	if (!elf_file_is_code(f, addr))
		return;
	if (!size && elf_file_range(f, addr, &range) && range.start == addr)
		size = range.size;
	*fn = (struct found_function){.addr = addr, .size = size, .how = how};
}

static bool calls(struct elf_file *f, uint64_t addr, uint64_t size, uint64_t target)
{
	struct elf_range range = {.start = addr, .size = size};

	return code_refers(f, &range, target, target + 1);
}

/* Second pass: the worker must be known. */
static void check_clones(struct elf_file *f, const struct elf_symbol_table *t,
			 struct entry_points *out)
{
	struct elf_symbol sym;
	int clones = 0;

	for (size_t i = 0; i < t->count && clones < MAX_CLONES; i++) {
		if (!elf_symbol_get(t, i, &sym) || sym.type != STT_FUNC ||
		    !name_matches(sym.name, "_PySys_Audit"))
			continue;
		clones++;
		if (!calls(f, sym.addr, sym.size, out->worker.addr))
			out->clone_without_call = true;
	}
}

/* In this order; what an earlier one tells, a later one is not asked. */
static const struct {
	const struct elf_symbol_table *(*read)(struct elf_file *f);
	enum py_found how;
} sources[] = {
	{elf_file_symtab, PY_FOUND_SYMTAB},
	{elf_file_debugdata, PY_FOUND_DEBUGDATA},
	{elf_file_debugfile, PY_FOUND_DEBUGFILE},
};

#define ENTRY(member) offsetof(struct entry_points, member)
static const struct {
	const char *name;
	size_t offset;
} functions[] = {
	{"sys_audit", ENTRY(method)},
	{"sys_audit_tstate", ENTRY(worker)},
	{"_PySys_Audit", ENTRY(private)},
};

#define N_FUNCTIONS (sizeof(functions) / sizeof(*functions))

/* The bare name is the function itself, one with a suffix may be a clone; else the first counts. */
static void add_symbol(struct elf_file *f, const struct elf_symbol *sym, enum py_found how,
		       struct entry_points *out, bool bare[N_FUNCTIONS])
{
	for (size_t i = 0; i < N_FUNCTIONS; i++) {
		struct found_function *fn = (void *)((char *)out + functions[i].offset);
		bool is_bare;

		if (!name_matches(sym->name, functions[i].name))
			continue;
		is_bare = !strchr(sym->name, '.');
		if (fn->addr && (fn->how != how || bare[i] || !is_bare))
			continue;
		set_found(f, fn, sym->addr, sym->size, how);
		bare[i] = is_bare;
	}
}

static void from_table(struct elf_file *f, const struct elf_symbol_table *t, enum py_found how,
		       struct entry_points *out)
{
	bool bare[N_FUNCTIONS] = {0};
	struct elf_symbol sym;

	for (size_t i = 0; i < t->count; i++)
		if (elf_symbol_get(t, i, &sym) && sym.type == STT_FUNC)
			add_symbol(f, &sym, how, out, bare);
}

static bool complete(const struct entry_points *e, bool has_worker)
{
	return e->method.addr && (!has_worker || (e->worker.addr && e->private.addr));
}

/* Returns how many of the sources were read. */
static size_t from_sources(struct elf_file *f, bool has_worker, struct entry_points *out)
{
	size_t n = 0;

	while (n < sizeof(sources) / sizeof(*sources) && !complete(out, has_worker)) {
		from_table(f, sources[n].read(f), sources[n].how, out);
		n++;
	}
	return n;
}

struct names {
	uint64_t addr[MAX_NAMES];
	size_t n;
};

/* Where "audit\0" stands in read-only data, also as the tail of a longer string. In ascending order
 * within a segment; sorted afterwards because segments may come in any order. */
static void find_names(struct elf_file *f, struct names *names)
{
	for (size_t i = 0; i < f->n_segments; i++) {
		struct elf_segment *s = &f->segments[i];
		const unsigned char *data, *at;

		if (s->flags & PF_W)
			continue;
		data = elf_file_segment_data(f, s);
		if (!data)
			continue;
		for (at = data; names->n < MAX_NAMES; at++) {
			at = memmem(at, s->size - (at - data), "audit", 6);
			if (!at)
				break;
			names->addr[names->n++] = s->addr + (at - data);
		}
	}
}

static int compare_addr(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct method_def {
	uint64_t name, function;
	uint32_t flags, padding;
	uint64_t doc;
};

static bool def_matches(struct elf_file *f, const struct method_def *def, const struct names *names)
{
	return def->flags == METH_FASTCALL && elf_file_is_code(f, def->function) &&
	       bsearch(&def->name, names->addr, names->n, sizeof(*names->addr), compare_addr);
}

static bool doc_matches(struct elf_file *f, uint64_t doc)
{
	const char *text = elf_file_at(f, doc, 6);

	return text && !memcmp(text, "audit(", 6);
}

/* Interpreters built without doc strings have none here: then a lone candidate must do. */
struct method_search {
	uint64_t documented, other;
	bool documented_twice, other_twice;
};

static void add_candidate(uint64_t function, uint64_t *slot, bool *twice)
{
	if (*slot && *slot != function)
		*twice = true;
	*slot = function;
}

static void search_methods(struct elf_file *f, struct elf_segment *s, const struct names *names,
			   struct method_search *found)
{
	const unsigned char *data = elf_file_segment_data(f, s);
	uint64_t at = -s->addr & 7;

	for (; data && at + sizeof(struct method_def) <= s->size; at += 8) {
		struct method_def def;

		memcpy(&def, data + at, sizeof(def));
		if (!def_matches(f, &def, names))
			continue;
		if (doc_matches(f, def.doc))
			add_candidate(def.function, &found->documented, &found->documented_twice);
		else
			add_candidate(def.function, &found->other, &found->other_twice);
	}
}

static void find_method(struct elf_file *f, struct entry_points *out)
{
	struct method_search found = {0};
	struct names names = {.n = 0};

	find_names(f, &names);
	qsort(names.addr, names.n, sizeof(*names.addr), compare_addr);
	elf_file_relocate(f);
	for (size_t i = 0; i < f->n_segments; i++)
		if (f->segments[i].flags & PF_W)
			search_methods(f, &f->segments[i], &names, &found);
	if (found.documented && !found.documented_twice)
		set_found(f, &out->method, found.documented, 0, PY_FOUND_METHODDEF);
	else if (!found.documented && found.other && !found.other_twice)
		set_found(f, &out->method, found.other, 0, PY_FOUND_METHODDEF);
}

struct callees {
	struct elf_file *f;
	bool (*accept)(struct elf_file *f, const struct elf_range *callee);
	uint64_t addr;
	int seen;
	bool several;
};

static bool is_plt(struct elf_file *f, uint64_t addr)
{
	struct code_insn insn;

	if (!code_decode(f, addr, UINT64_MAX, &insn))
		return true;
	if (insn.decoded.mnemonic == ZYDIS_MNEMONIC_ENDBR64 &&
	    !code_decode(f, addr + insn.length, UINT64_MAX, &insn))
		return true;
	return (insn.is_jump && !insn.target) ||
	       (insn.decoded.mnemonic == ZYDIS_MNEMONIC_PUSH &&
		insn.operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY);
}

static bool visit_call(const struct code_insn *insn, void *arg)
{
	struct callees *c = arg;
	struct elf_range callee;

	if (!insn->is_call || !insn->target || insn->target == c->addr)
		return true;
	if (++c->seen > MAX_CALLEES)
		return false;
	if (!elf_file_range(c->f, insn->target, &callee) || callee.start != insn->target ||
	    is_plt(c->f, insn->target) || elf_symbol_at(&c->f->dynsym, insn->target) ||
	    !c->accept(c->f, &callee))
		return true;
	c->several = c->addr != 0;
	c->addr = insn->target;
	return !c->several;
}

/* The one static function that fn calls and accept agrees to; 0 if there are none or several. */
static uint64_t only_callee(struct elf_file *f, const struct found_function *fn,
			    bool (*accept)(struct elf_file *f, const struct elf_range *callee))
{
	struct elf_range range = {.start = fn->addr, .size = fn->size};
	struct callees c = {.f = f, .accept = accept};

	code_walk(f, &range, visit_call, &c);
	return c.several ? 0 : c.addr;
}

static bool is_large(struct elf_file *f, const struct elf_range *callee)
{
	return callee->size > MIN_WORKER;
}

/* test %al,%al; je: a variadic function asks whether vector registers hold arguments. */
static bool is_variadic(struct elf_file *f, const struct elf_range *callee)
{
	uint64_t size = callee->size < 128 ? callee->size : 128;
	const unsigned char *code = elf_file_at(f, callee->start, size);

	return code && memmem(code, size, "\x84\xc0\x74", 3);
}

struct callers {
	uint64_t known; /* a caller that does not count */
	int seen;
	bool other;
};

static bool visit_caller(struct elf_file *f, uint64_t from, void *arg)
{
	struct callers *c = arg;
	struct elf_range range;

	c->other = elf_file_range(f, from, &range) && range.start != c->known;
	return !c->other && ++c->seen < MAX_CALLERS;
}

/*
 * Copies of _PySys_Audit with the worker's body inside leave traces: nobody but PySys_Audit calls
 * the worker, or the copy that sys_audit calls does not.
 */
static bool body_copied(struct elf_file *f, const struct entry_points *out)
{
	struct callers c = {.known = out->public.addr};

	if (out->private.addr && out->private.size &&
	    !calls(f, out->private.addr, out->private.size, out->worker.addr))
		return true;
	code_references(f, out->worker.addr, visit_caller, &c);
	return !c.other;
}

void finder_find(struct elf_file *f, uint32_t version, bool use_symbols, struct entry_points *out)
{
	bool has_worker = version >= 0x03090000 && out->public.size <= MIN_BODY;
	size_t n_sources = 0;
	uint64_t addr;

	if (use_symbols)
		n_sources = from_sources(f, version >= 0x03090000, out);
	if (!out->method.addr)
		find_method(f, out);
	if (!out->worker.addr && has_worker) {
		addr = only_callee(f, &out->public, is_large);
		if (addr)
			set_found(f, &out->worker, addr, 0, PY_FOUND_CALL);
	}
	if (!out->private.addr && version >= 0x03090000 && out->method.addr) {
		addr = only_callee(f, &out->method, is_variadic);
		if (addr)
			set_found(f, &out->private, addr, 0, PY_FOUND_CALL);
	}
	if (!out->worker.addr)
		return;
	for (size_t i = 0; i < n_sources; i++)
		check_clones(f, sources[i].read(f), out);
	if (body_copied(f, out))
		out->clone_without_call = true;
}
