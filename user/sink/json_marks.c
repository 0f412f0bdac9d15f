// SPDX-License-Identifier: GPL-2.0-only
/*
 * "truncated" and "unreadable": which values of an audit record are not whole, by where they are.
 *
 *   path            an argument              args[2]          an element
 *   env.PATH        a value of a dict        code.file        a property of an object
 *   env.items[3][1] a dict whose keys are not all str: pair 3; 0 is its key, 1 its value
 *   path.parts[1]   a segment of a pathlib path, whose own true length is not known
 *   event           the event's name: how long it was at least
 *   [args]          the argument list: how many arguments there were, or why it is not complete
 *   stack           the call stack: how many frames there were at least, or why it ends there
 *   stack[2]        a frame
 *   syscalls        the system calls an event led to: how many there were
 *
 * Both are written rarely; the writer looks for them only after it has met such a value.
 */
#include "sink/json.h"

#include "decode/text_iter.h"
#include "decode/wire_decode.h"
#include "sink/format.h"

enum step_kind { STEP_ARG, STEP_INDEX, STEP_ITEM, STEP_KEY, STEP_PROPERTY };

struct step {
	enum step_kind kind;
	uint32_t index, side;
	const struct value *key;
	const char *name;
};

struct walk {
	struct buf *out;
	const struct audit_event *event;
	bool unreadable; /* looks for these, otherwise for truncated ones */
	bool any;
	uint32_t depth;
	struct step steps[WIRE_DECODE_DEPTH + 2];
};

static void walk_value(struct walk *w, const struct value *v);

static void add_index(struct buf *out, uint32_t index)
{
	buf_char(out, '[');
	buf_u64(out, index);
	buf_char(out, ']');
}

/* A key's text as it is inside quotes. */
static void add_key(struct buf *out, const struct value *key)
{
	size_t start = out->len;

	json_text(out, &key->text);
	if (out->failed)
		return;
	out->data[start] = '.';
	buf_truncate(out, out->len - 1);
}

static void add_step(struct walk *w, const struct step *step)
{
	switch (step->kind) {
	case STEP_ARG: format_arg_name(w->out, w->event, step->index); return;
	case STEP_INDEX: add_index(w->out, step->index); return;
	case STEP_ITEM:
		buf_lit(w->out, ".items");
		add_index(w->out, step->index);
		add_index(w->out, step->side);
		return;
	case STEP_KEY: add_key(w->out, step->key); return;
	case STEP_PROPERTY:
		buf_char(w->out, '.');
		buf_str(w->out, step->name);
		return;
	}
}

static void start_member(struct walk *w)
{
	if (!w->any)
		buf_str(w->out, w->unreadable ? ",\"unreadable\":{" : ",\"truncated\":{");
	else
		buf_char(w->out, ',');
	buf_char(w->out, '"');
	w->any = true;
}

static void add_path(struct walk *w)
{
	uint32_t i;

	start_member(w);
	for (i = 0; i < w->depth; i++)
		add_step(w, &w->steps[i]);
	buf_lit(w->out, "\":");
}

static uint64_t true_length(const struct value *v)
{
	/* Ints are counted in bytes, as --string-limit counts what is copied of them. */
	if (v->kind == WIRE_BIGINT)
		return v->num < UINT64_MAX / 4 ? v->num * 4 : UINT64_MAX;
	return v->num;
}

static void add_reason(struct buf *out, const struct value *v)
{
	buf_char(out, '"');
	if (v->status == WIRE_UNREADABLE)
		format_errno(out, v->num);
	else
		buf_lit(out, "unsupported");
	buf_char(out, '"');
}

/* An object's num is the properties it should have: how long a cut type name was is not known. */
static bool is_cut(const struct value *v)
{
	return v->status == WIRE_TRUNCATED && (v->kind != WIRE_OBJECT || v->num > v->children);
}

static void mark_value(struct walk *w, const struct value *v)
{
	if (!w->unreadable && is_cut(v)) {
		add_path(w);
		buf_u64(w->out, true_length(v));
	} else if (w->unreadable && !format_readable(v) && v->status != WIRE_NULL) {
		add_path(w);
		add_reason(w->out, v);
	}
}

static void walk_step(struct walk *w, const struct step *step, const struct value *v)
{
	if (w->depth == ARRAY_SIZE(w->steps))
		return;
	w->steps[w->depth++] = *step;
	walk_value(w, v);
	w->depth--;
}

static void walk_dict(struct walk *w, const struct value *v)
{
	bool object = json_dict_is_object(v);
	const struct value *key = v + 1, *value;
	struct step step = {.kind = object ? STEP_KEY : STEP_ITEM};
	uint32_t i;

	for (i = 0; i + 1 < v->children; i += 2, key = value_next(value)) {
		value = value_next(key);
		step.index = i / 2;
		step.key = key;
		step.side = 0;
		if (!object)
			walk_step(w, &step, key);
		step.side = 1;
		walk_step(w, &step, value);
	}
}

static void walk_children(struct walk *w, const struct value *v)
{
	const struct value *child = v + 1;
	struct step step = {.kind = v->kind == WIRE_OBJECT ? STEP_PROPERTY : STEP_INDEX};
	uint32_t i;

	for (i = 0; i < v->children; i++, child = value_next(child)) {
		step.index = i;
		if (step.kind == STEP_PROPERTY)
			step.name = format_property(v->aux, i);
		walk_step(w, &step, child);
	}
}

static void walk_value(struct walk *w, const struct value *v)
{
	const struct value *inner = format_inner(v);

	if (inner) {
		walk_value(w, inner);
		return;
	}
	mark_value(w, v);
	if (v->kind == WIRE_DICT)
		walk_dict(w, v);
	else
		walk_children(w, v);
}

bool json_stack_cut(const struct stack *stack)
{
	uint32_t i;

	for (i = 0; i < stack->n_frames; i++)
		if (stack->frames[i].func_cut || stack->frames[i].file_cut)
			return true;
	return stack->cut;
}

bool json_stack_unreadable(const struct stack *stack)
{
	uint32_t i;

	for (i = 0; i < stack->n_frames; i++)
		if (stack->frames[i].error)
			return true;
	return stack->error;
}

/* A frame, or a part of one. */
static void start_frame(struct walk *w, uint32_t index, const char *part)
{
	start_member(w);
	buf_lit(w->out, "stack[");
	buf_u64(w->out, index);
	buf_str(w->out, "]");
	buf_str(w->out, part);
	buf_lit(w->out, "\":");
}

/* How long the whole would be is not known, but that it is longer. */
static void mark_cut_name(struct walk *w, uint32_t index, const char *part, const struct text *name)
{
	start_frame(w, index, part);
	buf_u64(w->out, name->len / (name->width ?: 1) + 1);
}

static void mark_error(struct walk *w, uint32_t error)
{
	buf_char(w->out, '"');
	format_errno(w->out, error);
	buf_char(w->out, '"');
}

static void mark_frame(struct walk *w, uint32_t i, const struct stack_frame *f)
{
	if (w->unreadable && f->error) {
		start_frame(w, i, "");
		mark_error(w, f->error);
	}
	if (!w->unreadable && f->func_cut)
		mark_cut_name(w, i, ".func", &f->func);
	if (!w->unreadable && f->file_cut)
		mark_cut_name(w, i, ".file", &f->file);
}

static void mark_stack(struct walk *w, const struct stack *stack)
{
	uint32_t i;

	for (i = 0; i < stack->n_frames; i++)
		mark_frame(w, i, &stack->frames[i]);
	if (w->unreadable ? stack->error : stack->cut) {
		start_member(w);
		buf_lit(w->out, "stack\":");
		if (w->unreadable)
			mark_error(w, stack->error);
		else
			buf_u64(w->out, stack->n_frames + 1);
	}
}

static void walk_args(struct walk *w)
{
	const struct value *v = w->event->values;
	struct step step = {.kind = STEP_ARG};
	uint32_t i;

	for (i = 0; !w->event->no_args && i < w->event->n_args; i++, v = value_next(v)) {
		step.index = i;
		walk_step(w, &step, v);
	}
	if (w->event->stack)
		mark_stack(w, w->event->stack);
	if (w->any)
		buf_char(w->out, '}');
}

void json_truncated(struct buf *out, const struct audit_event *event)
{
	struct walk w = {.out = out, .event = event};

	if (event->name_whole) {
		start_member(&w);
		buf_lit(out, "event\":");
		buf_u64(out, event->name_whole);
	}
	if (!event->no_args && event->args_total > event->n_args) {
		start_member(&w);
		buf_lit(out, "[args]\":");
		buf_u64(out, event->args_total);
	}
	if (event->calls_made > event->n_calls) {
		start_member(&w);
		buf_lit(out, "syscalls\":");
		buf_u64(out, event->calls_made);
	}
	walk_args(&w);
}

void json_unreadable(struct buf *out, const struct audit_event *event)
{
	struct walk w = {.out = out, .event = event, .unreadable = true};

	/* The kernel side can fail to read a format string for one reason: its page is not there.
	 */
	if (event->flags & WIRE_AUDIT_FMT_UNREAD) {
		start_member(&w);
		buf_lit(out, "[args]\":\"EFAULT\"");
	} else if (event->flags & WIRE_AUDIT_FMT_UNKNOWN) {
		start_member(&w);
		buf_lit(out, "[args]\":\"unsupported\"");
	}
	walk_args(&w);
}
