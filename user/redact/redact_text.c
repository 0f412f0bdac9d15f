// SPDX-License-Identifier: GPL-2.0-only
/* Texts to be redacted, and putting tokens into them. */
#include <stdlib.h>

#include "decode/text_iter.h"
#include "redact/redact_text.h"

#define BLOCK_SIZE (64 << 10)

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	char data[];
};

void arena_reset(struct arena *a)
{
	struct arena_block *first = a->blocks, *block;

	if (!first)
		return;
	while ((block = first->next)) {
		first->next = block->next;
		free(block);
	}
	first->used = 0;
}

void arena_free(struct arena *a)
{
	arena_reset(a);
	free(a->blocks);
	a->blocks = NULL;
}

/* NULL without memory. Aligned for code units. */
static char *arena_take(struct arena *a, size_t size)
{
	struct arena_block *block = a->blocks;
	char *data;

	size = WIRE_PAD(size);
	if (!block || block->size - block->used < size) {
		block = malloc(sizeof(*block) + (size > BLOCK_SIZE ? size : BLOCK_SIZE));
		if (!block)
			return NULL;
		block->next = a->blocks;
		block->size = size > BLOCK_SIZE ? size : BLOCK_SIZE;
		block->used = 0;
		a->blocks = block;
	}
	data = block->data + block->used;
	block->used += size;
	return data;
}

bool view_of_value(const struct value *v, struct view *view)
{
	uint8_t size = v->text.width ?: 1;

	if (v->kind != WIRE_STR && v->kind != WIRE_BYTES && v->kind != WIRE_BYTEARRAY)
		return false;
	if (v->status != WIRE_OK && v->status != WIRE_TRUNCATED)
		return false;
	*view = (struct view){
		.data = v->text.data,
		.n = v->text.len / size,
		.unit_size = size,
		.cut = v->status == WIRE_TRUNCATED,
	};
	return true;
}

uint32_t view_find(const struct view *v, uint32_t from, uint32_t to, char unit)
{
	const char *data = v->data, *at;
	uint32_t i;

	if (from >= to)
		return to;
	if (v->unit_size == 1) {
		at = memchr(data + from, unit, to - from);
		return at ? (uint32_t)(at - data) : to;
	}
	for (i = from; i < to && view_at(v, i) != (unsigned char)unit; i++)
		;
	return i;
}

static uint32_t lower(uint32_t unit)
{
	return unit >= 'A' && unit <= 'Z' ? unit + ('a' - 'A') : unit;
}

bool view_starts(const struct view *v, uint32_t from, uint32_t to, const char *text)
{
	for (; *text; text++, from++)
		if (from >= to || lower(view_at(v, from)) != (unsigned char)*text)
			return false;
	return true;
}

bool unit_is_space(uint32_t unit)
{
	return unit <= ' ' || unit == 0x7f;
}

bool unit_is_in(uint32_t unit, const char *set)
{
	return unit && unit < 0x80 && strchr(set, (int)unit);
}

/* What names of secrets end in, without - _ and dots. */
static const char *const secret_ends[] = {
	"password",  "passwd",	   "passphrase", "secret",	"token",     "apikey",	"accesskey",
	"secretkey", "privatekey", "credential", "credentials", "signature", "authkey",
};

/* What they are as a whole. */
static const char *const secret_names[] = {
	"pass",	   "pwd",	"sig",	  "authorization", "proxyauthorization",
	"cookie",  "setcookie", "dbpass", "userpass",	   "sshpass",
	"keypass", "storepass",
};

/* Names with such an end that are of something else: places in lists, and parts of language models.
 */
static const char *const harmless[] = {
	"nexttoken",	 "pagetoken", "nextpagetoken", "continuationtoken", "startingtoken",
	"continuetoken", "maxtoken",  "eostoken",      "bostoken",	    "padtoken",
	"unktoken",	 "septoken",  "clstoken",      "masktoken",	    "stoptoken",
};

static bool is_listed(const char *name, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(name, list[i]))
			return true;
	return false;
}

static bool ends_in_secret(const char *name, size_t len)
{
	size_t i, n;

	for (i = 0; i < sizeof(secret_ends) / sizeof(*secret_ends); i++) {
		n = strlen(secret_ends[i]);
		if (len >= n && !strcmp(name + len - n, secret_ends[i]))
			return true;
	}
	return false;
}

bool view_is_secret_name(const struct view *v, uint32_t from, uint32_t to)
{
	char name[48];
	size_t len = 0;
	uint32_t unit;

	/* Of a long name its end is enough; the room also takes what is left out. */
	if (to - from >= sizeof(name))
		from = to - (sizeof(name) - 1);
	for (; from < to; from++) {
		unit = lower(view_at(v, from));
		if (!unit_is_in(unit, "-_.[]"))
			name[len++] = unit >= 0x80 || !unit ? '?' : (char)unit;
	}
	name[len] = '\0';
	if (is_listed(name, harmless, sizeof(harmless) / sizeof(*harmless)))
		return false;
	return ends_in_secret(name, len) ||
	       is_listed(name, secret_names, sizeof(secret_names) / sizeof(*secret_names));
}

void spans_add(struct spans *s, uint32_t from, uint32_t to, const char *token)
{
	if (from >= to)
		return;
	if (s->n == SPANS_MAX) {
		/* There is no place to keep another: from the last one on all goes. */
		s->list[SPANS_MAX - 1].to = UINT32_MAX;
		if (from < s->list[SPANS_MAX - 1].from)
			s->list[SPANS_MAX - 1].from = from;
		return;
	}
	s->list[s->n++] = (struct span){from, to, token};
}

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->from != y->from ? (x->from > y->from) - (x->from < y->from)
				  : (x->to < y->to) - (x->to > y->to);
}

/* In order, and apart from one another: of two that overlap the first one's token tells. */
static void spans_tidy(struct spans *s, uint32_t n)
{
	uint32_t i, kept = 0;

	qsort(s->list, s->n, sizeof(*s->list), compare_spans);
	for (i = 0; i < s->n; i++) {
		struct span *span = &s->list[i], *last = &s->list[kept ? kept - 1 : 0];

		if (span->to > n)
			span->to = n;
		if (kept && span->from < last->to)
			last->to = span->to > last->to ? span->to : last->to;
		else
			s->list[kept++] = *span;
	}
	s->n = kept;
}

size_t spans_size(struct spans *s, const struct view *view)
{
	size_t units = view->n;
	uint32_t i;

	spans_tidy(s, view->n);
	for (i = 0; i < s->n; i++)
		units += strlen(s->list[i].token) - (s->list[i].to - s->list[i].from);
	return units * view->unit_size;
}

static char *put_token(char *w, const char *token, uint8_t unit_size)
{
	uint16_t half;
	uint32_t unit;

	for (; *token; token++, w += unit_size) {
		unit = half = (unsigned char)*token;
		if (unit_size == 1)
			*w = *token;
		else
			memcpy(w, unit_size == 2 ? (void *)&half : (void *)&unit, unit_size);
	}
	return w;
}

void spans_write(const struct spans *s, const struct view *view, char *out)
{
	const char *data = view->data;
	size_t size = view->unit_size;
	uint32_t i, at = 0;

	for (i = 0; i < s->n; i++) {
		out = mempcpy(out, data + at * size, (s->list[i].from - at) * size);
		out = put_token(out, s->list[i].token, view->unit_size);
		at = s->list[i].to;
	}
	memcpy(out, data + at * size, (view->n - at) * size);
}

void spans_apply(struct spans *s, const struct view *view, struct value *v, struct arena *arena)
{
	size_t size;
	char *text;

	if (!s->n)
		return;
	size = spans_size(s, view);
	if (s->n == 1 && !s->list[0].from && s->list[0].to == view->n) {
		value_replace(v, s->list[0].token);
		return;
	}
	text = size < UINT32_MAX ? arena_take(arena, size) : NULL;
	if (!text) {
		value_replace(v, TOKEN_MEMORY);
		return;
	}
	spans_write(s, view, text);
	v->text.data = text;
	v->text.len = (uint32_t)size;
	/* What was cut stays so, with the length it really had. */
	if (v->status == WIRE_OK)
		v->num = size / view->unit_size;
}

void value_replace(struct value *v, const char *token)
{
	if (v->status != WIRE_OK && v->status != WIRE_TRUNCATED)
		return;
	if (v->kind != WIRE_BYTES && v->kind != WIRE_BYTEARRAY)
		v->kind = WIRE_STR;
	v->status = WIRE_OK;
	v->aux = 0;
	v->children = 0; /* their places stay: span */
	v->text = text_of_cstr(token);
	v->num = v->text.len;
}
