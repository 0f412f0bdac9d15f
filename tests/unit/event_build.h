/* SPDX-License-Identifier: GPL-2.0-only */
/* Audit events for tests of what comes behind the decoder: built as wire records, and decoded. */
#ifndef PYAUDIT_EVENT_BUILD_H
#define PYAUDIT_EVENT_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "decode/wire_decode.h"
#include "tests/unit/wire_build.h"

#define TIME_NS 1795327824123456789ll /* 2026-11-22T06:10:24.123456789Z */

static struct wire_build b;
static struct wire_decoder decoder;
static struct audit_event event;

static const struct event_variant open_args = {
	.n_args = 3,
	.args = {{"path", SHOW_PLAIN}, {"mode", SHOW_PLAIN}, {"flags", SHOW_OPEN_FLAGS}},
};

/* An event of that name; wb_... add its arguments. */
static inline void begin(const char *name)
{
	wb_begin(&b);
	wb_cstr(&b, name);
}

/* What was begun, with so many arguments, to `event`, as if the table had no row for it. */
static inline void decode(uint32_t args)
{
	wb_end(&b, args, args);
	event = (struct audit_event){.time.ns = TIME_NS};
	assert_int_equal(wire_decode_audit(b.data, b.len, &decoder, &event), 0);
}

/* The same with its row. */
static inline void decode_known(uint32_t args)
{
	decode(args);
	event.row = event_find(event.name_text);
	event.variant = event.row ? event_variant_for(event.row, 0, event.args_total) : NULL;
}

/* The arguments of open("/etc/hostname"), not yet decoded: three. */
static inline void begin_open(void)
{
	begin("open");
	wb_cstr(&b, "/etc/hostname");
	wb_cstr(&b, "r");
	wb_int(&b, 524288);
}

#endif
