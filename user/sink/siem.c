// SPDX-License-Identifier: GPL-2.0-only
#include "sink/siem.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/json.h"

#define ROLES_1(a)			ROLE_##a, 0, 0, 0
#define ROLES_2(a, b)			ROLE_##a, ROLE_##b, 0, 0
#define ROLES_3(a, b, c)		ROLE_##a, ROLE_##b, ROLE_##c, 0
#define ROLES_4(a, b, c, d)		ROLE_##a, ROLE_##b, ROLE_##c, ROLE_##d
#define ROLES_OF(a, b, c, d, name, ...) name

#define ROW(name_, category_, types_, activity_, ...) \
	{.name = name_,                               \
	 .category = category_,                       \
	 .types = types_,                             \
	 .activity = ACT_##activity_,                 \
	 .roles = {ROLES_OF(__VA_ARGS__, ROLES_4, ROLES_3, ROLES_2, ROLES_1)(__VA_ARGS__)}},

static const struct siem_row events[] = {
#define SIEM ROW
#define SIEM_CALL(...)
#define SIEM_CATEGORY(...)
#include "sink/siem.def"
#undef SIEM
#undef SIEM_CALL
#undef SIEM_CATEGORY
};

static const struct siem_row calls[] = {
#define SIEM(...)
#define SIEM_CALL ROW
#define SIEM_CATEGORY(...)
#include "sink/siem.def"
#undef SIEM
#undef SIEM_CALL
#undef SIEM_CATEGORY
};

static const struct {
	const char *category;
	struct siem_row row;
} categories[] = {
#define SIEM(...)
#define SIEM_CALL(...)
#define SIEM_CATEGORY(name_, category_, types_) {name_, {.category = category_, .types = types_}},
#include "sink/siem.def"
#undef SIEM
#undef SIEM_CALL
#undef SIEM_CATEGORY
};

static const struct siem_row no_row = {0};

const struct siem_row *siem_events(size_t *n)
{
	*n = ARRAY_SIZE(events);
	return events;
}

const struct siem_row *siem_calls(size_t *n)
{
	*n = ARRAY_SIZE(calls);
	return calls;
}

static int compare_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct siem_row *)row)->name);
}

static const struct siem_row *find(const struct siem_row *rows, size_t n, const char *name)
{
	return bsearch(name, rows, n, sizeof(rows[0]), compare_name);
}

const struct siem_row *siem_event_row(const struct audit_event *event)
{
	const struct siem_row *row;
	size_t i;

	if (!event->row)
		return &no_row;
	row = find(events, ARRAY_SIZE(events), event->row->name);
	for (i = 0; !row && i < ARRAY_SIZE(categories); i++)
		if (!strcmp(categories[i].category, event->row->category))
			row = &categories[i].row;
	return row ?: &no_row;
}

const struct siem_row *siem_call_row(const struct call_row *call)
{
	return find(calls, ARRAY_SIZE(calls), call->name) ?: &no_row;
}

static void put_code_point(void *out, uint32_t cp)
{
	char bytes[4];

	if (cp >= 0xdc80 && cp <= 0xdcff)
		buf_char(out, (char)cp);
	else
		buf_add(out, bytes,
			utf8_encode(bytes, cp >= 0xd800 && cp <= 0xdfff ? 0xfffd : cp) - bytes);
}

void siem_add_text(struct buf *out, const struct text *text)
{
	struct text_iter it;
	uint32_t cp;

	text_iter_init(&it, text);
	while (text_next(&it, &cp))
		put_code_point(out, cp);
}

bool siem_text(const struct value *v, struct buf *scratch, struct text *text)
{
	const struct value *inner = v ? format_inner(v) : NULL;

	if (inner)
		v = inner;
	if (!v || !format_readable(v))
		return false;
	if (v->kind == WIRE_OBJECT && v->aux == WIRE_OBJECT_DIR_ENTRY && v->children == 1)
		return siem_text(v + 1, scratch, text);
	if (v->kind == WIRE_STR || v->kind == WIRE_BYTES || v->kind == WIRE_BYTEARRAY) {
		*text = format_payload(v);
		return true;
	}
	if (!format_can_join(v))
		return false;
	buf_truncate(scratch, 0);
	format_join(v, put_code_point, scratch);
	*text = text_of_bytes(scratch->data, scratch->len);
	return !scratch->failed;
}

bool siem_int(const struct value *v, int64_t *number)
{
	if (!v || v->status != WIRE_OK || (v->kind != WIRE_INT && v->kind != WIRE_UINT))
		return false;
	*number = (int64_t)v->num;
	return v->kind == WIRE_INT || v->num <= INT64_MAX;
}

static uint32_t unit_at(const struct text *text, uint32_t i)
{
	uint16_t half;
	uint32_t unit;

	if (text->width <= 1)
		return ((const unsigned char *)text->data)[i];
	if (text->width == 2) {
		memcpy(&half, (const char *)text->data + 2 * (size_t)i, sizeof(half));
		return half;
	}
	memcpy(&unit, (const char *)text->data + 4 * (size_t)i, sizeof(unit));
	return unit;
}

struct text siem_basename(const struct text *path)
{
	uint32_t size = path->width ?: 1, n = path->len / size, i = n;
	struct text base = *path;

	while (i && unit_at(path, i - 1) != '/')
		i--;
	base.data = (const char *)path->data + (size_t)i * size;
	base.len -= i * size;
	return base.len ? base : *path;
}

void siem_add_argv(struct buf *out, const struct value *argv)
{
	const struct value *v = argv + 1;
	struct buf joined = {0};
	struct text text;
	uint32_t i;

	if (argv->kind != WIRE_LIST && argv->kind != WIRE_TUPLE)
		return;
	for (i = 0; i < argv->children; i++, v = value_next(v)) {
		if (i)
			buf_char(out, ' ');
		if (siem_text(v, &joined, &text))
			siem_add_text(out, &text);
	}
	buf_free(&joined);
}

void siem_add_cmdline(struct buf *out, const struct process_info *process)
{
	size_t start = out->len, i;

	if (!process->cmdline)
		return;
	buf_add(out, process->cmdline, process->cmdline_len);
	while (out->len > start && !out->data[out->len - 1])
		out->len--;
	for (i = start; i < out->len; i++)
		if (!out->data[i])
			out->data[i] = ' ';
}

/* Short ASCII text as a C string. */
static bool to_ascii(const struct text *text, char *out, size_t size)
{
	uint32_t n = text->len / (text->width ?: 1), i, unit;

	if (n >= size)
		return false;
	for (i = 0; i < n; i++) {
		unit = unit_at(text, i);
		if (unit <= ' ' || unit > '~')
			return false;
		out[i] = (char)unit;
	}
	out[n] = '\0';
	return n;
}

static bool is_ip(const struct text *host)
{
	unsigned char raw[16];
	char text[64];

	return to_ascii(host, text, sizeof(text)) &&
	       (inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1);
}

/* Of a Unix socket: a path, or an abstract name, which begins with NUL. */
static bool is_path(const struct text *host)
{
	uint32_t n = host->len / (host->width ?: 1), i;

	for (i = 0; i < n; i++)
		if (unit_at(host, i) == '/')
			return true;
	return !unit_at(host, 0);
}

bool siem_host_of(const struct value *host, const struct value *port, struct buf *scratch,
		  struct siem_address *address)
{
	int64_t number;

	*address = (struct siem_address){0};
	if (!siem_text(host, scratch, &address->host) || !address->host.len)
		return false;
	address->is_ip = is_ip(&address->host);
	address->is_path = is_path(&address->host);
	if (siem_int(port, &number) && number >= 0 && number <= 65535) {
		address->has_port = true;
		address->port = (uint16_t)number;
	}
	return true;
}

bool siem_address_of(const struct value *v, struct buf *scratch, struct siem_address *address)
{
	if (!v || (v->kind != WIRE_TUPLE && v->kind != WIRE_LIST))
		return siem_host_of(v, NULL, scratch, address);
	if (!v->children)
		return false;
	return siem_host_of(v + 1, v->children > 1 ? value_next(v + 1) : NULL, scratch, address);
}

static bool take_url_host(char *host, struct buf *scratch, struct siem_address *address)
{
	char *end = host + strcspn(host, "/?#"), *at, *colon, *stop;
	long port;

	*end = '\0';
	at = strrchr(host, '@');
	host = at ? at + 1 : host;
	colon = strrchr(host, ':');
	if (*host == '[') {
		host++;
		stop = strchr(host, ']');
		if (!stop)
			return false;
		*stop = '\0';
		colon = stop[1] == ':' ? stop + 1 : NULL;
	}
	*address = (struct siem_address){0};
	if (colon) {
		*colon = '\0';
		port = strtol(colon + 1, &stop, 10);
		address->has_port = colon[1] >= '0' && colon[1] <= '9' && !*stop && port < 65536;
		address->port = address->has_port ? (uint16_t)port : 0;
	}
	address->host = text_of_cstr(host);
	address->is_ip = is_ip(&address->host);
	return address->host.len;
}

bool siem_url_of(const struct text *url, struct buf *scratch, struct siem_url *parts)
{
	char *text, *colon;

	buf_truncate(scratch, 0);
	siem_add_text(scratch, url);
	buf_char(scratch, '\0');
	if (scratch->failed)
		return false;
	text = scratch->data;
	colon = strstr(text, "://");
	if (!colon || colon == text)
		return false;
	*colon = '\0';
	parts->scheme = text_of_cstr(text);
	return take_url_host(colon + 3, scratch, &parts->address);
}

const char *siem_hostname(void)
{
	static char name[256];

	if (!name[0] && (gethostname(name, sizeof(name) - 1) || !name[0]))
		strcpy(name, "localhost");
	return name;
}

/* The writer has escapes for nothing else in this range: pairs are written as UTF-8. */
void siem_end_record(struct buf *out, size_t start)
{
	char *p, *end;

	buf_char(out, '\n');
	if (out->failed)
		return;
	end = out->data + out->len;
	for (p = out->data + start; (p = memchr(p, '\\', end - p)); p += 2)
		if (p[1] == 'u' && p[2] == 'd' && p[3] >= '8')
			memcpy(p + 2, "fffd", 4);
}

struct members members_begin(struct buf *out)
{
	buf_char(out, '{');
	return (struct members){.out = out};
}

void members_end(struct members *m)
{
	buf_char(m->out, '}');
}

void member_key(struct members *m, const char *key)
{
	if (m->any)
		buf_char(m->out, ',');
	m->any = true;
	buf_char(m->out, '"');
	buf_str(m->out, key);
	buf_lit(m->out, "\":");
}

void member_text(struct members *m, const char *key, const struct text *value)
{
	if (!value->len)
		return;
	member_key(m, key);
	json_text(m->out, value);
}

void member_cstr(struct members *m, const char *key, const char *value)
{
	struct text text;

	if (!value)
		return;
	text = text_of_cstr(value);
	member_text(m, key, &text);
}

void member_bytes(struct members *m, const char *key, const struct buf *value)
{
	struct text text = text_of_bytes(value->data, value->len);

	member_text(m, key, &text);
}

void member_number(struct members *m, const char *key, int64_t value)
{
	member_key(m, key);
	buf_i64(m->out, value);
}

void member_time(struct members *m, const char *key, int64_t ns)
{
	member_key(m, key);
	buf_char(m->out, '"');
	format_time_utc(m->out, ns);
	buf_char(m->out, '"');
}

struct members member_object(struct members *m, const char *key)
{
	member_key(m, key);
	return members_begin(m->out);
}
