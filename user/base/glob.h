/* SPDX-License-Identifier: GPL-2.0-only */
/* The shell's patterns over bytes: * any run, ? any one byte, [a-z] one of these, [!a-z] none. */
#ifndef PYAUDIT_GLOB_H
#define PYAUDIT_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* The time it takes is bounded by the product of the lengths. A [ that is not closed stands for
 * itself. */
bool glob_match_bytes(const char *glob, const char *text, size_t len);

#endif
