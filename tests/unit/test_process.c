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

static int64_t wall_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void running_process(void **state)
{
	struct child c = held_child(") R 1 (", "/usr", NULL);
	struct process_info *p;
	char exe[PATH_MAX];

	own_path(exe);
	assert_null(process_find(cache, c.pid));
	p = process_get(cache, c.pid);
	assert_non_null(p);
	assert_int_equal(p->pid, c.pid);
	assert_int_equal(p->ppid, getpid());
	assert_string_equal(p->exe, exe);
	assert_string_equal(p->cwd, "/usr");
	assert_true(p->cmdline_len > 1);
	assert_int_equal(p->ns_pid, c.pid);
	assert_true(llabs(p->started_ns - wall_now()) < 60000000000);
	assert_null(p->python);
	assert_int_equal(p->n_missed, 0);

	p->python = "3.11.2";
	assert_ptr_equal(process_get(cache, c.pid), p);
	assert_ptr_equal(process_find(cache, c.pid), p);
	assert_string_equal(p->python, "3.11.2");

	process_forget(cache, c.pid);
	assert_null(process_find(cache, c.pid));
	p = process_get(cache, c.pid);
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

	if (access(argv[0], X_OK) || !realpath(argv[0], sleep_path)) {
		end_child(&c);
		print_message("skipped: no /bin/sleep\n");
		skip();
	}
	p = process_get(cache, c.pid);
	p->python = "3.11.2";
	p->probe = "uprobe";
	p->unseen_ns = 5;
	let_execute(&c);
	process_executed(cache, c.pid, 100);
	assert_ptr_equal(process_find(cache, c.pid), p);
	assert_string_equal(p->probe, "uprobe");
	assert_true(p->exec > p->told_exec);
	assert_int_equal(p->unseen_ns, 0);
	process_renew(cache, p);
	assert_string_equal(p->exe, sleep_path);
	assert_int_equal(p->cmdline_len, sizeof("/bin/sleep\00060\0000"));
	assert_memory_equal(p->cmdline, "/bin/sleep\00060\0000", sizeof("/bin/sleep\00060\0000"));
	assert_int_equal(p->ppid, getpid());
	assert_null(p->python);
	end_child(&c);
}

static void long_command_line(void **state)
{
	char *big = malloc(100001);
	char *const argv[] = {"/bin/sh", "-c", "while :; do sleep 1; done", big, NULL};
	struct process_info *p;
	struct child c;

	memset(big, 'x', 100000);
	big[100000] = 0;
	c = held_child(NULL, NULL, argv);
	let_execute(&c);
	p = process_get(cache, c.pid);
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
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	p = process_get(cache, pid);
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

static void gone(void **state)
{
	struct process_info *p = process_get(cache, gone_pid());

	assert_non_null(p);
	assert_int_equal(p->ppid, 0);
	assert_null(p->exe);
	assert_null(p->cwd);
	assert_null(p->cmdline);
}

/* A record of the kernel side. */
static struct {
	struct wire_process head;
	unsigned char parts[65536];
} seen;

static void begin(uint32_t pid, uint64_t start)
{
	memset(&seen, 0, sizeof(seen));
	seen.head.head = (struct wire_header){
		.size = sizeof(seen.head), .kind = WIRE_PROCESS, .pid = pid, .tid = pid};
	seen.head.start = start;
	seen.head.ppid = 7;
	seen.head.ns_pid = 1;
}

static void part(int kind, int flags, const char *text, uint32_t len)
{
	struct wire_part *p = (void *)((char *)&seen + seen.head.head.size);

	*p = (struct wire_part){.kind = kind, .flags = flags, .len = len};
	memcpy(p + 1, text, len);
	seen.head.head.size += sizeof(*p) + WIRE_PAD(len);
}

/* A path from its last name to its first. */
static void path(int kind, const char *const *names)
{
	for (; *names; names++)
		part(kind, 0, *names, strlen(*names));
	part(kind, 0, "", 0);
}

#define PATH(kind, ...) path(kind, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define ID		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void all_parts(void)
{
	PATH(WIRE_PART_EXE, "python3", "bin", "usr");
	PATH(WIRE_PART_CWD);
	PATH(WIRE_PART_CGROUP);
	PATH(WIRE_PART_CGROUP1, ID, "docker");
	PATH(WIRE_PART_CGROUP1, "other");
	part(WIRE_PART_CMDLINE, 0, "python3\0-c\0", 11);
	seen.head.cmdline = 11;
}

/* Of a process that is gone: nothing comes from /proc. */
static void learnt(void **state)
{
	struct process_info *p, *again;
	uint32_t pid = gone_pid();

	begin(pid, 5000000000);
	all_parts();
	p = process_learn(cache, &seen.head);
	assert_non_null(p);
	assert_int_equal(p->ppid, 7);
	assert_int_equal(p->ns_pid, 1);
	assert_int_equal(p->start, 5000000000);
	assert_int_equal(p->started_ns, process_wall_clock(5000000000));
	assert_string_equal(p->exe, "/usr/bin/python3");
	assert_string_equal(p->cwd, "/");
	assert_string_equal(p->cgroup, "/docker/" ID);
	assert_string_equal(p->container, ID);
	assert_null(p->pod);
	assert_null(p->unit);
	assert_int_equal(p->cmdline_len, 11);
	assert_memory_equal(p->cmdline, "python3\0-c\0", 12);
	assert_ptr_equal(process_find(cache, pid), p);

	/* Told again, as by another thread: what the caller put there stays. */
	p->probe = "uprobe";
	again = process_learn(cache, &seen.head);
	assert_ptr_equal(again, p);
	assert_string_equal(p->probe, "uprobe");

	/* The number again, but another process. */
	begin(pid, 6000000000);
	part(WIRE_PART_EXE, WIRE_PART_DELETED, "gone", 4);
	part(WIRE_PART_EXE, 0, "", 0);
	p = process_learn(cache, &seen.head);
	assert_null(p->probe);
	assert_string_equal(p->exe, "/gone (deleted)");
	assert_null(p->container);
	assert_null(p->cmdline);
}

/* What the kernel told of the file just executed is not read again: the process may be gone. */
static void learnt_at_exec(void **state)
{
	struct process_info *p;
	uint32_t pid = gone_pid();

	begin(pid, 5000000000);
	PATH(WIRE_PART_EXE, "usr", "bin");
	seen.head.exec = 100;
	p = process_learn(cache, &seen.head);
	p->told_exec = p->exec;
	seen.head.exec = 200;
	process_learn(cache, &seen.head);
	process_executed(cache, pid, 201);
	assert_int_equal(p->exec, 200);
	process_renew(cache, p);
	assert_non_null(p->exe);

	/* Of the next one nothing is told, nor of the one after it. */
	p->told_exec = p->exec;
	process_executed(cache, pid, 301);
	process_executed(cache, pid, 401);
	assert_int_equal(p->exec, 401);
	process_renew(cache, p);
	assert_null(p->exe);
	process_executed(cache, gone_pid() + 1, 1);
}

/* What the kernel side could not read comes from /proc, but only of the same process. */
static void learnt_in_part(void **state)
{
	struct child c = held_child(NULL, "/usr", NULL);
	struct process_info *p = process_get(cache, c.pid);
	uint64_t start = p->start;
	char exe[PATH_MAX];

	own_path(exe);
	begin(c.pid, start + 1);
	part(WIRE_PART_EXE, 0, "no", 2); /* no root */
	PATH(WIRE_PART_CWD, "srv");
	part(WIRE_PART_CMDLINE, 0, "cut", 3);
	seen.head.cmdline = 70000;
	assert_ptr_equal(process_learn(cache, &seen.head), p);
	assert_string_equal(p->exe, exe);
	assert_string_equal(p->cwd, "/srv");
	assert_memory_equal(p->cmdline, "cut", 4);

	begin(c.pid, start + 2000000000);
	p = process_learn(cache, &seen.head);
	assert_null(p->exe);
	end_child(&c);
}

static void learnt_from_rubbish(void **state)
{
	uint32_t pid = gone_pid(), i;
	char name[2] = "a";

	begin(pid, 1);
	for (i = 0; i < 1000; i++)
		part(WIRE_PART_EXE, 0, name, 1);
	part(WIRE_PART_EXE, 0, "", 0);
	assert_null(process_learn(cache, &seen.head)->exe);
	begin(pid, 1);
	part(77, 0, "x", 1);
	part(WIRE_PART_CWD, 0, "", 0);
	((struct wire_part *)(&seen.head + 1))->len = 0xfffffff9;
	assert_null(process_learn(cache, &seen.head)->cwd);
	begin(pid, 1);
	PATH(WIRE_PART_CWD, "srv");
	seen.head.head.size -= 8;
	assert_null(process_learn(cache, &seen.head)->cwd);
}

static void many_processes(void **state)
{
	/* Above the numbers Linux gives: none of these runs. */
	const uint32_t base = 0x10000000;
	struct process_info *self, *p;
	struct mallinfo2 before, after;
	uint32_t i;

	self = process_get(cache, getpid());
	before = mallinfo2();
	for (i = 0; i < 10000; i++) {
		assert_non_null(process_get(cache, base + i));
		process_forget(cache, base + i);
	}
	after = mallinfo2();
	assert_true(after.uordblks <= before.uordblks + 4096);

	/* All at once: each is found, and stays where it is, as the table grows and shrinks. */
	for (i = 0; i < 3000; i++)
		process_get(cache, base + i * 64);
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

	self = process_get(cache, getpid());
	for (i = 0; i < n; i++)
		assert_non_null(process_get(cache, base + i));
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
		TEST(gone),
		TEST(learnt),
		TEST(learnt_at_exec),
		TEST(learnt_in_part),
		TEST(learnt_from_rubbish),
		TEST(many_processes),
		TEST(unheard_exits_do_not_pile_up),
		TEST(wall_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
