// SPDX-License-Identifier: GPL-2.0-only
#include "enrich/explain.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "decode/text_iter.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ROWS_MAX      1024 /* of the event table whose mode is kept */
#define TEXTS_MAX     4096 /* bytes of an event's texts that are kept */

static const char *const indirect[] = {
#define INDIRECT(event) event,
#define GAP(calls, test, pattern, reason)
#include "explain.def"
#undef INDIRECT
#undef GAP
};

/* Is the word one of those in the list, which are separated by spaces? */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word), n;

	for (; list && *list; list += n + (list[n] == ' ')) {
		n = strcspn(list, " ");
		if (n == len && !memcmp(list, word, n))
			return true;
	}
	return false;
}

/* Does the list name a call that is watched? */
static bool names_watched(const char *list)
{
	const struct call_row *rows;
	size_t n, i;

	rows = syscall_table(&n);
	for (i = 0; i < n; i++)
		if (has_word(list, rows[i].name))
			return true;
	return false;
}

static bool is_indirect(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(indirect); i++)
		if (!strcmp(indirect[i], name))
			return true;
	return false;
}

bool call_makes_process(const struct call_info *call)
{
	return has_word("fork vfork clone clone3", call->row->name);
}

bool call_executes(const struct call_info *call)
{
	return has_word("execve execveat", call->row->name);
}

static enum explain_mode find_mode(const struct event_row *row)
{
	if (!names_watched(row->syscalls) || is_indirect(row->name))
		return EXPLAIN_NOTHING;
	if (has_word(row->syscalls, "vfork") || has_word(row->syscalls, "fork"))
		return has_word(row->syscalls, "execve") ? EXPLAIN_PROGRAM : EXPLAIN_PROCESS;
	return has_word(row->syscalls, "recvmsg") ? EXPLAIN_LOOKUP : EXPLAIN_ONE;
}

enum explain_mode explain_mode_of(const struct event_row *row)
{
	static uint8_t known[ROWS_MAX]; /* the mode and one */
	const struct event_row *first;
	size_t n, i;

	if (!row)
		return EXPLAIN_NOTHING;
	first = event_table(&n);
	i = row - first;
	if (i >= ROWS_MAX)
		return find_mode(row);
	if (!known[i])
		known[i] = find_mode(row) + 1;
	return known[i] - 1;
}

bool explain_matters(const struct event_row *row)
{
	return explain_mode_of(row) != EXPLAIN_NOTHING;
}

/* The bytes the kernel gets for a str: UTF-8, in which CPython's surrogates stand for single bytes.
 * Returns how many; no more than size are written. */
static size_t text_bytes(const struct text *text, char *out, size_t size)
{
	struct text_iter it;
	uint32_t cp;
	size_t n = 0;

	text_iter_init(&it, text);
	while (n + 4 <= size && text_next(&it, &cp)) {
		if (cp >= 0xdc80 && cp <= 0xdcff)
			out[n++] = (char)(cp - 0xdc00);
		else if (cp < 0xd800 || cp > 0xdfff)
			n = utf8_encode(out + n, cp) - out;
	}
	return n;
}

static void keep_text(struct explainer *e, const struct value *v, char *buf, size_t *used)
{
	size_t n;

	if (e->n_texts == EXPLAIN_TEXTS)
		return;
	n = text_bytes(&v->text, buf + *used, TEXTS_MAX - *used);
	e->text_at[e->n_texts] = *used;
	e->text_cut[e->n_texts] = v->status == WIRE_TRUNCATED || *used + n + 4 > TEXTS_MAX;
	e->text_len[e->n_texts++] = n;
	*used += n;
}

/* Everything the event holds, at all levels: paths in lists and ports in tuples too. */
static void keep_values(struct explainer *e, const struct audit_event *event, char *buf,
			size_t *used)
{
	uint32_t i;

	for (i = 0; i < event->n_values; i++) {
		const struct value *v = &event->values[i];

		if (v->status != WIRE_OK && v->status != WIRE_TRUNCATED) {
			e->any_text |= v->status != WIRE_NULL;
			e->here |= v->status == WIRE_NULL;
			continue;
		}
		switch (v->kind) {
		case WIRE_STR:
		case WIRE_BYTES:
		case WIRE_BYTEARRAY: keep_text(e, v, buf, used); break;
		case WIRE_NONE: e->here = true; break;
		case WIRE_BOOL:
		case WIRE_INT:
		case WIRE_UINT:
			if (e->n_numbers < EXPLAIN_NUMBERS)
				e->numbers[e->n_numbers++] = (int64_t)v->num;
			break;
		case WIRE_OBJECT: e->any_text |= v->aux == WIRE_OBJECT_PATH_PARTS; break;
		default: break;
		}
	}
	e->any_text |= event->no_args || event->flags & WIRE_AUDIT_FMT_UNREAD;
}

bool explainer_init(struct explainer *e, const struct audit_event *event, uint64_t time)
{
	char buf[TEXTS_MAX];
	size_t used = 0;

	*e = (struct explainer){
		.row = event->row, .mode = explain_mode_of(event->row), .time = time};
	e->ref.name = event->row->name;
	keep_values(e, event, buf, &used);
	e->texts = malloc(used + 1);
	if (!e->texts)
		return false;
	memcpy(e->texts, buf, used);
	return true;
}

void explainer_free(struct explainer *e)
{
	free(e->texts);
	e->texts = NULL;
}

static bool has_text(const struct explainer *e, const char *data, size_t len)
{
	int i;

	for (i = 0; i < e->n_texts; i++)
		if ((e->text_cut[i] ? e->text_len[i] <= len : e->text_len[i] == len) &&
		    !memcmp(e->texts + e->text_at[i], data, e->text_len[i]))
			return true;
	return e->any_text || (e->here && len == 1 && *data == '.');
}

static bool has_number(const struct explainer *e, int64_t number)
{
	int i;

	for (i = 0; i < e->n_numbers; i++)
		if ((int32_t)e->numbers[i] == (int32_t)number)
			return true;
	return e->n_numbers == EXPLAIN_NUMBERS;
}

/* Is the address one the event names: the port, or the path? Of families not known here, any. */
static bool has_address(const struct explainer *e, const struct text *raw)
{
	const struct sockaddr *sa = raw->data;
	size_t at = offsetof(struct sockaddr_un, sun_path), len;
	const char *path = (const char *)raw->data + at;

	if (raw->len < sizeof(sa->sa_family) || e->any_text)
		return true;
	switch (sa->sa_family) {
	case AF_INET:
	case AF_INET6:
		return raw->len < 4 || !e->n_numbers ||
		       has_number(e, ntohs(((const struct sockaddr_in *)sa)->sin_port));
	case AF_UNIX:
		len = raw->len > at ? raw->len - at : 0;
		/* A name in the file system ends with a NUL. */
		if (len && path[0])
			len = strnlen(path, len);
		return !len || has_text(e, path, len);
	default: return true;
	}
}

/* Each text of the call that says what it acts on is among the event's. */
static bool texts_agree(const struct explainer *e, const struct call_info *call)
{
	int i, text = 0;

	for (i = 0; i < CALL_ARGS; i++) {
		enum call_arg_kind kind = call->row->args[i].kind;
		const struct text *t = &call->texts[text < CALL_TEXTS ? text : 0];
		bool known;

		if (kind < CALL_ARG_PATH || text == CALL_TEXTS)
			continue;
		known = !call->text_errors[text] && !call->text_cut[text];
		text++;
		if (!known)
			continue;
		if (kind == CALL_ARG_PATH && !has_text(e, t->data, t->len))
			return false;
		if ((kind == CALL_ARG_SOCKADDR || kind == CALL_ARG_MSGHDR) && !has_address(e, t))
			return false;
	}
	return true;
}

/* Calls without a text act on what a number says: a descriptor, a process. */
static bool numbers_agree(const struct explainer *e, const struct call_info *call)
{
	const struct call_arg *arg = &call->row->args[0];

	if (call->row->args[1].kind >= CALL_ARG_PATH && arg->kind != CALL_ARG_FD)
		return true;
	if (arg->kind == CALL_ARG_PID && !strcmp(call->row->name, "tgkill"))
		return true;
	if (arg->kind == CALL_ARG_PID)
		return has_number(e, (int64_t)call->args[0]) ||
		       has_number(e, -(int64_t)(int32_t)call->args[0]);
	return true;
}

bool explains(const struct explainer *e, const struct call_info *call)
{
	if (e->mode == EXPLAIN_NOTHING || !has_word(e->row->syscalls, call->row->name))
		return false;
	/* A library's code is mapped from its file; what is told is mapped from none. */
	if (call->row->when == CALL_EXECUTABLE && has_word(e->row->syscalls, "openat"))
		return false;
	if (e->mode == EXPLAIN_LOOKUP)
		return true;
	if (e->mode != EXPLAIN_ONE && call_makes_process(call))
		return !e->forked;
	if (e->mode != EXPLAIN_ONE && call_executes(call))
		return !e->executed && call->child;
	return !e->used && texts_agree(e, call) && numbers_agree(e, call);
}
