// SPDX-License-Identifier: GPL-2.0-only
#include "images.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

struct images {
	struct tracer *tracer;
	enum py_probe_choice wanted;
	bool stacks;
	struct image_entry **entries;
	size_t n, cap;
	struct image_entry *numbered[MAX_IMAGES]; /* by the tracer's number */
	size_t attached;
};

struct images *images_new(struct tracer *tracer, enum py_probe_choice wanted, bool stacks)
{
	struct images *images = calloc(1, sizeof(*images));

	if (images) {
		images->tracer = tracer;
		images->wanted = wanted;
		images->stacks = stacks;
	}
	return images;
}

static struct image_entry *find(const struct images *images, uint64_t dev, uint64_t ino)
{
	size_t i;

	for (i = 0; i < images->n; i++)
		if (images->entries[i]->dev == dev && images->entries[i]->ino == ino)
			return images->entries[i];
	return NULL;
}

static struct image_entry *new_entry(struct images *images, const struct target_file *file)
{
	size_t cap = images->cap ? images->cap * 2 : 64;
	struct image_entry **entries, *e;

	if (images->n == images->cap) {
		entries = reallocarray(images->entries, cap, sizeof(*entries));
		if (!entries)
			return NULL;
		images->entries = entries;
		images->cap = cap;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	*e = (struct image_entry){.dev = file->dev, .ino = file->ino, .fd = -1, .number = -1};
	return images->entries[images->n++] = e;
}

/* What the process record says of the image. */
static void describe(struct image_entry *e)
{
	const struct py_probe *probes;
	size_t n, i;

	py_version_text(e->image, e->version, sizeof(e->version));
	snprintf(e->build, sizeof(e->build), "%s%s",
		 e->image->soname[0] ? e->image->soname : "static executable",
		 e->image->free_threaded ? ", free-threaded" : "");
	probes = py_image_probes(e->image, e->choice, &n);
	for (i = 0; i < n; i++) {
		const char *name = py_entry_name(probes[i].config.entry);

		/* The sites of one USDT probe are one entry. */
		if (!e->n_entries || strcmp(e->entries[e->n_entries - 1], name))
			e->entries[e->n_entries++] = name;
	}
}

static void describe_gaps(struct image_entry *e, bool stacks)
{
	const char *const *gaps = py_image_gaps(e->image, e->choice, &e->n_missed);
	const char *no_stacks = stacks ? py_image_stack_gap(e->image, e->choice) : NULL;

	memcpy(e->missed, gaps, e->n_missed * sizeof(*gaps));
	if (no_stacks)
		e->missed[e->n_missed++] = no_stacks;
}

static void warn_degraded(const struct image_entry *e, const char *path, bool stacks)
{
	const char *no_stacks = stacks ? py_image_stack_gap(e->image, e->choice) : NULL;

	if (!e->image->config.decode)
		log_warn(
			"%s: CPython %s: object layout not known; names and C-level arguments only",
			path, e->version);
	if (no_stacks)
		log_warn("%s: CPython %s: not shown: %s", path, e->version, no_stacks);
}

/* Files with one build-id may be one file seen through two mounts. */
static void mark_twins(struct images *images, const struct image_entry *e)
{
	bool any = false;
	size_t i;

	for (i = 0; i < images->n && e->image->build_id_len; i++) {
		const struct image_entry *other = images->entries[i];

		if (other == e || other->error || !other->image ||
		    other->image->build_id_len != e->image->build_id_len ||
		    memcmp(other->image->build_id, e->image->build_id, e->image->build_id_len))
			continue;
		tracer_mark_twin(images->tracer, other->number);
		any = true;
	}
	if (any)
		tracer_mark_twin(images->tracer, e->number);
}

static uint64_t boot_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int attach_first(struct images *images, struct image_entry *e,
			const struct target_file *file, pid_t pid)
{
	size_t n;

	e->choice = py_image_choose(e->image, images->wanted);
	py_image_probes(e->image, e->choice, &n);
	if (!n) {
		log_error("%s: no %s to attach to; use --probe auto", file->path,
			  e->choice == PY_PROBE_USDT ? "USDT python:audit" : "audit function");
		return -ENXIO;
	}
	e->fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
	if (e->fd < 0)
		return -errno;
	e->number = tracer_attach(images->tracer, e->fd, e->image, e->choice, pid);
	if (e->number < 0) {
		log_error("%s: cannot attach: %s; see --check", file->path, strerror(-e->number));
		return e->number;
	}
	e->attached_at = boot_now();
	mark_twins(images, e);
	images->numbered[e->number] = e;
	images->attached++;
	describe(e);
	describe_gaps(e, images->stacks);
	warn_degraded(e, file->path, images->stacks);
	log_info("%s: CPython %s, %s, %zu probes", file->path, e->version, e->build, n);
	return 0;
}

static bool attached_in(const struct image_entry *e, pid_t pid)
{
	size_t i;

	for (i = 0; i < e->n_pids; i++)
		if (e->pids[i] == pid)
			return true;
	return false;
}

static void note_pid(struct image_entry *e, pid_t pid)
{
	pid_t *pids = reallocarray(e->pids, e->n_pids + 1, sizeof(*pids));

	if (!pids)
		return;
	e->pids = pids;
	e->pids[e->n_pids++] = pid;
}

/* Where probes are put a process at a time, this is another process. */
static void attach_again(struct images *images, struct image_entry *e,
			 const struct target_file *file, pid_t pid)
{
	int err;

	if (e->error || pid < 0 || attached_in(e, pid))
		return;
	err = tracer_attach_pid(images->tracer, e->number, pid);
	if (err)
		log_error("%s: cannot attach to PID %d: %s", file->path, pid, strerror(-err));
	else
		note_pid(e, pid);
}

const struct image_entry *images_add(struct images *images, const struct target_file *file,
				     pid_t pid)
{
	struct image_entry *e = find(images, file->dev, file->ino);

	if (e) {
		attach_again(images, e, file, pid);
		return e;
	}
	e = new_entry(images, file);
	if (!e)
		return NULL;
	e->error = py_image_read(file->fd, &e->image);
	if (e->image)
		py_version_text(e->image, e->version, sizeof(e->version));
	if (!e->error)
		e->error = attach_first(images, e, file, pid);
	if (!e->error && pid > 0)
		note_pid(e, pid);
	return e;
}

const struct image_entry *images_of_probe(const struct images *images, uint32_t probe)
{
	int number = tracer_probe_image(images->tracer, probe);

	return number < 0 ? NULL : images->numbered[number];
}

size_t images_attached(const struct images *images)
{
	return images->attached;
}

void images_count(const struct images *images, struct images_counts *counts)
{
	const struct py_probe *probes;
	size_t i, k, n, gaps;

	*counts = (struct images_counts){0};
	for (i = 0; i < images->n; i++) {
		const struct image_entry *e = images->entries[i];

		if (e->error || !e->image)
			continue;
		probes = py_image_probes(e->image, e->choice, &n);
		for (k = 0; k < n; k++) {
			counts->emulated += probes[k].emulated;
			counts->stepped += !probes[k].emulated;
		}
		counts->usdt_files += e->choice == PY_PROBE_USDT;
		counts->uprobe_files += e->choice != PY_PROBE_USDT;
		py_image_gaps(e->image, e->choice, &gaps);
		counts->incomplete_files += gaps > 0;
	}
}

void images_free(struct images *images)
{
	size_t i;

	if (!images)
		return;
	for (i = 0; i < images->n; i++) {
		if (images->entries[i]->fd >= 0)
			close(images->entries[i]->fd);
		py_image_free(images->entries[i]->image);
		free(images->entries[i]->pids);
		free(images->entries[i]);
	}
	free(images->entries);
	free(images);
}
