/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records as entries of the systemd journal, in its native protocol
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): fields of a name and a value, one entry a datagram.
 *
 * MESSAGE is the line of the text format, PYAUDIT_RECORD the JSON object, which has all and is
 * exact. The other PYAUDIT_* fields are there to be matched by journalctl: type, time, ids, event,
 * category, and as PYAUDIT_ARG_<NAME> those arguments that are numbers or texts.
 */
#ifndef PYAUDIT_JOURNAL_H
#define PYAUDIT_JOURNAL_H

#include "sink/sink.h"

extern const struct format_ops format_journal;

#endif
