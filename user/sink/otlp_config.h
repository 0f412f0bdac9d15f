/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How to reach a receiver of OTLP logs: the environment variables that OpenTelemetry's
 * specification names (protocol/exporter.md, configuration/sdk-environment-variables.md, 1.60),
 * those for logs before the general ones.
 */
#ifndef PYAUDIT_OTLP_CONFIG_H
#define PYAUDIT_OTLP_CONFIG_H

#include <stdbool.h>

#include "base/buf.h"

struct otlp_config {
	char *url;		     /* as it is requested */
	bool json, gzip;	     /* else protobuf; else not compressed */
	struct buf headers;	     /* pairs: name, NUL, value, NUL, and so on */
	const char *ca, *cert, *key; /* files; NULL: libcurl's own; none */
	uint32_t timeout_ms;	     /* of one request; 0: none */
	uint32_t delay_ms;	     /* how long a batch that is not full waits */
	uint32_t batch;		     /* records of one request */
	uint64_t queue;		     /* records that may wait; UINT64_MAX: only bytes count */
	uint32_t max_attributes, max_value;
	struct buf attributes; /* of resources, pairs */
	bool disabled;	       /* OTEL_SDK_DISABLED */
};

/* Whether --otlp takes this as its URL: http://HOST... or https://HOST... */
bool otlp_config_takes(const char *url);

/* Fills *c. url: of the option, with v1/logs appended unless it ends in that; NULL: what the
 * environment says. 0, or negative after one line said why. A variable that cannot be read is told
 * of and ignored, as the specification asks, but for what would send events elsewhere or in
 * another form. */
int otlp_config_init(struct otlp_config *c, const char *url);
void otlp_config_free(struct otlp_config *c);

#endif
