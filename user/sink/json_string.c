// SPDX-License-Identifier: GPL-2.0-only
/* Strings as JSON has them. */
#include <string.h>

#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/json.h"

/* Longest form of one byte or code unit: \u001f. */
#define MAX_ESCAPE 6

static const char hex[] = "0123456789abcdef";

/* ASCII that stands for itself in a JSON string. */
static const bool plain[256] = {
	[' ' ... '!'] = true,
	['#' ... '['] = true,
	[']' ... 0x7f] = true,
};

static char *put_u_escape(char *w, uint32_t unit)
{
	int shift;

	*w++ = '\\';
	*w++ = 'u';
	for (shift = 12; shift >= 0; shift -= 4)
		*w++ = hex[unit >> shift & 15];
	return w;
}

static char *put_code_point(char *w, uint32_t cp)
{
	static const char names[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
	const char *found;

	if (cp >= 0x80)
		return cp >= 0xd800 && cp <= 0xdfff ? put_u_escape(w, cp) : utf8_encode(w, cp);
	if (plain[cp]) {
		*w++ = cp;
		return w;
	}
	found = memchr(names, cp, sizeof(names) - 1);
	if (!found)
		return put_u_escape(w, cp);
	*w++ = '\\';
	*w++ = letters[found - names];
	return w;
}

void json_text(struct buf *out, const struct text *text)
{
	struct text_iter it;
	uint32_t cp;
	char *w;

	if (!buf_reserve(out, (size_t)text->len * MAX_ESCAPE + 2))
		return;
	w = out->data + out->len;
	*w++ = '"';
	text_iter_init(&it, text);
	for (;;) {
		if (it.width <= 1)
			while (it.p < it.end && plain[*it.p])
				*w++ = *it.p++;
		if (!text_next(&it, &cp))
			break;
		w = put_code_point(w, cp);
	}
	*w++ = '"';
	out->len = w - out->data;
}

void json_cstr(struct buf *out, const char *s)
{
	struct text text = text_of_cstr(s);

	json_text(out, &text);
}

void json_code_point(void *out, uint32_t cp)
{
	char text[MAX_ESCAPE];

	buf_add(out, text, put_code_point(text, cp) - text);
}

void json_base64(struct buf *out, const void *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = data;
	uint32_t bits;
	size_t i;
	char *w;

	if (!buf_reserve(out, (len + 2) / 3 * 4))
		return;
	w = out->data + out->len;
	for (i = 0; i < len; i += 3) {
		bits = p[i] << 16;
		bits |= i + 1 < len ? p[i + 1] << 8 : 0;
		bits |= i + 2 < len ? p[i + 2] : 0;
		*w++ = digits[bits >> 18];
		*w++ = digits[bits >> 12 & 63];
		*w++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
		*w++ = i + 2 < len ? digits[bits & 63] : '=';
	}
	out->len = w - out->data;
}
