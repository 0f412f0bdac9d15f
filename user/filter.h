/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * -e: which events pass. Patterns are globs over event names (* any run, ? any one byte, [a-z] one
 * of these) or @category; a leading ! excludes; the last that matches decides. Without a match an
 * event passes only if the first pattern is an exclusion.
 *
 * The kernel matches globs itself. Names of the table are decided here, once, and told to it: it
 * knows nothing of categories.
 */
#ifndef PYAUDIT_FILTER_H
#define PYAUDIT_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/tracer.h"

struct filter_item {
	const char *pattern; /* without ! and @, one character class expanded */
	bool exclude, category;
};

struct filter {
	struct filter_item *items;
	size_t n_items;
	bool default_pass;
	/* for the kernel */
	struct tracer_pattern *patterns;
	size_t n_patterns;
	const char **names;
	bool *names_pass;
	bool *names_explain; /* they may explain system calls */
	size_t n_names;
};

/* Takes the patterns of the command line. Returns 0, or a negative errno after
 * one line said what is wrong: an unknown category, too many or too long patterns, or a pattern
 * that no event of CPython matches and no custom event is likely to: custom names have a namespace
 * of their own. */
int filter_init(struct filter *f, char *const *events, size_t n);
void filter_free(struct filter *f);

bool filter_passes(const struct filter *f, const char *name);

/* The glob language without character classes, as bpf/filter.h has it. */
bool glob_match(const char *glob, const char *text);

#endif
