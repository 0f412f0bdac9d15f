// SPDX-License-Identifier: GPL-2.0-only
#include "enrich/otel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/baggage.h"
#include "base/pb.h"
#include "target/files.h"

#define ENVIRON_MAX (256 << 10)
#define MAPS_MAX    (4 << 20)
#define PAYLOAD_MAX (64 << 10)
#define PAIRS_MAX   (16 << 10) /* bytes: a hostile process gets no more into each request */
#define ATTEMPTS    3

/* OTEP 4719, version 2. published is 0 while the writer changes it. */
struct context_header {
	char signature[8];
	uint32_t version, payload_size;
	uint64_t published, payload;
};

/* ProcessContext, Resource, KeyValue, AnyValue */
#define CONTEXT_RESOURCE    1
#define CONTEXT_EXTRA	    2
#define RESOURCE_ATTRIBUTES 1
#define PAIR_KEY	    1
#define PAIR_VALUE	    2
#define VALUE_STRING	    1
#define VALUE_BOOL	    2
#define VALUE_INT	    3

static void put_value(struct buf *pairs, const struct pb_field *value)
{
	struct pb_reader r = pb_read(value->data, value->len);
	struct pb_field f;

	if (pb_next(&r, &f) <= 0)
		return;
	if (f.number == VALUE_STRING && f.type == PB_BYTES && !memchr(f.data, 0, f.len))
		buf_add(pairs, f.data, f.len);
	else if (f.number == VALUE_BOOL && f.type == PB_VARINT)
		buf_str(pairs, f.value ? "true" : "false");
	else if (f.number == VALUE_INT && f.type == PB_VARINT)
		buf_i64(pairs, (int64_t)f.value);
}

/* A pair without a value that can be taken stays out. */
static int put_pair(struct buf *pairs, const struct pb_field *pair)
{
	struct pb_reader r = pb_read(pair->data, pair->len);
	struct pb_field f, key = {0}, value = {0};
	size_t before = pairs->len, at;
	int ret;

	while ((ret = pb_next(&r, &f)) > 0) {
		if (f.number == PAIR_KEY && f.type == PB_BYTES)
			key = f;
		if (f.number == PAIR_VALUE && f.type == PB_BYTES)
			value = f;
	}
	if (ret || !key.len || memchr(key.data, 0, key.len))
		return ret;
	buf_add(pairs, key.data, key.len);
	buf_char(pairs, '\0');
	at = pairs->len;
	if (value.data)
		put_value(pairs, &value);
	if (pairs->len == at)
		buf_truncate(pairs, before);
	else
		buf_char(pairs, '\0');
	return 0;
}

static int put_resource(struct buf *pairs, const struct pb_field *resource)
{
	struct pb_reader r = pb_read(resource->data, resource->len);
	struct pb_field f;
	int ret;

	while ((ret = pb_next(&r, &f)) > 0)
		if (f.number == RESOURCE_ATTRIBUTES && f.type == PB_BYTES && put_pair(pairs, &f))
			return -EINVAL;
	return ret;
}

/* Takes the fields of a number, each with put. */
static int parse(const void *data, size_t len, struct buf *pairs, uint32_t number,
		 int (*put)(struct buf *pairs, const struct pb_field *field))
{
	struct pb_reader r = pb_read(data, len);
	size_t before = pairs->len;
	struct pb_field f;
	int ret;

	while ((ret = pb_next(&r, &f)) > 0)
		if (f.number == number && f.type == PB_BYTES && put(pairs, &f))
			break;
	if (!ret && pairs->len - before <= PAIRS_MAX)
		return 0;
	buf_truncate(pairs, before);
	return -EINVAL;
}

int otel_parse_context(const void *data, size_t len, struct buf *pairs)
{
	return parse(data, len, pairs, CONTEXT_RESOURCE, put_resource);
}

int otel_parse_extra(const void *data, size_t len, struct buf *pairs)
{
	return parse(data, len, pairs, CONTEXT_EXTRA, put_pair);
}

static const char *find_variable(const char *data, size_t len, const char *name)
{
	size_t n = strlen(name);
	const char *p = data, *end = data + len;

	for (; p < end; p += strlen(p) + 1)
		if (!strncmp(p, name, n) && p[n] == '=')
			return p + n + 1;
	return NULL;
}

void otel_parse_environment(const char *data, size_t len, struct buf *pairs)
{
	const char *service = find_variable(data, len, "OTEL_SERVICE_NAME");
	const char *list = find_variable(data, len, "OTEL_RESOURCE_ATTRIBUTES");

	if (service && *service && strlen(service) < PAIRS_MAX) {
		buf_add(pairs, "service.name", sizeof("service.name"));
		buf_add(pairs, service, strlen(service) + 1);
	}
	if (list && strlen(list) < PAIRS_MAX)
		baggage_parse(list, pairs);
}

static void read_environment(int dir, struct buf *pairs)
{
	char *text = malloc(ENVIRON_MAX);
	size_t len;

	if (text && !target_read_file(dir, "environ", text, ENVIRON_MAX, &len))
		otel_parse_environment(text, len, pairs);
	free(text);
}

static bool names_context(const char *path)
{
	static const char *const names[] = {"/memfd:OTEL_CTX", "/memfd:OTEL_CTX (deleted)",
					    "[anon_shmem:OTEL_CTX]", "[anon:OTEL_CTX]"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(path, names[i]))
			return true;
	return false;
}

/* Where the context is; 0: there is none. The name is the process's choice, and what is there is
 * checked. */
static uint64_t find_context(int dir)
{
	int fd = openat(dir, "maps", O_RDONLY | O_CLOEXEC);
	FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");
	struct map_line mapping;
	char *line = NULL;
	size_t size = 0, total = 0;
	uint64_t start = 0;
	ssize_t n;

	if (!maps) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (!start && total < MAPS_MAX && (n = getline(&line, &size, maps)) > 0) {
		total += n;
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, "OTEL_CTX") && !target_parse_map_line(line, &mapping) &&
		    names_context(mapping.path))
			start = mapping.start;
	}
	free(line);
	fclose(maps);
	return start;
}

static bool read_memory(uint32_t pid, uint64_t at, void *data, size_t len)
{
	struct iovec here = {data, len}, there = {(void *)at, len};

	return process_vm_readv((pid_t)pid, &here, 1, &there, 1, 0) == (ssize_t)len;
}

typedef int parse_fn(const void *data, size_t len, struct buf *pairs);

/* Once; -EAGAIN when it was changed meanwhile. */
static int read_once(uint32_t pid, uint64_t at, char *payload, parse_fn *take, struct buf *pairs)
{
	struct context_header head, again;

	if (!read_memory(pid, at, &head, sizeof(head)) ||
	    memcmp(head.signature, "OTEL_CTX", sizeof(head.signature)) || head.version != 2 ||
	    !head.payload_size || head.payload_size > PAYLOAD_MAX)
		return -EINVAL;
	if (!head.published)
		return -EAGAIN;
	if (!read_memory(pid, head.payload, payload, head.payload_size))
		return -EFAULT;
	if (!read_memory(pid, at, &again, sizeof(again)) || again.published != head.published)
		return -EAGAIN;
	return take(payload, head.payload_size, pairs);
}

static int read_context(uint32_t pid, int dir, parse_fn *take, struct buf *pairs)
{
	uint64_t at = find_context(dir);
	char *payload = at ? malloc(PAYLOAD_MAX) : NULL;
	int i, ret = payload ? -EAGAIN : -ENOENT;

	for (i = 0; i < ATTEMPTS && ret == -EAGAIN; i++)
		ret = read_once(pid, at, payload, take, pairs);
	free(payload);
	return ret;
}

void otel_read(uint32_t pid, struct buf *pairs)
{
	int dir;

	pairs->len = 0;
	if (target_open_process((pid_t)pid, &dir))
		return;
	/* What is published is complete: the SDK has looked at the environment. */
	if (read_context(pid, dir, otel_parse_context, pairs))
		read_environment(dir, pairs);
	close(dir);
}

/* The value of a key in pairs; NULL: it is not there. */
static const char *find_pair(const struct buf *pairs, const char *key)
{
	const char *found, *value;
	size_t at = 0;

	while (baggage_next(pairs->data, pairs->len, &at, &found, &value))
		if (!strcmp(found, key))
			return value;
	return NULL;
}

int otel_read_schema(uint32_t pid, char *schema, size_t size)
{
	struct buf pairs = {0};
	const char *value;
	int dir, ret = target_open_process((pid_t)pid, &dir);

	if (ret)
		return ret;
	ret = read_context(pid, dir, otel_parse_extra, &pairs);
	close(dir);
	value = ret || pairs.failed ? NULL : find_pair(&pairs, "threadlocal.schema_version");
	if (value)
		snprintf(schema, size, "%s", value);
	else if (!ret)
		ret = -ENOENT;
	buf_free(&pairs);
	return ret;
}
