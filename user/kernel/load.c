// SPDX-License-Identifier: GPL-2.0-only
/* Loading the BPF object: its constants, its maps, and as what its programs are loaded. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kernel/atomic.h"
#include "kernel/features.h"
#include "kernel/multi.h"
#include "kernel/tracer_state.h"
#include "named_types.h"
#include "name_verdict.h"

#define NAME_KEY_LEN 64 /* struct name_key in bpf/scratch.h */

/* Pages of literals where programs may not sleep: 35 MB, ten interpreters. */
#define LITERAL_PAGES 8192

/* Code objects that are remembered as sent: those of some dozen large programs. */
#define SENT_CODES 32768

/* With --syscalls: calls under way at once, threads that raise events, children before their exec.
 */
#define OPEN_CALLS     1024
#define TRACED_THREADS 32768
#define FORKED	       4096

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
	skel->rodata->knob_task = feature_current_task();
	skel->rodata->knob_sleepable = t->sleepable;
	/* Where probes cannot be put into one process, other processes are left out here. */
	skel->rodata->knob_targets_only = o->targets_only || (t->multi && !o->everywhere);
	skel->rodata->knob_adopt = o->adopt;
	skel->rodata->knob_follow = o->follow;
	skel->rodata->knob_stop_on_exec = o->stop_on_exec;
	skel->rodata->knob_filter = o->filter;
	skel->rodata->knob_patterns = o->n_patterns;
	skel->rodata->knob_default_pass = o->default_pass;
	skel->rodata->knob_by_uid = o->narrow.by_uid;
	skel->rodata->knob_uid = o->narrow.uid;
	skel->rodata->knob_by_comm = o->narrow.comm != NULL;
	skel->rodata->knob_by_cgroup = o->narrow.by_cgroup;
	skel->rodata->knob_cgroup_id = o->narrow.cgroup_id;
	skel->rodata->knob_cgroup_subsys = t->cgroup_subsys;
	skel->rodata->knob_rate_interval = o->rate ? 1000000000 / o->rate ?: 1 : 0;
	skel->rodata->knob_arg_rules = o->n_arg_rules;
	skel->rodata->knob_args = o->args;
	skel->rodata->knob_string_limit = o->string_limit;
	skel->rodata->knob_stack_depth = o->stack_depth;
	skel->rodata->knob_syscalls = o->syscalls != TRACER_SYSCALLS_NONE;
	memcpy((void *)skel->rodata->knob_code_key, t->code_key, sizeof(t->code_key));
	skel->rodata->knob_shed = o->shed;
	skel->rodata->knob_wakeup_fill = o->buffer_size / 4;
	skel->rodata->knob_full_fill = o->buffer_size - o->buffer_size / 16;
	bpf_map__set_max_entries(skel->maps.ring, o->buffer_size);
	bpf_map__set_max_entries(skel->maps.free_scratches, scratch_count());
	bpf_map__set_max_entries(skel->maps.scratches, scratch_count());
	if (o->stack_depth) {
		bpf_map__set_max_entries(skel->maps.stack_areas, scratch_count());
		bpf_map__set_max_entries(skel->maps.sent_codes, SENT_CODES);
	}
	if (o->syscalls) {
		bpf_map__set_max_entries(skel->maps.open_calls, OPEN_CALLS);
		bpf_map__set_max_entries(skel->maps.thread_events, TRACED_THREADS);
		bpf_map__set_max_entries(skel->maps.forked, FORKED);
	}
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

int load_controller_number(const char *controller)
{
	const struct btf_enum *values;
	const struct btf_type *type;
	struct btf *btf;
	char name[64];
	int i, id, number = -1;

	if (!controller || !*controller)
		return -1;
	/* What v1 calls blkio is io (include/linux/cgroup_subsys.h). */
	snprintf(name, sizeof(name), "%s_cgrp_id", strcmp(controller, "blkio") ? controller : "io");
	btf = btf__load_vmlinux_btf();
	id = btf ? btf__find_by_name_kind(btf, "cgroup_subsys_id", BTF_KIND_ENUM) : -1;
	type = id > 0 ? btf__type_by_id(btf, id) : NULL;
	values = type ? btf_enum(type) : NULL;
	for (i = 0; values && i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, values[i].name_off), name))
			number = values[i].val;
	btf__free(btf);
	return number;
}

const char *load_program_name(enum py_entry entry)
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

/* Is the program one of a load: that of an entry, those that follow processes, or system calls? */
static bool is_chosen(const struct bpf_program *prog, enum py_entry entry)
{
	bool call = !strncmp(bpf_program__section_name(prog), "raw_tp/sys_", 11);

	if (entry == LOAD_CALLS)
		return call;
	if (!strcmp(bpf_program__name(prog), "tell_inode"))
		return !entry && feature_find_vma();
	if (entry)
		return !strcmp(bpf_program__name(prog), load_program_name(entry));
	return !call && bpf_program__type(prog) != BPF_PROG_TYPE_KPROBE;
}

static void choose_programs(struct pyaudit *skel, enum py_entry entry)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, is_chosen(prog, entry));
	/* Tracepoint programs may not sleep. */
	if (!entry || entry == LOAD_CALLS)
		skel->rodata->knob_sleepable = false;
}

struct instance *load_instance(struct tracer *t, enum py_entry entry, uint32_t probe)
{
	struct instance *i = calloc(1, sizeof(*i));
	int err;

	if (!i)
		return NULL;
	i->entry = entry;
	i->skel = !entry || entry == LOAD_CALLS ? atomic_open() : pyaudit__open();
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

struct instance *load_for(struct tracer *t, enum py_entry entry, uint32_t probe)
{
	struct instance *i;

	for (i = t->instances; i && t->cookie; i = i->next)
		if (i->entry == entry)
			return i;
	i = load_instance(t, entry, probe);
	if (!i && t->sleepable) {
		/* Since 6.0 programs may sleep, but not yet with all the maps used here. */
		log_debug("%s: not loaded as one that may sleep: %s", load_program_name(entry),
			  strerror(errno));
		t->sleepable = false;
		i = load_instance(t, entry, probe);
	}
	return i;
}

void load_release(struct tracer *t, struct instance *instance)
{
	struct instance **at;

	if (t->cookie)
		return;
	for (at = &t->instances; *at && *at != instance;)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = instance->next;
	pyaudit__destroy(instance->skel);
	free(instance);
}

int load_all(struct tracer *t)
{
	int entry;

	for (entry = PY_ENTRY_SYS_AUDIT_TSTATE; entry <= PY_ENTRY_USDT; entry++)
		if (!load_for(t, entry, 0))
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

static int fill_pattern(struct tracer *t, uint32_t number, const struct tracer_pattern *pattern)
{
	struct {
		char glob[TRACER_PATTERN_MAX + 1];
		uint32_t exclude, reserved;
	} p = {.exclude = pattern->exclude};

	snprintf(p.glob, sizeof(p.glob), "%s", pattern->glob);
	return bpf_map_update_elem(bpf_map__fd(t->skel->maps.patterns), &number, &p, BPF_ANY);
}

static int fill_arg_rules(struct tracer *t)
{
	const struct tracer_options *o = &t->options;
	uint32_t i;
	int err = 0;

	for (i = 0; i < o->n_arg_rules && !err; i++)
		err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.arg_rules), &i,
					  &o->arg_rules[i], BPF_ANY);
	for (i = 0; i < o->n_arg_places && !err; i++) {
		struct arg_place_key key = {.rule = o->arg_places[i].rule};

		if (strlen(o->arg_places[i].event) >= sizeof(key.name))
			continue;
		memcpy(key.name, o->arg_places[i].event, strlen(o->arg_places[i].event));
		err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.arg_places), &key,
					  &o->arg_places[i].place, BPF_ANY);
	}
	return err;
}

uint8_t load_verdict(const struct tracer_options *o, size_t name, bool pass)
{
	if (pass)
		return VERDICT_LISTED | VERDICT_PASS;
	return VERDICT_LISTED | (o->syscalls && o->names_explain[name] ? VERDICT_TELL : 0);
}

int load_maps(struct tracer *t)
{
	const struct tracer_options *o = &t->options;
	const struct tracer_pattern comm = {.glob = o->narrow.comm};
	uint32_t i;
	int err = fill_named_types(t);

	for (i = 0; i < scratch_count() && !err; i++)
		err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.free_scratches), NULL, &i,
					  BPF_ANY);
	for (i = 0; i < o->n_patterns && !err; i++)
		err = fill_pattern(t, i, &o->patterns[i]);
	if (comm.glob && !err)
		err = fill_pattern(t, TRACER_PATTERNS_MAX, &comm);
	if (!err)
		err = fill_arg_rules(t);
	for (i = 0; i < o->n_names && !err; i++) {
		char key[NAME_KEY_LEN] = "";
		uint8_t verdict = load_verdict(o, i, o->names_pass[i]);

		if (strlen(o->names[i]) >= sizeof(key))
			continue;
		memcpy(key, o->names[i], strlen(o->names[i]));
		err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.verdicts), key, &verdict,
					  BPF_ANY);
	}
	return err;
}
