/* SPDX-License-Identifier: GPL-2.0-only */
/* One child (bpf_child.h) for each interpreter of the machine. */
#ifndef PYAUDIT_BPF_CHILDREN_H
#define PYAUDIT_BPF_CHILDREN_H

#include <glob.h>
#include <libgen.h>

#include "bpf_child.h"

#define MAX_CHILDREN 16

static struct child children[MAX_CHILDREN];
static size_t n_children;
static glob_t interpreters;

static void find_interpreters(void)
{
	char pattern[512];

	snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/3.*/bin/python3",
		 getenv("HOME") ?: "/root");
	glob(pattern, 0, NULL, &interpreters);
	glob("/usr/bin/python3.[89]", GLOB_APPEND, NULL, &interpreters);
	glob("/usr/bin/python3.[1-9][0-9]", GLOB_APPEND, NULL, &interpreters);
}

/* Why nothing can be read of this one; NULL when it can. */
static const char *child_prepare(struct child *c, const char *program,
				 const char *(*lacks)(const struct child *c))
{
	bool ready = child_listen(c);
	uint64_t word;
	int err = child_find_image(c);

	if (err == -ENOTSUP)
		return "older than 3.8";
	if (!ready)
		return program;
	if (err)
		return strerror(-err);
	if (lacks(c))
		return lacks(c);
	child_use(c);
	if (read_user(&word, sizeof(word), c->objects[0].addr))
		return host_mem.refused ? strerror(host_mem.refused) : "its memory cannot be read";
	return NULL;
}

/* Starts programs/NAME in each. lacks says what the tests need and a child has not; NULL: nothing.
 */
static void children_start(const char *name, const char *(*lacks)(const struct child *c))
{
	char here[] = __FILE__, path[512], failed[512];
	size_t i, started;

	snprintf(path, sizeof(path), "%s/programs/%s", dirname(here), name);
	snprintf(failed, sizeof(failed), "programs/%s does not run there", name);
	find_interpreters();
	/* All at once: they start while others are being read. */
	for (started = 0; started < interpreters.gl_pathc && started < MAX_CHILDREN; started++)
		if (child_start(&children[started], interpreters.gl_pathv[started], path))
			break;
	for (i = 0; i < started; i++) {
		const char *reason = child_prepare(&children[i], failed, lacks);

		if (reason) {
			print_message("skipped, %s: %s\n", reason, children[i].path);
			child_end(&children[i]);
		} else {
			children[n_children++] = children[i];
		}
	}
}

static void children_end(void)
{
	while (n_children)
		child_end(&children[--n_children]);
	globfree(&interpreters);
}

static void need_children(void)
{
	if (n_children)
		return;
	print_message("no interpreter to compare with\n");
	skip();
}

/* Each object that each of them told of. */
static void each_object(void (*check)(struct child *c, const struct child_object *o))
{
	size_t i, k;

	need_children();
	for (i = 0; i < n_children; i++) {
		child_use(&children[i]);
		for (k = 0; k < children[i].n_objects; k++)
			check(&children[i], &children[i].objects[k]);
	}
}

#endif
