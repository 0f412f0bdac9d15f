// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer: hostile text in the arguments of events that are redacted, and in a command line.
 * Besides what the sanitizers see: what was redacted once is left alone the second time (unless
 * there are quotes in it), a record stays one line of valid UTF-8, a password behind its flag never
 * comes out, and rules for all elements and all that has a key leave none of either. The first text
 * is also tried as the path of a rule.
 *
 * Input: a byte that chooses the event, one for the kinds and widths of the values, then texts
 * separated by 0xff.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "decode/text_iter.h"
#include "decode/wire_decode.h"
#include "redact/redact.h"
#include "sink/format.h"
#include "sink/sink.h"
#include "tests/unit/wire_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_TEXT  2000
#define MAX_TEXTS 12

static struct wire_build b;
static struct wire_decoder decoder;
static struct redactor *defaults, *rules, *paths;

static const char *const events[] = {
	"subprocess.Popen", "os.exec",	    "os.system",      "os.putenv",	  "my.event",
	"http.client.send", "smtplib.send", "imaplib.send",   "poplib.putline",	  "ftplib.sendcmd",
	"urllib.Request",   "pty.spawn",    "os.posix_spawn", "cpython.run_file",
};

static void open_redactors(void)
{
	static const char *const list[] = {"*:*~(?i)(a|b)+c",
					   "*:*~\\d{3,}$",
					   "my.event:arg0~(x+x+)+y",
					   "process:cmdline~[[:upper:]]+(\\w)",
					   "os.system:command~.*z",
					   "*:*.a*~b(.)",
					   "*:*[1]"};
	static const char *const everything[] = {"none", "*:*.*", "*:*[*]", "process:cmdline[*]"};
	const char *error;
	size_t bad;

	defaults = redactor_new(NULL, 0, &bad, &error);
	rules = redactor_new(list, sizeof(list) / sizeof(*list), &bad, &error);
	paths = redactor_new(everything, sizeof(everything) / sizeof(*everything), &bad, &error);
	if (!defaults || !rules || !paths)
		abort();
}

/* As the kind wants it: text from C, bytes, or a str of some width; perhaps cut. */
static void add_text(const uint8_t *text, size_t n, uint8_t kind)
{
	static uint32_t wide[MAX_TEXT];
	int status = kind & 8 ? WIRE_TRUNCATED : WIRE_OK, width = kind & 4 ? 4 : 2;
	uint64_t whole = n + (kind & 8 ? 100 : 0);
	size_t i;

	switch (kind & 3) {
	case 0: wb_data(&b, WIRE_STR, status, 0, text, n, whole); return;
	case 1: wb_data(&b, WIRE_BYTES, status, 0, text, n, whole); return;
	case 2: wb_data(&b, WIRE_STR, status, 1, text, n, whole); return;
	}
	for (i = 0; i < n; i++) {
		if (width == 4)
			wide[i] = text[i];
		else
			((uint16_t *)wide)[i] = text[i];
	}
	wb_data(&b, WIRE_STR, status, width, wide, n * width, whole);
}

static size_t next_text(const uint8_t **data, size_t *left, const uint8_t **text)
{
	const uint8_t *end = memchr(*data, 0xff, *left);
	size_t n = end ? (size_t)(end - *data) : *left;

	*text = *data;
	*data += n + (end != NULL);
	*left -= n + (end != NULL);
	return n > MAX_TEXT ? MAX_TEXT : n;
}

/* Three arguments: each a text, or for one of them a list or dict of what is left. */
static uint32_t build(const uint8_t *data, size_t left, uint8_t kind)
{
	const uint8_t *text;
	uint32_t n_texts = 0, args;
	struct wire_value *container = NULL;
	size_t n, at = 0, total = 0;

	for (args = 0; args < 2; args++) {
		if (args == (kind >> 4 & 1) || args == (kind >> 5 & 1)) {
			at = b.len;
			wb_head(&b, kind & 0x40 ? WIRE_DICT : WIRE_LIST, WIRE_OK, 0, 0, 0);
			for (n_texts = 0; left && n_texts < MAX_TEXTS && total < 4 * MAX_TEXT;
			     n_texts++) {
				n = next_text(&data, &left, &text);
				total += n;
				add_text(text, n, kind + n_texts);
			}
			if (kind & 0x40 && n_texts % 2) {
				wb_none(&b);
				n_texts++;
			}
			container = (void *)(b.data + at);
			container->len = n_texts;
			container->num = kind & 0x40 ? n_texts / 2 : n_texts;
		} else {
			n = next_text(&data, &left, &text);
			add_text(text, n, kind + args);
		}
	}
	n = next_text(&data, &left, &text);
	add_text(text, n, kind + 2);
	return args + 1;
}

static void write_all(const struct audit_event *event, struct buf *out)
{
	static const struct format_ops *const formats[] = {&format_json, &format_text, &format_ecs,
							   &format_ocsf};
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		formats[i]->write(out, event, 1, false);
	if (out->failed || !utf8_valid(out->data, out->len))
		abort();
}

/* With the quote that ends a secret's word goes what paired the quotes of a shell's text. */
static bool has_quotes(const uint8_t *data, size_t size)
{
	return memchr(data, '"', size) || memchr(data, '\'', size) || memchr(data, '\\', size);
}

static bool is_token(const struct value *v)
{
	static const char begin[] = "<redacted:rule-";

	return (v->kind == WIRE_STR || v->kind == WIRE_BYTES) && v->text.len > strlen(begin) &&
	       !memcmp(v->text.data, begin, strlen(begin));
}

/* No element of a list and nothing under a key of a dict is what it was. */
static void check_all_gone(const struct audit_event *event)
{
	const struct value *v = event->values, *child;
	uint32_t i, k;

	for (i = 0; i < event->n_args; i++, v = value_next(v)) {
		child = v + 1;
		for (k = 0; k < v->children; k++, child = value_next(child))
			if ((v->kind == WIRE_LIST || (v->kind == WIRE_DICT && k % 2)) &&
			    !is_token(child))
				abort();
	}
}

static void redact_event_checked(struct redactor *r, struct audit_event *event, bool again)
{
	struct buf once = {0}, twice = {0};

	redact_event(r, event, decoder.values + 1);
	write_all(event, &once);
	if (r == paths)
		check_all_gone(event);
	if (again) {
		struct redactor *other;
		const char *error;
		size_t bad;

		/* Another: the first one's texts stay. */
		other = redactor_new(NULL, 0, &bad, &error);
		redact_event(other, event, decoder.values + 1);
		write_all(event, &twice);
		if (once.len != twice.len || memcmp(once.data, twice.data, once.len))
			abort();
		redactor_free(other);
	}
	buf_free(&once);
	buf_free(&twice);
}

static void run_event(struct redactor *r, const char *name, const uint8_t *data, size_t size,
		      uint8_t kind)
{
	struct audit_event event = {0};
	uint32_t args;

	wb_begin(&b);
	wb_cstr(&b, name);
	args = build(data, size, kind);
	if (b.len > WIRE_MAX_RECORD)
		return;
	wb_end(&b, args, args);
	if (wire_decode_audit(b.data, b.len, &decoder, &event))
		return;
	event.row = event_find(event.name_text);
	event.variant = event.row ? event_variant_for(event.row, 0, args) : NULL;
	redact_event_checked(r, &event, r == defaults && !has_quotes(data, size));
}

/* A rule whose path is hostile, or none. */
static void run_path(const uint8_t *data, size_t size, uint8_t kind)
{
	static const char head[] = "my.event:*";
	struct redactor *r;
	const uint8_t *text, *from = data;
	const char *error, *rule;
	char room[200];
	size_t bad, left = size, n = next_text(&from, &left, &text);

	if (n + sizeof(head) > sizeof(room) || memchr(text, '~', n) || memchr(text, 0, n))
		return;
	memcpy(room, head, sizeof(head) - 1);
	memcpy(room + sizeof(head) - 1, text, n);
	room[sizeof(head) - 1 + n] = '\0';
	rule = room;
	r = redactor_new(&rule, 1, &bad, &error);
	if (r)
		run_event(r, "my.event", data, size, kind);
	redactor_free(r);
}

/* The command line with a password at its end. */
static void run_cmdline(struct redactor *r, const uint8_t *data, size_t size, bool cut)
{
	static const char flag[] = "\0--password\0s3cr3t-s3cr3t";
	size_t len = size + sizeof(flag) - 1;
	char *line = malloc(len + 1);

	memcpy(line, data, size);
	memcpy(line + size, flag, sizeof(flag));
	line = redact_cmdline(r, line, &len, cut);
	/* It may be the operand of a flag before it, which hides it itself. */
	if (!line || memmem(line, len, "s3cr3t", 6))
		if (!memmem(data, size, "s3cr3t", 6) && r == defaults)
			abort();
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!defaults)
		open_redactors();
	if (size < 2 || size > 4 * MAX_TEXT)
		return 0;
	run_event(defaults, events[data[0] % (sizeof(events) / sizeof(*events))], data + 2,
		  size - 2, data[1]);
	run_event(rules, events[data[0] % (sizeof(events) / sizeof(*events))], data + 2, size - 2,
		  data[1]);
	run_event(paths, events[data[0] % (sizeof(events) / sizeof(*events))], data + 2, size - 2,
		  data[1]);
	run_path(data + 2, size - 2, data[1]);
	run_cmdline(paths, data + 2, size - 2, data[1] & 8);
	run_cmdline(defaults, data + 2, size - 2, data[1] & 8);
	run_cmdline(rules, data + 2, size - 2, data[1] & 8);
	return 0;
}
