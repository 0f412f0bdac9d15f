// SPDX-License-Identifier: GPL-2.0-only
#include "decode/stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "decode/line_table.h"
#include "decode/wire_decode.h"

#define BUCKETS 8192 /* a power of two */

/* How much younger than its end a record must be for all that refer to a code object to have come:
 * between looking whether it is known and sending the record lies the time of one event, or of a
 * thread that is preempted in the middle of it. */
#define LINGER_NS 2000000000ull

struct code {
	struct code *next;	    /* in its bucket */
	struct code *newer, *older; /* in its list, by use */
	uint64_t id;
	uint32_t pid;
	bool ending;
	uint64_t ended; /* boot clock when it was taken back */
	size_t size;
	int32_t lasti, line; /* what was looked up last */
	bool looked_up;
	struct wire_code head;
	unsigned char data[]; /* name, file, table, padded as in the record */
};

/* In order of their last use, or of their ending. */
struct code_list {
	struct code *newest, *oldest;
};

struct stack_cache {
	struct code *buckets[BUCKETS];
	struct code_list used, ending;
	size_t count, bytes, ending_bytes;
	uint64_t now; /* of the last record */
	stack_forget_fn forget;
	void *arg;
};

struct stack_cache *stack_cache_new(stack_forget_fn forget, void *arg)
{
	struct stack_cache *cache = calloc(1, sizeof(*cache));

	if (cache) {
		cache->forget = forget;
		cache->arg = arg;
	}
	return cache;
}

static struct code **bucket(struct stack_cache *cache, uint32_t pid, uint64_t id)
{
	/* The reference is a hash already. */
	return &cache->buckets[(id ^ pid) & (BUCKETS - 1)];
}

static struct code *find(struct stack_cache *cache, uint32_t pid, uint64_t id)
{
	struct code *c;

	for (c = *bucket(cache, pid, id); c; c = c->next)
		if (c->id == id && c->pid == pid)
			return c;
	return NULL;
}

static void list_remove(struct code_list *list, struct code *c)
{
	*(c->newer ? &c->newer->older : &list->newest) = c->older;
	*(c->older ? &c->older->newer : &list->oldest) = c->newer;
}

static void list_add(struct code_list *list, struct code *c)
{
	c->newer = NULL;
	c->older = list->newest;
	*(list->newest ? &list->newest->newer : &list->oldest) = c;
	list->newest = c;
}

static struct code_list *list_of(struct stack_cache *cache, const struct code *c)
{
	return c->ending ? &cache->ending : &cache->used;
}

static void drop(struct stack_cache *cache, struct code *c)
{
	struct code **at = bucket(cache, c->pid, c->id);

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	list_remove(list_of(cache, c), c);
	*(c->ending ? &cache->ending_bytes : &cache->bytes) -= c->size;
	cache->count -= !c->ending;
	free(c);
}

/* Takes a code object back from the kernel side. */
static void end(struct stack_cache *cache, struct code *c)
{
	list_remove(&cache->used, c);
	cache->count--;
	cache->bytes -= c->size;
	c->ending = true;
	cache->forget(c->pid, c->id, cache->arg);
	c->ended = clock_ns(CLOCK_BOOTTIME);
	list_add(&cache->ending, c);
	cache->ending_bytes += c->size;
}

static void revive(struct stack_cache *cache, struct code *c)
{
	list_remove(list_of(cache, c), c);
	if (c->ending) {
		cache->ending_bytes -= c->size;
		cache->bytes += c->size;
		cache->count++;
		c->ending = false;
	}
	list_add(&cache->used, c);
}

/* However fast a process makes new code: what is on its way out may be as much as what is kept.
 * Frames that refer to what had to go early are shown as not known. */
static void make_room(struct stack_cache *cache)
{
	while (cache->count > STACK_CACHE_CODES || cache->bytes > STACK_CACHE_BYTES)
		end(cache, cache->used.oldest);
	while (cache->ending.oldest && (cache->now > cache->ending.oldest->ended + LINGER_NS ||
					cache->ending_bytes > STACK_CACHE_BYTES))
		drop(cache, cache->ending.oldest);
}

static bool is_width(uint8_t width)
{
	return width == 1 || width == 2 || width == 4;
}

/* Whether the parts are what the record is long. */
static bool code_is_sound(const struct wire_code *w)
{
	uint64_t size = sizeof(*w) + WIRE_PAD((uint64_t)w->func_len) +
			WIRE_PAD((uint64_t)w->file_len) + WIRE_PAD((uint64_t)w->table_len);

	return size == w->head.size && is_width(w->func_width) && is_width(w->file_width) &&
	       !(w->func_len % w->func_width) && !(w->file_len % w->file_width);
}

int stack_cache_add(struct stack_cache *cache, const struct wire_code *w)
{
	size_t len = w->head.size - sizeof(*w);
	struct code *c, **at;

	cache->now = w->head.time;
	if (!code_is_sound(w))
		return -EBADMSG;
	c = find(cache, w->head.pid, w->code);
	if (c) {
		/* Its place in the kernel's map was needed: the same reference, the same content.
		 */
		revive(cache, c);
		return 0;
	}
	c = malloc(sizeof(*c) + len);
	if (!c)
		return -ENOMEM;
	*c = (struct code){.id = w->code, .pid = w->head.pid, .size = sizeof(*c) + len, .head = *w};
	memcpy(c->data, w + 1, len);
	at = bucket(cache, c->pid, c->id);
	c->next = *at;
	*at = c;
	list_add(&cache->used, c);
	cache->count++;
	cache->bytes += c->size;
	make_room(cache);
	return 0;
}

static int32_t code_line(struct code *c, int32_t lasti)
{
	const struct wire_code *w = &c->head;
	const unsigned char *table = c->data + WIRE_PAD(w->func_len) + WIRE_PAD(w->file_len);

	if (w->flags & WIRE_CODE_NO_TABLE || lasti == WIRE_LASTI_UNKNOWN)
		return 0;
	if (!c->looked_up || c->lasti != lasti) {
		c->line = line_table_find(w->lines, table, w->table_len, w->first_line, lasti);
		c->lasti = lasti;
		c->looked_up = true;
	}
	return c->line;
}

static void decode_frame(struct stack_cache *cache, uint32_t pid, const struct wire_frame *wire,
			 struct stack_frame *out)
{
	struct code *c = wire->error ? NULL : find(cache, pid, wire->code);

	*out = (struct stack_frame){.error = wire->error};
	if (!c) {
		/* It did not get through, or had to be forgotten. */
		out->error = wire->error ?: ENOBUFS;
		return;
	}
	if (!c->ending) {
		list_remove(&cache->used, c);
		list_add(&cache->used, c);
	}
	out->func = (struct text){c->data, c->head.func_len, c->head.func_width};
	out->file = (struct text){c->data + WIRE_PAD(c->head.func_len), c->head.file_len,
				  c->head.file_width};
	out->func_cut = c->head.flags & WIRE_CODE_FUNC_CUT ? 1 : 0;
	out->file_cut = c->head.flags & WIRE_CODE_FILE_CUT ? 1 : 0;
	out->line = code_line(c, wire->lasti);
}

static bool decode_at(struct stack_cache *cache, const struct wire_header *head, uint32_t at,
		      struct stack *out)
{
	const struct wire_stack *stack = wire_stack_at(head, at);
	const struct wire_frame *frames;
	uint32_t i;

	if (!stack)
		return false;
	cache->now = head->time;
	frames = (const struct wire_frame *)(stack + 1);
	out->n_frames = stack->frames;
	out->cut = stack->flags & WIRE_STACK_CUT;
	out->error = stack->error;
	for (i = 0; i < stack->frames; i++)
		decode_frame(cache, head->pid, &frames[i], &out->frames[i]);
	return true;
}

bool stack_decode(struct stack_cache *cache, const struct wire_audit *audit, struct stack *out)
{
	return decode_at(cache, &audit->head, audit->stack, out);
}

bool stack_decode_call(struct stack_cache *cache, const struct wire_syscall *call,
		       struct stack *out)
{
	return decode_at(cache, &call->head, call->stack, out);
}

size_t stack_cache_count(const struct stack_cache *cache)
{
	return cache->count;
}

size_t stack_cache_bytes(const struct stack_cache *cache)
{
	return cache->bytes + cache->ending_bytes;
}

static void free_list(struct code_list *list)
{
	struct code *c, *older;

	for (c = list->newest; c; c = older) {
		older = c->older;
		free(c);
	}
}

void stack_cache_free(struct stack_cache *cache)
{
	if (!cache)
		return;
	free_list(&cache->used);
	free_list(&cache->ending);
	free(cache);
}
