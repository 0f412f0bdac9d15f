// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer: any bytes as a wire record, decoded and written in all formats. Besides what the
 * sanitizers see, every record must come out as one line of valid UTF-8 without control bytes.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iuser -Iinclude -I. \
 *         tests/fuzz/fuzz_wire.c user/decode/[a-z]*.c user/sink/{json,json_marks,text,format*}.c \
 *         user/sink/{siem,ecs,ocsf}.c user/sink/list_events.c user/base/buf.c
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "decode/text_iter.h"
#include "decode/wire_decode.h"
#include "enrich/process.h"
#include "sink/sink.h"

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
	}
	free(head);
	return 0;
}
