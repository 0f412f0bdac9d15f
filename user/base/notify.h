/* SPDX-License-Identifier: GPL-2.0-only */
/* What a service manager is told: sd_notify(3), by the datagrams that are its stable protocol. */
#ifndef PYAUDIT_NOTIFY_H
#define PYAUDIT_NOTIFY_H

#include <stdint.h>

/* Takes NOTIFY_SOCKET and the watchdog's interval out of the environment, and connects. Without
 * them nothing here does anything. */
void notify_open(void);

/* Tracing has begun. */
void notify_ready(void);

/* The configuration is read again; notify_ready says that it has been. */
void notify_reloading(void);

/* A line for people, "STATUS" of systemctl status. */
void notify_status(const char *text);

/* To be called often: says that the main loop runs, as often as the watchdog wants to hear it, and
 * what there was no room for before. */
void notify_alive(void);

void notify_stopping(void);

#endif
