// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of events and formats of arguments are literals in an interpreter's read-only data. Where
 * they lie is found in the file once, so that the BPF side knows most of them by their address.
 * What is in an extension module, or finds no place in the table, it reads from memory as ever.
 */
#include "kernel/literals.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kernel/tracer_state.h"

/* The formats that CPython 3.8 to 3.15 raises events with most. */
static const char *const formats[] = {
	"(O)",	"(i)",	"CO",  "II",   "Ki",	"O",	 "OCi",	      "OIIi", "OO",   "OOO",
	"OOOO", "OOOi", "OOi", "OOii", "OOiii", "OOOOO", "OOOiiiiii", "Oi",   "OiO",  "Oii",
	"Oiii", "Ok",	"On",  "Os",   "OsO",	"Osi",	 "Ou",	      "i",    "iIIi", "iO",
	"iOOO", "ii",	"iiO", "iii",  "iil",	"in",	 "is",	      "k",    "l",    "n",
	"nO",	"ni",	"nn",  "s",    "sCi",	"sO",	 "ss",	      "y#",   "yO",
};

#define N_FORMATS (sizeof(formats) / sizeof(*formats))

/* What is looked for, sorted. */
struct sought {
	const char *text;
	int name; /* its number; LITERAL_FORMAT */
};

struct literals {
	struct sought *sought;
	size_t n;
	uint8_t begins[65536 / 8];     /* which two bytes one of them begins with */
	uint64_t taken[LITERAL_SLOTS]; /* keys in the map */
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct sought *)a)->text, ((const struct sought *)b)->text);
}

static unsigned int begin_of(const char *text)
{
	return (unsigned char)text[0] << 8 | (unsigned char)text[1];
}

struct literals *literals_new(const char *const *names, size_t n)
{
	struct literals *l = calloc(1, sizeof(*l));
	size_t i;

	if (!l)
		return NULL;
	l->sought = calloc(n + N_FORMATS, sizeof(*l->sought));
	if (!l->sought) {
		free(l);
		return NULL;
	}
	for (i = 0; i < n; i++)
		l->sought[l->n++] = (struct sought){names[i], i};
	for (i = 0; i < N_FORMATS; i++)
		l->sought[l->n++] = (struct sought){formats[i], LITERAL_FORMAT};
	qsort(l->sought, l->n, sizeof(*l->sought), compare);
	for (i = 0; i < l->n; i++)
		l->begins[begin_of(l->sought[i].text) / 8] |= 1 << begin_of(l->sought[i].text) % 8;
	return l;
}

void literals_free(struct literals *l)
{
	if (l)
		free(l->sought);
	free(l);
}

static const struct sought *find(const struct literals *l, const char *text)
{
	const struct sought key = {.text = text};

	return bsearch(&key, l->sought, l->n, sizeof(key), compare);
}

void literals_scan(const struct literals *l, const char *data, size_t len, size_t before,
		   literal_fn fn, void *arg)
{
	const struct sought *found;
	unsigned int begin;
	size_t i;

	for (i = 0; i + 1 < len && i < before; i++) {
		begin = begin_of(data + i);
		if (!(l->begins[begin / 8] >> begin % 8 & 1) || !memchr(data + i, 0, len - i))
			continue;
		found = find(l, data + i);
		if (found)
			fn(i, found->text, found->name, arg);
	}
}

/* A free place for the key, or -1. */
static int place_for(struct literals *l, uint64_t key)
{
	uint32_t slot = literal_slot(key), i;

	for (i = 0; i < LITERAL_TRIES; i++, slot = (slot + 1) % LITERAL_SLOTS) {
		if (!l->taken[slot] || l->taken[slot] == LITERAL_GONE) {
			l->taken[slot] = key;
			return slot;
		}
	}
	return -1;
}

struct scan {
	struct tracer *t;
	uint32_t image;
	uint64_t page;
};

static uint8_t verdict_of(const struct tracer *t, const struct tracer_filter *f, int name)
{
	return name == LITERAL_FORMAT ? VERDICT_PASS : tracer_verdict(t, f, name);
}

static void add(size_t at, const char *text, int name, void *arg)
{
	const struct scan *scan = arg;
	uint8_t verdict = verdict_of(scan->t, &scan->t->filter, name);
	struct known_literal known = {.key = literal_index(scan->image, scan->page + at),
				      .len = strlen(text),
				      .verdict = {verdict, verdict}};
	int slot = known.len < sizeof(known.text) ? place_for(scan->t->literals, known.key) : -1;

	if (slot < 0)
		return;
	memcpy(known.text, text, known.len);
	if (bpf_map_update_elem(bpf_map__fd(scan->t->skel->maps.known_literals), &slot, &known,
				BPF_ANY))
		log_debug("known literals: %s", strerror(errno));
}

/* Behind the page comes the beginning of the next, which a literal may reach into. */
static int scan_page(uint64_t addr, const void *data, size_t len, void *arg)
{
	struct scan *scan = arg;

	scan->page = addr;
	literals_scan(scan->t->literals, data, len, LITERAL_PAGE, add, scan);
	return 0;
}

struct pages {
	int map;
	uint32_t image;
};

static int add_literal_page(uint64_t addr, const void *data, size_t len, void *arg)
{
	const struct pages *pages = arg;
	struct literal_key key = {.addr = addr, .image = pages->image};
	struct literal_page page = {0};

	memcpy(page.text, data, len < sizeof(page.text) ? len : sizeof(page.text));
	return bpf_map_update_elem(pages->map, &key, &page, BPF_ANY);
}

/* What the programs cannot read from memory that is not there they take from here. */
static void add_pages(struct tracer *t, int fd, uint32_t number)
{
	struct pages pages = {bpf_map__fd(t->skel->maps.literals), number};
	int err = t->sleepable ? 0 : py_image_pages(fd, add_literal_page, &pages);

	if (err)
		log_warn("image %u: literals not all known: %s; a few events may lack their name "
			 "or arguments",
			 number, strerror(-err));
}

int literals_judge(struct tracer *t, const struct tracer_filter *f, uint32_t half)
{
	int map = bpf_map__fd(t->skel->maps.known_literals);
	const struct literals *l = t->literals;
	const struct sought *found;
	struct known_literal known;
	uint32_t slot;

	for (slot = 0; slot < LITERAL_SLOTS; slot++) {
		if (!l->taken[slot] || l->taken[slot] == LITERAL_GONE)
			continue;
		if (bpf_map_lookup_elem(map, &slot, &known))
			return -errno;
		found = find(l, known.text);
		known.verdict[half] = found ? verdict_of(t, f, found->name) : VERDICT_PASS;
		if (bpf_map_update_elem(map, &slot, &known, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* Pages of literals that are an image's. */
static void drop_pages(struct tracer *t, uint32_t number)
{
	int map = bpf_map__fd(t->skel->maps.literals);
	struct literal_key key, next;
	bool more = !t->sleepable && !bpf_map_get_next_key(map, NULL, &next);

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (key.image == number)
			bpf_map_delete_elem(map, &key);
	}
}

void literals_add(struct tracer *t, int fd, uint32_t image)
{
	struct scan scan = {t, image, 0};
	int err = py_image_pages(fd, scan_page, &scan);

	if (err)
		log_debug("image %u: known literals: %s", image, strerror(-err));
	add_pages(t, fd, image);
}

void literals_drop(struct tracer *t, uint32_t image)
{
	const struct known_literal gone = {.key = LITERAL_GONE};
	struct literals *l = t->literals;
	uint32_t slot;

	for (slot = 0; slot < LITERAL_SLOTS; slot++) {
		if (!literal_is_of(l->taken[slot], image))
			continue;
		l->taken[slot] = LITERAL_GONE;
		if (bpf_map_update_elem(bpf_map__fd(t->skel->maps.known_literals), &slot, &gone,
					BPF_ANY))
			log_warn("image %u: its literals cannot be dropped: %s; start anew if "
				 "names look wrong",
				 image, strerror(errno));
	}
	drop_pages(t, image);
}
