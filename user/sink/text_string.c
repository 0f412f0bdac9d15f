// SPDX-License-Identifier: GPL-2.0-only
/* Strings as the text format shows them: nothing a terminal would obey. */
#include <string.h>

#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/text.h"

/* Longest form of one code unit of 1 byte (\udcff), 2 bytes (\u2028) and 4 bytes (\U000e0001): at
 * most this many for each byte of the text. */
#define MAX_ESCAPE   10
#define MAX_PER_BYTE 6

static const char hex[] = "0123456789abcdef";

/* ASCII that stands for itself. */
static const bool plain[256] = {
	[' ' ... '!'] = true,
	['#' ... '['] = true,
	[']' ... '~'] = true,
};

/* What is not shown as it is beyond ASCII: C1 controls, which terminals obey, format characters,
 * which reorder or hide what stands around them, separators of lines, surrogates and
 * non-characters. */
static const struct {
	uint32_t first, last;
} unsafe[] = {
	{0x80, 0x9f},	  {0xad, 0xad},	    {0x61c, 0x61c},   {0x180e, 0x180e},
	{0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xd800, 0xdfff},
	{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff},
};

static bool is_unsafe(uint32_t cp)
{
	size_t i;

	if (cp > 0x206f && cp < 0xd800) /* most of the world's text */
		return false;
	for (i = 0; i < ARRAY_SIZE(unsafe) && unsafe[i].first <= cp; i++)
		if (cp <= unsafe[i].last)
			return true;
	return false;
}

static char *put_hex(char *w, char letter, uint32_t value, int digits)
{
	*w++ = '\\';
	*w++ = letter;
	while (digits--)
		*w++ = hex[value >> digits * 4 & 15];
	return w;
}

static char *put_code_point(char *w, uint32_t cp, bool quoted)
{
	static const char names[] = "\n\t\r\\\"", letters[] = "ntr\\\"";
	const char *found;

	if (cp >= 0xa0 && !is_unsafe(cp))
		return utf8_encode(w, cp);
	if (cp > 0xffff)
		return put_hex(w, 'U', cp, 8);
	if (cp > 0xff)
		return put_hex(w, 'u', cp, 4);
	if (plain[cp] || (cp == '"' && !quoted)) {
		*w++ = cp;
		return w;
	}
	found = cp ? memchr(names, cp, sizeof(names) - 1) : NULL;
	if (!found)
		return put_hex(w, 'x', cp, 2);
	*w++ = '\\';
	*w++ = letters[found - names];
	return w;
}

static void write_escaped(struct buf *out, const struct text *text, bool quoted)
{
	struct text_iter it;
	uint32_t cp;
	char *w;

	if (!buf_reserve(out, (size_t)text->len * MAX_PER_BYTE + 2))
		return;
	w = out->data + out->len;
	if (quoted)
		*w++ = '"';
	text_iter_init(&it, text);
	for (;;) {
		if (it.width <= 1)
			while (it.p < it.end && plain[*it.p])
				*w++ = *it.p++;
		if (!text_next(&it, &cp))
			break;
		w = put_code_point(w, cp, quoted);
	}
	if (quoted)
		*w++ = '"';
	out->len = w - out->data;
}

void text_bare(struct buf *out, const char *s)
{
	struct text text = text_of_cstr(s);

	write_escaped(out, &text, false);
}

void text_plain(struct buf *out, const struct text *text)
{
	write_escaped(out, text, false);
}

void text_quoted(struct buf *out, const struct text *text)
{
	write_escaped(out, text, true);
}

void text_code_point(void *out, uint32_t cp)
{
	char text[MAX_ESCAPE];

	buf_add(out, text, put_code_point(text, cp, true) - text);
}

void text_bytes(struct buf *out, const struct text *bytes)
{
	const unsigned char *p = bytes->data, *end = p + bytes->len;
	char *w;

	if (!buf_reserve(out, (size_t)bytes->len * 4 + 3))
		return;
	w = out->data + out->len;
	*w++ = 'b';
	*w++ = '"';
	for (; p < end; p++)
		w = *p < 0x80 ? put_code_point(w, *p, true) : put_hex(w, 'x', *p, 2);
	*w++ = '"';
	out->len = w - out->data;
}
