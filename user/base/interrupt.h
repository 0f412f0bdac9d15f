/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for what may never come, while there is nothing yet to be put right at the end: the
 * reader of a FIFO, an answer of a name server. SIGINT and SIGTERM, which are blocked, end the
 * program there. */
#ifndef PYAUDIT_INTERRUPT_H
#define PYAUDIT_INTERRUPT_H

#include <signal.h>

static inline void interrupt_allow(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_UNBLOCK, &set, before);
}

static inline void interrupt_restore(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

#endif
