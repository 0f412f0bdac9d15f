/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pieces OTLP's logs are made of, in either encoding: protobuf, or JSON as the OTLP
 * specification maps it. Field numbers and names are those of opentelemetry-proto 1.x,
 * logs/v1/logs.proto and common/v1/common.proto.
 */
#ifndef PYAUDIT_OTLP_WRITE_H
#define PYAUDIT_OTLP_WRITE_H

#include "base/buf.h"
#include "decode/audit_event.h"

struct otlp_writer {
	struct buf *out;
	bool json;
	uint32_t max_attributes; /* of one record; more are dropped and counted */
	uint32_t max_value;	 /* characters of a text that is a value */
	uint32_t n, dropped;	 /* attributes since otlp_attributes_begin */
	uint32_t field;
	struct buf text; /* scratch */
};

void otlp_writer_free(struct otlp_writer *w);

/* The attributes of a resource (field 1) or of a log record (field 6). */
#define OTLP_RESOURCE_ATTRIBUTES 1
#define OTLP_RECORD_ATTRIBUTES	 6
void otlp_attributes_begin(struct otlp_writer *w, uint32_t field);
void otlp_attributes_end(struct otlp_writer *w);

/* One attribute. Text is what was captured: what is not UTF-8 in it, and lone surrogates, are shown
 * as \udcXX, which both encodings can carry. */
void otlp_put_text(struct otlp_writer *w, const char *key, const struct text *value);
void otlp_put_cstr(struct otlp_writer *w, const char *key, const char *value); /* NULL: nothing */
void otlp_put_int(struct otlp_writer *w, const char *key, int64_t value);
void otlp_put_bool(struct otlp_writer *w, const char *key, bool value);
void otlp_put_double(struct otlp_writer *w, const char *key, double value);

/* A log record around its attributes. body may be NULL. */
struct otlp_record {
	int64_t time, observed; /* ns since the epoch */
	int severity;		/* SeverityNumber */
	const char *name;	/* event_name */
	const struct text *body;
	const struct wire_trace *trace; /* the span it belongs to; may be NULL */
};
size_t otlp_record_begin(struct otlp_writer *w, const struct otlp_record *record);
/* Behind the attributes. at: what otlp_record_begin returned. */
void otlp_record_end(struct otlp_writer *w, const struct otlp_record *record, size_t at);

/* A ResourceLogs: its resource (as written by the functions above) and its records. */
void otlp_group(struct buf *out, bool json, const struct buf *resource, const struct buf *records);

#endif
