/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the tracer share: tracer.c (probes, targets, the ring) and load.c (the BPF
 * object). */
#ifndef PYAUDIT_KERNEL_TRACER_STATE_H
#define PYAUDIT_KERNEL_TRACER_STATE_H

#include <bpf/libbpf.h>

#include "kernel/tracer.h"
#include "live_filter.h"
#include "pyaudit.skel.h"

/* One load of the BPF object. The first has the maps and the programs that follow processes. Each
 * further one shares those maps and has the program of one entry, verified when the first probe
 * needs it: that takes a tenth of a second and more. On kernels without attach cookies every probe
 * has its own, which knows the probe's number as a constant. */
struct instance {
	struct pyaudit *skel;
	enum py_entry entry; /* 0: the first */
	struct instance *next;
};

struct image {
	bool used;
	int fd;
	struct py_probe probes[PY_MAX_PROBES];
	uint32_t numbers[PY_MAX_PROBES];
	struct instance *instances[PY_MAX_PROBES];
	size_t n_probes;
};

/* A probe in place: libbpf's, or a bare descriptor. */
struct link {
	struct bpf_link *bpf; /* NULL: fd */
	int fd;
	int image; /* whose probe; -1: none's */
};

struct tracer {
	struct tracer_options options;
	struct tracer_filter filter; /* the one in force */
	uint32_t filter_number;	     /* its number, as include/live_filter.h has them */
	bool cookie, sleepable;
	uint64_t code_key[2];	    /* of references to code objects, new in each run */
	bool multi;		    /* probes are uprobe_multi links, in every process of a file */
	struct instance *instances; /* the first loaded is the last in the list */
	struct pyaudit *skel;	    /* the first */
	struct ring_buffer *ring;
	const void *positions; /* of the ring, mapped; see fill.c; NULL: not to be had */
	struct image *images;  /* MAX_IMAGES of them */
	size_t next_image;     /* where a free number is looked for: the longest unused first, as
				* records in the ring may still name one */
	int *probe_images;     /* image of each probe number; -1: free */
	size_t next_probe;
	struct literals *literals; /* what is in the map of known ones; see literals.c */
	struct link *links;
	size_t n_links, cap_links;
	tracer_record_fn fn;
	void *arg;
	int batch; /* records of this round */
};

/* In place of an entry: the programs that see system calls. */
#define LOAD_CALLS ((enum py_entry)0xff)

/* The name of an entry's program. */
const char *load_program_name(enum py_entry entry);

/* Loads the programs of an entry, for probe number `probe` where each probe has a load of its own;
 * of 0, those that follow processes, and the maps. NULL with errno set (not reported). */
struct instance *load_instance(struct tracer *t, enum py_entry entry, uint32_t probe);

/* The load that serves an entry: one there is, or a new one. */
struct instance *load_for(struct tracer *t, enum py_entry entry, uint32_t probe);

/* Unloads what served one probe alone. */
void load_release(struct tracer *t, struct instance *instance);

/* All entries, where a probe will be wanted at once. Returns 0 or a positive errno. */
int load_all(struct tracer *t);

/* Looks at the positions of the ring from now on, and no more. */
void fill_map(struct tracer *t);
void fill_unmap(struct tracer *t);

/* Attaches a program that needs nothing but its section's name. Returns 0 or a positive errno. */
int tracer_attach_program(struct tracer *t, struct bpf_program *program);

/* --syscalls: loads, and puts in place, what sees them. Returns 0 or a positive errno. */
int calls_attach(struct tracer *t);

/* What becomes of the events of name number `name` of a filter. */
uint8_t tracer_verdict(const struct tracer *t, const struct tracer_filter *f, size_t name);

/* Fills the maps that are read only afterwards. Returns 0 or a negative errno. */
int load_maps(struct tracer *t);

#endif
