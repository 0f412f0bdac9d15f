// SPDX-License-Identifier: GPL-2.0-only
/* What is traced: processes and commands, and the files they run. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/log.h"
#include "confine.h"
#include "guard.h"
#include "session_state.h"

/* A file's number as the kernel itself writes it (MKDEV), which is what exec records tell. */
static uint64_t kernel_dev(uint64_t dev)
{
	return (uint64_t)major(dev) << 20 | minor(dev);
}

int session_add_file(const struct target_file *file, void *arg)
{
	struct session_add *add = arg;
	const struct image_entry *e = images_add(add->s->images, file, add->pid, add->user);

	if (!add->exe[0])
		strncat(add->exe, file->path, sizeof(add->exe) - 1);
	if (add->s->options->mode == MODE_COMMAND)
		tracer_know_file(add->s->tracer, kernel_dev(file->dev), file->ino);
	if (!e)
		return -ENOMEM;
	add->publishes |= contexts_file(add->s->contexts, file, add->user);
	if (!e->error)
		add->found = e;
	else if (e->error != -ENOENT && e->error != -ENOEXEC)
		add->refused = e;
	return 0;
}

struct session_add session_add_for(struct session *s, pid_t pid)
{
	return (struct session_add){
		.s = s, .pid = session_everywhere(s->options) ? -1 : pid, .user = pid};
}

/* Why a process cannot be traced, in one line. */
static int refuse_pid(pid_t pid, const struct session_add *add, int err)
{
	if (err == -ESRCH || err == -ENOENT) {
		log_error("PID %d: no such process; see ps -e", pid);
	} else if (err) {
		log_error("PID %d: cannot read its files: %s; run as root, or with the "
			  "capabilities that --check lists",
			  pid, strerror(-err));
	} else if (add->refused && add->refused->error == -ENOTSUP) {
		log_error("PID %d: CPython %s has no audit events; 3.8 or newer is needed", pid,
			  add->refused->version);
		err = -ENOTSUP;
	} else if (add->refused) {
		err = add->refused->error; /* reported where it came up */
	} else if (add->exe[0]) {
		log_error("PID %d: not a Python process: it runs %s; give the PID of a CPython "
			  "process",
			  pid, add->exe);
		err = -EINVAL;
	} else {
		log_error("PID %d: not a Python process: it is a kernel thread or has exited; give "
			  "the PID of a CPython process",
			  pid);
		err = -EINVAL;
	}
	return err ? err : -EINVAL;
}

int session_add_pid(struct session *s, pid_t asked)
{
	pid_t pid = target_leader(asked);
	struct session_add add = session_add_for(s, pid);
	struct audit_event event = {.time.ns = session_now(), .pid = pid, .tid = pid};
	struct process_info *info;
	int err;

	/* A target first, so that its exit is told from now on. */
	tracer_add_target(s->tracer, pid);
	err = kill(pid, 0) && errno == ESRCH ? -ESRCH
					     : target_process_files(pid, session_add_file, &add);
	if (!add.found || (err && err != -EPERM)) {
		tracer_drop_target(s->tracer, pid);
		return refuse_pid(pid, &add, err);
	}
	info = process_get(s->processes, pid);
	if (!info)
		return -ENOMEM;
	info->unseen_ns = info->start ? session_boot_now() - info->start : 0;
	process_identity(pid, &event.uid, event.comm, sizeof(event.comm));
	if (!info->probe)
		session_announce(s, info, add.found, &event);
	return 0;
}

static int add_process(pid_t pid, void *arg)
{
	struct session *s = arg;
	struct session_add add = session_add_for(s, pid);

	if (pid != getpid() && (s->options->mode == MODE_ALL || tracer_is_target(s->tracer, pid)))
		target_process_files(pid, session_add_file, &add);
	return 0;
}

int session_add_all(struct session *s)
{
	return target_each_process(add_process, s);
}

static int refuse_command(const char *name, const struct image_entry *image)
{
	if (image->error == -ENOTSUP)
		log_error("%s: CPython %s has no audit events; 3.8 or newer is needed", name,
			  image->version);
	return image->error; /* others were reported where they came up */
}

int session_start_command(struct session *s)
{
	char *const *argv = s->options->command;
	struct session_add add;
	int err;

	s->guard = guard_start(tracer_held(s->tracer), WIRE_HELD_SLOTS);
	if (s->guard < 0)
		log_warn(
			"no process to guard what is held (%s): if the tracer is killed, a program "
			"may stay stopped",
			strerror(-s->guard));
	err = command_start(&s->command, argv, s->options->as_root);
	if (err)
		return err;
	tracer_add_target(s->tracer, s->command.pid);
	add = session_add_for(s, s->command.pid);
	err = command_files(&s->command, argv, s->options->as_root, session_add_file, &add);
	if (!err && !add.found)
		tracer_prepare(s->tracer); /* it may load a libpython, and then time matters */
	if (!err && !add.found && add.refused)
		err = refuse_command(argv[0], add.refused);
	return err;
}

/* The files of -o go to whom they will be written by. */
static void give_output(struct session *s)
{
	uid_t uid;
	gid_t gid;

	if (s->options->user && !confine_find_user(s->options->user, &uid, &gid)) {
		output_give(s->output, uid);
		exporters_own(s->exporters, uid);
	}
}

int session_confine(struct session *s)
{
	const struct options *o = s->options;
	struct confine c = {
		.user = o->user,
		.perf_uprobes = tracer_uses_perf(s->tracer),
		.command = o->mode == MODE_COMMAND,
	};
	int err;

	if (c.command)
		c.change_user = command_changes_user(o->as_root);
	give_output(s);
	err = confine_apply(&c);
	if (!err)
		output_check(s->output);
	return err;
}

int session_release_command(struct session *s)
{
	return command_release(&s->command);
}
