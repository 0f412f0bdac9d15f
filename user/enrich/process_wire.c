// SPDX-License-Identifier: GPL-2.0-only
/* A process as the kernel side saw it. */
#include <stdlib.h>
#include <string.h>

#include "decode/wire_decode.h"
#include "enrich/process_entry.h"

#define NAMES_MAX 128
#define DELETED	  " (deleted)"

/* Parts of one kind that follow one another: the names of a path, last name first. */
struct run {
	const struct wire_part *names[NAMES_MAX];
	size_t n;
};

static char *join(const struct run *run)
{
	bool deleted = run->n && run->names[0]->flags & WIRE_PART_DELETED;
	size_t size = sizeof("/" DELETED), i;
	char *path, *p;

	for (i = 0; i < run->n; i++)
		size += run->names[i]->len + 1;
	path = p = malloc(size);
	if (!path)
		return NULL;
	for (i = run->n; i > 0; i--) {
		*p++ = '/';
		p = mempcpy(p, run->names[i - 1] + 1, run->names[i - 1]->len);
	}
	strcpy(p, !run->n ? "/" : deleted ? DELETED : "");
	return path;
}

static void take_path(struct process_entry *e, enum wire_part_kind kind, const struct run *run)
{
	char *path = join(run);

	if (path && kind == WIRE_PART_EXE && !e->exe) {
		e->exe = path;
		return;
	}
	if (path && kind == WIRE_PART_CWD && !e->cwd) {
		e->cwd = path;
		return;
	}
	if (path && (kind == WIRE_PART_CGROUP || kind == WIRE_PART_CGROUP1))
		cgroup_identity_add(&e->cgroup, path);
	free(path);
}

static void take_cmdline(struct process_entry *e, const struct wire_part *part)
{
	if (e->cmdline)
		return;
	e->cmdline = malloc(part->len + 1);
	if (!e->cmdline)
		return;
	memcpy(e->cmdline, part + 1, part->len);
	e->cmdline[part->len] = '\0';
	e->cmdline_len = part->len;
}

static void take_parts(struct process_entry *e, const struct wire_process *wire)
{
	const struct wire_part *part = NULL;
	struct run run = {.n = 0};
	uint16_t kind = 0;

	while ((part = wire_part_next(wire, part))) {
		if (part->kind != kind)
			run.n = 0;
		kind = part->kind;
		if (kind == WIRE_PART_CMDLINE) {
			take_cmdline(e, part);
		} else if (part->len) {
			if (run.n == NAMES_MAX)
				return;
			run.names[run.n++] = part;
		} else {
			take_path(e, kind, &run);
			run.n = 0;
		}
	}
}

void process_entry_take(struct process_entry *e, const struct wire_process *wire)
{
	e->info.ppid = wire->ppid;
	e->info.ns_pid = wire->ns_pid;
	e->info.start = wire->start;
	take_parts(e, wire);
	/* What is too long for a record, or was not in memory. */
	if (!e->exe || !e->cwd || e->cmdline_len < wire->cmdline)
		process_entry_read(e);
	process_entry_publish(e);
}
