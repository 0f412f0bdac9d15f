/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --arg NAME~GLOB: only events whose argument NAME matches; of several all must. What is compared
 * is the text of a str, bytes or path, and of any other value what the text format shows of it. A
 * value that was cut short, or could not be read, passes where it might match: an event too many
 * rather than one hidden.
 *
 * Here all rules are decided. The kernel is told those it can decide itself (exact, prefix,
 * suffix), and the events that have no such argument.
 */
#ifndef PYAUDIT_ARG_FILTER_H
#define PYAUDIT_ARG_FILTER_H

#include "decode/audit_event.h"
#include "filter.h"

struct arg_filter;

/* Takes the rules of the command line. NULL without memory, or after one line said what is wrong:
 * no
 * '~', too many or too long, or a name that no event's argument has. With n 0 all events pass. */
struct arg_filter *arg_filter_new(char *const *rules, size_t n);
void arg_filter_free(struct arg_filter *f);

/* Lets fewer names pass: those of events that have all the arguments. */
void arg_filter_narrow(const struct arg_filter *f, struct filter *names);

bool arg_filter_passes(struct arg_filter *f, const struct audit_event *event);

size_t arg_filter_count(const struct arg_filter *f);
/* For the kernel: rules by number, and where the table's events have their arguments. */
const struct arg_rule *arg_filter_rules(const struct arg_filter *f);
const struct tracer_arg_place *arg_filter_places(const struct arg_filter *f, size_t *n);

#endif
