// SPDX-License-Identifier: GPL-2.0-only
#include "target/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/log.h"

/* Linux include/linux/sched.h; the flags field of /proc/PID/stat shows it (proc(5)). */
#define PF_KTHREAD 0x00200000

/* A process may have vm.max_map_count mappings (65530 unless the administrator raised it), each of
 * another file if it is out to keep us busy. Real programs execute some hundred files. */
#define MAX_MAP_LINES  (1 << 20)
#define MAX_FILES      4096
#define FILE_SLOTS     (2 * MAX_FILES)
#define PROC_STAT_SIZE 1024

/* Takes the digits at *s in the base; there must be one at least. */
static bool take_number(const char **s, unsigned int base, uint64_t max, uint64_t *value)
{
	const char *p = *s;
	uint64_t v = 0;
	unsigned int digit;

	for (;; p++) {
		if (*p >= '0' && *p <= '9')
			digit = *p - '0';
		else if (base == 16 && *p >= 'a' && *p <= 'f')
			digit = *p - 'a' + 10;
		else
			break;
		if (v > (max - digit) / base)
			return false;
		v = v * base + digit;
	}
	if (p == *s)
		return false;
	*s = p;
	*value = v;
	return true;
}

static bool take_hex(const char **s, char end, uint64_t max, uint64_t *value)
{
	return take_number(s, 16, max, value) && *(*s)++ == end;
}

static bool take_perms(const char **s, char *perms)
{
	static const char *const allowed[] = {"r-", "w-", "x-", "sp"};
	int i;

	for (i = 0; i < 4; i++) {
		if (!(*s)[i] || !strchr(allowed[i], (*s)[i]))
			return false;
		perms[i] = (*s)[i];
	}
	perms[4] = 0;
	*s += 4;
	return *(*s)++ == ' ';
}

/* Behind the inode comes the end of the line, or blanks and the path: Linux fs/proc/task_mmu.c pads
 * to a column. A path starts with '/' or '[' or is a name like "anon_inode:..."; never with a
 * blank. */
static bool take_path(const char *s, const char **path)
{
	if (*s && *s != ' ')
		return false;
	s += strspn(s, " ");
	if (strchr(s, '\n'))
		return false;
	*path = s;
	return true;
}

int target_parse_map_line(const char *line, struct map_line *out)
{
	const char *s = line;
	uint64_t major, minor;

	if (!take_hex(&s, '-', UINT64_MAX, &out->start) ||
	    !take_hex(&s, ' ', UINT64_MAX, &out->end) || out->start >= out->end ||
	    !take_perms(&s, out->perms) || !take_hex(&s, ' ', UINT64_MAX, &out->offset) ||
	    !take_hex(&s, ':', UINT32_MAX, &major) || !take_hex(&s, ' ', UINT32_MAX, &minor) ||
	    !take_number(&s, 10, UINT64_MAX, &out->ino) || !take_path(s, &out->path))
		return -EINVAL;
	out->major = (uint32_t)major;
	out->minor = (uint32_t)minor;
	return 0;
}

int target_parse_stat(const char *text, struct proc_stat *out)
{
	/* Only numbers and one letter follow the name, so the last ')' ends it. */
	const char *s = strrchr(text, ')');
	int consumed = 0;

	if (!s ||
	    sscanf(s,
		   ") %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
		   "%" SCNu64 "%n",
		   &out->state, &out->ppid, &out->flags, &out->start, &consumed) != 4 ||
	    !consumed)
		return -EINVAL;
	return 0;
}

/* "NSpid:	4711	12": one for each namespace, its own last */
static pid_t last_number(const char *line, size_t len)
{
	size_t end = len;

	while (len && line[len - 1] >= '0' && line[len - 1] <= '9')
		len--;
	return end > len && end - len < 10 ? (pid_t)strtoul(line + len, NULL, 10) : 0;
}

static pid_t status_number(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	return line ? last_number(line + 1, strcspn(line + 1, "\n")) : 0;
}

void target_parse_status(const char *text, struct proc_status *out)
{
	*out = (struct proc_status){
		.leader = status_number(text, "\nTgid:"),
		.own = status_number(text, "\nNSpid:"),
	};
}

int target_read_file(int dir, const char *name, char *text, size_t size, size_t *len)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC), ret = 0;
	ssize_t n;

	*len = 0;
	if (fd < 0)
		return -errno;
	while (*len < size - 1) {
		n = read(fd, text + *len, size - 1 - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			ret = -errno;
		if (n <= 0)
			break;
		*len += n;
	}
	text[*len] = 0;
	close(fd);
	return ret;
}

static int read_stat(int dir, struct proc_stat *st)
{
	char text[PROC_STAT_SIZE];
	size_t len;
	int ret = target_read_file(dir, "stat", text, sizeof(text), &len);

	if (ret == -ENOENT)
		return -ESRCH;
	return ret ? ret : target_parse_stat(text, st);
}

static bool is_dead(const struct proc_stat *st)
{
	return st->state == 'Z' || st->state == 'X';
}

/* A name in /proc that is a process number; 0: another name. */
static pid_t number_name(const char *name)
{
	uint64_t v;

	return take_number(&name, 10, INT_MAX, &v) && !*name ? (pid_t)v : 0;
}

static int open_proc_dir(pid_t pid, int *dir, struct proc_stat *st)
{
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	*dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	ret = read_stat(*dir, st);
	if (ret)
		close(*dir);
	return ret;
}

/* /proc/TID is there for each thread, though no listing shows it. */
static int open_live_thread(pid_t pid, int *dir, pid_t *thread)
{
	char path[32];
	struct proc_stat st;
	struct dirent *entry;
	pid_t tid;
	DIR *tasks;
	int ret = -ESRCH;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return -ESRCH;
	while (ret && (entry = readdir(tasks))) {
		tid = number_name(entry->d_name);
		if (!tid || tid == pid || open_proc_dir(tid, dir, &st))
			continue;
		*thread = tid;
		if (is_dead(&st))
			close(*dir);
		else
			ret = 0;
	}
	closedir(tasks);
	return ret;
}

static int open_process(pid_t pid, int *dir, pid_t *thread)
{
	struct proc_stat st;
	int ret = open_proc_dir(pid, dir, &st);

	*thread = pid;
	if (ret || !is_dead(&st))
		return ret;
	close(*dir);
	return open_live_thread(pid, dir, thread);
}

int target_open_process(pid_t pid, int *dir)
{
	pid_t thread;

	return open_process(pid, dir, &thread);
}

pid_t target_live_thread(pid_t pid)
{
	pid_t thread;
	int dir;

	if (open_process(pid, &dir, &thread))
		return pid;
	close(dir);
	return thread;
}

/* Opens what the O_PATH descriptor pin stands for, if that is a regular file. */
static int open_pinned(int pin, int *fd, struct stat *st)
{
	char link[32];

	if (fstat(pin, st))
		return -errno;
	if (!S_ISREG(st->st_mode))
		return S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", pin);
	*fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return *fd < 0 ? -errno : 0;
}

int target_open_regular(int dir, const char *path, int *fd, struct stat *st)
{
	int pin = openat(dir, path, O_PATH | O_CLOEXEC), ret;

	if (pin < 0)
		return -errno;
	ret = open_pinned(pin, fd, st);
	close(pin);
	return ret;
}

struct target_file target_file_of(int fd, const struct stat *st, const char *path)
{
	return (struct target_file){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = st->st_size,
		.modified = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec,
		.fd = fd,
		.path = path,
	};
}

int target_path_file(const char *path, target_file_fn fn, void *arg)
{
	struct target_file file;
	struct stat st;
	int fd, ret = target_open_regular(AT_FDCWD, path, &fd, &st);

	if (ret)
		return ret;
	file = target_file_of(fd, &st, path);
	ret = fn(&file, arg);
	close(fd);
	return ret;
}

struct key {
	uint64_t a, b, c;
	bool used;
};

struct key_set {
	struct key *slots;
	size_t n;
};

/* Returns 1 if the key is new, 0 if it was there, -E2BIG or -ENOMEM. */
static int key_add(struct key_set *set, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t h = (a * 31 + b) * 0x9e3779b97f4a7c15ULL ^ c;
	struct key *k;
	size_t i;

	if (!set->slots)
		set->slots = calloc(FILE_SLOTS, sizeof(*set->slots));
	if (!set->slots)
		return -ENOMEM;
	for (i = (h ^ h >> 32) % FILE_SLOTS;; i = (i + 1) % FILE_SLOTS) {
		k = &set->slots[i];
		if (!k->used)
			break;
		if (k->a == a && k->b == b && k->c == c)
			return 0;
	}
	if (set->n >= MAX_FILES)
		return -E2BIG;
	*k = (struct key){a, b, c, true};
	set->n++;
	return 1;
}

struct walk {
	pid_t pid;
	int dir;
	struct key_set lines;	     /* seen in maps: saves opening the same file again */
	struct key_set files;	     /* seen opened */
	bool denied;		     /* a mapped file could not be had */
	bool single;		     /* only one file is looked at */
	const struct map_line *line; /* the mapping that is looked at; NULL: none */
	target_file_fn fn;
	void *arg;
};

static void name_of_pin(int pin, char *name, size_t size)
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", pin);
	n = readlink(link, name, size - 1);
	name[n < 0 ? 0 : n] = 0;
}

static int visit_pin(struct walk *w, int pin)
{
	char name[PATH_MAX];
	struct target_file file;
	struct stat st;
	int fd, ret = open_pinned(pin, &fd, &st);

	if (ret == -EINVAL || ret == -EISDIR || ret == -EMFILE || ret == -ENFILE || ret == -ENOMEM)
		return ret == -EINVAL || ret == -EISDIR ? 0 : ret;
	name_of_pin(pin, name, sizeof(name));
	if (ret) {
		/* Some file systems keep root out: one file is lost to us, not the process. */
		log_warn("process %d: %.500s cannot be read (%s); it is left out", w->pid, name,
			 strerror(-ret));
		return 0;
	}
	file = target_file_of(fd, &st, name);
	if (w->line) {
		file.start = w->line->start;
		file.offset = w->line->offset;
	}
	ret = w->single ? 1 : key_add(&w->files, file.dev, file.ino, 0);
	if (ret > 0)
		ret = w->fn(&file, w->arg);
	close(file.fd);
	return ret;
}

/* ENOENT: there is no such mapping any more, or (exe) the process has no memory of its own. */
static int visit_link(struct walk *w, const char *link)
{
	int pin = openat(w->dir, link, O_PATH | O_CLOEXEC), ret;

	if (pin < 0)
		return errno == ENOENT ? 0 : -errno;
	ret = visit_pin(w, pin);
	close(pin);
	return ret;
}

bool target_has_name(int fd)
{
	char name[PATH_MAX];
	struct stat open_file, named;

	name_of_pin(fd, name, sizeof(name));
	return !fstat(fd, &open_file) && !stat(name, &named) && named.st_dev == open_file.st_dev &&
	       named.st_ino == open_file.st_ino;
}

static uint64_t hash_text(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	return h;
}

/* The mapped file by its name below a root, which is closed; only if it has the mapping's numbers.
 * -EPERM if there is no such. */
static int visit_below(struct walk *w, int root, const struct map_line *line)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	int pin, ret = -EPERM;
	struct stat st;

	if (root < 0)
		return -errno;
	pin = syscall(SYS_openat2, root, line->path, &how, sizeof(how));
	close(root);
	if (pin < 0)
		return -EPERM;
	if (!fstat(pin, &st) && st.st_ino == line->ino && major(st.st_dev) == line->major &&
	    minor(st.st_dev) == line->minor)
		ret = visit_pin(w, pin);
	close(pin);
	return ret;
}

/*
 * The mapped file by its name, for those who may not follow map_files: that takes
 * CAP_CHECKPOINT_RESTORE (Linux fs/proc/base.c, proc_map_files_get_link), and for those of another
 * user CAP_DAC_READ_SEARCH. The name is the process's choice and is resolved below its root.
 */
static int visit_name(struct walk *w, const struct map_line *line)
{
	return visit_below(w, openat(w->dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC), line);
}

static int visit_mapping(struct walk *w, const struct map_line *line)
{
	char link[64];
	int ret;

	w->line = line;
	snprintf(link, sizeof(link), "map_files/%" PRIx64 "-%" PRIx64, line->start, line->end);
	ret = visit_link(w, link);
	if (ret != -EPERM && ret != -EACCES)
		return ret;
	ret = visit_name(w, line);
	/* The others may be had; it is told at the end. */
	w->denied |= ret == -EPERM;
	return ret == -EPERM ? 0 : ret;
}

int target_mapped_file(pid_t pid, const struct map_line *line, target_file_fn fn, void *arg)
{
	struct walk w = {.pid = pid, .single = true, .line = line, .fn = fn, .arg = arg};
	char path[64];
	int pin, ret = -EPERM;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	w.dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w.dir < 0) /* gone: perhaps the file is in our own mount namespace */
		return visit_below(&w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), line) ? -ENOENT
											  : 0;
	snprintf(path, sizeof(path), "map_files/%" PRIx64 "-%" PRIx64, line->start, line->end);
	pin = openat(w.dir, path, O_PATH | O_CLOEXEC);
	if (pin >= 0)
		ret = visit_pin(&w, pin);
	else
		ret = visit_name(&w, line);
	if (pin >= 0)
		close(pin);
	close(w.dir);
	return ret == -EPERM ? -ENOENT : ret;
}

static int visit_line(struct walk *w, char *text)
{
	struct map_line line;
	int ret;

	text[strcspn(text, "\n")] = 0;
	if (target_parse_map_line(text, &line) || line.perms[2] != 'x' || !line.ino)
		return 0;
	/* The path is part of the key: on btrfs the numbers in maps can be those of two files. */
	ret = key_add(&w->lines, (uint64_t)line.major << 32 | line.minor, line.ino,
		      hash_text(line.path));
	return ret <= 0 ? ret : visit_mapping(w, &line);
}

static int visit_maps(struct walk *w)
{
	int fd = openat(w->dir, "maps", O_RDONLY | O_CLOEXEC), lines = 0, ret = 0;
	size_t size = 0;
	char *text = NULL;
	FILE *f;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	errno = 0;
	while (!ret && getline(&text, &size, f) > 0)
		ret = ++lines > MAX_MAP_LINES ? -E2BIG : visit_line(w, text);
	if (!ret && ferror(f))
		ret = errno ? -errno : -EIO;
	free(text);
	fclose(f);
	return ret;
}

int target_process_files(pid_t pid, target_file_fn fn, void *arg)
{
	struct walk w = {.pid = pid, .fn = fn, .arg = arg};
	struct proc_stat st;
	int ret = target_open_process(pid, &w.dir);

	if (ret)
		return ret;
	ret = visit_link(&w, "exe");
	if (!ret)
		ret = visit_maps(&w);
	/* What has no memory has no files: a process that ends, but also a kernel thread. */
	if (!ret || ret == -ESRCH)
		ret = read_stat(w.dir, &st) || is_dead(&st) ? -ESRCH : w.denied ? -EPERM : 0;
	free(w.lines.slots);
	free(w.files.slots);
	close(w.dir);
	return ret;
}

static bool is_user_process(int proc, const char *name)
{
	char path[300], text[PROC_STAT_SIZE];
	struct proc_stat st;
	size_t len;

	snprintf(path, sizeof(path), "%s/stat", name);
	return !target_read_file(proc, path, text, sizeof(text), &len) &&
	       !target_parse_stat(text, &st) && !(st.flags & PF_KTHREAD);
}

int target_each_process(int (*fn)(pid_t pid, void *arg), void *arg)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int ret = 0;
	pid_t pid;

	if (!proc)
		return -errno;
	while (!ret && (entry = readdir(proc))) {
		pid = number_name(entry->d_name);
		if (pid && is_user_process(dirfd(proc), entry->d_name))
			ret = fn(pid, arg);
	}
	closedir(proc);
	return ret;
}

pid_t target_leader(pid_t pid)
{
	char path[32], text[4096];
	struct proc_status status = {0};
	size_t len;
	int dir;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return pid;
	if (!target_read_file(dir, "status", text, sizeof(text), &len))
		target_parse_status(text, &status);
	close(dir);
	return status.leader ?: pid;
}
