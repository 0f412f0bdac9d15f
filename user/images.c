// SPDX-License-Identifier: GPL-2.0-only
#include "images.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/seen.h"
#include "image_places.h"

/* Files that are no CPython, by number and content; and those that are some, but refused. */
#define OTHERS_MAX  8192
#define REFUSED_MAX 64

struct images {
	struct tracer *tracer;
	enum py_probe_choice wanted;
	bool stacks;
	struct image_entry **entries;
	size_t n, cap;
	struct image_entry *left; /* let go, but their records may not all be written */
	struct image_entry *numbered[MAX_IMAGES]; /* by the tracer's number */
	size_t attached;			  /* ever */
	size_t refused;
	struct seen *others;
	images_gone_fn gone;
	void *gone_arg;
	struct image_entry other; /* what images_add returns for these */
};

struct images *images_new(struct tracer *tracer, enum py_probe_choice wanted, bool stacks,
			  images_gone_fn gone, void *arg)
{
	struct images *images = calloc(1, sizeof(*images));

	if (images) {
		images->tracer = tracer;
		images->wanted = wanted;
		images->stacks = stacks;
		images->other = (struct image_entry){.fd = -1, .error = -ENOENT, .number = -1};
		images->others = seen_new(OTHERS_MAX);
		images->gone = gone;
		images->gone_arg = arg;
	}
	if (images && !images->others) {
		free(images);
		return NULL;
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
	*e = (struct image_entry){.dev = file->dev,
				  .ino = file->ino,
				  .size = file->size,
				  .modified = file->modified,
				  .fd = -1,
				  .number = -1};
	return images->entries[images->n++] = e;
}

static void free_entry(struct image_entry *e)
{
	if (e->fd >= 0)
		close(e->fd);
	py_image_free(e->image);
	free(e->places);
	free(e);
}

/* An image without probes, whose records may not all be written. */
static void leave(struct images *images, struct image_entry *e)
{
	log_info("CPython %s, %s: let go", e->version, e->build);
	if (e->owner)
		e->owner->sharers--;
	else
		tracer_detach_image(images->tracer, e->number);
	e->left_at = clock_ns(CLOCK_BOOTTIME);
	e->next = images->left;
	images->left = e;
}

static void bury(struct images *images, struct image_entry *e)
{
	images->gone(e, images->gone_arg);
	if (!e->owner) {
		images->numbered[e->number] = NULL;
		tracer_release_image(images->tracer, e->number);
	}
	free_entry(e);
}

void images_bury(struct images *images, uint64_t before)
{
	struct image_entry **link = &images->left, *e;

	while ((e = *link)) {
		if (e->left_at >= before) {
			link = &e->next;
			continue;
		}
		*link = e->next;
		bury(images, e);
	}
}

static void drop_entry(struct images *images, struct image_entry *e)
{
	size_t i;

	for (i = 0; images->entries[i] != e;)
		i++;
	images->entries[i] = images->entries[--images->n];
	images->refused -= e->error != 0;
	if (!e->error)
		leave(images, e);
	else
		free_entry(e);
}

static void drop_refused(struct images *images)
{
	size_t i = images->n;

	while (i-- > 0)
		if (images->entries[i]->error)
			drop_entry(images, images->entries[i]);
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

/* Files with one build-id may be one file seen through two mounts. Those that have probes are
 * marked before another gets its own: no event may meet two that do not know of each other. Returns
 * whether there are any. */
static bool mark_twins(struct images *images, const struct image_entry *e)
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
	return any;
}

static int attach_first(struct images *images, struct image_entry *e,
			const struct target_file *file, pid_t pid)
{
	size_t n;
	int err;

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
	err = image_places_add(images->tracer, e, pid, mark_twins(images, e));
	if (err) {
		log_error("%s: cannot attach: %s; see --check", file->path, strerror(-err));
		return err;
	}
	e->attached_at = clock_ns(CLOCK_BOOTTIME);
	images->numbered[e->number] = e;
	images->attached++;
	describe(e);
	describe_gaps(e, images->stacks);
	warn_degraded(e, file->path, images->stacks);
	log_info("%s: CPython %s, %s, %zu probes", file->path, e->version, e->build, n);
	return 0;
}

/* A file written anew in its place is another one: what it was before is nowhere any more, and the
 * probes stand where they should not. */
static bool is_changed(const struct image_entry *e, const struct target_file *file)
{
	return e->size != file->size || e->modified != file->modified;
}

/* The entry with probes that is the same file underneath. */
static struct image_entry *find_owner(const struct images *images, uint64_t inode,
				      const struct target_file *file)
{
	size_t i;

	for (i = 0; i < images->n && inode; i++) {
		struct image_entry *e = images->entries[i];

		if (e->inode == inode && !e->error && !e->owner && !is_changed(e, file))
			return e;
	}
	return NULL;
}

/* What is known of the owner is true of the file. */
static int share(struct images *images, struct image_entry *e, struct image_entry *owner,
		 const struct target_file *file)
{
	e->fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
	if (e->fd < 0)
		return -errno;
	e->owner = owner;
	owner->sharers++;
	images->attached++;
	e->choice = owner->choice;
	e->attached_at = owner->attached_at;
	memcpy(e->version, owner->version, sizeof(e->version));
	memcpy(e->build, owner->build, sizeof(e->build));
	memcpy(e->entries, owner->entries, sizeof(e->entries));
	memcpy(e->missed, owner->missed, sizeof(e->missed));
	e->n_entries = owner->n_entries;
	e->n_missed = owner->n_missed;
	log_info("%s: CPython %s, %s, the same file as one that has probes", file->path, e->version,
		 e->build);
	return 0;
}

/* Where probes are put a process at a time, this is another process. */
static void attach_again(struct images *images, struct image_entry *e,
			 const struct target_file *file, pid_t pid)
{
	int err;

	if (e->error || pid < 0 || image_places_have(e, pid))
		return;
	err = image_places_add(images->tracer, e, pid, false);
	if (err)
		log_error("%s: cannot attach to PID %d: %s", file->path, pid, strerror(-err));
}

void images_attach_anew(struct images *images, pid_t pid, pid_t thread)
{
	size_t n;

	for (n = 0; n < MAX_IMAGES; n++)
		if (images->numbered[n])
			image_places_renew(images->tracer, images->numbered[n], pid, thread);
}

static struct seen_key file_key(const struct target_file *file)
{
	return (struct seen_key){file->dev, file->ino, (uint64_t)file->modified ^ file->size << 48};
}

/* NULL without memory. */
static struct image_entry *add_image(struct images *images, const struct target_file *file,
				     struct py_image *image, int err, pid_t pid)
{
	struct image_entry *e;

	if (images->refused == REFUSED_MAX)
		drop_refused(images);
	e = new_entry(images, file);
	if (!e) {
		py_image_free(image);
		return NULL;
	}
	e->image = image;
	if (image)
		py_version_text(image, e->version, sizeof(e->version));
	e->error = err ?: attach_first(images, e, file, pid);
	images->refused += e->error != 0;
	return e;
}

static struct image_entry *add_shared(struct images *images, const struct target_file *file,
				      struct image_entry *owner)
{
	struct image_entry *e = new_entry(images, file);

	if (!e)
		return NULL;
	e->error = share(images, e, owner, file);
	images->refused += e->error != 0;
	return e;
}

static struct image_entry *add_first(struct images *images, const struct target_file *file,
				     pid_t pid)
{
	/* In one process there are no others to share with. */
	uint64_t inode = pid < 0 ? tracer_file_inode(images->tracer, file->fd) : 0;
	struct image_entry *owner = find_owner(images, inode, file), *e;
	struct py_image *image = NULL;
	int err;

	if (owner) {
		e = add_shared(images, file, owner);
	} else {
		err = py_image_read(file->fd, &image);
		if (err == -ENOENT || err == -ENOEXEC) {
			py_image_free(image);
			seen_add(images->others, file_key(file));
			return &images->other;
		}
		e = add_image(images, file, image, err, pid);
	}
	if (e)
		e->inode = inode;
	return e;
}

/* Is what the entry holds open still what it was when it was looked at? */
static bool is_unchanged(const struct image_entry *e)
{
	struct target_file file;
	struct stat st;

	if (fstat(e->fd, &st))
		return false;
	file = target_file_of(e->fd, &st, "");
	return !is_changed(e, &file);
}

/* Does any other file need its probes? */
static bool is_needed(const struct images *images, const struct image_entry *owner)
{
	size_t i;

	for (i = 0; i < images->n; i++)
		if (images->entries[i]->owner == owner && is_unchanged(images->entries[i]))
			return true;
	return false;
}

/* Its probes stay for those that share them, if what changed was not the file underneath: in a
 * container a copy is written to. */
static void drop_owner(struct images *images, struct image_entry *e)
{
	size_t i;

	if (is_needed(images, e)) {
		e->dev = e->ino = 0;
		memset(e->users, 0, sizeof(e->users));
		return;
	}
	for (i = images->n; i-- > 0;)
		if (images->entries[i]->owner == e)
			drop_entry(images, images->entries[i]);
	drop_entry(images, e);
}

/* The file is another one now. */
static void drop_changed(struct images *images, struct image_entry *e)
{
	struct image_entry *owner = e->owner;

	if (!owner) {
		drop_owner(images, e);
		return;
	}
	drop_entry(images, e);
	if (!is_unchanged(owner))
		drop_owner(images, owner);
}

const struct image_entry *images_add(struct images *images, const struct target_file *file,
				     pid_t pid, pid_t user)
{
	struct image_entry *e;

	if (seen_has(images->others, file_key(file)))
		return &images->other;
	e = find(images, file->dev, file->ino);
	if (e && is_changed(e, file)) {
		drop_changed(images, e);
		e = NULL;
	}
	if (e)
		attach_again(images, e, file, pid);
	else
		e = add_first(images, file, pid);
	if (e)
		images_used_by(images, e, user);
	return e;
}

static bool is_alive(pid_t pid)
{
	return pid > 0 && (!kill(pid, 0) || errno != ESRCH);
}

void images_used_by(struct images *images, const struct image_entry *image, pid_t user)
{
	struct image_entry *e = (struct image_entry *)image; /* ours */
	int i, free_place = -1;

	for (i = 0; i < IMAGE_USERS && e != &images->other; i++) {
		if (e->users[i] == user)
			return;
		if (free_place < 0 && !is_alive(e->users[i]))
			free_place = i;
	}
	/* Others beyond that are found when these are gone. */
	if (free_place >= 0 && e != &images->other)
		e->users[free_place] = user;
}

/* Nothing is known that could execute it now or later. */
static bool is_idle(const struct image_entry *e)
{
	int i;

	for (i = 0; i < IMAGE_USERS; i++)
		if (is_alive(e->users[i]))
			return false;
	return !e->error && !e->sharers && (!e->ino || !target_has_name(e->fd));
}

struct look {
	struct images *images;
	pid_t pid;
};

static int find_user(const struct target_file *file, void *arg)
{
	struct look *look = arg;
	struct image_entry *e = find(look->images, file->dev, file->ino);

	if (e)
		images_used_by(look->images, e, look->pid);
	return 0;
}

static int find_users(pid_t pid, void *arg)
{
	struct look look = {arg, pid};

	target_process_files(pid, find_user, &look);
	return 0;
}

void images_let_go(struct images *images)
{
	bool any = false;
	size_t i;

	for (i = 0; i < images->n; i++)
		any |= is_idle(images->entries[i]);
	if (!any || target_each_process(find_users, images))
		return;
	for (i = images->n; i-- > 0;)
		if (is_idle(images->entries[i]))
			drop_entry(images, images->entries[i]);
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
		const struct py_image *image = e->owner ? e->owner->image : e->image;

		if (e->error || !image || !e->ino)
			continue;
		probes = py_image_probes(image, e->choice, &n);
		for (k = 0; k < n && !e->owner; k++) {
			counts->emulated += probes[k].emulated;
			counts->stepped += !probes[k].emulated;
		}
		counts->usdt_files += e->choice == PY_PROBE_USDT;
		counts->uprobe_files += e->choice != PY_PROBE_USDT;
		py_image_gaps(image, e->choice, &gaps);
		counts->incomplete_files += gaps > 0;
	}
}

void images_free(struct images *images)
{
	struct image_entry *e;
	size_t i;

	if (!images)
		return;
	while ((e = images->left)) {
		images->left = e->next;
		free_entry(e);
	}
	for (i = 0; i < images->n; i++)
		free_entry(images->entries[i]);
	free(images->entries);
	seen_free(images->others);
	free(images);
}
