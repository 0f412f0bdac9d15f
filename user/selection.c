// SPDX-License-Identifier: GPL-2.0-only
#include "selection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arg_filter.h"
#include "base/log.h"
#include "filter.h"
#include "target/cgroup_path.h"

struct selection {
	struct filter names;
	struct arg_filter *args;
	char *comm, *cgroup; /* NULL: any */
	struct target_cgroup group;
	struct tracer_filter kernel;
	struct redactor *redactor;
};

/* Counts need no arguments, unless these decide what is counted. */
static bool needs_arguments(const struct options *o)
{
	return o->syscalls || o->n_args || (!o->summary && strcmp(o->format, "folded"));
}

static void describe(struct selection *s, const struct options *o)
{
	const struct filter *names = &s->names;

	s->kernel = (struct tracer_filter){
		.by_name = names->n_items || o->n_args || o->max_cpu,
		.default_pass = names->default_pass,
		.patterns = names->patterns,
		.n_patterns = names->n_patterns,
		.names = names->names,
		.names_pass = names->names_pass,
		.names_explain = names->names_explain,
		.n_names = names->n_names,
		.narrow = {.by_uid = o->by_uid, .uid = o->uid, .comm = s->comm},
		.rate = o->rate,
		.args = needs_arguments(o),
		.arg_rules = arg_filter_rules(s->args),
		.n_arg_rules = arg_filter_count(s->args),
	};
	s->kernel.arg_places = arg_filter_places(s->args, &s->kernel.n_arg_places);
}

static bool copy_text(char **to, const char *text)
{
	*to = text ? strdup(text) : NULL;
	return *to || !text;
}

static struct redactor *make_redactor(const struct options *o)
{
	const char *const *rules = (const char *const *)o->redact;
	const char *error;
	size_t bad;
	struct redactor *redactor = redactor_new(rules, o->n_redact, &bad, &error);

	if (!redactor)
		log_error("--redact '%.200s': %s", bad < o->n_redact ? o->redact[bad] : "", error);
	return redactor;
}

struct selection *selection_new(const struct options *o)
{
	struct selection *s = calloc(1, sizeof(*s));

	if (!s || !copy_text(&s->comm, o->comm) || !copy_text(&s->cgroup, o->cgroup)) {
		log_error("out of memory");
		goto fail;
	}
	s->redactor = make_redactor(o);
	if (!s->redactor)
		goto fail;
	if (filter_init(&s->names, o->events, o->n_events))
		goto fail;
	s->args = arg_filter_new(o->args, o->n_args);
	if (!s->args)
		goto fail;
	arg_filter_narrow(s->args, &s->names);
	describe(s, o);
	return s;
fail:
	selection_free(s);
	return NULL;
}

void selection_free(struct selection *s)
{
	if (!s)
		return;
	redactor_free(s->redactor);
	arg_filter_free(s->args);
	filter_free(&s->names);
	free(s->comm);
	free(s->cgroup);
	free(s);
}

const struct tracer_filter *selection_for_kernel(struct selection *s)
{
	int err = s->cgroup ? target_find_cgroup(s->cgroup, &s->group) : 0;

	if (err) {
		log_error("--cgroup '%.200s': %s", s->cgroup,
			  err == -ENOTSUP ? "a hierarchy of cgroup v1 without a controller; give "
					    "the group's path in another"
					  : "no such control group; give a path below "
					    "/sys/fs/cgroup, or one as /proc/PID/cgroup shows it");
		return NULL;
	}
	s->kernel.narrow.by_cgroup = s->cgroup != NULL;
	s->kernel.narrow.cgroup_id = s->group.id;
	s->kernel.narrow.controller = s->group.controller;
	return &s->kernel;
}

struct redactor *selection_redactor(const struct selection *s)
{
	return s->redactor;
}

bool selection_passes(struct selection *s, const struct audit_event *event)
{
	return arg_filter_passes(s->args, event);
}
