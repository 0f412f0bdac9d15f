// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding interpreters as they come: what is executed and what is mapped executable, by any process
 * with -a, else by those traced.
 *
 * The kernel tells of each mapping (kernel/mappings.h). Files it told of before are known by what
 * they go by in the kernel, and cost nothing more. Where it does not tell, a process is looked at
 * some times in the second after its exec (target/rescan.h).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/seen.h"
#include "kernel/mappings.h"
#include "session_state.h"
#include "target/rescan.h"

#define KNOWN_MAX     16384	 /* mapped files that have been looked at */
#define LET_GO_NS     5000000000 /* between two looks for images nobody needs any more */
#define LOOK_AGAIN_NS 1000000000 /* between two looks at all processes */
#define PAUSES	      64	 /* that are remembered */

/* A process that was stopped in its exec, and when: boot clock, ns. */
struct pause {
	pid_t pid;
	uint64_t from, until;
};

struct discovery {
	struct mappings *mappings; /* NULL: the kernel does not tell */
	struct seen *known;
	struct rescan *rescan;
	bool lost; /* a record of a mapping */
	int64_t looked_at, let_go_at;
	struct pause pauses[PAUSES]; /* the last ones, in a ring */
	size_t n_pauses;	     /* ever */
};

struct discovery *session_discovery_new(void)
{
	struct discovery *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->known = seen_new(KNOWN_MAX);
	d->rescan = rescan_new();
	if (!d->known || !d->rescan) {
		session_discovery_free(d);
		return NULL;
	}
	d->mappings = mappings_open();
	if (!d->mappings)
		log_warn("the kernel does not tell of mapped files: %s; interpreters that come are "
			 "looked for for a second after each exec, and one that is loaded later is "
			 "missed; see --check",
			 strerror(errno));
	return d;
}

void session_discovery_free(struct discovery *d)
{
	if (!d)
		return;
	mappings_close(d->mappings);
	seen_free(d->known);
	rescan_free(d->rescan);
	free(d);
}

static bool is_ours(struct session *s, pid_t pid)
{
	return pid != getpid() &&
	       (s->options->mode == MODE_ALL || tracer_is_target(s->tracer, pid));
}

static void on_mapping(const struct mapping *m, void *arg)
{
	struct session *s = arg;
	struct discovery *d = s->discovery;
	struct seen_key key = {m->dev, m->ino, m->generation};
	struct map_line line = {.start = m->start,
				.end = m->end,
				.offset = m->offset,
				.ino = m->ino,
				.major = m->dev >> 32,
				.minor = m->dev,
				.path = m->path};
	struct session_add add;

	/* Where probes are put a process at a time, each process is another case. */
	if ((session_everywhere(s->options) && seen_has(d->known, key)) || !is_ours(s, m->pid))
		return;
	add = session_add_for(s, m->pid);
	/* What is gone already is looked at when it comes again; of what exports thread contexts
	 * each process is another case. */
	if (!target_mapped_file(m->pid, &line, session_add_file, &add) && !add.publishes)
		seen_add(d->known, key);
}

/* A target waits in its exec: look at what it is about to run, put probes there, let it go on. */
static void serve_stopped(struct session *s, const struct wire_exec *exec)
{
	struct command command = {0};
	struct discovery *d = s->discovery;
	struct session_add add = session_add_for(s, exec->head.pid);
	char *exe = process_exe(exec->head.pid);
	char *argv[] = {exe, NULL};

	target_process_files(exec->head.pid, session_add_file, &add);
	if (exe && !add.found) {
		command.path = exe;
		command_files(&command, argv, s->options->as_root, session_add_file, &add);
	}
	free(exe);
	tracer_know_file(s->tracer, exec->dev, exec->ino);
	d->pauses[d->n_pauses++ % PAUSES] =
		(struct pause){exec->head.pid, exec->head.time, session_boot_now()};
	tracer_let_go(s->tracer, exec->head.pid);
}

uint64_t session_runs_since(const struct session *s, pid_t pid, uint64_t exec)
{
	const struct discovery *d = s->discovery;
	size_t i;

	for (i = 0; i < PAUSES; i++)
		if (d->pauses[i].pid == pid && d->pauses[i].from >= exec)
			return d->pauses[i].until;
	return exec;
}

void session_on_exec(struct session *s, const struct wire_exec *exec)
{
	struct session_add add = session_add_for(s, exec->head.pid);

	if (s->correlator)
		correlate_process_over(s->correlator, exec->head.pid);
	process_executed(s->processes, exec->head.pid, exec->head.time);
	contexts_forget(s->contexts, exec->head.pid, exec->head.time);
	session_naming_add(s, &exec->head);
	if (exec->stopped)
		serve_stopped(s, exec);
	if (!s->discovery->mappings) {
		/* Libraries come later than the executable, and with dlopen later still. */
		rescan_add(s->discovery->rescan, exec->head.pid, exec->dev, exec->ino);
		return;
	}
	/* The record of its mapping comes too, but this one wakes us up. */
	if (!exec->stopped && !exec->known &&
	    !target_process_files(exec->head.pid, session_add_file, &add))
		tracer_know_file(s->tracer, exec->dev, exec->ino);
}

/* By then the dynamic loader has mapped what a program is linked with. */
#define LOADED_MS 20

static void rescan_process(const struct rescan_entry *entry, void *arg)
{
	struct session *s = arg;
	struct session_add add = session_add_for(s, entry->pid);

	if (!target_process_files(entry->pid, session_add_file, &add) && entry->age_ms >= LOADED_MS)
		tracer_know_file(s->tracer, entry->dev, entry->ino);
}

/* The records of mappings came faster than we: all is looked at, but not all the time. */
static void look_again(struct session *s, int64_t now)
{
	struct discovery *d = s->discovery;

	if (!d->lost || now - d->looked_at < LOOK_AGAIN_NS)
		return;
	log_info("records of mapped files were lost; looking at all processes");
	d->lost = false;
	d->looked_at = now;
	session_add_all(s);
}

void session_discover(struct session *s)
{
	struct discovery *d = s->discovery;
	int64_t now = session_boot_now();

	if (d->mappings && mappings_read(d->mappings, on_mapping, s))
		d->lost = true;
	look_again(s, now);
	rescan_run(d->rescan, rescan_process, s);
	contexts_poll(s->contexts);
	if (now - d->let_go_at >= LET_GO_NS) {
		d->let_go_at = now;
		images_let_go(s->images);
	}
}

void session_discover_exit(struct session *s, pid_t pid)
{
	rescan_forget(s->discovery->rescan, pid);
}
