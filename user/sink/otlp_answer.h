/* SPDX-License-Identifier: GPL-2.0-only */
/* What a receiver of OTLP has said: opentelemetry-proto, collector/logs/v1/logs_service.proto, and
 * the rules of the OTLP specification (OTLP/HTTP Response) on what to do then. */
#ifndef PYAUDIT_OTLP_ANSWER_H
#define PYAUDIT_OTLP_ANSWER_H

#include "sink/http_post.h"

enum otlp_verdict {
	OTLP_DELIVERED, /* but for the records that were rejected */
	OTLP_RETRY,	/* 429, 502, 503, 504, and no answer */
	OTLP_REFUSED,	/* all else: must not be sent again */
};

struct otlp_answer {
	enum otlp_verdict verdict;
	uint64_t rejected; /* records */
	char message[256]; /* the receiver's, or why there is none; may be empty */
};

void otlp_answer_read(const struct http_answer *http, struct otlp_answer *answer);

#endif
