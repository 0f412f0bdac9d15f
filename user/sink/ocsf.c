// SPDX-License-Identifier: GPL-2.0-only
/*
 * --format ocsf: the Open Cybersecurity Schema Framework, one object a line. docs/siem.md is its
 * description.
 */
#include "sink/ocsf.h"

#include "sink/format.h"
#include "sink/json.h"
#include "sink/sink.h"
#include "sink/text.h"

#define OCSF_VERSION "1.8.0"

enum severity { SEVERITY_INFO = 1, SEVERITY_MEDIUM = 3 };

static void put_classification(struct ocsf *o, const struct ocsf_activity *activity)
{
	const struct ocsf_class *class = activity->class;
	bool lost = o->event->type == RECORD_LOST;
	struct members *m = &o->m;

	member_number(m, "class_uid", class->uid);
	member_cstr(m, "class_name", class->name);
	member_number(m, "category_uid", class->category);
	member_cstr(m, "category_name", class->category_name);
	member_number(m, "activity_id", activity->id);
	if (o->row && !class->uid && o->event->name.data)
		member_text(m, "activity_name", &o->event->name);
	else
		member_cstr(m, "activity_name", activity->name);
	member_number(m, "type_uid", class->uid * 100 + activity->id);
	member_number(m, "severity_id", lost ? SEVERITY_MEDIUM : SEVERITY_INFO);
	member_cstr(m, "severity", lost ? "Medium" : "Informational");
	ocsf_put_time(m, "time", o->event->time.ns);
}

static void put_profiles(struct members *m, const struct audit_event *event)
{
	member_key(m, "profiles");
	buf_str(m->out, event->process && event->process->container ? "[\"host\",\"container\"]"
								    : "[\"host\"]");
}

static void put_metadata(struct ocsf *o)
{
	struct members meta = member_object(&o->m, "metadata"), product;

	member_cstr(&meta, "version", OCSF_VERSION);
	product = member_object(&meta, "product");
	member_cstr(&product, "name", "pyaudit-trace");
	member_cstr(&product, "vendor_name", "pyaudit-trace");
	member_cstr(&product, "version", PYAUDIT_VERSION);
	members_end(&product);
	put_profiles(&meta, o->event);
	member_cstr(&meta, "log_name", format_type(o->event->type));
	member_cstr(&meta, "log_provider", "cpython");
	if (o->row && o->event->name.data)
		member_text(&meta, "event_code", &o->event->name);
	else
		member_cstr(&meta, "event_code", format_type(o->event->type));
	member_number(&meta, "sequence", (int64_t)o->seq);
	member_time(&meta, "original_time", o->event->time.ns);
	members_end(&meta);
}

static void put_actor(struct members *m, const struct audit_event *event)
{
	struct members actor;

	if (!event->pid)
		return;
	actor = member_object(m, "actor");
	ocsf_put_traced(&actor, "process", event);
	ocsf_put_user(&actor, event);
	members_end(&actor);
}

static void put_device(struct members *m)
{
	struct members device = member_object(m, "device");

	member_cstr(&device, "hostname", siem_hostname());
	member_number(&device, "type_id", 0);
	members_end(&device);
}

static void put_message(struct ocsf *o)
{
	struct buf line = {0};

	text_record(&line, o->event);
	member_bytes(&o->m, "message", &line);
	buf_free(&line);
}

static void ocsf_write(struct buf *out, const struct audit_event *event, uint64_t seq, bool color)
{
	struct ocsf o = {
		.event = event,
		.row = event->type == RECORD_AUDIT ? siem_row_of(event) : NULL,
		.seq = seq,
	};
	struct ocsf_activity activity = ocsf_activity_of(&o);
	size_t start = out->len;

	o.m = members_begin(out);
	put_classification(&o, &activity);
	put_message(&o);
	/* It is raised before the act. */
	if (event->type == RECORD_AUDIT)
		member_number(&o.m, "status_id", 0);
	put_metadata(&o);
	put_device(&o.m);
	put_actor(&o.m, event);
	if (activity.put)
		activity.put(&o);
	member_key(&o.m, "unmapped");
	json_own(out, event);
	members_end(&o.m);
	siem_end_record(out, start);
}

const struct format_ops format_ocsf = {.name = "ocsf", .write = ocsf_write};
