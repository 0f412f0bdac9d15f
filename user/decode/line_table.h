/* SPDX-License-Identifier: GPL-2.0-only */
/* The line tables of code objects, in the three forms that CPython 3.8 to 3.15 have. Safe on any
 * bytes. */
#ifndef PYAUDIT_LINE_TABLE_H
#define PYAUDIT_LINE_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "wire.h"

/* The line of the instruction at lasti, in bytes from the start of the code, as PyCode_Addr2Line
 * tells it: the first line for a lasti below 0. Returns 0 when the table has none for it. */
int32_t line_table_find(enum wire_lines form, const void *table, size_t len, int32_t first_line,
			int32_t lasti);

#endif
