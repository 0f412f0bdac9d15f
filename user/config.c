// SPDX-License-Identifier: GPL-2.0-only
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "arg_filter.h"
#include "base/buf.h"
#include "base/log.h"
#include "filter.h"

#define FILE_LIMIT (1 << 20)
#define COUNT_MAX  9 /* of a flag that may be repeated */
#define QUOTE	   "quote values that begin with ! @ * & or %"

/* One value; a list is several in a row, an option without a value one with NULL. */
struct item {
	const struct option_row *row;
	char *value;
	unsigned int line;
};

struct config {
	const char *path;
	struct item *items;
	size_t n_items;
};

/* Returns USAGE_ERROR. */
static int complain(const struct config *c, unsigned int line, const char *what, const char *why)
{
	char place[512];

	snprintf(place, sizeof(place), "%.480s:%u", c->path, line);
	log_place = place;
	if (what)
		log_error("'%.200s': %s", what, why);
	else
		log_error("%s", why);
	log_place = NULL;
	return USAGE_ERROR;
}

static int add_item(struct config *c, const struct option_row *row, const char *value, size_t line)
{
	struct item *items = reallocarray(c->items, c->n_items + 1, sizeof(*items));
	char *copy = value ? strdup(value) : NULL;

	if (items)
		c->items = items;
	if (!items || (value && !copy)) {
		free(copy);
		return options_out_of_memory();
	}
	c->items[c->n_items++] = (struct item){row, copy, line};
	return 0;
}

static int add_flag(struct config *c, const struct option_row *row, const char *value, size_t line)
{
	int n = !strcmp(value, "true"), i, ret = 0;

	if (row->flags & ROW_COUNTS && *value >= '0' && *value <= '0' + COUNT_MAX && !value[1])
		n = *value - '0';
	else if (!n && strcmp(value, "false"))
		return complain(c, line, row->name,
				row->flags & ROW_COUNTS ? "not a number; give 0 to 9"
							: "a flag; give true or false");
	for (i = 0; i < n && !ret; i++)
		ret = add_item(c, row, NULL, line);
	return ret;
}

/* The text of a scalar, or NULL after a line said why it is none. */
static const char *scalar(const struct config *c, const yaml_node_t *node, const char *key)
{
	size_t line = node->start_mark.line + 1;
	const char *text = (const char *)node->data.scalar.value;

	if (node->type != YAML_SCALAR_NODE)
		complain(c, line, key, "not one value; write it on one line, or quote it");
	else if (strncmp((const char *)node->tag, "tag:yaml.org,", 13))
		complain(c, line, key,
			 "its value begins with !, a tag to YAML; quote it: \"!...\"");
	else if (strlen(text) != node->data.scalar.length)
		complain(c, line, key, "a NUL byte in its value; take it out");
	else if (!*text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		complain(c, line, key, "no value; give one, or take the line out");
	else
		return text;
	return NULL;
}

static int add_scalar(struct config *c, const struct option_row *row, const yaml_node_t *node)
{
	const char *text = scalar(c, node, row->name);
	size_t line = node->start_mark.line + 1;
	bool plain = node->type == YAML_SCALAR_NODE &&
		     node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (!text)
		return USAGE_ERROR;
	if (!row->arg ||
	    (row->optional && plain && (!strcmp(text, "true") || !strcmp(text, "false"))))
		return add_flag(c, row, text, line);
	return add_item(c, row, text, line);
}

static int add_list(struct config *c, const struct option_row *row, yaml_document_t *doc,
		    const yaml_node_t *list)
{
	yaml_node_item_t *at = list->data.sequence.items.start;
	int ret = 0;

	if (!(row->flags & ROW_REPEATS))
		return complain(c, list->start_mark.line + 1, row->name,
				"a list; this option takes one value");
	for (; at < list->data.sequence.items.top && !ret; at++)
		ret = add_scalar(c, row, yaml_document_get_node(doc, *at));
	return ret;
}

static const struct option_row *row_named(const char *name)
{
	const struct option_row *rows;
	size_t n, i;

	rows = options_table(&n);
	for (i = 0; i < n; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static int add_pair(struct config *c, yaml_document_t *doc, const yaml_node_pair_t *pair,
		    bool *seen)
{
	const yaml_node_t *key = yaml_document_get_node(doc, pair->key);
	const yaml_node_t *value = yaml_document_get_node(doc, pair->value);
	size_t line = key->start_mark.line + 1;
	const char *name = scalar(c, key, NULL);
	const struct option_row *row = name ? row_named(name) : NULL;

	if (!name)
		return USAGE_ERROR;
	if (!row)
		return complain(c, line, name,
				"no such option; use the long names of pyaudit-trace --help");
	if (row->flags & ROW_COMMAND_LINE)
		return complain(c, line, name, "only for the command line; take it out");
	if (seen[row - options_table(NULL)])
		return complain(c, line, name, "given twice; write a list, or take one out");
	seen[row - options_table(NULL)] = true;
	return value->type == YAML_SEQUENCE_NODE ? add_list(c, row, doc, value)
						 : add_scalar(c, row, value);
}

static int add_pairs(struct config *c, yaml_document_t *doc)
{
	const yaml_node_t *root = yaml_document_get_root_node(doc);
	bool seen[OPTIONS_MAX] = {false};
	yaml_node_pair_t *pair;
	int ret = 0;

	/* A file of comments, also behind a "---". */
	if (!root || (root->type == YAML_SCALAR_NODE && !root->data.scalar.length))
		return 0;
	if (root->type != YAML_MAPPING_NODE)
		return complain(c, root->start_mark.line + 1, NULL,
				"not a line of the form \"option: value\"; correct it");
	for (pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top && !ret;
	     pair++)
		ret = add_pair(c, doc, pair, seen);
	return ret;
}

static int yaml_error(const struct config *c, const yaml_parser_t *parser)
{
	unsigned int line = parser->problem_mark.line + 1;
	char why[256];

	if (parser->error == YAML_MEMORY_ERROR)
		return options_out_of_memory();
	snprintf(why, sizeof(why), "not YAML: %.100s; %s", parser->problem ?: "unreadable", QUOTE);
	return complain(c, line, NULL, why);
}

static int take_document(struct config *c, yaml_parser_t *parser)
{
	yaml_document_t doc;
	int ret;

	if (!yaml_parser_load(parser, &doc))
		return yaml_error(c, parser);
	ret = add_pairs(c, &doc);
	yaml_document_delete(&doc);
	if (ret)
		return ret;
	/* What follows must be the end. */
	if (!yaml_parser_load(parser, &doc))
		return yaml_error(c, parser);
	if (yaml_document_get_root_node(&doc))
		ret = complain(c, doc.start_mark.line + 1, NULL,
			       "a second document begins; keep one");
	yaml_document_delete(&doc);
	return ret;
}

struct config *config_parse(const char *path, const char *text, size_t len)
{
	struct config *c = calloc(1, sizeof(*c));
	yaml_parser_t parser;
	int ret;

	if (!c || !yaml_parser_initialize(&parser)) {
		options_out_of_memory();
		free(c);
		return NULL;
	}
	c->path = path;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	ret = take_document(c, &parser);
	yaml_parser_delete(&parser);
	if (!ret)
		return c;
	config_free(c);
	return NULL;
}

/* A negative errno, -EPERM for a file that anybody may write. */
static int read_file(int fd, struct buf *text)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISREG(st.st_mode) && st.st_mode & S_IWOTH)
		return -EPERM;
	do {
		if (!buf_reserve(text, 4096))
			return -ENOMEM;
		n = read(fd, text->data + text->len, 4096);
		if (n > 0)
			text->len += n;
		if (text->len > FILE_LIMIT)
			return -EFBIG;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

static void report_read(const char *path, int err)
{
	if (err == -EPERM)
		log_error("%.500s: anybody may write it; chmod o-w it", path);
	else if (err == -EFBIG)
		log_error("%.500s: longer than 1 MiB; is it the right file?", path);
	else
		log_error("%.500s: cannot be read: %s; check --config", path, strerror(-err));
}

struct config *config_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), err = fd < 0 ? -errno : 0;
	struct config *c = NULL;
	struct buf text = {0};

	if (!err)
		err = read_file(fd, &text);
	if (err)
		report_read(path, err);
	else
		c = config_parse(path, text.data ?: "", text.len);
	buf_free(&text);
	if (fd >= 0)
		close(fd);
	return c;
}

/* Patterns and rules are looked at here already, while it is known where they stand. */
static int check_events(const struct options *o, size_t first)
{
	struct filter filter;
	int ret = filter_init(&filter, o->events + first, o->n_events - first);

	filter_free(&filter);
	return ret ? USAGE_ERROR : 0;
}

static int check_args(const struct options *o, size_t first)
{
	struct arg_filter *args = arg_filter_new(o->args + first, o->n_args - first);

	arg_filter_free(args);
	return args ? 0 : USAGE_ERROR;
}

static int apply_item(const struct item *item, struct option_parser *p)
{
	size_t events = p->o.n_events, args = p->o.n_args;
	int ret = item->row->set(p, item->row, item->value);

	if (!ret && p->o.n_events > events)
		ret = check_events(&p->o, events);
	if (!ret && p->o.n_args > args)
		ret = check_args(&p->o, args);
	return ret;
}

/* -q and -v undo each other: one of them on the command line is instead of both. */
static bool overridden(const struct option_parser *p, const struct option_row *row, bool target)
{
	static const char *const volume[] = {"quiet", "verbose"};
	const struct option_row *rows = options_table(NULL);
	size_t i;

	for (i = 0; i < 2; i++)
		if (!strcmp(row->name, volume[i]) && p->given[row_named(volume[!i]) - rows])
			return true;
	return p->given[row - rows] || (target && row->flags & (ROW_TARGET | ROW_NARROWS));
}

int config_apply(const struct config *c, struct option_parser *p, bool target)
{
	char place[512];
	size_t i;
	int ret = 0;

	for (i = 0; i < c->n_items && !ret; i++) {
		const struct item *item = &c->items[i];

		snprintf(place, sizeof(place), "%.480s:%u", c->path, item->line);
		log_place = place;
		if (!overridden(p, item->row, target))
			ret = apply_item(item, p);
		log_place = NULL;
	}
	return ret;
}

static const struct item *next_of(const struct config *c, const struct option_row *row, size_t *at)
{
	for (; *at < c->n_items; ++*at)
		if (c->items[*at].row == row)
			return &c->items[(*at)++];
	return NULL;
}

bool config_differs(const struct config *a, const struct config *b, const struct option_row *row)
{
	const struct item *x, *y;
	size_t i = 0, j = 0;

	do {
		x = next_of(a, row, &i);
		y = next_of(b, row, &j);
		if (!x != !y || (x && strcmp(x->value ?: "", y->value ?: "")))
			return true;
	} while (x);
	return false;
}

const char *config_path(const struct config *c)
{
	return c->path;
}

void config_free(struct config *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->n_items; i++)
		free(c->items[i].value);
	free(c->items);
	free(c);
}
