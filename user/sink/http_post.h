/* SPDX-License-Identifier: GPL-2.0-only */
/* POST requests to one address, one after another over a connection that is kept. Nothing waits:
 * libcurl looks the name up, connects, and does TLS on the side. */
#ifndef PYAUDIT_HTTP_POST_H
#define PYAUDIT_HTTP_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_post;
struct pollfd;

/* Strings must outlive it. */
struct http_post_target {
	const char *url;
	const char *user_agent, *content_type;
	const char *headers; /* more of them: name, NUL, value, NUL, and so on */
	size_t headers_len;
	const char *ca, *cert, *key; /* PEM files; NULL: libcurl's own authorities; none */
	uint32_t timeout_ms;
	bool gzip; /* bodies are */
};

struct http_answer {
	int status;	     /* of HTTP; 0: there was no answer, and error says why */
	int64_t retry_after; /* ms that the receiver asks to wait; 0: it does not say */
	const char *error;
	/* Good until the next request. What is longer than is of use is cut. */
	const char *body;
	size_t len;
	bool json; /* as its type says */
};

/* what names it in messages. NULL after one line said why. */
struct http_post *http_post_new(const char *what, const struct http_post_target *target);
void http_post_free(struct http_post *p);

/* Begins a request; there is none under way. The body must stay until it has ended. 0 or -ENOMEM.
 */
int http_post_begin(struct http_post *p, const void *body, size_t len);

/* Goes on with it. True once it has ended, with what came of it. */
bool http_post_step(struct http_post *p, struct http_answer *answer);

/* Takes the request under way back; it may have arrived. */
void http_post_cancel(struct http_post *p);

/* What to wait for: 1 and *fd is filled in, or 0. */
int http_post_poll(const struct http_post *p, struct pollfd *fd);

#endif
