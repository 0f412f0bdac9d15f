// SPDX-License-Identifier: GPL-2.0-only
#include "sink/otlp_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/baggage.h"
#include "base/log.h"

#define DEFAULT_ENDPOINT "http://localhost:4318"
#define LOGS_PATH	 "v1/logs"

#define TIMEOUT_MS	  10000
#define EXPORT_TIMEOUT_MS 30000
#define DELAY_MS	  1000
#define MS_MAX		  INT32_MAX
#define BATCH		  512
#define MAX_ATTRIBUTES	  128

/* What is empty counts as not set. */
static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* OTEL_EXPORTER_OTLP_LOGS_x, or OTEL_EXPORTER_OTLP_x; *from is which. */
static const char *env_exporter(const char *what, char from[64])
{
	const char *value;

	snprintf(from, 64, "OTEL_EXPORTER_OTLP_LOGS_%s", what);
	value = env(from);
	if (value)
		return value;
	snprintf(from, 64, "OTEL_EXPORTER_OTLP_%s", what);
	return env(from);
}

bool otlp_config_takes(const char *url)
{
	const char *rest = strstr(url, "://");

	if (!rest || (strncasecmp(url, "http:", 5) && strncasecmp(url, "https:", 6)))
		return false;
	return rest - url <= 5 && rest[3] && rest[3] != '/' && rest[3] != ':' &&
	       !strpbrk(url, " \t\r\n");
}

/* v1/logs goes behind the path of a base; a query, which a token may be in, stays behind it. */
static char *with_path(const char *base)
{
	size_t len = strcspn(base, "?#"), path = strlen(LOGS_PATH);
	const char *slash = len && base[len - 1] == '/' ? "" : "/";
	char *url;

	if (len > path && base[len - path - 1] == '/' &&
	    !strncmp(base + len - path, LOGS_PATH, path))
		return strdup(base);
	if (asprintf(&url, "%.*s%s" LOGS_PATH "%s", (int)len, base, slash, base + len) < 0)
		return NULL;
	return url;
}

static int out_of_memory(void)
{
	log_error("--otlp: out of memory");
	return -ENOMEM;
}

static int set_url(struct otlp_config *c, const char *option)
{
	const char *logs = option ? NULL : env("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT");
	const char *base = option ?: env("OTEL_EXPORTER_OTLP_ENDPOINT");
	const char *from = option ? "--otlp"
			   : logs ? "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"
				  : "OTEL_EXPORTER_OTLP_ENDPOINT";
	const char *given = logs ?: base;

	if (given && !otlp_config_takes(given)) {
		log_error(
			"%s '%.200s': not the URL of a receiver; give http://HOST:PORT or https://",
			from, given);
		return -EINVAL;
	}
	c->url = logs ? strdup(logs) : with_path(base ?: DEFAULT_ENDPOINT);
	return c->url ? 0 : out_of_memory();
}

static int set_protocol(struct otlp_config *c)
{
	char from[64];
	const char *value = env_exporter("PROTOCOL", from);

	c->json = value && !strcmp(value, "http/json");
	if (!value || c->json || !strcmp(value, "http/protobuf"))
		return 0;
	log_error("%s '%.200s': not spoken here; give http/protobuf or http/json", from, value);
	return -EINVAL;
}

static void set_compression(struct otlp_config *c)
{
	char from[64];
	const char *value = env_exporter("COMPRESSION", from);

	c->gzip = value && !strcmp(value, "gzip");
	if (value && !c->gzip && strcmp(value, "none"))
		log_warn("%s '%.200s': unknown; give gzip or none; not compressing", from, value);
}

static bool is_token(const char *name)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (; *name; name++)
		if (!strchr(others, *name) && !((*name | 0x20) >= 'a' && (*name | 0x20) <= 'z') &&
		    !(*name >= '0' && *name <= '9'))
			return false;
	return true;
}

/* A header line ends where its value says: nothing in it may. */
static bool good_headers(const struct buf *pairs)
{
	const char *name, *value;
	size_t at = 0;

	while (baggage_next(pairs->data, pairs->len, &at, &name, &value))
		if (!is_token(name) || strpbrk(value, "\r\n"))
			return false;
	return true;
}

/* Its value is not shown: it may hold a key. */
static int set_headers(struct otlp_config *c)
{
	char from[64];
	const char *value = env_exporter("HEADERS", from);

	if (!value)
		return 0;
	if (!baggage_parse(value, &c->headers) && good_headers(&c->headers))
		return c->headers.failed ? out_of_memory() : 0;
	log_error(
		"%s: not a list of headers; give NAME=VALUE,NAME=VALUE with %%XX for special bytes",
		from);
	return -EINVAL;
}

/* A number of the range; what is something else is told of and not used. */
static uint64_t number(const char *name, const char *value, uint64_t from, uint64_t to,
		       uint64_t otherwise)
{
	char *end;
	unsigned long long n;

	if (!value)
		return otherwise;
	errno = 0;
	n = strtoull(value, &end, 10);
	if (*value >= '0' && *value <= '9' && !*end && !errno && n >= from && n <= to)
		return n;
	log_warn("%s '%.200s': not a number from %llu to %llu; using the default", name, value,
		 (unsigned long long)from, (unsigned long long)to);
	return otherwise;
}

static uint64_t env_number(const char *name, uint64_t from, uint64_t to, uint64_t otherwise)
{
	return number(name, env(name), from, to, otherwise);
}

/* That of log records, or that of all attributes. */
static uint32_t env_limit(const char *what, uint32_t otherwise)
{
	char name[64];

	snprintf(name, sizeof(name), "OTEL_ATTRIBUTE_%s_LIMIT", what);
	otherwise = env_number(name, 0, UINT32_MAX, otherwise);
	snprintf(name, sizeof(name), "OTEL_LOGRECORD_ATTRIBUTE_%s_LIMIT", what);
	return env_number(name, 0, UINT32_MAX, otherwise);
}

/* The shorter of two timeouts, of which 0 is one that never comes. */
static uint32_t shorter(uint32_t a, uint32_t b)
{
	return a && (!b || a < b) ? a : b;
}

/* The processor's timeout is of an export. For us that is a request: one that takes too long is
 * cancelled and sent again, as its events are not to be lost. */
static uint32_t timeout(void)
{
	char from[64];
	const char *request = env_exporter("TIMEOUT", from);

	return shorter(number(from, request, 0, MS_MAX, TIMEOUT_MS),
		       env_number("OTEL_BLRP_EXPORT_TIMEOUT", 0, MS_MAX, EXPORT_TIMEOUT_MS));
}

static void set_numbers(struct otlp_config *c)
{
	c->timeout_ms = timeout();
	c->delay_ms = env_number("OTEL_BLRP_SCHEDULE_DELAY", 0, MS_MAX, DELAY_MS);
	/* Not the 2048 of an SDK, which is a buffer of one program's own logs: events of a machine
	 * fill that in milliseconds. */
	c->queue = env_number("OTEL_BLRP_MAX_QUEUE_SIZE", 1, UINT32_MAX, UINT64_MAX);
	c->batch = env_number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 1, 100000, BATCH);
	if (c->batch > c->queue)
		c->batch = (uint32_t)c->queue;
	c->max_attributes = env_limit("COUNT", MAX_ATTRIBUTES);
	c->max_value = env_limit("VALUE_LENGTH", UINT32_MAX);
}

static void set_attributes(struct otlp_config *c)
{
	const char *service = env("OTEL_SERVICE_NAME"), *list = env("OTEL_RESOURCE_ATTRIBUTES");

	if (service) {
		buf_add(&c->attributes, "service.name", sizeof("service.name"));
		buf_add(&c->attributes, service, strlen(service) + 1);
	}
	if (list && baggage_parse(list, &c->attributes))
		log_warn("OTEL_RESOURCE_ATTRIBUTES: not a list KEY=VALUE,KEY=VALUE; not using it");
}

static void set_files(struct otlp_config *c)
{
	char from[64];

	c->ca = env_exporter("CERTIFICATE", from);
	c->cert = env_exporter("CLIENT_CERTIFICATE", from);
	c->key = env_exporter("CLIENT_KEY", from);
}

int otlp_config_init(struct otlp_config *c, const char *url)
{
	const char *disabled = env("OTEL_SDK_DISABLED");
	int err;

	*c = (struct otlp_config){.disabled = disabled && !strcasecmp(disabled, "true")};
	if (c->disabled)
		return 0;
	err = set_url(c, url) ?: set_protocol(c) ?: set_headers(c);
	if (err) {
		otlp_config_free(c);
		return err;
	}
	set_compression(c);
	set_numbers(c);
	set_attributes(c);
	set_files(c);
	return 0;
}

void otlp_config_free(struct otlp_config *c)
{
	free(c->url);
	buf_free(&c->headers);
	buf_free(&c->attributes);
	*c = (struct otlp_config){0};
}
