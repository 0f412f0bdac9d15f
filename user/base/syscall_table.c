// SPDX-License-Identifier: GPL-2.0-only
#include "syscall_table.h"

#include <stdlib.h>

enum {
#define SYSCALL(nr, name, ...) NR_##name = nr,
#include "syscalls.def"
#undef SYSCALL
};

/* clang-format off */
static const struct call_row rows[] = {
#define NAMED(name, at, kind) {name, at, CALL_ARG_##kind}
#define NOTHING {0}
#define SYSCALL(nr, name, class, when, ...) {nr, #name, CALL_##class, CALL_##when, {__VA_ARGS__}},
#include "syscalls.def"
};

static const struct i386_row i386_rows[] = {
#define I386(nr, name, args) {nr, {NR_##name, I386_##args}},
#define SOCKETCALL(nr, name) {SYSCALL_MAX + nr, {NR_##name, I386_ARRAY}},
#include "syscalls_i386.def"
};
/* clang-format on */

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

const struct call_row *syscall_table(size_t *n)
{
	*n = N_ROWS;
	return rows;
}

const struct i386_row *syscall_i386_table(size_t *n)
{
	*n = sizeof(i386_rows) / sizeof(i386_rows[0]);
	return i386_rows;
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
