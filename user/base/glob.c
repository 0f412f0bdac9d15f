// SPDX-License-Identifier: GPL-2.0-only
#include "base/glob.h"

#include <string.h>

/* Behind the class that begins at glob, or NULL if it is not closed; *in: is c in it? */
static const char *take_class(const char *glob, unsigned char c, bool *in)
{
	const char *p = glob + 1;
	bool not = *p == '!' || *p == '^';
	unsigned char first, last;

	p += not ;
	*in = false;
	/* A ] that comes first is one of the characters. */
	do {
		if (!*p)
			return NULL;
		first = last = *p++;
		if (*p == '-' && p[1] && p[1] != ']') {
			last = p[1];
			p += 2;
		}
		*in |= c >= first && c <= last;
	} while (*p != ']');
	*in ^= not ;
	return p + 1;
}

/* Behind the part of glob that c matches, or NULL. */
static const char *match_one(const char *glob, char c)
{
	const char *end;
	bool in;

	if (*glob == '[') {
		end = take_class(glob, c, &in);
		if (end)
			return in ? end : NULL;
	}
	return *glob && (*glob == '?' || *glob == c) ? glob + 1 : NULL;
}

bool glob_match_bytes(const char *glob, const char *text, size_t len)
{
	const char *star = NULL, *mark = NULL, *end, *next;

	text = len ? text : "";
	end = text + len;
	for (;;) {
		if (*glob == '*') {
			star = ++glob;
			mark = text;
			continue;
		}
		if (text == end && !*glob)
			return true;
		next = text < end ? match_one(glob, *text) : NULL;
		if (next) {
			glob = next;
			text++;
		} else if (star && mark < end) {
			glob = star;
			text = ++mark;
		} else {
			return false;
		}
	}
}
