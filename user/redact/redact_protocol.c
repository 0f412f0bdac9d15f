// SPDX-License-Identifier: GPL-2.0-only
/*
 * What clients log in with, in the commands Python's ftplib, poplib, imaplib, smtplib and
 * http.client send. In a login of several steps the later ones are a line of base64 and nothing
 * else (RFC 4954, RFC 3501 6.2.2).
 */
#include "redact/redact_text.h"

static uint32_t next_word(const struct view *v, uint32_t from, uint32_t to)
{
	while (from < to && !unit_is_space(view_at(v, from)))
		from++;
	while (from < to && unit_is_space(view_at(v, from)))
		from++;
	return from;
}

/* The end of the line without its CR LF. */
static uint32_t line_end(const struct view *v, uint32_t from)
{
	uint32_t end = view_find(v, from, v->n, '\n');

	return end > from && view_at(v, end - 1) == '\r' ? end - 1 : end;
}

/* The end of the text without a CR LF. */
static uint32_t text_end(const struct view *v)
{
	uint32_t end = v->n;

	if (!v->cut && end && view_at(v, end - 1) == '\n')
		end--;
	return !v->cut && end && view_at(v, end - 1) == '\r' ? end - 1 : end;
}

/* Commands of which all behind the first `keep` words goes. */
struct login {
	const char *verb; /* lower case, with its space */
	int keep;
};

static bool scan_login(const struct view *v, uint32_t from, const struct login *logins, size_t n,
		       struct spans *spans)
{
	uint32_t end = line_end(v, from);
	size_t i;
	int k;

	for (i = 0; i < n; i++) {
		if (!view_starts(v, from, end, logins[i].verb))
			continue;
		for (k = 0; k < logins[i].keep; k++)
			from = next_word(v, from, end);
		spans_add(spans, from, text_end(v), TOKEN_LOGIN);
		return true;
	}
	return false;
}

void scan_ftp_or_pop(const struct view *v, struct spans *spans)
{
	static const struct login logins[] = {
		{"pass ", 1}, {"acct ", 1}, {"apop ", 2}, {"auth ", 2}};

	scan_login(v, 0, logins, sizeof(logins) / sizeof(*logins), spans);
}

static bool is_base64(uint32_t u)
{
	return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') ||
	       unit_is_in(u, "+/=");
}

/* A line that is base64 and no command with a name of four or eight letters. imaplib sends the line
 * end on its own: without one a short word is no login. */
static void scan_response(const struct view *v, struct spans *spans)
{
	static const char *const commands[] = {"data", "quit", "rset",	  "noop",
					       "help", "done", "starttls"};
	uint32_t end = text_end(v), i;

	if (!v->cut && (end % 4 || (end == v->n && end < 8)))
		return;
	for (i = 0; i < end; i++)
		if (!is_base64(view_at(v, i)))
			return;
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (end == strlen(commands[i]) && view_starts(v, 0, end, commands[i]))
			return;
	spans_add(spans, 0, end, TOKEN_LOGIN);
}

void scan_imap(const struct view *v, struct spans *spans)
{
	static const struct login logins[] = {{"login ", 1}, {"authenticate ", 2}};
	uint32_t command = next_word(v, 0, line_end(v, 0));

	if (!scan_login(v, command, logins, sizeof(logins) / sizeof(*logins), spans))
		scan_response(v, spans);
}

void scan_smtp(const struct view *v, struct spans *spans)
{
	static const struct login logins[] = {{"auth ", 2}};

	if (!scan_login(v, 0, logins, sizeof(logins) / sizeof(*logins), spans))
		scan_response(v, spans);
}

#define VERSION_LEN 9 /* of " HTTP/1.1" */

/* "GET /path HTTP/1.1": where the version begins, or end. */
static uint32_t target_end(const struct view *v, uint32_t end)
{
	uint32_t version = end > VERSION_LEN ? end - VERSION_LEN : 0;

	return view_starts(v, version, end, " http/1.") ? version : end;
}

static bool is_request_line(const struct view *v, uint32_t end)
{
	uint32_t i = 0;

	while (i < end && view_at(v, i) >= 'A' && view_at(v, i) <= 'Z')
		i++;
	/* Of a line that was cut the beginning has to do. */
	if (!i || i == end || view_at(v, i) != ' ')
		return false;
	return end == v->n ? v->cut : target_end(v, end) < end;
}

static void scan_header(const struct view *v, uint32_t from, uint32_t end, struct spans *spans)
{
	uint32_t colon = view_find(v, from, end, ':');

	if (colon == end || !view_is_secret_name(v, from, colon))
		return;
	for (colon++; colon < end && view_at(v, colon) == ' '; colon++)
		;
	spans_add(spans, colon, end, TOKEN_HEADER);
}

/* name=value&name=value, and nothing a form does not have. */
static void scan_body(const struct view *v, uint32_t from, struct spans *spans)
{
	uint32_t i;

	for (i = from; i < v->n; i++)
		if (unit_is_space(view_at(v, i)) || unit_is_in(view_at(v, i), "\"<>{}"))
			return;
	scan_parameters(v, from, v->n, spans);
}

void scan_form(const struct view *v, struct spans *spans)
{
	scan_body(v, 0, spans);
}

/* Lines of a head up to the empty one; a body is looked at as a form. */
void scan_http(const struct view *v, struct spans *spans)
{
	uint32_t from = 0, end = line_end(v, 0);

	if (!is_request_line(v, end)) {
		scan_form(v, spans);
		return;
	}
	scan_parameters(v, view_find(v, 0, end, '?'), target_end(v, end), spans);
	for (;;) {
		from = view_find(v, from, v->n, '\n') + 1;
		if (from >= v->n)
			return;
		end = line_end(v, from);
		if (end == from)
			break;
		scan_header(v, from, end, spans);
	}
	from = view_find(v, from, v->n, '\n') + 1;
	if (from < v->n)
		scan_body(v, from, spans);
}
