/* SPDX-License-Identifier: GPL-2.0-only */
/* What became of a capture on the host: the record, decoded and as JSON, and how two of them
 * compare. */
#ifndef PYAUDIT_BPF_RECORD_H
#define PYAUDIT_BPF_RECORD_H

#include "base/buf.h"
#include "bpf_host.h"
#include "decode/wire_decode.h"
#include "sink/sink.h"

struct record {
	_Alignas(8) unsigned char data[WIRE_MAX_RECORD];
	size_t size;
	struct wire_decoder decoder;
	struct audit_event event;
	char args[WIRE_MAX_RECORD]; /* JSON from "args" on; cut if need be */
};

/* A walk that reads more than so often a step does something unbounded. C strings are followed for
 * 64 reads. */
#define READS_A_STEP 80

/* Runs the capture that has been started and decodes its record, which must be possible. */
static void record_walk(struct record *r, struct scratch *s, const struct image_config *image)
{
	int steps = host_walk(s, image);

	assert_in_range(steps, 0, MAX_STEPS);
	assert_in_range(host_mem.reads, 0, (uint64_t)READS_A_STEP * (steps + 1));
	assert_in_range(s->used, sizeof(struct wire_audit), WIRE_MAX_RECORD);
	assert_in_range(s->values, 1, WIRE_MAX_VALUES);
	assert_false(host_mem.stray);
	r->size = host_finish(s);
	memcpy(r->data, s->record, r->size);
	assert_int_equal(wire_decode_audit(r->data, r->size, &r->decoder, &r->event), 0);
	assert_string_equal(r->event.name_text, "test");
}

/* The same, and prints it. */
static void record_take(struct record *r, struct scratch *s, const struct image_config *image)
{
	static struct buf out;
	const char *args;

	record_walk(r, s, image);
	buf_truncate(&out, 0);
	format_json.write(&out, &r->event, 1, false);
	assert_false(out.failed);
	buf_char(&out, '\0');
	args = strstr(out.data, "\"args\":");
	assert_non_null(args);
	snprintf(r->args, sizeof(r->args), "%.*s", (int)strcspn(args, "\n"), args);
}

static bool value_fits(const struct value *good, const struct value *bad);

/* A container that the limits of a record have cut may show more when less is shown before it. An
 * entry of a dict that cannot be read may be one that is empty. */
static bool children_fit(const struct value *good, const struct value *bad)
{
	const struct value *g = good + 1, *b = bad + 1;
	uint32_t i, n = good->children;
	bool cut = good->status == WIRE_TRUNCATED;

	for (i = 0; i < bad->children; i++, b = value_next(b)) {
		if (i >= n && !cut && b->status != WIRE_UNREADABLE)
			return false;
		if (i >= n)
			continue;
		if (!value_fits(g, b))
			return false;
		g = value_next(g);
	}
	return bad->children >= n || cut || bad->status == WIRE_TRUNCATED;
}

static bool payload_fits(const struct value *good, const struct value *bad)
{
	if (bad->status != WIRE_TRUNCATED && bad->text.len != good->text.len)
		return false;
	return bad->text.len <= good->text.len &&
	       (!bad->text.len || !memcmp(bad->text.data, good->text.data, bad->text.len));
}

static bool is_container(const struct value *v)
{
	return v->kind == WIRE_TUPLE || v->kind == WIRE_LIST || v->kind == WIRE_DICT;
}

/* Whether bad is what good is, or says of itself that it is less. */
static bool value_fits(const struct value *good, const struct value *bad)
{
	bool cut = bad->status == WIRE_TRUNCATED && bad->kind != WIRE_OBJECT;

	if (bad->status == WIRE_UNREADABLE)
		return true;
	if (bad->kind != good->kind || bad->aux != good->aux)
		return false;
	if (bad->status != good->status && !cut &&
	    !(is_container(good) && good->status == WIRE_TRUNCATED))
		return false;
	/* How long a C string is may not be known when it is cut. */
	if (cut ? bad->num > good->num + 1 : bad->num != good->num)
		return false;
	return payload_fits(good, bad) && children_fit(good, bad);
}

/* The same of two records; what differs must be visible in the JSON too. */
static bool record_fits(const struct record *good, const struct record *bad)
{
	const struct audit_event *g = &good->event, *b = &bad->event;
	const struct value *v = g->values, *w = b->values;
	uint32_t i;

	if (!strcmp(good->args, bad->args))
		return true;
	if (!strstr(bad->args, ",\"truncated\":{") && !strstr(bad->args, ",\"unreadable\":{"))
		return false;
	/* Without a format nothing is known of the arguments. */
	if (b->flags & WIRE_AUDIT_FMT_UNREAD)
		return !b->n_args;
	/* What cannot be looked at may be an argument tuple: one argument that says so then. */
	if (b->args_total == 1 && b->n_args == 1 && w->status == WIRE_UNREADABLE)
		return true;
	if (b->n_args > g->n_args || b->args_total != g->args_total)
		return false;
	for (i = 0; i < b->n_args; i++, v = value_next(v), w = value_next(w))
		if (!value_fits(v, w))
			return false;
	return true;
}

#endif
