// SPDX-License-Identifier: GPL-2.0-only
/*
 * Credentials in URLs, wherever in a text they stand: what RFC 3986 calls userinfo, and parameters
 * with the names of secrets.
 *
 *   postgresql://app:secret@db/x     all before the @: a name alone may be the secret (a token of
 *   https://token@host/x             GitHub's), and of http it is one
 *   ssh://git@host/x                 a name alone stays elsewhere
 *   https://host/x?token=abc#sig=x   values
 *
 * The time is linear: what a search has run over is remembered.
 */
#include "redact/redact_text.h"

struct url_scan {
	const struct view *v;
	struct spans *spans;
	uint32_t no_at_before;	/* there is no @ between what was looked at and here */
	uint32_t params_before; /* parameters up to here were looked at */
};

static bool is_scheme_unit(uint32_t u)
{
	return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') ||
	       unit_is_in(u, "+.-");
}

static bool ends_url(uint32_t u)
{
	return unit_is_space(u) || unit_is_in(u, "\"'<>`\\");
}

/* Where the scheme in front of the colon begins. */
static uint32_t scheme_start(const struct view *v, uint32_t colon)
{
	while (colon && is_scheme_unit(view_at(v, colon - 1)))
		colon--;
	return colon;
}

static bool is_http(const struct view *v, uint32_t from, uint32_t colon)
{
	return (colon - from >= 4 && view_starts(v, colon - 4, colon, "http")) ||
	       (colon - from >= 5 && view_starts(v, colon - 5, colon, "https"));
}

static uint32_t authority_end(const struct view *v, uint32_t from)
{
	for (; from < v->n; from++)
		if (ends_url(view_at(v, from)) || unit_is_in(view_at(v, from), "/?#"))
			break;
	return from;
}

static uint32_t url_end(const struct view *v, uint32_t from)
{
	while (from < v->n && !ends_url(view_at(v, from)))
		from++;
	return from;
}

/* The last @ in [from, to), else to. */
static uint32_t last_at(const struct view *v, uint32_t from, uint32_t to)
{
	uint32_t i;

	for (i = to; i > from; i--)
		if (view_at(v, i - 1) == '@')
			return i - 1;
	return to;
}

/* Whether what is behind the last colon cannot be a port: then it is a password with a character
 * that a URL does not have there. */
static bool is_odd_port(const struct view *v, uint32_t from, uint32_t to)
{
	uint32_t i;

	if (from < to && view_at(v, from) == '[')
		return false;
	for (i = to; i > from; i--) {
		uint32_t u = view_at(v, i - 1);

		if (u == ':')
			return false;
		if (u < '0' || u > '9')
			break;
	}
	return view_find(v, from, to, ':') < to;
}

/* Where the userinfo that begins at from ends; from when there is none. */
static uint32_t userinfo_end(struct url_scan *s, uint32_t from, uint32_t end)
{
	const struct view *v = s->v;
	uint32_t at = last_at(v, from, end), stop;

	if (at < end)
		return at;
	/* Cut off, perhaps before the @: what may be a password does not stay. */
	if (end == v->n && v->cut)
		return end;
	if (s->no_at_before > end || !is_odd_port(v, from, end))
		return from;
	stop = url_end(v, end);
	at = last_at(v, end, stop);
	if (at < stop)
		return at;
	s->no_at_before = stop;
	return from;
}

static void scan_authority(struct url_scan *s, uint32_t scheme, uint32_t colon, uint32_t from,
			   uint32_t end)
{
	uint32_t stop = userinfo_end(s, from, end);

	if (stop > from &&
	    (view_find(s->v, from, stop, ':') < stop || is_http(s->v, scheme, colon)))
		spans_add(s->spans, from, stop, TOKEN_URL);
}

void scan_parameters(const struct view *v, uint32_t from, uint32_t to, struct spans *spans)
{
	uint32_t end, equals;

	for (; from < to; from = end + 1) {
		for (end = from; end < to && !unit_is_in(view_at(v, end), "&;?#"); end++)
			;
		equals = view_find(v, from, end, '=');
		if (equals < end && view_is_secret_name(v, from, equals))
			spans_add(spans, equals + 1, end, TOKEN_URL);
	}
}

static void scan_query(struct url_scan *s, uint32_t from)
{
	const struct view *v = s->v;
	uint32_t stop;

	if (from < s->params_before)
		return;
	stop = url_end(v, from);
	s->params_before = stop;
	while (from < stop && !unit_is_in(view_at(v, from), "?#;"))
		from++;
	scan_parameters(v, from, stop, s->spans);
}

/* The next "://" from i on; v->n when there is none. */
static uint32_t next_url(const struct view *v, uint32_t i)
{
	for (;; i++) {
		i = view_find(v, i, v->n, ':');
		if (i + 2 >= v->n)
			return v->n;
		if (view_at(v, i + 1) == '/' && view_at(v, i + 2) == '/')
			return i;
	}
}

void scan_urls(const struct view *v, struct spans *spans)
{
	struct url_scan s = {.v = v, .spans = spans};
	uint32_t colon, start, end;

	for (colon = next_url(v, 0); colon < v->n; colon = next_url(v, colon + 3)) {
		start = scheme_start(v, colon);
		if (start == colon)
			continue;
		end = authority_end(v, colon + 3);
		scan_authority(&s, start, colon, colon + 3, end);
		scan_query(&s, end);
	}
}
