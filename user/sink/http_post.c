// SPDX-License-Identifier: GPL-2.0-only
#include "sink/http_post.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/baggage.h"
#include "base/log.h"

#define CONNECT_MS 5000l
#define KEPT_MAX   (64 << 10) /* of an answer's body */
/* OTLP: a client has to limit what it reads of an answer, and 4 MiB is advised. */
#define ANSWER_MAX (4 << 20)
#define AFTER_MAX  86400 /* s: who asks for longer is heard as if it were that */

struct http_post {
	const struct http_post_target *target;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	size_t received;
	bool running, too_long;
	char error[CURL_ERROR_SIZE];
	curl_socket_t fd; /* opened last */
	curl_off_t len;	  /* of the request's body */
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_post *p = arg;
	size_t len = size * n, room = KEPT_MAX - p->body.len;

	buf_add(&p->body, data, len < room ? len : room);
	p->received += len;
	p->too_long = p->received > ANSWER_MAX;
	return p->too_long ? 0 : len;
}

/* curl_multi_fdset(3) ends at descriptor 1024, and there may be more probes than that: which socket
 * it is we learn when it is made. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_post *p = arg;

	p->fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	return p->fd;
}

static int on_close(void *arg, curl_socket_t fd)
{
	struct http_post *p = arg;

	if (p->fd == fd)
		p->fd = CURL_SOCKET_BAD;
	return close(fd);
}

static int add_header(struct http_post *p, const char *name, const char *value)
{
	struct curl_slist *list;
	char *line;

	/* libcurl takes "name:" for a header to leave out, and "name;" for an empty one. */
	if (asprintf(&line, *value ? "%s: %s" : "%s;%s", name, value) < 0)
		return -ENOMEM;
	list = curl_slist_append(p->headers, line);
	free(line);
	if (!list)
		return -ENOMEM;
	p->headers = list;
	return 0;
}

static int add_headers(struct http_post *p)
{
	const struct http_post_target *t = p->target;
	const char *name, *value;
	struct curl_slist *list;
	size_t at = 0;
	int err;

	err = add_header(p, "Content-Type", t->content_type);
	if (!err && t->gzip)
		err = add_header(p, "Content-Encoding", "gzip");
	list = err ? NULL : curl_slist_append(p->headers, "Expect:");
	if (!list)
		return -ENOMEM;
	p->headers = list;
	while (!err && baggage_next(t->headers, t->headers_len, &at, &name, &value))
		err = add_header(p, name, value);
	return err;
}

static CURLcode set_tls(CURL *easy, const struct http_post_target *t)
{
	CURLcode code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

	if (t->ca)
		code = code ?: curl_easy_setopt(easy, CURLOPT_CAINFO, t->ca);
	if (t->ca)
		code = code ?: curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (t->cert)
		code = code ?: curl_easy_setopt(easy, CURLOPT_SSLCERT, t->cert);
	if (t->key)
		code = code ?: curl_easy_setopt(easy, CURLOPT_SSLKEY, t->key);
	return code;
}

static CURLcode set_options(struct http_post *p)
{
	const struct http_post_target *t = p->target;
	CURL *e = p->easy;
	CURLcode code = curl_easy_setopt(e, CURLOPT_URL, t->url);

	code = code ?: curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	code = code ?: curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	code = code ?: curl_easy_setopt(e, CURLOPT_POST, 1l);
	code = code ?: curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0l);
	code = code ?: curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1l);
	code = code ?: curl_easy_setopt(e, CURLOPT_USERAGENT, t->user_agent);
	code = code ?: curl_easy_setopt(e, CURLOPT_HTTPHEADER, p->headers);
	code = code ?: curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
	code = code ?: curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	code = code ?: curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1l);
	code = code ?: curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1l);
	code = code ?: curl_easy_setopt(e, CURLOPT_ERRORBUFFER, p->error);
	code = code ?: curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	code = code ?: curl_easy_setopt(e, CURLOPT_WRITEDATA, p);
	code = code ?: curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
	code = code ?: curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, p);
	code = code ?: curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	code = code ?: curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, p);
	return code ?: set_tls(e, t);
}

static int start(struct http_post *p)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	p->multi = curl_multi_init();
	p->easy = curl_easy_init();
	if (!p->multi || !p->easy || add_headers(p))
		return -ENOMEM;
	return set_options(p) ? -EINVAL : 0;
}

struct http_post *http_post_new(const char *what, const struct http_post_target *target)
{
	struct http_post *p = calloc(1, sizeof(*p));

	if (!p) {
		log_error("%s: out of memory", what);
		return NULL;
	}
	p->target = target;
	p->fd = CURL_SOCKET_BAD;
	if (!start(p))
		return p;
	log_error("%s: libcurl does not start", what);
	http_post_free(p);
	return NULL;
}

void http_post_free(struct http_post *p)
{
	if (!p)
		return;
	http_post_cancel(p);
	curl_easy_cleanup(p->easy);
	curl_multi_cleanup(p->multi);
	curl_slist_free_all(p->headers);
	curl_global_cleanup();
	buf_free(&p->body);
	free(p);
}

int http_post_begin(struct http_post *p, const void *body, size_t len)
{
	p->body.len = p->received = 0;
	p->body.failed = p->too_long = false;
	p->error[0] = '\0';
	p->len = (curl_off_t)len;
	if (curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE, p->len) ||
	    curl_easy_setopt(p->easy, CURLOPT_POSTFIELDS, body) ||
	    curl_multi_add_handle(p->multi, p->easy))
		return -ENOMEM;
	p->running = true;
	return 0;
}

static void read_answer(struct http_post *p, CURLcode result, struct http_answer *a)
{
	curl_off_t after = 0;
	const char *type = NULL;
	long status = 0;

	curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(p->easy, CURLINFO_RETRY_AFTER, &after);
	curl_easy_getinfo(p->easy, CURLINFO_CONTENT_TYPE, &type);
	*a = (struct http_answer){
		/* An answer that does not end has a status all the same. */
		.status = !result || p->too_long ? (int)status : 0,
		.retry_after = after <= 0	   ? 0
			       : after < AFTER_MAX ? after * 1000
						   : AFTER_MAX * 1000ll,
		.error = p->error[0] ? p->error : curl_easy_strerror(result),
		.body = p->body.data,
		.len = p->body.len,
		.json = type && !strncasecmp(type, "application/json", 16),
	};
}

bool http_post_step(struct http_post *p, struct http_answer *answer)
{
	CURLMsg *message;
	int running, left;

	if (!p->running)
		return false;
	curl_multi_perform(p->multi, &running);
	message = curl_multi_info_read(p->multi, &left);
	if (!message || message->msg != CURLMSG_DONE)
		return false;
	read_answer(p, message->data.result, answer);
	http_post_cancel(p);
	return true;
}

void http_post_cancel(struct http_post *p)
{
	if (p->running)
		curl_multi_remove_handle(p->multi, p->easy);
	p->running = false;
}

/* Until the connection stands there is nothing to wait for but the next step. */
int http_post_poll(const struct http_post *p, struct pollfd *fd)
{
	curl_off_t ready = 0, sent = 0;

	if (!p->running || p->fd == CURL_SOCKET_BAD)
		return 0;
	curl_easy_getinfo(p->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
	curl_easy_getinfo(p->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	if (!ready)
		return 0;
	*fd = (struct pollfd){.fd = p->fd, .events = POLLIN | (sent < p->len ? POLLOUT : 0)};
	return 1;
}
