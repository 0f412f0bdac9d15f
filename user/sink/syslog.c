// SPDX-License-Identifier: GPL-2.0-only
#include "sink/syslog.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sink/format.h"
#include "sink/json.h"

#define MSGID_MAX    32 /* RFC 5424, 6 */
#define FACILITY_MAX 23

/* RFC 5424, 6.2.1; the names are those of syslog.conf(5) and, for 12 to 15, of rsyslog. */
static const char *const facilities[FACILITY_MAX + 1] = {
	"kern",	  "user",   "mail",	"daemon", "auth",   "syslog", "lpr",	"news",
	"uucp",	  "cron",   "authpriv", "ftp",	  "ntp",    "audit",  "alert",	"clock",
	"local0", "local1", "local2",	"local3", "local4", "local5", "local6", "local7",
};

int syslog_facility(const char *name)
{
	int i, number, end = 0;

	for (i = 0; i <= FACILITY_MAX; i++)
		if (!strcmp(facilities[i], name))
			return i;
	if (name[0] < '0' || name[0] > '9' || strlen(name) > 2)
		return -1;
	if (sscanf(name, "%d%n", &number, &end) != 1 || name[end] || number > FACILITY_MAX)
		return -1;
	return number;
}

void syslog_origin_init(struct syslog_origin *origin, int facility)
{
	char *p;

	*origin = (struct syslog_origin){.facility = facility, .pid = getpid()};
	if (gethostname(origin->host, sizeof(origin->host) - 1) || !origin->host[0])
		strcpy(origin->host, "-");
	for (p = origin->host; *p; p++)
		if (*p <= ' ' || *p > '~')
			*p = '?';
}

/* Events of the table by their name; those a program made up are one kind: the name is in the JSON.
 */
static const char *message_id(const struct audit_event *event)
{
	if (event->type != RECORD_AUDIT)
		return format_type(event->type);
	if (!event->row || strlen(event->row->name) > MSGID_MAX)
		return event->row ? event->row->category : "custom";
	return event->row->name;
}

/* At most six digits of the fraction are allowed: all of them are in the JSON. */
static void put_time(struct buf *out, int64_t ns)
{
	format_time_utc(out, ns);
	if (out->failed)
		return;
	buf_truncate(out, out->len - sizeof("789Z") + 1);
	buf_char(out, 'Z');
}

void syslog_message(struct buf *out, const struct syslog_origin *origin,
		    const struct audit_event *event, uint64_t seq)
{
	buf_char(out, '<');
	buf_u64(out, origin->facility * 8 + format_severity(event));
	buf_lit(out, ">1 ");
	put_time(out, event->time.ns);
	buf_char(out, ' ');
	buf_str(out, origin->host);
	buf_lit(out, " pyaudit-trace ");
	buf_u64(out, origin->pid);
	buf_char(out, ' ');
	buf_str(out, message_id(event));
	buf_lit(out, " - @cee: ");
	json_record(out, event, seq);
}

void syslog_frame(struct buf *out, const struct syslog_origin *origin,
		  const struct audit_event *event, uint64_t seq)
{
	size_t start = out->len, len;
	char length[24];
	int n;

	syslog_message(out, origin, event, seq);
	len = out->len - start;
	n = snprintf(length, sizeof(length), "%zu ", len);
	if (!buf_reserve(out, n))
		return;
	memmove(out->data + start + n, out->data + start, len);
	memcpy(out->data + start, length, n);
	out->len += n;
}
