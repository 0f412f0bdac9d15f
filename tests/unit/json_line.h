/* SPDX-License-Identifier: GPL-2.0-only */
/* What a JSON format writes of a record: one line, of one object whose keys are there once. */
#ifndef PYAUDIT_JSON_LINE_H
#define PYAUDIT_JSON_LINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "sink/sink.h"

/* The record as number 42; out holds the line afterwards. To be freed by json_decref. */
static inline json_t *json_line(struct buf *out, const struct format_ops *format,
				const struct audit_event *record)
{
	json_error_t error;
	json_t *json;

	out->len = 0;
	format->write(out, record, 42, false);
	buf_char(out, '\0');
	assert_false(out->failed);
	json = json_loads(out->data, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!json)
		fail_msg("%s: %s: %s", format->name, error.text, out->data);
	assert_ptr_equal(strchr(out->data, '\n'), out->data + strlen(out->data) - 1);
	return json;
}

#endif
