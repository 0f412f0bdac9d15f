/* SPDX-License-Identifier: GPL-2.0-only */
/* What a child does between fork and exec, and as whom. */
#ifndef PYAUDIT_TARGET_CHILD_H
#define PYAUDIT_TARGET_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whom a child becomes. */
struct child_user {
	bool change; /* false: it stays what we are */
	uid_t uid;
	gid_t gid;
	char *name, *home; /* NULL: a number without a name */
	gid_t *groups;
	int n_groups;
};

/* The user who called sudo (SUDO_UID and SUDO_GID), if we are root and not as_root. Returns 0 or a
 * negative errno, reported in one line. */
int child_user_find(struct child_user *user, bool as_root);
void child_user_free(struct child_user *user);

/* Notes which signals are ignored and which are blocked: to be called before that is changed. */
void child_note_signals(void);

/* Forks a child in which signals are ignored or blocked as was noted, none if nothing was, and in
 * which none of our handlers ever runs. Returns as fork(2), with a negative errno in place of -1.
 */
pid_t child_fork(void);

/* In the child: becomes the user, with HOME, USER and LOGNAME. Returns 0 or a negative errno. */
int child_become(const struct child_user *user);

/*
 * The file execvp(3) would execute for name, found with the rights of the caller: path is the value
 * of PATH, NULL if there is none. Returns 0, -ENOENT, -EACCES (found, but not executable) or
 * another negative errno.
 */
int child_search(const char *name, const char *path, char *found, size_t size);

#endif
