// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/log.h"
#include "base/standard.h"
#include "check_write.h"
#include "target/command.h"

struct check {
	const struct options *options;
	const struct check_writer *writer;
	struct buf out;
	/* What is being looked at: */
	pid_t pid;	  /* a process, else 0 */
	const char *path; /* else a file */
	bool any;	  /* a CPython that can be traced was among its files */
	bool told;	  /* something was written about it */
};

const char *check_layout(const struct py_image *image)
{
	if (!image->config.decode)
		return "not known: names and C-level arguments only";
	return image->version >= 0x030d0000 ? "table, confirmed by the file's debug offsets"
					    : "table, confirmed by the file's type objects";
}

/* False when something that is needed is missing. */
static bool check_kernel(struct check *c)
{
	struct check_kernel k = {.release = "unknown"};
	struct utsname u;
	bool good = true;
	size_t i;

	if (!uname(&u))
		k.release = u.release;
	k.features = features_list(&k.n_features);
	k.capabilities = capabilities_list(&k.n_capabilities);
	c->writer->kernel(&c->out, &k);
	for (i = 0; i < k.n_features; i++)
		good &= k.features[i].present || !k.features[i].needed;
	for (i = 0; i < k.n_capabilities; i++)
		good &= k.capabilities[i].held || !k.capabilities[i].needed;
	return good;
}

static void write_other(struct check *c, const char *file, int err, const struct py_image *image)
{
	char why[160], version[32];

	if (err == -ENOTSUP && image)
		snprintf(why, sizeof(why), "CPython %s: no audit events before 3.8",
			 py_version_text(image, version, sizeof(version)));
	else if (err == -ENOENT)
		snprintf(why, sizeof(why),
			 "no CPython in it, nor in the libraries it is linked with");
	else
		snprintf(why, sizeof(why), "not CPython: %s", strerror(-err));
	c->writer->other(&c->out, &(struct check_subject){c->pid, c->path, file}, why);
	c->told = true;
}

static void write_image(struct check *c, const char *file, const struct py_image *image)
{
	enum py_probe_choice choice = py_image_choose(image, c->options->probe);
	size_t n;

	c->writer->image(&c->out, &(struct check_subject){c->pid, c->path, file}, image, choice);
	py_image_probes(image, choice, &n);
	c->any |= n > 0;
	c->told = true;
}

/* What is not CPython is passed over: a program has many files. */
static int check_file(const struct target_file *file, void *arg)
{
	struct py_image *image = NULL;
	int err = py_image_read(file->fd, &image);

	if (!err)
		write_image(arg, file->path, image);
	else if (err == -ENOTSUP)
		write_other(arg, file->path, err, image);
	py_image_free(image);
	return 0;
}

static int refuse_file(const struct target_file *file, void *arg)
{
	struct py_image *image = NULL;

	write_other(arg, file->path, py_image_read(file->fd, &image), image);
	py_image_free(image);
	return 0;
}

/* A file, or what it would run: a launcher's libpython, a script's interpreter. */
static bool check_path(struct check *c, char *path)
{
	const struct command command = {.path = path};
	char *argv[] = {path, NULL};
	int err;

	c->pid = 0;
	c->path = path;
	c->any = c->told = false;
	err = target_path_file(path, check_file, c);
	if (!err && !c->told)
		err = command_files(&command, argv, c->options->as_root, check_file, c);
	if (!err && !c->told)
		err = target_path_file(path, refuse_file, c);
	if (err)
		log_error("%s: %s; give the path of an interpreter or of a libpython", path,
			  strerror(-err));
	return !err && c->any;
}

static bool check_pid(struct check *c, pid_t pid)
{
	int err;

	c->pid = pid;
	c->path = NULL;
	c->any = c->told = false;
	err = target_process_files(pid, check_file, c);
	if (err == -EPERM && c->told)
		err = 0;
	if (err)
		log_error("PID %d: %s; %s", pid, err == -ESRCH ? "no such process" : strerror(-err),
			  err == -ESRCH ? "see ps -e" : "run as root, or see --check");
	else if (!c->told)
		c->writer->other(&c->out, &(struct check_subject){.pid = pid},
				 "not a Python process");
	return !err && c->any;
}

int check(const struct options *o)
{
	struct check c = {.options = o};
	bool good = true;
	size_t i;

	c.writer = strcmp(o->format, "json") ? &check_text : &check_json;
	if (!o->n_pids && !(o->files && o->files[0]))
		good = check_kernel(&c);
	for (i = 0; i < o->n_pids; i++)
		good &= check_pid(&c, o->pids[i]);
	for (i = 0; o->files && o->files[i]; i++)
		good &= check_path(&c, o->files[i]);
	if (c.out.len)
		fwrite(c.out.data, 1, c.out.len, stdout);
	good &= !standard_output_flush();
	buf_free(&c.out);
	return good ? 0 : 1;
}
