/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records as syslog messages of RFC 5424. The content is the JSON object of the record behind
 * "@cee:", which is how receivers (mmjsonparse of rsyslog, the json-parser of syslog-ng) know it.
 */
#ifndef PYAUDIT_SYSLOG_H
#define PYAUDIT_SYSLOG_H

#include <sys/types.h>

#include "sink/sink.h"

#define SYSLOG_DEFAULT_FACILITY 3 /* daemon */

struct syslog_origin {
	int facility;	/* 0 to 23 */
	pid_t pid;	/* of this program */
	char host[256]; /* printable ASCII, "-" when not known */
};

/* What messages of this process on this machine begin with. */
void syslog_origin_init(struct syslog_origin *origin, int facility);

/* The number of a facility by its name ("daemon", "local0", "audit") or number; -1: none such. */
int syslog_facility(const char *name);

/* Appends one message without any framing: what goes into one datagram. */
void syslog_message(struct buf *out, const struct syslog_origin *origin,
		    const struct audit_event *event, uint64_t seq);

/* The same for streams: as RFC 6587 and RFC 5425 have it, the length in bytes goes before it. */
void syslog_frame(struct buf *out, const struct syslog_origin *origin,
		  const struct audit_event *event, uint64_t seq);

#endif
