// SPDX-License-Identifier: GPL-2.0-only
#include "decode/wire_decode.h"

#include <errno.h>
#include <string.h>

#include "decode/bigint.h"
#include "decode/text_iter.h"

WIRE_ASSERTS;
WIRE_SYSCALL_ASSERTS;

/* A container whose children are being read. */
struct open_value {
	uint32_t index; /* of its value */
	uint32_t left;	/* children still to come */
};

struct reader {
	const unsigned char *p, *end;
	struct value *values;
	uint32_t n_values;
};

static const uint32_t record_sizes[] = {
	[WIRE_AUDIT] = sizeof(struct wire_audit),     [WIRE_FORK] = sizeof(struct wire_fork),
	[WIRE_EXEC] = sizeof(struct wire_exec),	      [WIRE_EXIT] = sizeof(struct wire_exit),
	[WIRE_PROCESS] = sizeof(struct wire_process), [WIRE_CODE] = sizeof(struct wire_code),
	[WIRE_SYSCALL] = sizeof(struct wire_syscall), [WIRE_THREAD] = sizeof(struct wire_thread),
};

#define N_RECORD_KINDS (sizeof(record_sizes) / sizeof(record_sizes[0]))

/* Properties an object may have, by enum wire_object. */
static const uint8_t object_properties[] = {
	[WIRE_OBJECT_PLAIN] = 0,     [WIRE_OBJECT_CODE] = 3,	   [WIRE_OBJECT_FUNCTION] = 1,
	[WIRE_OBJECT_TYPE] = 1,	     [WIRE_OBJECT_MODULE] = 1,	   [WIRE_OBJECT_SOCKET] = 1,
	[WIRE_OBJECT_PATH] = 1,	     [WIRE_OBJECT_PATH_PARTS] = 1, [WIRE_OBJECT_MAPPING] = 1,
	[WIRE_OBJECT_FILE] = 1,	     [WIRE_OBJECT_EXCEPTION] = 1,  [WIRE_OBJECT_FRAME] = 2,
	[WIRE_OBJECT_TRACEBACK] = 3, [WIRE_OBJECT_CTYPES] = 1,	   [WIRE_OBJECT_DIR_ENTRY] = 1,
};

int wire_check(const void *data, size_t size, const struct wire_header **head)
{
	const struct wire_header *h = data;

	if (size < sizeof(*h) || (uintptr_t)data % 8)
		return -EBADMSG;
	if (h->size > size || h->size % 8 || h->size > WIRE_MAX_SIZE)
		return -EBADMSG;
	if (h->kind >= N_RECORD_KINDS || !record_sizes[h->kind] || h->size < record_sizes[h->kind])
		return -EBADMSG;
	*head = h;
	return 0;
}

const struct wire_audit *wire_as_audit(const struct wire_header *head)
{
	return head->kind == WIRE_AUDIT ? (const struct wire_audit *)head : NULL;
}

const struct wire_fork *wire_as_fork(const struct wire_header *head)
{
	return head->kind == WIRE_FORK ? (const struct wire_fork *)head : NULL;
}

const struct wire_exec *wire_as_exec(const struct wire_header *head)
{
	return head->kind == WIRE_EXEC ? (const struct wire_exec *)head : NULL;
}

const struct wire_exit *wire_as_exit(const struct wire_header *head)
{
	return head->kind == WIRE_EXIT ? (const struct wire_exit *)head : NULL;
}

const struct wire_thread *wire_as_thread(const struct wire_header *head)
{
	return head->kind == WIRE_THREAD ? (const struct wire_thread *)head : NULL;
}

const struct wire_process *wire_as_process(const struct wire_header *head)
{
	return head->kind == WIRE_PROCESS ? (const struct wire_process *)head : NULL;
}

const struct wire_part *wire_part_next(const struct wire_process *process,
				       const struct wire_part *last)
{
	const char *end = (const char *)process + process->head.size;
	const char *p = (const char *)(process + 1);
	size_t left;

	if (last)
		p = (const char *)(last + 1) + WIRE_PAD((size_t)last->len);
	left = end - p;
	if (left < sizeof(*last))
		return NULL;
	last = (const struct wire_part *)p;
	return WIRE_PAD((uint64_t)last->len) <= left - sizeof(*last) ? last : NULL;
}

const struct wire_syscall *wire_as_syscall(const struct wire_header *head)
{
	return head->kind == WIRE_SYSCALL ? (const struct wire_syscall *)head : NULL;
}

const struct wire_code *wire_as_code(const struct wire_header *head)
{
	return head->kind == WIRE_CODE ? (const struct wire_code *)head : NULL;
}

/* NULL if the record has none, or no room for it. */
static const struct wire_trace *trace_of(const struct wire_header *head)
{
	const struct wire_audit *audit = wire_as_audit(head);
	size_t size = sizeof(struct wire_trace);

	if (!audit || !(audit->flags & WIRE_AUDIT_TRACE) || head->size < sizeof(*audit) + size)
		return NULL;
	return (const struct wire_trace *)((const char *)head + head->size - size);
}

/* Where what comes before the trace ends. */
static uint32_t end_of(const struct wire_header *head)
{
	return head->size - (trace_of(head) ? sizeof(struct wire_trace) : 0);
}

const struct wire_stack *wire_stack_at(const struct wire_header *head, uint32_t at)
{
	const struct wire_stack *stack;
	uint32_t size = end_of(head);

	if (at < record_sizes[head->kind] || at % 8 || at > size || size - at < sizeof(*stack))
		return NULL;
	stack = (const struct wire_stack *)((const char *)head + at);
	if (stack->frames > WIRE_MAX_FRAMES ||
	    size - at - sizeof(*stack) != stack->frames * sizeof(struct wire_frame))
		return NULL;
	return stack;
}

/* Takes v's payload of len bytes, which holds units of `unit` bytes each; `whole` units would be
 * all. */
static int take_payload(struct reader *r, struct value *v, uint32_t len, uint32_t unit,
			uint64_t whole)
{
	size_t padded = ((size_t)len + 7) & ~(size_t)7;

	if (padded > (size_t)(r->end - r->p) || len % unit)
		return -EBADMSG;
	v->text = (struct text){.data = r->p, .len = len};
	r->p += padded;
	if (len / unit < whole)
		v->status = WIRE_TRUNCATED;
	return 0;
}

static int take_children(struct value *v, uint32_t len, uint64_t whole)
{
	v->children = len;
	if (len < whole)
		v->status = WIRE_TRUNCATED;
	return 0;
}

static int take_str(struct reader *r, struct value *v, uint32_t len)
{
	if (v->aux > 4 || v->aux == 3)
		return -EBADMSG;
	if (take_payload(r, v, len, v->aux ?: 1, v->num))
		return -EBADMSG;
	v->text.width = v->aux;
	return 0;
}

/* A traceback may lack its last one, the line. */
static uint32_t properties_needed(uint16_t object)
{
	return object_properties[object] - (object == WIRE_OBJECT_TRACEBACK);
}

static int take_object(struct reader *r, struct value *v, uint32_t len)
{
	if (v->aux >= sizeof(object_properties) || v->num > object_properties[v->aux])
		return -EBADMSG;
	v->children = v->num;
	if (v->num < properties_needed(v->aux)) {
		v->status = WIRE_TRUNCATED;
		v->num = properties_needed(v->aux);
	}
	return take_payload(r, v, len, 1, 0);
}

/* What follows a value that could be read. */
static int take_body(struct reader *r, struct value *v, uint32_t len)
{
	switch (v->kind) {
	case WIRE_NONE:
	case WIRE_BOOL:
	case WIRE_INT:
	case WIRE_UINT:
	case WIRE_FLOAT: return len ? -EBADMSG : 0;
	case WIRE_BIGINT:
		return len > 4 * BIGINT_MAX_DIGITS ? -EBADMSG : take_payload(r, v, len, 4, v->num);
	case WIRE_STR: return take_str(r, v, len);
	case WIRE_BYTES:
	case WIRE_BYTEARRAY: return take_payload(r, v, len, 1, v->num);
	case WIRE_TUPLE:
	case WIRE_LIST: return take_children(v, len, v->num);
	case WIRE_DICT:
		if (len % 2 || take_children(v, len, 0))
			return -EBADMSG;
		if (len / 2 < v->num)
			v->status = WIRE_TRUNCATED;
		return 0;
	case WIRE_OBJECT: return take_object(r, v, len);
	}
	return -EBADMSG;
}

/* One value without its children. */
static int take_value(struct reader *r)
{
	struct wire_value w;
	struct value *v;

	if (r->n_values == WIRE_DECODE_VALUES || (size_t)(r->end - r->p) < sizeof(w))
		return -EBADMSG;
	memcpy(&w, r->p, sizeof(w));
	r->p += sizeof(w);
	v = &r->values[r->n_values++];
	*v = (struct value){.kind = w.kind, .status = w.status, .aux = w.aux, .num = w.num};
	switch (w.status) {
	case WIRE_OK:
	case WIRE_TRUNCATED: return take_body(r, v, w.len);
	case WIRE_NULL:
	case WIRE_UNREADABLE:
	case WIRE_UNSUPPORTED: return w.len || w.kind > WIRE_OBJECT ? -EBADMSG : 0;
	}
	return -EBADMSG;
}

/*
 * Reads `top` values with all that is below them. A container's span is known when its last child
 * has been read, which may end several containers at once.
 */
static int take_values(struct reader *r, uint32_t top)
{
	struct open_value stack[WIRE_DECODE_DEPTH + 1];
	uint32_t depth = 0, at;

	stack[0].left = top;
	for (;;) {
		while (!stack[depth].left) {
			if (!depth)
				return 0;
			at = stack[depth--].index;
			r->values[at].span = r->n_values - at - 1;
		}
		stack[depth].left--;
		at = r->n_values;
		if (take_value(r))
			return -EBADMSG;
		if (!r->values[at].children)
			continue;
		if (depth == WIRE_DECODE_DEPTH)
			return -EBADMSG;
		stack[++depth] = (struct open_value){.index = at, .left = r->values[at].children};
	}
}

/* os.environ keeps bytes and shows text: UTF-8 in which other bytes stand for themselves, as text
 * from C does here. */
static void decode_environment(struct value *mapping)
{
	struct value *dict = mapping + 1, *v = dict + 1;
	uint32_t i;

	if (mapping->children != 1 || dict->kind != WIRE_DICT)
		return;
	for (i = 0; i < dict->children; i++, v += 1 + v->span) {
		if (v->kind != WIRE_BYTES)
			continue;
		v->kind = WIRE_STR;
		v->text.width = 0;
	}
}

static void decode_mappings(struct reader *r)
{
	uint32_t i;

	for (i = 0; i < r->n_values; i++)
		if (r->values[i].kind == WIRE_OBJECT && r->values[i].aux == WIRE_OBJECT_MAPPING)
			decode_environment(&r->values[i]);
}

static int take_name(const struct value *v, struct audit_event *ev)
{
	ev->name = (struct text){0};
	ev->name_text[0] = '\0';
	ev->name_whole = 0;
	if (v->status != WIRE_OK && v->status != WIRE_TRUNCATED)
		return 0;
	if (v->kind != WIRE_STR)
		return -EBADMSG;
	ev->name = v->text;
	if (v->status == WIRE_TRUNCATED) {
		ev->name.len -= text_cut_tail(&ev->name);
		ev->name_whole = v->num ?: 1;
	}
	text_to_utf8(&ev->name, ev->name_text, sizeof(ev->name_text));
	return 0;
}

static void take_head(const struct wire_header *head, struct audit_event *ev)
{
	ev->type = RECORD_AUDIT;
	ev->pid = head->pid;
	ev->tid = head->tid;
	ev->uid = head->uid;
	memcpy(ev->comm, head->comm, WIRE_COMM_LEN);
	ev->comm[WIRE_COMM_LEN] = '\0';
}

int wire_decode_audit(const void *data, size_t size, struct wire_decoder *d, struct audit_event *ev)
{
	const struct wire_header *head;
	const struct wire_audit *audit;
	struct reader r = {.values = d->values};
	uint32_t end;

	if (wire_check(data, size, &head))
		return -EBADMSG;
	audit = wire_as_audit(head);
	if (!audit || !audit->values || (audit->stack && !wire_stack_at(head, audit->stack)))
		return -EBADMSG;
	end = audit->stack ?: end_of(head);
	ev->trace = trace_of(head);
	if (end > WIRE_MAX_RECORD || (audit->flags & WIRE_AUDIT_TRACE && !ev->trace))
		return -EBADMSG;
	r.p = (const unsigned char *)(audit + 1);
	r.end = (const unsigned char *)data + end;
	if (take_values(&r, audit->values) || r.p != r.end || take_name(d->values, ev))
		return -EBADMSG;
	decode_mappings(&r);
	/* A name is text without children: the arguments begin right behind it. */
	take_head(head, ev);
	ev->flags = audit->flags & WIRE_AUDIT_VALUES;
	ev->no_args = audit->flags & WIRE_AUDIT_NO_ARGS;
	ev->n_args = audit->values - 1;
	ev->args_total = audit->args > ev->n_args ? audit->args : ev->n_args;
	ev->n_values = r.n_values - 1;
	ev->values = d->values + 1;
	return 0;
}

void wire_set_name(struct audit_event *ev, const char *name)
{
	size_t len = strnlen(name, WIRE_MAX_NAME);

	memcpy(ev->name_text, name, len);
	ev->name_text[len] = '\0';
	ev->name = text_of_bytes(ev->name_text, len);
}
