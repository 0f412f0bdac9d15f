/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel side's reader, compiled for the host: what the bpf/ headers use of the kernel, over
 * the memory of another process, of this one, or over no memory at all (garbage), with faults put
 * in.
 *
 * What has programs and maps cannot be compiled here: capture_all, event_capture and record_send
 * are repeated in short at the end.
 */
#ifndef PYAUDIT_BPF_HOST_H
#define PYAUDIT_BPF_HOST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/cdefs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <linux/types.h>

#include "image_config.h"
#include "wire.h"

/* bpf/knobs.h has it as a constant of the loaded program; here each test sets it. */
#define PYAUDIT_BPF_KNOBS_H
static __u32 knob_string_limit = 512;

static long read_user(void *dst, __u32 size, __u64 addr);
static long read_user_str(void *dst, __u32 size, __u64 addr);
static inline long read_literal(void *dst, __u32 size, __u64 addr, __u32 image, __u64 bias);
static void copy_kernel(void *dst, __u32 size, const void *src);
static int recipe_of(const char *name);

#include "named_types.h"
#include "bpf/filter.h"
#include "bpf/arguments.h"

#define HOST_PAGE    4096u
#define HOST_CACHE   4096 /* pages of a process that is waiting; a power of two */
#define HOST_TOUCHED 256

/* A piece of memory shown at another address, where it ends with the page. */
#define HOST_WINDOW 0x00006000dead0000ull

struct host_page {
	uint64_t addr;
	bool known, present;
	unsigned char data[HOST_PAGE];
};

struct host_memory {
	pid_t pid;		 /* whose memory is read; 0: garbage */
	struct host_page *cache; /* of HOST_CACHE pages; NULL: the memory changes */
	int refused; /* the errno that the kernel refuses with to show the memory at all */

	/* what goes wrong */
	uint64_t fail_at; /* number of the read that fails, from 1; 0 none */
	uint64_t missing; /* the page that is not there; 0 none */
	uint64_t window;  /* what HOST_WINDOW + HOST_PAGE - window_len shows; 0 nothing */
	uint32_t window_len;
	uint64_t seed;
	const uint64_t *words; /* what garbage is made of, beside noise */
	uint32_t n_words;

	/* what was done */
	uint64_t reads;
	bool stray; /* a copy to or from the work area was not inside one array of it */
	uint64_t touched[HOST_TOUCHED];
	uint32_t n_touched;
};

static struct host_memory host_mem;
static struct scratch host_scratch;

static inline uint64_t host_random(void)
{
	/* xorshift64*, Marsaglia and Vigna */
	host_mem.seed ^= host_mem.seed >> 12;
	host_mem.seed ^= host_mem.seed << 25;
	host_mem.seed ^= host_mem.seed >> 27;
	return host_mem.seed * 0x2545f4914f6cdd1dull;
}

static int host_read_process(void *dst, size_t size, uint64_t addr)
{
	struct iovec to = {dst, size}, from = {(void *)(uintptr_t)addr, size};
	ssize_t n = process_vm_readv(host_mem.pid, &to, 1, &from, 1, 0);

	if (n < 0 && errno != EFAULT)
		host_mem.refused = errno;
	return n == (ssize_t)size ? 0 : -EFAULT;
}

/* The page at addr of the waiting process, or NULL. */
static const unsigned char *host_page_at(uint64_t addr)
{
	uint64_t i = addr / HOST_PAGE * 0x9e3779b97f4a7c15ull >> 52, n;
	struct host_page *page;

	for (n = 0; n < HOST_CACHE; n++, i++) {
		page = &host_mem.cache[i & (HOST_CACHE - 1)];
		if (!page->known) {
			page->known = true;
			page->addr = addr;
			page->present = !host_read_process(page->data, HOST_PAGE, addr);
		}
		if (page->addr == addr)
			return page->present ? page->data : NULL;
	}
	return NULL;
}

static void host_touch(uint64_t page)
{
	uint32_t i;

	for (i = 0; i < host_mem.n_touched; i++)
		if (host_mem.touched[i] == page)
			return;
	if (host_mem.n_touched < HOST_TOUCHED)
		host_mem.touched[host_mem.n_touched++] = page;
}

/* What lies inside one page. */
static int host_copy_piece(void *dst, size_t size, uint64_t addr)
{
	uint64_t page = addr & ~(uint64_t)(HOST_PAGE - 1);
	const unsigned char *data;

	if (page == host_mem.missing && page)
		return -EFAULT;
	host_touch(page);
	if (!host_mem.cache)
		return host_read_process(dst, size, addr);
	data = host_page_at(page);
	if (!data)
		return -EFAULT;
	memcpy(dst, data + (addr - page), size);
	return 0;
}

static int host_copy(void *dst, size_t size, uint64_t addr)
{
	uint64_t first = HOST_WINDOW + HOST_PAGE - host_mem.window_len;
	size_t n;
	int err;

	if (host_mem.window && addr - HOST_WINDOW < 2 * HOST_PAGE) {
		if (addr < first || addr + size > HOST_WINDOW + HOST_PAGE)
			return -EFAULT;
		addr += host_mem.window - first;
	}
	while (size) {
		n = HOST_PAGE - addr % HOST_PAGE;
		if (n > size)
			n = size;
		err = host_copy_piece(dst, n, addr);
		if (err)
			return err;
		dst = (char *)dst + n;
		addr += n;
		size -= n;
	}
	return 0;
}

static uint64_t host_garbage_word(void)
{
	uint64_t r = host_random();

	switch (r & 7) {
	case 0: return 0;
	case 1: return r >> 8 & 15;
	case 2: return r >> 8 & 0xfff;
	case 3: return r;
	case 4: return 1ull << (r >> 8 & 63);
	default: return host_mem.words[(r >> 8) % host_mem.n_words];
	}
}

#define HOST_NOISE 512 /* bytes of it at once: there is a NUL soon */

static int host_garbage(void *dst, size_t size)
{
	uint64_t word;
	size_t at, n;

	if (!(host_random() & 15))
		return -EFAULT;
	for (at = 0; at < size; at += n) {
		word = at < 128 ? host_garbage_word() : host_random();
		n = size - at < sizeof(word) ? size - at : sizeof(word);
		memcpy((char *)dst + at, &word, n);
	}
	return 0;
}

#define HOST_ARRAY(member)                                                              \
	{                                                                               \
		offsetof(struct scratch, member), sizeof(((struct scratch *)0)->member) \
	}

/* ASan sees one struct; that what is copied stays inside one array of it is checked here. */
static void host_check_room(const void *dst, size_t size)
{
	static const struct {
		size_t at, size;
	} arrays[] = {HOST_ARRAY(gp),	HOST_ARRAY(fmt),    HOST_ARRAY(object), HOST_ARRAY(more),
		      HOST_ARRAY(name), HOST_ARRAY(record), HOST_ARRAY(frames)};
	size_t at = (uintptr_t)dst - (uintptr_t)&host_scratch, i;

	if (at >= sizeof(host_scratch))
		return;
	for (i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		if (at >= arrays[i].at && at + size <= arrays[i].at + arrays[i].size)
			return;
	host_mem.stray = true;
}

/* Whether the read that begins now is to fail. */
static bool host_read_fails(const void *dst, __u32 size)
{
	host_check_room(dst, size);
	return ++host_mem.reads == host_mem.fail_at;
}

/* As bpf_probe_read_user: what could not be read whole is zero. */
static long read_user(void *dst, __u32 size, __u64 addr)
{
	bool fails = host_read_fails(dst, size);

	if (!fails && !(host_mem.pid ? host_copy(dst, size, addr) : host_garbage(dst, size)))
		return 0;
	memset(dst, 0, size);
	return -EFAULT;
}

/* The length without NUL of what is there, `size` if no NUL is among so many bytes, or -EFAULT.
 * Nothing behind the NUL is written: so it is since Linux 5.10 (6fa6d28051e9). */
static long host_copy_string(char *dst, __u32 size, __u64 addr)
{
	char piece[HOST_PAGE];
	__u32 at, n, len;
	int err;

	for (at = 0; at < size; at += n) {
		n = HOST_PAGE - (addr + at) % HOST_PAGE;
		if (n > size - at)
			n = size - at;
		if (!host_mem.pid && n > HOST_NOISE)
			n = HOST_NOISE;
		err = host_mem.pid ? host_copy(piece, n, addr + at) : host_garbage(piece, n);
		if (err)
			return err;
		len = strnlen(piece, n);
		memcpy(dst + at, piece, len < n ? len + 1 : n);
		if (len < n)
			return at + len;
	}
	return size;
}

/* As bpf_probe_read_user_str (strncpy_from_user_nofault). */
static long read_user_str(void *dst, __u32 size, __u64 addr)
{
	bool fails = host_read_fails(dst, size);
	long n = fails ? -EFAULT : host_copy_string(dst, size, addr);

	if (n < 0) {
		memset(dst, 0, size);
		return n;
	}
	if (n < size)
		return n + 1;
	if (size)
		((char *)dst)[size - 1] = 0;
	return size;
}

/* bpf/literal.h looks in maps for pages that are not there; here nothing is in them. */
static inline long read_literal(void *dst, __u32 size, __u64 addr, __u32 image, __u64 bias)
{
	return read_user_str(dst, size, addr);
}

static void copy_kernel(void *dst, __u32 size, const void *src)
{
	host_check_room(dst, size);
	host_check_room(src, size);
	memcpy(dst, src, size);
}

/* What the map of user/kernel has for a type's name. */
static int recipe_of(const char *name)
{
	static const struct {
		char name[TYPE_NAME_KEY];
		int recipe;
	} types[] = {
#define ROW(name, recipe) {name, recipe},
		NAMED_TYPES(ROW)
#undef ROW
	};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!memcmp(types[i].name, name, TYPE_NAME_KEY))
			return types[i].recipe;
	return RECIPE_PLAIN;
}

/* --- what bpf/pyaudit.bpf.c does around the headers --- */

/* record_start and put_name of bpf/event.h. What another event left behind in the work area is
 * noise. */
static inline struct scratch *host_start(uint64_t bias)
{
	struct scratch *s = &host_scratch;
	struct wire_value *v;

	memset(s, 0xa5, offsetof(struct scratch, record));
	s->image = 0;
	record_reset(s, bias);
	s->fmt[0] = s->fmt[1] = 0;
	host_mem.reads = host_mem.n_touched = 0;
	host_mem.stray = false;
	v = put(s, WIRE_STR, WIRE_OK, 0, 4);
	memcpy(record_room(s, s->used), "test", 4);
	end_payload(s, v, 4);
	return s;
}

/* capture_all. Returns the number of steps taken. */
static inline int host_walk(struct scratch *s, const struct image_config *image)
{
	int i, next;

	for (i = 0; i < MAX_STEPS; i++) {
		next = capture_step(s);
		if (next == STEP_DONE)
			break;
		if (next == STEP_OBJECT)
			capture_item(s, image);
	}
	end_walk(s);
	return i;
}

/* record_send. Returns the record's size. */
static inline size_t host_finish(struct scratch *s)
{
	struct wire_audit *a = (struct wire_audit *)s->record;

	*a = (struct wire_audit){
		.head = {.kind = WIRE_AUDIT, .pid = 4711, .tid = 4711, .comm = "python3"},
		.flags = s->audit_flags,
		.values = s->top,
		.args = s->args,
	};
	a->head.size = at_most(s->used, WIRE_MAX_RECORD);
	return a->head.size;
}

/* One argument, as sys_audit has them. */
static inline void host_start_object(struct scratch *s, __u64 object)
{
	s->frames[0].cache[0] = object;
	s->frames[0].cached = s->frames[0].left = s->args = 1;
}

/* event_capture and start_arguments for an entry with a format. */
static inline void host_start_format(struct scratch *s, const struct image_config *image,
				     __u64 format)
{
	long n = read_user_str(s->fmt, FORMAT_LEN, format);

	if (n < 0) {
		s->audit_flags |= WIRE_AUDIT_FMT_UNREAD;
		return;
	}
	start_format(s, image);
}

/* glob_matches: 1 or 0, or -1 when it took too many steps and counts as a match. */
static inline int host_glob(struct scratch *s, const struct pattern *p, const char *name)
{
	int i;

	s->name_len = strlen(name);
	memcpy(s->name, name, s->name_len + 1);
	glob_start(s, 0);
	for (i = 0; i < 2048; i++)
		if (glob_step(s, p))
			return s->verdict;
	return -1;
}

#endif
