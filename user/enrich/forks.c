// SPDX-License-Identifier: GPL-2.0-only
#include "enrich/forks.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX      256
#define EXPLAINED_MAX 64
#define ANNOUNCED_MAX 1024

struct forks {
	struct {
		struct wire_syscall *wire;
		uint64_t until;
	} kept[KEPT_MAX];
	uint32_t explained[EXPLAINED_MAX]; /* in a ring */
	unsigned int n_explained;	   /* ever */
	uint32_t announced[ANNOUNCED_MAX]; /* by the last bits of their number */
};

struct forks *forks_new(void)
{
	return calloc(1, sizeof(struct forks));
}

void forks_free(struct forks *f)
{
	int i;

	for (i = 0; f && i < KEPT_MAX; i++)
		free(f->kept[i].wire);
	free(f);
}

bool forks_keep(struct forks *f, const struct wire_syscall *wire, uint64_t until)
{
	int i;

	for (i = 0; i < KEPT_MAX && f->kept[i].wire; i++)
		;
	if (i == KEPT_MAX)
		return false;
	f->kept[i].wire = malloc(wire->head.size);
	if (!f->kept[i].wire)
		return false;
	memcpy(f->kept[i].wire, wire, wire->head.size);
	f->kept[i].until = until;
	return true;
}

static struct wire_syscall *take(struct forks *f, int i)
{
	struct wire_syscall *wire = f->kept[i].wire;

	f->kept[i].wire = NULL;
	return wire;
}

struct wire_syscall *forks_take_child(struct forks *f, uint32_t child)
{
	const struct wire_syscall *wire;
	int i;

	for (i = 0; i < KEPT_MAX; i++) {
		wire = f->kept[i].wire;
		if (wire && (wire->child ?: wire->ret) == child)
			return take(f, i);
	}
	return NULL;
}

struct wire_syscall *forks_take_of(struct forks *f, uint32_t pid)
{
	int i;

	for (i = 0; i < KEPT_MAX; i++)
		if (f->kept[i].wire && f->kept[i].wire->head.pid == pid)
			return take(f, i);
	return NULL;
}

struct wire_syscall *forks_take_due(struct forks *f, uint64_t now)
{
	int i;

	for (i = 0; i < KEPT_MAX; i++)
		if (f->kept[i].wire && f->kept[i].until <= now)
			return take(f, i);
	return NULL;
}

void forks_explain(struct forks *f, uint32_t child)
{
	f->explained[f->n_explained++ % EXPLAINED_MAX] = child;
}

bool forks_explained(struct forks *f, uint32_t child)
{
	int i;

	for (i = 0; i < EXPLAINED_MAX; i++)
		if (f->explained[i] == child) {
			f->explained[i] = 0;
			return true;
		}
	return false;
}

void forks_announce(struct forks *f, uint32_t child)
{
	f->announced[child % ANNOUNCED_MAX] = child;
}

bool forks_announced(const struct forks *f, uint32_t child)
{
	return f->announced[child % ANNOUNCED_MAX] == child;
}
