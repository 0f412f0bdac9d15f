// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/log.h"
#include "check_write.h"
#include "target/files.h"

struct check {
	const struct options *options;
	const struct check_writer *writer;
	struct buf out;
	bool any;  /* a CPython that can be traced was among the files looked at */
	bool tell; /* say of files that are not CPython what they are */
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

static const char *why_not(int err, const struct py_image *image, char *text, size_t size)
{
	char version[32];

	if (err == -ENOTSUP && image)
		snprintf(text, size, "CPython %s: no audit events before 3.8",
			 py_version_text(image, version, sizeof(version)));
	else if (err == -ENOENT)
		snprintf(text, size,
			 "no CPython in it (a launcher's libpython is a file of its own: check "
			 "that, or -p a running process)");
	else
		snprintf(text, size, "not CPython: %s", strerror(-err));
	return text;
}

static int check_file(const struct target_file *file, void *arg)
{
	struct check *c = arg;
	struct py_image *image = NULL;
	enum py_probe_choice choice;
	char why[160];
	int err = py_image_read(file->fd, &image);
	size_t n;

	if (!err) {
		choice = py_image_choose(image, c->options->probe);
		c->writer->image(&c->out, file->path, image, choice);
		py_image_probes(image, choice, &n);
		c->any |= n > 0;
	} else if (c->tell || err == -ENOTSUP) {
		c->writer->other(&c->out, file->path, why_not(err, image, why, sizeof(why)));
	}
	py_image_free(image);
	return 0;
}

static bool check_path(struct check *c, const char *path)
{
	int err;

	c->any = false;
	c->tell = true;
	err = target_path_file(path, check_file, c);
	if (err)
		log_error("%s: %s; give the path of an interpreter or of a libpython", path,
			  strerror(-err));
	return !err && c->any;
}

static bool check_pid(struct check *c, pid_t pid)
{
	char name[32];
	int err;

	c->any = c->tell = false;
	err = target_process_files(pid, check_file, c);
	if (err) {
		log_error("PID %d: %s", pid,
			  err == -ESRCH ? "no such process; see ps -e" : strerror(-err));
	} else if (!c->any) {
		snprintf(name, sizeof(name), "PID %d", pid);
		c->writer->other(&c->out, name, "no traceable CPython in this process");
	}
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
	if (fwrite(c.out.data, 1, c.out.len, stdout) != c.out.len || fflush(stdout)) {
		log_error("standard output: %s", strerror(errno));
		good = false;
	}
	buf_free(&c.out);
	return good ? 0 : 1;
}
