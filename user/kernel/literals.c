// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of events and formats of arguments are literals in an interpreter's read-only data. Where
 * they lie is found in the file once, so that the BPF side knows most of them by their address.
 * What is in an extension module, or finds no place in the table, it reads from memory as ever.
 */
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
	bool pass;
};

struct literals {
	struct sought *sought;
	size_t n;
	uint8_t begins[65536 / 8];     /* which two bytes one of them begins with */
	uint64_t taken[LITERAL_SLOTS]; /* keys in the map */
};

struct literals *literals_new(void)
{
	return calloc(1, sizeof(struct literals));
}

void literals_free(struct literals *l)
{
	if (l)
		free(l->sought);
	free(l);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct sought *)a)->text, ((const struct sought *)b)->text);
}

static unsigned int begin_of(const char *text)
{
	return (unsigned char)text[0] << 8 | (unsigned char)text[1];
}

/* False without memory. */
static bool prepare(struct literals *l, const struct tracer_options *o)
{
	size_t i;

	if (l->sought)
		return true;
	l->sought = calloc(o->n_names + N_FORMATS, sizeof(*l->sought));
	if (!l->sought)
		return false;
	for (i = 0; i < o->n_names; i++)
		l->sought[l->n++] = (struct sought){o->names[i], o->names_pass[i]};
	/* A format that is a name as well has the name's verdict: only names are asked for it. */
	for (i = 0; i < N_FORMATS; i++)
		l->sought[l->n++] = (struct sought){formats[i], true};
	qsort(l->sought, l->n, sizeof(*l->sought), compare);
	for (i = 0; i < l->n; i++)
		l->begins[begin_of(l->sought[i].text) / 8] |= 1 << begin_of(l->sought[i].text) % 8;
	return true;
}

/* A free place for the key, or -1. */
static int place_for(struct literals *l, uint64_t key)
{
	uint32_t slot = literal_slot(key), i;

	for (i = 0; i < LITERAL_TRIES; i++, slot = (slot + 1) % LITERAL_SLOTS) {
		if (!l->taken[slot]) {
			l->taken[slot] = key;
			return slot;
		}
	}
	return -1;
}

static void add(struct tracer *t, uint64_t key, const struct sought *found)
{
	struct known_literal known = {.key = key, .len = strlen(found->text), .pass = found->pass};
	int slot = known.len < sizeof(known.text) ? place_for(t->literals, key) : -1;

	if (slot < 0)
		return;
	memcpy(known.text, found->text, known.len);
	if (bpf_map_update_elem(bpf_map__fd(t->skel->maps.known_literals), &slot, &known, BPF_ANY))
		log_debug("known literals: %s", strerror(errno));
}

struct scan {
	struct tracer *t;
	uint32_t image;
};

/* Behind the page comes the beginning of the next, which a literal may reach into. */
static int scan_page(uint64_t addr, const void *data, size_t len, void *arg)
{
	const struct scan *scan = arg;
	struct literals *l = scan->t->literals;
	const char *text = data;
	size_t i;

	for (i = 0; i + 1 < len && i < LITERAL_PAGE; i++) {
		struct sought key = {.text = text + i}, *found;
		unsigned int begin = begin_of(text + i);

		if (!(l->begins[begin / 8] >> begin % 8 & 1) || !memchr(text + i, 0, len - i))
			continue;
		found = bsearch(&key, l->sought, l->n, sizeof(key), compare);
		if (found)
			add(scan->t, literal_index(scan->image, addr + i), found);
	}
	return 0;
}

void literals_add(struct tracer *t, int fd, uint32_t image)
{
	struct scan scan = {t, image};
	int err =
		prepare(t->literals, &t->options) ? py_image_pages(fd, scan_page, &scan) : -ENOMEM;

	if (err)
		log_debug("image %u: known literals: %s", image, strerror(-err));
}
