// SPDX-License-Identifier: GPL-2.0-only
#include "enrich/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "target/files.h"

#define CMDLINE_MAX  (64 * 1024)
#define LINK_MAX_LEN (64 * 1024)
#define FIRST_SLOTS  256

/* From this many processes on, those are dropped that are gone though no exit was heard of: the
 * ring may have lost the record. */
#define SWEEP_FIRST 8192

struct entry {
	struct process_info info; /* first: what callers hold is this entry */
	char *exe, *cwd, *cmdline;
};

/* Open addressing over pointers, so that entries stay where they are while the table grows. */
struct process_cache {
	struct entry **slots;
	size_t n_slots; /* a power of two */
	size_t n;
	size_t sweep_at;
	char scratch[CMDLINE_MAX + 1];
};

struct process_cache *process_cache_new(void)
{
	struct process_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->slots = calloc(FIRST_SLOTS, sizeof(*cache->slots));
	if (!cache->slots) {
		free(cache);
		return NULL;
	}
	cache->n_slots = FIRST_SLOTS;
	cache->sweep_at = SWEEP_FIRST;
	return cache;
}

static void entry_clear(struct entry *e)
{
	free(e->exe);
	free(e->cwd);
	free(e->cmdline);
	*e = (struct entry){.info = {.pid = e->info.pid, .ppid = e->info.ppid}};
}

static void entry_free(struct entry *e)
{
	if (e)
		entry_clear(e);
	free(e);
}

void process_cache_free(struct process_cache *cache)
{
	size_t i;

	if (!cache)
		return;
	for (i = 0; i < cache->n_slots; i++)
		entry_free(cache->slots[i]);
	free(cache->slots);
	free(cache);
}

static size_t slot_home(const struct process_cache *cache, uint32_t pid)
{
	return (pid * 2654435761U >> 7) & (cache->n_slots - 1);
}

/* Where pid is, or would be put. */
static size_t slot_of(const struct process_cache *cache, uint32_t pid)
{
	size_t i = slot_home(cache, pid);

	while (cache->slots[i] && cache->slots[i]->info.pid != pid)
		i = (i + 1) & (cache->n_slots - 1);
	return i;
}

static bool table_grow(struct process_cache *cache)
{
	struct entry **old = cache->slots, **slots;
	size_t i, n_old = cache->n_slots;

	slots = calloc(n_old * 2, sizeof(*slots));
	if (!slots)
		return false;
	cache->slots = slots;
	cache->n_slots = n_old * 2;
	for (i = 0; i < n_old; i++)
		if (old[i])
			slots[slot_of(cache, old[i]->info.pid)] = old[i];
	free(old);
	return true;
}

/* Empties slot i and moves up what probing would no longer find behind the hole. */
static void table_remove(struct process_cache *cache, size_t i)
{
	size_t mask = cache->n_slots - 1, j = i, home;

	cache->slots[i] = NULL;
	cache->n--;
	for (j = (i + 1) & mask; cache->slots[j]; j = (j + 1) & mask) {
		home = slot_home(cache, cache->slots[j]->info.pid);
		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		cache->slots[i] = cache->slots[j];
		cache->slots[j] = NULL;
		i = j;
	}
}

struct process_info *process_find(struct process_cache *cache, uint32_t pid)
{
	struct entry *e = cache->slots[slot_of(cache, pid)];

	return e ? &e->info : NULL;
}

void process_forget(struct process_cache *cache, uint32_t pid)
{
	size_t i = slot_of(cache, pid);
	struct entry *e = cache->slots[i];

	if (!e)
		return;
	table_remove(cache, i);
	entry_free(e);
}

/* Removing moves entries of later slots up, so a slot is looked at again. What wraps around from
 * the front to the back is met or left to the next sweep. */
static void sweep(struct process_cache *cache, uint32_t keep)
{
	struct entry *e;
	size_t i = 0;

	while (i < cache->n_slots) {
		e = cache->slots[i];
		if (e && e->info.pid != keep && kill((pid_t)e->info.pid, 0) && errno == ESRCH) {
			table_remove(cache, i);
			entry_free(e);
		} else {
			i++;
		}
	}
	cache->sweep_at = cache->n * 2 > SWEEP_FIRST ? cache->n * 2 : SWEEP_FIRST;
}

/* A copy of what the link says; NULL when it cannot be read. */
static char *read_link(int dir, const char *name)
{
	size_t size = 256;
	char *text = NULL, *grown;
	ssize_t n;

	for (; size <= LINK_MAX_LEN; size *= 2) {
		grown = realloc(text, size);
		if (!grown)
			break;
		text = grown;
		n = readlinkat(dir, name, text, size);
		if (n < 0)
			break;
		if ((size_t)n < size) {
			text[n] = 0;
			return text;
		}
	}
	free(text);
	return NULL;
}

/* A copy with a NUL behind its len bytes. */
static char *copy_bytes(const char *data, size_t len)
{
	char *copy = data ? malloc(len + 1) : NULL;

	if (!copy)
		return NULL;
	memcpy(copy, data, len);
	copy[len] = 0;
	return copy;
}

static void entry_publish(struct entry *e, size_t cmdline_len)
{
	e->info.exe = e->exe;
	e->info.cwd = e->cwd;
	e->info.cmdline = e->cmdline;
	e->info.cmdline_len = e->cmdline ? cmdline_len : 0;
}

static void read_ppid(struct process_cache *cache, int dir, struct process_info *info)
{
	struct proc_stat st;
	size_t len;

	if (!target_read_file(dir, "stat", cache->scratch, sizeof(cache->scratch), &len) &&
	    !target_parse_stat(cache->scratch, &st))
		info->ppid = (uint32_t)st.ppid;
}

/* Fills e from /proc; false if the process is gone, also in part: a zombie has no files and no
 * memory, and keeps its parent only. */
static bool entry_read(struct process_cache *cache, struct entry *e)
{
	char path[32];
	size_t len = 0;
	int dir;

	if (target_open_process((pid_t)e->info.pid, &dir)) {
		snprintf(path, sizeof(path), "/proc/%u", e->info.pid);
		dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0) {
			read_ppid(cache, dir, &e->info);
			close(dir);
		}
		return false;
	}
	read_ppid(cache, dir, &e->info);
	e->exe = read_link(dir, "exe");
	e->cwd = read_link(dir, "cwd");
	if (!target_read_file(dir, "cmdline", cache->scratch, sizeof(cache->scratch), &len) && len)
		e->cmdline = copy_bytes(cache->scratch, len);
	entry_publish(e, len);
	close(dir);
	return true;
}

/* What a child that never executed shares with its parent, its own interpreter included. */
static void entry_inherit(struct entry *e, const struct process_info *parent)
{
	uint32_t pid = e->info.pid, ppid = e->info.ppid;

	e->info = *parent;
	e->info.pid = pid;
	e->info.ppid = ppid;
	e->exe = parent->exe ? strdup(parent->exe) : NULL;
	e->cwd = parent->cwd ? strdup(parent->cwd) : NULL;
	e->cmdline = copy_bytes(parent->cmdline, parent->cmdline_len);
	entry_publish(e, parent->cmdline_len);
}

/* As far as is known it runs what its parent runs. */
static bool is_like(const struct entry *e, const struct process_info *parent)
{
	return !e->exe || (parent->exe && !strcmp(e->exe, parent->exe));
}

static struct entry *entry_new(struct process_cache *cache, uint32_t pid, uint32_t parent)
{
	struct entry *e = calloc(1, sizeof(*e));
	struct process_info *known;

	if (!e)
		return NULL;
	e->info.pid = pid;
	e->info.ppid = parent;
	known = parent ? process_find(cache, parent) : NULL;
	/* It may also go while it is being read. */
	if ((!entry_read(cache, e) || !e->cmdline) && known && is_like(e, known)) {
		entry_clear(e);
		entry_inherit(e, known);
	}
	return e;
}

struct process_info *process_get(struct process_cache *cache, uint32_t pid, uint32_t parent,
				 bool *is_new)
{
	struct process_info *known = process_find(cache, pid);
	struct entry *e;

	*is_new = false;
	if (known)
		return known;
	if (cache->n >= cache->sweep_at)
		sweep(cache, parent);
	if ((cache->n + 1) * 4 > cache->n_slots * 3 && !table_grow(cache))
		return NULL;
	e = entry_new(cache, pid, parent);
	if (!e)
		return NULL;
	cache->slots[slot_of(cache, pid)] = e;
	cache->n++;
	*is_new = true;
	return &e->info;
}

void process_refresh(struct process_cache *cache, uint32_t pid)
{
	struct entry *e = cache->slots[slot_of(cache, pid)];

	if (!e)
		return;
	entry_clear(e);
	entry_read(cache, e);
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Real time minus boot time. We may be interrupted between two readings of a clock: of some samples
 * the one that took least time is the best. */
static int64_t wall_offset(void)
{
	int64_t before, after, real, width, best = INT64_MAX, offset = 0;
	int i;

	for (i = 0; i < 5; i++) {
		before = clock_ns(CLOCK_BOOTTIME);
		real = clock_ns(CLOCK_REALTIME);
		after = clock_ns(CLOCK_BOOTTIME);
		width = after - before;
		if (width < best) {
			best = width;
			offset = real - before - width / 2;
		}
	}
	return offset;
}

/* The wall clock may be set while we run; the difference is measured again after a second. */
int64_t process_wall_clock(uint64_t boot_ns)
{
	static int64_t offset, measured;
	static bool known;
	int64_t now = clock_ns(CLOCK_MONOTONIC_COARSE);

	if (!known || now - measured >= 1000000000) {
		offset = wall_offset();
		measured = now;
		known = true;
	}
	return (int64_t)(boot_ns + (uint64_t)offset);
}
