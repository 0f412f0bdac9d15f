// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP and TLS. libcurl looks the name up, tries its addresses, and does the handshake, none of
 * which blocks; with CURLOPT_CONNECT_ONLY it then leaves the connection to us. A plain one is used
 * as the socket it is, so that how it breaks is known exactly.
 */
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/log.h"
#include "sink/channel_state.h"

#define CONNECT_MS 10000l
#define DEAD_MS	   20000 /* data that is not acknowledged for so long breaks the connection */

int channel_remote_init(struct channel *c, const char *what)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(c->multi = curl_multi_init())) {
		log_error("%s: libcurl does not start", what);
		return -ENOMEM;
	}
	return 0;
}

void channel_remote_exit(struct channel *c)
{
	if (!c->multi)
		return;
	curl_multi_cleanup(c->multi);
	curl_global_cleanup();
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	int ms = DEAD_MS;

	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return CURL_SOCKOPT_OK;
}

static CURLcode set_tls(CURL *easy, const struct address *a)
{
	CURLcode code = curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0l);

	code = code ?: curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (a->ca)
		code = code ?: curl_easy_setopt(easy, CURLOPT_CAINFO, a->ca);
	if (a->ca)
		code = code ?: curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (a->cert)
		code = code ?: curl_easy_setopt(easy, CURLOPT_SSLCERT, a->cert);
	if (a->key)
		code = code ?: curl_easy_setopt(easy, CURLOPT_SSLKEY, a->key);
	return code;
}

static CURLcode set_options(struct channel *c)
{
	const struct address *a = c->address;
	const char *fmt = strchr(a->host, ':') ? "%s://[%s]:%s/" : "%s://%s:%s/";
	char url[512];
	CURLcode code;

	if (snprintf(url, sizeof(url), fmt, a->kind == ADDRESS_TLS ? "https" : "http", a->host,
		     a->port) >= (int)sizeof(url))
		return CURLE_URL_MALFORMAT;
	code = curl_easy_setopt(c->easy, CURLOPT_URL, url);
	code = code ?: curl_easy_setopt(c->easy, CURLOPT_CONNECT_ONLY, 1l);
	code = code ?: curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1l);
	code = code ?: curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	/* Proxies of the environment are for HTTP. */
	code = code ?: curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	code = code ?: curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "*");
	code = code ?: curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1l);
	code = code ?: curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, 1l);
	code = code ?: curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->curl_error);
	code = code ?: curl_easy_setopt(c->easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
	return code ?: a->kind == ADDRESS_TLS ? set_tls(c->easy, a) : CURLE_OK;
}

static int give_up(struct channel *c, CURLcode code)
{
	snprintf(c->error, sizeof(c->error), "%s",
		 c->curl_error[0] ? c->curl_error : curl_easy_strerror(code));
	channel_close(c);
	return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -ECONNREFUSED;
}

static int begin(struct channel *c)
{
	CURLcode code = CURLE_OUT_OF_MEMORY;

	c->curl_error[0] = '\0';
	c->chunk_len = 0;
	c->easy = curl_easy_init();
	if (c->easy)
		code = set_options(c);
	if (!code && curl_multi_add_handle(c->multi, c->easy))
		code = CURLE_OUT_OF_MEMORY;
	return code ? give_up(c, code) : 0;
}

int channel_remote_connect(struct channel *c)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	CURLMsg *message;
	int running, left;

	if (c->fd >= 0)
		return 1;
	if (!c->easy) {
		int err = begin(c);

		if (err)
			return err;
	}
	if (curl_multi_perform(c->multi, &running))
		return give_up(c, CURLE_OUT_OF_MEMORY);
	message = curl_multi_info_read(c->multi, &left);
	if (!message || message->msg != CURLMSG_DONE)
		return 0;
	if (message->data.result)
		return give_up(c, message->data.result);
	if (curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd) || fd == CURL_SOCKET_BAD)
		return give_up(c, CURLE_COULDNT_CONNECT);
	c->fd = fd;
	return 1;
}

void channel_remote_close(struct channel *c)
{
	if (!c->easy)
		return;
	curl_multi_remove_handle(c->multi, c->easy);
	curl_easy_cleanup(c->easy);
	c->easy = NULL;
}

/* After it could not be sent a record must be offered again as it was (SSL_write(3)), at the same
 * address: it is kept in a place of its own. */
ssize_t channel_tls_send(struct channel *c, const void *data, size_t len)
{
	size_t sent = 0;
	CURLcode code;

	if (!c->chunk_len) {
		c->chunk_len = len < TLS_CHUNK ? len : TLS_CHUNK;
		memcpy(c->chunk, data, c->chunk_len);
	}
	code = curl_easy_send(c->easy, c->chunk, c->chunk_len, &sent);
	if (code == CURLE_AGAIN)
		return -EAGAIN;
	c->chunk_len = 0;
	return code ? -ECONNRESET : (ssize_t)sent;
}

ssize_t channel_tls_recv(struct channel *c, void *data, size_t len)
{
	size_t got = 0;
	CURLcode code = curl_easy_recv(c->easy, data, len, &got);

	if (code == CURLE_AGAIN)
		return -EAGAIN;
	if (code)
		return -ECONNRESET;
	return got ? (ssize_t)got : -EPIPE;
}
