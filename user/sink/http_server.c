// SPDX-License-Identifier: GPL-2.0-only
#include "sink/http_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"

#define CLIENTS_MAX    32 /* places */
#define CLIENTS_WANTED 16 /* above it the one idle longest has to go */
#define IDLE_SECONDS   30 /* without a byte */
#define REQUEST_BYTES  8192
#define BACKLOG	       128

struct client {
	struct MHD_Connection *connection; /* NULL: a free place */
	int fd;
	uint64_t last; /* when it came, or its last request was answered: a count, not a clock */
};

struct http_server {
	struct MHD_Daemon *daemon;
	const struct http_page *pages;
	void *arg;
	char address[INET6_ADDRSTRLEN + 16];
	struct client clients[CLIENTS_MAX];
	size_t n_clients;
	uint64_t clock;
};

static struct client *client_of(struct http_server *s, const struct MHD_Connection *connection)
{
	size_t i;

	for (i = 0; i < CLIENTS_MAX; i++)
		if (s->clients[i].connection == connection)
			return &s->clients[i];
	return NULL;
}

/* Its connection is shut here and ended by the library when that notices. */
static void shut_oldest(struct http_server *s)
{
	struct client *oldest = NULL;
	size_t i;

	for (i = 0; i < CLIENTS_MAX; i++)
		if (s->clients[i].connection && s->clients[i].fd >= 0 &&
		    (!oldest || s->clients[i].last < oldest->last))
			oldest = &s->clients[i];
	if (!oldest)
		return;
	shutdown(oldest->fd, SHUT_RDWR);
	oldest->fd = -1;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = arg;
	const union MHD_ConnectionInfo *info;
	struct client *c;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		c = client_of(s, connection);
		if (c) {
			c->connection = NULL;
			s->n_clients--;
		}
		return;
	}
	c = client_of(s, NULL);
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (!c || !info)
		return;
	if (++s->n_clients > CLIENTS_WANTED)
		shut_oldest(s);
	*c = (struct client){connection, info->connect_fd, ++s->clock};
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct http_server *s = arg;
	struct client *c = client_of(s, connection);

	if (c)
		c->last = ++s->clock;
}

/* Takes over body. */
static enum MHD_Result respond(struct MHD_Connection *connection, int status, const char *type,
			       struct buf *body)
{
	struct MHD_Response *response = NULL;
	enum MHD_Result result = MHD_NO;

	if (!body->failed)
		response = MHD_create_response_from_buffer(body->len, body->data,
							   MHD_RESPMEM_MUST_FREE);
	if (!response) {
		buf_free(body);
		return MHD_NO;
	}
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
	    (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
	     MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES))
		result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, int status, const char *text)
{
	struct buf body = {0};

	buf_str(&body, text);
	return respond(connection, status, "text/plain; charset=utf-8", &body);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **context)
{
	static char again;
	struct http_server *s = arg;
	const struct http_page *page;
	struct buf body = {0};
	int status;

	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	/* At the first call only the header is there. An answer now would end the connection. */
	if (!*context) {
		*context = &again;
		return MHD_YES;
	}
	for (page = s->pages; page->path; page++)
		if (!strcmp(page->path, url))
			break;
	if (!page->path)
		return refuse(connection, MHD_HTTP_NOT_FOUND, "no such page\n");
	status = page->make(&body, s->arg);
	return respond(connection, status, page->type, &body);
}

/* "ADDR:PORT" in two; ADDR is empty when it is not given. Returns -EINVAL for what is none. */
static int split_address(const char *where, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(where, ':'), *end = colon ?: where;
	size_t len = end - where;

	*port = colon ? colon + 1 : where;
	if (len >= 2 && where[0] == '[' && end[-1] == ']') {
		where++;
		len -= 2;
	} else if (memchr(where, ':', len)) {
		return -EINVAL; /* an IPv6 address without brackets */
	}
	if (len >= size || !**port || strlen(*port) > 5 || (*port)[strspn(*port, "0123456789")] ||
	    atoi(*port) > 65535)
		return -EINVAL;
	memcpy(host, where, len);
	host[len] = '\0';
	return 0;
}

bool http_server_takes(const char *where)
{
	const char *port;
	char host[256];

	return !split_address(where, host, sizeof(host), &port);
}

static int listen_at(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
	int err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, ai->ai_addr, ai->ai_addrlen) && !listen(fd, BACKLOG))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int open_listener(const char *what, const char *where)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
	const char *port;
	sigset_t before;
	char host[256];
	int fd, err;

	if (split_address(where, host, sizeof(host), &port)) {
		log_error("%s '%.200s': not an address; give PORT, ADDR:PORT or [ADDR6]:PORT", what,
			  where);
		return -EINVAL;
	}
	interrupt_allow(&before);
	err = getaddrinfo(host[0] ? host : "127.0.0.1", port, &hints, &found);
	interrupt_restore(&before);
	if (err) {
		log_error("%s '%.200s': %s; give an address of this machine", what, where,
			  gai_strerror(err));
		return -EINVAL;
	}
	fd = listen_at(found);
	freeaddrinfo(found);
	if (fd < 0)
		log_error("%s '%.200s': cannot listen: %s; choose another address or port", what,
			  where, strerror(-fd));
	return fd;
}

static void tell_address(struct http_server *s, int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[INET6_ADDRSTRLEN], port[8];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	snprintf(s->address, sizeof(s->address), addr.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
		 host, port);
}

static struct MHD_Daemon *start_daemon(struct http_server *s, int listener)
{
	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, s,
				MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
				(unsigned int)CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
				(unsigned int)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)REQUEST_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
				s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_END);
}

struct http_server *http_server_open(const char *what, const char *where,
				     const struct http_page *pages, void *arg)
{
	struct http_server *s = calloc(1, sizeof(*s));
	int listener;

	if (!s) {
		log_error("%s: out of memory", what);
		return NULL;
	}
	s->pages = pages;
	s->arg = arg;
	listener = open_listener(what, where);
	if (listener < 0)
		goto fail;
	tell_address(s, listener);
	s->daemon = start_daemon(s, listener);
	if (!s->daemon) {
		close(listener);
		log_error("%s '%.200s': libmicrohttpd does not start: %s", what, where,
			  strerror(errno));
		goto fail;
	}
	return s;
fail:
	http_server_free(s);
	return NULL;
}

const char *http_server_address(const struct http_server *server)
{
	return server->address;
}

void http_server_run(struct http_server *server)
{
	MHD_run(server->daemon);
}

void http_server_free(struct http_server *server)
{
	if (!server)
		return;
	if (server->daemon)
		MHD_stop_daemon(server->daemon); /* closes the listener as well */
	free(server);
}
