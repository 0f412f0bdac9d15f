// SPDX-License-Identifier: GPL-2.0-only
#include "redact/redact.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/text_iter.h"
#include "redact/redact_path.h"

#define RULES_MAX 64

/* What is done by default with an argument of an event, by its place among the arguments. */
struct treatment {
	const char *event;
	uint8_t arg;
	void (*value)(struct redactor *r, struct value *v);
	void (*scan)(const struct view *v, struct spans *spans); /* of a text */
};

/* Of an event of the table: its treatments, which follow one another, and a bit for each rule. */
struct plan {
	const struct treatment *first;
	uint32_t n;
	uint64_t rules;
};

struct redactor {
	bool defaults;
	struct rule *rules[RULES_MAX];
	uint32_t n_rules;
	struct plan *plans; /* as the rows of the event table */
	struct arena arena;
};

static struct value *after(struct value *v)
{
	return v + 1 + v->span;
}

static void scan_value(struct redactor *r, struct value *v,
		       void (*scan)(const struct view *v, struct spans *spans))
{
	struct spans spans;
	struct view view;

	if (!view_of_value(v, &view))
		return;
	spans.n = 0;
	scan(&view, &spans);
	spans_apply(&spans, &view, v, &r->arena);
}

static void treat_secret(struct redactor *r, struct value *v)
{
	value_replace(v, TOKEN_ENV);
}

/* "NAME=value" */
static void scan_assignment(const struct view *v, struct spans *spans)
{
	uint32_t equals = view_find(v, 0, v->n, '=');

	if (equals < v->n)
		spans_add(spans, equals + 1, v->n, TOKEN_ENV);
}

static void treat_env_dict(struct value *dict)
{
	struct value *key = dict + 1, *value;
	uint32_t i;

	for (i = 0; i + 1 < dict->children; i += 2, key = after(value)) {
		value = after(key);
		value_replace(value, TOKEN_ENV);
	}
}

static bool is_environ(const struct value *v)
{
	return v->kind == WIRE_OBJECT && v->aux == WIRE_OBJECT_MAPPING && v->children == 1;
}

static void treat_env(struct redactor *r, struct value *v)
{
	struct value *child = v + 1;
	uint32_t i;

	if (is_environ(v))
		v = child;
	if (v->kind == WIRE_DICT)
		treat_env_dict(v);
	if (v->kind != WIRE_LIST && v->kind != WIRE_TUPLE)
		return;
	for (i = 0; i < v->children; i++, child = after(child))
		scan_value(r, child, scan_assignment);
}

static void treat_word(struct redactor *r, struct command_line *line, struct value *v)
{
	struct spans spans;
	struct view view;

	/* A path object is its text. */
	if (v->kind == WIRE_OBJECT && v->aux == WIRE_OBJECT_PATH && v->children == 1)
		v++;
	if (!view_of_value(v, &view)) {
		if (line->secret_next)
			value_replace(v, TOKEN_ARGV);
		line->secret_next = false;
		return;
	}
	spans.n = 0;
	scan_word(line, &view, 0, view.n, &spans);
	spans_apply(&spans, &view, v, &r->arena);
}

static void treat_argv(struct redactor *r, struct value *v)
{
	struct command_line line = {0};
	struct value *child = v + 1;
	uint32_t i;

	if (v->kind != WIRE_LIST && v->kind != WIRE_TUPLE)
		return;
	for (i = 0; i < v->children; i++, child = after(child))
		treat_word(r, &line, child);
}

static void scan_command(const struct view *v, struct spans *spans)
{
	scan_shell(v, 0, v->n, spans);
}

static void treat_headers(struct redactor *r, struct value *dict)
{
	struct value *key = dict + 1, *value;
	struct view view;
	uint32_t i;

	if (dict->kind != WIRE_DICT)
		return;
	for (i = 0; i + 1 < dict->children; i += 2, key = after(value)) {
		value = after(key);
		if (view_of_value(key, &view) && view_is_secret_name(&view, 0, view.n))
			value_replace(value, TOKEN_HEADER);
	}
}

/* Sorted by event. */
static const struct treatment treatments[] = {
	{"_posixsubprocess.fork_exec", 1, treat_argv, NULL},
	{"_posixsubprocess.fork_exec", 2, treat_env, NULL},
	{"ftplib.sendcmd", 1, NULL, scan_ftp_or_pop},
	{"http.client.send", 1, NULL, scan_http},
	{"imaplib.send", 1, NULL, scan_imap},
	{"os.exec", 1, treat_argv, NULL},
	{"os.exec", 2, treat_env, NULL},
	{"os.posix_spawn", 1, treat_argv, NULL},
	{"os.posix_spawn", 2, treat_env, NULL},
	{"os.putenv", 1, treat_secret, NULL},
	{"os.spawn", 2, treat_argv, NULL},
	{"os.spawn", 3, treat_env, NULL},
	{"os.system", 0, NULL, scan_command},
	{"poplib.putline", 1, NULL, scan_ftp_or_pop},
	{"pty.spawn", 0, treat_argv, NULL},
	{"smtplib.send", 1, NULL, scan_smtp},
	{"subprocess.Popen", 1, treat_argv, NULL},
	{"subprocess.Popen", 3, treat_env, NULL},
	{"urllib.Request", 1, NULL, scan_form},
	{"urllib.Request", 2, treat_headers, NULL},
};

#define N_TREATMENTS (sizeof(treatments) / sizeof(*treatments))

static struct value *argument(const struct audit_event *event, struct value *values, uint32_t index)
{
	uint32_t i;

	if (index >= event->n_args)
		return NULL;
	for (i = 0; i < index; i++)
		values = after(values);
	return values;
}

static void apply_treatments(struct redactor *r, const struct plan *plan,
			     const struct audit_event *event, struct value *values)
{
	const struct treatment *t = plan->first;
	struct value *v;
	uint32_t i;

	for (i = 0; i < plan->n; i++, t++) {
		v = argument(event, values, t->arg);
		if (v && t->value)
			t->value(r, v);
		else if (v)
			scan_value(r, v, t->scan);
	}
}

/* What may be in any event's arguments, at any depth. */
static void apply_everywhere(struct redactor *r, const struct audit_event *event,
			     struct value *values)
{
	uint32_t i;

	for (i = 0; i < event->n_values; i++) {
		if (is_environ(&values[i]))
			treat_env(r, &values[i]);
		else
			scan_value(r, &values[i], scan_urls);
	}
}

/* Only the units in [from, end). */
static void scan_part(struct rule *rule, const struct view *v, bool utf8, uint32_t from,
		      uint32_t end, struct spans *spans)
{
	struct view part = {.data = (const char *)v->data + (size_t)from * v->unit_size,
			    .n = end - from,
			    .unit_size = v->unit_size,
			    .cut = v->cut && end == v->n};
	struct spans found;
	uint32_t i;

	if (rule_is_plain(rule)) {
		spans_add(spans, from, end, rule_token(rule));
		return;
	}
	found.n = 0;
	rule_scan(rule, &part, utf8, &found);
	for (i = 0; i < found.n; i++)
		spans_add(spans, from + found.list[i].from,
			  found.list[i].to < part.n ? from + found.list[i].to : end,
			  found.list[i].token);
}

static void scan_by_rule(struct redactor *r, struct rule *rule, struct value *v, uint32_t from)
{
	struct spans spans;
	struct view view;

	if (!view_of_value(v, &view))
		return;
	spans.n = 0;
	scan_part(rule, &view, v->kind == WIRE_STR && !v->text.width, from, view.n, &spans);
	spans_apply(&spans, &view, v, &r->arena);
}

struct rule_use {
	struct redactor *r;
	struct rule *rule;
};

static void apply_at(void *arg, struct value *v, uint32_t from)
{
	const struct rule_use *use = arg;
	uint32_t i;

	if (from) {
		scan_by_rule(use->r, use->rule, v, from);
		return;
	}
	if (rule_is_plain(use->rule))
		value_replace(v, rule_token(use->rule));
	for (i = 0; !rule_is_plain(use->rule) && i <= v->span; i++)
		scan_by_rule(use->r, use->rule, &v[i], 0);
}

static const char *arg_name(const struct audit_event *event, uint32_t index, char *room,
			    size_t size)
{
	static const char *const numbered[] = {"arg0", "arg1", "arg2", "arg3", "arg4", "arg5"};
	const struct event_variant *variant = event->variant;

	if (variant && index < variant->n_args)
		return variant->args[index].name;
	if (index < sizeof(numbered) / sizeof(*numbered))
		return numbered[index];
	snprintf(room, size, "arg%u", index);
	return room;
}

static void apply_rule(struct redactor *r, struct rule *rule, const struct audit_event *event,
		       struct value *values)
{
	struct rule_use use = {r, rule};
	struct value *v = values;
	char room[16];
	uint32_t i;

	for (i = 0; i < event->n_args; i++, v = after(v))
		if (rule_wants_arg(rule, arg_name(event, i, room, sizeof(room))))
			path_walk(rule_path(rule), v, apply_at, &use);
}

static uint64_t rules_of(const struct redactor *r, const char *name, const struct event_row *row)
{
	uint64_t found = 0;
	uint32_t i;

	for (i = 0; i < r->n_rules; i++)
		if (rule_wants_event(r->rules[i], name, row))
			found |= 1ull << i;
	return found;
}

void redact_event(struct redactor *r, const struct audit_event *event, struct value *values)
{
	const struct event_row *rows;
	const struct plan *plan;
	uint64_t rules;
	uint32_t i;
	size_t n;

	if (event->type != RECORD_AUDIT || !event->n_args || (!r->defaults && !r->n_rules))
		return;
	arena_reset(&r->arena);
	rows = event_table(&n);
	plan = event->row ? &r->plans[event->row - rows] : NULL;
	if (r->defaults && plan)
		apply_treatments(r, plan, event, values);
	if (r->defaults)
		apply_everywhere(r, event, values);
	if (!r->n_rules)
		return;
	rules = plan ? plan->rules : rules_of(r, event->name_text, NULL);
	for (i = 0; rules; i++, rules >>= 1)
		if (rules & 1)
			apply_rule(r, r->rules[i], event, values);
}

/* The arguments, each with its NUL or the end behind it: calls fn for each. */
static void scan_arguments(struct redactor *r, const struct view *v, struct spans *spans)
{
	struct command_line line = {0};
	uint32_t from, end;

	for (from = 0; from < v->n; from = end + 1) {
		end = view_find(v, from, v->n, '\0');
		scan_word(&line, v, from, end, spans);
	}
	scan_urls(v, spans);
}

static void scan_command_line_by_rule(struct rule *rule, const struct view *v, struct spans *spans)
{
	const struct path *path = rule_path(rule);
	uint32_t from, end, start, i = 0;

	if (rule_is_plain(rule) && !path->n) {
		spans_add(spans, 0, v->n, rule_token(rule));
		return;
	}
	for (from = 0; from < v->n; from = end + 1, i++) {
		end = view_find(v, from, v->n, '\0');
		start = from;
		if (path_wants_word(path, i, v, &start, end))
			scan_part(rule, v, true, start, end, spans);
	}
}

char *redact_cmdline(struct redactor *r, char *cmdline, size_t *len, bool cut)
{
	struct view v = {.data = cmdline, .n = *len, .unit_size = 1, .cut = cut};
	struct spans spans;
	char *text;
	uint32_t i;
	size_t size;

	spans.n = 0;
	if (r->defaults)
		scan_arguments(r, &v, &spans);
	for (i = 0; i < r->n_rules; i++)
		if (rule_wants_event(r->rules[i], "process", NULL) &&
		    rule_wants_arg(r->rules[i], "cmdline"))
			scan_command_line_by_rule(r->rules[i], &v, &spans);
	if (!spans.n)
		return cmdline;
	size = spans_size(&spans, &v);
	text = malloc(size + 1);
	if (text) {
		spans_write(&spans, &v, text);
		text[size] = '\0';
		*len = size;
	}
	free(cmdline);
	return text;
}

static void make_plans(struct redactor *r)
{
	const struct event_row *rows, *row;
	size_t i, n;

	rows = event_table(&n);
	for (i = 0; i < n; i++)
		r->plans[i].rules = rules_of(r, rows[i].name, &rows[i]);
	for (i = 0; i < N_TREATMENTS; i++) {
		row = event_find(treatments[i].event);
		if (!row)
			continue;
		if (!r->plans[row - rows].n++)
			r->plans[row - rows].first = &treatments[i];
	}
}

static int add_rule(struct redactor *r, const char *text, unsigned int number, const char **error)
{
	if (!strcmp(text, "none") || !strcmp(text, "default")) {
		r->defaults = *text == 'd';
		return 0;
	}
	if (r->n_rules == RULES_MAX) {
		*error = "more than 64 rules; use wider globs or alternatives in a pattern";
		return -1;
	}
	r->rules[r->n_rules] = rule_new(text, number, error);
	return r->rules[r->n_rules] ? (void)r->n_rules++, 0 : -1;
}

struct redactor *redactor_new(const char *const *rules, size_t n, size_t *bad, const char **error)
{
	struct redactor *r = calloc(1, sizeof(*r));
	size_t n_rows;

	event_table(&n_rows);
	*bad = n;
	*error = "out of memory";
	if (!r)
		return NULL;
	r->defaults = true;
	r->plans = calloc(n_rows, sizeof(*r->plans));
	if (!r->plans)
		goto fail;
	for (*bad = 0; *bad < n; ++*bad)
		if (add_rule(r, rules[*bad], *bad + 1, error))
			goto fail;
	make_plans(r);
	return r;
fail:
	redactor_free(r);
	return NULL;
}

void redactor_free(struct redactor *r)
{
	uint32_t i;

	if (!r)
		return;
	for (i = 0; i < r->n_rules; i++)
		rule_free(r->rules[i]);
	free(r->plans);
	arena_free(&r->arena);
	free(r);
}
