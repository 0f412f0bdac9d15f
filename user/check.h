/* SPDX-License-Identifier: GPL-2.0-only */
/* --check: what this kernel, our capabilities and the given interpreters let us see. */
#ifndef PYAUDIT_CHECK_H
#define PYAUDIT_CHECK_H

#include "options.h"

/* Prints to stdout. Returns 0 when all that is asked about can be traced, 1 when not. */
int check(const struct options *options);

#endif
