// SPDX-License-Identifier: GPL-2.0-only
/* A service manager that has no room for what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/notify.h"

static int manager;

static int open_manager(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char name[64];
	int n = snprintf(name, sizeof(name), "@pyaudit-notify-%d", (int)getpid());

	log_level = -1;
	memcpy(addr.sun_path + 1, name + 1, n - 1);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return manager < 0 ? -1
			   : bind(manager, (struct sockaddr *)&addr,
				  offsetof(struct sockaddr_un, sun_path) + n);
}

/* Takes all there is; whether text was among it. */
static int hears(const char *text)
{
	char said[256];
	int heard = 0;
	ssize_t n;

	while ((n = recv(manager, said, sizeof(said) - 1, 0)) > 0) {
		said[n] = '\0';
		heard += !strcmp(said, text);
	}
	return heard;
}

/* That tracing has begun is told once there is room for it; how it goes is told again anyway. */
static void busy_manager(void **state)
{
	int i;

	notify_open();
	for (i = 0; i < 10000; i++)
		notify_status("busy");
	notify_ready();
	notify_alive();
	assert_int_equal(hears("READY=1"), 0);
	notify_alive();
	assert_int_equal(hears("READY=1"), 1);
	notify_alive();
	assert_int_equal(hears("READY=1"), 0);
	close(manager);
	notify_stopping();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup(busy_manager, open_manager)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
