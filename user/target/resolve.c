// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which files a command will run code from, before it runs: what the kernel, env(1) and the ELF
 * interpreter are going to do is followed on paper. All that is read here is as the command's owner
 * wrote it; the worst it can lead to is probing a file in vain.
 */
#include "target/command.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "target/child.h"
#include "target/env_args.h"
#include "target/resolve_text.h"

#define SHEBANG_LIMIT 5 /* Linux fs/exec.c, exec_binprm */
#define STEPS_LIMIT   16
#define PHDR_LIMIT    256
#define DYNAMIC_LIMIT (64 * 1024)
#define LIST_LIMIT    (64 * 1024)
#define LIST_MS	      2000

struct resolve {
	const struct child_user *user;
	target_file_fn fn;
	void *arg;
	struct env_args args; /* what the next exec is called with */
	char file[PATH_MAX];  /* the next file to be executed */
	int shebangs;
	bool by_execvp; /* a file without a known format goes to the shell */
};

/* What one file turned out to be. */
enum step { STEP_END, STEP_AGAIN };

static int call_fn(const struct resolve *r, int fd, const struct stat *st, const char *path)
{
	const struct target_file file = target_file_of(fd, st, path);

	return r->fn(&file, r->arg);
}

static bool set_file(struct resolve *r, const char *path)
{
	size_t len = strlen(path);

	if (!len || len >= sizeof(r->file))
		return false;
	memmove(r->file, path, len + 1);
	return true;
}

/* The script's name takes the place of argv[0], behind the interpreter and its argument. */
static enum step follow_shebang(struct resolve *r, char *line, size_t len)
{
	char *interp, *arg;

	if (++r->shebangs > SHEBANG_LIMIT || !resolve_shebang(line, len, &interp, &arg))
		return STEP_END;
	env_args_drop(&r->args, 1);
	if (!env_args_push(&r->args, r->file) || (arg && !env_args_push(&r->args, arg)) ||
	    !env_args_push(&r->args, interp) || !set_file(r, interp))
		return STEP_END;
	r->by_execvp = false;
	return STEP_AGAIN;
}

static enum step follow_shell(struct resolve *r)
{
	if (!r->by_execvp)
		return STEP_END;
	r->by_execvp = false;
	env_args_drop(&r->args, 1);
	if (!env_args_push(&r->args, r->file) || !env_args_push(&r->args, "/bin/sh"))
		return STEP_END;
	return set_file(r, "/bin/sh") ? STEP_AGAIN : STEP_END;
}

static enum step follow_env(struct resolve *r)
{
	char found[PATH_MAX];

	if (!env_args_apply(&r->args) ||
	    child_search(r->args.argv[0], r->args.path, found, sizeof(found)))
		return STEP_END;
	r->by_execvp = true;
	r->shebangs = 0;
	return set_file(r, found) ? STEP_AGAIN : STEP_END;
}

static bool read_interp(int fd, const GElf_Phdr *ph, char *interp, size_t size)
{
	if (ph->p_filesz < 2 || ph->p_filesz > size || ph->p_offset > INT64_MAX ||
	    pread(fd, interp, ph->p_filesz, (off_t)ph->p_offset) != (ssize_t)ph->p_filesz)
		return false;
	return !interp[ph->p_filesz - 1] && *interp == '/';
}

static bool has_needed(Elf *elf, const GElf_Phdr *ph)
{
	size_t size = ph->p_filesz < DYNAMIC_LIMIT ? ph->p_filesz : DYNAMIC_LIMIT;
	Elf_Data *data;
	GElf_Dyn dyn;
	int i;

	if (ph->p_offset > INT64_MAX)
		return false;
	data = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, size, ELF_T_DYN);
	for (i = 0; data && gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++)
		if (dyn.d_tag == DT_NEEDED)
			return true;
	return false;
}

/* The ELF interpreter of an executable that needs libraries. */
static bool elf_interpreter(int fd, char *interp, size_t size)
{
	bool found = false, needed = false;
	size_t i, n = 0;
	GElf_Phdr ph;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return false;
	if (elf_kind(elf) == ELF_K_ELF && elf_getphdrnum(elf, &n))
		n = 0;
	for (i = 0; i < n && i < PHDR_LIMIT && gelf_getphdr(elf, (int)i, &ph); i++) {
		if (ph.p_type == PT_INTERP)
			found = read_interp(fd, &ph, interp, size);
		else if (ph.p_type == PT_DYNAMIC)
			needed = has_needed(elf, &ph);
	}
	elf_end(elf);
	return found && needed;
}

static void __attribute__((noreturn))
run_list(const struct resolve *r, int out, const char *interp, const char *file)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || child_become(r->user) || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(127);
	execl(interp, interp, "--list", file, (char *)NULL);
	_exit(127);
}

/* False when there is nothing more to be had in time. */
static bool read_some(int fd, struct buf *out, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left = deadline - clock_ms();
	ssize_t n;
	int ret;

	if (left <= 0 || out->len >= LIST_LIMIT || !buf_reserve(out, 4096))
		return false;
	ret = poll(&p, 1, (int)left);
	if (ret <= 0)
		return ret < 0 && errno == EINTR;
	n = read(fd, out->data + out->len, 4096);
	if (n > 0)
		out->len += n;
	return n > 0 || (n < 0 && errno == EINTR);
}

/* What "interp --list file" prints. The interpreter is a program of the command's choice: it is run
 * as the command will be, and is not waited for longer than the limit. */
static void list_libraries(const struct resolve *r, const char *interp, struct buf *out)
{
	int64_t deadline = clock_ms() + LIST_MS;
	char file[PATH_MAX + 2];
	int ends[2];
	pid_t pid;

	/* A relative name might look like an option. */
	strcpy(file, *r->file == '/' ? "" : "./");
	strcat(file, r->file);
	if (pipe2(ends, O_CLOEXEC))
		return;
	pid = child_fork();
	if (!pid)
		run_list(r, ends[1], interp, file);
	close(ends[1]);
	if (pid > 0) {
		while (read_some(ends[0], out, deadline))
			;
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
}

static int visit_library(const struct resolve *r, const char *path)
{
	struct stat st;
	int fd, ret;

	if (target_open_regular(AT_FDCWD, path, &fd, &st))
		return 0;
	ret = call_fn(r, fd, &st, path);
	close(fd);
	return ret;
}

static int visit_libraries(const struct resolve *r, int fd)
{
	char interp[PATH_MAX], *line, *rest;
	struct buf out = {0};
	const char *path;
	struct stat st;
	int ret = 0;

	if (!elf_interpreter(fd, interp, sizeof(interp)) || stat(interp, &st) ||
	    !S_ISREG(st.st_mode))
		return 0;
	list_libraries(r, interp, &out);
	buf_char(&out, 0);
	if (!out.failed) {
		for (line = strtok_r(out.data, "\n", &rest); line && !ret;
		     line = strtok_r(NULL, "\n", &rest)) {
			path = resolve_listed(line);
			ret = path ? visit_library(r, path) : 0;
		}
	}
	buf_free(&out);
	return ret;
}

static bool is_env(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, "env");
}

/* Looks at r->file. Returns fn's value, else 0 with *next. */
static int look_at(struct resolve *r, int fd, enum step *next)
{
	char head[SHEBANG_SIZE];
	ssize_t n = pread(fd, head, sizeof(head) - 1, 0);

	*next = STEP_END;
	if (n < 0)
		return 0;
	head[n] = 0;
	if (n >= 4 && !memcmp(head, ELFMAG, SELFMAG)) {
		if (!is_env(r->file))
			return visit_libraries(r, fd);
		*next = follow_env(r);
	} else if (n >= 2 && !memcmp(head, "#!", 2)) {
		*next = follow_shebang(r, head, (size_t)n);
	} else {
		*next = follow_shell(r);
	}
	return 0;
}

static int look_at_all(struct resolve *r)
{
	enum step next = STEP_AGAIN;
	int i, fd, ret = 0;
	struct stat st;

	for (i = 0; !ret && next == STEP_AGAIN && i < STEPS_LIMIT; i++) {
		if (target_open_regular(AT_FDCWD, r->file, &fd, &st))
			return 0;
		ret = call_fn(r, fd, &st, r->file);
		if (!ret)
			ret = look_at(r, fd, &next);
		close(fd);
	}
	return ret;
}

int command_files(const struct command *cmd, char *const argv[], bool as_root, target_file_fn fn,
		  void *arg)
{
	struct child_user user;
	struct resolve *r;
	int ret = child_user_find(&user, as_root);

	if (ret)
		return ret;
	r = calloc(1, sizeof(*r));
	if (!r) {
		child_user_free(&user);
		return -ENOMEM;
	}
	r->user = &user;
	r->fn = fn;
	r->arg = arg;
	r->by_execvp = true;
	if (env_args_init(&r->args, argv, getenv("PATH")) && set_file(r, cmd->path))
		ret = look_at_all(r);
	env_args_free(&r->args);
	free(r);
	child_user_free(&user);
	return ret;
}
