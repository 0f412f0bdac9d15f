/* SPDX-License-Identifier: GPL-2.0-only */
/* Interpreters that have made the objects of programs/objects.py and wait to be read. */
#ifndef PYAUDIT_BPF_CHILD_H
#define PYAUDIT_BPF_CHILD_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf_host.h"
#include "python/py_image.h"
#include "target/files.h"

#define CHILD_OBJECTS 512

struct child_object {
	uint64_t addr;
	int size; /* bytes it is known to consist of; 0 not known; -1: it is an argument tuple */
	const char *name, *expected;
};

struct child {
	const char *path;
	pid_t pid;
	int to; /* its standard input */
	FILE *from;
	struct image_config config;
	uint64_t bias;
	struct host_page *cache;
	char *text[CHILD_OBJECTS];
	struct child_object objects[CHILD_OBJECTS];
	size_t n_objects;
};

static void child_exec(const char *path, const char *program, int in, int out)
{
	int null = open("/dev/null", O_WRONLY);

	/* A test that crashes takes its children along. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execl(path, path, "-I", "-S", program, NULL);
	_exit(127);
}

/* Starts the interpreter. Returns 0 or a negative errno. */
static int child_start(struct child *c, const char *path, const char *program)
{
	int in[2], out[2];

	*c = (struct child){.path = path};
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return -errno;
	c->pid = fork();
	if (!c->pid)
		child_exec(path, program, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	c->to = in[1];
	c->from = fdopen(out[0], "r");
	return c->pid < 0 ? -errno : 0;
}

static bool child_take_line(struct child *c, char *line)
{
	struct child_object *o = &c->objects[c->n_objects];
	char *addr = strtok(line, "\t"), *size = strtok(NULL, "\t");

	if (c->n_objects == CHILD_OBJECTS || !size)
		return false;
	o->addr = strtoull(addr, NULL, 16);
	o->size = atoi(size);
	o->name = strtok(NULL, "\t");
	o->expected = strtok(NULL, "\n");
	c->text[c->n_objects++] = line;
	return o->addr && o->name && o->expected;
}

/* Reads what the child says until it is ready. */
static bool child_listen(struct child *c)
{
	for (;;) {
		char *line = NULL;
		size_t size = 0;

		if (getline(&line, &size, c->from) < 0 || !strcmp(line, "ready\n")) {
			bool ready = line && !strcmp(line, "ready\n");

			free(line);
			return ready && c->n_objects;
		}
		if (!child_take_line(c, line)) {
			free(line);
			return false;
		}
	}
}

struct child_search {
	struct child *child;
	int err;
};

/* Where the file's first byte is mapped: the bias, as the first segment of all builds is linked at
 * 0. */
static int child_find_bias(struct child *c, const struct target_file *file)
{
	char name[64], line[8192];
	struct map_line map;
	int err = -ENOENT;
	FILE *maps;

	snprintf(name, sizeof(name), "/proc/%d/maps", c->pid);
	maps = fopen(name, "r");
	while (maps && err && fgets(line, sizeof(line), maps)) {
		line[strcspn(line, "\n")] = 0;
		if (target_parse_map_line(line, &map) || map.offset || map.ino != file->ino ||
		    makedev(map.major, map.minor) != file->dev)
			continue;
		c->bias = map.start;
		err = 0;
	}
	if (maps)
		fclose(maps);
	return err;
}

static int child_try_file(const struct target_file *file, void *arg)
{
	struct child_search *search = arg;
	struct py_image *image = NULL;
	int err = py_image_read(file->fd, &image);

	if (err == -ENOENT || err == -ENOEXEC)
		return 0;
	search->err = err;
	if (!err) {
		search->child->config = image->config;
		if (image->position_independent)
			search->err = child_find_bias(search->child, file);
	}
	py_image_free(image);
	return 1;
}

/* What the child runs. Returns 0 or a negative errno. */
static int child_find_image(struct child *c)
{
	struct child_search search = {c, -ENOENT};

	target_process_files(c->pid, child_try_file, &search);
	return search.err;
}

/* Reads of this child from here on. Nothing changes there, so each page is fetched once. */
static void child_use(struct child *c)
{
	if (!c->cache)
		c->cache = calloc(HOST_CACHE, sizeof(*c->cache));
	host_mem = (struct host_memory){.pid = c->pid, .cache = c->cache};
}

static void child_end(struct child *c)
{
	size_t i;

	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	if (c->from)
		fclose(c->from);
	close(c->to);
	for (i = 0; i < c->n_objects; i++)
		free(c->text[i]);
	free(c->cache);
}

#endif
