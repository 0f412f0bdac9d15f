// SPDX-License-Identifier: GPL-2.0-only
#include "decode/text_iter.h"

#define REPLACEMENT 0xfffd

void text_iter_init(struct text_iter *it, const struct text *text)
{
	uint32_t len = text->len;

	if (text->width > 1)
		len -= len % text->width;
	it->p = text->data;
	it->end = len ? it->p + len : it->p;
	it->width = text->width;
}

static uint32_t next_utf8(struct text_iter *it)
{
	uint32_t cp;
	int n = utf8_decode(it->p, it->end - it->p, &cp);

	if (n <= 0) {
		cp = 0xdc00 + *it->p;
		n = 1;
	}
	it->p += n;
	return cp;
}

bool text_next(struct text_iter *it, uint32_t *cp)
{
	uint16_t half;

	if (it->p >= it->end)
		return false;
	switch (it->width) {
	case 1: *cp = *it->p++; break;
	case 2:
		memcpy(&half, it->p, sizeof(half));
		*cp = half;
		it->p += sizeof(half);
		break;
	case 4:
		memcpy(cp, it->p, sizeof(*cp));
		if (*cp > 0x10ffff)
			*cp = REPLACEMENT;
		it->p += sizeof(*cp);
		break;
	default: *cp = next_utf8(it);
	}
	return true;
}

struct text text_of_bytes(const void *data, size_t len)
{
	return (struct text){.data = data, .len = len < UINT32_MAX ? len : UINT32_MAX};
}

struct text text_of_cstr(const char *s)
{
	return text_of_bytes(s, strlen(s));
}

int utf8_decode(const unsigned char *p, size_t n, uint32_t *cp)
{
	uint32_t c = p[0];
	unsigned char low = 0x80, high = 0xbf;
	int len, i;

	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	if (c < 0xc2 || c > 0xf4)
		return 0;
	len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	/* Unicode 15, table 3-7: the second byte rules out overlong forms and surrogates. */
	if (c == 0xe0 || c == 0xf0)
		low = c == 0xe0 ? 0xa0 : 0x90;
	else if (c == 0xed || c == 0xf4)
		high = c == 0xed ? 0x9f : 0x8f;
	c &= 0x7f >> len;
	for (i = 1; i < len; i++) {
		if ((size_t)i >= n)
			return -1;
		if (p[i] < low || p[i] > high)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	*cp = c;
	return len;
}

char *utf8_encode(char *w, uint32_t cp)
{
	if (cp < 0x80) {
		*w++ = cp;
		return w;
	}
	if (cp < 0x800) {
		*w++ = 0xc0 | cp >> 6;
	} else {
		if (cp < 0x10000) {
			*w++ = 0xe0 | cp >> 12;
		} else {
			*w++ = 0xf0 | cp >> 18;
			*w++ = 0x80 | (cp >> 12 & 0x3f);
		}
		*w++ = 0x80 | (cp >> 6 & 0x3f);
	}
	*w++ = 0x80 | (cp & 0x3f);
	return w;
}

bool utf8_valid(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t cp;
	size_t i = 0;
	int n;

	while (i < len) {
		if (p[i] < 0x80) {
			i++;
			continue;
		}
		n = utf8_decode(p + i, len - i, &cp);
		if (n <= 0)
			return false;
		i += n;
	}
	return true;
}

uint32_t text_cut_tail(const struct text *text)
{
	const unsigned char *p = text->data;
	uint32_t cp, k;

	if (text->width)
		return 0;
	for (k = 1; k <= 3 && k <= text->len; k++)
		if (utf8_decode(p + text->len - k, k, &cp) < 0)
			return k;
	return 0;
}

void text_to_utf8(const struct text *text, char *out, size_t size)
{
	struct text_iter it;
	char one[4];
	uint32_t cp;
	size_t len = 0, n;

	text_iter_init(&it, text);
	while (text_next(&it, &cp)) {
		if (!cp || (cp >= 0xd800 && cp <= 0xdfff))
			cp = REPLACEMENT;
		n = utf8_encode(one, cp) - one;
		if (n >= size - len)
			break;
		memcpy(out + len, one, n);
		len += n;
	}
	out[len] = '\0';
}
