// SPDX-License-Identifier: GPL-2.0-only
/* What is given up: capabilities, user, system calls. Each test gives it up in a process of its
 * own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "confine.h"

/* Runs f in a child. Returns its exit status, or minus the signal that ended it. */
static int in_child(int (*f)(void))
{
	const struct rlimit no_core = {0, 0};
	pid_t pid = fork();
	int status;

	if (!pid) {
		setrlimit(RLIMIT_CORE, &no_core);
		_exit(f());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* A line of /proc/self/status, as a number. */
static uint64_t status_of(const char *key, int base)
{
	char line[256];
	uint64_t value = UINT64_MAX;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			value = strtoull(line + strlen(key) + 1, NULL, base);
	if (f)
		fclose(f);
	return value;
}

#define CAP(name) (1ull << CAP_##name)
#define FOUR	  (CAP(BPF) | CAP(PERFMON) | CAP(SYS_PTRACE) | CAP(DAC_READ_SEARCH))

static bool caps_are(uint64_t want)
{
	return status_of("CapEff", 16) == want && status_of("CapPrm", 16) == want &&
	       !status_of("CapInh", 16) && !status_of("CapAmb", 16) &&
	       !(status_of("CapBnd", 16) & ~want) && status_of("NoNewPrivs", 10) == 1 &&
	       status_of("Seccomp", 10) == 2;
}

static int keep_four(void)
{
	return confine_apply(&(struct confine){0}) || !caps_are(FOUR);
}

static int keep_more(void)
{
	const struct confine c = {.perf_uprobes = true, .command = true, .change_user = true};

	return confine_apply(&c) ||
	       !caps_are(FOUR | CAP(SYS_ADMIN) | CAP(KILL) | CAP(SETUID) | CAP(SETGID));
}

static int become_nobody(void)
{
	const struct passwd *nobody = getpwnam("nobody");

	if (!nobody || confine_apply(&(struct confine){.user = "nobody"}) || !caps_are(FOUR))
		return 1;
	if (getuid() != nobody->pw_uid || geteuid() != nobody->pw_uid ||
	    getgid() != nobody->pw_gid || getgroups(0, NULL) > 1)
		return 2;
	/* For good. */
	return !setuid(0) || !seteuid(0) || !setgid(0);
}

static int become_nobody_without_rights(void)
{
	return setuid(65534) || confine_apply(&(struct confine){.user = "root"}) != -EPERM;
}

static void privileges(void **state)
{
	if (geteuid() || status_of("CapEff", 16) != (status_of("CapEff", 16) | FOUR | CAP(SETUID)))
		skip();
	assert_int_equal(in_child(keep_four), 0);
	assert_int_equal(in_child(keep_more), 0);
	assert_int_equal(in_child(become_nobody), 0);
	assert_int_equal(in_child(become_nobody_without_rights), 0);
}

static void users(void **state)
{
	uid_t uid = 1;
	gid_t gid = 1;

	assert_int_equal(confine_find_user("root", &uid, &gid), 0);
	assert_int_equal(uid + gid, 0);
	assert_int_equal(confine_find_user("no such user", &uid, &gid), -ENOENT);
}

static int filter(bool exec)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || confine_calls(exec);
}

static int call_ptrace(void)
{
	return filter(false) ?: (int)ptrace(PTRACE_TRACEME, 0, 0, 0);
}

static int call_exec(void)
{
	return filter(false) ?: execl("/bin/true", "true", NULL);
}

static int call_exec_allowed(void)
{
	return filter(true) ?: execl("/bin/true", "true", NULL);
}

static int call_setns(void)
{
	return filter(true) ?: (int)syscall(SYS_setns, -1, 0);
}

static int call_unshare(void)
{
	return filter(false) ?: (int)syscall(SYS_unshare, 0);
}

static void killed(void **state)
{
	assert_int_equal(in_child(call_ptrace), -SIGSYS);
	assert_int_equal(in_child(call_exec), -SIGSYS);
	assert_int_equal(in_child(call_exec_allowed), 0);
	assert_int_equal(in_child(call_setns), -SIGSYS);
	assert_int_equal(in_child(call_unshare), -SIGSYS);
}

static bool is_unknown(long ret)
{
	return ret == -1 && errno == ENOSYS;
}

#define NEW_USER_NAMESPACE 0x10000000

/* A call of tomorrow, one we have no use for, and uses of known ones we have none for. */
static int call_unknown(void)
{
	return filter(false) || !is_unknown(syscall(9999)) || !is_unknown(syscall(SYS_sync)) ||
	       !is_unknown(syscall(SYS_chmod, "/nowhere", 0)) ||
	       !is_unknown(socket(AF_PACKET, SOCK_RAW, 0)) ||
	       !is_unknown(syscall(SYS_clone, NEW_USER_NAMESPACE | SIGCHLD, 0, 0, 0, 0));
}

static void unknown(void **state)
{
	assert_int_equal(in_child(call_unknown), 0);
}

static void *thread(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

/* What exporters do through their libraries. */
static int use_libraries(void)
{
	struct addrinfo *found = NULL;
	int ran = 0, fd;
	pthread_t t;

	if (filter(false) || pthread_create(&t, NULL, thread, &ran) || pthread_join(t, NULL))
		return 1;
	if (!ran || getaddrinfo("localhost", "80", NULL, &found))
		return 2;
	freeaddrinfo(found);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, &(struct sockaddr){AF_INET, {0}}, 16) || listen(fd, 1))
		return 3;
	fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	return fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 0) || fsync(fd) || !getpwuid(0);
}

static void libraries(void **state)
{
	assert_int_equal(in_child(use_libraries), 0);
}

static int set_mode(const char *mode, int (*f)(void))
{
	int ret;

	setenv("PYAUDIT_SECCOMP", mode, 1);
	ret = in_child(f);
	unsetenv("PYAUDIT_SECCOMP");
	return ret;
}

static void modes(void **state)
{
	assert_int_equal(set_mode("off", call_exec), 0);
	assert_int_equal(set_mode("log", call_exec), 0);
	assert_int_equal(set_mode("", call_exec), -SIGSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(privileges), cmocka_unit_test(users),	   cmocka_unit_test(killed),
		cmocka_unit_test(unknown),    cmocka_unit_test(libraries), cmocka_unit_test(modes),
	};

	log_level = -2;
	unsetenv("PYAUDIT_SECCOMP");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
