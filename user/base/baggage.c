// SPDX-License-Identifier: GPL-2.0-only
#include "base/baggage.h"

#include <errno.h>
#include <string.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

static const char *cut_blanks(const char *p, const char *end)
{
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return end;
}

/* A NUL has no place in either. */
static int put_decoded(struct buf *out, const char *p, const char *end)
{
	p = skip_blanks(p, end);
	end = cut_blanks(p, end);
	for (; p < end; p++) {
		int high = *p == '%' && end - p > 2 ? hex(p[1]) : -1;
		int low = high >= 0 ? hex(p[2]) : -1;

		if (*p == '%' && (low < 0 || !(high | low)))
			return -EINVAL;
		buf_char(out, low < 0 ? *p : (char)(high << 4 | low));
		p += low < 0 ? 0 : 2;
	}
	buf_char(out, '\0');
	return 0;
}

static int put_pair(struct buf *pairs, const char *p, const char *end)
{
	const char *equals = memchr(p, '=', end - p);
	size_t before = pairs->len;

	if (!equals || put_decoded(pairs, p, equals) || pairs->len == before + 1)
		return -EINVAL;
	return put_decoded(pairs, equals + 1, end);
}

int baggage_parse(const char *text, struct buf *pairs)
{
	size_t before = pairs->len;
	const char *end;

	for (;; text = end + 1) {
		end = strchrnul(text, ',');
		/* Nothing between two commas is no harm. */
		if (skip_blanks(text, end) < end && put_pair(pairs, text, end)) {
			buf_truncate(pairs, before);
			return -EINVAL;
		}
		if (!*end)
			return 0;
	}
}

bool baggage_next(const char *pairs, size_t len, size_t *at, const char **key, const char **value)
{
	if (*at >= len)
		return false;
	*key = pairs + *at;
	*value = *key + strlen(*key) + 1;
	*at = *value + strlen(*value) + 1 - pairs;
	return true;
}
