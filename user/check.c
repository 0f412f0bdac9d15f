// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/log.h"
#include "kernel/features.h"
#include "target/files.h"

static const char *mark(bool present, bool needed)
{
	return present ? "yes" : needed ? "NO" : "no";
}

/* Each feature and capability; false when a needed one is missing. */
static bool check_kernel(void)
{
	struct utsname u;
	bool good = true;
	size_t n, i;
	const struct capability *caps;
	const struct feature *features = features_list(&n);

	if (!uname(&u))
		printf("kernel %s %s\n", u.sysname, u.release);
	for (i = 0; i < n; i++) {
		printf("  %-22s %-4s %s\n", features[i].name,
		       mark(features[i].present, features[i].needed),
		       features[i].present ? "" : features[i].detail);
		good &= features[i].present || !features[i].needed;
	}
	printf("capabilities\n");
	caps = capabilities_list(&n);
	for (i = 0; i < n; i++) {
		printf("  %-22s %-4s %s\n", caps[i].name, mark(caps[i].held, caps[i].needed),
		       caps[i].detail);
		good &= caps[i].held || !caps[i].needed;
	}
	return good;
}

static void print_probe(const struct py_probe *p)
{
	printf("    %-18s at 0x%llx+%llu, %s; found by %s\n", py_entry_name(p->config.entry),
	       (unsigned long long)p->function,
	       (unsigned long long)(p->config.link_addr - p->function),
	       p->emulated ? "emulated (fast)" : "single-stepped (slow)", py_found_name(p->found));
}

static void print_choice(const struct py_image *image, enum py_probe_choice choice)
{
	size_t n, i;
	const struct py_probe *probes = py_image_probes(image, choice, &n);
	const char *const *gaps;

	if (!n) {
		printf("    none\n");
		return;
	}
	for (i = 0; i < n; i++)
		print_probe(&probes[i]);
	gaps = py_image_gaps(image, choice, &n);
	for (i = 0; i < n; i++)
		printf("    misses: %s\n", gaps[i]);
}

static void print_image(const struct py_image *image, const char *path, enum py_probe_choice wanted)
{
	enum py_probe_choice choice = py_image_choose(image, wanted);
	char version[32];

	printf("%s: CPython %s, %s%s%s\n", path, py_version_text(image, version, sizeof(version)),
	       image->shared_library ? "shared library" : "executable",
	       image->free_threaded ? ", free-threaded" : "",
	       image->has_usdt ? ", USDT python:audit" : "");
	printf("  object layout: %s\n",
	       image->config.decode ? "known" : "NOT known: names and C-level arguments only");
	printf("  uprobes%s\n", choice == PY_PROBE_UPROBE ? " (chosen)" : "");
	print_choice(image, PY_PROBE_UPROBE);
	printf("  usdt%s\n", choice == PY_PROBE_USDT ? " (chosen)" : "");
	print_choice(image, PY_PROBE_USDT);
	if (choice == PY_PROBE_USDT)
		printf("    side effect: CPython builds the argument tuple of every event, as for "
		       "a hook; an argument that is not UTF-8 fails the operation\n");
}

struct found {
	const struct options *options;
	bool any;
	bool tell; /* say of files that are not CPython what they are */
};

static int check_file(const struct target_file *file, void *arg)
{
	struct found *found = arg;
	struct py_image *image = NULL;
	char version[32];
	int err = py_image_read(file->fd, &image);
	size_t n;

	if (!err) {
		print_image(image, file->path, found->options->probe);
		py_image_probes(image, py_image_choose(image, found->options->probe), &n);
		found->any |= n > 0;
	} else if (err == -ENOTSUP && image) {
		printf("%s: CPython %s: no audit events before 3.8\n", file->path,
		       py_version_text(image, version, sizeof(version)));
	} else if (found->tell && err == -ENOENT) {
		printf("%s: no CPython in it (a launcher's libpython is a file of its own: check "
		       "that, or -p a running process)\n",
		       file->path);
	} else if (found->tell) {
		printf("%s: not CPython: %s\n", file->path, strerror(-err));
	}
	py_image_free(image);
	return 0;
}

static bool check_path(const struct options *o, const char *path)
{
	struct found found = {.options = o, .tell = true};
	int err = target_path_file(path, check_file, &found);

	if (err)
		log_error("%s: %s; give the path of an interpreter or of a libpython", path,
			  strerror(-err));
	return !err && found.any;
}

static bool check_pid(const struct options *o, pid_t pid)
{
	struct found found = {.options = o};
	int err = target_process_files(pid, check_file, &found);

	if (err)
		log_error("PID %d: %s", pid,
			  err == -ESRCH ? "no such process; see ps -e" : strerror(-err));
	else if (!found.any)
		printf("PID %d: no traceable CPython in this process\n", pid);
	return !err && found.any;
}

int check(const struct options *o)
{
	bool good = true;
	size_t i;

	if (!o->n_pids && !(o->files && o->files[0]))
		good = check_kernel();
	for (i = 0; i < o->n_pids; i++)
		good &= check_pid(o, o->pids[i]);
	for (i = 0; o->files && o->files[i]; i++)
		good &= check_path(o, o->files[i]);
	return good ? 0 : 1;
}
