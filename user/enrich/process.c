// SPDX-License-Identifier: GPL-2.0-only
#include "enrich/otel.h"
#include "enrich/process_entry.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define FIRST_SLOTS 256

/* From this many processes on, those are dropped that are gone though no exit was heard of: the
 * ring may have lost the record. */
#define SWEEP_FIRST 8192

/* Open addressing over pointers, so that entries stay where they are while the table grows. */
struct process_cache {
	struct process_entry **slots;
	size_t n_slots; /* a power of two */
	size_t n;
	size_t sweep_at;
	process_cmdline_fn edit; /* or NULL */
	void *edit_arg;
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

void process_entry_clear(struct process_entry *e)
{
	free(e->exe);
	free(e->cwd);
	free(e->cmdline);
	cgroup_identity_free(&e->cgroup);
	buf_free(&e->otel);
	e->info.otel = NULL;
	e->info.otel_len = e->looks = 0;
	e->otel_at = 0;
	e->exe = e->cwd = e->cmdline = NULL;
	e->cmdline_len = 0;
}

static const char *known_or_null(const char *text)
{
	return *text ? text : NULL;
}

void process_entry_publish(struct process_entry *e)
{
	struct process_info *info = &e->info;

	info->exe = e->exe;
	info->cwd = e->cwd;
	info->cmdline = e->cmdline;
	info->cmdline_len = e->cmdline_len;
	info->started_ns = info->start ? process_wall_clock(info->start) : 0;
	info->cgroup = e->cgroup.path;
	info->unit = e->cgroup.unit;
	info->container = known_or_null(e->cgroup.container);
	info->pod = known_or_null(e->cgroup.pod);
}

static void entry_free(struct process_entry *e)
{
	if (e)
		process_entry_clear(e);
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
	struct process_entry **old = cache->slots, **slots;
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
	struct process_entry *e = cache->slots[slot_of(cache, pid)];

	return e ? &e->info : NULL;
}

size_t process_count_announced(const struct process_cache *cache)
{
	size_t i, n = 0;

	for (i = 0; i < cache->n_slots; i++)
		n += cache->slots[i] && cache->slots[i]->info.probe;
	return n;
}

void process_forget(struct process_cache *cache, uint32_t pid)
{
	size_t i = slot_of(cache, pid);
	struct process_entry *e = cache->slots[i];

	if (!e)
		return;
	table_remove(cache, i);
	entry_free(e);
}

/* Removing moves entries of later slots up, so a slot is looked at again. What wraps around from
 * the front to the back is met once more. */
void process_forget_all(struct process_cache *cache,
			bool (*fn)(const struct process_info *info, const void *arg),
			const void *arg)
{
	struct process_entry *e;
	size_t i = 0;

	while (i < cache->n_slots) {
		e = cache->slots[i];
		if (e && fn(&e->info, arg)) {
			table_remove(cache, i);
			entry_free(e);
		} else {
			i++;
		}
	}
}

static bool is_gone(const struct process_info *info, const void *arg)
{
	return kill((pid_t)info->pid, 0) && errno == ESRCH;
}

static void sweep(struct process_cache *cache)
{
	process_forget_all(cache, is_gone, NULL);
	cache->sweep_at = cache->n * 2 > SWEEP_FIRST ? cache->n * 2 : SWEEP_FIRST;
}

static struct process_entry *entry_add(struct process_cache *cache, uint32_t pid)
{
	struct process_entry *e;

	if (cache->n >= cache->sweep_at)
		sweep(cache);
	if ((cache->n + 1) * 4 > cache->n_slots * 3 && !table_grow(cache))
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->info.pid = pid;
	cache->slots[slot_of(cache, pid)] = e;
	cache->n++;
	return e;
}

void process_cache_edit(struct process_cache *cache, process_cmdline_fn edit, void *arg)
{
	cache->edit = edit;
	cache->edit_arg = arg;
}

/* length: bytes the command line really has. */
static void edit_cmdline(struct process_cache *cache, struct process_entry *e, uint64_t length)
{
	if (!cache->edit || !e->cmdline)
		return;
	e->cmdline =
		cache->edit(cache->edit_arg, e->cmdline, &e->cmdline_len, e->cmdline_len < length);
	if (!e->cmdline)
		e->cmdline_len = 0;
	process_entry_publish(e);
}

static void entry_read(struct process_cache *cache, struct process_entry *e)
{
	process_entry_read(e);
	edit_cmdline(cache, e, e->cmdline_len + (e->cmdline_len == CMDLINE_MAX));
}

struct process_info *process_get(struct process_cache *cache, uint32_t pid)
{
	struct process_info *known = process_find(cache, pid);
	struct process_entry *e;

	if (known)
		return known;
	e = entry_add(cache, pid);
	if (!e)
		return NULL;
	entry_read(cache, e);
	return &e->info;
}

/* `probe` stays: events from before the exec may still go out. */
void process_executed(struct process_cache *cache, uint32_t pid, uint64_t time)
{
	struct process_info *info = process_find(cache, pid);
	struct process_entry *e = (struct process_entry *)info;

	if (!info)
		return;
	/* The kernel has told of a followed process just before. */
	e->stale |= info->exec <= info->told_exec;
	if (e->stale)
		info->exec = time;
	info->python = info->build = NULL;
	info->entries = info->missed = NULL;
	info->n_entries = info->n_missed = 0;
	info->unseen_ns = 0;
}

void process_renew(struct process_cache *cache, struct process_info *info)
{
	struct process_entry *e = (struct process_entry *)info;

	if (!e->stale)
		return;
	e->stale = false;
	process_entry_clear(e);
	process_entry_publish(e);
	entry_read(cache, e);
}

/* Whether it may be the process the record is of. /proc tells the start less exactly. */
static bool is_same(const struct process_entry *e, const struct wire_process *wire)
{
	const uint64_t tick = 1000000000 / sysconf(_SC_CLK_TCK);

	return !e->info.start || e->info.start / tick == wire->start / tick;
}

struct process_info *process_learn(struct process_cache *cache, const struct wire_process *wire)
{
	struct process_entry *e = cache->slots[slot_of(cache, wire->head.pid)];

	if (e && !is_same(e, wire)) {
		process_forget(cache, wire->head.pid);
		e = NULL;
	}
	if (!e)
		e = entry_add(cache, wire->head.pid);
	if (!e)
		return NULL;
	process_entry_clear(e);
	process_entry_take(e, wire);
	e->info.exec = wire->exec;
	e->stale = false;
	edit_cmdline(cache, e, wire->cmdline);
	return &e->info;
}

/* An SDK publishes its context when it is set up, which may be soon or late; looking costs as much
 * as reading the map of the process. */
void process_look_otel(struct process_info *info)
{
	static const int64_t pauses[] = {1, 1, 3, 10, 30, 60}; /* seconds */
	struct process_entry *e = (struct process_entry *)info;
	int64_t now = clock_ns(CLOCK_MONOTONIC_COARSE);
	struct buf pairs = {0};

	if (now < e->otel_at)
		return;
	e->otel_at = now + pauses[e->looks] * 1000000000;
	if (e->looks < sizeof(pauses) / sizeof(*pauses) - 1)
		e->looks++;
	otel_read(info->pid, &pairs);
	/* A process that is going has told what it had to tell. */
	if (!pairs.len || pairs.failed) {
		buf_free(&pairs);
		return;
	}
	buf_free(&e->otel);
	e->otel = pairs;
	info->otel = pairs.data;
	info->otel_len = pairs.len;
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
