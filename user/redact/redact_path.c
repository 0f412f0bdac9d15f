// SPDX-License-Identifier: GPL-2.0-only
#include "redact/redact_path.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/glob.h"
#include "decode/text_iter.h"

#define KEY_MAX	  256 /* bytes of UTF-8: longer ones are not compared */
#define INDEX_MAX 6   /* digits */

struct walk {
	const struct path *path;
	path_visit visit;
	void *arg;
};

static void walk_value(const struct walk *w, uint32_t at, struct value *v);

const char *path_in(const char *arg)
{
	return arg + strcspn(arg, ".[");
}

/* "[12]" or "[*]": returns behind it, or NULL. */
static char *take_index(struct path_step *step, char *p)
{
	size_t digits = strspn(++p, "0123456789");
	char *end;

	step->all = *p == '*';
	step->index = strtoul(p, NULL, 10);
	end = step->all ? p + 1 : p + digits;
	return *end == ']' && end > p && digits <= INDEX_MAX ? end + 1 : NULL;
}

/* ".key": returns behind it, or NULL; its end is written over when the next step is known. */
static char *take_key(struct path_step *step, char *p)
{
	step->key = ++p;
	for (; *p && *p != '.' && *p != '['; p++)
		*p = (char)tolower((unsigned char)*p);
	return p > step->key ? p : NULL;
}

bool path_parse(struct path *path, char *text)
{
	char kind = *text, *p = text;
	struct path_step *step;

	for (path->n = 0; kind; path->n++) {
		if (path->n == PATH_STEPS || (kind != '.' && kind != '['))
			return false;
		step = &path->steps[path->n];
		*step = (struct path_step){0};
		p = kind == '.' ? take_key(step, p) : take_index(step, p);
		if (!p)
			return false;
		kind = *p;
		*p = '\0';
	}
	return true;
}

/* What is not known of a key may be what the rule is after. */
static bool wants_key(const struct path_step *step, const struct text *key, bool cut)
{
	/* One that does not fit fills it to KEY_MAX at least. */
	char name[KEY_MAX + 4], *p;

	if (cut)
		return true;
	text_to_utf8(key, name, sizeof(name));
	for (p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return p - name >= KEY_MAX || glob_match_bytes(step->key, name, p - name);
}

static bool wants_key_value(const struct path_step *step, const struct value *key)
{
	if (!strcmp(step->key, "*") || key->status == WIRE_UNREADABLE ||
	    key->status == WIRE_UNSUPPORTED)
		return true;
	if (key->kind != WIRE_STR && key->kind != WIRE_BYTES)
		return false;
	return wants_key(step, &key->text, key->status == WIRE_TRUNCATED);
}

/* "NAME=value" with a name that is meant: behind the =; 0: it is none. */
static uint32_t behind_name(const struct path_step *step, const struct view *v, uint8_t width,
			    uint32_t from, uint32_t end)
{
	uint32_t equals = view_find(v, from, end, '=');
	struct text name = {.data = (const char *)v->data + (size_t)from * v->unit_size,
			    .len = (equals - from) * v->unit_size,
			    .width = width};

	return equals < end && wants_key(step, &name, false) ? equals + 1 : 0;
}

static bool is_list(const struct value *v)
{
	return v->kind == WIRE_LIST || v->kind == WIRE_TUPLE;
}

static struct value *after(struct value *v)
{
	return v + 1 + v->span;
}

static void walk_dict(const struct walk *w, uint32_t at, struct value *dict)
{
	const struct path_step *step = &w->path->steps[at];
	struct value *key = dict + 1, *value;
	uint32_t i;

	for (i = 0; i + 1 < dict->children; i += 2, key = after(value)) {
		value = after(key);
		if (wants_key_value(step, key))
			walk_value(w, at + 1, value);
	}
}

/* An element of a list, which a key is asked of. */
static void walk_named(const struct walk *w, uint32_t at, struct value *v)
{
	const struct path_step *step = &w->path->steps[at];
	struct view view;
	uint32_t from;

	if (is_list(v) && v->children == 2) {
		if (wants_key_value(step, v + 1))
			walk_value(w, at + 1, after(v + 1));
		return;
	}
	if (at + 1 < w->path->n || !view_of_value(v, &view))
		return;
	from = behind_name(step, &view, v->text.width, 0, view.n);
	if (from)
		w->visit(w->arg, v, from);
}

static void walk_list(const struct walk *w, uint32_t at, struct value *list)
{
	const struct path_step *step = &w->path->steps[at];
	struct value *v = list + 1;
	uint32_t i;

	for (i = 0; i < list->children; i++, v = after(v)) {
		if (step->key)
			walk_named(w, at, v);
		else if (step->all || step->index == i)
			walk_value(w, at + 1, v);
	}
}

static void walk_value(const struct walk *w, uint32_t at, struct value *v)
{
	if (at == w->path->n) {
		w->visit(w->arg, v, 0);
		return;
	}
	/* os.environ is a mapping around the dict */
	if (v->kind == WIRE_OBJECT && v->aux == WIRE_OBJECT_MAPPING && v->children == 1)
		v++;
	if (v->kind == WIRE_DICT && w->path->steps[at].key)
		walk_dict(w, at, v);
	else if (is_list(v))
		walk_list(w, at, v);
}

void path_walk(const struct path *path, struct value *v, path_visit visit, void *arg)
{
	const struct walk w = {.path = path, .visit = visit, .arg = arg};

	walk_value(&w, 0, v);
}

bool path_wants_word(const struct path *path, uint32_t index, const struct view *line,
		     uint32_t *from, uint32_t end)
{
	const struct path_step *step = path->steps;
	uint32_t behind;

	if (!path->n)
		return true;
	if (!step->key)
		return step->all || step->index == index;
	behind = behind_name(step, line, 0, *from, end);
	if (behind)
		*from = behind;
	return behind;
}
