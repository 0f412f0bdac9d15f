/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files met so far: which are CPython images, and the probes put on them. Each inode is looked
 * at and attached to once. Of files that are none only their numbers are kept, and not of more than
 * some thousand.
 *
 * Containers of one image have files of their own, which are one file underneath, and that is where
 * uprobes go. Where the kernel tells that they are (tracer_file_inode), the first one met has the
 * probes for all, and stays as long as any of them does, also when it is not executed any more
 * itself. So there is nothing to hand over, and no event to lose or to see twice while that is
 * done.
 *
 * An image is let go when nothing can execute it any more: no process does, and no path in our
 * mount namespace leads to it, because it was deleted, or was in a container that is gone.
 */
#ifndef PYAUDIT_IMAGES_H
#define PYAUDIT_IMAGES_H

#include "kernel/tracer.h"
#include "target/files.h"

#define IMAGE_USERS 8

/* A process that probes have been put into, by one of its threads. */
struct image_place {
	pid_t pid, thread;
};

struct image_entry {
	uint64_t dev, ino, size;
	int64_t modified;
	int fd;	   /* of an image; -1 otherwise */
	int error; /* 0: a CPython image with probes; else why not (py_image_read, tracer_attach) */
	struct py_image *image; /* NULL if the file is none, or has an owner */
	enum py_probe_choice choice;
	int number;		    /* the tracer's */
	uint64_t attached_at;	    /* boot clock, ns: since when its probes stand */
	struct image_place *places; /* where it has been attached, a process at a time */
	size_t n_places;
	pid_t users[IMAGE_USERS]; /* some processes that execute it; 0: free */
	char version[32];
	char build[160];
	const char *entries[PY_MAX_PROBES];
	size_t n_entries;
	const char *missed[PY_MAX_GAPS + 1]; /* phrases */
	size_t n_missed;
	uint64_t inode;		   /* tracer_file_inode */
	struct image_entry *owner; /* that has the probes for it, being one with it underneath;
				      NULL: its own */
	size_t sharers;		   /* entries whose owner it is */
	uint64_t left_at;	   /* boot clock, ns: since when it has no probes any more */
	struct image_entry *next;  /* of those that have none */
};

struct images;

typedef void (*images_gone_fn)(const struct image_entry *image, void *arg);

/* stacks: Python call stacks are asked for. gone is called for an image before its strings are
 * freed. */
struct images *images_new(struct tracer *tracer, enum py_probe_choice wanted, bool stacks,
			  images_gone_fn gone, void *arg);
void images_free(struct images *images);

/* Looks at a file that process user executes and, if it is a CPython image, puts the probes on it:
 * in process pid, or everywhere with pid -1. NULL without memory; else see error of what is
 * returned, which is good until the next call. */
const struct image_entry *images_add(struct images *images, const struct target_file *file,
				     pid_t pid, pid_t user);

/* A thread has ended, by which probes may have been put into its process, which goes on: they are
 * put there by another. */
void images_attach_anew(struct images *images, pid_t pid, pid_t thread);

/* The process executes the image. */
void images_used_by(struct images *images, const struct image_entry *image, pid_t user);

/* Lets go the images that nothing can execute any more. Reads all of /proc, but only when all the
 * processes known to execute one are gone. To be called every few seconds. */
void images_let_go(struct images *images);

/* Frees the images that were let go before a time (boot clock, ns), so that all records of theirs
 * are written: until then images_of_probe knows them. */
void images_bury(struct images *images, uint64_t before);

/* The image whose probe has this number, or NULL. */
const struct image_entry *images_of_probe(const struct images *images, uint32_t probe);

/* Number of images that have probes. */
size_t images_attached(const struct images *images);

/* What is attached now, by how: places that have a probe, and files that are seen by them. */
struct images_counts {
	size_t uprobe_files, usdt_files, incomplete_files; /* incomplete: events are missed */
	/* In one process or in every process of the file. */
	size_t emulated, stepped;
};
void images_count(const struct images *images, struct images_counts *counts);

#endif
