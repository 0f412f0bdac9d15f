// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "python/code.h"
#include "python/finder.h"
#include "python/frames.h"
#include "python/layout.h"
#include "python/placement.h"
#include "python/py_image.h"
#include "python/usdt.h"
#include "python/version.h"

static void add_gap(const char **gaps, size_t *n, const char *gap)
{
	if (*n < PY_MAX_GAPS)
		gaps[(*n)++] = gap;
}

static void uprobe_gap(struct py_image *image, const char *gap)
{
	add_gap(image->uprobe_gaps, &image->n_uprobe_gaps, gap);
}

static void usdt_gap(struct py_image *image, const char *gap)
{
	add_gap(image->usdt_gaps, &image->n_usdt_gaps, gap);
}

static bool add_probe(struct elf_file *f, struct py_image *image, enum py_entry entry,
		      const struct found_function *fn)
{
	struct py_probe *probe = &image->uprobes[image->n_uprobes];

	if (!fn->addr || image->n_uprobes == PY_MAX_PROBES)
		return false;
	*probe = (struct py_probe){.function = fn->addr, .found = fn->how};
	probe->config.entry = entry;
	if (placement_choose(f, probe, fn->size))
		return false;
	image->n_uprobes++;
	return true;
}

static bool is_38(const struct py_image *image)
{
	return image->version >> 16 == 0x0308;
}

static void add_uprobes(struct elf_file *f, struct py_image *image, const struct entry_points *e)
{
	if (is_38(image)) {
		add_probe(f, image, PY_ENTRY_PYSYS_AUDIT, &e->public);
	} else if (!add_probe(f, image, PY_ENTRY_SYS_AUDIT_TSTATE, &e->worker)) {
		add_probe(f, image, PY_ENTRY_PYSYS_AUDIT, &e->public);
		if (!add_probe(f, image, PY_ENTRY_PYSYS_AUDIT_T, &e->private))
			uprobe_gap(
				image,
				"events raised through the internal _PySys_Audit: import, exec of "
				"a "
				"script, sys._getframe, sys.settrace, sys.excepthook and others");
	}
	if (!add_probe(f, image, PY_ENTRY_SYS_AUDIT, &e->method))
		uprobe_gap(image,
			   "events raised by Python code with sys.audit() while the process has "
			   "no audit hook, subprocess.Popen among them");
}

static bool site_in(struct elf_file *f, const struct found_function *fn, uint64_t site)
{
	struct elf_range range = {.start = fn->addr, .size = fn->size};

	return fn->addr && code_belongs(f, &range, site);
}

/*
 * The body of the audit function holds one USDT site; a site outside the functions probed is a copy
 * of the body that is entered without passing them. A lone site must be that of the function
 * itself.
 */
static bool sites_outside(struct elf_file *f, const struct py_image *image,
			  const struct entry_points *e)
{
	if (image->n_usdts == 1 && (e->worker.addr || is_38(image)))
		return false;
	for (size_t i = 0; i < image->n_usdts; i++) {
		uint64_t site = image->usdts[i].config.link_addr;

		if (e->worker.addr
			    ? !site_in(f, &e->worker, site)
			    : !site_in(f, &e->public, site) && !site_in(f, &e->private, site))
			return true;
	}
	return false;
}

/* What goes through _PySys_Audit in C (Python/sysmodule.c, pystate.c, pythonrun.c, import.c), and
 * so through the copies of it that GCC 16 makes with the body inside. Found by comparison with the
 * USDT on Debian's static executables of these versions; 3.15 raises import in Python. */
#define INLINED "events raised through copies of the audit function that the compiler inlined: "
#define INLINED_EVENTS                                                                       \
	"cpython.PyInterpreterState_Clear, cpython._PySys_ClearAuditHooks, exec, "           \
	"sys._current_exceptions, sys._current_frames, sys.addaudithook, "                   \
	"sys.set_asyncgen_hook_finalizer, sys.set_asyncgen_hook_firstiter, sys.setprofile, " \
	"sys.settrace"
static const struct {
	uint32_t minor;
	const char *gap;
} inlined_gaps[] = {
	{0x030d, INLINED INLINED_EVENTS ", import"},
	{0x030e, INLINED INLINED_EVENTS ", import, sys._getframe"},
	{0x030f, INLINED INLINED_EVENTS ", sys._getframe"},
};

static const char *inlined_gap(uint32_t version)
{
	size_t i;

	for (i = 0; i < sizeof(inlined_gaps) / sizeof(*inlined_gaps); i++)
		if (inlined_gaps[i].minor == version >> 16)
			return inlined_gaps[i].gap;
	return INLINED "import, exec, sys._getframe and others";
}

static void judge_coverage(struct elf_file *f, struct py_image *image, const struct entry_points *e)
{
	if (image->has_usdt)
		image->body_inlined = sites_outside(f, image, e);
	else if (e->worker.addr)
		image->body_inlined = e->clone_without_call;
	else if (!is_38(image) && e->private.addr)
		uprobe_gap(image, "events raised through copies that the compiler made of "
				  "_PySys_Audit, if there are any");
	if (image->body_inlined)
		uprobe_gap(image, inlined_gap(image->version));
}

static void usdt_gaps(struct py_image *image, const struct usdt_sites *sites)
{
	if (image->version < 0x030b0000)
		usdt_gap(image, "events raised before a thread state exists: the first open of "
				"pyvenv.cfg, cpython.PyInterpreterState_New");
	else if (image->version < 0x030d0000)
		usdt_gap(image, "events raised before a thread state exists: "
				"cpython.PyInterpreterState_New");
	else
		usdt_gap(image, "events raised before a thread state exists");
	usdt_gap(image, "events that an audit hook written in C has denied");
	usdt_gap(image,
		 "events whose arguments CPython cannot turn into Python objects: it does so for "
		 "each event while this probe is watched, and the traced operation then fails");
	if (sites->incomplete)
		usdt_gap(image, "events of probe sites whose note cannot be understood");
}

static int add_usdts(struct elf_file *f, struct py_image *image)
{
	struct usdt_sites *sites = malloc(sizeof(*sites));
	int err;

	if (!sites)
		return -ENOMEM;
	err = usdt_find(f, sites);
	if (!err && sites->n) {
		image->has_usdt = true;
		image->n_usdts = sites->n;
		memcpy(image->usdts, sites->probes, sizeof(image->usdts));
		usdt_gaps(image, sites);
	}
	free(sites);
	return err;
}

/* A program that no dynamic linker completes has all of an interpreter, or nothing of it. */
static bool is_static(const struct elf_file *f)
{
	for (size_t i = 0; i < f->n_headers; i++)
		if (f->headers[i].p_type == PT_INTERP)
			return false;
	return !f->soname && !f->dynamic[DT_NEEDED];
}

/*
 * Where the interpreter's functions are named: exported, or, in a program that exports nothing,
 * only in .symtab, or in the debug file if that was stripped from a static one. MiniDebugInfo is of
 * no use for it: without the names of data neither version nor types can be told.
 */
static const struct elf_symbol_table *find_symbols(struct elf_file *f,
						   struct found_function *public)
{
	const struct elf_symbol_table *table = &f->dynsym;
	enum py_found how = PY_FOUND_DYNSYM;
	struct elf_symbol sym;
	bool found = elf_symbol_find(table, "PySys_Audit", &sym);

	if (!found && !f->soname) {
		table = elf_file_symtab(f);
		how = PY_FOUND_SYMTAB;
		found = elf_symbol_find(table, "PySys_Audit", &sym);
	}
	if (!found && is_static(f)) {
		table = elf_file_debugfile(f);
		how = PY_FOUND_DEBUGFILE;
		found = elf_symbol_find(table, "PySys_Audit", &sym);
	}
	if (!found || sym.type != STT_FUNC || !elf_file_is_code(f, sym.addr))
		return NULL;
	*public = (struct found_function){.addr = sym.addr, .size = sym.size, .how = how};
	return table;
}

static void describe_file(struct elf_file *f, struct py_image *image)
{
	image->position_independent = f->position_independent;
	image->shared_library = f->soname != NULL;
	if (f->soname)
		snprintf(image->soname, sizeof(image->soname), "%s", f->soname);
	image->build_id_len = elf_file_build_id(f, image->build_id, sizeof(image->build_id));
}

/* The run of segments that starts with the lowest one and ends at the first that is writable: later
 * ones (BOLT appends code) hold no literals. */
static void find_readonly(struct elf_file *f, struct image_config *config)
{
	uint64_t start = UINT64_MAX, limit = UINT64_MAX, end = 0;

	for (size_t i = 0; i < f->n_segments; i++) {
		const struct elf_segment *s = &f->segments[i];

		if (s->flags & PF_W)
			limit = s->addr < limit ? s->addr : limit;
		else
			start = s->addr < start ? s->addr : start;
	}
	for (size_t i = 0; i < f->n_segments; i++) {
		const struct elf_segment *s = &f->segments[i];

		if (!(s->flags & PF_W) && s->addr < limit && s->addr + s->size > end)
			end = s->addr + s->size;
	}
	if (end > limit)
		end = limit;
	if (start < end) {
		config->readonly_start = start;
		config->readonly_end = end;
	}
}

static int read_old(struct elf_file *f, struct py_image *image)
{
	int err = version_find_old(f, &image->version, &image->version_exact);

	image->config.version = image->version;
	return err ?: -ENOTSUP;
}

static int read_image(struct elf_file *f, struct py_image *image)
{
	struct entry_points entries = {0};
	const struct elf_symbol_table *symbols;
	int err;

	describe_file(f, image);
	symbols = find_symbols(f, &entries.public);
	if (!symbols)
		return read_old(f, image);
	image->version = version_find(f, symbols, &image->version_exact);
	if (!image->version)
		return -EBADMSG;
	image->free_threaded = version_free_threaded(symbols);
	image->config.version = image->version;
	find_readonly(f, &image->config);
	layout_fill(f, symbols, image->free_threaded, &image->config);
	frames_fill(f, symbols, image->free_threaded, &image->config);
	finder_find(f, image->version, true, &entries);
	add_uprobes(f, image, &entries);
	err = add_usdts(f, image);
	if (err)
		return err;
	judge_coverage(f, image, &entries);
	return f->error;
}

int py_image_read(int fd, struct py_image **out)
{
	struct py_image *image;
	struct elf_file f;
	int err;

	*out = NULL;
	err = elf_file_open(&f, fd);
	if (err)
		return err;
	image = calloc(1, sizeof(*image));
	err = image ? read_image(&f, image) : -ENOMEM;
	elf_file_close(&f);
	if (err && err != -ENOTSUP) {
		free(image);
		return err;
	}
	*out = image;
	return err;
}

void py_image_free(struct py_image *image)
{
	free(image);
}

enum py_probe_choice py_image_choose(const struct py_image *image, enum py_probe_choice wanted)
{
	if (wanted != PY_PROBE_AUTO)
		return wanted;
	return image->body_inlined && image->n_usdts ? PY_PROBE_USDT : PY_PROBE_UPROBE;
}

const struct py_probe *py_image_probes(const struct py_image *image, enum py_probe_choice choice,
				       size_t *n)
{
	*n = choice == PY_PROBE_USDT ? image->n_usdts : image->n_uprobes;
	return choice == PY_PROBE_USDT ? image->usdts : image->uprobes;
}

const char *const *py_image_gaps(const struct py_image *image, enum py_probe_choice choice,
				 size_t *n)
{
	*n = choice == PY_PROBE_USDT ? image->n_usdt_gaps : image->n_uprobe_gaps;
	return choice == PY_PROBE_USDT ? image->usdt_gaps : image->uprobe_gaps;
}

/* Whether the probed function has the thread's state as an argument. */
static bool has_state(const struct py_probe *probe)
{
	return probe->config.entry == PY_ENTRY_SYS_AUDIT_TSTATE ||
	       probe->config.entry == PY_ENTRY_PYSYS_AUDIT_T;
}

const char *py_image_stack_gap(const struct py_image *image, enum py_probe_choice choice)
{
	size_t n, i, without = 0;
	const struct py_probe *probes = py_image_probes(image, choice, &n);

	if (!image->config.stack.walk)
		return "Python call stacks: the layout of frames is not known";
	if (image->config.stack.thread.source != PY_THREAD_UNKNOWN)
		return NULL;
	for (i = 0; i < n; i++)
		without += !has_state(&probes[i]);
	if (without && without == n)
		return "Python call stacks: where the thread's state is kept is not known";
	return without ? "Python call stacks of events raised by Python code with sys.audit(): "
			 "where "
			 "the thread's state is kept is not known"
		       : NULL;
}

const char *py_image_thread_source(const struct py_image *image)
{
	static const char *const names[] = {
		[PY_THREAD_UNKNOWN] = "an argument of the probed function only",
		[PY_THREAD_GLOBAL] = "_PyRuntime",
		[PY_THREAD_TLS] = "a thread-local variable, fixed offset",
		[PY_THREAD_TLS_OFFSET] = "a thread-local variable, offset in the GOT",
		[PY_THREAD_TLS_MODULE] = "a thread-local variable of the library",
	};

	return names[image->config.stack.thread.source];
}

const char *py_version_text(const struct py_image *image, char *buf, size_t size)
{
	static const char *const levels[16] = {[0xa] = "a", [0xb] = "b", [0xc] = "rc"};
	uint32_t v = image->version;
	const char *level = levels[v >> 4 & 0xf];

	if (!v)
		snprintf(buf, size, "unknown");
	else if (!image->version_exact)
		snprintf(buf, size, "%u.%u", v >> 24, v >> 16 & 0xff);
	else if (level)
		snprintf(buf, size, "%u.%u.%u%s%u", v >> 24, v >> 16 & 0xff, v >> 8 & 0xff, level,
			 v & 0xf);
	else
		snprintf(buf, size, "%u.%u.%u", v >> 24, v >> 16 & 0xff, v >> 8 & 0xff);
	return buf;
}

const char *py_entry_name(enum py_entry entry)
{
	static const char *const names[] = {
		[PY_ENTRY_SYS_AUDIT_TSTATE] = "sys_audit_tstate",
		[PY_ENTRY_SYS_AUDIT] = "sys_audit",
		[PY_ENTRY_PYSYS_AUDIT] = "PySys_Audit",
		[PY_ENTRY_PYSYS_AUDIT_T] = "_PySys_Audit",
		[PY_ENTRY_USDT] = "python:audit",
	};
	const char *name = entry < sizeof(names) / sizeof(*names) ? names[entry] : NULL;

	return name ?: "unknown";
}

const char *py_found_name(enum py_found found)
{
	static const char *const names[] = {
		[PY_FOUND_DYNSYM] = "dynamic symbol table",
		[PY_FOUND_SYMTAB] = "symtab",
		[PY_FOUND_DEBUGDATA] = "MiniDebugInfo",
		[PY_FOUND_DEBUGFILE] = "debug file",
		[PY_FOUND_METHODDEF] = "method table",
		[PY_FOUND_CALL] = "call in PySys_Audit",
		[PY_FOUND_NOTE] = "USDT note",
	};
	const char *name = found < sizeof(names) / sizeof(*names) ? names[found] : NULL;

	return name ?: "unknown";
}

/* Whether literals have a segment to themselves; older linkers put them in with the code. */
static bool has_data_segment(const struct elf_file *f)
{
	for (size_t i = 0; i < f->n_segments; i++)
		if (!(f->segments[i].flags & (PF_W | PF_X)) && f->segments[i].size >= 64 * 1024)
			return true;
	return false;
}

static int segment_pages(struct elf_file *f, const struct elf_segment *s, py_page_fn fn, void *arg)
{
	uint64_t end = s->addr + s->size, addr = s->addr & ~(uint64_t)(PY_PAGE_SIZE - 1);
	unsigned char page[PY_PAGE_SIZE + PY_PAGE_TAIL];
	int err = 0;

	for (; addr < end && !err; addr += PY_PAGE_SIZE) {
		uint64_t from = addr < s->addr ? s->addr : addr;
		uint64_t to = end - addr < sizeof(page) ? end : addr + sizeof(page);
		const void *data = elf_file_at(f, from, to - from);

		if (!data)
			return f->error ?: -EBADMSG;
		memset(page, 0, sizeof(page));
		memcpy(page + (from - addr), data, to - from);
		err = fn(addr, page, to - addr, arg);
	}
	return err;
}

int py_image_pages(int fd, py_page_fn fn, void *arg)
{
	uint32_t skip = PF_W;
	struct elf_file f;
	int err = elf_file_open(&f, fd);

	if (err)
		return err;
	if (has_data_segment(&f))
		skip |= PF_X;
	for (size_t i = 0; i < f.n_segments && !err; i++)
		if (!(f.segments[i].flags & skip))
			err = segment_pages(&f, &f.segments[i], fn, arg);
	elf_file_close(&f);
	return err;
}
