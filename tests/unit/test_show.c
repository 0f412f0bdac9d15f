// SPDX-License-Identifier: GPL-2.0-only
/* Numbers to names: what a reader of strace expects, and the bare number for all else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "decode/show.h"

/* One number shown in one way; want NULL: the number says it best. */
struct sample {
	enum arg_show show;
	int64_t value;
	const char *want;
};

/* What the buffer held before must stay; false must append nothing. */
static void check_text(struct buf *out, bool shown, const char *want, int64_t value)
{
	if (shown != !!want || out->len != 1 + (want ? strlen(want) : 0) || out->data[0] != '=' ||
	    (want && memcmp(out->data + 1, want, strlen(want))))
		fail_msg("%lld: got %d \"%.*s\", want \"%s\"", (long long)value, shown,
			 (int)out->len - 1, out->data + 1, want ? want : "(false)");
	assert_false(out->failed);
}

static void check_samples(const struct sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf out = {0};
		bool shown;

		buf_char(&out, '=');
		shown = show_number(&out, samples[i].show, samples[i].value);
		check_text(&out, shown, samples[i].want, samples[i].value);
		buf_free(&out);
	}
}

#define CHECK(...)                                                               \
	do {                                                                     \
		static const struct sample samples_[] = {__VA_ARGS__};           \
		check_samples(samples_, sizeof(samples_) / sizeof(samples_[0])); \
	} while (0)

static void test_open_flags(void **state)
{
	CHECK({SHOW_OPEN_FLAGS, 0, "O_RDONLY"},
	      {SHOW_OPEN_FLAGS, O_RDONLY | O_CLOEXEC, "O_RDONLY|O_CLOEXEC"},
	      {SHOW_OPEN_FLAGS, 524865, "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC"},
	      {SHOW_OPEN_FLAGS, O_RDWR | O_APPEND, "O_RDWR|O_APPEND"},
	      {SHOW_OPEN_FLAGS, 3, "O_ACCMODE"},
	      {SHOW_OPEN_FLAGS, O_WRONLY | O_SYNC, "O_WRONLY|O_SYNC"},
	      {SHOW_OPEN_FLAGS, O_WRONLY | O_DSYNC, "O_WRONLY|O_DSYNC"},
	      {SHOW_OPEN_FLAGS, O_RDWR | O_TMPFILE, "O_RDWR|O_TMPFILE"},
	      {SHOW_OPEN_FLAGS, O_RDONLY | O_DIRECTORY, "O_RDONLY|O_DIRECTORY"},
	      {SHOW_OPEN_FLAGS, O_PATH | O_NOFOLLOW, "O_RDONLY|O_NOFOLLOW|O_PATH"},
	      {SHOW_OPEN_FLAGS, 0x80000000, "O_RDONLY|0x80000000"},
	      {SHOW_OPEN_FLAGS, O_CREAT | 0x40000001, "O_WRONLY|O_CREAT|0x40000000"},
	      {SHOW_OPEN_FLAGS, -1, NULL}, {SHOW_OPEN_FLAGS, INT64_MIN, NULL},
	      {SHOW_OPEN_FLAGS, 1LL << 32, NULL});
}

/* The kernel's own bit, which the C library hides. */
static void test_open_largefile(void **state)
{
#ifdef __x86_64__
	CHECK({SHOW_OPEN_FLAGS, 0100000, "O_RDONLY|O_LARGEFILE"},
	      {SHOW_OPEN_FLAGS, 0100000 | O_CLOEXEC, "O_RDONLY|O_LARGEFILE|O_CLOEXEC"});
#elif defined(__aarch64__)
	CHECK({SHOW_OPEN_FLAGS, 0400000, "O_RDONLY|O_LARGEFILE"});
#else
	skip();
#endif
}

static void test_mode(void **state)
{
	CHECK({SHOW_MODE, 0, "0o0"}, {SHOW_MODE, 0644, "0o644"}, {SHOW_MODE, 04755, "0o4755"},
	      {SHOW_MODE, UINT32_MAX, "0o37777777777"}, {SHOW_MODE, -1, NULL},
	      {SHOW_MODE, 1LL << 32, NULL});
}

static void test_signal(void **state)
{
	char last[32];
	struct buf out = {0};

	CHECK({SHOW_SIGNAL, 15, "SIGTERM"}, {SHOW_SIGNAL, 9, "SIGKILL"}, {SHOW_SIGNAL, 1, "SIGHUP"},
	      {SHOW_SIGNAL, 31, "SIGSYS"}, {SHOW_SIGNAL, SIGCHLD, "SIGCHLD"},
	      {SHOW_SIGNAL, SIGIO, "SIGIO"}, {SHOW_SIGNAL, 0, NULL}, {SHOW_SIGNAL, 32, NULL},
	      {SHOW_SIGNAL, 33, NULL}, {SHOW_SIGNAL, 34, "SIGRTMIN"},
	      {SHOW_SIGNAL, 37, "SIGRTMIN+3"}, {SHOW_SIGNAL, 64, "SIGRTMAX"},
	      {SHOW_SIGNAL, 65, NULL}, {SHOW_SIGNAL, -9, NULL},
	      {SHOW_SIGNAL, (1LL << 32) + 15, NULL});
	snprintf(last, sizeof(last), "SIGRTMIN+%d", SIGRTMAX - SIGRTMIN - 1);
	buf_char(&out, '=');
	check_text(&out, show_number(&out, SHOW_SIGNAL, SIGRTMAX - 1), last, SIGRTMAX - 1);
	buf_free(&out);
}

static void test_socket(void **state)
{
	CHECK({SHOW_FAMILY, AF_INET, "AF_INET"}, {SHOW_FAMILY, 10, "AF_INET6"},
	      {SHOW_FAMILY, 1, "AF_UNIX"}, {SHOW_FAMILY, 16, "AF_NETLINK"},
	      {SHOW_FAMILY, 40, "AF_VSOCK"}, {SHOW_FAMILY, -1, NULL}, {SHOW_FAMILY, 4711, NULL},
	      {SHOW_FAMILY, 0, "AF_UNSPEC"}, {SHOW_SOCKTYPE, SOCK_STREAM, "SOCK_STREAM"},
	      {SHOW_SOCKTYPE, SOCK_DGRAM | SOCK_CLOEXEC, "SOCK_DGRAM|SOCK_CLOEXEC"},
	      {SHOW_SOCKTYPE, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	       "SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK"},
	      {SHOW_SOCKTYPE, SOCK_RAW | 0x40, "SOCK_RAW|0x40"}, {SHOW_SOCKTYPE, 0, NULL},
	      {SHOW_SOCKTYPE, SOCK_CLOEXEC, NULL}, {SHOW_SOCKTYPE, -1, NULL},
	      {SHOW_PROTOCOL, 6, "IPPROTO_TCP"}, {SHOW_PROTOCOL, 58, "IPPROTO_ICMPV6"},
	      {SHOW_PROTOCOL, 0, "IPPROTO_IP"}, {SHOW_PROTOCOL, -1, NULL});
}

static void test_protocol_of_family(void **state)
{
	static const struct {
		int64_t family, protocol;
		const char *want;
	} samples[] = {
		{AF_INET, 6, "IPPROTO_TCP"},
		{AF_INET6, 17, "IPPROTO_UDP"},
		{AF_UNSPEC, 0, NULL},
		{AF_UNSPEC, 6, "IPPROTO_TCP"},
		{AF_NETLINK, 6, "NETLINK_XFRM"},
		{AF_NETLINK, 0, "NETLINK_ROUTE"},
		{AF_CAN, 6, "CAN_ISOTP"},
		{AF_CAN, 0, NULL},
		{AF_UNIX, 0, NULL},
		{AF_PACKET, 768, NULL},
		{-1, 6, NULL},
		{AF_INET, -1, NULL},
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct buf out = {0};
		bool shown;

		buf_char(&out, '=');
		shown = show_protocol(&out, samples[i].family, samples[i].protocol);
		check_text(&out, shown, samples[i].want, samples[i].protocol);
		buf_free(&out);
	}
}

static void test_locks(void **state)
{
	CHECK({SHOW_FLOCK, LOCK_EX | LOCK_NB, "LOCK_EX|LOCK_NB"}, {SHOW_FLOCK, 8, "LOCK_UN"},
	      {SHOW_FLOCK, 1, "LOCK_SH"}, {SHOW_FLOCK, 0x102, "LOCK_EX|0x100"},
	      {SHOW_FLOCK, 0, NULL}, {SHOW_FLOCK, 0x100, NULL}, {SHOW_FLOCK, -1, NULL},
	      {SHOW_LOCKF, 0, "F_ULOCK"}, {SHOW_LOCKF, 2, "F_TLOCK"}, {SHOW_LOCKF, 4, NULL},
	      {SHOW_LOCKF, -1, NULL});
}

static void test_fcntl_ioctl(void **state)
{
	CHECK({SHOW_FCNTL, F_GETFD, "F_GETFD"}, {SHOW_FCNTL, 1030, "F_DUPFD_CLOEXEC"},
	      {SHOW_FCNTL, F_ADD_SEALS, "F_ADD_SEALS"}, {SHOW_FCNTL, 99, NULL},
	      {SHOW_FCNTL, -1, NULL}, {SHOW_IOCTL, TIOCGWINSZ, "TIOCGWINSZ"},
	      {SHOW_IOCTL, FIONREAD, "FIONREAD"}, {SHOW_IOCTL, 0x80045430, "TIOCGPTN"},
	      {SHOW_IOCTL, (int32_t)0x80045430, "TIOCGPTN"}, {SHOW_IOCTL, 1977, "0x7b9"},
	      {SHOW_IOCTL, 0, "0x0"}, {SHOW_IOCTL, -1, "0xffffffff"},
	      {SHOW_IOCTL, INT64_MIN, "0x8000000000000000"});
}

static void test_small_tables(void **state)
{
	CHECK({SHOW_RLIMIT, 7, "RLIMIT_NOFILE"}, {SHOW_RLIMIT, 0, "RLIMIT_CPU"},
	      {SHOW_RLIMIT, 15, "RLIMIT_RTTIME"}, {SHOW_RLIMIT, 16, NULL}, {SHOW_RLIMIT, -1, NULL},
	      {SHOW_WHENCE, 2, "SEEK_END"}, {SHOW_WHENCE, 9, NULL}, {SHOW_ACCESS, 0, "F_OK"},
	      {SHOW_ACCESS, 5, "R_OK|X_OK"}, {SHOW_ACCESS, 12, "R_OK|0x8"}, {SHOW_ACCESS, 8, NULL},
	      {SHOW_MMAP_ACCESS, 0, "ACCESS_DEFAULT"}, {SHOW_MMAP_ACCESS, 3, "ACCESS_COPY"},
	      {SHOW_MMAP_ACCESS, 4, NULL}, {SHOW_DLOPEN_FLAGS, 0, "RTLD_LOCAL"},
	      {SHOW_DLOPEN_FLAGS, 0x102, "RTLD_NOW|RTLD_GLOBAL"},
	      {SHOW_XATTR_FLAGS, 1, "XATTR_CREATE"}, {SHOW_XATTR_FLAGS, 0, NULL},
	      {SHOW_XATTR_FLAGS, 2, "XATTR_REPLACE"});
}

static void test_syslog(void **state)
{
	CHECK({SHOW_SYSLOG_PRIORITY, 6, "LOG_INFO"}, {SHOW_SYSLOG_PRIORITY, 0, "LOG_EMERG"},
	      {SHOW_SYSLOG_PRIORITY, 3 << 3 | 4, "LOG_DAEMON|LOG_WARNING"},
	      {SHOW_SYSLOG_PRIORITY, 23 << 3 | 7, "LOG_LOCAL7|LOG_DEBUG"},
	      {SHOW_SYSLOG_PRIORITY, 127 << 3, NULL}, {SHOW_SYSLOG_PRIORITY, 1 << 10, NULL},
	      {SHOW_SYSLOG_PRIORITY, -1, NULL}, {SHOW_SYSLOG_FACILITY, 8, "LOG_USER"},
	      {SHOW_SYSLOG_FACILITY, 1, NULL}, {SHOW_SYSLOG_OPTION, 9, "LOG_PID|LOG_NDELAY"},
	      {SHOW_SYSLOG_OPTION, 0, NULL});
}

static void test_pointer_uid_plain(void **state)
{
	CHECK({SHOW_POINTER, 0x7f0012345678, "0x7f0012345678"}, {SHOW_POINTER, 0, "NULL"},
	      {SHOW_POINTER, -1, "0xffffffffffffffff"}, {SHOW_UID, 4294967295, "-1"},
	      {SHOW_UID, 0, NULL}, {SHOW_UID, 1000, NULL}, {SHOW_UID, -1, NULL},
	      {SHOW_PLAIN, 0, NULL}, {SHOW_PLAIN, 42, NULL}, {SHOW_MAX, 0, NULL},
	      {(enum arg_show) - 1, 0, NULL}, {(enum arg_show)4711, 0, NULL});
}

/* Whatever the number and the hint: either text or nothing, no control bytes, no empty success. */
static void test_any_number(void **state)
{
	static const int64_t edges[] = {INT64_MIN, INT32_MIN, -1, INT32_MAX, UINT32_MAX, INT64_MAX};

	for (int show = 0; show < SHOW_MAX; show++) {
		for (int64_t i = -300; i < 70000 + 6; i++) {
			int64_t value = i < 70000 ? i : edges[i - 70000];
			char room[256];
			struct buf out = {.data = room, .cap = sizeof(room)};
			bool shown = show_number(&out, show, value);

			assert_ptr_equal(out.data, room); /* never longer than a line */
			assert_int_equal(shown, out.len > 0);
			for (size_t j = 0; j < out.len; j++)
				assert_in_range(room[j], ' ' + 1, '~');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_flags),
		cmocka_unit_test(test_open_largefile),
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_protocol_of_family),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_fcntl_ioctl),
		cmocka_unit_test(test_small_tables),
		cmocka_unit_test(test_syslog),
		cmocka_unit_test(test_pointer_uid_plain),
		cmocka_unit_test(test_any_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
