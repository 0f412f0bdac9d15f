/* SPDX-License-Identifier: GPL-2.0-only */
/* Wire records to struct audit_event. Safe on any bytes; nothing is allocated. */
#ifndef PYAUDIT_WIRE_DECODE_H
#define PYAUDIT_WIRE_DECODE_H

#include "decode/audit_event.h"
#include "wire_syscall.h"

/* What a record may hold before it is refused: above the kernel side's limits, so that a limit
 * raised there by a little does not cost events; low enough to bound writers that recurse. */
#define WIRE_DECODE_VALUES (WIRE_MAX_VALUES + 64)
#define WIRE_DECODE_DEPTH  (WIRE_MAX_DEPTH + 10)

/* The values of the event decoded last. About 15 kB; needs no initialisation. */
struct wire_decoder {
	struct value values[WIRE_DECODE_VALUES];
};

/*
 * Checks that data (8-byte aligned, as the ring buffer gives it) begins with a whole record of a
 * known kind: its size, and room for that kind's fixed part. *head then points at it. Returns 0 or
 * -EBADMSG.
 */
int wire_check(const void *data, size_t size, const struct wire_header **head);

/* The record as its kind; NULL when it is of another. head comes from wire_check. */
const struct wire_audit *wire_as_audit(const struct wire_header *head);
const struct wire_fork *wire_as_fork(const struct wire_header *head);
const struct wire_exec *wire_as_exec(const struct wire_header *head);
const struct wire_exit *wire_as_exit(const struct wire_header *head);
const struct wire_thread *wire_as_thread(const struct wire_header *head);
const struct wire_process *wire_as_process(const struct wire_header *head);

/* The part behind `last`, the first with NULL; NULL at the end of the record, or where what follows
 * is no part. Its text is right behind it, without a NUL. */
const struct wire_part *wire_part_next(const struct wire_process *process,
				       const struct wire_part *last);

const struct wire_code *wire_as_code(const struct wire_header *head);
const struct wire_syscall *wire_as_syscall(const struct wire_header *head);

/* The call stack of an audit record of wire_check, with room for all its frames behind it; NULL if
 * there is none, or if it is damaged. */
const struct wire_stack *wire_stack_at(const struct wire_header *head, uint32_t at);

/*
 * Decodes a WIRE_AUDIT record. Fills type, pid, tid, uid, comm, name, name_text, no_args, flags,
 * args_total, n_args, n_values, values and trace; leaves time, ppid, version, row and variant to
 * the caller. *ev points into data and into *d and is good as long as both are.
 *
 * A name that could not be read is no error: name.data is NULL and name_text empty then.
 *
 * A str, bytes, int or container that is shorter than its true length is WIRE_TRUNCATED here even
 * if the record does not say so: what was cut never looks whole.
 *
 * Returns 0, or -EBADMSG when any part of the record contradicts another.
 */
int wire_decode_audit(const void *data, size_t size, struct wire_decoder *d,
		      struct audit_event *ev);

/* Fills *call from a WIRE_SYSCALL record (of wire_check), into which it points afterwards. Returns
 * 0, or -EBADMSG when the call is none that is watched or the record contradicts itself. */
int wire_decode_syscall(const struct wire_syscall *wire, struct call_info *call);

/* Names an event whose name could not be read. Copies name; ev->name points into *ev afterwards. */
void wire_set_name(struct audit_event *ev, const char *name);

#endif
