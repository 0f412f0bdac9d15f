/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A destination of records that is another program: journald, a syslog receiver, or whatever reads
 * lines from a socket. It numbers what it sends by itself, from 1, and says in the stream, where
 * the hole is, how many events it could not keep.
 */
#ifndef PYAUDIT_FORWARD_H
#define PYAUDIT_FORWARD_H

#include "sink/exporters.h"
#include "sink/sink.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET  "/dev/log"

enum forward_kind { FORWARD_JOURNAL, FORWARD_SYSLOG, FORWARD_LINES };

struct forward;

/* Whether a text is an address this kind takes; if not *why says what is wrong with it. */
bool forward_takes(enum forward_kind kind, const char *address, const char **why);

/* address NULL: where such a receiver listens by custom. format is for FORWARD_LINES. what names
 * the option in messages. NULL after one line said why; a receiver that is not there is no reason.
 */
struct forward *forward_new(enum forward_kind kind, const char *what, const char *address,
			    const struct format_ops *format);
/* It as an exporter, which owns it from then on. */
extern const struct exporter_ops forward_ops;

#endif
