/* SPDX-License-Identifier: GPL-2.0-only */
/* One run of the tracer: the stages joined. Records come in from the ring, are decoded, completed
 * with what is known of their process, and go out. */
#ifndef PYAUDIT_SESSION_H
#define PYAUDIT_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "options.h"
#include "selection.h"

struct session;

/* Opens the output and loads the programs. NULL after one line said why. Takes over the selection,
 * then too. */
struct session *session_new(const struct options *options, struct selection *selection);

/* Another selection from the next event on; what of it may be told, from the next record that is
 * read. Takes it over. 0, or negative after one line said why, and then the old one goes on. */
int session_select(struct session *s, struct selection *selection);

/* Puts probes on a running process. 0, or negative after one line said why. */
int session_add_pid(struct session *s, pid_t pid);

/* Puts probes on every CPython that runs now. */
int session_add_all(struct session *s);

/* Starts COMMAND with the probes in place, held; then lets it go. */
int session_start_command(struct session *s);
int session_release_command(struct session *s);

/* Gives up what privileges tracing does not need from now on. 0, or negative after one line said
 * why. */
int session_confine(struct session *s);

/* Takes what is in the ring and writes it out. Called every few milliseconds. */
void session_poll(struct session *s);

/* Something to poll(2) for readability: the ring is filling up. */
int session_fd(const struct session *s);

/* What else is to be polled now: at most max. Returns how many. */
struct pollfd;
size_t session_poll_fds(struct session *s, struct pollfd *fds, size_t max);

/* What there is to tell of the run, in one line. */
void session_status(const struct session *s, char *text, size_t size);

/* Is there a reason to end: the last traced process has exited, --count is reached, the reader is
 * gone? */
bool session_over(struct session *s);

/* The child has changed state (SIGCHLD). */
void session_child(struct session *s);
/* Sends a signal on to COMMAND; false if there is none. */
bool session_forward(struct session *s, int signal);
/* Opens the output anew where these options, which need not stay, say it goes. */
void session_reopen(struct session *s, const struct options *options);

/* Takes the probes away, writes what is left and the summary. Returns the exit status. */
int session_end(struct session *s);

void session_free(struct session *s);

#endif
