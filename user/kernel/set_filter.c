// SPDX-License-Identifier: GPL-2.0-only
/* The filter in the kernel: half of the maps is filled while the other is in force, and then they
 * change places (include/live_filter.h). */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/literals.h"
#include "kernel/tracer_state.h"

#define NAME_KEY_LEN 64 /* struct name_key in bpf/scratch.h */

/* Patterns of one filter, --comm's being the last: FILTER_PATTERNS in bpf/scratch.h. */
#define FILTER_PATTERNS (TRACER_PATTERNS_MAX + 1)

uint8_t tracer_verdict(const struct tracer *t, const struct tracer_filter *f, size_t name)
{
	if (f->names_pass[name])
		return VERDICT_LISTED | VERDICT_PASS;
	return VERDICT_LISTED | (t->options.syscalls && f->names_explain[name] ? VERDICT_TELL : 0);
}

/* The kernel's number of a cgroup v1 controller; -1 for none ("" or NULL), or when it has no such.
 */
static int controller_number(const char *controller)
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

static int fill_pattern(struct tracer *t, uint32_t number, const struct tracer_pattern *pattern)
{
	struct {
		char glob[TRACER_PATTERN_MAX + 1];
		uint32_t exclude, reserved;
	} p = {.exclude = pattern->exclude};

	snprintf(p.glob, sizeof(p.glob), "%s", pattern->glob);
	return bpf_map_update_elem(bpf_map__fd(t->skel->maps.patterns), &number, &p, BPF_ANY);
}

static int fill_patterns(struct tracer *t, const struct tracer_filter *f, uint32_t half)
{
	const struct tracer_pattern comm = {.glob = f->narrow.comm};
	uint32_t first = half * FILTER_PATTERNS, i;
	int err = 0;

	for (i = 0; i < f->n_patterns && !err; i++)
		err = fill_pattern(t, first + i, &f->patterns[i]);
	if (comm.glob && !err)
		err = fill_pattern(t, first + TRACER_PATTERNS_MAX, &comm);
	return err;
}

static int fill_verdict(struct tracer *t, const struct tracer_filter *f, size_t i, uint32_t half)
{
	int map = bpf_map__fd(t->skel->maps.verdicts);
	uint8_t verdict = tracer_verdict(t, f, i);
	struct name_verdicts verdicts = {0};
	char key[NAME_KEY_LEN] = "";

	if (strlen(f->names[i]) >= sizeof(key))
		return 0;
	memcpy(key, f->names[i], strlen(f->names[i]));
	if (!bpf_map_lookup_elem(map, key, &verdicts))
		verdict |= verdicts.of[!half] & VERDICT_SHED;
	verdicts.of[half] = verdict;
	return bpf_map_update_elem(map, key, &verdicts, BPF_ANY);
}

static int fill_verdicts(struct tracer *t, const struct tracer_filter *f, uint32_t half)
{
	size_t i;
	int err = 0;

	for (i = 0; i < f->n_names && !err; i++)
		err = fill_verdict(t, f, i, half);
	return err;
}

/* Places of the filter that this half had before. */
static void drop_places(struct tracer *t, uint32_t half)
{
	int map = bpf_map__fd(t->skel->maps.arg_places);
	struct arg_place_key key, next;
	bool more = !bpf_map_get_next_key(map, NULL, &next);

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (key.rule / MAX_ARG_RULES == half)
			bpf_map_delete_elem(map, &key);
	}
}

static int fill_arg_rules(struct tracer *t, const struct tracer_filter *f, uint32_t half)
{
	uint32_t first = half * MAX_ARG_RULES, i, number;
	int err = 0;

	drop_places(t, half);
	for (i = 0; i < f->n_arg_rules && !err; i++) {
		number = first + i;
		err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.arg_rules), &number,
					  &f->arg_rules[i], BPF_ANY);
	}
	for (i = 0; i < f->n_arg_places && !err; i++) {
		struct arg_place_key key = {.rule = first + f->arg_places[i].rule};

		if (strlen(f->arg_places[i].event) >= sizeof(key.name))
			continue;
		memcpy(key.name, f->arg_places[i].event, strlen(f->arg_places[i].event));
		err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.arg_places), &key,
					  &f->arg_places[i].place, BPF_ANY);
	}
	return err;
}

static struct live_filter scalars(const struct tracer_filter *f)
{
	return (struct live_filter){
		.by_name = f->by_name,
		.patterns = f->n_patterns,
		.default_pass = f->default_pass,
		.by_uid = f->narrow.by_uid,
		.uid = f->narrow.uid,
		.by_comm = f->narrow.comm != NULL,
		.by_cgroup = f->narrow.by_cgroup,
		.cgroup_id = f->narrow.cgroup_id,
		.cgroup_subsys = controller_number(f->narrow.controller),
		.rate_interval = f->rate ? 1000000000 / f->rate ?: 1 : 0,
		.arg_rules = f->n_arg_rules,
		.args = f->args,
	};
}

int tracer_set_filter(struct tracer *t, const struct tracer_filter *f)
{
	uint32_t number = t->filter_number + 1, half = number % FILTERS;
	int err;

	err = fill_patterns(t, f, half) ?: fill_verdicts(t, f, half) ?: fill_arg_rules(t, f, half);
	if (!err)
		err = literals_judge(t, f, half);
	if (err)
		return err;
	t->skel->bss->filters[half] = scalars(f);
	__atomic_store_n(&t->skel->bss->filter_number, number, __ATOMIC_RELEASE);
	t->filter_number = number;
	t->filter = *f;
	return 0;
}
