/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Texts as the scanners see them, and what is to be taken out of them.
 *
 * A scanner reads code units whatever their width is: all it looks for is ASCII, and no byte of a
 * longer UTF-8 sequence looks like that. It adds spans; nothing is copied until there is one.
 */
#ifndef PYAUDIT_REDACT_TEXT_H
#define PYAUDIT_REDACT_TEXT_H

#include <string.h>

#include "decode/audit_event.h"

struct view {
	const void *data;
	uint32_t n;	   /* code units */
	uint8_t unit_size; /* 1, 2 or 4 */
	bool cut;	   /* there was more */
};

static inline uint32_t view_at(const struct view *v, uint32_t i)
{
	uint16_t half;
	uint32_t unit;

	if (v->unit_size == 1)
		return ((const unsigned char *)v->data)[i];
	if (v->unit_size == 2) {
		memcpy(&half, (const char *)v->data + 2 * (size_t)i, sizeof(half));
		return half;
	}
	memcpy(&unit, (const char *)v->data + 4 * (size_t)i, sizeof(unit));
	return unit;
}

/* The text of a str, bytes or bytearray that could be read; false for other values. */
bool view_of_value(const struct value *v, struct view *view);

/* Where `unit` is found first in [from, to), else to. */
uint32_t view_find(const struct view *v, uint32_t from, uint32_t to, char unit);

/* Whether ASCII text stands at `from` and ends before `to`; letters in any case. */
bool view_starts(const struct view *v, uint32_t from, uint32_t to, const char *lower);

bool unit_is_space(uint32_t unit); /* and other control characters */
bool unit_is_in(uint32_t unit, const char *set);

/* Whether a parameter, flag or header of that name holds a secret: password, client-secret,
 * X-Auth-Token. Letters' case and -_. do not matter. */
bool view_is_secret_name(const struct view *v, uint32_t from, uint32_t to);

/* What is to be removed from one text. Too many: all of it. */
#define SPANS_MAX 64

struct span {
	uint32_t from, to;
	const char *token;
};

struct spans {
	uint32_t n;
	struct span list[SPANS_MAX];
};

/* Empty spans are not added. */
void spans_add(struct spans *s, uint32_t from, uint32_t to, const char *token);

/* Memory that is good until the next event. */
struct arena {
	struct arena_block *blocks;
};

void arena_reset(struct arena *a);
void arena_free(struct arena *a);

/* Puts tokens into the text of a value whose view was scanned. */
void spans_apply(struct spans *s, const struct view *view, struct value *v, struct arena *arena);
/* The same for plain bytes: the new length; out has room for spans_size() of them. */
size_t spans_size(struct spans *s, const struct view *view);
void spans_write(const struct spans *s, const struct view *view, char *out);

/* A value gives way to a token: bytes stay bytes, all others become a str. What could not be read
 * stays as it is. */
void value_replace(struct value *v, const char *token);

/* Looks for credentials in URLs. */
void scan_urls(const struct view *v, struct spans *spans);
/* Looks at name=value pairs between & or ; as forms and queries have them. */
void scan_parameters(const struct view *v, uint32_t from, uint32_t to, struct spans *spans);

/* A command line, word by word. */
struct command_line {
	const struct program *program; /* whose own flags are known */
	bool subcommand;	       /* the one that program's flags belong to was seen */
	bool is_shell, code_next;
	bool secret_next;
	char secret_after; /* of the next word only what stands behind this; 0: all */
};

void scan_word(struct command_line *line, const struct view *v, uint32_t from, uint32_t to,
	       struct spans *spans);
/* A command as a shell reads it. */
void scan_shell(const struct view *v, uint32_t from, uint32_t to, struct spans *spans);

/* What clients of these protocols send. */
void scan_ftp_or_pop(const struct view *v, struct spans *spans);
void scan_imap(const struct view *v, struct spans *spans);
void scan_smtp(const struct view *v, struct spans *spans);
void scan_http(const struct view *v, struct spans *spans);
void scan_form(const struct view *v, struct spans *spans);

#define TOKEN_ENV    "<redacted:env-value>"
#define TOKEN_URL    "<redacted:url-credential>"
#define TOKEN_ARGV   "<redacted:argv-password>"
#define TOKEN_HEADER "<redacted:header>"
#define TOKEN_LOGIN  "<redacted:login>"
#define TOKEN_MEMORY "<redacted:no-memory>"

/* A rule of the user's. */
struct rule;

struct rule *rule_new(const char *text, unsigned int number, const char **error);
void rule_free(struct rule *rule);
/* name is an event's; row NULL for one the table does not know. */
bool rule_wants_event(const struct rule *rule, const char *name, const struct event_row *row);
bool rule_wants_arg(const struct rule *rule, const char *name);
/* What of the argument it is about (redact/redact_path.h). */
const struct path *rule_path(const struct rule *rule);
/* Whether it removes whole values. */
bool rule_is_plain(const struct rule *rule);
const char *rule_token(const struct rule *rule);
/* Adds what the pattern matches. utf8: the units are bytes of UTF-8 text. */
void rule_scan(struct rule *rule, const struct view *v, bool utf8, struct spans *spans);

#endif
