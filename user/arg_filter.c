// SPDX-License-Identifier: GPL-2.0-only
#include "arg_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "base/log.h"
#include "decode/text_iter.h"
#include "options_values.h"
#include "sink/format.h"
#include "sink/text.h"

struct rule {
	char *name;
	const char *glob; /* behind the name */
	int number;	  /* of "argN"; -1: another name */
};

struct arg_filter {
	struct rule rules[MAX_ARG_RULES];
	struct arg_rule kernel[MAX_ARG_RULES];
	size_t n;
	struct tracer_arg_place *places;
	size_t n_places;
	struct buf text; /* of the value looked at */
};

/* "arg3": what arguments are called that the table does not name. */
static int arg_number(const char *name)
{
	uint64_t number;

	if (strncmp(name, "arg", 3) || parse_number(name + 3, &number) || number > 255)
		return -1;
	return number;
}

static int place_in(const struct event_variant *v, const char *name)
{
	int i;

	for (i = 0; i < v->n_args; i++)
		if (!strcmp(v->args[i].name, name))
			return i;
	return -1;
}

/* Where the event has the argument: -1 nowhere, ARG_PLACE_UNKNOWN not always at the same place. */
static int place_of(const struct event_row *row, const struct rule *rule)
{
	int place = -1, there;
	size_t i;

	if (rule->number >= 0)
		return ARG_PLACE_UNKNOWN;
	for (i = 0; i < row->n_variants; i++) {
		there = place_in(&row->variants[i], rule->name);
		if (i && there != place)
			return ARG_PLACE_UNKNOWN;
		place = there;
	}
	return place;
}

static int bad_rule(const char *rule, const char *why)
{
	log_error("--arg '%.200s': %s", rule, why);
	return -1;
}

static int split(struct rule *rule, const char *text)
{
	const char *tilde = strchr(text, '~');

	if (!tilde || tilde == text)
		return bad_rule(text, "no NAME~GLOB; give for example path~/etc/*");
	if (strlen(tilde + 1) >= ARG_RULE_TEXT)
		return bad_rule(text, "too long; at most 127 bytes");
	rule->name = strdup(text);
	if (!rule->name)
		return bad_rule(text, "out of memory");
	rule->name[tilde - text] = '\0';
	rule->glob = rule->name + (tilde - text) + 1;
	rule->number = arg_number(rule->name);
	return 0;
}

/* The rule as the kernel knows rules: text that is the value, begins it or ends it. */
static void simplify(struct arg_rule *out, const struct rule *rule)
{
	const char *text = rule->glob;
	size_t len = strlen(text), i;

	*out = (struct arg_rule){.form = ARG_RULE_OTHER, .ascii = 1, .other = ARG_PLACE_UNKNOWN};
	if (rule->number >= 0)
		out->other = rule->number;
	if (strcspn(text, "*?[") == len)
		out->form = ARG_RULE_EXACT;
	else if (len && strcspn(text, "*?[") == len - 1 && text[len - 1] == '*')
		out->form = ARG_RULE_PREFIX;
	else if (*text == '*' && strcspn(text + 1, "*?[") == len - 1)
		out->form = ARG_RULE_SUFFIX;
	else
		return;
	text += out->form == ARG_RULE_SUFFIX;
	len -= out->form != ARG_RULE_EXACT;
	memcpy(out->text, text, len);
	out->len = len;
	for (i = 0; i < len; i++)
		out->ascii &= (unsigned char)text[i] < 0x80;
}

static int add_place(struct arg_filter *f, const char *event, uint32_t rule, int place)
{
	struct tracer_arg_place *places;

	places = reallocarray(f->places, f->n_places + 1, sizeof(*places));
	if (!places)
		return -1;
	f->places = places;
	places[f->n_places++] = (struct tracer_arg_place){event, rule, place};
	return 0;
}

static int find_places(struct arg_filter *f, uint32_t number)
{
	const struct rule *rule = &f->rules[number];
	const struct event_row *rows;
	bool any = rule->number >= 0;
	size_t n, i;
	int place;

	rows = event_table(&n);
	for (i = 0; i < n; i++) {
		place = place_of(&rows[i], rule);
		if (place < 0)
			continue;
		any = true;
		if (add_place(f, rows[i].name, number, place))
			return bad_rule(rule->name, "out of memory");
	}
	return any ? 0
		   : bad_rule(rule->name, "no event has an argument of that name; see "
					  "--list-events (own events have arg0, arg1, ...)");
}

struct arg_filter *arg_filter_new(char *const *rules, size_t n)
{
	struct arg_filter *f = calloc(1, sizeof(*f));

	if (!f) {
		log_error("out of memory");
		return NULL;
	}
	for (; f->n < n; f->n++) {
		if (f->n == MAX_ARG_RULES) {
			bad_rule(rules[f->n], "more than 8 of them; use a wider GLOB");
			goto fail;
		}
		if (split(&f->rules[f->n], rules[f->n]) || find_places(f, f->n))
			goto fail;
		simplify(&f->kernel[f->n], &f->rules[f->n]);
	}
	return f;
fail:
	arg_filter_free(f);
	return NULL;
}

static bool has_all(const struct arg_filter *f, const struct event_row *row)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (place_of(row, &f->rules[i]) < 0)
			return false;
	return true;
}

void arg_filter_narrow(const struct arg_filter *f, struct filter *names)
{
	bool unnamed = true; /* can events pass that the table does not name? */
	const struct event_row *rows;
	size_t n, i;

	rows = event_table(&n);
	for (i = 0; i < f->n; i++)
		unnamed &= f->rules[i].number >= 0;
	for (i = 0; f->n && i < n; i++)
		names->names_pass[i] &= has_all(f, &rows[i]);
	if (unnamed)
		return;
	names->default_pass = false;
	names->n_patterns = 0;
}

/* As the JSON format names it. */
static const struct value *find_arg(const struct audit_event *event, const struct rule *rule)
{
	const struct value *v = event->values;
	uint32_t i, named = event->variant ? event->variant->n_args : 0;

	for (i = 0; i < event->n_args; i++, v = value_next(v)) {
		if (i < named ? !strcmp(event->variant->args[i].name, rule->name)
			      : (int)i == rule->number)
			return v;
	}
	return NULL;
}

static void put_code_point(void *arg, uint32_t cp)
{
	char utf8[4];

	if (cp >= 0xd800 && cp <= 0xdfff)
		cp = 0xfffd; /* a lone surrogate has no UTF-8 */
	buf_add(arg, utf8, utf8_encode(utf8, cp) - utf8);
}

static void put_text(struct buf *out, const struct text *text)
{
	struct text_iter it;
	uint32_t cp;

	if (text->width == 0) {
		buf_add(out, text->data, text->len);
		return;
	}
	text_iter_init(&it, text);
	while (text_next(&it, &cp))
		put_code_point(out, cp);
}

static void put_value(struct buf *out, const struct value *v)
{
	const struct value *inner = v->kind == WIRE_OBJECT ? format_inner(v) : NULL;

	if (inner)
		v = inner;
	if (v->kind == WIRE_STR || v->kind == WIRE_BYTES || v->kind == WIRE_BYTEARRAY)
		put_text(out, &v->text);
	else if (v->kind == WIRE_OBJECT && format_can_join(v))
		format_join(v, put_code_point, out);
	else
		text_value(out, v);
}

/* Whether something in or below the value is not whole. */
static bool is_cut(const struct value *v)
{
	uint32_t i;

	for (i = 0; i <= v->span; i++)
		if (v[i].status == WIRE_TRUNCATED)
			return true;
	return false;
}

/* A text of which only the beginning is there: it might match if the beginning of the glob, up to
 * its first star, does. */
static bool beginning_may_match(const char *glob, const char *text, size_t len)
{
	size_t fixed = strcspn(glob, "*?[");

	if (!glob[fixed] && len > fixed)
		return false;
	return !strncmp(glob, text, fixed < len ? fixed : len);
}

static bool rule_passes(struct arg_filter *f, const struct rule *rule,
			const struct audit_event *event)
{
	const struct value *v = find_arg(event, rule);

	/* It may be one of those that were cut off. */
	if (!v)
		return event->args_total > event->n_args || event->flags;
	if (!format_readable(v) && v->status != WIRE_NULL)
		return true;
	buf_truncate(&f->text, 0);
	put_value(&f->text, v);
	if (f->text.failed || glob_match_bytes(rule->glob, f->text.data, f->text.len))
		return true;
	return is_cut(v) && beginning_may_match(rule->glob, f->text.data, f->text.len);
}

bool arg_filter_passes(struct arg_filter *f, const struct audit_event *event)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (!rule_passes(f, &f->rules[i], event))
			return false;
	return true;
}

size_t arg_filter_count(const struct arg_filter *f)
{
	return f->n;
}

const struct arg_rule *arg_filter_rules(const struct arg_filter *f)
{
	return f->kernel;
}

const struct tracer_arg_place *arg_filter_places(const struct arg_filter *f, size_t *n)
{
	*n = f->n_places;
	return f->places;
}

void arg_filter_free(struct arg_filter *f)
{
	size_t i;

	if (!f)
		return;
	for (i = 0; i < MAX_ARG_RULES; i++)
		free(f->rules[i].name);
	free(f->places);
	buf_free(&f->text);
	free(f);
}
