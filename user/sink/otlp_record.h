/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What OTLP says of a record and of the process it is of: names of attributes are those of
 * OpenTelemetry's semantic conventions (1.44) where these have one, and begin with "pyaudit."
 * otherwise. docs/otlp.md lists them.
 */
#ifndef PYAUDIT_OTLP_RECORD_H
#define PYAUDIT_OTLP_RECORD_H

#include "sink/otlp_write.h"

/* What is the same for all of a run. Attributes are pairs: key, NUL, value, NUL, and so on. */
struct otlp_origin {
	const struct buf *attributes; /* of OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME */
	char host[256], machine[33], arch[65];
	bool identity_in_records; /* what tells a process from others is not in the resource */
};

/* attributes must outlive it. */
void otlp_origin_init(struct otlp_origin *origin, const struct buf *attributes);

/* The attributes that tell the process of a record from all others. */
void otlp_write_identity(struct otlp_writer *w, const struct audit_event *event);

/* The attributes of the resource: the process the record is of, or the tracer itself. */
void otlp_write_resource(struct otlp_writer *w, const struct otlp_origin *origin,
			 const struct audit_event *event);

/* Whether records of this type are sent: audit events, and what was lost where it is missing. The
 * others are about processes, which resources describe, or about the run. */
bool otlp_wants(const struct audit_event *event);

/* Appends the log record. observed: now, ns since the epoch. */
void otlp_write_record(struct otlp_writer *w, const struct otlp_origin *origin,
		       const struct audit_event *event, int64_t observed);

#endif
