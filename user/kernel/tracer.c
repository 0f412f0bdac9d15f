// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/tracer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "kernel/features.h"
#include "kernel/literals.h"
#include "kernel/multi.h"
#include "kernel/tracer_state.h"
#include "target_state.h"

/* The verifier's words come as one message of many lines. */
static int on_libbpf_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text, *line, *rest = NULL;

	if (level == LIBBPF_DEBUG || log_level < 2 || vasprintf(&text, fmt, ap) < 0)
		return 0;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		log_debug("%s", line);
	free(text);
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

int tracer_attach_program(struct tracer *t, struct bpf_program *program)
{
	struct bpf_link *link = bpf_program__attach(program);

	return link ? -keep_link(t, (struct link){link, -1, -1}) : errno;
}

static int attach_lifecycle(struct tracer *t)
{
	struct bpf_program *programs[] = {t->skel->progs.on_fork, t->skel->progs.on_exec,
					  t->skel->progs.on_exit};
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]) && !err; i++)
		err = tracer_attach_program(t, programs[i]);
	return -err;
}

/* What a traced process cannot know: what makes two code objects look the same. */
static int fill_key(struct tracer *t)
{
	return getrandom(t->code_key, sizeof(t->code_key), 0) == sizeof(t->code_key) ? 0 : errno;
}

struct tracer *tracer_new(const struct tracer_options *options)
{
	struct tracer *t = calloc(1, sizeof(*t));
	int err;

	libbpf_set_print(on_libbpf_message);
	if (!t)
		return NULL;
	t->options = *options;
	err = fill_key(t);
	if (err)
		goto fail;
	t->cookie = feature_attach_cookie();
	t->sleepable = feature_sleepable_uprobes();
	t->multi = t->cookie && feature_uprobe_multi() &&
		   (options->everywhere || !capability_held(CAP_SYS_ADMIN));
	t->cap_links = 64;
	t->links = calloc(t->cap_links, sizeof(*t->links));
	t->images = calloc(MAX_IMAGES, sizeof(*t->images));
	t->probe_images = calloc(MAX_PROBES, sizeof(*t->probe_images));
	t->literals = literals_new(options->filter->names, options->filter->n_names);
	if (!t->links || !t->images || !t->probe_images || !t->literals) {
		err = ENOMEM;
		goto fail;
	}
	memset(t->probe_images, 0xff, MAX_PROBES * sizeof(*t->probe_images));
	if (!load_instance(t, 0, 0)) {
		err = errno;
		goto fail;
	}
	t->skel = t->instances->skel;
	t->ring = ring_buffer__new(bpf_map__fd(t->skel->maps.ring), on_ring_record, t, NULL);
	err = t->ring ? -load_maps(t) : errno;
	if (!err)
		err = -tracer_set_filter(t, options->filter);
	fill_map(t);
	if (!err && t->cookie && options->adopt)
		err = load_all(t);
	if (!err)
		err = -attach_lifecycle(t);
	if (!err && options->syscalls)
		err = calls_attach(t);
	if (!err)
		return t;
fail:
	features_explain(err);
	tracer_free(t);
	errno = err;
	return NULL;
}

static int free_probe(struct tracer *t)
{
	size_t i, number;

	for (i = 0; i < MAX_PROBES; i++) {
		number = t->next_probe++ % MAX_PROBES;
		if (t->probe_images[number] < 0)
			return number;
	}
	return -ENOSPC;
}

static int free_image(struct tracer *t)
{
	size_t i, number;

	for (i = 0; i < MAX_IMAGES; i++) {
		number = t->next_image++ % MAX_IMAGES;
		if (!t->images[number].used)
			return number;
	}
	return -ENOSPC;
}

/* Numbers a probe and tells the BPF side of it. */
static int add_probe(struct tracer *t, struct image *image, size_t i, uint32_t number, bool twin)
{
	struct probe_config config = image->probes[i].config;
	int key = free_probe(t), err;

	if (key < 0)
		return key;
	config.image = number;
	config.twin = twin;
	if (bpf_map_update_elem(bpf_map__fd(t->skel->maps.probes), &key, &config, BPF_ANY))
		return -errno;
	t->probe_images[key] = number;
	image->numbers[i] = key;
	image->n_probes = i + 1;
	image->instances[i] = load_for(t, config.entry, key);
	if (image->instances[i])
		return 0;
	err = errno;
	features_explain(err);
	return -err;
}

static int attach_probe(struct tracer *t, const struct image *image, size_t i, pid_t pid)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .ref_ctr_offset = image->probes[i].semaphore_offset,
		    .bpf_cookie = t->cookie ? image->numbers[i] : 0);
	const struct py_probe *probe = &image->probes[i];
	const char *name = load_program_name(probe->config.entry);
	struct bpf_program *prog;
	struct link link = {0};
	char path[32];

	link.image = image - t->images;
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

/* Whether the probes of an image may have twins. */
static int set_twin(struct tracer *t, int number, bool twin)
{
	const struct image *image = &t->images[number];
	int map = bpf_map__fd(t->skel->maps.probes), err = 0;
	struct probe_config config;
	size_t i;

	for (i = 0; i < image->n_probes && !err; i++) {
		err = bpf_map_lookup_elem(map, &image->numbers[i], &config);
		config.twin = twin;
		if (!err)
			err = bpf_map_update_elem(map, &image->numbers[i], &config, BPF_ANY);
	}
	return err;
}

void tracer_release_image(struct tracer *t, int number)
{
	struct image *image = &t->images[number];
	size_t i;

	for (i = 0; i < image->n_probes; i++) {
		t->probe_images[image->numbers[i]] = -1;
		if (image->instances[i])
			load_release(t, image->instances[i]);
	}
	literals_drop(t, number);
	close(image->fd);
	*image = (struct image){0};
}

void tracer_prepare(struct tracer *t)
{
	int err = t->cookie ? load_all(t) : 0;

	if (err)
		log_debug("programs are loaded when they are needed: %s", strerror(err));
}

int tracer_attach(struct tracer *t, int fd, const struct py_image *py, enum py_probe_choice choice,
		  pid_t pid, bool twin)
{
	int number = free_image(t), err;
	const struct py_probe *probes;
	struct image *image;
	size_t i, n;

	if (number < 0)
		return number;
	image = &t->images[number];
	*image = (struct image){.used = true, .fd = dup(fd)};
	if (image->fd < 0) {
		image->used = false;
		return -errno;
	}
	probes = py_image_probes(py, choice, &n);
	err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.images), &number, &py->config, BPF_ANY)
		      ? -errno
		      : 0;
	for (i = 0; i < n && !err; i++) {
		image->probes[i] = probes[i];
		err = add_probe(t, image, i, number, twin);
	}
	if (!err)
		literals_add(t, fd, number);
	if (!err)
		err = attach_probes(t, number, pid);
	if (!err)
		return number;
	tracer_detach_image(t, number);
	tracer_release_image(t, number);
	return err;
}

void tracer_detach_image(struct tracer *t, int number)
{
	size_t i, n = 0;

	for (i = 0; i < t->n_links; i++) {
		if (t->links[i].image == number)
			drop_link(t->links[i]);
		else
			t->links[n++] = t->links[i];
	}
	t->n_links = n;
	/* For the kernel side, which takes a probe with a mark for one that stands. */
	set_twin(t, number, false);
}

int tracer_mark_twin(struct tracer *t, int number)
{
	return set_twin(t, number, true);
}

int tracer_probe_image(const struct tracer *t, uint32_t probe)
{
	return probe < MAX_PROBES ? t->probe_images[probe] : -1;
}

int tracer_add_target(struct tracer *t, pid_t pid)
{
	struct target none = {0};
	uint32_t key = pid;

	return bpf_map_update_elem(bpf_map__fd(t->skel->maps.targets), &key, &none, BPF_ANY)
		       ? -errno
		       : 0;
}

void tracer_drop_target(struct tracer *t, pid_t pid)
{
	uint32_t key = pid;

	bpf_map_delete_elem(bpf_map__fd(t->skel->maps.targets), &key);
}

bool tracer_is_target(const struct tracer *t, pid_t pid)
{
	struct target target;
	uint32_t key = pid;

	return !bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.targets), &key, &target);
}

bool tracer_has_targets(const struct tracer *t)
{
	uint32_t key;

	return !bpf_map_get_next_key(bpf_map__fd(t->skel->maps.targets), NULL, &key);
}

void tracer_shed(struct tracer *t, const char *name, bool out)
{
	int map = bpf_map__fd(t->skel->maps.verdicts);
	char key[64] = "";
	struct name_verdicts verdicts;
	int i;

	if (!name) {
		__atomic_store_n(&t->skel->bss->shed_unlisted, out, __ATOMIC_RELAXED);
		return;
	}
	strncpy(key, name, sizeof(key) - 1);
	if (bpf_map_lookup_elem(map, key, &verdicts))
		return;
	for (i = 0; i < FILTERS; i++)
		verdicts.of[i] =
			out ? verdicts.of[i] | VERDICT_SHED : verdicts.of[i] & ~VERDICT_SHED;
	bpf_map_update_elem(map, key, &verdicts, BPF_EXIST);
}

void tracer_set_context(struct tracer *t, pid_t pid, const struct process_context *context)
{
	int map = bpf_map__fd(t->skel->maps.contexts);
	uint32_t key = pid;

	if (!context->n) {
		bpf_map_delete_elem(map, &key);
		return;
	}
	__atomic_store_n(&t->skel->bss->any_contexts, 1, __ATOMIC_RELAXED);
	if (bpf_map_update_elem(map, &key, context, BPF_ANY))
		log_debug("PID %u: no room for its thread contexts: %s", key, strerror(errno));
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

void tracer_forget_code(struct tracer *t, pid_t pid, uint64_t code)
{
	struct {
		uint64_t code;
		uint32_t pid, reserved;
	} key = {code, pid, 0};

	bpf_map_delete_elem(bpf_map__fd(t->skel->maps.sent_codes), &key);
}

bool tracer_uses_perf(const struct tracer *t)
{
	return !t->multi;
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

const uint32_t *tracer_held(const struct tracer *t)
{
	return t->skel->bss->held;
}

void tracer_let_go(struct tracer *t, pid_t pid)
{
	uint32_t mine = pid;

	kill(pid, SIGCONT);
	__atomic_compare_exchange_n(&t->skel->bss->held[mine % WIRE_HELD_SLOTS], &mine, 0, false,
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

uint64_t tracer_lost_calls(const struct tracer *t)
{
	return __atomic_load_n(&t->skel->bss->lost_calls, __ATOMIC_RELAXED);
}

void tracer_free(struct tracer *t)
{
	struct instance *i, *next;
	size_t n;

	if (!t)
		return;
	if (t->links)
		tracer_detach(t);
	fill_unmap(t);
	ring_buffer__free(t->ring);
	for (i = t->instances; i; i = next) {
		next = i->next;
		pyaudit__destroy(i->skel);
		free(i);
	}
	for (n = 0; t->images && n < MAX_IMAGES; n++)
		if (t->images[n].used)
			close(t->images[n].fd);
	free(t->images);
	free(t->probe_images);
	literals_free(t->literals);
	free(t->links);
	free(t);
}
