// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer: any bytes as a wire record and as what is known of its process, to what takes records
 * apart from the formats (fuzz_wire): OTLP in both encodings, --format folded, -c, --arg. Besides
 * what the sanitizers see: JSON that parses, protobuf whose every message and text is sound, and a
 * line for each line.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "arg_filter.h"
#include "base/log.h"
#include "base/pb.h"
#include "decode/text_iter.h"
#include "decode/wire_decode.h"
#include "sink/folded.h"
#include "sink/metrics.h"
#include "sink/otlp_record.h"
#include "sink/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KNOWN_MAX 64 /* bytes at the end of the input that the process is made of */

/* opentelemetry-proto, logs/v1/logs.proto and common/v1/common.proto */
enum message { BYTES, TEXT, REQUEST, GROUP, RESOURCE, SCOPE_LOGS, SCOPE, RECORD, PAIR, VALUE };

static const struct {
	enum message in;
	uint32_t field;
	enum message is;
} fields[] = {
	{REQUEST, 1, GROUP}, {GROUP, 1, RESOURCE},   {GROUP, 2, SCOPE_LOGS},
	{RESOURCE, 1, PAIR}, {SCOPE_LOGS, 1, SCOPE}, {SCOPE_LOGS, 2, RECORD},
	{SCOPE, 1, TEXT},    {SCOPE, 2, TEXT},	     {RECORD, 5, VALUE},
	{RECORD, 6, PAIR},   {RECORD, 9, BYTES},     {RECORD, 10, BYTES},
	{RECORD, 12, TEXT},  {PAIR, 1, TEXT},	     {PAIR, 2, VALUE},
	{VALUE, 1, TEXT},
};

static enum message message_in(enum message in, uint32_t field)
{
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (fields[i].in == in && fields[i].field == field)
			return fields[i].is;
	abort();
}

static void check_protobuf(enum message what, const void *data, size_t len)
{
	struct pb_reader r = pb_read(data, len);
	struct pb_field f;
	int ret;

	if (what == TEXT && !utf8_valid(data, len))
		abort();
	if (what <= TEXT)
		return;
	while ((ret = pb_next(&r, &f)) > 0)
		if (f.type == PB_BYTES)
			check_protobuf(message_in(what, f.number), f.data, f.len);
	if (ret)
		abort();
}

static void check_json(const struct buf *out)
{
	json_t *root =
		json_loadb(out->data, out->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	if (!root || !utf8_valid(out->data, out->len))
		abort();
	json_decref(root);
}

static void write_otlp(const struct audit_event *event, bool json, bool identity_in_records)
{
	struct otlp_origin origin = {.identity_in_records = identity_in_records};
	struct buf resource = {0}, record = {0}, out = {0}, none = {0};
	struct otlp_writer w = {
		.out = &resource, .json = json, .max_attributes = 128, .max_value = 100};

	origin.attributes = &none;
	otlp_write_resource(&w, &origin, event);
	w.out = &record;
	otlp_write_record(&w, &origin, event, 1);
	otlp_group(&out, json, &resource, &record);
	if (out.failed || resource.failed || record.failed)
		abort();
	if (json)
		check_json(&out);
	else
		check_protobuf(REQUEST, out.data, out.len);
	otlp_writer_free(&w);
	buf_free(&resource);
	buf_free(&record);
	buf_free(&out);
}

/* So many lines, and no other control bytes. */
static void check_lines(const struct buf *out, size_t lines)
{
	size_t i;

	if (out->failed || !utf8_valid(out->data, out->len))
		abort();
	for (i = 0; i < out->len; i++) {
		lines -= out->data[i] == '\n';
		if ((unsigned char)out->data[i] < ' ' && out->data[i] != '\n')
			abort();
	}
	if (lines)
		abort();
}

static void count(const struct audit_event *event)
{
	static struct folded *folded;
	struct summary *summary = summary_new();
	struct buf out = {0};

	if (!folded)
		folded = folded_new();
	if (!summary || !folded || !folded_count(folded, event) || !summary_count(summary, event))
		abort();
	folded_write(folded, &out);
	check_lines(&out, 1);
	buf_truncate(&out, 0);
	summary_text(summary, &out);
	check_lines(&out, 5);
	summary_free(summary);
	buf_free(&out);
}

static void filter(const struct audit_event *event)
{
	static char *const rules[] = {"arg0~*a?[b-d]*", "path~/*.so", "mode~r", "*~x"};
	static struct arg_filter *filters[3];
	size_t i;

	for (i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		if (!filters[i])
			filters[i] = arg_filter_new(&rules[i], 1);
		if (!filters[i])
			abort();
		arg_filter_passes(filters[i], event);
	}
}

static void use(struct audit_event *event, uint8_t how)
{
	if (otlp_wants(event)) {
		write_otlp(event, true, how & 1);
		write_otlp(event, false, how & 1);
	}
	if (event->type != RECORD_AUDIT)
		return;
	count(event);
	filter(event);
}

static void use_audit(struct audit_event *event, uint8_t how)
{
	use(event, how);
	event->row = event_find(event->name_text);
	if (!event->row)
		return;
	event->variant = event_variant_for(event->row, 0, event->args_total);
	use(event, how);
}

/* A process all of whose texts are the same one. */
static struct process_info process_of(char *known, size_t len)
{
	known[len] = '\0';
	return (struct process_info){
		.pid = 1,
		.exe = known,
		.cwd = known,
		.cmdline = known,
		.cmdline_len = len,
		.cgroup = known,
		.container = known,
		.pod = known,
		.unit = known,
		.python = "3.11.2",
		.starter = {7, "os.system"},
	};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire_decoder decoder;
	size_t n = size < KNOWN_MAX ? size : KNOWN_MAX;
	struct wire_header *head = malloc(size ?: 1);
	struct audit_event event = {0};
	const struct wire_header *checked;
	char known[KNOWN_MAX + 1];
	struct process_info process;
	struct call_info call;

	log_level = -2;
	memcpy(head, data, size);
	memcpy(known, data + size - n, n);
	process = process_of(known, n);
	event.process = size % 2 ? &process : NULL;
	if (size >= sizeof(*head)) {
		head->size = size & ~(size_t)7;
		head->kind = WIRE_AUDIT;
		if (!wire_decode_audit(head, head->size, &decoder, &event))
			use_audit(&event, data[0]);
		head->kind = WIRE_SYSCALL;
		event = (struct audit_event){.type = RECORD_SYSCALL, .after = {7, "open"}};
		if (!wire_check(head, head->size, &checked) &&
		    !wire_decode_syscall(wire_as_syscall(checked), &call)) {
			event.calls = &call;
			event.n_calls = 1;
			event.announced = data[0] & 1 ? ANNOUNCED_NO : ANNOUNCED_YES;
			use(&event, data[0]);
		}
	}
	free(head);
	return 0;
}
