/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small HTTP server for what is asked of the tracer itself: GET of a few paths, each answered
 * from memory. It has no thread: the caller has it go on. Clients are not trusted: their
 * number, the size of a request and the time it may take are bounded, and when all places are taken
 * the client that has been idle longest makes room.
 */
#ifndef PYAUDIT_HTTP_SERVER_H
#define PYAUDIT_HTTP_SERVER_H

#include "base/buf.h"

struct http_page {
	const char *path; /* "/metrics" */
	const char *type; /* Content-Type */
	/* Appends the body and returns the status: 200, 503, ... */
	int (*make)(struct buf *body, void *arg);
};

struct http_server;

/* Whether where is of a form http_server_open takes. */
bool http_server_takes(const char *where);

/* Listens. where: "PORT" or ":PORT" for loopback only, "ADDR:PORT", "[ADDR6]:PORT"; port 0 is any
 * that is free. pages end with a NULL path; they and arg must outlive the server. NULL after one
 * line said why; what names the option in it. */
struct http_server *http_server_open(const char *what, const char *where,
				     const struct http_page *pages, void *arg);

/* Where it listens, with the port it got: "127.0.0.1:9464". */
const char *http_server_address(const struct http_server *server);

/* Does what can be done without waiting. To be called every few milliseconds. */
void http_server_run(struct http_server *server);

void http_server_free(struct http_server *server);

#endif
