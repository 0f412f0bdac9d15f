// SPDX-License-Identifier: GPL-2.0-only
/* The files of real processes, and hostile lines of /proc. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/files.h"

static void map_lines(void **state)
{
	struct map_line m;

	assert_int_equal(
		target_parse_map_line("55d0c0a00000-55d0c0a01000 r-xp 00002000 fe:01 1234567"
				      "                    /usr/bin/a b",
				      &m),
		0);
	assert_true(m.start == 0x55d0c0a00000 && m.end == 0x55d0c0a01000 && m.offset == 0x2000);
	assert_true(m.major == 0xfe && m.minor == 1 && m.ino == 1234567);
	assert_string_equal(m.perms, "r-xp");
	assert_string_equal(m.path, "/usr/bin/a b");

	assert_int_equal(target_parse_map_line("1000-2000 ---s 0 0:0 0", &m), 0);
	assert_string_equal(m.path, "");
	assert_int_equal(target_parse_map_line("1000-2000 rwxp 0 00:00 0 ", &m), 0);
	assert_string_equal(m.path, "");
	/* What a path may try: a second line, another line's fields. */
	assert_int_equal(
		target_parse_map_line("1000-2000 rw-p 00000000 00:01 7 /a\\0122000-3000 r-xp "
				      "00000000 fe:01 9 /lib/libpython3.11.so (deleted)",
				      &m),
		0);
	assert_string_equal(m.perms, "rw-p");
	assert_true(m.ino == 7 && m.major == 0 && m.minor == 1);
	assert_int_equal(
		target_parse_map_line("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 "
				      "[vsyscall]",
				      &m),
		0);
	assert_int_equal(target_parse_map_line("0-ffffffffffffffff r--p ffffffffffffffff "
					       "ffffffff:ffffffff 18446744073709551615 x",
					       &m),
			 0);
	assert_true(m.ino == UINT64_MAX && m.minor == UINT32_MAX);
}

static void bad_map_lines(void **state)
{
	static const char *const lines[] = {
		"",
		"x",
		"1000",
		"1000-",
		"1000-2000",
		"1000-2000 ",
		"1000-2000 r-xp",
		"1000-2000 r-xp ",
		"1000-2000 r-xp 0 ",
		"1000-2000 r-xp 0 0",
		"1000-2000 r-xp 0 0:",
		"1000-2000 r-xp 0 0:0",
		"1000-2000 r-xp 0 0:0 ",
		"1000-2000 r-x 0 0:0 0",
		"1000-2000 r-xpp 0 0:0 0",
		"1000-2000 xr-p 0 0:0 0",
		"1000-2000 r-xq 0 0:0 0",
		"1000-2000  r-xp 0 0:0 0",
		" 1000-2000 r-xp 0 0:0 0",
		"2000-1000 r-xp 0 0:0 0",
		"1000-1000 r-xp 0 0:0 0",
		"-2000 r-xp 0 0:0 0",
		"0x1000-2000 r-xp 0 0:0 0",
		"1000-2000 r-xp 0 0:0 0x",
		"1000-2000 r-xp 0 0:0 0x y",
		"1000-2000 r-xp 0 0:0 1/a",
		"1000-2000 r-xp 0 0:0 1 /a\n",
		"1000-2000 r-xp 0 0:0 -1",
		"1000-2000 r-xp 0 0:0 f",
		"10000000000000000-20000000000000000 r-xp 0 0:0 0",
		"1000-2000 r-xp 10000000000000000 0:0 0",
		"1000-2000 r-xp 0 100000000:0 0",
		"1000-2000 r-xp 0 0:100000000 0",
		"1000-2000 r-xp 0 0:0 18446744073709551616",
		"1000-2000 r-xp 0 0 0 0",
		"1000 2000 r-xp 0 0:0 0",
	};
	struct map_line m;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (target_parse_map_line(lines[i], &m) != -EINVAL)
			fail_msg("accepted: %s", lines[i]);
}

static void stat_lines(void **state)
{
	struct proc_stat st;

	assert_int_equal(
		target_parse_stat("42 (sh) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 9",
				  &st),
		0);
	assert_true(st.state == 'S' && st.ppid == 7 && st.flags == 4194560 && st.start == 777);
	assert_int_equal(
		target_parse_stat(
			"42 () R 1 1 1 1 1 1) Z 9 1 1 0 -1 64 1 2 3 4 5 6 7 8 20 0 1 0 777", &st),
		0);
	assert_true(st.state == 'Z' && st.ppid == 9 && st.flags == 64);
	assert_int_equal(target_parse_stat("", &st), -EINVAL);
	assert_int_equal(target_parse_stat("42 (sh", &st), -EINVAL);
	assert_int_equal(target_parse_stat("42 (sh)", &st), -EINVAL);
	assert_int_equal(target_parse_stat("42 (sh) S x 1 1 1 1 1", &st), -EINVAL);
	assert_int_equal(
		target_parse_stat("42 (sh) S 7 42 42 0 -1 1 1 2 3 4 5 6 7 8 20 0 1 0", &st),
		-EINVAL);
}

static void status_lines(void **state)
{
	static const struct {
		const char *text;
		pid_t leader, own;
	} cases[] = {
		{"Name:\tsh\nTgid:\t42\nNSpid:\t42\t7\t1\nNSpgid:\t9\n", 42, 1},
		{"Name:\tsh\nTgid:\t42\nNSpid:\t42", 42, 42},
		{"Name:\tTgid:\t1\\nTgid:\t2\nTgid:\t3\n", 3, 0},
		{"Name:\tsh\nTgid:\t\nNSpid:\tx\n", 0, 0},
		{"Name:\tsh\nTgid:\t99999999999\nNSpid:", 0, 0},
		{"", 0, 0},
	};
	struct proc_status status;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		target_parse_status(cases[i].text, &status);
		assert_int_equal(status.leader, cases[i].leader);
		assert_int_equal(status.own, cases[i].own);
	}
}

/* A child that pauses, until we end it or fail; first(arg) runs in it before. */
static pid_t paused_child(void (*first)(void *), void *arg)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (first)
			first(arg);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void map_one_file(void *arg)
{
	int fd = open(arg, O_RDONLY), i;

	/* Three mappings of one file, and what is no file. */
	for (i = 0; i < 3; i++)
		if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			_exit(1);
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	close(fd);
}

static void map_data(void *arg)
{
	int fd = open(arg, O_RDONLY);

	if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		_exit(1);
	close(fd);
}

struct seen {
	int calls, of_file, of_exe, exe_at, stop_at;
	struct stat file, exe;
	char name[PATH_MAX];
};

static int see(const struct target_file *f, void *arg)
{
	struct seen *s = arg;
	struct stat st;
	char c;

	assert_int_equal(fstat(f->fd, &st), 0);
	assert_true(st.st_dev == f->dev && st.st_ino == f->ino && S_ISREG(st.st_mode));
	assert_true(fcntl(f->fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(f->fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_true(pread(f->fd, &c, 1, 0) >= 0);
	if (f->dev == s->exe.st_dev && f->ino == s->exe.st_ino) {
		s->of_exe++;
		s->exe_at = s->calls;
	}
	if (f->dev == s->file.st_dev && f->ino == s->file.st_ino) {
		s->of_file++;
		snprintf(s->name, sizeof(s->name), "%s", f->path);
	}
	s->calls++;
	return s->stop_at && s->calls == s->stop_at ? 77 : 0;
}

static int count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static char *temp_file(char *path)
{
	char page[4096] = "x";
	int fd;

	strcpy(path, "/tmp/pyaudit-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	close(fd);
	return path;
}

static void need_root(void)
{
	if (geteuid()) {
		print_message("skipped: /proc/PID/map_files needs root\n");
		skip();
	}
}

static void process_files(void **state)
{
	struct seen s = {0};
	char path[64];
	int before;
	pid_t pid;

	need_root();
	temp_file(path);
	assert_int_equal(stat(path, &s.file), 0);
	assert_int_equal(stat("/proc/self/exe", &s.exe), 0);
	before = count_fds();
	pid = paused_child(map_one_file, path);
	assert_int_equal(target_process_files(pid, see, &s), 0);
	/* The executable, this file and libc at least. */
	assert_true(s.calls >= 3);
	assert_int_equal(s.of_exe, 1);
	assert_int_equal(s.exe_at, 0);
	assert_int_equal(s.of_file, 1);
	assert_string_equal(s.name, path);

	/* A file whose name is gone is still the file. */
	unlink(path);
	s.calls = s.of_file = 0;
	assert_int_equal(target_process_files(pid, see, &s), 0);
	assert_int_equal(s.of_file, 1);

	s.stop_at = 2;
	s.calls = 0;
	assert_int_equal(target_process_files(pid, see, &s), 77);
	assert_int_equal(s.calls, 2);
	end_child(pid);
	assert_int_equal(count_fds(), before);
}

/* As an ordinary user, who may not follow map_files. Returns how far it came. */
static int files_by_name(void)
{
	struct seen s = {0};
	char path[64], other[64], gone[80];
	int step = 1;
	pid_t pid;

	if ((!geteuid() && setresuid(65534, 65534, 65534)) || prctl(PR_SET_DUMPABLE, 1))
		return 0;
	temp_file(path);
	temp_file(other);
	snprintf(gone, sizeof(gone), "%s (deleted)", path);
	pid = paused_child(map_one_file, path);
	if (!stat(path, &s.file) && !target_process_files(pid, see, &s) && s.of_file == 1)
		step++;
	/* Another file has the name that maps shows now: it is not taken for the mapped one. */
	s.of_file = 0;
	if (!unlink(path) && !stat(other, &s.file) && !rename(other, gone) &&
	    target_process_files(pid, see, &s) == -EPERM && !s.of_file && s.calls >= 3)
		step++;
	end_child(pid);
	unlink(gone);
	return step;
}

static void mapped_files_by_name(void **state)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(files_by_name());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 3 << 8);
}

static void data_mappings_are_left_out(void **state)
{
	struct seen s = {0};
	char path[64];
	pid_t pid;

	need_root();
	temp_file(path);
	assert_int_equal(stat(path, &s.file), 0);
	pid = paused_child(map_data, path);
	assert_int_equal(target_process_files(pid, see, &s), 0);
	assert_true(s.calls > 0);
	assert_int_equal(s.of_file, 0);
	end_child(pid);
	unlink(path);
}

static void processes_without_files(void **state)
{
	struct seen s = {0};
	siginfo_t info;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	/* A zombie first, then nothing. */
	assert_int_equal(target_process_files(pid, see, &s), -ESRCH);
	waitpid(pid, NULL, 0);
	assert_int_equal(target_process_files(pid, see, &s), -ESRCH);
	assert_int_equal(target_process_files(-1, see, &s), -ESRCH);
	assert_int_equal(target_process_files(0, see, &s), -ESRCH);
	assert_int_equal(s.calls, 0);
}

static int kill_it(const struct target_file *f, void *arg)
{
	pid_t *pid = arg;

	if (*pid) {
		end_child(*pid);
		*pid = 0;
	}
	return 0;
}

static void vanishes_in_the_walk(void **state)
{
	pid_t pid = paused_child(NULL, NULL), to_kill = pid;
	int before = count_fds();

	assert_int_equal(target_process_files(pid, kill_it, &to_kill), -ESRCH);
	assert_int_equal(to_kill, 0);
	assert_int_equal(count_fds(), before);
}

static void *wait_for_ever(void *arg)
{
	if (write(*(int *)arg, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
	return NULL;
}

static void first_thread_ends(void **state)
{
	struct seen s = {0};
	char path[64], text[512], c;
	struct proc_stat st;
	int ready[2], tries;
	pthread_t thread;
	size_t len;
	pid_t pid;

	need_root();
	assert_int_equal(stat("/proc/self/exe", &s.exe), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		alarm(20);
		pthread_create(&thread, NULL, wait_for_ever, &ready[1]);
		/* Not pthread_exit: it would unwind through this test. */
		syscall(SYS_exit, 0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (tries = 0; tries < 1000; tries++) {
		assert_int_equal(target_read_file(AT_FDCWD, path, text, sizeof(text), &len), 0);
		assert_int_equal(target_parse_stat(text, &st), 0);
		if (st.state == 'Z')
			break;
		usleep(1000);
	}
	assert_int_equal(st.state, 'Z');
	assert_int_equal(target_process_files(pid, see, &s), 0);
	assert_int_equal(s.of_exe, 1);
	end_child(pid);
	close(ready[0]);
	close(ready[1]);
}

/* A file mapped by a process, by its addresses; or by its path when those are gone. */
static void mapped_file(void **state)
{
	struct map_line line = {0};
	struct seen s = {0};
	char path[64], other[64];
	int fd, before = count_fds();
	void *map;

	temp_file(path);
	temp_file(other);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &s.exe), 0);
	map = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_true(target_has_name(fd));
	line = (struct map_line){.start = (uintptr_t)map, .path = "/no/such/file"};
	line.end = line.start + 4096;
	if (!geteuid()) {
		assert_int_equal(target_mapped_file(getpid(), &line, see, &s), 0);
		assert_int_equal(s.of_exe, 1);
	}
	/* No such mapping, or no such process: the path, but only if it leads to that very file. */
	s.of_exe = 0;
	line.start = 4096;
	line.end = 8192;
	assert_int_equal(target_mapped_file(getpid(), &line, see, &s), -ENOENT);
	line.path = path;
	line.major = major(s.exe.st_dev);
	line.minor = minor(s.exe.st_dev);
	line.ino = s.exe.st_ino;
	assert_int_equal(target_mapped_file(getpid(), &line, see, &s), 0);
	assert_int_equal(target_mapped_file(0x7ffffff0, &line, see, &s), 0);
	assert_int_equal(s.of_exe, 2);
	line.path = other;
	assert_int_equal(target_mapped_file(getpid(), &line, see, &s), -ENOENT);
	line.path = "//anon";
	assert_int_equal(target_mapped_file(0x7ffffff0, &line, see, &s), -ENOENT);
	unlink(path);
	assert_false(target_has_name(fd));
	assert_int_equal(rename(other, path), 0);
	assert_false(target_has_name(fd));
	unlink(path);
	munmap(map, 4096);
	close(fd);
	assert_int_equal(count_fds(), before);
}

static void path_files(void **state)
{
	char path[64], link[80], fifo[80], gone[80];
	struct seen s = {0};
	int before = count_fds();

	temp_file(path);
	snprintf(link, sizeof(link), "%s.link", path);
	snprintf(fifo, sizeof(fifo), "%s.fifo", path);
	snprintf(gone, sizeof(gone), "%s (deleted)", path);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(stat(path, &s.file), 0);
	assert_int_equal(target_path_file(link, see, &s), 0);
	assert_int_equal(s.of_file, 1);
	assert_string_equal(s.name, link);
	s.stop_at = 2;
	assert_int_equal(target_path_file(path, see, &s), 77);
	/* None of these may block or be opened. */
	assert_int_equal(target_path_file(fifo, see, &s), -EINVAL);
	assert_int_equal(target_path_file("/dev/null", see, &s), -EINVAL);
	assert_int_equal(target_path_file("/tmp", see, &s), -EISDIR);
	assert_int_equal(target_path_file(gone, see, &s), -ENOENT);
	assert_int_equal(target_path_file("", see, &s), -ENOENT);
	assert_int_equal(s.calls, 2);
	assert_int_equal(count_fds(), before);
	unlink(path);
	unlink(link);
	unlink(fifo);
}

struct processes {
	pid_t self, child;
	int of_self, of_child, of_kthread, n, stop;
};

static int see_process(pid_t pid, void *arg)
{
	struct processes *p = arg;

	p->of_self += pid == p->self;
	p->of_child += pid == p->child;
	p->of_kthread += pid == 2;
	p->n++;
	return p->stop ? -77 : 0;
}

static void set_hostile_name(void *arg)
{
	prctl(PR_SET_NAME, arg);
}

static bool is_kthreadd(void)
{
	char text[512];
	size_t len;

	return !target_read_file(AT_FDCWD, "/proc/2/comm", text, sizeof(text), &len) &&
	       !strcmp(text, "kthreadd\n");
}

static void each_process(void **state)
{
	struct processes p = {.self = getpid()};
	/* A name that reads as the flags of a kernel thread. */
	char name[] = ") R 1 1 1 1 1 2";

	p.child = paused_child(set_hostile_name, name);
	assert_int_equal(target_each_process(see_process, &p), 0);
	assert_int_equal(p.of_self, 1);
	assert_int_equal(p.of_child, 1);
	if (is_kthreadd())
		assert_int_equal(p.of_kthread, 0);
	p.stop = 1;
	p.n = 0;
	assert_int_equal(target_each_process(see_process, &p), -77);
	assert_int_equal(p.n, 1);
	end_child(p.child);
}

static void *wait_for_byte(void *arg)
{
	char byte;

	*(pid_t *)arg = gettid();
	return read(((int *)arg)[1], &byte, 1) == 1 ? NULL : arg;
}

static void threads_lead_to_their_process(void **state)
{
	volatile int shared[2] = {0};
	pthread_t thread;
	int pipe_fds[2];

	assert_int_equal(pipe(pipe_fds), 0);
	shared[1] = pipe_fds[0];
	assert_int_equal(pthread_create(&thread, NULL, wait_for_byte, (void *)shared), 0);
	while (!shared[0])
		usleep(1000);
	assert_int_not_equal(shared[0], getpid());
	assert_int_equal(target_leader(shared[0]), getpid());
	assert_int_equal(target_leader(getpid()), getpid());
	assert_int_equal(target_leader(0x7ffffff0), 0x7ffffff0);
	assert_int_equal(write(pipe_fds[1], "", 1), 1);
	pthread_join(thread, NULL);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_lines),
		cmocka_unit_test(bad_map_lines),
		cmocka_unit_test(stat_lines),
		cmocka_unit_test(status_lines),
		cmocka_unit_test(process_files),
		cmocka_unit_test(mapped_files_by_name),
		cmocka_unit_test(data_mappings_are_left_out),
		cmocka_unit_test(threads_lead_to_their_process),
		cmocka_unit_test(processes_without_files),
		cmocka_unit_test(vanishes_in_the_walk),
		cmocka_unit_test(first_thread_ends),
		cmocka_unit_test(mapped_file),
		cmocka_unit_test(path_files),
		cmocka_unit_test(each_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
