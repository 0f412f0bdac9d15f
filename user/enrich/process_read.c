// SPDX-License-Identifier: GPL-2.0-only
/* A process as /proc has it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enrich/process_entry.h"
#include "target/files.h"

#define LINK_MAX_LEN (64 * 1024)
#define SMALL_MAX    (16 * 1024)

/* A copy of what the link says; NULL when it cannot be read. */
static char *read_link(int dir, const char *name)
{
	size_t size = 256;
	char *text = NULL, *grown;
	ssize_t n;

	for (; size <= LINK_MAX_LEN; size *= 2) {
		grown = realloc(text, size);
		if (!grown)
			break;
		text = grown;
		n = readlinkat(dir, name, text, size);
		if (n < 0)
			break;
		if ((size_t)n < size) {
			text[n] = 0;
			return text;
		}
	}
	free(text);
	return NULL;
}

static void read_cmdline(struct process_entry *e, int dir)
{
	char *text = malloc(CMDLINE_MAX + 1), *fitted;
	size_t len = 0;

	if (!text)
		return;
	if (target_read_file(dir, "cmdline", text, CMDLINE_MAX + 1, &len) || !len) {
		free(text);
		return;
	}
	free(e->cmdline);
	fitted = realloc(text, len + 1);
	e->cmdline = fitted ? fitted : text;
	e->cmdline_len = len;
}

/* Returns false if the number belongs to another process now. */
static bool read_stat(struct process_entry *e, int dir)
{
	char text[1024];
	struct proc_stat st;
	uint64_t tick = 1000000000 / sysconf(_SC_CLK_TCK);
	size_t len;

	if (target_read_file(dir, "stat", text, sizeof(text), &len) || target_parse_stat(text, &st))
		return true;
	if (e->info.start && e->info.start / tick != st.start)
		return false;
	if (!e->info.start) {
		e->info.ppid = st.ppid;
		e->info.start = st.start * tick;
	}
	return true;
}

static void read_own_number(struct process_entry *e, int dir)
{
	char text[SMALL_MAX];
	struct proc_status status;
	size_t len;

	if (target_read_file(dir, "status", text, sizeof(text), &len))
		return;
	target_parse_status(text, &status);
	e->info.ns_pid = status.own;
}

static void read_cgroup(struct process_entry *e, int dir)
{
	char text[SMALL_MAX];
	size_t len;

	if (!target_read_file(dir, "cgroup", text, sizeof(text), &len))
		cgroup_identity_parse(&e->cgroup, text);
}

/* Of a process that is there in part: a zombie. */
static void read_parent(struct process_entry *e)
{
	char path[32];
	int dir;

	snprintf(path, sizeof(path), "/proc/%u", e->info.pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	read_stat(e, dir);
	close(dir);
}

void process_entry_read(struct process_entry *e)
{
	int dir;

	if (target_open_process((pid_t)e->info.pid, &dir)) {
		read_parent(e);
		return;
	}
	if (read_stat(e, dir)) {
		if (!e->exe)
			e->exe = read_link(dir, "exe");
		if (!e->cwd)
			e->cwd = read_link(dir, "cwd");
		if (!e->cmdline)
			read_cmdline(e, dir);
		if (!e->info.ns_pid)
			read_own_number(e, dir);
		if (!e->cgroup.path)
			read_cgroup(e, dir);
	}
	close(dir);
	process_entry_publish(e);
}
