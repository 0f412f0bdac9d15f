// SPDX-License-Identifier: GPL-2.0-only
/* Events and the system calls they lead to: what is joined, what waits for how long, what is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "decode/wire_decode.h"
#include "enrich/correlate.h"
#include "wire_build.h"

#define WAIT  100000000ull
#define START 1000000000ull
#define PID   4711
#define CHILD 4799

/* What came out, a line each. */
struct log {
	char text[8192];
	uint64_t seq, seen_since;
	struct wire_decoder decoder;
};

struct fixture {
	struct log log;
	struct correlator *c;
	struct wire_decoder decoder;
	uint64_t now;
	uint64_t last_event;
};

static struct wire_build build;

static void say(struct log *log, const char *format, ...)
{
	size_t len = strlen(log->text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(log->text + len, sizeof(log->text) - len, format, ap);
	va_end(ap);
}

static uint64_t on_event(const struct wire_audit *wire, size_t size, const struct call_info *calls,
			 size_t n_calls, size_t made, void *arg)
{
	struct log *log = arg;
	struct audit_event event;
	size_t i;

	assert_int_equal(wire_decode_audit(wire, size, &log->decoder, &event), 0);
	say(log, "%s", event.name_text);
	for (i = 0; i < n_calls; i++)
		say(log, " %s=%lld", calls[i].row->name, (long long)calls[i].ret);
	if (made > n_calls)
		say(log, " and %zu more", made - n_calls);
	say(log, "\n");
	return ++log->seq;
}

static void on_call(const struct wire_syscall *wire, const struct call_info *call,
		    enum announced announced, const struct event_ref *after, void *arg)
{
	static const char *const words[] = {"hidden", "late", "act"};
	struct log *log = arg;

	say(log, "%s %s after %s #%d\n", words[announced], call->row->name, after->name ?: "-",
	    (int)after->seq);
	log->seq++;
}

static uint64_t seen_since(const struct wire_syscall *wire, void *arg)
{
	struct log *log = arg;

	return log->seen_since;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct correlate_ops ops = {
		.event = on_event, .call = on_call, .seen_since = seen_since, .arg = &f->log};

	f->c = correlator_new(&ops, WAIT);
	f->now = START + 10 * WAIT;
	*state = f;
	return !f->c;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	correlator_free(f->c);
	free(f);
	return 0;
}

/* An event with texts as its arguments, up to NULL. */
static void event_with(struct fixture *f, uint16_t flags, const char *name, va_list ap)
{
	const char *text;
	struct audit_event event = {0};
	int n = 1;

	wb_begin(&build);
	wb_cstr(&build, name);
	for (; (text = va_arg(ap, const char *)); n++)
		wb_cstr(&build, text);
	wb_end(&build, n - 1, n - 1);
	build.audit.flags = flags;
	build.audit.head.time = f->last_event = ++f->now;
	build.audit.head.pid = build.audit.head.tid = PID;
	assert_int_equal(wire_decode_audit(build.data, build.len, &f->decoder, &event), 0);
	event.row = event_find(event.name_text);
	correlate_event(f->c, &build.audit, build.len, &event);
}

static void event(struct fixture *f, const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	event_with(f, 0, name, ap);
	va_end(ap);
}

static void filtered_event(struct fixture *f, const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	event_with(f, WIRE_AUDIT_FILTERED, name, ap);
	va_end(ap);
}

struct made_call {
	struct wire_syscall wire;
	char text[1200];
};

static struct made_call call_of(struct fixture *f, uint32_t nr, int64_t ret, const char *text)
{
	struct made_call m = {.wire = {
				      .head = {.kind = WIRE_SYSCALL, .pid = PID, .tid = PID},
				      .nr = nr,
				      .ret = ret,
				      .event = f->last_event,
				      .event_pid = f->last_event ? PID : 0,
				      .event_tid = f->last_event ? PID : 0,
				      .duration = 5,
			      }};

	m.wire.head.time = ++f->now;
	m.wire.head.size = sizeof(m.wire);
	if (text) {
		m.wire.text_len[0] = strlen(text);
		strcpy(m.text, text);
		m.wire.head.size += WIRE_PAD(strlen(text));
	}
	return m;
}

static void take(struct fixture *f, struct made_call *m)
{
	assert_int_equal(correlate_call(f->c, &m->wire), 0);
}

#define NR_SOCKET  41
#define NR_CONNECT 42
#define NR_FORK	   57
#define NR_VFORK   58
#define NR_EXECVE  59
#define NR_UNLINK  87
#define NR_PTRACE  101
#define NR_OPENAT  257

static void open_call(struct fixture *f, const char *path, int flags, int64_t ret)
{
	struct made_call m = call_of(f, NR_OPENAT, ret, path);

	m.wire.args[0] = (uint64_t)AT_FDCWD;
	m.wire.args[2] = flags;
	take(f, &m);
}

static void plain_call(struct fixture *f, uint32_t nr, int64_t ret, const char *text)
{
	struct made_call m = call_of(f, nr, ret, text);

	take(f, &m);
}

static void exec_call_of(struct fixture *f, uint32_t child, uint16_t flags, const char *path,
			 const char *argv, int64_t ret)
{
	struct made_call m = call_of(f, NR_EXECVE, ret, path);
	char *second = m.text + WIRE_PAD(strlen(path));

	m.wire.head.pid = m.wire.head.tid = child;
	m.wire.flags = WIRE_CALL_CHILD | flags;
	m.wire.text_len[1] = strlen(argv) + 1;
	strcpy(second, argv);
	m.wire.head.size += WIRE_PAD(strlen(argv) + 1);
	take(f, &m);
}

static void exec_call(struct fixture *f, const char *path, const char *argv, int64_t ret)
{
	exec_call_of(f, CHILD, 0, path, argv, ret);
}

#define came(f, expected) assert_string_equal((f)->log.text, expected)

static void test_joined(void **state)
{
	struct fixture *f = *state;

	event(f, "open", "/etc/hostname", "r", NULL);
	came(f, "");
	open_call(f, "/etc/hostname", O_CLOEXEC, 3);
	came(f, "open openat=3\n");
}

static void test_other_path_is_hidden(void **state)
{
	struct fixture *f = *state;
	struct correlate_counts counts;

	event(f, "open", "/etc/hostname", "r", NULL);
	open_call(f, "/etc/shadow", 0, 3);
	came(f, "open\nhidden openat after open #1\n");
	correlate_counts(f->c, &counts);
	assert_int_equal(counts.calls, 1);
	assert_int_equal(counts.unannounced, 1);
}

static void test_explains_once(void **state)
{
	struct fixture *f = *state;

	event(f, "os.remove", "/tmp/x", NULL);
	plain_call(f, NR_UNLINK, 0, "/tmp/x");
	plain_call(f, NR_UNLINK, -ENOENT, "/tmp/x");
	came(f, "os.remove unlink=0\nhidden unlink after os.remove #1\n");
}

/* The interpreter makes a call again that a signal interrupted. */
static void test_interrupted(void **state)
{
	struct fixture *f = *state;

	event(f, "open", "/a", NULL);
	open_call(f, "/a", 0, -EINTR);
	open_call(f, "/a", 0, -EINTR);
	came(f, "");
	open_call(f, "/a", 0, 3);
	came(f, "open openat=-4 openat=-4 openat=3\n");
	open_call(f, "/a", 0, 4);
	came(f, "open openat=-4 openat=-4 openat=3\nhidden openat after open #1\n");
}

/* Not all are kept, but all are counted. */
static void test_very_many(void **state)
{
	struct fixture *f = *state;
	int i;

	event(f, "subprocess.Popen", "prog", NULL);
	plain_call(f, NR_VFORK, CHILD, "");
	for (i = 0; i < CALLS_MAX; i++)
		exec_call(f, "/usr/bin/prog", "prog", -ENOENT);
	exec_call(f, "/bin/prog", "prog", 0);
	assert_non_null(strstr(f->log.text, "execve=-2 and 2 more\n"));
}

static void test_late(void **state)
{
	struct fixture *f = *state;

	event(f, "open", "/mnt/slow", "r", NULL);
	correlate_poll(f->c, f->now + WAIT - 1);
	came(f, "");
	correlate_poll(f->c, f->now + WAIT);
	came(f, "open\n");
	open_call(f, "/mnt/slow", O_CLOEXEC, 4);
	came(f, "open\nlate openat after open #1\n");
}

/* What is told at once lets out what its thread has done before; the outcome follows. */
static void test_let_out(void **state)
{
	struct fixture *f = *state;

	event(f, "subprocess.Popen", "/bin/true", NULL);
	event(f, "builtins.id", "1", NULL);
	plain_call(f, NR_UNLINK, 0, "/tmp/x");
	came(f, "subprocess.Popen\nbuiltins.id\nhidden unlink after builtins.id #2\n");
	f->log.text[0] = '\0';
	exec_call(f, "/bin/true", "true", 0);
	plain_call(f, NR_VFORK, CHILD, NULL);
	came(f, "late execve after subprocess.Popen #1\nlate vfork after subprocess.Popen #1\n");
}

/* The event it came after is the last, told or not. */
static void test_after_filtered(void **state)
{
	struct fixture *f = *state;

	event(f, "subprocess.Popen", "/bin/true", NULL);
	filtered_event(f, "os.remove", "/tmp/y", NULL);
	plain_call(f, NR_UNLINK, 0, "/tmp/x");
	came(f, "subprocess.Popen\nhidden unlink after os.remove #0\n");
}

/* A thread that has raised nothing has a number that was another process's. */
static void test_number_used_again(void **state)
{
	struct fixture *f = *state;
	struct made_call m;

	event(f, "os.remove", "/tmp/x", NULL);
	m = call_of(f, NR_UNLINK, 0, "/tmp/x");
	m.wire.head.pid = CHILD;
	m.wire.event = m.wire.event_pid = m.wire.event_tid = 0;
	take(f, &m);
	came(f, "hidden unlink after - #0\n");
}

static void test_moves_on(void **state)
{
	struct fixture *f = *state;

	event(f, "open", "/denied", "r", NULL);
	event(f, "builtins.id", "1", NULL);
	came(f, "open\nbuiltins.id\n");
}

static void test_program(void **state)
{
	struct fixture *f = *state;

	event(f, "subprocess.Popen", "/bin/true", NULL);
	event(f, "os.posix_spawn", "/bin/true", NULL);
	event(f, "builtins.id", "1", NULL);
	came(f, "");
	exec_call(f, "/usr/local/bin/true", "true", -ENOENT);
	exec_call(f, "/bin/true", "true", 0);
	came(f, "");
	plain_call(f, NR_VFORK, CHILD, NULL);
	came(f, "subprocess.Popen execve=-2 execve=0 vfork=4799\n"
		"os.posix_spawn execve=-2 execve=0 vfork=4799\n"
		"builtins.id\n");
}

static void test_program_that_never_starts(void **state)
{
	struct fixture *f = *state;

	event(f, "subprocess.Popen", "/bin/true", NULL);
	plain_call(f, NR_VFORK, -EAGAIN, NULL);
	came(f, "subprocess.Popen vfork=-11\n");
}

/* An event of which only the name is heard, with what comes after it. */
static void test_named_only(void **state)
{
	struct fixture *f = *state;
	struct made_call m;

	event(f, "my.told", NULL);
	plain_call(f, NR_UNLINK, 0, "/a");
	m = call_of(f, NR_UNLINK, 0, "/b");
	strcpy(m.wire.event_name, "my.last");
	take(f, &m);
	memset(m.wire.event_name, 'x', sizeof(m.wire.event_name));
	take(f, &m);
	came(f, "my.told\nhidden unlink after my.told #1\nhidden unlink after my.last #0\nhidden "
		"unlink after "
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx #0\n");
}

static void test_filtered(void **state)
{
	struct fixture *f = *state;

	filtered_event(f, "open", "/etc/hostname", "r", NULL);
	open_call(f, "/etc/hostname", O_CLOEXEC, 3);
	came(f, "");
	open_call(f, "/etc/hostname", 0, 4);
	came(f, "hidden openat after open #0\n");
}

static void test_uncertain(void **state)
{
	struct fixture *f = *state;
	struct made_call m;
	struct correlate_counts counts;

	event(f, "builtins.id", "1", NULL);
	m = call_of(f, NR_UNLINK, 0, "/tmp/x");
	m.wire.flags = WIRE_CALL_UNCERTAIN;
	take(f, &m);
	came(f, "builtins.id\n");
	correlate_counts(f->c, &counts);
	assert_int_equal(counts.unjudged, 1);
	assert_int_equal(counts.unannounced, 0);
}

/* A thread that has not raised an event may be in the middle of one when tracing begins. */
static void test_beginning(void **state)
{
	struct fixture *f = *state;
	struct made_call m;

	f->now = f->log.seen_since = START;
	m = call_of(f, NR_UNLINK, 0, "/tmp/x");
	m.wire.event = 0;
	take(f, &m);
	came(f, "");
	m.wire.head.time = START + 10 * WAIT;
	take(f, &m);
	came(f, "hidden unlink after - #0\n");
	/* One of a process that is seen from its first event on is not. */
	f->log.seen_since = 0;
	m.wire.head.time = START;
	take(f, &m);
	came(f, "hidden unlink after - #0\nhidden unlink after - #0\n");
}

static void test_acts(void **state)
{
	struct fixture *f = *state;
	struct correlate_counts counts;

	event(f, "builtins.id", "1", NULL);
	plain_call(f, NR_PTRACE, 0, NULL);
	came(f, "builtins.id\nact ptrace after builtins.id #1\n");
	correlate_counts(f->c, &counts);
	assert_int_equal(counts.unannounced, 0);
}

static void test_rules(void **state)
{
	static const struct {
		const char *path;
		int flags;
		bool hidden;
	} rows[] = {
		{"/lib/x86_64-linux-gnu/libz.so.1", O_CLOEXEC, false},
		{"/lib/x86_64-linux-gnu/libz.so.1", 0, true},
		{"/lib/x86_64-linux-gnu/libz.so.1", O_CLOEXEC | O_WRONLY, true},
		{"/etc/passwd", O_CLOEXEC, false},
		{"/etc/passwd", 0, true},
		{"/usr/lib/locale/../../../etc/shadow", O_CLOEXEC, true},
		{"/dev/shm/sem.x", O_RDWR | O_NOFOLLOW | O_CLOEXEC, false},
		{"/dev/shm/sem.x", O_RDWR, true},
		{"/proc/self/fd", O_CLOEXEC, true},
		{"/", O_PATH | O_DIRECTORY | O_CLOEXEC, false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f->log.text[0] = '\0';
		open_call(f, rows[i].path, rows[i].flags, 3);
		if (!!f->log.text[0] != rows[i].hidden)
			fail_msg("%s %#x: %s", rows[i].path, rows[i].flags,
				 rows[i].hidden ? "not told" : "told");
	}
}

static void test_database(void **state)
{
	struct fixture *f = *state;

	event(f, "sqlite3.connect", "data/shop.db", NULL);
	open_call(f, "/srv/data/shop.db", O_RDWR | O_CREAT | O_CLOEXEC, 3);
	open_call(f, "/srv/data/shop.db-journal", O_RDWR | O_CREAT | O_CLOEXEC, 4);
	correlate_poll(f->c, UINT64_MAX);
	came(f, "sqlite3.connect\n");
	open_call(f, "/srv/data", O_CLOEXEC, 5);
	came(f, "sqlite3.connect\n");
	open_call(f, "/srv/data/other.db", O_RDWR | O_CREAT | O_CLOEXEC, 5);
	came(f, "sqlite3.connect\nhidden openat after sqlite3.connect #1\n");
}

/* Until 3.13 multiprocessing starts processes without an event. */
static void test_multiprocessing(void **state)
{
	struct fixture *f = *state;

	exec_call(f, "/usr/bin/python3", "from multiprocessing.spawn import spawn_main", 0);
	plain_call(f, NR_VFORK, CHILD, NULL);
	correlate_poll(f->c, UINT64_MAX);
	came(f, "");
}

static void test_hidden_program(void **state)
{
	struct fixture *f = *state;

	plain_call(f, NR_VFORK, CHILD, NULL);
	came(f, "");
	exec_call(f, "/bin/sh", "sh", 0);
	correlate_poll(f->c, UINT64_MAX);
	came(f, "hidden vfork after - #0\nhidden execve after - #0\n");
}

/* A child of os.fork() raises events that are not told, unless it is followed. */
static void test_unseen_child(void **state)
{
	struct fixture *f = *state;
	struct correlate_counts counts;
	int i;

	event(f, "os.fork", NULL);
	exec_call_of(f, CHILD, WIRE_CALL_UNSEEN, "/bin/sh", "sh", 0);
	plain_call(f, NR_FORK, CHILD, NULL);
	for (i = 0; i < 9; i++)
		event(f, "os.remove", "/tmp/x", NULL);
	f->log.text[0] = '\0';
	exec_call_of(f, CHILD, WIRE_CALL_UNSEEN, "/bin/sh", "sh", 0);
	came(f, "");
	correlate_counts(f->c, &counts);
	assert_int_equal(counts.unjudged, 2);
	exec_call_of(f, CHILD + 1, WIRE_CALL_UNSEEN, "/bin/sh", "sh", 0);
	came(f, "os.remove\nhidden execve after os.remove #10\n");
	f->log.text[0] = '\0';
	exec_call(f, "/bin/sh", "sh", 0);
	came(f, "hidden execve after os.remove #10\n");
}

static void connect_call(struct fixture *f, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct made_call m = call_of(f, NR_CONNECT, 0, NULL);

	memcpy(m.text, &sin, sizeof(sin));
	m.wire.text_len[0] = sizeof(sin);
	m.wire.head.size += sizeof(sin);
	take(f, &m);
}

static void test_port(void **state)
{
	struct fixture *f = *state;
	struct audit_event event = {0};

	wb_begin(&build);
	wb_cstr(&build, "socket.connect");
	wb_head(&build, WIRE_TUPLE, WIRE_OK, 0, 2, 2);
	wb_cstr(&build, "127.0.0.1");
	wb_head(&build, WIRE_INT, WIRE_OK, 0, 0, 80);
	wb_end(&build, 1, 1);
	build.audit.head.time = f->last_event = ++f->now;
	build.audit.head.pid = build.audit.head.tid = PID;
	assert_int_equal(wire_decode_audit(build.data, build.len, &f->decoder, &event), 0);
	event.row = event_find("socket.connect");
	correlate_event(f->c, &build.audit, build.len, &event);
	connect_call(f, 81);
	came(f, "socket.connect\nhidden connect after socket.connect #1\n");
	connect_call(f, 80);
	came(f, "socket.connect\nhidden connect after socket.connect #1\n"
		"late connect after socket.connect #1\n");
}

static void test_process_ends(void **state)
{
	struct fixture *f = *state;
	struct correlate_counts counts;

	event(f, "os.remove", "/tmp/x", NULL);
	plain_call(f, NR_VFORK, CHILD, NULL);
	came(f, "");
	correlate_process_over(f->c, PID);
	came(f, "os.remove\nhidden vfork after os.remove #1\n");
	/* Nothing is remembered of it, and nothing said of what comes late. */
	plain_call(f, NR_UNLINK, 0, "/tmp/x");
	came(f, "os.remove\nhidden vfork after os.remove #1\n");
	correlate_counts(f->c, &counts);
	assert_int_equal(counts.unjudged, 1);
}

/* However many threads there are and however long they wait, what is kept is bounded. */
static void test_bounds(void **state)
{
	struct fixture *f = *state;
	char path[4000];
	int i;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (i = 0; i < 4000; i++) {
		struct audit_event ev = {0};

		wb_begin(&build);
		wb_cstr(&build, "os.remove");
		wb_cstr(&build, path);
		wb_end(&build, 1, 1);
		build.audit.head.time = ++f->now;
		build.audit.head.pid = build.audit.head.tid = 10000 + i;
		assert_int_equal(wire_decode_audit(build.data, build.len, &f->decoder, &ev), 0);
		ev.row = event_find("os.remove");
		correlate_event(f->c, &build.audit, build.len, &ev);
	}
	assert_true(f->log.seq > 1000);
	correlate_poll(f->c, UINT64_MAX);
	assert_int_equal(f->log.seq, 4000);
}

static void test_hostile_records(void **state)
{
	struct fixture *f = *state;
	struct made_call m = call_of(f, NR_OPENAT, 3, "/etc/hostname");

	m.wire.text_len[0] = 60000;
	assert_int_equal(correlate_call(f->c, &m.wire), -EBADMSG);
	m = call_of(f, NR_OPENAT, 3, "/etc/hostname");
	m.wire.text_len[1] = 1;
	assert_int_equal(correlate_call(f->c, &m.wire), -EBADMSG);
	m = call_of(f, 511, 3, NULL);
	assert_int_equal(correlate_call(f->c, &m.wire), -EBADMSG);
	m = call_of(f, NR_OPENAT, 3, "/etc/hostname");
	m.wire.stack = 64;
	assert_int_equal(correlate_call(f->c, &m.wire), -EBADMSG);
	came(f, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_joined),
		TEST(test_other_path_is_hidden),
		TEST(test_explains_once),
		TEST(test_interrupted),
		TEST(test_very_many),
		TEST(test_late),
		TEST(test_let_out),
		TEST(test_after_filtered),
		TEST(test_number_used_again),
		TEST(test_moves_on),
		TEST(test_program),
		TEST(test_program_that_never_starts),
		TEST(test_named_only),
		TEST(test_filtered),
		TEST(test_uncertain),
		TEST(test_beginning),
		TEST(test_acts),
		TEST(test_rules),
		TEST(test_database),
		TEST(test_multiprocessing),
		TEST(test_hidden_program),
		TEST(test_unseen_child),
		TEST(test_port),
		TEST(test_process_ends),
		TEST(test_bounds),
		TEST(test_hostile_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
