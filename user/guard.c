// SPDX-License-Identifier: GPL-2.0-only
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "confine.h"

/* A program in the kernel may be between noting a process and stopping it when the tracer dies:
 * we look more than once. */
#define LOOKS	     3
#define LOOK_WAIT_US 50000

static void let_go(const uint32_t *held, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		uint32_t pid = __atomic_load_n(&held[i], __ATOMIC_RELAXED);

		if (pid)
			kill(pid, SIGCONT);
	}
}

/* As standard input. Nothing of the tracer's may stay open here: not its probes, nor its output. */
static void keep_only(int fd)
{
	dup2(fd, STDIN_FILENO);
	close_range(STDIN_FILENO + 1, ~0u, 0);
	if (open("/dev/null", O_WRONLY) == STDOUT_FILENO)
		dup2(STDOUT_FILENO, STDERR_FILENO);
}

static void __attribute__((noreturn)) guard(int fd, const uint32_t *held, size_t n)
{
	char done;
	ssize_t n_done;
	int i;

	/* Not with the tracer's group when that is killed. */
	setsid();
	prctl(PR_SET_NAME, "pyaudit-guard");
	keep_only(fd);
	confine_guard();
	while ((n_done = read(STDIN_FILENO, &done, 1)) < 0 && errno == EINTR)
		;
	for (i = 0; i < LOOKS && n_done <= 0; i++) {
		let_go(held, n);
		usleep(LOOK_WAIT_US);
	}
	_exit(0);
}

/* In a child: the guard becomes init's. */
static void __attribute__((noreturn)) fork_guard(int fd, const uint32_t *held, size_t n)
{
	pid_t pid = fork();

	if (!pid)
		guard(fd, held, n);
	_exit(pid < 0 ? errno : 0);
}

int guard_start(const uint32_t *held, size_t n)
{
	int fds[2], status = 0, err;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	err = pid < 0 ? errno : 0;
	if (!pid) {
		close(fds[1]);
		fork_guard(fds[0], held, n);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(fds[0]);
	if (!err && status)
		err = WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
	if (!err)
		return fds[1];
	close(fds[1]);
	return -err;
}

void guard_end(int fd)
{
	if (write(fd, "", 1) != 1)
		log_debug("the guard is gone already");
	close(fd);
}
