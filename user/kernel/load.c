// SPDX-License-Identifier: GPL-2.0-only
/* Loading the BPF object: its constants, its maps, and as what its programs are loaded. */
#include <bpf/bpf.h>
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
		bpf_map__set_max_entries(skel->maps.filtered_names, TRACED_THREADS);
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

/* Does the program see system calls: how they are made and return, and what interrupts them? */
static bool sees_calls(const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);

	return !strncmp(section, "raw_tp/sys_", 11) || !strcmp(section, "raw_tp/signal_deliver");
}

/* Is the program one of a load: that of an entry, those that follow processes, or system calls? */
static bool is_chosen(const struct bpf_program *prog, enum py_entry entry)
{
	bool call = sees_calls(prog);

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

int load_maps(struct tracer *t)
{
	uint32_t i;
	int err = fill_named_types(t);

	for (i = 0; i < scratch_count() && !err; i++)
		err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.free_scratches), NULL, &i,
					  BPF_ANY);
	return err;
}
