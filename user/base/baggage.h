/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of keys and values as OpenTelemetry's environment variables have them: "key=value,k2=v2",
 * W3C Baggage without properties: bytes may be written as %XX, blanks around a key or a value do
 * not belong to it. */
#ifndef PYAUDIT_BAGGAGE_H
#define PYAUDIT_BAGGAGE_H

#include "base/buf.h"

/* Appends each pair as key, NUL, value, NUL. 0, or -EINVAL when it is no such list: then, as
 * OpenTelemetry's specification asks, nothing of it is taken. An empty list is one. */
int baggage_parse(const char *text, struct buf *pairs);

/* The pair at *at, which moves behind it; from 0 on, each in turn. False: there are no more. */
bool baggage_next(const char *pairs, size_t len, size_t *at, const char **key, const char **value);

#endif
