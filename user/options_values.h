/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers, sizes and times as the command line has them. All return 0, -EINVAL (not such a value)
 * or -ERANGE. */
#ifndef PYAUDIT_OPTIONS_VALUES_H
#define PYAUDIT_OPTIONS_VALUES_H

#include <stdint.h>

/* The digits at *text as a number; *text moves behind them. There must be one at least. */
int take_digits(const char **text, uint64_t *value);

/* A number up to its last character. */
int parse_number(const char *text, uint64_t *value);

/* "4M", "512k", "1G", plain bytes. */
int parse_size(const char *text, uint64_t *bytes);

/* "10", "1.5s", "200ms", "5m", "1h", in ns. */
int parse_time(const char *text, uint64_t *ns);

/* The number of a user, given by name or as a number. Returns 0 or -ENOENT. */
int parse_user(const char *text, uint32_t *uid);

#endif
