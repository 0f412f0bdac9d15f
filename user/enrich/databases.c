// SPDX-License-Identifier: GPL-2.0-only
#include "enrich/databases.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define PATHS_MAX 16 /* of a process */

struct owner {
	SLIST_ENTRY(owner) next;
	uint32_t pid;
	size_t n;
	char *paths[PATHS_MAX];
};

struct databases {
	SLIST_HEAD(, owner) owners;
};

struct databases *databases_new(void)
{
	return calloc(1, sizeof(struct databases));
}

void databases_free(struct databases *d)
{
	while (d && !SLIST_EMPTY(&d->owners))
		databases_forget(d, SLIST_FIRST(&d->owners)->pid);
	free(d);
}

static struct owner *find(const struct databases *d, uint32_t pid)
{
	struct owner *o;

	SLIST_FOREACH(o, &d->owners, next)
	if (o->pid == pid)
		return o;
	return NULL;
}

void databases_forget(struct databases *d, uint32_t pid)
{
	struct owner *o = find(d, pid);
	size_t i;

	if (!o)
		return;
	SLIST_REMOVE(&d->owners, o, owner, next);
	for (i = 0; i < o->n; i++)
		free(o->paths[i]);
	free(o);
}

void databases_add(struct databases *d, uint32_t pid, const char *path, size_t len)
{
	struct owner *o = find(d, pid);
	size_t i;

	if (!len)
		return;
	if (!o) {
		o = calloc(1, sizeof(*o));
		if (!o)
			return;
		o->pid = pid;
		SLIST_INSERT_HEAD(&d->owners, o, next);
	}
	for (i = 0; i < o->n; i++)
		if (strlen(o->paths[i]) == len && !memcmp(o->paths[i], path, len))
			return;
	if (o->n < PATHS_MAX) {
		o->paths[o->n] = strndup(path, len);
		o->n += o->paths[o->n] != NULL;
	}
}

void databases_learn(struct databases *d, const struct call_info *call)
{
	const struct owner *o = find(d, call->pid);
	const struct text *path = &call->texts[0];
	size_t i, len;

	for (i = 0; o && i < o->n; i++) {
		len = strlen(o->paths[i]);
		if (path->len > len && !memcmp(path->data, "/", 1) &&
		    !memcmp((const char *)path->data + path->len - len, o->paths[i], len)) {
			databases_add(d, call->pid, path->data, path->len);
			return;
		}
	}
}

const char *const *databases_of(const struct databases *d, uint32_t pid, size_t *n)
{
	const struct owner *o = find(d, pid);

	*n = o ? o->n : 0;
	return o ? (const char *const *)o->paths : NULL;
}
