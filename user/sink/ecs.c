// SPDX-License-Identifier: GPL-2.0-only
/*
 * --format ecs: the Elastic Common Schema, one object a line. docs/siem.md is its description.
 *
 * An event that starts a process is about that one, as ECS has it: process is what is started, as
 * far as it is known before it runs, and process.parent is the Python that starts it.
 */
#include <string.h>
#include <sys/wait.h>

#include "sink/format.h"
#include "sink/json.h"
#include "sink/siem.h"
#include "sink/sink.h"
#include "sink/text.h"

#define ECS_VERSION "8.17.0"

static void write_list(struct members *m, const char *key, const char *words)
{
	const char *end;

	member_key(m, key);
	buf_char(m->out, '[');
	for (; *words; words = end + (*end == ' ')) {
		end = strchrnul(words, ' ');
		buf_char(m->out, '"');
		buf_add(m->out, words, end - words);
		buf_str(m->out, *end ? "\"," : "\"");
	}
	buf_char(m->out, ']');
}

/* What the records are that are no audit events. */
static const struct kind {
	const char *kind, *category, *types, *action;
} kinds[] = {
	[RECORD_AUDIT] = {"event", NULL, NULL, NULL},
	[RECORD_PROCESS] = {"event", "process", "info", "process-seen"},
	[RECORD_EXIT] = {"event", "process", "end", "process-exited"},
	[RECORD_LOST] = {"pipeline_error", NULL, NULL, "events-lost"},
	[RECORD_COUNT] = {"metric", NULL, NULL, "events-counted"},
	[RECORD_SUMMARY] = {"metric", NULL, NULL, "tracing-ended"},
};

static struct kind kind_of(const struct audit_event *event, const struct siem_row *row)
{
	struct kind kind = {"event", NULL, NULL, format_type(event->type)};

	if (event->type < ARRAY_SIZE(kinds) && kinds[event->type].kind)
		kind = kinds[event->type];
	if (row) {
		kind.category = row->category;
		kind.types = row->types;
	}
	return kind;
}

static void write_event(struct members *m, const struct audit_event *event,
			const struct siem_act *act, uint64_t seq)
{
	struct members e = member_object(m, "event");
	static const char *const outcomes[] = {
		[OUTCOME_UNKNOWN] = "unknown",
		[OUTCOME_SUCCESS] = "success",
		[OUTCOME_FAILURE] = "failure",
	};
	struct kind kind = kind_of(event, act->row);
	struct text name = siem_name(event);

	member_cstr(&e, "kind", kind.kind);
	if (kind.category) {
		write_list(&e, "category", kind.category);
		write_list(&e, "type", kind.types);
	}
	if (name.data)
		member_text(&e, "action", &name);
	else
		member_cstr(&e, "action", kind.action);
	member_cstr(&e, "provider", event->type == RECORD_SYSCALL ? "kernel" : "cpython");
	member_cstr(&e, "module", "pyaudit");
	buf_lit(e.out, ",\"dataset\":\"pyaudit.");
	buf_str(e.out, format_type(event->type));
	buf_char(e.out, '"');
	member_number(&e, "sequence", (int64_t)seq);
	if (act->row)
		member_cstr(&e, "outcome", outcomes[act->outcome]);
	members_end(&e);
}

/* The members of the traced process; those of its own record are more. */
static void write_traced(struct members *p, const struct audit_event *event)
{
	const struct process_info *info = event->process;
	struct buf cmdline = {0};
	struct members sub;

	member_number(p, "pid", event->pid);
	member_cstr(p, "name", event->comm);
	if (event->type == RECORD_AUDIT || event->type == RECORD_SYSCALL) {
		sub = member_object(p, "thread");
		member_number(&sub, "id", event->tid);
		members_end(&sub);
	}
	if (!info)
		return;
	member_cstr(p, "executable", info->exe);
	siem_add_cmdline(&cmdline, info);
	member_bytes(p, "command_line", &cmdline);
	buf_free(&cmdline);
	member_cstr(p, "working_directory", event->type == RECORD_PROCESS ? info->cwd : NULL);
	if (info->started_ns)
		member_time(p, "start", info->started_ns);
	if (info->ns_pid && info->ns_pid != event->pid)
		member_number(p, "vpid", info->ns_pid);
}

static void write_parent(struct members *p, const struct audit_event *event)
{
	struct members parent;

	if (!event->ppid)
		return;
	parent = member_object(p, "parent");
	member_number(&parent, "pid", event->ppid);
	members_end(&parent);
}

static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void member_value(struct members *m, const char *key, const struct value *v)
{
	struct buf scratch = {0};
	struct text text;

	if (siem_text(v, &scratch, &text))
		member_text(m, key, &text);
	buf_free(&scratch);
}

static void member_basename(struct members *m, const char *key, const struct value *v)
{
	struct buf scratch = {0};
	struct text text;

	if (siem_text(v, &scratch, &text)) {
		text = siem_basename(&text);
		member_text(m, key, &text);
	}
	buf_free(&scratch);
}

static void write_args(struct members *m, const struct value *argv)
{
	const struct value *v = argv + 1;
	struct buf scratch = {0};
	struct text text;
	uint32_t i;

	member_key(m, "args");
	buf_char(m->out, '[');
	for (i = 0; i < argv->children; i++, v = value_next(v)) {
		if (i)
			buf_char(m->out, ',');
		if (siem_text(v, &scratch, &text))
			json_text(m->out, &text);
		else
			buf_lit(m->out, "\"\"");
	}
	buf_char(m->out, ']');
	if (argv->status != WIRE_TRUNCATED || argv->num)
		member_number(
			m, "args_count",
			(int64_t)(argv->status == WIRE_TRUNCATED ? argv->num : argv->children));
	buf_free(&scratch);
}

static bool is_list(const struct value *v)
{
	return v && (v->kind == WIRE_LIST || v->kind == WIRE_TUPLE);
}

/* What is started: os.exec keeps its number. */
static void write_started(struct members *p, const struct audit_event *event,
			  const struct siem_act *act)
{
	const struct value *argv = siem_arg(act, ROLE_ARGV), *first = NULL;
	const struct value *program = siem_arg(act, ROLE_PROGRAM);
	struct buf line = {0};

	if (is_list(argv) && argv->children)
		first = argv + 1;
	if (act->row->activity == ACT_LAUNCH_EXEC)
		member_number(p, "pid", event->pid);
	else if (act->started)
		member_number(p, "pid", act->started);
	member_basename(p, "name", program ?: first);
	member_value(p, "executable", program ?: first);
	if (is_list(argv)) {
		siem_add_argv(&line, argv);
		member_bytes(p, "command_line", &line);
		write_args(p, argv);
	} else {
		member_value(p, "command_line", siem_arg(act, ROLE_COMMAND));
	}
	member_value(p, "working_directory", siem_arg(act, ROLE_CWD));
	buf_free(&line);
}

static bool starts_process(const struct siem_row *row)
{
	return row && (row->activity == ACT_LAUNCH || row->activity == ACT_LAUNCH_EXEC);
}

static void write_process(struct members *m, const struct audit_event *event,
			  const struct siem_act *act)
{
	struct members p, parent;

	if (!event->pid)
		return;
	p = member_object(m, "process");
	if (starts_process(act->row)) {
		write_started(&p, event, act);
		parent = member_object(&p, "parent");
		write_traced(&parent, event);
		members_end(&parent);
	} else {
		write_traced(&p, event);
		write_parent(&p, event);
	}
	if (event->type == RECORD_EXIT)
		member_number(&p, "exit_code", exit_code(event->status));
	members_end(&p);
}

static void write_user(struct members *m, const struct audit_event *event)
{
	struct members user;

	if (!event->pid || event->type == RECORD_EXIT)
		return;
	user = member_object(m, "user");
	member_key(&user, "id");
	buf_char(m->out, '"');
	buf_u64(m->out, event->uid);
	buf_char(m->out, '"');
	members_end(&user);
}

static void write_container(struct members *m, const struct process_info *info)
{
	struct members sub, resource;

	if (info && info->container) {
		sub = member_object(m, "container");
		member_cstr(&sub, "id", info->container);
		members_end(&sub);
	}
	if (info && info->pod) {
		sub = member_object(m, "orchestrator");
		member_cstr(&sub, "type", "kubernetes");
		resource = member_object(&sub, "resource");
		member_cstr(&resource, "type", "pod");
		member_cstr(&resource, "id", info->pod);
		members_end(&resource);
		members_end(&sub);
	}
}

/* An object with the whole path and its last part. */
static void write_path(struct members *m, const char *key, const struct value *path,
		       const struct value *target, const char *type)
{
	struct buf scratch = {0};
	struct members file;
	struct text text, base;

	if (siem_text(path, &scratch, &text) && text.len) {
		base = siem_basename(&text);
		file = member_object(m, key);
		member_text(&file, "name", &base);
		member_text(&file, "path", &text);
		member_cstr(&file, "type", type);
		if (target)
			member_value(&file, "target_path", target);
		members_end(&file);
	}
	buf_free(&scratch);
}

static void write_file(struct members *m, const struct siem_act *act)
{
	const struct value *path = siem_arg(act, ROLE_PATH);
	const struct value *script = siem_arg(act, ROLE_SCRIPT);
	const struct value *dir = siem_arg(act, ROLE_DIR);
	const struct value *code = siem_arg(act, ROLE_CODE);

	if (!script && code && code->kind == WIRE_OBJECT && code->aux == WIRE_OBJECT_CODE &&
	    code->children > 1)
		script = value_next(code + 1);
	write_path(m, "file", path ?: dir ?: script, siem_arg(act, ROLE_TARGET),
		   dir ? "dir" : NULL);
	write_path(m, "dll", siem_arg(act, ROLE_LIBRARY), NULL, NULL);
}

static void write_address(struct members *m, const char *key, const struct siem_address *a)
{
	struct members side = member_object(m, key);

	member_text(&side, "address", &a->host);
	if (!a->is_path)
		member_text(&side, a->is_ip ? "ip" : "domain", &a->host);
	if (a->has_port)
		member_number(&side, "port", a->port);
	members_end(&side);
}

static void write_url(struct members *m, const struct value *url)
{
	struct buf text_room = {0}, room = {0};
	struct siem_url parts;
	struct members sub;
	struct text text;

	if (siem_text(url, &text_room, &text) && text.len) {
		sub = member_object(m, "url");
		member_text(&sub, "original", &text);
		if (siem_url_of(&text, &room, &parts)) {
			member_text(&sub, "full", &text);
			member_text(&sub, "scheme", &parts.scheme);
			member_text(&sub, "domain", &parts.address.host);
			if (parts.address.has_port)
				member_number(&sub, "port", parts.address.port);
		}
		members_end(&sub);
	}
	buf_free(&text_room);
	buf_free(&room);
}

/* Nobody is asked for an address. */
static void write_query(struct members *m, const struct value *name)
{
	struct members dns, question;
	struct siem_address address;
	struct buf scratch = {0};

	if (siem_host_of(name, NULL, &scratch, &address)) {
		if (address.is_ip) {
			write_address(m, "destination", &address);
		} else {
			dns = member_object(m, "dns");
			member_cstr(&dns, "type", "query");
			question = member_object(&dns, "question");
			member_text(&question, "name", &address.host);
			members_end(&question);
			members_end(&dns);
		}
	}
	buf_free(&scratch);
}

static void write_network(struct members *m, const struct siem_act *act)
{
	struct siem_address address;
	struct buf scratch = {0};

	if (siem_address_of(siem_arg(act, ROLE_LOCAL), &scratch, &address))
		write_address(m, "source", &address);
	if (siem_address_of(siem_arg(act, ROLE_REMOTE), &scratch, &address) ||
	    siem_host_of(siem_arg(act, ROLE_HOST), siem_arg(act, ROLE_PORT), &scratch, &address))
		write_address(m, "destination", &address);
	write_url(m, siem_arg(act, ROLE_URL));
	write_query(m, siem_arg(act, ROLE_QUERY));
	buf_free(&scratch);
}

static void write_id(struct members *m, const char *key, const void *id, size_t size)
{
	struct members sub = member_object(m, key);

	member_key(&sub, "id");
	buf_char(m->out, '"');
	format_hex(m->out, id, size);
	buf_char(m->out, '"');
	members_end(&sub);
}

static void write_trace(struct members *m, const struct wire_trace *trace)
{
	if (!trace)
		return;
	write_id(m, "trace", trace->trace_id, sizeof(trace->trace_id));
	write_id(m, "span", trace->span_id, sizeof(trace->span_id));
}

static void write_failure(struct members *m, uint32_t number)
{
	struct members error = member_object(m, "error");

	member_key(&error, "code");
	buf_char(m->out, '"');
	format_errno(m->out, number);
	buf_char(m->out, '"');
	members_end(&error);
}

static void write_error(struct members *m, const struct audit_event *event,
			const struct siem_act *act)
{
	struct members error;

	if (act->outcome == OUTCOME_FAILURE)
		write_failure(m, act->error);
	if (event->type != RECORD_LOST)
		return;
	error = member_object(m, "error");
	member_cstr(&error, "code", format_loss(event->lost.reason));
	member_key(&error, "message");
	buf_char(m->out, '"');
	buf_u64(m->out, event->lost.count);
	buf_lit(m->out, " events lost: ");
	buf_str(m->out, format_loss(event->lost.reason));
	buf_char(m->out, '"');
	members_end(&error);
}

static void write_message(struct members *m, const struct audit_event *event)
{
	struct buf line = {0};

	text_record(&line, event);
	member_bytes(m, "message", &line);
	buf_free(&line);
}

static void write_tool(struct members *m)
{
	struct members sub = member_object(m, "ecs");

	member_cstr(&sub, "version", ECS_VERSION);
	members_end(&sub);
	sub = member_object(m, "agent");
	member_cstr(&sub, "type", "pyaudit-trace");
	member_cstr(&sub, "version", PYAUDIT_VERSION);
	members_end(&sub);
	sub = member_object(m, "host");
	member_cstr(&sub, "hostname", siem_hostname());
	members_end(&sub);
}

static void ecs_write(struct buf *out, const struct audit_event *event, uint64_t seq, bool color)
{
	size_t start = out->len;
	struct members m = members_begin(out), log;
	struct siem_act act;

	siem_act_of(event, &act);
	member_time(&m, "@timestamp", event->time.ns);
	write_tool(&m);
	write_event(&m, event, &act, seq);
	log = member_object(&m, "log");
	member_cstr(&log, "level", event->type == RECORD_LOST ? "warning" : "info");
	members_end(&log);
	write_message(&m, event);
	write_process(&m, event, &act);
	write_user(&m, event);
	write_container(&m, event->process);
	if (act.row) {
		write_file(&m, &act);
		write_network(&m, &act);
	}
	write_trace(&m, event->trace);
	write_error(&m, event, &act);
	member_key(&m, "pyaudit");
	json_own(out, event);
	members_end(&m);
	siem_end_record(out, start);
}

const struct format_ops format_ecs = {.name = "ecs", .write = ecs_write};
