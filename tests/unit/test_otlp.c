// SPDX-License-Identifier: GPL-2.0-only
/* The parts of OTLP: protobuf, lists of attributes, answers, the environment, a process's published
 * context, and what a record becomes in both encodings. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/baggage.h"
#include "base/log.h"
#include "base/pb.h"
#include "enrich/otel.h"
#include "sink/otlp_answer.h"
#include "sink/otlp_batch.h"
#include "sink/otlp_config.h"

static void protobuf(void **state)
{
	struct buf b = {0};
	struct pb_reader r;
	struct pb_field f;
	char text[300];
	size_t at;

	memset(text, 'x', sizeof(text));
	pb_uint(&b, 1, UINT64_MAX);
	pb_fixed64(&b, 11, 0x0102030405060708);
	pb_fixed32(&b, 8, 7);
	at = pb_begin(&b, 5);
	pb_bytes(&b, 1, text, sizeof(text));
	pb_end(&b, at);
	at = pb_begin(&b, 6);
	pb_end(&b, at);
	r = pb_read(b.data, b.len);
	assert_int_equal(pb_next(&r, &f), 1);
	assert_true(f.number == 1 && f.type == PB_VARINT && f.value == UINT64_MAX);
	assert_int_equal(pb_next(&r, &f), 1);
	assert_true(f.number == 11 && f.value == 0x0102030405060708);
	assert_int_equal(pb_next(&r, &f), 1);
	assert_true(f.number == 8 && f.type == PB_FIXED32 && f.value == 7);
	assert_int_equal(pb_next(&r, &f), 1);
	assert_true(f.number == 5 && f.len == sizeof(text) + 3);
	assert_memory_equal(f.data, "\x0a\xac\x02xxx", 6);
	assert_int_equal(pb_next(&r, &f), 1);
	assert_true(f.number == 6 && f.len == 0);
	assert_int_equal(pb_next(&r, &f), 0);
	buf_free(&b);
}

static void protobuf_broken(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} broken[] = {
		{"\x08", 1},	     /* no value */
		{"\x08\xff\xff", 3}, /* not ended */
		{"\x0a\x05xyz", 5},  /* longer than there is */
		{"\x09\x01\x02", 3}, /* fixed64 of two bytes */
		{"\x00\x01", 2},     /* field 0 */
		{"\x0b\x01", 2},     /* a group */
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10},
		{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12},
	};
	struct pb_field f;
	size_t i;

	for (i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		struct pb_reader r = pb_read(broken[i].data, broken[i].len);

		assert_int_equal(pb_next(&r, &f), -22);
	}
}

static void baggage(void **state)
{
	static const char all[] = "a\0b c\0k.2\0\0x\0=,\0";
	struct buf b = {0};

	assert_int_equal(baggage_parse(" a = b%20c ,k.2=,, x=%3D%2c", &b), 0);
	assert_int_equal(b.len, sizeof(all) - 1);
	assert_memory_equal(b.data, all, b.len);
	assert_int_equal(baggage_parse("", &b), 0);
	assert_int_equal(baggage_parse("good=1,bad", &b), -22);
	assert_int_equal(baggage_parse("=1", &b), -22);
	assert_int_equal(baggage_parse("a=%2", &b), -22);
	assert_int_equal(baggage_parse("a=%zz", &b), -22);
	assert_int_equal(baggage_parse("a=%00", &b), -22);
	assert_int_equal(b.len, sizeof(all) - 1);
	buf_free(&b);
}

static struct otlp_answer answer(int status, const char *body, size_t len, bool json)
{
	struct http_answer http = {
		.status = status, .body = body, .len = len, .json = json, .error = "broken"};
	struct otlp_answer a;

	otlp_answer_read(&http, &a);
	return a;
}

static void answers(void **state)
{
	static const int retried[] = {0, 429, 502, 503, 504};
	static const int refused[] = {301, 400, 401, 403, 404, 413, 500, 501, 505};
	struct otlp_answer a;
	size_t i;

	for (i = 0; i < sizeof(retried) / sizeof(*retried); i++)
		assert_int_equal(answer(retried[i], "", 0, false).verdict, OTLP_RETRY);
	for (i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		assert_int_equal(answer(refused[i], "", 0, false).verdict, OTLP_REFUSED);
	assert_string_equal(answer(0, NULL, 0, false).message, "broken");
	assert_int_equal(answer(200, "", 0, false).verdict, OTLP_DELIVERED);
	a = answer(200, "\x0a\x06\x08\x03\x12\x02no", 8, false);
	assert_int_equal(a.rejected, 3);
	assert_string_equal(a.message, "no");
	/* Negative, and no message at all. */
	a = answer(200, "\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13, false);
	assert_int_equal(a.rejected, 0);
	assert_int_equal(answer(200, "\xff\xff", 2, false).rejected, 0);
	a = answer(200,
		   "{\"partialSuccess\":{\"rejectedLogRecords\":\"7\",\"errorMessage\":\"x\"}}",
		   sizeof("{\"partialSuccess\":{\"rejectedLogRecords\":\"7\",\"errorMessage\":"
			  "\"x\"}}") -
			   1,
		   true);
	assert_int_equal(a.rejected, 7);
	assert_string_equal(a.message, "x");
	assert_int_equal(answer(200, "[", sizeof("[") - 1, true).rejected, 0);
	a = answer(400,
		   "\x08\x03\x12\x03"
		   "bad",
		   7, false);
	assert_string_equal(a.message, "bad");
	a = answer(400, "{\"code\":3,\"message\":\"bad\"}",
		   sizeof("{\"code\":3,\"message\":\"bad\"}") - 1, true);
	assert_string_equal(a.message, "bad");
}

static void clear_environment(void)
{
	clearenv();
	log_level = -1;
}

static void expect_url(const char *option, const char *url)
{
	struct otlp_config c;

	assert_int_equal(otlp_config_init(&c, option), 0);
	assert_string_equal(c.url, url);
	otlp_config_free(&c);
}

static void endpoints(void **state)
{
	clear_environment();
	expect_url(NULL, "http://localhost:4318/v1/logs");
	expect_url("http://h:1", "http://h:1/v1/logs");
	expect_url("http://h:1/", "http://h:1/v1/logs");
	expect_url("https://h/a", "https://h/a/v1/logs");
	expect_url("https://h/a?b=c", "https://h/a/v1/logs?b=c");
	expect_url("http://h/insert/v1/logs", "http://h/insert/v1/logs");
	setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://e/x/", 1);
	expect_url(NULL, "http://e/x/v1/logs");
	expect_url("http://h", "http://h/v1/logs");
	setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://l", 1);
	expect_url(NULL, "http://l");
	setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "", 1);
	expect_url(NULL, "http://e/x/v1/logs");
	assert_false(otlp_config_takes("h:4318"));
	assert_false(otlp_config_takes("http://"));
	assert_false(otlp_config_takes("http:///x"));
	assert_false(otlp_config_takes("http://h x"));
	assert_true(otlp_config_takes("HTTPS://h"));
}

static void expect_timeout(const char *request, const char *export, uint32_t ms)
{
	struct otlp_config c;

	setenv("OTEL_EXPORTER_OTLP_TIMEOUT", request, 1);
	setenv("OTEL_BLRP_EXPORT_TIMEOUT", export, 1);
	assert_int_equal(otlp_config_init(&c, NULL), 0);
	assert_int_equal(c.timeout_ms, ms);
	otlp_config_free(&c);
}

/* The shorter counts; 0 is no limit (configuration/common.md, "Timeout"). */
static void timeouts(void **state)
{
	clear_environment();
	expect_timeout("", "", 10000);
	expect_timeout("", "500", 500);
	expect_timeout("200", "500", 200);
	expect_timeout("60000", "", 30000);
	expect_timeout("60000", "0", 60000);
	expect_timeout("0", "", 30000);
	expect_timeout("0", "0", 0);
	expect_timeout("2147483647", "0", INT32_MAX);
	expect_timeout("-1", "x", 10000);
	clear_environment();
}

static void environment(void **state)
{
	struct otlp_config c;

	clear_environment();
	assert_int_equal(otlp_config_init(&c, NULL), 0);
	assert_false(c.json || c.gzip || c.disabled);
	assert_true(c.timeout_ms == 10000 && c.delay_ms == 1000 && c.batch == 512);
	assert_true(c.max_attributes == 128 && c.max_value == UINT32_MAX && c.queue == UINT64_MAX);
	otlp_config_free(&c);
	setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", 1);
	setenv("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json", 1);
	setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", 1);
	setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "x", 1);
	setenv("OTEL_BLRP_MAX_QUEUE_SIZE", "100", 1);
	setenv("OTEL_BLRP_SCHEDULE_DELAY", "20", 1);
	setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "9", 1);
	setenv("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3", 1);
	setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca", 1);
	setenv("OTEL_SERVICE_NAME", "s", 1);
	setenv("OTEL_RESOURCE_ATTRIBUTES", "bad", 1);
	assert_int_equal(otlp_config_init(&c, NULL), 0);
	assert_true(c.json && c.gzip && c.timeout_ms == 10000 && c.queue == 100 && c.batch == 100);
	assert_true(c.delay_ms == 20 && c.max_attributes == 9 && c.max_value == 3);
	assert_string_equal(c.ca, "/ca");
	assert_int_equal(c.attributes.len, sizeof("service.name") + 2);
	otlp_config_free(&c);
	setenv("OTEL_SDK_DISABLED", "True", 1);
	assert_int_equal(otlp_config_init(&c, NULL), 0);
	assert_true(c.disabled);
	unsetenv("OTEL_SDK_DISABLED");
	setenv("OTEL_EXPORTER_OTLP_HEADERS", "a=b%0d%0ac", 1);
	assert_int_equal(otlp_config_init(&c, NULL), -22);
	unsetenv("OTEL_EXPORTER_OTLP_HEADERS");
	setenv("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc", 1);
	assert_int_equal(otlp_config_init(&c, NULL), -22);
	clear_environment();
}

static void context(void **state)
{
	static const char all[] = "service.name\0shop\0n\0-1\0t\0true\0";
	struct buf payload = {0}, pairs = {0};
	size_t resource, pair, value, i;

	resource = pb_begin(&payload, 1);
	for (i = 0; i < 3; i++) {
		static const char *const keys[] = {"service.name", "n", "t"};

		pair = pb_begin(&payload, 1);
		pb_bytes(&payload, 1, keys[i], strlen(keys[i]));
		value = pb_begin(&payload, 2);
		if (i == 0)
			pb_bytes(&payload, 1, "shop", 4);
		else
			pb_uint(&payload, i == 1 ? 3 : 2, i == 1 ? UINT64_MAX : 1);
		pb_end(&payload, value);
		pb_end(&payload, pair);
	}
	pb_end(&payload, resource);
	assert_int_equal(otel_parse_context(payload.data, payload.len, &pairs), 0);
	assert_int_equal(pairs.len, sizeof(all) - 1);
	assert_memory_equal(pairs.data, all, pairs.len);
	/* Whatever is cut off it, nothing of the rest is taken. */
	pairs.len = 0;
	for (i = 1; i < payload.len; i++) {
		assert_int_equal(otel_parse_context(payload.data, i, &pairs), -22);
		assert_int_equal(pairs.len, 0);
	}
	buf_free(&payload);
	buf_free(&pairs);
}

static void process_environment(void **state)
{
	static const char env[] = "A=1\0OTEL_SERVICE_NAME=x\0OTEL_RESOURCE_ATTRIBUTES=a=b\0";
	static const char all[] = "service.name\0x\0a\0b\0";
	struct buf pairs = {0};

	otel_parse_environment(env, sizeof(env) - 1, &pairs);
	assert_int_equal(pairs.len, sizeof(all) - 1);
	assert_memory_equal(pairs.data, all, pairs.len);
	buf_free(&pairs);
}

/* Of the resource or of the record, but whatever the process publishes, once. */
static void identity(void **state)
{
	static const char published[] = "process.pid\0"
					"9\0a\0b";
	struct otlp_config c = {.json = true, .max_attributes = 64, .max_value = UINT32_MAX};
	struct process_info p = {
		.pid = 7, .started_ns = 1, .otel = published, .otel_len = sizeof(published)};
	struct audit_event e = {.type = RECORD_AUDIT, .pid = 7, .ppid = 6, .process = &p};
	struct buf attributes = {0}, out = {0};
	struct otlp_origin origin;
	struct spool_block block;
	struct otlp_batch b;
	char *record, *pid;
	int in_record;

	otlp_origin_init(&origin, &attributes);
	otlp_batch_init(&b, &c);
	for (in_record = 0; in_record < 2; in_record++) {
		origin.identity_in_records = in_record;
		out.len = 0;
		assert_int_equal(otlp_batch_add(&b, &origin, &e), 0);
		assert_int_equal(otlp_batch_seal(&b, &out, &block), 0);
		buf_char(&out, 0);
		record = strstr(out.data, "logRecords");
		pid = strstr(out.data, "\"process.pid\",\"value\":{\"intValue\":\"7\"}");
		assert_true(record && pid);
		assert_int_equal(pid > record, in_record);
		assert_null(strstr(pid + 2, "process.pid"));
		assert_int_equal(strstr(out.data, "process.creation.time") > record, in_record);
		assert_int_equal(strstr(out.data, "process.parent_pid") > record, in_record);
	}
	otlp_batch_free(&b);
	buf_free(&out);
}

/* Beside the resource: what is said of thread contexts. */
static void extra(void **state)
{
	static const char both[] = "\x0a\x08\x0a\x06\x0a\x01s\x12\x01\x0a"
				   "\x12\x08\x0a\x01k\x12\x03\x0a\x01v";
	struct buf pairs = {0};

	assert_int_equal(otel_parse_extra(both, sizeof(both) - 1, &pairs), 0);
	assert_int_equal(pairs.len, 4);
	assert_memory_equal(pairs.data, "k\0v", 4);
	assert_int_equal(otel_parse_extra(both, sizeof(both) - 2, &pairs), -EINVAL);
	assert_int_equal(pairs.len, 4);
	buf_free(&pairs);
}

/* A batch of these events, with so many attributes each. */
static void seal(bool json, uint32_t attributes_max, const struct audit_event *events, size_t n,
		 struct buf *out, struct spool_block *block)
{
	struct otlp_config c = {
		.json = json, .max_attributes = attributes_max, .max_value = UINT32_MAX};
	struct buf attributes = {0};
	struct otlp_origin origin;
	struct otlp_batch b;
	size_t i;

	otlp_origin_init(&origin, &attributes);
	otlp_batch_init(&b, &c);
	for (i = 0; i < n; i++)
		assert_int_equal(otlp_batch_add(&b, &origin, &events[i]), 0);
	assert_int_equal(otlp_batch_seal(&b, out, block), 0);
	assert_int_equal(b.block.records, 0);
	otlp_batch_free(&b);
	buf_free(&attributes);
}

/* One event of a span. */
static void make_traced(bool json, struct buf *out)
{
	static const struct wire_trace trace = {{1, [15] = 0xfe}, {2, [7] = 0xfd}, 3, {0}};
	struct audit_event e = {.type = RECORD_AUDIT, .pid = 7, .trace = &trace};
	struct spool_block block;

	seal(json, 4, &e, 1, out, &block);
}

static void traced(void **state)
{
	static const char fields[] = "\x45\x03\0\0\0"
				     "\x4a\x10\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xfe"
				     "\x52\x08\x02\0\0\0\0\0\0\xfd";
	struct buf out = {0};

	make_traced(false, &out);
	assert_non_null(memmem(out.data, out.len, fields, sizeof(fields) - 1));
	out.len = 0;
	make_traced(true, &out);
	buf_char(&out, 0);
	assert_non_null(strstr(out.data, "\"traceId\":\"010000000000000000000000000000fe\","
					 "\"spanId\":\"02000000000000fd\",\"flags\":3,"));
	buf_free(&out);
}

/* A batch of two processes in the given encoding. */
static void make_batch(bool json, struct buf *out, struct spool_block *block)
{
	struct process_info p = {.pid = 7, .exe = "/bin/py\xff"};
	struct audit_event events[4];
	int i;

	for (i = 0; i < 4; i++)
		events[i] = (struct audit_event){.type = i == 3 ? RECORD_LOST : RECORD_AUDIT,
						 .pid = i == 2 ? 8 : 7,
						 .process = i == 2 ? NULL : &p,
						 .name_text = "my.x",
						 .lost.count = 3};
	seal(json, 4, events, 4, out, block);
}

/* A call behind Python's back, and one that an event led to. */
static void syscalls(void **state)
{
	const char path[] = "/etc/shadow";
	struct call_info call = {
		.row = syscall_find(257), .ret = -13, .texts = {{path, sizeof(path) - 1, 0}}};
	struct audit_event hidden = {.type = RECORD_SYSCALL,
				     .pid = 7,
				     .calls = &call,
				     .n_calls = 1,
				     .after = {4, "ctypes.dlsym"}};
	struct audit_event events[] = {hidden, hidden};
	struct spool_block block;
	struct buf out = {0};

	events[1].type = RECORD_AUDIT;
	strcpy(events[1].name_text, "open");
	seal(true, 64, events, 2, &out, &block);
	assert_true(block.count == 1 && block.records == 2);
	buf_char(&out, 0);
	assert_non_null(strstr(out.data, "pyaudit.syscall.name"));
	assert_non_null(strstr(out.data, "/etc/shadow"));
	assert_non_null(strstr(out.data, "EACCES"));
	assert_non_null(strstr(out.data, "pyaudit.syscall.announced"));
	assert_non_null(strstr(out.data, "ctypes.dlsym"));
	assert_non_null(strstr(out.data, "pyaudit.syscalls"));
	buf_free(&out);
}

static void batch_protobuf(void **state)
{
	struct buf out = {0};
	struct spool_block block;
	struct pb_reader r;
	struct pb_field f;
	int groups = 0;

	make_batch(false, &out, &block);
	assert_true(block.count == 3 && block.records == 4 && block.len == out.len);
	r = pb_read(out.data, out.len);
	while (pb_next(&r, &f) > 0)
		groups += f.number == 1;
	assert_int_equal(groups, 2);
	assert_non_null(memmem(out.data, out.len, "/bin/py\\udcff", 13));
	buf_free(&out);
}

static void batch_json(void **state)
{
	struct buf out = {0};
	struct spool_block block;
	json_t *root, *record;

	buf_char(&out, '[');
	make_batch(true, &out, &block);
	buf_char(&out, ']');
	root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_array_size(root), 2);
	record = json_array_get(
		json_object_get(
			json_array_get(json_object_get(json_array_get(root, 0), "scopeLogs"), 0),
			"logRecords"),
		0);
	assert_string_equal(json_string_value(json_object_get(record, "eventName")),
			    "pyaudit.custom");
	assert_int_equal(json_array_size(json_object_get(record, "attributes")), 4);
	assert_true(json_integer_value(json_object_get(record, "droppedAttributesCount")) > 0);
	json_decref(root);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protobuf),
		cmocka_unit_test(protobuf_broken),
		cmocka_unit_test(baggage),
		cmocka_unit_test(answers),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(environment),
		cmocka_unit_test(context),
		cmocka_unit_test(process_environment),
		cmocka_unit_test(syscalls),
		cmocka_unit_test(batch_protobuf),
		cmocka_unit_test(batch_json),
		cmocka_unit_test(traced),
		cmocka_unit_test(extra),
		cmocka_unit_test(identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
