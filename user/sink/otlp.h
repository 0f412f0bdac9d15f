/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exporter of OTLP logs over HTTP (sink/exporters.h): batches, one request at a time, retries
 * where OTLP's specification has them, and a queue in memory or, with a spool, on disk.
 *
 * What is counted: an event is delivered once a receiver has taken it, or dropped for a reason, or
 * it waits. With a spool what waits at the end is for the next run to send, which counts it as
 * recovered: events given + recovered = delivered + dropped + waiting.
 */
#ifndef PYAUDIT_OTLP_H
#define PYAUDIT_OTLP_H

#include "sink/exporters.h"

struct otlp;

struct otlp_options {
	const char *url;   /* NULL: as the environment says */
	const char *spool; /* directory; NULL: none */
	uint64_t spool_size;
	uid_t spool_owner;	  /* besides us */
	bool identity_in_records; /* see struct otlp_origin */
};

extern const struct exporter_ops otlp_ops;

/* 0 and *made, NULL when the environment says there is to be no telemetry (OTEL_SDK_DISABLED); or
 * negative after one line said why. */
int otlp_new(const struct otlp_options *options, struct otlp **made);

#endif
