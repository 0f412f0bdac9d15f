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
	struct text name = siem_name(o->event);
	struct members *m = &o->m;

	member_number(m, "class_uid", class->uid);
	member_cstr(m, "class_name", class->name);
	member_number(m, "category_uid", class->category);
	member_cstr(m, "category_name", class->category_name);
	member_number(m, "activity_id", activity->id);
	if (!class->uid && name.data)
		member_text(m, "activity_name", &name);
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
	struct text name = siem_name(o->event);

	member_cstr(&meta, "version", OCSF_VERSION);
	product = member_object(&meta, "product");
	member_cstr(&product, "name", "pyaudit-trace");
	member_cstr(&product, "vendor_name", "pyaudit-trace");
	member_cstr(&product, "version", PYAUDIT_VERSION);
	members_end(&product);
	put_profiles(&meta, o->event);
	member_cstr(&meta, "log_name", format_type(o->event->type));
	member_cstr(&meta, "log_provider", o->event->type == RECORD_SYSCALL ? "kernel" : "cpython");
	if (name.data)
		member_text(&meta, "event_code", &name);
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

static void put_status(struct ocsf *o)
{
	static const struct {
		uint8_t id;
		const char *name;
	} states[] = {
		[OUTCOME_UNKNOWN] = {0, "Unknown"},
		[OUTCOME_SUCCESS] = {1, "Success"},
		[OUTCOME_FAILURE] = {2, "Failure"},
	};

	if (!o->act.row)
		return;
	member_number(&o->m, "status_id", states[o->act.outcome].id);
	member_cstr(&o->m, "status", states[o->act.outcome].name);
	if (o->act.outcome != OUTCOME_FAILURE)
		return;
	member_key(&o->m, "status_code");
	buf_char(o->m.out, '"');
	format_errno(o->m.out, o->act.error);
	buf_char(o->m.out, '"');
}

static void ocsf_write(struct buf *out, const struct audit_event *event, uint64_t seq, bool color)
{
	struct ocsf_activity activity;
	size_t start = out->len;
	struct ocsf o;

	o.event = event;
	o.seq = seq;
	siem_act_of(event, &o.act);
	activity = ocsf_activity_of(&o);
	o.m = members_begin(out);
	put_classification(&o, &activity);
	put_message(&o);
	put_status(&o);
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
