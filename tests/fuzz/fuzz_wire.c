// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer: any bytes as a wire record, decoded and written in all formats. Besides what the
 * sanitizers see, every record must come out as one line of valid UTF-8 without control bytes.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iuser -Iinclude -I. \
 *         tests/fuzz/fuzz_wire.c user/decode/[a-z]*.c user/sink/{json,json_marks,text,format*}.c \
 *         user/sink/{siem,ecs,ocsf,journal,syslog}.c user/sink/list_events.c user/base/buf.c
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "decode/text_iter.h"
#include "decode/wire_decode.h"
#include "enrich/process.h"
#include "sink/journal.h"
#include "sink/sink.h"
#include "sink/syslog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct event_variant variant = {
	.n_args = 6,
	.args = {{"path", SHOW_PLAIN},
		 {"flags", SHOW_OPEN_FLAGS},
		 {"mode", SHOW_MODE},
		 {"signal", SHOW_SIGNAL},
		 {"family", SHOW_FAMILY},
		 {"protocol", SHOW_PROTOCOL}},
};

static void check_line(const struct buf *out)
{
	size_t i;

	if (out->failed || !out->len || out->data[out->len - 1] != '\n')
		abort();
	if (!utf8_valid(out->data, out->len))
		abort();
	for (i = 0; i + 1 < out->len; i++)
		if ((unsigned char)out->data[i] < ' ')
			abort();
}

/* An entry of the journal is fields, each a name and a value that is a line or has a length; no
 * byte of a value may be taken for a field. */
static void check_entry(const struct buf *out)
{
	const char *p = out->data, *end = p + out->len, *eol, *eq;
	uint64_t len;

	if (out->failed || !out->len || end[-1] != '\n')
		abort();
	while (p < end) {
		eol = memchr(p, '\n', end - p);
		eq = memchr(p, '=', eol - p);
		if (strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != (size_t)((eq ?: eol) - p))
			abort();
		if (eq) {
			p = eol + 1;
			continue;
		}
		memcpy(&len, eol + 1, sizeof(len));
		if (len >= (uint64_t)(end - eol) - 1 - sizeof(len))
			abort();
		p = eol + 1 + sizeof(len) + len;
		if (*p++ != '\n')
			abort();
	}
}

/* One line, whose header is the same whatever the event is called. */
static void check_syslog(struct buf *out)
{
	static const char start[] = "<30>1 ", middle[] = " host pyaudit-trace 1 ";

	buf_char(out, '\n');
	check_line(out);
	if (memcmp(out->data, start, sizeof(start) - 1) ||
	    !memmem(out->data, 60, middle, sizeof(middle) - 1))
		abort();
}

static void write_exports(const struct audit_event *event)
{
	static const struct syslog_origin origin = {.facility = 3, .pid = 1, .host = "host"};
	struct buf out = {0};

	format_journal.write(&out, event, 1, false);
	check_entry(&out);
	buf_truncate(&out, 0);
	syslog_message(&out, &origin, event, 1);
	check_syslog(&out);
	buf_free(&out);
}

static void write_each(const struct audit_event *event)
{
	struct buf out = {0};

	format_json.write(&out, event, 1, false);
	check_line(&out);
	buf_free(&out);
	format_text.write(&out, event, 1, false);
	check_line(&out);
	buf_free(&out);
	format_ecs.write(&out, event, 1, false);
	check_line(&out);
	buf_free(&out);
	format_ocsf.write(&out, event, 1, false);
	check_line(&out);
	buf_free(&out);
	write_exports(event);
}

static void run(const void *record, size_t size)
{
	static struct wire_decoder decoder;
	struct audit_event event = {0};

	if (wire_decode_audit(record, size, &decoder, &event))
		return;
	write_each(&event);
	event.row = event_find(event.name_text);
	write_each(&event);
	event.variant = &variant;
	if (!event.name.data)
		wire_set_name(&event, "open");
	write_each(&event);
}

/* A syslog line of what nothing announces is a warning, which is another header. */
static void run_syscall(const struct wire_header *head)
{
	static const enum announced kinds[] = {ANNOUNCED_YES, ANNOUNCED_NEVER};
	struct call_info call;
	struct audit_event event = {
		.type = RECORD_SYSCALL, .calls = &call, .n_calls = 1, .after = {7, "open"}};
	size_t i;

	if (wire_decode_syscall(wire_as_syscall(head), &call))
		return;
	memcpy(event.comm, head->comm, sizeof(head->comm));
	for (i = 0; i < 2; i++) {
		event.announced = kinds[i];
		write_each(&event);
	}
	event.type = RECORD_AUDIT;
	wire_set_name(&event, "open");
	write_each(&event);
}

static void run_process(const struct wire_header *head, size_t size)
{
	static struct process_cache *cache;
	const struct wire_header *checked;
	struct audit_event event = {.type = RECORD_PROCESS};

	if (!cache)
		cache = process_cache_new();
	if (!cache || wire_check(head, size, &checked) || !wire_as_process(checked))
		return;
	event.process = process_learn(cache, wire_as_process(checked));
	if (event.process)
		write_each(&event);
	process_forget(cache, checked->pid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_header *head = malloc(size ?: 1);
	const struct wire_header *checked;

	memcpy(head, data, size);
	run(head, size);
	/* With a header that fits, so that mutations of the length reach the values. */
	if (size >= sizeof(*head)) {
		head->size = size & ~(size_t)7;
		head->kind = WIRE_AUDIT;
		run(head, size);
		head->kind = WIRE_PROCESS;
		head->pid |= 1u << 30; /* of no process: nothing is read from /proc */
		run_process(head, size);
		head->kind = WIRE_SYSCALL;
		if (!wire_check(head, size, &checked))
			run_syscall(checked);
	}
	free(head);
	return 0;
}
