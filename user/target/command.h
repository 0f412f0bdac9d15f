/* SPDX-License-Identifier: GPL-2.0-only */
/* Starting COMMAND: held before its exec until the probes stand, run as the invoking user. */
#ifndef PYAUDIT_TARGET_COMMAND_H
#define PYAUDIT_TARGET_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "target/files.h"

struct command {
	pid_t pid;  /* 0: none (any more) */
	int gate;   /* writing releases the child */
	int report; /* the child's exec error, or end of file when exec succeeded */
	char *path; /* the file that will be executed */
};

/*
 * Resolves argv[0] as execvp(3) would, forks, and holds the child before its exec. Unless as_root,
 * the child becomes SUDO_UID/SUDO_GID (with that user's groups, HOME, USER and LOGNAME) when both
 * are set. The child has default signal dispositions and an empty mask. Returns 0; -ENOENT or
 * -EACCES when the command cannot be found or executed (already reported in one line), or another
 * negative errno (reported too). Nothing is left behind on failure.
 */
int command_start(struct command *cmd, char *const argv[], bool as_root);

/*
 * Calls fn for each file the command is expected to run code from: the executable, what its #!
 * lines lead to (also through /usr/bin/env), and the shared libraries that the ELF interpreter of
 * the final executable says it will load (asked as the user the command runs as, in its
 * environment). What cannot be foreseen is left out. Returns 0 or fn's value.
 */
int command_files(const struct command *cmd, char *const argv[], bool as_root, target_file_fn fn,
		  void *arg);

/* Does COMMAND run as another user than we were started as? */
bool command_changes_user(bool as_root);

/* Lets the child execute. Returns 0, or the negative errno its exec failed with (reported; the
 * child has been waited for then). 0 also when it was killed while it was held: waiting for it
 * tells. */
int command_release(struct command *cmd);

/* Ends and reaps a child that was never released; closes and frees all. One that was released goes
 * on. */
void command_abandon(struct command *cmd);

#endif
