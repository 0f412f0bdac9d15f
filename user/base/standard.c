// SPDX-License-Identifier: GPL-2.0-only
#include "base/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* open(2) takes the lowest number, and those below are open by then. */
void standard_fds_fill(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

bool standard_fd_writable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

int standard_output_flush(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	log_error("standard output: %s; redirect it elsewhere", strerror(errno));
	return 1;
}
