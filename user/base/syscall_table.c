// SPDX-License-Identifier: GPL-2.0-only
#include "syscall_table.h"

#include <stdlib.h>

/* clang-format off */
static const struct call_row rows[] = {
#define NAMED(name, at, kind) {name, at, CALL_ARG_##kind}
#define NOTHING {0}
#define SYSCALL(nr, name, class, when, ...) {nr, #name, CALL_##class, CALL_##when, {__VA_ARGS__}},
#include "syscalls.def"
};
/* clang-format on */

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

const struct call_row *syscall_table(size_t *n)
{
	*n = N_ROWS;
	return rows;
}

static int compare(const void *key, const void *row)
{
	uint32_t nr = *(const uint32_t *)key, other = ((const struct call_row *)row)->nr;

	return nr < other ? -1 : nr > other;
}

const struct call_row *syscall_find(uint32_t nr)
{
	return bsearch(&nr, rows, N_ROWS, sizeof(rows[0]), compare);
}
