// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer: events and system calls of a few threads in any order, with texts that processes
 * choose. Besides what the sanitizers see: every event comes out once, those of a thread in the
 * order they went in, and no call comes out twice.
 *
 * The input is a run of steps, each a byte that says what it is and then what it needs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decode/wire_decode.h"
#include "enrich/correlate.h"
#include "enrich/explain.h"
#include "tests/unit/wire_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define START	  1000000000ull
#define WAIT	  100000ull
#define THREADS	  4
#define STEPS_MAX 200

static struct run {
	struct correlator *c;
	const uint8_t *p, *end;
	uint64_t now, last_event[THREADS];
	/* An event's time is its number; a call's is its own too. */
	uint64_t in, out, last_out[THREADS];
	uint64_t calls, calls_out;
	bool call_seen[STEPS_MAX];
} r;

static struct wire_build b;

static uint8_t take_byte(void)
{
	return r.p < r.end ? *r.p++ : 0;
}

/* Small, of either sign, or one of those that mean something. */
static int64_t take_number(void)
{
	static const int64_t known[] = {-100, 3, 0x80000, 1 << 17, 4711, 0x7fffffffffffffff, -2};
	uint8_t n = take_byte();

	return n < 0xf0 ? (int8_t)n : known[n % (sizeof(known) / sizeof(*known))];
}

/* Its length, then it. */
static struct text take_text(void)
{
	struct text text = {.len = take_byte()};

	if (text.len > r.end - r.p)
		text.len = r.end - r.p;
	text.data = r.p;
	r.p += text.len;
	return text;
}

static void see_call(uint64_t number)
{
	if (number >= STEPS_MAX || r.call_seen[number])
		abort();
	r.call_seen[number] = true;
	r.calls_out++;
}

static uint64_t on_event(const struct wire_audit *wire, size_t size, const struct call_info *calls,
			 size_t n_calls, size_t made, void *arg)
{
	uint32_t thread = wire->head.tid % THREADS;
	size_t i;

	if (size != wire->head.size || n_calls > CALLS_MAX || wire->head.time <= r.last_out[thread])
		abort();
	r.last_out[thread] = wire->head.time;
	/* The attempts to start one program are the outcome of two events. */
	for (i = 0; i < n_calls; i++)
		if (!calls[i].row || (i && calls[i].ns < calls[i - 1].ns))
			abort();
	return ++r.out;
}

static void on_call(const struct wire_syscall *wire, const struct call_info *call,
		    enum announced announced, const struct event_ref *after, void *arg)
{
	if (announced == ANNOUNCED_YES && (!after->seq || !after->name))
		abort();
	if (announced != ANNOUNCED_YES)
		see_call(wire->duration);
}

/* kind: of the argument. */
static void add_argument(uint8_t kind)
{
	struct text text = {0};

	if (kind % 8 < 5)
		text = take_text();
	switch (kind % 8) {
	case 0: wb_data(&b, WIRE_STR, WIRE_OK, 0, text.data, text.len, text.len); return;
	case 1: wb_data(&b, WIRE_STR, WIRE_OK, 1, text.data, text.len, text.len); return;
	case 2: wb_data(&b, WIRE_BYTES, WIRE_OK, 0, text.data, text.len, text.len); return;
	case 3: wb_data(&b, WIRE_STR, WIRE_TRUNCATED, 0, text.data, text.len, 999); return;
	case 4:
		wb_sequence(&b, WIRE_LIST, 2);
		wb_data(&b, WIRE_STR, WIRE_OK, 0, text.data, text.len, text.len);
		wb_int(&b, take_number());
		return;
	case 5: wb_int(&b, take_number()); return;
	case 6: wb_none(&b); return;
	case 7: wb_unreadable(&b, EFAULT); return;
	}
}

/* One of those that lead to calls, or one the table does not have. */
static const char *take_name(void)
{
	static const char *names[256];
	static size_t n;
	const struct event_row *rows;
	size_t i, n_rows;

	if (!n) {
		rows = event_table(&n_rows);
		for (i = 0; i < n_rows && n < 255; i++)
			if (explain_mode_of(&rows[i]) != EXPLAIN_NOTHING)
				names[n++] = rows[i].name;
		names[n++] = "my.event";
	}
	return names[take_byte() % n];
}

static void set_head(struct wire_header *head, uint8_t thread)
{
	head->time = ++r.now;
	head->tid = THREADS + thread % THREADS;
	head->pid = THREADS + thread % THREADS / 2;
}

static void step_event(uint8_t how)
{
	static struct wire_decoder decoder;
	struct audit_event event = {0};
	uint32_t i, args = how >> 4 & 7;

	wb_begin(&b);
	wb_cstr(&b, take_name());
	for (i = 0; i < args; i++)
		add_argument(take_byte());
	wb_end(&b, args, args);
	set_head(&b.audit.head, how);
	b.audit.flags = how & 0x80 ? WIRE_AUDIT_FILTERED : 0;
	if (wire_decode_audit(b.data, b.len, &decoder, &event))
		abort();
	event.row = event_find(event.name_text);
	r.last_event[how % THREADS] = r.now;
	r.in += !(how & 0x80);
	correlate_event(r.c, &b.audit, b.len, &event);
}

static void step_call(uint8_t how)
{
	struct {
		struct wire_syscall wire;
		unsigned char texts[2 * 256];
	} m = {.wire.head.kind = WIRE_SYSCALL};
	const struct call_row *rows;
	unsigned char *at = m.texts;
	size_t n;
	int i;

	rows = syscall_table(&n);
	m.wire.nr = rows[take_byte() % n].nr;
	set_head(&m.wire.head, how);
	m.wire.duration = r.calls++;
	m.wire.event = how & 8 ? 0 : r.last_event[how % THREADS];
	m.wire.event_tid = m.wire.head.tid;
	m.wire.event_pid = m.wire.head.pid;
	m.wire.flags = how >> 4 & 7;
	if (m.wire.flags & WIRE_CALL_CHILD)
		m.wire.head.pid = m.wire.head.tid = 100 + how % THREADS;
	m.wire.ret = take_number();
	for (i = 0; i < CALL_ARGS; i++)
		m.wire.args[i] = take_number();
	for (i = 0; i < CALL_TEXTS; i++) {
		struct text text = take_text();

		memcpy(at, text.data, text.len);
		at += WIRE_PAD(text.len);
		m.wire.text_len[i] = text.len;
		m.wire.text_error[i] = how & 0x80 && !text.len ? EFAULT : 0;
	}
	m.wire.text_cut = take_byte();
	m.wire.head.size = at - (unsigned char *)&m;
	if (correlate_call(r.c, &m.wire))
		abort();
}

static void step(uint8_t what)
{
	uint8_t how = take_byte();

	switch (what % 8) {
	case 0:
	case 1:
	case 2: step_event(how); return;
	case 3:
	case 4:
	case 5: step_call(how); return;
	case 6:
		r.now += how * 1000;
		correlate_poll(r.c, r.now);
		return;
	case 7: correlate_process_over(r.c, THREADS + how % 2); return;
	}
}

static uint64_t seen_since(const struct wire_syscall *wire, void *arg)
{
	return START;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct correlate_ops ops = {
		.event = on_event, .call = on_call, .seen_since = seen_since};
	struct correlate_counts counts;
	int i;

	r = (struct run){.p = data, .end = data + size, .now = START + 500000000};
	r.c = correlator_new(&ops, WAIT);
	if (!r.c)
		abort();
	for (i = 0; i < STEPS_MAX && r.p < r.end; i++)
		step(take_byte());
	correlate_poll(r.c, UINT64_MAX);
	correlate_counts(r.c, &counts);
	if (r.out != r.in || counts.calls != r.calls || r.calls_out > r.calls)
		abort();
	correlator_free(r.c);
	return 0;
}
