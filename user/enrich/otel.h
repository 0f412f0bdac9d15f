/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process tells OpenTelemetry of itself: the context that its SDK publishes in memory for
 * readers from outside (OTEP 4719, "process context"), else OTEL_SERVICE_NAME and
 * OTEL_RESOURCE_ATTRIBUTES of the environment it was started with.
 */
#ifndef PYAUDIT_ENRICH_OTEL_H
#define PYAUDIT_ENRICH_OTEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Attributes as pairs: key, NUL, value, NUL, and so on. Empty when there are none or the process
 * is gone. */
void otel_read(uint32_t pid, struct buf *pairs);

/* What the published context says of the thread contexts (OTEP 4947): the text of
 * `threadlocal.schema_version`. 0, -ENOENT (there is no context, or it does not say so), or
 * -EINVAL: it cannot be read. */
int otel_read_schema(uint32_t pid, char *schema, size_t size);

/* Of an environment: variables that end with NUL. Those that are no list are left out. */
void otel_parse_environment(const char *data, size_t len, struct buf *pairs);

/* Of the payload of a published context: protobuf ProcessContext of opentelemetry-proto. Texts,
 * numbers and truth values are taken. 0, or -EINVAL: then nothing is. */
int otel_parse_context(const void *data, size_t len, struct buf *pairs);

/* The same for the attributes beside the resource. */
int otel_parse_extra(const void *data, size_t len, struct buf *pairs);

#endif
