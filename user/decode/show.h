/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers as a reader of strace expects them: flags and constants by name. */
#ifndef PYAUDIT_SHOW_H
#define PYAUDIT_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "event_table.h"

/* Appends what the number stands for. False, and nothing appended, when there is nothing better
 * than the number itself. Bits without a name stay, in hexadecimal. */
bool show_number(struct buf *out, enum arg_show show, int64_t value);

/* The same for the protocol of a socket whose family is known: the numbers mean something else in
 * each family. SHOW_PROTOCOL takes the family for AF_INET. */
bool show_protocol(struct buf *out, int64_t family, int64_t protocol);

#endif
