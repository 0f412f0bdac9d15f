// SPDX-License-Identifier: GPL-2.0-only
/* What native code does behind Python's back: for tests/e2e/test_syscalls.py. Called through ctypes, and
 * from an extension module (bypass_module.c). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int bypass_open(const char *path)
{
	int fd = open(path, O_RDONLY);

	close(fd);
	return fd >= 0;
}

int bypass_connect(int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	int s = socket(AF_INET, SOCK_STREAM, 0), err;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	err = connect(s, (struct sockaddr *)&sin, sizeof(sin));
	close(s);
	return err;
}

int bypass_exec(const char *path)
{
	char *argv[] = {(char *)path, "-c", "exit 0", NULL};
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		execv(path, argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}
