// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/tracer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "kernel/features.h"
#include "kernel/multi.h"
#include "named_types.h"
#include "pyaudit.skel.h"

#define NAME_KEY_LEN 64 /* struct name_key in bpf/scratch.h */

/* One load of the BPF object. The first has the maps and the programs that follow processes. Each
 * further one shares those maps and has the program of one entry, verified when the first probe
 * needs it: that takes a tenth of a second and more. On kernels without attach cookies every probe
 * has its own, which knows the probe's number as a constant. */
struct instance {
	struct pyaudit *skel;
	enum py_entry entry; /* 0: the first */
	struct instance *next;
};

/* Pages of literals where programs may not sleep: 35 MB, ten interpreters. */
#define LITERAL_PAGES 8192

struct image {
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
};

struct tracer {
	struct tracer_options options;
	bool cookie, sleepable;
	bool multi;		    /* probes are uprobe_multi links, in every process of a file */
	struct instance *instances; /* the first loaded is the last in the list */
	struct pyaudit *skel;	    /* the first */
	struct ring_buffer *ring;
	struct image *images;
	size_t n_images;
	int *probe_images; /* image of each probe number */
	size_t n_probes;
	struct link *links;
	size_t n_links, cap_links;
	tracer_record_fn fn;
	void *arg;
	int batch; /* records of this round */
};

static int on_libbpf_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char text[1024];

	if (level == LIBBPF_DEBUG || log_level < 2)
		return 0;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("libbpf: %s", text);
	return 0;
}

static int on_ring_record(void *arg, void *data, size_t size)
{
	struct tracer *t = arg;

	t->fn(data, size, t->arg);
	/* A negative value ends the round; the record is consumed all the same (libbpf ringbuf.c).
	 */
	return ++t->batch < TRACER_BATCH ? 0 : -EAGAIN;
}

static uint32_t scratch_count(void)
{
	int cpus = libbpf_num_possible_cpus();

	/* Twice the CPUs, for programs preempted in the middle, and some. */
	return 2 * (cpus > 0 ? cpus : 1) + 16;
}

/* Sets what is constant for a load. */
static void set_knobs(const struct tracer *t, struct pyaudit *skel, uint32_t probe)
{
	const struct tracer_options *o = &t->options;

	skel->rodata->knob_cookie = t->cookie;
	skel->rodata->knob_probe = probe;
	skel->rodata->knob_sleepable = t->sleepable;
	/* Where probes cannot be put into one process, other processes are left out here. */
	skel->rodata->knob_targets_only = o->targets_only || (t->multi && !o->everywhere);
	skel->rodata->knob_adopt = o->adopt;
	skel->rodata->knob_follow = o->follow;
	skel->rodata->knob_stop_on_exec = o->stop_on_exec;
	skel->rodata->knob_filter = o->filter;
	skel->rodata->knob_patterns = o->n_patterns;
	skel->rodata->knob_default_pass = o->default_pass;
	skel->rodata->knob_args = o->args;
	skel->rodata->knob_string_limit = o->string_limit;
	skel->rodata->knob_wakeup_fill = o->buffer_size / 4;
	bpf_map__set_max_entries(skel->maps.ring, o->buffer_size);
	bpf_map__set_max_entries(skel->maps.free_scratches, scratch_count());
	bpf_map__set_max_entries(skel->maps.scratches, scratch_count());
	if (!t->sleepable) {
		/* Kernels that old warn, with a stack trace in their log, of a tracing program
		 * whose map is not preallocated (until 6.1: 34dd3bad1a6f). */
		bpf_map__set_map_flags(skel->maps.literals, 0);
		bpf_map__set_max_entries(skel->maps.literals, LITERAL_PAGES);
	}
}

/* How the uprobe programs are loaded: those that may sleep can bring in pages that are not there.
 */
static int set_kind(const struct tracer *t, struct pyaudit *skel)
{
	struct bpf_program *prog;
	int err = 0;

	bpf_object__for_each_program(prog, skel->obj)
	{
		if (err || strcmp(bpf_program__section_name(prog), "uprobe"))
			continue;
		if (t->sleepable)
			err = bpf_program__set_flags(prog,
						     bpf_program__flags(prog) | BPF_F_SLEEPABLE);
		if (!err && t->multi)
			err = bpf_program__set_expected_attach_type(prog,
								    ATTACH_TYPE_TRACE_UPROBE_MULTI);
	}
	return err;
}

/* Lets a further load use the maps of the first. */
static int share_maps(struct pyaudit *skel, const struct pyaudit *first)
{
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map(map, skel->obj)
	{
		const char *name = bpf_map__name(map);
		int fd;

		if (strstr(name, ".rodata"))
			continue;
		fd = bpf_object__find_map_fd_by_name(first->obj, name);
		err = fd < 0 ? fd : bpf_map__reuse_fd(map, fd);
		if (err)
			return err;
	}
	return 0;
}

static const char *program_name(enum py_entry entry)
{
	static const char *const names[] = {
		[PY_ENTRY_SYS_AUDIT_TSTATE] = "on_sys_audit_tstate",
		[PY_ENTRY_SYS_AUDIT] = "on_sys_audit",
		[PY_ENTRY_PYSYS_AUDIT] = "on_pysys_audit",
		[PY_ENTRY_PYSYS_AUDIT_T] = "on_pysys_audit_t",
		[PY_ENTRY_USDT] = "on_usdt",
	};

	return names[entry];
}

/* The program of an entry, or for 0 those that follow processes. */
static void choose_programs(struct pyaudit *skel, enum py_entry entry)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj)
	{
		bool probe = bpf_program__type(prog) == BPF_PROG_TYPE_KPROBE;

		if (entry)
			probe = !strcmp(bpf_program__name(prog), program_name(entry));
		bpf_program__set_autoload(prog, probe == (entry != 0));
	}
}

static struct instance *load_instance(struct tracer *t, enum py_entry entry, uint32_t probe)
{
	struct instance *i = calloc(1, sizeof(*i));
	int err;

	if (!i)
		return NULL;
	i->entry = entry;
	i->skel = pyaudit__open();
	if (!i->skel) {
		err = errno;
		goto fail;
	}
	set_knobs(t, i->skel, probe);
	choose_programs(i->skel, entry);
	err = t->skel ? share_maps(i->skel, t->skel) : 0;
	if (!err)
		err = set_kind(t, i->skel);
	if (!err)
		err = pyaudit__load(i->skel);
	if (err) {
		err = -err;
		goto fail;
	}
	i->next = t->instances;
	t->instances = i;
	return i;
fail:
	pyaudit__destroy(i->skel);
	free(i);
	errno = err;
	return NULL;
}

static struct instance *instance_for(struct tracer *t, enum py_entry entry, uint32_t probe)
{
	struct instance *i;

	for (i = t->instances; i && t->cookie; i = i->next)
		if (i->entry == entry)
			return i;
	i = load_instance(t, entry, probe);
	if (!i && t->sleepable) {
		/* Since 6.0 programs may sleep, but not yet with all the maps used here. */
		log_debug("%s: not loaded as one that may sleep: %s", program_name(entry),
			  strerror(errno));
		t->sleepable = false;
		i = load_instance(t, entry, probe);
	}
	return i;
}

/* With -a a probe is wanted at once: the program that was just started runs already. */
static int load_all(struct tracer *t)
{
	int entry;

	for (entry = PY_ENTRY_SYS_AUDIT_TSTATE; entry <= PY_ENTRY_USDT; entry++)
		if (!instance_for(t, entry, 0))
			return errno;
	return 0;
}

static int fill_named_types(struct tracer *t)
{
	static const struct {
		char name[TYPE_NAME_KEY];
		uint32_t recipe;
	} types[] = {
#define ROW(name, recipe) {name, recipe},
		NAMED_TYPES(ROW)
#undef ROW
	};
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(types) / sizeof(types[0]) && !err; i++)
		err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.named_types), types[i].name,
					  &types[i].recipe, BPF_ANY);
	return err;
}

/* Fills the maps that are read only afterwards. */
static int fill_maps(struct tracer *t)
{
	const struct tracer_options *o = &t->options;
	uint32_t i;
	int err = fill_named_types(t);

	for (i = 0; i < scratch_count() && !err; i++)
		err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.free_scratches), NULL, &i,
					  BPF_ANY);
	for (i = 0; i < o->n_patterns && !err; i++) {
		struct {
			char glob[TRACER_PATTERN_MAX + 1];
			uint32_t exclude, reserved;
		} p = {.exclude = o->patterns[i].exclude};

		snprintf(p.glob, sizeof(p.glob), "%s", o->patterns[i].glob);
		err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.patterns), &i, &p, BPF_ANY);
	}
	for (i = 0; i < o->n_names && !err; i++) {
		char key[NAME_KEY_LEN] = "";
		uint8_t pass = o->names_pass[i];

		if (strlen(o->names[i]) >= sizeof(key))
			continue;
		memcpy(key, o->names[i], strlen(o->names[i]));
		err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.verdicts), key, &pass, BPF_ANY);
	}
	return err;
}

static int attach_lifecycle(struct tracer *t)
{
	struct bpf_program *programs[] = {t->skel->progs.on_fork, t->skel->progs.on_exec,
					  t->skel->progs.on_exit};
	size_t i;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct bpf_link *link = bpf_program__attach(programs[i]);

		if (!link)
			return -errno;
		t->links[t->n_links++] = (struct link){link, -1};
	}
	return 0;
}

/* New interpreters will come while we run: verifying the programs then would cost their first
 * events. Returns 0 or a positive errno. */
static int preload(struct tracer *t)
{
	static const enum py_entry entries[] = {PY_ENTRY_SYS_AUDIT_TSTATE, PY_ENTRY_SYS_AUDIT};
	size_t i;

	for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (!instance_for(t, entries[i], 0))
			return errno;
	return 0;
}

struct tracer *tracer_new(const struct tracer_options *options)
{
	struct tracer *t = calloc(1, sizeof(*t));
	int err;

	libbpf_set_print(on_libbpf_message);
	if (!t)
		return NULL;
	t->options = *options;
	t->cookie = feature_attach_cookie();
	t->sleepable = feature_sleepable_uprobes();
	t->multi = t->cookie && feature_uprobe_multi() &&
		   (options->everywhere || !capability_held(CAP_SYS_ADMIN));
	t->cap_links = 64;
	t->links = calloc(t->cap_links, sizeof(*t->links));
	t->images = calloc(MAX_IMAGES, sizeof(*t->images));
	t->probe_images = calloc(MAX_PROBES, sizeof(*t->probe_images));
	if (!t->links || !t->images || !t->probe_images) {
		err = ENOMEM;
		goto fail;
	}
	if (!load_instance(t, 0, 0)) {
		err = errno;
		goto fail;
	}
	t->skel = t->instances->skel;
	t->ring = ring_buffer__new(bpf_map__fd(t->skel->maps.ring), on_ring_record, t, NULL);
	err = t->ring ? -fill_maps(t) : errno;
	if (!err && t->cookie && options->adopt)
		err = load_all(t);
	if (!err)
		err = -attach_lifecycle(t);
	if (!err && t->options.adopt && t->cookie)
		err = preload(t);
	if (!err)
		return t;
fail:
	features_explain(err);
	tracer_free(t);
	errno = err;
	return NULL;
}

/* Numbers a probe and tells the BPF side of it. */
static int add_probe(struct tracer *t, struct image *image, size_t i, uint32_t number)
{
	struct probe_config config = image->probes[i].config;
	uint32_t key = t->n_probes;
	int err;

	if (key >= MAX_PROBES)
		return -ENOSPC;
	config.image = number;
	if (bpf_map_update_elem(bpf_map__fd(t->skel->maps.probes), &key, &config, BPF_ANY))
		return -errno;
	image->numbers[i] = key;
	image->instances[i] = instance_for(t, config.entry, key);
	if (!image->instances[i]) {
		err = errno;
		features_explain(err);
		return -err;
	}
	t->probe_images[t->n_probes++] = number;
	return 0;
}

static void drop_link(struct link link)
{
	if (link.bpf)
		bpf_link__destroy(link.bpf);
	else
		close(link.fd);
}

/* Takes over a link; it is gone if there is no memory. */
static int keep_link(struct tracer *t, struct link link)
{
	struct link *links;

	if (t->n_links == t->cap_links) {
		links = reallocarray(t->links, t->cap_links * 2, sizeof(*links));
		if (!links) {
			drop_link(link);
			return -ENOMEM;
		}
		t->links = links;
		t->cap_links *= 2;
	}
	t->links[t->n_links++] = link;
	return 0;
}

static int attach_probe(struct tracer *t, const struct image *image, size_t i, pid_t pid)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .ref_ctr_offset = image->probes[i].semaphore_offset,
		    .bpf_cookie = t->cookie ? image->numbers[i] : 0);
	const struct py_probe *probe = &image->probes[i];
	const char *name = program_name(probe->config.entry);
	struct bpf_program *prog;
	struct link link = {0};
	char path[32];

	prog = bpf_object__find_program_by_name(image->instances[i]->skel->obj, name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", image->fd);
	if (t->multi) {
		link.fd = uprobe_multi_attach(bpf_program__fd(prog), path, probe->file_offset,
					      probe->semaphore_offset, image->numbers[i]);
		return link.fd < 0 ? link.fd : keep_link(t, link);
	}
	link.bpf = bpf_program__attach_uprobe_opts(prog, pid, path, probe->file_offset, &opts);
	return link.bpf ? keep_link(t, link) : -errno;
}

static int attach_probes(struct tracer *t, int number, pid_t pid)
{
	struct image *image = &t->images[number];
	size_t before = t->n_links, i;
	int err = 0;

	for (i = 0; i < image->n_probes && !err; i++)
		err = attach_probe(t, image, i, pid);
	while (err && t->n_links > before)
		drop_link(t->links[--t->n_links]);
	return err;
}

int tracer_attach_pid(struct tracer *t, int number, pid_t pid)
{
	/* Such links stand in every process already. */
	return t->multi ? 0 : attach_probes(t, number, pid);
}

struct pages {
	int map;
	uint32_t image;
};

static int add_literal_page(uint64_t addr, const void *data, size_t len, void *arg)
{
	const struct pages *pages = arg;
	struct literal_key key = {.addr = addr, .image = pages->image};
	struct literal_page page = {0};

	memcpy(page.text, data, len < sizeof(page.text) ? len : sizeof(page.text));
	return bpf_map_update_elem(pages->map, &key, &page, BPF_ANY);
}

/* What the programs cannot read from memory that is not there they take from here. */
static void add_literals(struct tracer *t, int fd, uint32_t number)
{
	struct pages pages = {bpf_map__fd(t->skel->maps.literals), number};
	int err = t->sleepable ? 0 : py_image_pages(fd, add_literal_page, &pages);

	if (err)
		log_warn("image %u: literals not all known: %s; a few events may lack their name "
			 "or arguments",
			 number, strerror(-err));
}

int tracer_attach(struct tracer *t, int fd, const struct py_image *py, enum py_probe_choice choice,
		  pid_t pid)
{
	uint32_t number = t->n_images;
	const struct py_probe *probes;
	struct image *image;
	size_t i, n;
	int err;

	if (number >= MAX_IMAGES)
		return -ENOSPC;
	image = &t->images[number];
	*image = (struct image){.fd = dup(fd)};
	if (image->fd < 0)
		return -errno;
	probes = py_image_probes(py, choice, &n);
	image->n_probes = n;
	err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.images), &number, &py->config, BPF_ANY)
		      ? -errno
		      : 0;
	for (i = 0; i < n && !err; i++) {
		image->probes[i] = probes[i];
		err = add_probe(t, image, i, number);
	}
	if (!err)
		add_literals(t, fd, number);
	if (!err)
		err = attach_probes(t, number, pid);
	if (err) {
		close(image->fd);
		return err;
	}
	t->n_images++;
	return number;
}

int tracer_mark_twin(struct tracer *t, int number)
{
	const struct image *image = &t->images[number];
	int map = bpf_map__fd(t->skel->maps.probes), err = 0;
	struct probe_config config;
	size_t i;

	for (i = 0; i < image->n_probes && !err; i++) {
		err = bpf_map_lookup_elem(map, &image->numbers[i], &config);
		config.twin = 1;
		if (!err)
			err = bpf_map_update_elem(map, &image->numbers[i], &config, BPF_ANY);
	}
	return err;
}

int tracer_probe_image(const struct tracer *t, uint32_t probe)
{
	return probe < t->n_probes ? t->probe_images[probe] : -1;
}

int tracer_add_target(struct tracer *t, pid_t pid)
{
	uint32_t key = pid, flags = 0;

	return bpf_map_update_elem(bpf_map__fd(t->skel->maps.targets), &key, &flags, BPF_ANY)
		       ? -errno
		       : 0;
}

void tracer_drop_target(struct tracer *t, pid_t pid)
{
	uint32_t key = pid;

	bpf_map_delete_elem(bpf_map__fd(t->skel->maps.targets), &key);
}

bool tracer_has_targets(const struct tracer *t)
{
	uint32_t key;

	return !bpf_map_get_next_key(bpf_map__fd(t->skel->maps.targets), NULL, &key);
}

int tracer_know_file(struct tracer *t, uint64_t dev, uint64_t ino)
{
	struct {
		uint64_t dev, ino;
	} key = {dev, ino};
	uint8_t one = 1;

	return bpf_map_update_elem(bpf_map__fd(t->skel->maps.known_files), &key, &one, BPF_ANY)
		       ? -errno
		       : 0;
}

int tracer_fd(const struct tracer *t)
{
	return ring_buffer__epoll_fd(t->ring);
}

int tracer_consume(struct tracer *t, tracer_record_fn fn, void *arg)
{
	int err;

	t->fn = fn;
	t->arg = arg;
	t->batch = 0;
	err = ring_buffer__consume(t->ring);
	return err < 0 && err != -EAGAIN ? err : t->batch;
}

void tracer_detach(struct tracer *t)
{
	while (t->n_links)
		drop_link(t->links[--t->n_links]);
}

void tracer_counts(const struct tracer *t, struct tracer_counts *counts)
{
	int cpus = libbpf_num_possible_cpus(), i;
	struct {
		uint64_t seen, filtered;
	} *per_cpu = calloc(cpus > 0 ? cpus : 1, sizeof(*per_cpu));
	uint32_t zero = 0;

	*counts = (struct tracer_counts){0};
	if (per_cpu && !bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.counters), &zero, per_cpu))
		for (i = 0; i < cpus; i++) {
			counts->seen += per_cpu[i].seen;
			counts->filtered += per_cpu[i].filtered;
		}
	free(per_cpu);
	for (i = 0; i < WIRE_LOSS_MAX; i++)
		counts->lost[i] = __atomic_load_n(&t->skel->bss->lost[i], __ATOMIC_RELAXED);
}

void tracer_free(struct tracer *t)
{
	struct instance *i, *next;
	size_t n;

	if (!t)
		return;
	if (t->links)
		tracer_detach(t);
	ring_buffer__free(t->ring);
	for (i = t->instances; i; i = next) {
		next = i->next;
		pyaudit__destroy(i->skel);
		free(i);
	}
	for (n = 0; n < t->n_images; n++)
		close(t->images[n].fd);
	free(t->images);
	free(t->probe_images);
	free(t->links);
	free(t);
}
