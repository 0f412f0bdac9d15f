// SPDX-License-Identifier: GPL-2.0-only
/*
 * The child is forked early and waits at a gate, so that probes that name its process and its files
 * can stand before its first instruction. It tells over the report pipe first what the search for
 * the command found, and later, if the exec fails, why; a successful exec closes the pipe.
 */
#include "target/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "target/child.h"

/* As a shell has it: the command could not be started. */
#define CHILD_FAILED 127

enum stage { STAGE_USER, STAGE_SEARCH };

/* The first thing in the report pipe; the path follows. */
struct start_report {
	int error; /* negative errno */
	enum stage stage;
	size_t path_len;
};

static bool write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

/* False also at an early end of file. */
static bool read_all(int fd, void *data, size_t len)
{
	char *p = data;
	ssize_t n;

	while (len) {
		n = read(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

static void __attribute__((noreturn))
run_child(int gate, int report, char *const argv[], const struct child_user *user)
{
	struct start_report r = {.stage = STAGE_USER};
	char path[PATH_MAX], opened;
	int err;

	r.error = child_become(user);
	if (!r.error) {
		r.stage = STAGE_SEARCH;
		r.error = child_search(argv[0], getenv("PATH"), path, sizeof(path));
	}
	r.path_len = r.error ? 0 : strlen(path);
	if (!write_all(report, &r, sizeof(r)) || !write_all(report, path, r.path_len) || r.error)
		_exit(CHILD_FAILED);
	/* End of file: the tracer is gone before it opened the gate. */
	if (!read_all(gate, &opened, 1))
		_exit(CHILD_FAILED);
	/* Not the path found: execvp goes on with PATH where an exec is refused, and knows scripts
	 * without a #! line. */
	execvp(argv[0], argv);
	err = errno;
	write_all(report, &err, sizeof(err));
	_exit(CHILD_FAILED);
}

static void report_search_error(const char *name, int err)
{
	if (!*name)
		log_error("COMMAND: an empty name; give a program");
	else if (err == ENOENT && !strchr(name, '/'))
		log_error("%.500s: command not found; give a path or check PATH", name);
	else if (err == ENOENT || err == ENOTDIR)
		log_error("%.500s: no such file; check the path", name);
	else if (err == EACCES)
		log_error("%.500s: no permission to execute it; check its mode and who runs it "
			  "(--as-root)",
			  name);
	else
		log_error("%.500s: cannot be found (%s); check the path", name, strerror(err));
}

static void report_exec_error(const char *name, int err)
{
	/* The file was there at the search. */
	if (err == ENOENT)
		log_error("%.500s: the interpreter it names does not exist; check its #! line or "
			  "how it was built",
			  name);
	else if (err == EACCES)
		log_error("%.500s: no permission to execute it; check its mode and file system",
			  name);
	else if (err == E2BIG)
		log_error("%.500s: arguments and environment are too long; shorten them", name);
	else
		log_error("%.500s: cannot be executed (%s); check the file", name, strerror(err));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* What the child found. Returns 0 or its error, reported. */
static int read_start(struct command *cmd, const char *name)
{
	struct start_report r;

	if (!read_all(cmd->report, &r, sizeof(r)) || r.path_len >= PATH_MAX) {
		log_error("%.500s: ended by a signal before its start; run it again", name);
		return -ECANCELED;
	}
	if (r.error && r.stage == STAGE_USER)
		log_error("%.500s: cannot become the user of SUDO_UID (%s); use --as-root", name,
			  strerror(-r.error));
	else if (r.error)
		report_search_error(name, -r.error);
	if (r.error)
		return r.error;
	cmd->path = calloc(1, r.path_len + 1);
	if (!cmd->path || !read_all(cmd->report, cmd->path, r.path_len)) {
		log_error("%.500s: its path cannot be kept; free some memory", name);
		return -ENOMEM;
	}
	return 0;
}

/* The gate is a socket pair only because sending to it can be told not to raise SIGPIPE. */
static int fork_held(struct command *cmd, char *const argv[], const struct child_user *user)
{
	int gate[2], report[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate))
		return -errno;
	if (pipe2(report, O_CLOEXEC)) {
		err = errno;
		close(gate[0]);
		close(gate[1]);
		return -err;
	}
	cmd->gate = gate[1];
	cmd->report = report[0];
	cmd->pid = child_fork();
	if (!cmd->pid) {
		/* Our end of the gate must be open in the tracer only: its end is what frees us. */
		close(gate[1]);
		close(report[0]);
		run_child(gate[0], report[1], argv, user);
	}
	close(gate[0]);
	close(report[1]);
	return cmd->pid < 0 ? cmd->pid : 0;
}

int command_start(struct command *cmd, char *const argv[], bool as_root)
{
	struct child_user user;
	int ret = child_user_find(&user, as_root);

	*cmd = (struct command){.gate = -1, .report = -1};
	if (ret)
		return ret;
	ret = fork_held(cmd, argv, &user);
	child_user_free(&user);
	if (ret)
		log_error("%.500s: no process for it (%s); end some others", argv[0],
			  strerror(-ret));
	else
		ret = read_start(cmd, argv[0]);
	if (ret)
		command_abandon(cmd);
	return ret;
}

bool command_changes_user(bool as_root)
{
	struct child_user user;
	bool yes = !child_user_find(&user, as_root) && user.change;

	child_user_free(&user);
	return yes;
}

int command_release(struct command *cmd)
{
	ssize_t n;
	int err = 0;

	do
		n = send(cmd->gate, "", 1, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	/* A send that fails means a child that was killed while it was held; its exit status tells.
	 */
	if (!read_all(cmd->report, &err, sizeof(err)))
		err = 0;
	close_fd(&cmd->gate);
	close_fd(&cmd->report);
	if (!err)
		return 0;
	report_exec_error(cmd->path, err);
	reap(cmd->pid);
	cmd->pid = 0;
	return -err;
}

void command_abandon(struct command *cmd)
{
	if (cmd->gate >= 0 && cmd->pid > 0) {
		/* Closing the gate would do, were it not for a child that is stopped. */
		kill(cmd->pid, SIGKILL);
		close_fd(&cmd->gate);
		reap(cmd->pid);
		cmd->pid = 0;
	}
	close_fd(&cmd->gate);
	close_fd(&cmd->report);
	free(cmd->path);
	cmd->path = NULL;
}
