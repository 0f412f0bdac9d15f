// SPDX-License-Identifier: GPL-2.0-only
/* The process cache against real processes. */
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "enrich/process.h"

static struct process_cache *cache;

static int set_up(void **state)
{
	cache = process_cache_new();
	return !cache;
}

static int tear_down(void **state)
{
	process_cache_free(cache);
	return 0;
}

struct child {
	pid_t pid;
	int ready, go;
};

/* A child that waits for a byte, then executes argv, or sleeps on if there is none. */
static struct child held_child(const char *name, const char *dir, char *const argv[])
{
	int ready[2], go[2];
	struct child c;
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC) | pipe2(go, O_CLOEXEC), 0);
	c.pid = fork();
	if (!c.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		if (name)
			prctl(PR_SET_NAME, name);
		if (dir && chdir(dir))
			_exit(1);
		if (write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		if (argv)
			execv(argv[0], argv);
		for (;;)
			pause();
	}
	close(ready[1]);
	close(go[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	c.ready = ready[0];
	c.go = go[1];
	return c;
}

static void end_child(struct child *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->ready);
	close(c->go);
}

/* The exec closes the child's end of ready. */
/* The descriptor that tells of the exec is closed a moment before the command line is in place. */
static void await_command_line(pid_t pid)
{
	char path[64], byte;
	int fd, i, n = 0;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	for (i = 0; i < 2000 && n <= 0; i++) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, &byte, 1);
		close(fd);
		usleep(1000);
	}
	assert_int_equal(n, 1);
}

static void let_execute(struct child *c)
{
	char byte;

	assert_int_equal(write(c->go, "", 1), 1);
	assert_int_equal(read(c->ready, &byte, 1), 0);
	await_command_line(c->pid);
}

static void own_path(char *path)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	assert_true(n > 0);
	path[n] = 0;
}

static void running_process(void **state)
{
	struct child c = held_child(") R 1 (", "/usr", NULL);
	struct process_info *p;
	char exe[PATH_MAX];
	bool is_new = false;

	own_path(exe);
	assert_null(process_find(cache, c.pid));
	p = process_get(cache, c.pid, 0, &is_new);
	assert_non_null(p);
	assert_true(is_new);
	assert_int_equal(p->pid, c.pid);
	assert_int_equal(p->ppid, getpid());
	assert_string_equal(p->exe, exe);
	assert_string_equal(p->cwd, "/usr");
	assert_true(p->cmdline_len > 1);
	assert_null(p->python);
	assert_int_equal(p->n_missed, 0);

	p->python = "3.11.2";
	assert_ptr_equal(process_get(cache, c.pid, 0, &is_new), p);
	assert_false(is_new);
	assert_ptr_equal(process_find(cache, c.pid), p);
	assert_string_equal(p->python, "3.11.2");

	/* /proc wins over what a fork record said while it can be read. */
	process_forget(cache, c.pid);
	assert_null(process_find(cache, c.pid));
	p = process_get(cache, c.pid, 1, &is_new);
	assert_true(is_new);
	assert_int_equal(p->ppid, getpid());
	assert_null(p->python);
	end_child(&c);
}

static void after_exec(void **state)
{
	char *const argv[] = {"/bin/sleep", "60", "0", NULL};
	struct child c = held_child(NULL, NULL, argv);
	struct process_info *p;
	char sleep_path[PATH_MAX];
	bool is_new;

	if (access(argv[0], X_OK) || !realpath(argv[0], sleep_path)) {
		end_child(&c);
		print_message("skipped: no /bin/sleep\n");
		skip();
	}
	p = process_get(cache, c.pid, 0, &is_new);
	p->python = "3.11.2";
	let_execute(&c);
	process_refresh(cache, c.pid);
	assert_ptr_equal(process_find(cache, c.pid), p);
	assert_string_equal(p->exe, sleep_path);
	assert_int_equal(p->cmdline_len, sizeof("/bin/sleep\00060\0000"));
	assert_memory_equal(p->cmdline, "/bin/sleep\00060\0000", sizeof("/bin/sleep\00060\0000"));
	assert_int_equal(p->ppid, getpid());
	assert_null(p->python);
	process_refresh(cache, 0x7ffffff0);
	assert_null(process_find(cache, 0x7ffffff0));
	end_child(&c);
}

static void long_command_line(void **state)
{
	char *big = malloc(100001);
	char *const argv[] = {"/bin/sh", "-c", "while :; do sleep 1; done", big, NULL};
	struct process_info *p;
	struct child c;
	bool is_new;

	memset(big, 'x', 100000);
	big[100000] = 0;
	c = held_child(NULL, NULL, argv);
	let_execute(&c);
	p = process_get(cache, c.pid, 0, &is_new);
	assert_int_equal(p->cmdline_len, 64 * 1024);
	assert_int_equal(strlen(p->cmdline), strlen("/bin/sh"));
	assert_int_equal(p->cmdline[64 * 1024 - 1], 'x');
	assert_int_equal(p->cmdline[64 * 1024], 0);
	end_child(&c);
	free(big);
}

static void zombie(void **state)
{
	struct process_info *p;
	siginfo_t info;
	bool is_new;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	p = process_get(cache, pid, 0, &is_new);
	assert_non_null(p);
	assert_int_equal(p->ppid, getpid());
	assert_null(p->exe);
	assert_null(p->cwd);
	assert_null(p->cmdline);
	assert_int_equal(p->cmdline_len, 0);
	waitpid(pid, NULL, 0);
}

static pid_t gone_pid(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static void gone_child_is_like_its_parent(void **state)
{
	static const char *const missed[] = {"this"};
	struct process_info *parent, *p;
	pid_t pid = gone_pid();
	bool is_new;

	parent = process_get(cache, getpid(), 0, &is_new);
	parent->python = "3.11.2";
	parent->missed = missed;
	parent->n_missed = 1;
	p = process_get(cache, pid, getpid(), &is_new);
	assert_true(is_new);
	assert_int_equal(p->pid, pid);
	assert_int_equal(p->ppid, getpid());
	assert_string_equal(p->exe, parent->exe);
	assert_ptr_not_equal(p->exe, parent->exe);
	assert_string_equal(p->cwd, parent->cwd);
	assert_int_equal(p->cmdline_len, parent->cmdline_len);
	assert_memory_equal(p->cmdline, parent->cmdline, parent->cmdline_len);
	assert_string_equal(p->python, "3.11.2");
	assert_int_equal(p->n_missed, 1);

	/* It has executed since: what it took over is wrong now. */
	process_refresh(cache, pid);
	assert_null(p->exe);
	assert_null(p->cmdline);
	assert_null(p->python);
	assert_int_equal(p->ppid, getpid());
}

static void gone_child_of_unknown_parent(void **state)
{
	struct process_info *p;
	bool is_new;

	p = process_get(cache, gone_pid(), 0x7ffffff0, &is_new);
	assert_true(is_new);
	assert_int_equal(p->ppid, 0x7ffffff0);
	assert_null(p->exe);
	assert_null(p->cwd);
	assert_null(p->cmdline);
}

static void many_processes(void **state)
{
	/* Above the numbers Linux gives: none of these runs. */
	const uint32_t base = 0x10000000;
	struct process_info *self, *p;
	struct mallinfo2 before, after;
	uint32_t i;
	bool is_new;

	self = process_get(cache, getpid(), 0, &is_new);
	before = mallinfo2();
	for (i = 0; i < 10000; i++) {
		assert_non_null(process_get(cache, base + i, getpid(), &is_new));
		assert_true(is_new);
		process_forget(cache, base + i);
	}
	after = mallinfo2();
	assert_true(after.uordblks <= before.uordblks + 4096);

	/* All at once: each is found, and stays where it is, as the table grows and shrinks. */
	for (i = 0; i < 3000; i++)
		process_get(cache, base + i * 64, 0, &is_new);
	p = process_find(cache, base + 64);
	for (i = 0; i < 3000; i += 3)
		process_forget(cache, base + i * 64);
	assert_ptr_equal(process_find(cache, base + 64), p);
	for (i = 0; i < 3000; i++) {
		p = process_find(cache, base + i * 64);
		if (i % 3)
			assert_int_equal(p->pid, base + i * 64);
		else
			assert_null(p);
	}
	assert_ptr_equal(process_find(cache, getpid()), self);
}

static void unheard_exits_do_not_pile_up(void **state)
{
	const uint32_t base = 0x10000000, n = 40000;
	struct process_info *self;
	uint32_t i, left = 0;
	bool is_new;

	self = process_get(cache, getpid(), 0, &is_new);
	for (i = 0; i < n; i++)
		assert_non_null(process_get(cache, base + i, 0, &is_new));
	for (i = 0; i < n; i++)
		left += process_find(cache, base + i) != NULL;
	assert_true(left > 0 && left < 9000);
	assert_ptr_equal(process_find(cache, getpid()), self);
}

static void wall_clock(void **state)
{
	struct timespec boot, real;
	int64_t want, got;
	int i;

	for (i = 0; i < 100; i++) {
		clock_gettime(CLOCK_BOOTTIME, &boot);
		clock_gettime(CLOCK_REALTIME, &real);
		want = real.tv_sec * 1000000000LL + real.tv_nsec;
		got = process_wall_clock(boot.tv_sec * 1000000000ULL + boot.tv_nsec);
		if (llabs(got - want) < 50000)
			break;
	}
	/* One of the samples at least was not interrupted. */
	assert_true(i < 100);
	assert_int_equal(process_wall_clock(2000000000) - process_wall_clock(1000000000),
			 1000000000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(running_process),
		TEST(after_exec),
		TEST(long_command_line),
		TEST(zombie),
		TEST(gone_child_is_like_its_parent),
		TEST(gone_child_of_unknown_parent),
		TEST(many_processes),
		TEST(unheard_exits_do_not_pile_up),
		TEST(wall_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
