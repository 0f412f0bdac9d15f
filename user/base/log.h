/* SPDX-License-Identifier: GPL-2.0-only */
/* Diagnostics on stderr, one line each: object, cause, remedy. */
#ifndef PYAUDIT_LOG_H
#define PYAUDIT_LOG_H

/* -1 quiet (errors only), 0 errors and warnings, 1 and more: what happens as well. */
extern int log_level;

/* Where what messages are about stands, as "FILE:LINE"; they begin with it. NULL: nowhere. */
extern const char *log_place;

/* "pyaudit-trace: ..." and a line end are added; control bytes in the text are escaped. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));  /* from -v */
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* from -vv */

#endif
