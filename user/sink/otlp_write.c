// SPDX-License-Identifier: GPL-2.0-only
#include "sink/otlp_write.h"

#include <math.h>
#include <string.h>

#include "base/pb.h"
#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/json.h"

/* ResourceLogs of ExportLogsServiceRequest; ScopeLogs and Resource of it; of those: */
#define REQUEST_RESOURCE_LOGS 1
#define GROUP_RESOURCE	      1
#define GROUP_SCOPE_LOGS      2
#define SCOPE_LOGS_SCOPE      1
#define SCOPE_LOGS_RECORDS    2
#define RECORD_TIME	      1
#define RECORD_SEVERITY	      2
#define RECORD_BODY	      5
#define RECORD_DROPPED	      7
#define RECORD_FLAGS	      8
#define RECORD_TRACE_ID	      9
#define RECORD_SPAN_ID	      10
#define RECORD_OBSERVED	      11
#define RECORD_EVENT_NAME     12
#define KEY_VALUE_KEY	      1
#define KEY_VALUE_VALUE	      2
#define VALUE_STRING	      1
#define VALUE_BOOL	      2
#define VALUE_INT	      3
#define VALUE_DOUBLE	      4

#define SCOPE_NAME "pyaudit-trace"

void otlp_writer_free(struct otlp_writer *w)
{
	buf_free(&w->text);
}

/* Appends text as UTF-8, at most max characters. */
static void put_utf8(struct buf *out, const struct text *text, uint32_t max)
{
	struct text_iter it;
	uint32_t cp;

	text_iter_init(&it, text);
	for (; max && text_next(&it, &cp); max--) {
		if (!buf_reserve(out, 8))
			return;
		if (cp >= 0xd800 && cp <= 0xdfff)
			buf_printf(out, "\\u%04x", cp);
		else
			out->len = utf8_encode(out->data + out->len, cp) - out->data;
	}
}

/* The text that stands for a value, in w->text. */
static struct text clean(struct otlp_writer *w, const struct text *text)
{
	w->text.len = 0;
	put_utf8(&w->text, text, w->max_value);
	return text_of_bytes(w->text.data ?: "", w->text.len);
}

static void put_string_value(struct otlp_writer *w, const struct text *text)
{
	struct text utf8 = clean(w, text);

	if (!w->json) {
		pb_bytes(w->out, VALUE_STRING, utf8.data, utf8.len);
		return;
	}
	buf_lit(w->out, "{\"stringValue\":");
	json_text(w->out, &utf8);
	buf_char(w->out, '}');
}

void otlp_attributes_begin(struct otlp_writer *w, uint32_t field)
{
	w->field = field;
	w->n = w->dropped = 0;
	if (w->json)
		buf_lit(w->out, "\"attributes\":[");
}

void otlp_attributes_end(struct otlp_writer *w)
{
	if (w->json)
		buf_char(w->out, ']');
}

struct attribute {
	size_t at, value;
};

/* False when there may be no more. */
static bool begin_attribute(struct otlp_writer *w, const char *key, struct attribute *a)
{
	if (w->field == OTLP_RECORD_ATTRIBUTES && w->n >= w->max_attributes) {
		w->dropped++;
		return false;
	}
	if (!w->json) {
		a->at = pb_begin(w->out, w->field);
		pb_bytes(w->out, KEY_VALUE_KEY, key, strlen(key));
		a->value = pb_begin(w->out, KEY_VALUE_VALUE);
	} else {
		buf_str(w->out, w->n ? ",{\"key\":" : "{\"key\":");
		json_cstr(w->out, key);
		buf_lit(w->out, ",\"value\":");
	}
	w->n++;
	return true;
}

static void end_attribute(struct otlp_writer *w, const struct attribute *a)
{
	if (w->json) {
		buf_char(w->out, '}');
		return;
	}
	pb_end(w->out, a->value);
	pb_end(w->out, a->at);
}

void otlp_put_text(struct otlp_writer *w, const char *key, const struct text *value)
{
	struct attribute a;

	if (!begin_attribute(w, key, &a))
		return;
	put_string_value(w, value);
	end_attribute(w, &a);
}

void otlp_put_cstr(struct otlp_writer *w, const char *key, const char *value)
{
	struct text text;

	if (!value)
		return;
	text = text_of_cstr(value);
	otlp_put_text(w, key, &text);
}

void otlp_put_int(struct otlp_writer *w, const char *key, int64_t value)
{
	struct attribute a;

	if (!begin_attribute(w, key, &a))
		return;
	if (w->json)
		buf_printf(w->out, "{\"intValue\":\"%lld\"}", (long long)value);
	else
		pb_uint(w->out, VALUE_INT, (uint64_t)value);
	end_attribute(w, &a);
}

void otlp_put_bool(struct otlp_writer *w, const char *key, bool value)
{
	struct attribute a;

	if (!begin_attribute(w, key, &a))
		return;
	if (w->json)
		buf_str(w->out, value ? "{\"boolValue\":true}" : "{\"boolValue\":false}");
	else
		pb_uint(w->out, VALUE_BOOL, value);
	end_attribute(w, &a);
}

static void put_json_double(struct buf *out, double value)
{
	if (isnan(value))
		buf_lit(out, "\"NaN\"");
	else if (isinf(value))
		buf_str(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	else
		format_float(out, value);
}

void otlp_put_double(struct otlp_writer *w, const char *key, double value)
{
	struct attribute a;

	if (!begin_attribute(w, key, &a))
		return;
	if (w->json) {
		buf_lit(w->out, "{\"doubleValue\":");
		put_json_double(w->out, value);
		buf_char(w->out, '}');
	} else {
		pb_double(w->out, VALUE_DOUBLE, value);
	}
	end_attribute(w, &a);
}

/* The JSON encoding has ids as hexadecimal digits, not in base64 (OTLP specification, "JSON
 * Protobuf Encoding"). */
static void put_json_trace(struct buf *out, const struct wire_trace *trace)
{
	buf_lit(out, "\"traceId\":\"");
	format_hex(out, trace->trace_id, sizeof(trace->trace_id));
	buf_lit(out, "\",\"spanId\":\"");
	format_hex(out, trace->span_id, sizeof(trace->span_id));
	buf_printf(out, "\",\"flags\":%u,", trace->flags);
}

static void put_trace(struct buf *out, const struct wire_trace *trace)
{
	pb_fixed32(out, RECORD_FLAGS, trace->flags);
	pb_bytes(out, RECORD_TRACE_ID, trace->trace_id, sizeof(trace->trace_id));
	pb_bytes(out, RECORD_SPAN_ID, trace->span_id, sizeof(trace->span_id));
}

static void put_json_head(struct otlp_writer *w, const struct otlp_record *record)
{
	/* otlp_group puts the records of a resource behind each other. */
	if (w->out->len)
		buf_char(w->out, ',');
	buf_printf(w->out,
		   "{\"timeUnixNano\":\"%lld\",\"observedTimeUnixNano\":\"%lld\","
		   "\"severityNumber\":%d,",
		   (long long)record->time, (long long)record->observed, record->severity);
	if (record->trace)
		put_json_trace(w->out, record->trace);
	if (!record->body)
		return;
	buf_lit(w->out, "\"body\":");
	put_string_value(w, record->body);
	buf_char(w->out, ',');
}

size_t otlp_record_begin(struct otlp_writer *w, const struct otlp_record *record)
{
	size_t at, body;

	if (w->json) {
		put_json_head(w, record);
		return 0;
	}
	at = pb_begin(w->out, SCOPE_LOGS_RECORDS);
	pb_fixed64(w->out, RECORD_TIME, record->time);
	pb_uint(w->out, RECORD_SEVERITY, record->severity);
	if (record->body) {
		body = pb_begin(w->out, RECORD_BODY);
		put_string_value(w, record->body);
		pb_end(w->out, body);
	}
	if (record->trace)
		put_trace(w->out, record->trace);
	return at;
}

void otlp_record_end(struct otlp_writer *w, const struct otlp_record *record, size_t at)
{
	if (!w->json) {
		if (w->dropped)
			pb_uint(w->out, RECORD_DROPPED, w->dropped);
		pb_fixed64(w->out, RECORD_OBSERVED, record->observed);
		pb_bytes(w->out, RECORD_EVENT_NAME, record->name, strlen(record->name));
		pb_end(w->out, at);
		return;
	}
	if (w->dropped)
		buf_printf(w->out, ",\"droppedAttributesCount\":%u", w->dropped);
	buf_lit(w->out, ",\"eventName\":");
	json_cstr(w->out, record->name);
	buf_char(w->out, '}');
}

static void json_group(struct buf *out, const struct buf *resource, const struct buf *records)
{
	buf_lit(out, "{\"resource\":{");
	buf_add(out, resource->data, resource->len);
	buf_lit(out, "},\"scopeLogs\":[{\"scope\":{\"name\":\"" SCOPE_NAME
		     "\",\"version\":\"" PYAUDIT_VERSION "\"},\"logRecords\":[");
	buf_add(out, records->data, records->len);
	buf_lit(out, "]}]}");
}

void otlp_group(struct buf *out, bool json, const struct buf *resource, const struct buf *records)
{
	size_t group, part, scope;

	if (json) {
		json_group(out, resource, records);
		return;
	}
	group = pb_begin(out, REQUEST_RESOURCE_LOGS);
	pb_bytes(out, GROUP_RESOURCE, resource->data, resource->len);
	part = pb_begin(out, GROUP_SCOPE_LOGS);
	scope = pb_begin(out, SCOPE_LOGS_SCOPE);
	pb_bytes(out, 1, SCOPE_NAME, strlen(SCOPE_NAME));
	pb_bytes(out, 2, PYAUDIT_VERSION, strlen(PYAUDIT_VERSION));
	pb_end(out, scope);
	buf_add(out, records->data, records->len);
	pb_end(out, part);
	pb_end(out, group);
}
