// SPDX-License-Identifier: GPL-2.0-only
/* The text format: one line an event, for a terminal and for grep. */
#include <string.h>
#include <sys/wait.h>

#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/sink.h"
#include "sink/text.h"

#define UNSEEN_TOLD	1000000 /* ns: shorter times are no hole worth a word */
#define CONTAINER_SHORT 12

#define DIM  "\033[2m"
#define BOLD "\033[1m"
#define RED  "\033[31m"
#define OFF  "\033[0m"

static void write_color(struct buf *out, const char *code, bool color)
{
	if (color)
		buf_str(out, code);
}

static void write_audit(struct buf *out, const struct audit_event *event, bool color)
{
	write_color(out, BOLD, color);
	if (event->name.data)
		text_plain(out, &event->name);
	else if (event->name_text[0])
		text_bare(out, event->name_text);
	else
		buf_lit(out, "<unreadable>");
	if (event->name_whole)
		text_cut(out, event->name_whole);
	write_color(out, OFF, color);
	if (!event->no_args)
		text_args(out, event);
	text_calls(out, event);
	if (event->stack)
		text_stack(out, event->stack);
}

static void write_syscall(struct buf *out, const struct audit_event *event, bool color)
{
	static const char *const what[] = {
		[ANNOUNCED_NO] = "unannounced, after ",
		[ANNOUNCED_YES] = "outcome of ",
		[ANNOUNCED_NEVER] = "after ",
	};

	write_color(out, event->announced == ANNOUNCED_NO ? RED : "", color);
	text_call(out, event->calls);
	write_color(out, OFF, color);
	if (!event->after.name) {
		buf_str(out, event->announced == ANNOUNCED_NO ? " <unannounced>" : "");
	} else {
		buf_lit(out, " <");
		buf_str(out, what[event->announced]);
		text_bare(out, event->after.name);
		buf_char(out, '>');
	}
	if (event->stack)
		text_stack(out, event->stack);
}

static bool needs_quotes(const struct text *text)
{
	const unsigned char *p = text->data;
	uint32_t i;

	for (i = 0; i < text->len; i++)
		if (p[i] == ' ' || p[i] == '"')
			return true;
	return !text->len;
}

/* The arguments after the program's name; the first one instead of a program that is not known. */
static void write_cmdline(struct buf *out, const struct process_info *process)
{
	const char *p = process->cmdline, *end, *nul;
	struct text text;
	bool first = true;

	end = p ? p + process->cmdline_len : p;
	while (p < end) {
		nul = memchr(p, '\0', end - p) ?: end;
		text = text_of_bytes(p, nul - p);
		p = nul + 1;
		if (!first || !process->exe) {
			buf_char(out, ' ');
			if (needs_quotes(&text))
				text_quoted(out, &text);
			else
				text_plain(out, &text);
		}
		first = false;
	}
}

static void write_coverage(struct buf *out, const struct process_info *process)
{
	size_t i;

	if (!process->python && !process->probe)
		return;
	buf_lit(out, " (");
	if (process->python) {
		buf_lit(out, "CPython ");
		text_bare(out, process->python);
	}
	if (process->probe) {
		buf_str(out, process->python ? ", " : "");
		text_bare(out, process->probe);
	}
	for (i = 0; i < process->n_missed; i++) {
		buf_str(out, i ? ", " : "; misses ");
		text_bare(out, process->missed[i]);
	}
	if (process->probe && process->unseen_ns >= UNSEEN_TOLD)
		buf_printf(out, "; its first %.3f s were not seen", process->unseen_ns / 1e9);
	buf_char(out, ')');
}

/* As container tools show IDs. */
static void write_container(struct buf *out, const struct process_info *process)
{
	if (!process->container)
		return;
	buf_lit(out, " in container ");
	buf_add(out, process->container, strnlen(process->container, CONTAINER_SHORT));
}

static void write_process(struct buf *out, const struct audit_event *event, bool color)
{
	const struct process_info *process = event->process;

	buf_lit(out, "+++ process:");
	if (process) {
		if (process->exe) {
			buf_char(out, ' ');
			text_bare(out, process->exe);
		}
		write_cmdline(out, process);
		write_coverage(out, process);
		write_container(out, process);
		if (process->starter.name) {
			buf_lit(out, ", started by ");
			text_bare(out, process->starter.name);
		}
	}
	buf_lit(out, " +++");
}

static void write_exit(struct buf *out, const struct audit_event *event, bool color)
{
	if (WIFSIGNALED(event->status)) {
		buf_lit(out, "+++ killed by ");
		format_signal(out, WTERMSIG(event->status));
	} else {
		buf_lit(out, "+++ exited with ");
		buf_u64(out, WEXITSTATUS(event->status));
	}
	buf_lit(out, " +++");
}

static void write_lost(struct buf *out, const struct audit_event *event, bool color)
{
	static const char *const reasons[] = {
		[LOSS_RING] = "ring buffer full",
		[LOSS_SCRATCH] = "too many at once",
		[LOSS_DECODE] = "record not understood",
		[LOSS_OUTPUT] = "output failed or too slow",
		[LOSS_RATE] = "above --rate",
		[LOSS_CPU] = "above --max-cpu",
	};
	unsigned int reason = event->lost.reason;

	write_color(out, RED, color);
	buf_lit(out, "--- lost ");
	buf_u64(out, event->lost.count);
	buf_str(out, event->lost.count == 1 ? " event: " : " events: ");
	buf_str(out, reason < ARRAY_SIZE(reasons) ? reasons[reason] : format_loss(reason));
	buf_lit(out, " ---");
	write_color(out, OFF, color);
}

static void write_who(struct buf *out, const struct audit_event *event)
{
	buf_u64(out, event->tid ?: event->pid);
	buf_char(out, ' ');
	text_bare(out, event->comm);
	buf_char(out, ' ');
}

/* The summary is told on stderr, for people; it is no line here. */
static void (*const writers[])(struct buf *, const struct audit_event *, bool) = {
	[RECORD_AUDIT] = write_audit, [RECORD_PROCESS] = write_process,
	[RECORD_EXIT] = write_exit,   [RECORD_SYSCALL] = write_syscall,
	[RECORD_LOST] = write_lost,
};

static bool is_shown(const struct audit_event *event)
{
	return event->type < ARRAY_SIZE(writers) && writers[event->type];
}

static void write_record(struct buf *out, const struct audit_event *event, bool color)
{
	if (event->type != RECORD_LOST)
		write_who(out, event);
	writers[event->type](out, event, color);
}

void text_record(struct buf *out, const struct audit_event *event)
{
	if (is_shown(event))
		write_record(out, event, false);
}

static void text_write(struct buf *out, const struct audit_event *event, uint64_t seq, bool color)
{
	if (!is_shown(event))
		return;
	write_color(out, DIM, color);
	format_time_local(out, event->time.ns);
	write_color(out, OFF, color);
	buf_char(out, ' ');
	write_record(out, event, color);
	buf_char(out, '\n');
}

const struct format_ops format_text = {.name = "text", .write = text_write};
