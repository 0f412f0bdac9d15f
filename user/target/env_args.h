/* SPDX-License-Identifier: GPL-2.0-only */
/* The arguments of a program, and what env(1) makes of them. */
#ifndef PYAUDIT_TARGET_ENV_ARGS_H
#define PYAUDIT_TARGET_ENV_ARGS_H

#include <stdbool.h>
#include <stddef.h>

/* Only the first arguments matter: options of env come first. */
#define ENV_ARGS_MAX 128

struct env_args {
	char *argv[ENV_ARGS_MAX + 1]; /* owned; NULL-terminated */
	size_t n;
	char *path; /* PATH; NULL: none; owned */
};

/* These return false when there is no memory or no room. */
bool env_args_init(struct env_args *a, char *const argv[], const char *path);
bool env_args_push(struct env_args *a, const char *text); /* in front */
void env_args_drop(struct env_args *a, size_t n);	  /* from the front */
void env_args_free(struct env_args *a);

/*
 * Arguments of env in, arguments of the command that env would execute out: options and assignments
 * are taken off, -S is split, path follows -i, -u PATH and PATH=. False when there is no command or
 * it cannot be foreseen.
 */
bool env_args_apply(struct env_args *a);

#endif
