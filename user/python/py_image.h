/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CPython image: what an ELF file says about the interpreter inside it. Everything is read from
 * the file's content; its name and the process that maps it play no part.
 */
#ifndef PYAUDIT_PY_IMAGE_H
#define PYAUDIT_PY_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "image_config.h"

#define PY_MAX_PROBES 16
#define PY_MAX_GAPS   8

/* How an entry point was found. */
enum py_found {
	PY_FOUND_DYNSYM = 1, /* exported */
	PY_FOUND_SYMTAB,     /* .symtab of the file */
	PY_FOUND_DEBUGDATA,  /* .gnu_debugdata (MiniDebugInfo) */
	PY_FOUND_DEBUGFILE,  /* /usr/lib/debug/.build-id */
	PY_FOUND_METHODDEF,  /* the PyMethodDef {"audit", ...} */
	PY_FOUND_CALL,	     /* a call target of PySys_Audit, confirmed by the unwind table */
	PY_FOUND_NOTE,	     /* .note.stapsdt */
};

/* Where a probe can stand and what it sees there. */
struct py_probe {
	struct probe_config config; /* image left 0: the loader numbers images */
	uint64_t file_offset;	    /* of the probed instruction: what perf and libbpf take */
	uint64_t semaphore_offset;  /* file offset of the USDT semaphore; 0: none */
	uint64_t function;	    /* link address of the function's first byte */
	enum py_found found;
	bool emulated; /* the kernel emulates this instruction, no single step */
};

/* Which of the two ways of watching. */
enum py_probe_choice { PY_PROBE_AUTO, PY_PROBE_UPROBE, PY_PROBE_USDT };

enum py_libc { PY_LIBC_UNKNOWN, PY_LIBC_GLIBC, PY_LIBC_MUSL };

struct py_image {
	uint32_t version;   /* PY_VERSION_HEX, or 0x03MM0000 when only the minor is known */
	bool version_exact; /* the patch level and release are known too */
	bool free_threaded;
	bool has_usdt;	   /* python:audit notes are present */
	bool body_inlined; /* some C callers hold the body: function probes miss their events */
	bool position_independent;
	bool shared_library; /* has a SONAME: libpython rather than an executable */
	char soname[128];
	uint8_t build_id[20];
	size_t build_id_len;
	struct image_config config; /* config.decode 0: unknown version, C-level arguments only */

	/* The probes of the function way and of the USDT way; each a complete set. */
	struct py_probe uprobes[PY_MAX_PROBES], usdts[PY_MAX_PROBES];
	size_t n_uprobes, n_usdts;

	/* What a choice cannot see, one clear phrase each, static strings. */
	const char *uprobe_gaps[PY_MAX_GAPS], *usdt_gaps[PY_MAX_GAPS];
	size_t n_uprobe_gaps, n_usdt_gaps;
};

/*
 * Reads the image in the open file fd (any offset; not closed). *out is owned by the caller, freed
 * with py_image_free. Returns 0 or: -ENOEXEC  not an ELF file for this machine -ENOENT   an ELF
 * file without a CPython in it (no PySys_Audit); an executable that merely needs libpython is this
 *   -ENOTSUP  a CPython older than 3.8, which has no audit events; *out is set and tells the
 * version -EBADMSG  a damaged ELF file -ENOMEM, or what reading the file failed with
 */
int py_image_read(int fd, struct py_image **out);
void py_image_free(struct py_image *image);

/* The choice "auto" comes to for this image: PY_PROBE_UPROBE or PY_PROBE_USDT. */
enum py_probe_choice py_image_choose(const struct py_image *image, enum py_probe_choice wanted);

/* The probes of a choice (never PY_PROBE_AUTO); *n is their number. */
const struct py_probe *py_image_probes(const struct py_image *image, enum py_probe_choice choice,
				       size_t *n);

/* What the choice misses: an array of *n phrases. */
const char *const *py_image_gaps(const struct py_image *image, enum py_probe_choice choice,
				 size_t *n);

/* Which Python call stacks are not to be had with the choice; NULL: all are. */
const char *py_image_stack_gap(const struct py_image *image, enum py_probe_choice choice);

/* Where the thread's state is, "_PyRuntime", ...; for people. */
const char *py_image_thread_source(const struct py_image *image);

/* "3.11.2", "3.14.0rc1", or "3.9" when the patch level is not known; into buf, returned. */
const char *py_version_text(const struct py_image *image, char *buf, size_t size);

const char *py_entry_name(enum py_entry entry); /* "sys_audit_tstate", "python:audit", ... */
const char *py_found_name(enum py_found found); /* "symtab", "method table", ... */

/*
 * Calls fn for each page of the file's read-only data that can hold string literals: its link
 * address, a multiple of PY_PAGE_SIZE, and its content with up to PY_PAGE_TAIL bytes of the next
 * one, so that no literal is cut. Returns 0, what fn returned when that was not 0, or a negative
 * errno.
 */
#define PY_PAGE_SIZE 4096
#define PY_PAGE_TAIL 256
typedef int (*py_page_fn)(uint64_t addr, const void *data, size_t len, void *arg);
int py_image_pages(int fd, py_page_fn fn, void *arg);

#endif
