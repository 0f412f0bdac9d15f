// SPDX-License-Identifier: GPL-2.0-only
/* What a record says was done, and how it ended. System calls become values, as the arguments of an
 * audit event are: what writes the one writes the other. */
#include <errno.h>
#include <string.h>

#include "decode/socket_address.h"
#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/siem.h"

static struct value text_value_of(const struct text *text, bool cut)
{
	return (struct value){.kind = WIRE_BYTES,
			      .status = cut ? WIRE_TRUNCATED : WIRE_OK,
			      .num = text->len + cut,
			      .text = *text};
}

static struct value number_of(const struct call_info *call, const struct call_arg *arg)
{
	uint64_t number = call->args[arg->at];

	if (arg->kind == CALL_ARG_PID)
		return (struct value){.kind = WIRE_INT, .num = (uint64_t)(int32_t)number};
	return (struct value){.kind = WIRE_UINT, .num = number};
}

/* Each word ends with its NUL. How many there were is not known when the list is cut. */
static size_t put_words(struct value *list, const struct text *joined, bool cut)
{
	const char *p = joined->data, *end = p + joined->len, *nul;
	struct text word;
	uint64_t n = 0;

	for (; p < end; p = nul + 1, n++) {
		nul = memchr(p, '\0', end - p) ?: end;
		word = text_of_bytes(p, nul - p);
		if (n < SIEM_WORDS)
			list[1 + n] = text_value_of(&word, cut && nul == end);
	}
	*list = (struct value){.kind = WIRE_LIST, .num = cut ? 0 : n};
	list->children = list->span = n < SIEM_WORDS ? n : SIEM_WORDS;
	list->status = cut || n > SIEM_WORDS ? WIRE_TRUNCATED : WIRE_OK;
	return 1 + list->children;
}

/* As Python has it: a pair for the internet, a path for AF_UNIX. */
static size_t put_address(struct siem_act *act, struct value *v, const struct text *raw)
{
	struct socket_address address;
	struct text host;

	socket_address_of(raw, &address);
	*v = (struct value){.kind = WIRE_NONE};
	if (address.family == AF_UNIX)
		*v = text_value_of(&address.path, false);
	if (!address.host[0])
		return 1;
	memcpy(act->host, address.host, sizeof(act->host));
	host = text_of_cstr(act->host);
	v[0] = (struct value){.kind = WIRE_TUPLE, .children = 2, .span = 2};
	v[1] = text_value_of(&host, false);
	v[2] = (struct value){.kind = WIRE_UINT, .num = address.port};
	return 3;
}

static size_t put_text(struct siem_act *act, struct value *v, const struct call_info *call,
		       enum call_arg_kind kind, int i)
{
	if (call->text_errors[i]) {
		*v = (struct value){.status = WIRE_UNREADABLE, .num = call->text_errors[i]};
		return 1;
	}
	if (kind == CALL_ARG_ARGV)
		return put_words(v, &call->texts[i], call->text_cut[i]);
	if (kind != CALL_ARG_PATH)
		return put_address(act, v, &call->texts[i]);
	*v = text_value_of(&call->texts[i], call->text_cut[i]);
	return 1;
}

static void take_call(struct siem_act *act, const struct call_info *call)
{
	const struct call_arg *arg = call->row->args;
	struct value *v = act->room;
	int text = 0;

	for (; act->n_args < CALL_ARGS && arg->name; act->n_args++, arg++) {
		if (arg->kind < CALL_ARG_PATH)
			*v++ = number_of(call, arg);
		else if (text == CALL_TEXTS)
			return;
		else
			v += put_text(act, v, call, arg->kind, text++);
	}
}

/* It is not over yet: a connection is made in the background, or what a signal interrupted is made
 * again. */
static bool is_pending(uint64_t error)
{
	return error == EINPROGRESS || error == EALREADY || error == EINTR;
}

static bool is_one_of(const struct call_info *call, const char *const *names, size_t n)
{
	while (n--)
		if (!strcmp(call->row->name, names[n]))
			return true;
	return false;
}

/* Does the success of this call mean that of the act? Others are steps to it. */
static bool decides(enum siem_activity activity, const struct call_info *call)
{
	static const char *const execs[] = {"execve", "execveat"};
	static const char *const forks[] = {"clone", "clone3", "fork", "vfork"};

	if (activity == ACT_LAUNCH || activity == ACT_LAUNCH_EXEC)
		return is_one_of(call, execs, ARRAY_SIZE(execs));
	if (activity == ACT_LAUNCH_FORK)
		return is_one_of(call, forks, ARRAY_SIZE(forks));
	return true;
}

/* The last call tells: those before it are steps, or were tried in vain (a program is looked for
 * along PATH). If not all were kept it is not known. */
static void judge(struct siem_act *act, const struct audit_event *event)
{
	const struct call_info *last;
	uint64_t error;

	if (!event->n_calls || event->calls_made > event->n_calls)
		return;
	last = &event->calls[event->n_calls - 1];
	error = -(uint64_t)last->ret;
	if (last->ret < 0) {
		if (is_pending(error))
			return;
		act->outcome = OUTCOME_FAILURE;
		act->error = (uint32_t)error;
	} else if (decides(act->row->activity, last)) {
		act->outcome = OUTCOME_SUCCESS;
		if (act->row->activity == ACT_LAUNCH && last->child)
			act->started = last->pid;
	}
}

void siem_act_of(const struct audit_event *event, struct siem_act *act)
{
	act->row = NULL;
	act->n_args = 0;
	act->values = NULL;
	act->outcome = OUTCOME_UNKNOWN;
	act->error = act->started = 0;
	if (event->type == RECORD_AUDIT) {
		act->row = siem_event_row(event);
		act->n_args = event->n_args;
		act->values = event->values;
		judge(act, event);
	} else if (event->type == RECORD_SYSCALL) {
		act->row = siem_call_row(event->calls->row);
		act->values = act->room;
		take_call(act, event->calls);
		judge(act, event);
	}
}

struct text siem_name(const struct audit_event *event)
{
	if (event->type == RECORD_AUDIT)
		return event->name;
	if (event->type == RECORD_SYSCALL)
		return text_of_cstr(event->calls->row->name);
	return (struct text){0};
}

const struct value *siem_arg(const struct siem_act *act, enum siem_role role)
{
	const struct value *v = act->values;
	uint32_t i;

	for (i = 0; i < act->n_args && i < SIEM_ROLES; i++, v = value_next(v))
		if (act->row->roles[i] == role)
			return format_readable(v) && v->kind != WIRE_NONE ? v : NULL;
	return NULL;
}
