// SPDX-License-Identifier: GPL-2.0-only
#include "base/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static int notify_fd = -1;
static int64_t alive_every, alive_at; /* µs of the monotonic clock; 0: no watchdog */
static char untold[64];		      /* the state, while the manager has no room for it */

static int64_t now_us(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000;
}

/* Absolute paths, and '@' for the abstract ones. */
static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd;

	if ((*path != '/' && *path != '@') || len < 2 || len >= sizeof(addr.sun_path))
		return -EINVAL;
	memcpy(addr.sun_path, path, len);
	if (*path == '@')
		addr.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&addr, offsetof(struct sockaddr_un, sun_path) + len))
		return fd;
	len = errno;
	close(fd);
	return -(int)len;
}

/* Half of what the manager waits, as it asks for; other processes' watchdogs are not ours. */
static void open_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	long long every = usec ? atoll(usec) : 0;

	if (every > 0 && (!pid || atoll(pid) == getpid()))
		alive_every = (every + 1) / 2;
}

void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (!path)
		return;
	notify_fd = connect_to(path);
	if (notify_fd < 0)
		log_warn("NOTIFY_SOCKET %.200s: %s; the service manager is told nothing", path,
			 strerror(-notify_fd));
	else
		open_watchdog();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static bool tell(const char *text)
{
	if (notify_fd < 0 || send(notify_fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return true;
	log_debug("service manager: %s", strerror(errno));
	return errno != EAGAIN;
}

/* A manager that waits for it would give us up. */
static void tell_state(const char *state)
{
	snprintf(untold, sizeof(untold), "%s", tell(state) ? "" : state);
}

void notify_ready(void)
{
	tell_state("READY=1");
}

void notify_reloading(void)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now_us());
	tell_state(text);
}

void notify_status(const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "STATUS=%s", text);
	tell(line);
}

void notify_alive(void)
{
	int64_t now = now_us();

	if (untold[0] && tell(untold))
		untold[0] = '\0';
	if (!alive_every || now < alive_at)
		return;
	if (tell("WATCHDOG=1"))
		alive_at = now + alive_every;
}

void notify_stopping(void)
{
	tell_state("STOPPING=1");
}
