// SPDX-License-Identifier: GPL-2.0-only
/* Messages to a receiver that comes, goes, is slow, dies with messages unread: each arrives at
 * least once, and each is counted once. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "sink/sender.h"

static char dir[] = "/tmp/pyaudit-sender.XXXXXX", path[64];
static struct address address;
static struct sender *sender;
static struct sender_stats stats;

/* The receiver: what it has read, by number of message. */
#define MESSAGES_MAX 200000
static unsigned char got[MESSAGES_MAX];
static int listener, peer;
static char rest[1 << 20];
static size_t rest_len;
static int port;

static void bind_unix(int type)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	strcpy(addr.sun_path, path);
	unlink(path);
	listener = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(listener, 8), 0);
	peer = type == SOCK_STREAM ? -1 : listener;
	rest_len = 0;
}

static void bind_inet(int type)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t len = sizeof(addr);
	int one = 1;

	inet_pton(AF_INET, "127.0.0.1", &addr.sin_addr);
	listener = socket(AF_INET, type | SOCK_NONBLOCK, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	port = ntohs(addr.sin_port);
	peer = type == SOCK_STREAM ? -1 : listener;
	rest_len = 0;
}

static void note(const char *line)
{
	int n = atoi(line);

	assert_in_range(n, 0, MESSAGES_MAX - 1);
	if (got[n] < 255)
		got[n]++;
}

/* Reads what is there, whole lines of a stream. */
static void receive(int rounds)
{
	char *eol, *line;
	ssize_t n;

	while (rounds--) {
		if (peer < 0)
			peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		if (peer < 0)
			return;
		n = read(peer, rest + rest_len, sizeof(rest) - 1 - rest_len);
		if (n <= 0)
			return;
		rest_len += n;
		rest[rest_len] = '\0';
		if (peer == listener) {
			assert_null(strchr(rest, '\n'));
			note(rest);
			rest_len = 0;
			continue;
		}
		for (line = rest; (eol = strchr(line, '\n')); line = eol + 1)
			note(line);
		rest_len -= line - rest;
		memmove(rest, line, rest_len);
	}
}

static void die(void)
{
	if (peer >= 0 && peer != listener)
		close(peer);
	close(listener);
	listener = peer = -1;
}

static void start(const char *text, int flags)
{
	const char *why;

	memset(got, 0, sizeof(got));
	memset(&stats, 0, sizeof(stats));
	assert_int_equal(address_parse(&address, text, NULL, &why), 0);
	sender = sender_new("test", &address, flags | SENDER_LINES);
	assert_non_null(sender);
	sender_flush(sender);
}

static void stop(void)
{
	sender_free(sender);
	address_free(&address);
	if (listener >= 0)
		die();
	unlink(path);
}

static bool put(int n, size_t pad)
{
	struct buf *b = sender_begin(sender);

	if (!b) {
		sender_drop(sender, SENDER_QUEUE_FULL);
		return false;
	}
	buf_printf(b, "%d ", n);
	while (pad--)
		buf_char(b, 'x');
	buf_char(b, '\n');
	return !sender_end(sender, true);
}

static void settle(int n)
{
	int i;

	for (i = 0; i < 2000 && (stats.delivered < (uint64_t)n); i++) {
		sender_flush(sender);
		receive(100);
		sender_stats(sender, &stats);
		usleep(1000);
	}
}

static void expect_each(int n)
{
	int i, missing = 0;

	for (i = 0; i < n; i++)
		missing += !got[i];
	assert_int_equal(missing, 0);
}

static void expect_delivered(int n)
{
	settle(n);
	assert_int_equal(stats.delivered, n);
	expect_each(n);
}

/* As the exporters do it at the end. */
static void finish(int timeout_ms)
{
	while (!sender_end_step(sender) && timeout_ms-- > 0)
		usleep(1000);
	sender_give_up(sender);
}

static void unix_text(char *text)
{
	sprintf(text, "unix:%s", path);
}

static void test_datagrams(void **state)
{
	char text[128];
	int i;

	unix_text(text);
	bind_unix(SOCK_DGRAM);
	start(text, 0);
	for (i = 0; i < 1000; i++) {
		put(i, 100);
		sender_flush(sender);
		receive(1);
	}
	expect_delivered(1000);
	assert_int_equal(stats.resent, 0);
	stop();
}

static void test_unix_stream_found(void **state)
{
	char text[128];
	int i;

	unix_text(text);
	bind_unix(SOCK_STREAM);
	start(text, 0);
	for (i = 0; i < 1000; i++)
		put(i, 1000);
	expect_delivered(1000);
	stop();
}

/* A receiver that is not there when it begins: what was queued waits. */
static void test_comes_late(void **state)
{
	char text[128];
	int i;

	unix_text(text);
	listener = peer = -1;
	start(text, CHANNEL_STREAM_FIRST);
	for (i = 0; i < 100; i++) {
		put(i, 10);
		sender_flush(sender);
	}
	sender_stats(sender, &stats);
	assert_false(stats.up);
	assert_int_equal(stats.delivered, 0);
	bind_unix(SOCK_DGRAM); /* and of the other type, too */
	expect_delivered(100);
	assert_true(stats.up);
	stop();
}

/* It dies with messages in its socket that it has not read, and comes again. */
static void restart_with_unread(int type, bool inet)
{
	char text[128];
	int i;

	unix_text(text);
	inet ? bind_inet(type) : bind_unix(type);
	if (inet)
		sprintf(text, "tcp:127.0.0.1:%d", port);
	start(text, type == SOCK_STREAM ? CHANNEL_STREAM_FIRST : 0);
	settle(0);
	for (i = 0; i < 20; i++) {
		sender_flush(sender);
		usleep(1000);
	}
	for (i = 0; i < 5000; i++) {
		put(i, 200);
		if (i % 10 == 0)
			sender_flush(sender);
		if (i < 1000)
			receive(2);
		if (i == 3000) {
			sender_flush(sender);
			die();
		}
	}
	sender_flush(sender);
	inet ? bind_inet(type) : bind_unix(type);
	for (i = 0; i < 1000; i++) {
		sender_flush(sender);
		receive(100);
		usleep(500);
	}
	expect_each(5000);
	finish(0);
	sender_stats(sender, &stats);
	assert_in_range(stats.resent, 1, 4000);
	assert_int_equal(stats.delivered + stats.dropped[SENDER_UNCONFIRMED], 5000);
	stop();
}

/* The receiver dies while nothing is sent to it: what it has not read is gone from its socket, and
 * not read. */
static void test_dies_while_idle(void **state)
{
	static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
	char text[128];
	size_t k;
	int i;

	unix_text(text);
	for (k = 0; k < 2; k++) {
		bind_unix(types[k]);
		start(text, 0);
		for (i = 0; i < 5; i++)
			put(i, 100);
		sender_flush(sender);
		receive(1);
		die();
		for (i = 0; i < 3; i++)
			sender_flush(sender);
		bind_unix(types[k]);
		put(5, 100);
		expect_delivered(6);
		stop();
	}
}

static void test_datagram_restart(void **state)
{
	restart_with_unread(SOCK_DGRAM, false);
}

static void test_unix_stream_restart(void **state)
{
	restart_with_unread(SOCK_STREAM, false);
}

static void test_tcp_restart(void **state)
{
	port = 0;
	restart_with_unread(SOCK_STREAM, true);
}

/* At the end all is delivered by the receiver's own word: it closes after it has read. */
static void test_tcp_finish(void **state)
{
	char text[64];
	pid_t child;
	int i;

	port = 0;
	bind_inet(SOCK_STREAM);
	sprintf(text, "tcp:127.0.0.1:%d", port);
	child = fork();
	if (!child) {
		char bytes[65536];
		int fd, flags = 0;

		fcntl(listener, F_SETFL, flags);
		fd = accept(listener, NULL, NULL);
		while (read(fd, bytes, sizeof(bytes)) > 0)
			;
		_exit(0);
	}
	start(text, 0);
	for (i = 0; i < 20000; i++)
		put(i, 200);
	finish(5000);
	sender_stats(sender, &stats);
	assert_int_equal(stats.delivered, 20000);
	kill(child, SIGKILL);
	stop();
}

/* Nobody reads: it does not wait, and what finds no room is counted. */
static void test_slow_receiver(void **state)
{
	char text[128];
	int i, taken = 0;

	unix_text(text);
	bind_unix(SOCK_STREAM);
	start(text, CHANNEL_STREAM_FIRST);
	for (i = 0; i < 30000; i++) {
		taken += put(i, 1000);
		sender_flush(sender);
	}
	sender_stats(sender, &stats);
	assert_in_range(taken, 10000, 29000);
	assert_int_equal(stats.dropped[SENDER_QUEUE_FULL], 30000 - taken);
	finish(50);
	sender_stats(sender, &stats);
	assert_int_equal(stats.dropped[SENDER_QUEUE_FULL] + stats.dropped[SENDER_UNSENT] +
				 stats.dropped[SENDER_UNCONFIRMED] + stats.delivered,
			 30000);
	assert_true(stats.dropped[SENDER_UNSENT] > 10000);
	stop();
}

/* The port answers that nobody is there: that datagram is sent again, and no other is lost. */
static void test_udp_refused(void **state)
{
	char text[64];
	int i;

	port = 0;
	bind_inet(SOCK_DGRAM);
	sprintf(text, "udp:127.0.0.1:%d", port);
	start(text, 0);
	for (i = 0; i < 100; i++) {
		put(i, 10);
		sender_flush(sender);
		receive(10);
	}
	die();
	for (; i < 200; i++) {
		put(i, 10);
		sender_flush(sender);
	}
	bind_inet(SOCK_DGRAM);
	for (; i < 300; i++)
		put(i, 10);
	settle(299);
	finish(1000);
	receive(1000);
	expect_each(300);
	sender_stats(sender, &stats);
	assert_int_equal(stats.delivered, 300);
	stop();
}

static void test_too_large(void **state)
{
	char text[64];

	port = 0;
	bind_inet(SOCK_DGRAM);
	sprintf(text, "udp:127.0.0.1:%d", port);
	start(text, 0);
	assert_false(put(0, 70000));
	assert_true(put(1, 10));
	finish(1000);
	receive(10);
	assert_int_equal(got[1], 1);
	stop();
}

/* What had no time to go out is dropped, and a message cut in the middle begins a new connection.
 */
static void test_drop_unsent(void **state)
{
	char text[128];
	int i, n;

	unix_text(text);
	bind_unix(SOCK_STREAM);
	start(text, CHANNEL_STREAM_FIRST);
	for (i = 0; i < 30000; i++) {
		put(i, 1000);
		if (i % 1000 == 0)
			sender_flush(sender);
	}
	for (i = 0; i < 20; i++)
		sender_flush(sender);
	assert_false(sender_idle(sender));
	sender_drop_unsent(sender);
	sender_stats(sender, &stats);
	assert_true(sender_idle(sender));
	assert_int_equal(stats.delivered + stats.dropped[SENDER_UNSENT] +
				 stats.dropped[SENDER_QUEUE_FULL],
			 30000);
	assert_in_range(stats.dropped[SENDER_UNSENT], 1, 29999);
	n = (int)stats.delivered;
	put(40000, 10);
	for (i = 0; i < 2000 && !got[40000]; i++) {
		sender_flush(sender);
		receive(100);
		if (!got[40000] && peer >= 0 && recv(peer, text, 1, MSG_PEEK) == 0) {
			close(peer);
			peer = -1;
			rest_len = 0;
		}
		usleep(200);
	}
	assert_int_equal(got[40000], 1);
	expect_each(n);
	assert_int_equal(got[n], 0);
	stop();
}

/* Nobody there at all: the end does not wait longer than it may, nor for less than all. */
static void test_nobody(void **state)
{
	char text[128];
	int i;

	unix_text(text);
	listener = peer = -1;
	start(text, 0);
	finish(60000); /* nothing to send: returns at once */
	for (i = 0; i < 10; i++)
		put(i, 10);
	finish(100);
	sender_stats(sender, &stats);
	assert_int_equal(stats.dropped[SENDER_UNSENT], 10);
	stop();
}

static int make_dir(void **state)
{
	log_level = -1;
	snprintf(path, sizeof(path), "%s/socket", mkdtemp(dir));
	return 0;
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_datagrams),	 cmocka_unit_test(test_unix_stream_found),
		cmocka_unit_test(test_comes_late),	 cmocka_unit_test(test_dies_while_idle),
		cmocka_unit_test(test_datagram_restart), cmocka_unit_test(test_unix_stream_restart),
		cmocka_unit_test(test_tcp_restart),	 cmocka_unit_test(test_tcp_finish),
		cmocka_unit_test(test_slow_receiver),	 cmocka_unit_test(test_udp_refused),
		cmocka_unit_test(test_too_large),	 cmocka_unit_test(test_drop_unsent),
		cmocka_unit_test(test_nobody),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
