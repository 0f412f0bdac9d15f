// SPDX-License-Identifier: GPL-2.0-only
/* The table of siem.def, what is taken out of arguments, and records that no trace makes on demand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <sys/un.h>

#include "decode/text_iter.h"
#include "decode/wire_decode.h"
#include "sink/format.h"
#include "sink/siem.h"
#include "sink/sink.h"
#include "tests/unit/event_build.h"
#include "tests/unit/json_line.h"

static struct buf out;

/* The value at a path of names separated by dots, as text; a static buffer. NULL: not there. */
static const char *at(json_t *json, const char *path)
{
	static char text[256];
	char name[64];
	size_t n;

	for (; json && *path; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		json = json_object_get(json, name);
	}
	if (!json)
		return NULL;
	if (json_is_string(json))
		return json_string_value(json);
	snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(json));
	return text;
}

static void expect(const struct format_ops *format, const char *path, const char *want)
{
	json_t *json = json_line(&out, format, &event);
	const char *got = at(json, path);

	if (want)
		assert_string_equal(got ?: "nothing", want);
	else
		assert_null(got);
	json_decref(json);
}

static bool names_category(const char *name)
{
	static const char *const known[] = {"configuration", "database", "file",    "driver",
					    "host",	     "library",	 "network", "package",
					    "process",	     "web"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i], name))
			return true;
	return false;
}

static size_t most_args(const struct event_row *row)
{
	size_t k, most = 0;

	for (k = 0; k < row->n_variants; k++)
		most = row->variants[k].n_args > most ? row->variants[k].n_args : most;
	return most;
}

static void expect_row(const struct siem_row *row, const struct siem_row *before, size_t n_args)
{
	size_t k;

	if (before && strcmp(before->name, row->name) >= 0)
		fail_msg("%s is not at its place", row->name);
	assert_true(names_category(row->category));
	for (k = n_args; k < SIEM_ROLES; k++)
		if (row->roles[k])
			fail_msg("%s has no argument %zu", row->name, k);
}

/* Sorted, each of an event there is, with roles for arguments it has. */
static void test_table(void **state)
{
	const struct siem_row *rows;
	const struct event_row *row;
	size_t n, i;

	rows = siem_events(&n);
	for (i = 0; i < n; i++) {
		row = event_find(rows[i].name);
		if (!row)
			fail_msg("%s is no event", rows[i].name);
		expect_row(&rows[i], i ? &rows[i - 1] : NULL, most_args(row));
	}
}

/* The same of system calls, and all of them. */
static void test_every_call(void **state)
{
	const struct siem_row *rows;
	const struct call_row *calls;
	size_t n, n_calls, i, k;

	rows = siem_calls(&n);
	calls = syscall_table(&n_calls);
	for (i = 1; i < n; i++)
		assert_true(strcmp(rows[i - 1].name, rows[i].name) < 0);
	for (i = 0; i < n_calls; i++) {
		for (k = 0; k < CALL_ARGS && calls[i].args[k].name;)
			k++;
		if (!siem_call_row(&calls[i])->name)
			fail_msg("%s has no row", calls[i].name);
		expect_row(siem_call_row(&calls[i]), NULL, k);
	}
	assert_int_equal(n, n_calls);
}

/* Every event has a category: its own, or that of its category here. */
static void test_every_event(void **state)
{
	const struct event_row *rows;
	size_t n, i;

	rows = event_table(&n);
	for (i = 0; i < n; i++) {
		event = (struct audit_event){.row = &rows[i]};
		if (!siem_event_row(&event)->category)
			fail_msg("%s has none", rows[i].name);
	}
	event.row = NULL;
	assert_null(siem_event_row(&event)->category);
}

static void test_basename(void **state)
{
	static const uint16_t wide[] = {0x20ac, '/', 0x20ad, 'x'};
	static const struct {
		const char *path, *base;
	} cases[] = {{"/a/b", "b"}, {"b", "b"}, {"/", "/"}, {"a/", "a/"}, {"", ""}};
	struct text text, base;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		text = text_of_cstr(cases[i].path);
		base = siem_basename(&text);
		assert_int_equal(base.len, strlen(cases[i].base));
		assert_memory_equal(base.data, cases[i].base, base.len);
	}
	text = (struct text){.data = wide, .len = sizeof(wide), .width = 2};
	base = siem_basename(&text);
	assert_int_equal(base.len, 4);
	assert_ptr_equal(base.data, wide + 2);
}

static void test_urls(void **state)
{
	static const struct {
		const char *url, *scheme, *host;
		int port; /* -1: none */
		bool is_ip;
	} cases[] = {
		{"http://host/x", "http", "host", -1, false},
		{"https://u:p@host:8443?q", "https", "host", 8443, false},
		{"http://[::1]:80/", "http", "::1", 80, true},
		{"http://127.0.0.1", "http", "127.0.0.1", -1, true},
		{"http://host:/", "http", "host", -1, false},
		{"http://host:99999/", "http", "host", -1, false},
		{"http://host:8x/", "http", "host", -1, false},
		{"http://[::1", NULL, NULL, 0, false},
		{"http://", NULL, NULL, 0, false},
		{"http:///x", NULL, NULL, 0, false},
		{"://host", NULL, NULL, 0, false},
		{"host", NULL, NULL, 0, false},
		{"", NULL, NULL, 0, false},
	};
	struct buf scratch = {0};
	struct siem_url parts;
	struct text text;
	size_t i;
	bool found;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		text = text_of_cstr(cases[i].url);
		found = siem_url_of(&text, &scratch, &parts);
		assert_int_equal(found, cases[i].scheme != NULL);
		if (!found)
			continue;
		assert_int_equal(parts.address.host.len, strlen(cases[i].host));
		assert_memory_equal(parts.address.host.data, cases[i].host, parts.address.host.len);
		assert_memory_equal(parts.scheme.data, cases[i].scheme, parts.scheme.len);
		assert_int_equal(parts.address.has_port ? parts.address.port : -1, cases[i].port);
		assert_int_equal(parts.address.is_ip, cases[i].is_ip);
	}
	buf_free(&scratch);
}

static void test_file(void **state)
{
	begin("os.rename");
	wb_cstr(&b, "/tmp/a");
	wb_bytes(&b, "/tmp/b\xff", 7);
	wb_int(&b, -1);
	wb_int(&b, -1);
	decode_known(4);
	expect(&format_ecs, "file.path", "/tmp/a");
	expect(&format_ocsf, "file_result.name", "b\xef\xbf\xbd");
	expect(&format_ecs, "file.name", "a");
	expect(&format_ecs, "event.sequence", "42");
	expect(&format_ocsf, "class_uid", "1001");
	expect(&format_ocsf, "type_uid", "100105");
	expect(&format_ocsf, "file.name", "a");
	expect(&format_ocsf, "time", "1795327824123");
	expect(&format_ocsf, "actor.process.ptid", "4712");
}

/* Lone surrogates and backslashes: strict parsers take the record. */
static void test_hostile_text(void **state)
{
	static const uint16_t text[] = {0xd83d, 0xde00, '\\', 'u', 'd', '8', 0xdcff, '\\'};

	begin("x");
	wb_units(&b, 2, text, sizeof(text));
	decode_known(1);
	expect(&format_ecs, "pyaudit.args.arg0", "\xef\xbf\xbd\xef\xbf\xbd\\ud8\xef\xbf\xbd\\");
	expect(&format_ocsf, "unmapped.event", "x");
}

/* A class needs what an event may not tell: then it is a Base Event. */
static void test_base_event(void **state)
{
	begin("open");
	wb_int(&b, 3);
	wb_cstr(&b, "r");
	wb_int(&b, 0);
	decode_known(3);
	expect(&format_ocsf, "class_uid", "0");
	expect(&format_ocsf, "activity_name", "open");
	expect(&format_ocsf, "file", NULL);
	expect(&format_ocsf, "unmapped.args.path", "3");
	expect(&format_ecs, "file", NULL);
	begin("open");
	wb_unreadable(&b, 14);
	decode_known(1);
	expect(&format_ocsf, "class_uid", "0");
	expect(&format_ocsf, "unmapped.unreadable.path", "EFAULT");
	begin("my.event");
	wb_int(&b, 3);
	decode_known(1);
	expect(&format_ocsf, "type_uid", "99");
	expect(&format_ecs, "event.category", NULL);
	expect(&format_ecs, "event.action", "my.event");
	expect(&format_ecs, "pyaudit.args.arg0", "3");
}

static void connect_to(const char *host, int64_t port)
{
	begin("socket.connect");
	wb_object(&b, WIRE_OBJECT_SOCKET, "socket.socket", 1);
	wb_int(&b, 5);
	wb_sequence(&b, WIRE_TUPLE, 2);
	wb_cstr(&b, host);
	wb_int(&b, port);
	decode_known(2);
}

static void test_addresses(void **state)
{
	connect_to("::1", 443);
	expect(&format_ecs, "destination.ip", "::1");
	expect(&format_ecs, "destination.port", "443");
	expect(&format_ocsf, "dst_endpoint.ip", "::1");
	connect_to("name", 70000);
	expect(&format_ecs, "destination.domain", "name");
	expect(&format_ecs, "destination.port", NULL);
	expect(&format_ocsf, "dst_endpoint.hostname", "name");
	connect_to("", 1);
	expect(&format_ocsf, "class_uid", "0");
	begin("socket.getaddrinfo");
	wb_cstr(&b, "10.0.0.1");
	decode_known(1);
	expect(&format_ocsf, "class_uid", "0");
	expect(&format_ecs, "dns", NULL);
	expect(&format_ecs, "destination.ip", "10.0.0.1");
}

/* A process to be: its parent is the one that raised the event. */
static void test_launch(void **state)
{
	struct process_info info = {.pid = 4711,
				    .exe = "/usr/bin/python3.11",
				    .cmdline = "python3\0a b\0",
				    .cmdline_len = 12,
				    .container = "c0ffee",
				    .pod = "p1",
				    .ns_pid = 7};

	begin("subprocess.Popen");
	wb_cstr(&b, "/bin/ls");
	wb_sequence(&b, WIRE_LIST, 2);
	wb_cstr(&b, "ls");
	wb_none(&b);
	wb_none(&b);
	wb_none(&b);
	decode_known(4);
	event.process = &info;
	expect(&format_ecs, "process.executable", "/bin/ls");
	expect(&format_ecs, "process.pid", NULL);
	expect(&format_ecs, "process.parent.pid", "4711");
	expect(&format_ecs, "process.parent.command_line", "python3 a b");
	expect(&format_ecs, "container.id", "c0ffee");
	expect(&format_ecs, "orchestrator.resource.id", "p1");
	expect(&format_ocsf, "process.uid", "4711/42");
	expect(&format_ocsf, "process.file.path", "/bin/ls");
	expect(&format_ocsf, "actor.process.container.pod_uuid", "p1");
	expect(&format_ocsf, "actor.process.namespace_pid", "7");
	begin("os.exec");
	wb_none(&b);
	wb_none(&b);
	wb_none(&b);
	decode_known(3);
	expect(&format_ecs, "process.pid", "4711");
	expect(&format_ocsf, "process.pid", "4711");
	expect(&format_ocsf, "launch_type_id", "3");
}

static struct call_info calls[CALLS_MAX];

static const struct call_row *call_named(const char *name)
{
	const struct call_row *rows;
	size_t n, i;

	rows = syscall_table(&n);
	for (i = 0; i < n; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	fail_msg("%s is not watched", name);
	return NULL;
}

static struct call_info *call(const char *name, int64_t ret)
{
	memset(calls, 0, sizeof(calls));
	calls[0] = (struct call_info){.row = call_named(name), .ret = ret, .pid = 4711};
	event = (struct audit_event){
		.type = RECORD_SYSCALL, .pid = 4711, .tid = 4712, .calls = calls, .n_calls = 1};
	return &calls[0];
}

static void test_file_calls(void **state)
{
	struct call_info *c = call("renameat2", -2);

	c->texts[0] = text_of_cstr("/tmp/a");
	c->texts[1] = text_of_cstr("b\xff");
	expect(&format_ecs, "event.action", "renameat2");
	expect(&format_ecs, "event.provider", "kernel");
	expect(&format_ecs, "event.outcome", "failure");
	expect(&format_ecs, "error.code", "ENOENT");
	expect(&format_ecs, "file.path", "/tmp/a");
	expect(&format_ecs, "process.thread.id", "4712");
	expect(&format_ocsf, "type_uid", "100105");
	expect(&format_ocsf, "status_id", "2");
	expect(&format_ocsf, "status_code", "ENOENT");
	expect(&format_ocsf, "file_result.name", "b\xef\xbf\xbd");
	expect(&format_ocsf, "metadata.event_code", "renameat2");
	c->text_errors[0] = 14;
	expect(&format_ecs, "file", NULL);
	expect(&format_ocsf, "class_uid", "0");
	expect(&format_ocsf, "activity_name", "renameat2");
	c = call("fchmod", 0);
	expect(&format_ecs, "event.outcome", "success");
	expect(&format_ecs, "error", NULL);
	expect(&format_ocsf, "class_uid", "0");
	expect(&format_ocsf, "status_id", "1");
	expect(&format_ocsf, "status_code", NULL);
}

static void call_to(const void *address, size_t size)
{
	calls[0].texts[0] = text_of_bytes(address, size);
}

static void test_network_calls(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(443)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/x"};

	call("connect", -EINPROGRESS);
	call_to(&in, sizeof(in));
	expect(&format_ecs, "destination.ip", "0.0.0.0");
	expect(&format_ecs, "destination.port", "443");
	expect(&format_ecs, "event.outcome", "unknown");
	expect(&format_ocsf, "type_uid", "400101");
	expect(&format_ocsf, "status_id", "0");
	call_to(&in, sizeof(in) - 1);
	expect(&format_ecs, "destination", NULL);
	expect(&format_ocsf, "class_uid", "0");
	call("bind", 0);
	call_to(&in6, sizeof(in6));
	expect(&format_ecs, "source.ip", "::");
	expect(&format_ocsf, "src_endpoint.port", "53");
	expect(&format_ocsf, "type_uid", "400199");
	call("sendto", 3);
	call_to(&un, sizeof(un));
	expect(&format_ecs, "destination.address", "/run/x");
	expect(&format_ecs, "destination.domain", NULL);
	expect(&format_ocsf, "dst_endpoint.name", "/run/x");
	un.sun_path[0] = '\0';
	call_to(&un, offsetof(struct sockaddr_un, sun_path) + 6);
	expect(&format_ocsf, "dst_endpoint.hostname", NULL);
	call_to("", 0);
	expect(&format_ocsf, "class_uid", "0");
}

static void test_process_calls(void **state)
{
	static char words[2 * (SIEM_WORDS + 3)];
	struct call_info *c = call("execve", 0);
	size_t i;

	c->texts[0] = text_of_cstr("/bin/ls");
	c->texts[1] = text_of_bytes("ls\0-l\0\0", 7);
	expect(&format_ecs, "process.executable", "/bin/ls");
	expect(&format_ecs, "process.command_line", "ls -l ");
	expect(&format_ecs, "process.args_count", "3");
	expect(&format_ecs, "process.pid", "4711");
	expect(&format_ocsf, "type_uid", "100701");
	expect(&format_ocsf, "launch_type_id", "3");
	c->text_cut[1] = true;
	expect(&format_ecs, "process.args_count", NULL);
	c->text_cut[1] = false;
	for (i = 0; i < sizeof(words); i += 2)
		words[i] = 'x';
	c->texts[1] = text_of_bytes(words, sizeof(words));
	expect(&format_ecs, "process.args_count", "67");
	call("clone", 4800);
	expect(&format_ocsf, "launch_type_id", "2");
	expect(&format_ecs, "event.outcome", "success");
	c = call("kill", -3);
	c->args[0] = 99;
	expect(&format_ocsf, "process.pid", "99");
	c->args[0] = (uint32_t)-99;
	expect(&format_ocsf, "class_uid", "0");
	call("setuid", -1);
	expect(&format_ocsf, "type_uid", "100705");
	expect(&format_ocsf, "process.pid", "4711");
	c = call("mprotect", 0);
	c->args[0] = 0x7f0000001000;
	c->args[1] = 4096;
	c->args[2] = 7;
	expect(&format_ocsf, "type_uid", "100402");
	expect(&format_ocsf, "base_address", "0x7f0000001000");
	expect(&format_ocsf, "size", "4096");
	expect(&format_ocsf, "requested_permissions", "7");
	c = call("delete_module", 0);
	c->texts[0] = text_of_cstr("evil");
	expect(&format_ocsf, "driver.file.name", "evil");
	expect(&format_ecs, "driver", NULL);
}

/* An audit event with these calls. */
static void popen_with(size_t n, const struct call_info *made)
{
	begin("subprocess.Popen");
	wb_cstr(&b, "ls");
	wb_none(&b);
	wb_none(&b);
	wb_none(&b);
	decode_known(4);
	event.calls = made;
	event.n_calls = event.calls_made = n;
}

static void test_outcomes(void **state)
{
	struct call_info made[CALLS_MAX] = {
		{.row = call_named("vfork"), .ret = 4800, .pid = 4711},
		{.row = call_named("execve"), .ret = -2, .pid = 4800, .child = true},
		{.row = call_named("execve"), .ret = 0, .pid = 4800, .child = true},
	};

	popen_with(0, NULL);
	expect(&format_ecs, "event.outcome", "unknown");
	popen_with(1, made);
	expect(&format_ecs, "event.outcome", "unknown");
	expect(&format_ecs, "process.pid", NULL);
	popen_with(2, made);
	expect(&format_ecs, "event.outcome", "failure");
	expect(&format_ecs, "error.code", "ENOENT");
	popen_with(3, made);
	expect(&format_ecs, "event.outcome", "success");
	expect(&format_ecs, "process.pid", "4800");
	expect(&format_ocsf, "status_id", "1");
	expect(&format_ocsf, "process.pid", "4800");
	made[0].ret = -11;
	popen_with(1, made);
	expect(&format_ocsf, "status_code", "EAGAIN");
	made[0].ret = -EINTR;
	popen_with(1, made);
	expect(&format_ocsf, "status_id", "0");
}

/* If not all were kept the last may not be the last. */
static void test_too_many_calls(void **state)
{
	size_t i;

	for (i = 0; i < CALLS_MAX; i++)
		calls[i] = (struct call_info){.row = call_named("execve"), .ret = -2};
	popen_with(CALLS_MAX - 1, calls);
	expect(&format_ecs, "event.outcome", "failure");
	popen_with(CALLS_MAX, calls);
	expect(&format_ecs, "event.outcome", "failure");
	event.calls_made = CALLS_MAX + 1;
	expect(&format_ecs, "event.outcome", "unknown");
}

static void test_other_records(void **state)
{
	event = (struct audit_event){.type = RECORD_LOST, .lost = {LOSS_RING, 12}};
	expect(&format_ecs, "event.kind", "pipeline_error");
	expect(&format_ecs, "error.code", "ring");
	expect(&format_ecs, "error.message", "12 events lost: ring");
	expect(&format_ecs, "process", NULL);
	expect(&format_ocsf, "severity_id", "3");
	expect(&format_ocsf, "unmapped.count", "12");
	event = (struct audit_event){.type = RECORD_EXIT, .pid = 5, .status = 9};
	expect(&format_ecs, "process.exit_code", "137");
	expect(&format_ocsf, "type_uid", "100702");
	expect(&format_ocsf, "exit_code", "137");
	event = (struct audit_event){.type = RECORD_SUMMARY, .totals = {.seen = 3, .delivered = 3}};
	expect(&format_ecs, "event.kind", "metric");
	expect(&format_ecs, "pyaudit.seen", "3");
	expect(&format_ocsf, "unmapped.seen", "3");
	/* One that is not known here yet. */
	event = (struct audit_event){.type = (enum record_type)99};
	expect(&format_ecs, "event.dataset", "pyaudit.unknown");
	expect(&format_ocsf, "class_uid", "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	      cmocka_unit_test(test_every_event),
		cmocka_unit_test(test_basename),      cmocka_unit_test(test_urls),
		cmocka_unit_test(test_file),	      cmocka_unit_test(test_base_event),
		cmocka_unit_test(test_hostile_text),  cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_launch),	      cmocka_unit_test(test_other_records),
		cmocka_unit_test(test_every_call),    cmocka_unit_test(test_file_calls),
		cmocka_unit_test(test_network_calls), cmocka_unit_test(test_process_calls),
		cmocka_unit_test(test_outcomes),      cmocka_unit_test(test_too_many_calls),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&out);
	return failed;
}
