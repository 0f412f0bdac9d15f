// SPDX-License-Identifier: GPL-2.0-only
/* Addresses of receivers as the command line has them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sink/address.h"

static struct address a;
static const char *why;

static void take(const char *text, enum address_kind kind)
{
	assert_int_equal(address_parse(&a, text, "514", &why), 0);
	assert_int_equal(a.kind, kind);
}

static void expect_host(const char *text, enum address_kind kind, const char *host,
			const char *port)
{
	take(text, kind);
	assert_string_equal(a.host, host);
	assert_string_equal(a.port, port);
	address_free(&a);
}

static void expect_path(const char *text, const char *path)
{
	take(text, ADDRESS_UNIX);
	assert_string_equal(a.path, path);
	address_free(&a);
}

static void test_hosts(void **state)
{
	expect_host("udp:logs", ADDRESS_UDP, "logs", "514");
	expect_host("udp:logs:1514", ADDRESS_UDP, "logs", "1514");
	expect_host("tcp:192.0.2.1:65535", ADDRESS_TCP, "192.0.2.1", "65535");
	expect_host("tcp://192.0.2.1:1", ADDRESS_TCP, "192.0.2.1", "1");
	expect_host("tls:[::1]:6514", ADDRESS_TLS, "::1", "6514");
	expect_host("tls:[2001:db8::1]", ADDRESS_TLS, "2001:db8::1", "514");
}

static void test_paths(void **state)
{
	expect_path("unix:/dev/log", "/dev/log");
	expect_path("unix:///dev/log", "/dev/log");
	expect_path("unix:log.sock", "log.sock");
	expect_path("unix:@abstract", "@abstract");
}

static void test_parameters(void **state)
{
	take("tls:logs,ca=/a.pem,cert=/b.pem,key=/c.pem,facility=local3", ADDRESS_TLS);
	assert_string_equal(a.host, "logs");
	assert_string_equal(a.port, "514");
	assert_string_equal(a.ca, "/a.pem");
	assert_string_equal(a.cert, "/b.pem");
	assert_string_equal(a.key, "/c.pem");
	assert_string_equal(a.facility, "local3");
	address_free(&a);
	take("unix:/dev/log,facility=audit", ADDRESS_UNIX);
	assert_string_equal(a.path, "/dev/log");
	assert_string_equal(a.facility, "audit");
	assert_null(a.ca);
	address_free(&a);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"logs",
		"/dev/log",
		"http://x",
		"udp:",
		"tcp::514",
		"tcp:h:",
		"tcp:h:0",
		"tcp:h:65536",
		"tcp:h:x",
		"tcp:h:-1",
		"tcp:::1",
		"tcp:[::1",
		"tcp:[::1]x",
		"tcp:[::1]x:5",
		"tcp:[]:5",
		"tcp:a/b:5",
		"tcp:a b",
		"tcp:u@h",
		"unix:",
		"unix:@",
		"tls:h,ca=",
		"tls:h,",
		"tls:h,what=1",
		"tls:h,key=/k",
		"tcp:h,ca=/x",
		"unix:/"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxx",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int err;

		why = NULL;
		err = address_parse(&a, bad[i], "514", &why);
		if (err != -EINVAL)
			print_error("taken: %s\n", bad[i]);
		assert_int_equal(err, -EINVAL);
		assert_non_null(why);
		assert_null(a.text);
	}
	assert_int_equal(address_parse(&a, "tcp:h", NULL, &why), -EINVAL);
	assert_string_equal(why, "no port; give HOST:PORT");
}

static void test_scheme(void **state)
{
	assert_true(address_has_scheme("unix:x"));
	assert_true(address_has_scheme("tls:x"));
	assert_false(address_has_scheme("file"));
	assert_false(address_has_scheme("./unix:x"));
	assert_false(address_has_scheme("unix"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),	   cmocka_unit_test(test_paths),
		cmocka_unit_test(test_parameters), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_scheme),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
