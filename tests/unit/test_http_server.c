// SPDX-License-Identifier: GPL-2.0-only
/* The HTTP server: answers, refusals, and clients that mean no good. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "sink/http_server.h"

static int made;

static int make_page(struct buf *body, void *arg)
{
	made++;
	buf_str(body, arg);
	return 200;
}

static int make_sick(struct buf *body, void *arg)
{
	buf_lit(body, "not well\n");
	return 503;
}

static const struct http_page pages[] = {
	{"/page", "text/x-page", make_page},
	{"/sick", "text/plain", make_sick},
	{0},
};

static struct http_server *server;

static int open_server(void **state)
{
	server = http_server_open("test", "0", pages, "hello\n");
	return server ? 0 : -1;
}

static int close_server(void **state)
{
	http_server_free(server);
	return 0;
}

static int connect_to(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	const char *text = http_server_address(server), *colon = strrchr(text, ':');
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_memory_equal(text, "127.0.0.1:", 10);
	inet_pton(AF_INET, "127.0.0.1", &addr.sin_addr);
	addr.sin_port = htons(atoi(colon + 1));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static void serve(int rounds)
{
	while (rounds--) {
		usleep(2000);
		http_server_run(server);
	}
}

/* What comes back, at most size - 1 bytes. Returns what read did last: 0 when the end was seen. */
static ssize_t answer(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n = -1;
	int i;

	for (i = 0; i < 20; i++) {
		serve(2);
		n = read(fd, text + len, size - 1 - len);
		if (n > 0)
			len += n;
		if (!n)
			break;
	}
	text[len] = '\0';
	return n;
}

static void ask(int fd, const char *request)
{
	serve(3);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
}

static void expect(const char *request, const char *status, const char *body)
{
	char text[4096], *end;
	int fd = connect_to();

	ask(fd, request);
	answer(fd, text, sizeof(text));
	close(fd);
	assert_memory_equal(text, status, strlen(status));
	end = strstr(text, "\r\n\r\n");
	assert_non_null(end);
	assert_string_equal(end + 4, body);
}

static void test_answers(void **state)
{
	expect("GET /page HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "hello\n");
	expect("GET /page?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "hello\n");
	expect("HEAD /page HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "");
	expect("GET /sick HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 503", "not well\n");
	expect("GET /pag HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404", "no such page\n");
	expect("GET /../page HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404", "no such page\n");
	expect("POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 405",
	       "only GET and HEAD\n");
}

static void test_keep_alive(void **state)
{
	static const char request[] = "GET /page HTTP/1.1\r\nHost: x\r\n\r\n";
	char text[4096];
	int fd = connect_to(), i;

	for (i = 0; i < 3; i++) {
		ask(fd, request);
		assert_int_equal(answer(fd, text, sizeof(text)), -1);
		assert_memory_equal(text, "HTTP/1.1 200", 12);
	}
	close(fd);
}

/* Three times as many as there are places, which send half a request and then nothing. */
static void test_silent_clients(void **state)
{
	int fds[96], i;

	for (i = 0; i < 96; i++) {
		fds[i] = connect_to();
		serve(1);
		(void)!write(fds[i], "GET /page HTT", 13);
	}
	expect("GET /page HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "hello\n");
	for (i = 0; i < 96; i++)
		close(fds[i]);
	serve(5);
	expect("GET /page HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "hello\n");
}

static void test_endless_header(void **state)
{
	char text[4096], line[1024];
	int fd = connect_to(), i;

	memset(line, 'x', sizeof(line));
	memcpy(line, "X: ", 3);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	ask(fd, "GET /page HTTP/1.1\r\n");
	for (i = 0; i < 64; i++) {
		if (write(fd, line, sizeof(line)) < 0)
			break;
		serve(1);
	}
	made = 0;
	answer(fd, text, sizeof(text));
	close(fd);
	assert_int_equal(made, 0);
	assert_null(strstr(text, "HTTP/1.1 200"));
	expect("GET /page HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "hello\n");
}

static void test_garbage(void **state)
{
	static const char *const rubbish[] = {
		"\r\n\r\n\r\n",
		"\x16\x03\x01\x02",
		"GET\r\n\r\n",
		"GET /page\r\n\r\n",
		"GET /page HTTP/9.9\r\n\r\n",
		"G\0T / HTTP/1.1\r\n\r\n",
		"GET /page HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"GET /page HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	};
	char text[4096];
	size_t i;

	for (i = 0; i < sizeof(rubbish) / sizeof(*rubbish); i++) {
		int fd = connect_to();

		ask(fd, rubbish[i]);
		answer(fd, text, sizeof(text));
		close(fd);
	}
	expect("GET /page HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "hello\n");
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {"",
					  ":",
					  "x",
					  "127.0.0.1:",
					  "127.0.0.1:65536",
					  "::1:80",
					  "[::1:80",
					  "127.0.0.1:http",
					  "192.0.2.1:0",
					  ":-1"};
	struct http_server *other;
	char text[64];
	size_t i;

	log_level = -2;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_null(http_server_open("test", bad[i], pages, NULL));
	/* The port is taken. */
	assert_null(http_server_open("test", http_server_address(server), pages, NULL));
	log_level = 0;
	other = http_server_open("test", ":0", pages, NULL);
	assert_non_null(other);
	assert_memory_equal(http_server_address(other), "127.0.0.1:", 10);
	http_server_free(other);
	other = http_server_open("test", "0.0.0.0:0", pages, NULL);
	assert_non_null(other);
	snprintf(text, sizeof(text), "%s", http_server_address(other));
	http_server_free(other);
	/* Free again at once. */
	other = http_server_open("test", text, pages, NULL);
	assert_non_null(other);
	http_server_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),	       cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_silent_clients), cmocka_unit_test(test_endless_header),
		cmocka_unit_test(test_garbage),	       cmocka_unit_test(test_addresses),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, open_server, close_server);
}
