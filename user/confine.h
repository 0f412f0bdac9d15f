/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tracer gives up once the probes stand: another user's identity, all capabilities but
 * those that later targets need, new privileges by exec, and all system calls but those it makes.
 * What a hostile process may one day find to attack here is then worth little.
 */
#ifndef PYAUDIT_CONFINE_H
#define PYAUDIT_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct confine {
	const char *user;  /* of --user: whom to become; NULL: nobody else */
	bool perf_uprobes; /* probes are put through perf events */
	bool command;	   /* programs are started, and signals sent */
	bool change_user;  /* these run as another user */
};

/* Whom --user names. Returns 0, or -ENOENT. */
int confine_find_user(const char *name, uid_t *uid, gid_t *gid);

/* Gives all of it up, for good, and says so with -v. Returns 0, or a negative errno after one line
 * said why. */
int confine_apply(const struct confine *c);

/* For a process that only waits and sends signals: gives up what it can. */
void confine_guard(void);

/* The filter of system calls. exec: programs may be started. */
int confine_calls(bool exec);

#endif
