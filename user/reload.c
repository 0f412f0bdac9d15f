// SPDX-License-Identifier: GPL-2.0-only
#include "reload.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "config.h"

void reload_init(struct reload *r, int argc, char **argv, const struct options *first)
{
	*r = (struct reload){
		.argc = argc, .argv = argv, .first = first, .latest = first, .selected = *first};
}

/* --- what selects events, and what of them may be told --- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_list(char *const *a, size_t n, char *const *b, size_t m)
{
	size_t i;

	for (i = 0; i < n && n == m; i++)
		if (strcmp(a[i], b[i]))
			return false;
	return n == m;
}

static bool same_events(const struct options *a, const struct options *b)
{
	return same_list(a->events, a->n_events, b->events, b->n_events);
}

static void take_events(struct options *to, const struct options *from)
{
	to->events = from->events;
	to->n_events = from->n_events;
}

static bool same_args(const struct options *a, const struct options *b)
{
	return same_list(a->args, a->n_args, b->args, b->n_args);
}

static void take_args(struct options *to, const struct options *from)
{
	to->args = from->args;
	to->n_args = from->n_args;
}

static bool same_uid(const struct options *a, const struct options *b)
{
	return a->by_uid == b->by_uid && a->uid == b->uid;
}

static void take_uid(struct options *to, const struct options *from)
{
	to->by_uid = from->by_uid;
	to->uid = from->uid;
}

static bool same_comm(const struct options *a, const struct options *b)
{
	return same_text(a->comm, b->comm);
}

static void take_comm(struct options *to, const struct options *from)
{
	to->comm = from->comm;
}

static bool same_cgroup(const struct options *a, const struct options *b)
{
	return same_text(a->cgroup, b->cgroup);
}

static void take_cgroup(struct options *to, const struct options *from)
{
	to->cgroup = from->cgroup;
}

static bool same_rate(const struct options *a, const struct options *b)
{
	return a->rate == b->rate;
}

static void take_rate(struct options *to, const struct options *from)
{
	to->rate = from->rate;
}

static bool same_redact(const struct options *a, const struct options *b)
{
	return same_list(a->redact, a->n_redact, b->redact, b->n_redact);
}

static void take_redact(struct options *to, const struct options *from)
{
	to->redact = from->redact;
	to->n_redact = from->n_redact;
}

static const struct selector {
	const char *name;
	bool (*same)(const struct options *a, const struct options *b);
	void (*take)(struct options *to, const struct options *from);
} selectors[] = {
	{"event", same_events, take_events},  {"arg", same_args, take_args},
	{"uid", same_uid, take_uid},	      {"comm", same_comm, take_comm},
	{"cgroup", same_cgroup, take_cgroup}, {"rate", same_rate, take_rate},
	{"redact", same_redact, take_redact},
};

#define N_SELECTORS (sizeof(selectors) / sizeof(*selectors))

static const struct selector *selector_of(const struct option_row *row)
{
	size_t i;

	for (i = 0; i < N_SELECTORS; i++)
		if (!strcmp(selectors[i].name, row->name))
			return &selectors[i];
	return NULL;
}

/* Can a session made with these options change the option? What narrows -a goes with it, and where
 * no arguments are captured none can decide. */
static bool is_live(const struct option_row *row, const struct options *first)
{
	if (row->flags & ROW_NARROWS)
		return first->mode == MODE_ALL;
	if (!strcmp(row->name, "arg"))
		return !first->no_args;
	return row->flags & ROW_LIVE || selector_of(row);
}

/* The options of the start with what can be selected anew. */
static struct options select_anew(const struct options *first, const struct options *now)
{
	struct options o = *first;
	const struct option_row *rows;
	size_t n, i;

	rows = options_table(&n);
	for (i = 0; i < n; i++)
		if (selector_of(&rows[i]) && is_live(&rows[i], first))
			selector_of(&rows[i])->take(&o, now);
	return o;
}

static bool same_selection(const struct options *a, const struct options *b)
{
	size_t i;

	for (i = 0; i < N_SELECTORS; i++)
		if (!selectors[i].same(a, b))
			return false;
	return true;
}

/* Returns 0, or negative after a line said why the selection stays as it was. */
static int put_in_force(struct reload *r, struct session *s, const struct options *selected,
			const char *path)
{
	struct selection *selection;
	int err;

	if (same_selection(&r->selected, selected))
		return 0;
	log_place = path;
	selection = selection_new(selected);
	err = selection ? session_select(s, selection) : -1;
	log_place = NULL;
	return err;
}

/* --- the file --- */

static void add_name(struct buf *list, const char *name)
{
	buf_printf(list, "%s'%s'", list->len ? ", " : "", name);
}

/* What is not live stays as it was at the start until a restart. What the command line has, too,
 * does not change with the file. */
static void tell_changes(const struct reload *r, const struct options *now,
			 const struct options *selected)
{
	const char *path = config_path(now->config);
	const struct option_row *rows;
	struct buf taken = {0};
	bool changed;
	size_t n, i;

	rows = options_table(&n);
	for (i = 0; i < n; i++) {
		const struct selector *selector = selector_of(&rows[i]);

		changed = config_differs(r->latest->config, now->config, &rows[i]);
		if (!is_live(&rows[i], r->first)) {
			if (changed)
				log_warn("%s: '%s' has changed; it takes effect with a restart",
					 path, rows[i].name);
		} else if (selector ? !selector->same(&r->selected, selected) : changed) {
			add_name(&taken, rows[i].name);
		}
	}
	buf_char(&taken, '\0');
	if (taken.len > 1 && !taken.failed)
		log_warn("%s: in effect now: %s", path, taken.data);
	buf_free(&taken);
}

/* NULL when the file is wrong now, which has been told. */
static struct options *read_again(const struct reload *r)
{
	struct options *now = malloc(sizeof(*now));

	if (!now)
		return NULL;
	if (!options_parse(now, r->argc, r->argv))
		return now;
	free(now);
	return NULL;
}

/* The file as it is now; false when it is not taken over. */
static bool take_over(struct reload *r, struct session *s, struct options *now)
{
	struct options selected = select_anew(r->first, now);

	if (put_in_force(r, s, &selected, config_path(now->config)))
		return false;
	tell_changes(r, now, &selected);
	log_level = now->verbosity;
	reload_free(r);
	r->latest = r->own = now;
	r->selected = selected;
	return true;
}

void reload_run(struct reload *r, struct session *s)
{
	struct options *now = r->latest->config ? read_again(r) : NULL;

	if (r->latest->config && (!now || !take_over(r, s, now))) {
		log_warn("%s: not taken over; going on as before", config_path(r->latest->config));
		if (now)
			options_free(now);
		free(now);
	}
	session_reopen(s, r->latest);
}

void reload_free(struct reload *r)
{
	if (r->own)
		options_free(r->own);
	free(r->own);
	r->own = NULL;
}
