/* SPDX-License-Identifier: GPL-2.0-only */
/* The names of events and formats of arguments that an image's file has, by address. */
#ifndef PYAUDIT_KERNEL_LITERALS_H
#define PYAUDIT_KERNEL_LITERALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tracer;
struct literals;

/* Looks for these names; they must stay. NULL without memory. */
struct literals *literals_new(const char *const *names, size_t n);

/* Takes NULL too. */
void literals_free(struct literals *literals);

/* Calls fn for each NUL-terminated string in the len bytes at data that begins below `before` and
 * is one of those looked for. It may be the end of a longer one: linkers let strings share their
 * ends. name: its number among the names; LITERAL_FORMAT: it is a format. */
#define LITERAL_FORMAT (-1)
typedef void (*literal_fn)(size_t at, const char *text, int name, void *arg);
void literals_scan(const struct literals *literals, const char *data, size_t len, size_t before,
		   literal_fn fn, void *arg);

/* Tells the BPF side those of an image, before its probes stand; and drops them when they stand no
 * more. Where programs may not sleep, also the pages that literals may lie in. */
void literals_add(struct tracer *t, int fd, uint32_t image);
void literals_drop(struct tracer *t, uint32_t image);

/* Tells of all of them what a filter that is not in force yet says. 0 or a negative errno. */
struct tracer_filter;
int literals_judge(struct tracer *t, const struct tracer_filter *f, uint32_t half);

#endif
