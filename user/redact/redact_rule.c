// SPDX-License-Identifier: GPL-2.0-only
/*
 * The user's rules. Their patterns run over what a hostile process chose: PCRE2 gets limits on
 * steps, depth and memory, and a text on which a pattern exceeds them is removed as a whole. The
 * 32-bit library matches code points, lone surrogates among them, without looking at encodings.
 * Its compiler to machine code stays unused: it obeys no limit on depth, and needs memory that is
 * writable and executable.
 */
#define PCRE2_CODE_UNIT_WIDTH 32
#include <pcre2.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/glob.h"
#include "decode/text_iter.h"
#include "redact/redact_path.h"

/* Steps a pattern may take on one text, over all places it may begin at: some milliseconds. */
#define STEPS_MAX    500000
#define STEPS_LEAST  200 /* from one place, however long the text is */
#define DEPTH_MAX    1000
#define HEAP_MAX_KIB 1024
#define NAME_MAX_LEN 64

struct rule {
	char *event, *arg; /* globs; event without the @ of a category, arg without its path */
	char *steps;	   /* what path points at */
	struct path path;
	bool category;
	pcre2_code *code; /* NULL: whole arguments */
	pcre2_match_data *match;
	pcre2_match_context *limits;
	uint32_t *units, *offsets; /* the text as code points, and where each began */
	size_t cap;
	char token[sizeof("<redacted:rule-4294967295/>") + NAME_MAX_LEN];
};

static char message[400];

static struct rule *refuse(struct rule *rule, const char **error)
{
	rule_free(rule);
	*error = message;
	return NULL;
}

static struct rule *no_memory(struct rule *rule, const char **error)
{
	rule_free(rule);
	*error = "out of memory";
	return NULL;
}

/* arg: with its path. */
static void make_token(struct rule *rule, unsigned int number, const char *arg, size_t len)
{
	char *p = rule->token;

	p += sprintf(p, "<redacted:rule-%u/", number);
	snprintf(p, NAME_MAX_LEN + 1, "%.*s", (int)len, arg);
	for (; *p; p++)
		if (*p <= ' ' || *p > '~' || unit_is_in(*p, "<>\"\\"))
			*p = '?';
	strcpy(p, ">");
}

static bool has_wildcard(const char *glob)
{
	return strpbrk(glob, "*?");
}

static bool is_in_table(const struct rule *rule)
{
	const struct event_row *rows;
	size_t n, i;

	rows = event_table(&n);
	for (i = 0; i < n; i++)
		if (rule_wants_event(rule, rows[i].name, &rows[i]))
			return true;
	return false;
}

/* A name that is misspelt would remove nothing, and nobody would know. */
static bool knows_event(const struct rule *rule)
{
	if (is_in_table(rule) || (!rule->category && !strcmp(rule->event, "process")))
		return true;
	if (rule->category)
		snprintf(message, sizeof(message), "no such category; see --list-events");
	else if (strchr(rule->event, '.'))
		return true; /* somebody's own */
	else
		snprintf(message, sizeof(message), "no such event; see --list-events");
	return false;
}

static bool is_number_name(const char *arg)
{
	return !strncmp(arg, "arg", 3) && arg[3] &&
	       strspn(arg + 3, "0123456789") == strlen(arg + 3);
}

/* Of process records the command line can be redacted, a list of words. */
static bool knows_process_arg(const struct rule *rule)
{
	if (rule_wants_arg(rule, "cmdline") && rule->path.n <= 1)
		return true;
	snprintf(message, sizeof(message),
		 "not in process records; give process:cmdline, "
		 "process:cmdline[N] or process:cmdline.NAME");
	return false;
}

static bool knows_arg(const struct rule *rule)
{
	const struct event_row *row = rule->category ? NULL : event_find(rule->event);
	size_t i, k;

	if (!rule->category && !strcmp(rule->event, "process"))
		return knows_process_arg(rule);
	if (!row || has_wildcard(rule->arg) || is_number_name(rule->arg))
		return true;
	for (i = 0; i < row->n_variants; i++)
		for (k = 0; k < row->variants[i].n_args; k++)
			if (!strcmp(row->variants[i].args[k].name, rule->arg))
				return true;
	snprintf(message, sizeof(message), "%s has no argument %.100s; see --list-events",
		 rule->event, rule->arg);
	return false;
}

/* The pattern as code points; 0 and NULL for what is not UTF-8. */
static uint32_t *pattern_units(const char *pattern, size_t *n)
{
	uint32_t *units;
	struct text text = text_of_cstr(pattern);
	struct text_iter it;

	*n = 0;
	units = utf8_valid(text.data, text.len) ? malloc((text.len + 1) * sizeof(*units)) : NULL;
	if (!units)
		return NULL;
	text_iter_init(&it, &text);
	while (text_next(&it, &units[*n]))
		++*n;
	return units;
}

static void tell_pattern_error(int error, size_t at)
{
	PCRE2_UCHAR wide[160] = {0};
	char text[160];
	size_t i;

	pcre2_get_error_message(error, wide, sizeof(wide) / sizeof(*wide));
	for (i = 0; i + 1 < sizeof(text) && wide[i]; i++)
		text[i] = (char)wide[i];
	text[i] = '\0';
	snprintf(message, sizeof(message),
		 "wrong pattern: %s, at character %zu; see pcre2pattern(3)", text, at + 1);
}

static bool compile(struct rule *rule, const char *pattern)
{
	uint32_t *units;
	size_t n, at = 0;
	int error = 0;

	units = pattern_units(pattern, &n);
	if (!units) {
		snprintf(message, sizeof(message), "the pattern is not UTF-8; write it so");
		return false;
	}
	rule->code = pcre2_compile(units, n, PCRE2_UCP | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C,
				   &error, &at, NULL);
	free(units);
	if (!rule->code)
		tell_pattern_error(error, at);
	return rule->code;
}

static bool set_limits(struct rule *rule)
{
	rule->match = pcre2_match_data_create_from_pattern(rule->code, NULL);
	rule->limits = pcre2_match_context_create(NULL);
	if (!rule->match || !rule->limits)
		return false;
	pcre2_set_depth_limit(rule->limits, DEPTH_MAX);
	pcre2_set_heap_limit(rule->limits, HEAP_MAX_KIB);
	return true;
}

static bool parse_path(struct rule *rule)
{
	if (path_parse(&rule->path, rule->steps))
		return true;
	snprintf(message, sizeof(message),
		 "no path into an argument; give .KEY, [N] or [*], at most %d of them", PATH_STEPS);
	return false;
}

/* "EVENT:ARG", "EVENT:ARG~REGEX": where its parts are; false for what is no rule. */
static bool split(const char *text, const char **arg, const char **steps, const char **pattern)
{
	const char *colon = strchr(text, ':'), *tilde = colon ? strchr(colon, '~') : NULL;

	if (!colon || colon == text)
		return false;
	*arg = colon + 1;
	*steps = path_in(*arg);
	if (tilde && *steps > tilde)
		*steps = tilde;
	*pattern = tilde ? tilde + 1 : NULL;
	return *steps > *arg && (!tilde || tilde[1]);
}

struct rule *rule_new(const char *text, unsigned int number, const char **error)
{
	struct rule *rule = calloc(1, sizeof(*rule));
	const char *arg, *steps, *pattern;
	size_t len;

	if (!rule)
		return no_memory(rule, error);
	rule->category = *text == '@';
	text += rule->category;
	if (!split(text, &arg, &steps, &pattern)) {
		snprintf(message, sizeof(message),
			 "not a rule; give EVENT:ARG, EVENT:ARG~REGEX, none or default");
		return refuse(rule, error);
	}
	len = pattern ? (size_t)(pattern - 1 - arg) : strlen(arg);
	rule->event = strndup(text, arg - 1 - text);
	rule->arg = strndup(arg, steps - arg);
	rule->steps = strndup(steps, arg + len - steps);
	if (!rule->event || !rule->arg || !rule->steps)
		return no_memory(rule, error);
	if (!parse_path(rule) || !knows_event(rule) || !knows_arg(rule) ||
	    (pattern && !compile(rule, pattern)))
		return refuse(rule, error);
	if (rule->code && !set_limits(rule))
		return no_memory(rule, error);
	make_token(rule, number, arg, len);
	return rule;
}

void rule_free(struct rule *rule)
{
	if (!rule)
		return;
	free(rule->event);
	free(rule->arg);
	free(rule->steps);
	pcre2_code_free(rule->code);
	pcre2_match_data_free(rule->match);
	pcre2_match_context_free(rule->limits);
	free(rule->units);
	free(rule->offsets);
	free(rule);
}

bool rule_wants_event(const struct rule *rule, const char *name, const struct event_row *row)
{
	if (rule->category)
		return row && !strcmp(row->category, rule->event);
	return glob_match_bytes(rule->event, name, strlen(name));
}

bool rule_wants_arg(const struct rule *rule, const char *name)
{
	return glob_match_bytes(rule->arg, name, strlen(name));
}

const struct path *rule_path(const struct rule *rule)
{
	return &rule->path;
}

bool rule_is_plain(const struct rule *rule)
{
	return !rule->code;
}

const char *rule_token(const struct rule *rule)
{
	return rule->token;
}

static bool make_room(struct rule *rule, size_t n)
{
	uint32_t *units, *offsets;

	if (n <= rule->cap)
		return true;
	units = realloc(rule->units, n * sizeof(*units));
	rule->units = units ?: rule->units;
	offsets = realloc(rule->offsets, n * sizeof(*offsets));
	rule->offsets = offsets ?: rule->offsets;
	if (!units || !offsets)
		return false;
	rule->cap = n;
	return true;
}

/* Fills units and offsets; returns how many. There is one offset more: the end. */
static size_t spread(struct rule *rule, const struct view *v, bool utf8)
{
	const unsigned char *data = v->data;
	uint32_t i = 0, cp;
	size_t n = 0;
	int len;

	while (i < v->n) {
		len = utf8 ? utf8_decode(data + i, v->n - i, &cp) : 1;
		if (!utf8)
			cp = view_at(v, i);
		else if (len <= 0)
			cp = 0xdc00 + data[i];
		rule->units[n] = cp;
		rule->offsets[n++] = i;
		i += len > 0 ? len : 1;
	}
	rule->offsets[n] = v->n;
	return n;
}

static void set_step_limit(struct rule *rule, size_t n)
{
	size_t steps = STEPS_MAX / (n + 1);

	pcre2_set_match_limit(rule->limits, steps > STEPS_LEAST ? steps : STEPS_LEAST);
}

void rule_scan(struct rule *rule, const struct view *v, bool utf8, struct spans *spans)
{
	uint32_t options = v->cut ? PCRE2_PARTIAL_HARD : 0;
	size_t n, start = 0, *found, group;
	int ret;

	if (!make_room(rule, (size_t)v->n + 1)) {
		spans_add(spans, 0, v->n, TOKEN_MEMORY);
		return;
	}
	n = spread(rule, v, utf8);
	set_step_limit(rule, n);
	while (start <= n) {
		ret = pcre2_match(rule->code, rule->units, n, start, options, rule->match,
				  rule->limits);
		if (ret == PCRE2_ERROR_NOMATCH)
			return;
		found = pcre2_get_ovector_pointer(rule->match);
		if (ret == PCRE2_ERROR_PARTIAL) {
			/* What the cut took may have been the rest of it. */
			spans_add(spans, rule->offsets[found[0]], v->n, rule->token);
			return;
		}
		if (ret < 0) {
			spans_add(spans, 0, v->n, rule->token);
			return;
		}
		group = ret > 1 && found[2] != PCRE2_UNSET ? 2 : 0;
		if (found[group] < found[group + 1])
			spans_add(spans, rule->offsets[found[group]],
				  rule->offsets[found[group + 1]], rule->token);
		start = found[1] > start ? found[1] : start + 1;
	}
}
