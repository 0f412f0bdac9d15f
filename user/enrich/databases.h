/* SPDX-License-Identifier: GPL-2.0-only */
/* The files each process has given to sqlite3.connect(): SQLite opens others beside them later. */
#ifndef PYAUDIT_DATABASES_H
#define PYAUDIT_DATABASES_H

#include "decode/audit_event.h"

struct databases;

struct databases *databases_new(void); /* NULL without memory */
void databases_free(struct databases *d);

/* A path as it was given; what is too much for one process is left out. */
void databases_add(struct databases *d, uint32_t pid, const char *path, size_t len);

/* SQLite makes paths absolute: where a database lies is known when it is opened. */
void databases_learn(struct databases *d, const struct call_info *call);

/* Those of a process; *n is their number. Good until the next call. */
const char *const *databases_of(const struct databases *d, uint32_t pid, size_t *n);

void databases_forget(struct databases *d, uint32_t pid);

#endif
