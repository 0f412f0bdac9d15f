// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as what a receiver answers, and as what a process publishes or has in its environment:
 * the first byte says which. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/baggage.h"
#include "enrich/otel.h"
#include "sink/otlp_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Pairs are what their readers take them for. */
static void walk(const struct buf *pairs)
{
	const char *p = pairs->data, *end;

	if (!pairs->len)
		return;
	end = p + pairs->len;
	assert(!end[-1]);
	while (p < end) {
		assert(*p);
		p += strlen(p) + 1;
		assert(p < end);
		p += strlen(p) + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_answer http = {.body = (const char *)data + 1, .len = size - 1, .error = ""};
	struct otlp_answer answer;
	struct buf pairs = {0};
	char *text;

	if (!size)
		return 0;
	text = calloc(1, size);
	memcpy(text, data + 1, size - 1);
	http.status = data[0] & 1 ? 200 : 400;
	http.json = data[0] & 2;
	otlp_answer_read(&http, &answer);
	if (data[0] & 4)
		(data[0] & 16 ? otel_parse_extra : otel_parse_context)(data + 1, size - 1, &pairs);
	else if (data[0] & 8)
		otel_parse_environment(text, size, &pairs);
	else
		baggage_parse(text, &pairs);
	walk(&pairs);
	buf_free(&pairs);
	free(text);
	return 0;
}
