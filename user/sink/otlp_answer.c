// SPDX-License-Identifier: GPL-2.0-only
#include "sink/otlp_answer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/pb.h"

/* ExportLogsServiceResponse, ExportLogsPartialSuccess, google.rpc.Status */
#define RESPONSE_PARTIAL_SUCCESS 1
#define PARTIAL_REJECTED	 1
#define PARTIAL_MESSAGE		 2
#define STATUS_MESSAGE		 2

static void set_message(struct otlp_answer *a, const void *text, size_t len)
{
	snprintf(a->message, sizeof(a->message), "%.*s", len < 200 ? (int)len : 200,
		 (const char *)text);
}

static void read_partial(struct otlp_answer *a, const struct pb_field *partial)
{
	struct pb_reader r = pb_read(partial->data, partial->len);
	struct pb_field f;

	while (pb_next(&r, &f) > 0) {
		if (f.number == PARTIAL_REJECTED && f.type == PB_VARINT)
			a->rejected = (int64_t)f.value > 0 ? f.value : 0;
		if (f.number == PARTIAL_MESSAGE && f.type == PB_BYTES)
			set_message(a, f.data, f.len);
	}
}

static void read_protobuf(struct otlp_answer *a, const struct http_answer *http)
{
	struct pb_reader r = pb_read(http->body, http->len);
	struct pb_field f;

	while (pb_next(&r, &f) > 0) {
		if (f.type != PB_BYTES)
			continue;
		if (a->verdict == OTLP_DELIVERED && f.number == RESPONSE_PARTIAL_SUCCESS)
			read_partial(a, &f);
		if (a->verdict != OTLP_DELIVERED && f.number == STATUS_MESSAGE)
			set_message(a, f.data, f.len);
	}
}

/* 64-bit numbers are strings in protobuf's JSON, and numbers in that of some. */
static uint64_t json_count(const json_t *value)
{
	long long n = json_is_integer(value) ? json_integer_value(value) : 0;

	if (json_is_string(value) && sscanf(json_string_value(value), "%lld", &n) != 1)
		n = 0;
	return n > 0 ? n : 0;
}

static void read_json(struct otlp_answer *a, const struct http_answer *http)
{
	json_t *root = json_loadb(http->body, http->len, JSON_REJECT_DUPLICATES, NULL);
	json_t *partial = json_object_get(root, "partialSuccess");
	const char *text = json_string_value(
		json_object_get(a->verdict == OTLP_DELIVERED ? partial : root,
				a->verdict == OTLP_DELIVERED ? "errorMessage" : "message"));

	if (a->verdict == OTLP_DELIVERED)
		a->rejected = json_count(json_object_get(partial, "rejectedLogRecords"));
	if (text)
		set_message(a, text, strlen(text));
	json_decref(root);
}

static enum otlp_verdict judge(int status)
{
	if (status >= 200 && status < 300)
		return OTLP_DELIVERED;
	if (!status || status == 429 || status == 502 || status == 503 || status == 504)
		return OTLP_RETRY;
	return OTLP_REFUSED;
}

void otlp_answer_read(const struct http_answer *http, struct otlp_answer *answer)
{
	*answer = (struct otlp_answer){.verdict = judge(http->status)};
	if (!http->status)
		set_message(answer, http->error, strlen(http->error));
	else if (http->len && http->json)
		read_json(answer, http);
	else if (http->len)
		read_protobuf(answer, http);
}
