// SPDX-License-Identifier: GPL-2.0-only
/* Values of arguments as JSON has them. */
#include <math.h>

#include "decode/bigint.h"
#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/json.h"

static void write_none(struct json *j, const struct value *v)
{
	buf_lit(j->out, "null");
}

static void write_bool(struct json *j, const struct value *v)
{
	buf_str(j->out, v->num ? "true" : "false");
}

static void write_int(struct json *j, const struct value *v)
{
	buf_i64(j->out, v->num);
}

static void write_uint(struct json *j, const struct value *v)
{
	buf_u64(j->out, v->num);
}

/* The low digits of a number are no beginning of it as the first bytes of a text are: a cut int is
 * null. */
static void write_bigint(struct json *j, const struct value *v)
{
	if (v->status == WIRE_TRUNCATED ||
	    bigint_decimal(j->out, v->text.data, v->text.len / 4, v->aux))
		buf_lit(j->out, "null");
}

static void write_float(struct json *j, const struct value *v)
{
	double value = format_double(v->num);

	if (isnan(value))
		buf_lit(j->out, "\"nan\"");
	else if (isinf(value))
		buf_str(j->out, value > 0 ? "\"inf\"" : "\"-inf\"");
	else
		format_float(j->out, value);
}

static void write_str(struct json *j, const struct value *v)
{
	struct text text = format_payload(v);

	json_text(j->out, &text);
}

/* Bytes are exact: a cut inside a UTF-8 sequence makes them base64, where text would drop its tail.
 */
static void write_bytes(struct json *j, const struct value *v)
{
	struct text text = text_of_bytes(v->text.data, v->text.len);

	if (utf8_valid(text.data, text.len)) {
		buf_lit(j->out, "{\"bytes\":");
		json_text(j->out, &text);
		buf_char(j->out, '}');
		return;
	}
	buf_lit(j->out, "{\"base64\":\"");
	json_base64(j->out, text.data, text.len);
	buf_lit(j->out, "\"}");
}

static void write_array(struct json *j, const struct value *v)
{
	const struct value *child = v + 1;
	uint32_t i;

	buf_char(j->out, '[');
	for (i = 0; i < v->children; i++, child = value_next(child)) {
		if (i)
			buf_char(j->out, ',');
		json_value(j, child);
	}
	buf_char(j->out, ']');
}

/* Two subclasses of str may be equal text and yet different keys; that much is left to the reader.
 */
bool json_dict_is_object(const struct value *v)
{
	const struct value *key = v + 1;
	uint32_t i;

	for (i = 0; i + 1 < v->children; i += 2, key = value_next(value_next(key)))
		if (key->kind != WIRE_STR || key->status != WIRE_OK)
			return false;
	return true;
}

static void write_dict(struct json *j, const struct value *v)
{
	bool object = json_dict_is_object(v);
	const struct value *key = v + 1, *value;
	uint32_t i;

	buf_str(j->out, object ? "{" : "{\"items\":[");
	for (i = 0; i + 1 < v->children; i += 2, key = value_next(value)) {
		value = value_next(key);
		if (i)
			buf_char(j->out, ',');
		if (!object)
			buf_char(j->out, '[');
		json_value(j, key);
		buf_char(j->out, object ? ':' : ',');
		json_value(j, value);
		if (!object)
			buf_char(j->out, ']');
	}
	buf_str(j->out, object ? "}" : "]}");
}

static void write_object(struct json *j, const struct value *v)
{
	const struct value *child = v + 1;
	struct text name = format_payload(v);
	uint32_t i;

	buf_lit(j->out, "{\"object\":");
	json_text(j->out, &name);
	for (i = 0; i < v->children; i++, child = value_next(child)) {
		buf_lit(j->out, ",\"");
		buf_str(j->out, format_property(v->aux, i));
		buf_lit(j->out, "\":");
		json_value(j, child);
	}
	buf_char(j->out, '}');
}

/* A path looks like its text. */
static void write_stand_in(struct json *j, const struct value *v)
{
	const struct value *inner = format_inner(v);

	if (inner) {
		json_value(j, inner);
	} else if (format_can_join(v)) {
		j->truncated |= format_join_is_cut(v);
		buf_char(j->out, '"');
		format_join(v, json_code_point, j->out);
		buf_char(j->out, '"');
	} else {
		write_object(j, v);
	}
}

void json_value(struct json *j, const struct value *v)
{
	static void (*const writers[])(struct json *, const struct value *) = {
		[WIRE_NONE] = write_none,	[WIRE_BOOL] = write_bool,
		[WIRE_INT] = write_int,		[WIRE_UINT] = write_uint,
		[WIRE_BIGINT] = write_bigint,	[WIRE_FLOAT] = write_float,
		[WIRE_STR] = write_str,		[WIRE_BYTES] = write_bytes,
		[WIRE_BYTEARRAY] = write_bytes, [WIRE_TUPLE] = write_array,
		[WIRE_LIST] = write_array,	[WIRE_DICT] = write_dict,
		[WIRE_OBJECT] = write_stand_in,
	};

	if (!format_readable(v) || v->kind >= ARRAY_SIZE(writers) || !writers[v->kind]) {
		j->unreadable |= v->status != WIRE_NULL;
		write_none(j, v);
		return;
	}
	j->truncated |= v->status == WIRE_TRUNCATED;
	writers[v->kind](j, v);
}
