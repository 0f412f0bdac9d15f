// SPDX-License-Identifier: GPL-2.0-only
/* Starting COMMAND: search, gate, user, signals, errors, and the files it is expected to run. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/child.h"
#include "target/command.h"
#include "target/env_args.h"

#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})

static char dir[64], said[4096], old_path[4096];

static char *in_dir(const char *name)
{
	static char paths[64][PATH_MAX];
	static int next;
	char *p = paths[next++ % 64];

	snprintf(p, PATH_MAX, "%s/%s", dir, name);
	return p;
}

static char *make_file(const char *name, const char *text, int mode)
{
	char *path = in_dir(name);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static int set_up(void **state)
{
	strcpy(dir, "/tmp/pyaudit-test-XXXXXX");
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	snprintf(old_path, sizeof(old_path), "%s", getenv("PATH") ? getenv("PATH") : "");
	setenv("PATH", "/usr/bin:/bin", 1);
	return !mkdtemp(dir) || chmod(dir, 0755);
}

static int tear_down(void **state)
{
	char command[128];

	setenv("PATH", old_path, 1);
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static int catch_stderr(void)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC), saved = fcntl(2, F_DUPFD_CLOEXEC, 3);

	assert_true(fd >= 0 && saved >= 0);
	dup2(fd, 2);
	close(fd);
	return saved;
}

static void end_stderr(int saved)
{
	ssize_t n = pread(2, said, sizeof(said) - 1, 0);

	dup2(saved, 2);
	close(saved);
	assert_true(n >= 0);
	said[n] = 0;
}

static int start(struct command *cmd, char **argv, bool as_root)
{
	int saved = catch_stderr(), ret = command_start(cmd, argv, as_root);

	end_stderr(saved);
	return ret;
}

static int release(struct command *cmd)
{
	int saved = catch_stderr(), ret = command_release(cmd);

	end_stderr(saved);
	return ret;
}

static void said_one_line(const char *text)
{
	char *end = strchr(said, '\n');

	if (!end || end[1] || strncmp(said, "pyaudit-trace: ", 15) || !strstr(said, text) ||
	    !strchr(said, ';'))
		fail_msg("expected one line with \"%s\", got: %s", text, said);
}

/* Runs argv to its end; the wait status. */
static int run(char **argv, bool as_root)
{
	struct command cmd;
	int status;

	assert_int_equal(start(&cmd, argv, as_root), 0);
	assert_int_equal(release(&cmd), 0);
	assert_string_equal(said, "");
	assert_int_equal(waitpid(cmd.pid, &status, 0), cmd.pid);
	command_abandon(&cmd);
	return status;
}

static char *file_text(const char *name)
{
	static char text[8192];
	int fd = open(in_dir(name), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static int count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void exit_status(void **state)
{
	int before = count_fds(), status;

	status = run(ARGV("sh", "-c", "exit 42"), false);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	status = run(ARGV("sh", "-c", "kill -TERM $$"), false);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(count_fds(), before);
}

static void gate_holds(void **state)
{
	char mark[] = "touch \"$1\"", *path = in_dir("mark");
	struct command cmd;
	char exe[PATH_MAX], own[PATH_MAX], link[64];
	int status;
	ssize_t n;

	assert_int_equal(start(&cmd, ARGV("sh", "-c", mark, "sh", path), false), 0);
	assert_true(!strcmp(cmd.path, "/usr/bin/sh") || !strcmp(cmd.path, "/bin/sh"));
	usleep(100000);
	assert_int_equal(access(path, F_OK), -1);
	/* It is still our own image. */
	snprintf(link, sizeof(link), "/proc/%d/exe", cmd.pid);
	n = readlink(link, exe, sizeof(exe) - 1);
	assert_true(n > 0);
	exe[n] = 0;
	n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	own[n] = 0;
	assert_string_equal(exe, own);
	assert_int_equal(getpgid(cmd.pid), getpgid(0));

	assert_int_equal(release(&cmd), 0);
	waitpid(cmd.pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(access(path, F_OK), 0);
	command_abandon(&cmd);
}

static void abandoned(void **state)
{
	char *path = in_dir("mark");
	int before = count_fds();
	struct command cmd;
	pid_t pid;

	assert_int_equal(start(&cmd, ARGV("touch", path), false), 0);
	pid = cmd.pid;
	/* Also one that is stopped. */
	kill(pid, SIGSTOP);
	command_abandon(&cmd);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(count_fds(), before);
	command_abandon(&cmd);
}

static void tracer_dies(void **state)
{
	char *path = in_dir("mark");
	struct command cmd;
	int alive[2];
	char c;
	pid_t tracer;

	assert_int_equal(pipe(alive), 0);
	tracer = fork();
	if (!tracer) {
		command_start(&cmd, ARGV("touch", path), false);
		/* The held child has a copy of alive[1] too. */
		kill(getpid(), SIGKILL);
	}
	waitpid(tracer, NULL, 0);
	close(alive[1]);
	alarm(20);
	assert_int_equal(read(alive[0], &c, 1), 0);
	alarm(0);
	close(alive[0]);
	assert_int_equal(access(path, F_OK), -1);
}

static void killed_while_held(void **state)
{
	struct command cmd;
	int status;

	assert_int_equal(start(&cmd, ARGV("true"), false), 0);
	kill(cmd.pid, SIGINT);
	waitid(P_PID, cmd.pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
	/* No SIGPIPE for us. */
	assert_int_equal(release(&cmd), 0);
	waitpid(cmd.pid, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	command_abandon(&cmd);
}

static void handler(int sig)
{
}

static void signals_are_default(void **state)
{
	char *out = in_dir("status"), script[PATH_MAX + 64];
	const char *ignored;
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &old);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, handler);
	signal(SIGRTMIN, SIG_IGN);
	snprintf(script, sizeof(script), "grep ^Sig /proc/self/status >%s", out);
	assert_int_equal(run(ARGV("sh", "-c", script), false), 0);
	/* What is ours stays ours. */
	sigprocmask(SIG_BLOCK, NULL, &set);
	assert_true(sigismember(&set, SIGINT) && !sigismember(&set, SIGTERM));
	assert_true(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
	assert_true(signal(SIGUSR1, SIG_DFL) == handler);
	signal(SIGRTMIN, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_non_null(strstr(file_text("status"), "SigBlk:\t0000000000000000"));
	/* Signals 32 and 33 are the C library's; what started us may have left them ignored (make
	 * does), and signal(2) does not reach them. */
	ignored = strstr(file_text("status"), "SigIgn:\t");
	assert_non_null(ignored);
	assert_int_equal(strtoull(ignored + 8, NULL, 16) & ~(3ull << 31), 0);
}

static void descriptors(void **state)
{
	char *out = in_dir("fds"), script[PATH_MAX + 64];
	int fd = open(make_file("ours", "x", 0644), O_RDONLY | O_CLOEXEC);

	snprintf(script, sizeof(script), "ls -l /proc/$$/fd >%s", out);
	assert_int_equal(run(ARGV("sh", "-c", script), false), 0);
	assert_non_null(strstr(file_text("fds"), " 0 -> "));
	assert_non_null(strstr(file_text("fds"), " 2 -> "));
	assert_null(strstr(file_text("fds"), "socket:"));
	assert_null(strstr(file_text("fds"), "/ours\n"));
	close(fd);
}

static void not_found(void **state)
{
	int before = count_fds();
	struct command cmd;

	assert_int_equal(start(&cmd, ARGV("no-such-command-here"), false), -ENOENT);
	said_one_line("no-such-command-here: command not found; give a path or check PATH");
	assert_int_equal(start(&cmd, ARGV(in_dir("none")), false), -ENOENT);
	said_one_line("no such file");
	assert_int_equal(start(&cmd, ARGV(""), false), -ENOENT);
	said_one_line("COMMAND: an empty name; give a program");
	assert_int_equal(start(&cmd, ARGV(make_file("plain", "x", 0644)), false), -EACCES);
	said_one_line("no permission");
	assert_int_equal(start(&cmd, ARGV(dir), false), -EACCES);
	assert_int_equal(start(&cmd, ARGV(in_dir("plain/below")), false), -ENOTDIR);
	said_one_line("no such file");
	assert_int_equal(count_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void exec_errors(void **state)
{
	char *script = make_file("bad", "#!/no/such/interpreter\n", 0755);
	int before = count_fds();
	struct command cmd;

	assert_int_equal(start(&cmd, ARGV(script), false), 0);
	assert_string_equal(cmd.path, script);
	assert_int_equal(release(&cmd), -ENOENT);
	said_one_line("the interpreter it names does not exist");
	assert_int_equal(cmd.pid, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	command_abandon(&cmd);
	assert_int_equal(count_fds(), before);
}

static void search(void **state)
{
	char found[PATH_MAX], path[PATH_MAX], cwd[PATH_MAX];

	assert_int_equal(mkdir(in_dir("a"), 0755) | mkdir(in_dir("b"), 0755), 0);
	assert_int_equal(mkdir(in_dir("a/tool"), 0755), 0);
	make_file("a/closed", "x", 0644);
	make_file("b/closed", "x", 0755);
	make_file("b/tool", "x", 0755);
	make_file("a/only", "x", 0644);
	make_file("here", "x", 0755);
	snprintf(path, sizeof(path), "/none:%s:%s", in_dir("a"), in_dir("b"));

	assert_int_equal(child_search("tool", path, found, sizeof(found)), 0);
	assert_string_equal(found, in_dir("b/tool"));
	assert_int_equal(child_search("closed", path, found, sizeof(found)), 0);
	assert_string_equal(found, in_dir("b/closed"));
	assert_int_equal(child_search("only", path, found, sizeof(found)), -EACCES);
	assert_int_equal(child_search("other", path, found, sizeof(found)), -ENOENT);

	/* An empty element is the current directory, wherever it stands. */
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(child_search("here", "", found, sizeof(found)), 0);
	assert_string_equal(found, "./here");
	assert_int_equal(child_search("here", "/none:", found, sizeof(found)), 0);
	assert_int_equal(child_search("here", ":/none", found, sizeof(found)), 0);
	assert_int_equal(child_search("here", "/none::/none", found, sizeof(found)), 0);
	assert_int_equal(child_search("here", "/none", found, sizeof(found)), -ENOENT);
	assert_int_equal(child_search("b/tool", "", found, sizeof(found)), 0);
	assert_string_equal(found, "b/tool");
	assert_int_equal(chdir(cwd), 0);

	assert_int_equal(child_search("sh", NULL, found, sizeof(found)), 0);
	assert_int_equal(child_search("sh", "/bin", found, 7), -ENOENT);
	assert_int_equal(child_search("/bin/sh", "", found, 7), -ENAMETOOLONG);
	assert_int_equal(child_search("/bin/sh", "", found, 8), 0);
}

static void script_without_interpreter(void **state)
{
	char *script = make_file("plain", "exit 7\n", 0755);
	int status = run(ARGV(script), false);

	assert_int_equal(WEXITSTATUS(status), 7);
}

#define NOBODY 65534

static void becomes_the_sudo_user(void **state)
{
	char *out = in_dir("who"), script[PATH_MAX + 256];
	gid_t groups[] = {0, 7};

	if (geteuid()) {
		print_message("skipped: changing the user needs root\n");
		skip();
	}
	assert_int_equal(setgroups(2, groups), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	snprintf(script, sizeof(script),
		 "{ grep -E '^([UG]id|Groups|CapEff)' /proc/self/status; "
		 "echo $HOME $USER $LOGNAME; } >%s",
		 out);
	setenv("SUDO_UID", "65534", 1);
	setenv("SUDO_GID", "65534", 1);
	assert_int_equal(run(ARGV("sh", "-c", script), false), 0);
	assert_non_null(strstr(file_text("who"), "Uid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(file_text("who"), "Gid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(file_text("who"), "Groups:\t65534 \n"));
	assert_non_null(strstr(file_text("who"), "CapEff:\t0000000000000000\n"));
	assert_non_null(strstr(file_text("who"), " nobody nobody\n"));

	/* A number without an account. */
	unlink(out);
	setenv("SUDO_UID", "3999999999", 1);
	setenv("SUDO_GID", "3999999998", 1);
	assert_int_equal(run(ARGV("sh", "-c", script), false), 0);
	assert_non_null(strstr(file_text("who"), "Uid:\t3999999999\t3999999999\t"));
	assert_non_null(strstr(file_text("who"), "Gid:\t3999999998\t"));
	assert_non_null(strstr(file_text("who"), "Groups:\t \n"));

	unlink(out);
	assert_int_equal(run(ARGV("sh", "-c", script), true), 0);
	assert_non_null(strstr(file_text("who"), "Uid:\t0\t0\t0\t0\n"));

	/* One of the two is no order to change. */
	unsetenv("SUDO_GID");
	unlink(out);
	assert_int_equal(run(ARGV("sh", "-c", script), false), 0);
	assert_non_null(strstr(file_text("who"), "Uid:\t0\t0\t0\t0\n"));
}

static void search_has_the_users_rights(void **state)
{
	char path[PATH_MAX * 2 + 16];
	struct command cmd;

	if (geteuid()) {
		print_message("skipped: changing the user needs root\n");
		skip();
	}
	assert_int_equal(mkdir(in_dir("mine"), 0700) | mkdir(in_dir("all"), 0755), 0);
	make_file("mine/tool", "exit 1\n", 0755);
	snprintf(path, sizeof(path), "%s:%s:/bin", in_dir("mine"), in_dir("all"));
	setenv("PATH", path, 1);
	setenv("SUDO_UID", "65534", 1);
	setenv("SUDO_GID", "65534", 1);
	assert_int_equal(start(&cmd, ARGV("tool"), false), -EACCES);
	make_file("all/tool", "exit 2\n", 0755);
	assert_int_equal(start(&cmd, ARGV("tool"), false), 0);
	assert_string_equal(cmd.path, in_dir("all/tool"));
	command_abandon(&cmd);
	assert_int_equal(WEXITSTATUS(run(ARGV("tool"), false)), 2);
	assert_int_equal(WEXITSTATUS(run(ARGV("tool"), true)), 1);
}

static void bad_sudo_numbers(void **state)
{
	const char *const numbers[] = {"",	     "x",	   "1x",
				       "-1",	     "+1",	   " 1",
				       "4294967295", "4294967296", "99999999999999999999",
				       "root"};
	struct command cmd;
	size_t i;

	if (geteuid()) {
		print_message("skipped: changing the user needs root\n");
		skip();
	}
	setenv("SUDO_GID", "65534", 1);
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		setenv("SUDO_UID", numbers[i], 1);
		assert_int_equal(start(&cmd, ARGV("true"), false), -EINVAL);
		said_one_line("SUDO_UID");
	}
	setenv("SUDO_UID", "65534", 1);
	setenv("SUDO_GID", "1x", 1);
	assert_int_equal(start(&cmd, ARGV("true"), false), -EINVAL);
	said_one_line("SUDO_GID");
}

struct files {
	char paths[16][PATH_MAX];
	int n, stop_at;
};

static int add_file(const struct target_file *f, void *arg)
{
	struct files *files = arg;
	struct stat st;

	assert_int_equal(fstat(f->fd, &st), 0);
	assert_true(st.st_dev == f->dev && st.st_ino == f->ino);
	assert_true(files->n < 16);
	strcpy(files->paths[files->n++], f->path);
	return files->stop_at == files->n ? 55 : 0;
}

static struct files files_of(char **argv, int stop_at, int want)
{
	struct files files = {.stop_at = stop_at};
	struct command cmd;

	assert_int_equal(start(&cmd, argv, false), 0);
	assert_int_equal(command_files(&cmd, argv, false, add_file, &files), want);
	command_abandon(&cmd);
	return files;
}

static void is_files(const struct files *files, const char *first, ...)
{
	const char *want = first;
	int i = 0;
	va_list ap;

	va_start(ap, first);
	for (; want; want = va_arg(ap, const char *), i++) {
		if (i >= files->n)
			fail_msg("missing: %s", want);
		assert_string_equal(files->paths[i], want);
	}
	va_end(ap);
	assert_int_equal(files->n, i);
}

static void shebangs(void **state)
{
	char text[PATH_MAX + 64], *one, *two, *loop;
	struct files f;

	one = make_file("one", "#! \t/bin/sh  -e \t\nexit\n", 0755);
	snprintf(text, sizeof(text), "#!%s", one);
	two = make_file("two", text, 0755);
	f = files_of(ARGV(two), 0, 0);
	is_files(&f, two, one, "/bin/sh", NULL);
	f = files_of(ARGV(two), 2, 55);
	is_files(&f, two, one, NULL);

	snprintf(text, sizeof(text), "#!%s\n", in_dir("loop"));
	loop = make_file("loop", text, 0755);
	f = files_of(ARGV(loop), 0, 0);
	assert_int_equal(f.n, 6);

	one = make_file("missing", "#!/no/such/interpreter\n", 0755);
	f = files_of(ARGV(one), 0, 0);
	is_files(&f, one, NULL);
	one = make_file("empty-line", "#!  \t\n", 0755);
	f = files_of(ARGV(one), 0, 0);
	is_files(&f, one, NULL);
	one = make_file("shell", "exit 0\n", 0755);
	f = files_of(ARGV(one), 0, 0);
	is_files(&f, one, "/bin/sh", NULL);
	one = make_file("device", "#!/dev/zero\n", 0755);
	f = files_of(ARGV(one), 0, 0);
	is_files(&f, one, NULL);

	/* The kernel reads 256 bytes and refuses a name that goes on behind them. */
	memset(text, '/', 300);
	memcpy(text, "#!", 2);
	strcpy(text + 255 - strlen("bin/sh"), "bin/shell\n");
	one = make_file("long", text, 0755);
	f = files_of(ARGV(one), 0, 0);
	is_files(&f, one, NULL);
}

static void shebangs_with_env(void **state)
{
	static const char *const lines[] = {
		"#!/usr/bin/env tool",
		"#!/usr/bin/env -S tool -u",
		"#!/usr/bin/env -S A=b C=d tool",
		"#!/usr/bin/env -S -u HOME tool",
		"#!/usr/bin/env -vS tool -x 'a b'",
		"#!/usr/bin/env --split-string=\"to\"ol",
	};
	char path[PATH_MAX], *script, *tool = make_file("tool", "#!/bin/sh\nexit\n", 0755);
	struct files f;
	size_t i;

	if (access("/usr/bin/env", X_OK)) {
		print_message("skipped: no /usr/bin/env\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", dir);
	setenv("PATH", path, 1);
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		script = make_file("script", lines[i], 0755);
		f = files_of(ARGV(script, "--flag"), 0, 0);
		is_files(&f, script, "/usr/bin/env", tool, "/bin/sh", NULL);
	}
	f = files_of(ARGV("env", "-i", "PATH=/nowhere", "tool"), 0, 0);
	is_files(&f, "/usr/bin/env", NULL);
	f = files_of(ARGV("env", "X=1", "tool"), 0, 0);
	is_files(&f, "/usr/bin/env", tool, "/bin/sh", NULL);
	f = files_of(ARGV("env"), 0, 0);
	is_files(&f, "/usr/bin/env", NULL);
}

/* What env makes of its arguments: the command, words joined by '|', and its PATH. */
static void env_is(const char *want, const char *want_path, char **argv)
{
	struct env_args a;
	char text[1024] = "";
	size_t i;

	assert_true(env_args_init(&a, argv, "/p"));
	if (env_args_apply(&a))
		for (i = 0; i < a.n; i++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 i ? "|" : "", a.argv[i]);
	assert_string_equal(text, want);
	if (*want && want_path)
		assert_string_equal(a.path ? a.path : "(none)", want_path);
	env_args_free(&a);
}

static void env_arguments(void **state)
{
	env_is("cmd|-x|A=1", "/p", ARGV("env", "cmd", "-x", "A=1"));
	env_is("cmd", "/q", ARGV("env", "A=1", "PATH=/q", "cmd"));
	env_is("cmd", "(none)", ARGV("env", "-i", "cmd"));
	env_is("cmd", "(none)", ARGV("env", "-", "cmd"));
	env_is("cmd", "(none)", ARGV("env", "-uPATH", "cmd"));
	env_is("cmd", "(none)", ARGV("env", "--unset=PATH", "cmd"));
	env_is("cmd", "/q", ARGV("env", "--ignore-environment", "PATH=/q", "cmd"));
	env_is("cmd", "/p", ARGV("env", "-u", "A", "-C", "/x", "--chdir", "/y", "-v0", "cmd"));
	env_is("cmd", "/p", ARGV("env", "--default-signal", "--block-signal=INT", "--", "cmd"));
	env_is("cmd|a b|c d|e", "/p", ARGV("env", "-S", " cmd 'a b' \"c d\" e"));
	env_is("cmd|a|b#|x", "/p", ARGV("env", "-Scmd a\\_b# #no more", "x"));
	env_is("cmd|$a|t\tt", "/p", ARGV("env", "-S", "cmd '$a' t\\tt \\c none"));
	env_is("cmd|x", "/p", ARGV("env", "-S", "-S cmd", "x"));
	env_is("", NULL, ARGV("env"));
	env_is("", NULL, ARGV("env", "-i"));
	env_is("", NULL, ARGV("env", "-u"));
	env_is("", NULL, ARGV("env", "A=1"));
	env_is("", NULL, ARGV("env", "-S", "${HOME}/cmd"));
	env_is("", NULL, ARGV("env", "-S", "cmd 'open"));
	env_is("", NULL, ARGV("env", "-S", "cmd \\"));
	env_is("", NULL, ARGV("env", "-S", "cmd \\q"));
}

static bool compiles(const char *command)
{
	return !system(command);
}

/* An executable with a library of our own, found as the environment says. */
static void libraries(void **state)
{
	char command[2 * PATH_MAX], *app, *script, text[PATH_MAX];
	struct files f;

	make_file("lib.c", "int py(void) { return 0; }\n", 0644);
	make_file("app.c", "int py(void);\nint main(void) { return py(); }\n", 0644);
	snprintf(command, sizeof(command),
		 "cd %s && cc -shared -fPIC -o 'libpython x.so' lib.c 2>/dev/null && "
		 "cc -o app app.c 'libpython x.so' 2>/dev/null && mkdir 'a dir' && "
		 "mv 'libpython x.so' 'a dir/'",
		 dir);
	if (!compiles(command)) {
		print_message("skipped: no C compiler\n");
		skip();
	}
	app = in_dir("app");
	f = files_of(ARGV(app), 0, 0);
	is_files(&f, app, NULL);
	setenv("LD_LIBRARY_PATH", in_dir("a dir"), 1);
	f = files_of(ARGV(app), 0, 0);
	is_files(&f, app, in_dir("a dir/libpython x.so"), NULL);
	snprintf(text, sizeof(text), "#!%s\n", app);
	script = make_file("script", text, 0755);
	f = files_of(ARGV(script), 0, 0);
	is_files(&f, script, app, in_dir("a dir/libpython x.so"), NULL);
	unsetenv("LD_LIBRARY_PATH");
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* An ELF interpreter that is the command's own: what it prints, and how long it takes, is its
 * choice. */
static void hostile_interpreters(void **state)
{
	char command[3 * PATH_MAX], *interp, *app, *lib, *other, text[PATH_MAX];
	int64_t begin;
	struct files f;

	lib = make_file("libpython3.so", "x", 0644);
	other = make_file("python.so", "x", 0644);
	mkfifo(in_dir("libpython-fifo.so"), 0644);
	make_file("app.c", "int main(void) { return 0; }\n", 0644);
	snprintf(command, sizeof(command),
		 "cd %s && cc -o app app.c -Wl,--dynamic-linker=%s 2>/dev/null", dir,
		 in_dir("ld.so"));
	if (!compiles(command)) {
		print_message("skipped: no C compiler\n");
		skip();
	}
	app = in_dir("app");
	/* There is none. */
	f = files_of(ARGV(app), 0, 0);
	is_files(&f, app, NULL);

	/* As musl and glibc print, and nonsense. */
	snprintf(text, sizeof(text),
		 "#!/bin/sh\n[ \"$1 $2\" = '--list %s' ] || exit 1\n"
		 "printf '\\t/lib/ld-musl-x86_64.so.1 (0x7f)\\n'\n"
		 "printf '\\tlibpython3.so => %s (0x7f)\\n'\n"
		 "printf '\\tlibpython9.so => not found\\n'\n"
		 "printf '\\tpython.so => %s (0x7f)\\n'\n"
		 "printf '\\tlibpython8.so => %s (0x7f)\\n'\n"
		 "printf '\\tlibpython-fifo.so => %s (0x7f)\\n'\n"
		 "printf '\\tlibpython => libpython (0x7f)\\n'\n"
		 "printf ' => (0x\\n\\n => \\n (0x (0x\\n=>\\n'\n"
		 "printf '\\t%s (0x7f)'\n",
		 app, lib, other, other, in_dir("libpython-fifo.so"), lib);
	interp = make_file("ld.so", text, 0755);
	f = files_of(ARGV(app), 0, 0);
	is_files(&f, app, lib, other, lib, NULL);
	f = files_of(ARGV(app), 2, 55);
	is_files(&f, app, lib, NULL);

	/* No end of output, and no end of waiting. */
	make_file("ld.so", "#!/bin/sh\nexec yes '	libpython3.so (0x7f)'\n", 0755);
	begin = now_ms();
	f = files_of(ARGV(app), 0, 0);
	is_files(&f, app, NULL);
	assert_true(now_ms() - begin < 1500);
	make_file("ld.so", "#!/bin/sh\nexec sleep 30\n", 0755);
	begin = now_ms();
	f = files_of(ARGV(app), 0, 0);
	is_files(&f, app, NULL);
	assert_in_range(now_ms() - begin, 1900, 5000);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	unlink(interp);
}

/* ELF files that are cut short or full of large numbers. */
static void damaged_elf(void **state)
{
	unsigned char data[4096];
	ssize_t n;
	size_t i;
	struct files f;
	char *path = in_dir("elf");
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out;

	n = read(fd, data, sizeof(data));
	close(fd);
	assert_int_equal(n, sizeof(data));
	for (i = 8; i < 1200; i += i < 64 ? 3 : 61) {
		out = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0755);
		assert_int_equal(write(out, data, i), (ssize_t)i);
		assert_int_equal(pwrite(out, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8, (off_t)i & ~7),
				 8);
		if (i > 64)
			assert_int_equal(ftruncate(out, sizeof(data)), 0);
		close(out);
		f = files_of(ARGV(path), 0, 0);
		is_files(&f, path, NULL);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(exit_status),
		TEST(gate_holds),
		TEST(abandoned),
		TEST(tracer_dies),
		TEST(killed_while_held),
		TEST(signals_are_default),
		TEST(descriptors),
		TEST(not_found),
		TEST(exec_errors),
		TEST(search),
		TEST(script_without_interpreter),
		TEST(becomes_the_sudo_user),
		TEST(search_has_the_users_rights),
		TEST(bad_sudo_numbers),
		TEST(shebangs),
		TEST(shebangs_with_env),
		TEST(env_arguments),
		TEST(libraries),
		TEST(hostile_interpreters),
		TEST(damaged_elf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
