// SPDX-License-Identifier: GPL-2.0-only
/* Objects of OCSF that more than one of its classes has. */
#include "sink/ocsf.h"

#include <string.h>

#include "decode/text_iter.h"

void ocsf_put_time(struct members *m, const char *key, int64_t ns)
{
	member_number(m, key, ns / 1000000);
}

static void put_file_text(struct members *m, const char *key, const struct text *path,
			  enum file_type type)
{
	struct text base = siem_basename(path);
	struct members file = member_object(m, key);

	member_text(&file, "name", &base);
	member_text(&file, "path", path);
	member_number(&file, "type_id", type);
	members_end(&file);
}

void ocsf_put_file(struct members *m, const char *key, const struct value *path,
		   enum file_type type)
{
	struct buf scratch = {0};
	struct text text;

	if (siem_text(path, &scratch, &text) && text.len)
		put_file_text(m, key, &text, type);
	buf_free(&scratch);
}

void ocsf_put_string(struct members *m, const char *key, const struct value *v)
{
	struct buf scratch = {0};
	struct text text;

	if (siem_text(v, &scratch, &text))
		member_text(m, key, &text);
	buf_free(&scratch);
}

void ocsf_put_user(struct members *m, const struct audit_event *event)
{
	struct members user;

	if (event->type == RECORD_EXIT)
		return;
	user = member_object(m, "user");
	member_key(&user, "uid");
	buf_char(m->out, '"');
	buf_u64(m->out, event->uid);
	buf_char(m->out, '"');
	members_end(&user);
}

static void put_container(struct members *m, const struct process_info *info)
{
	struct members container;

	if (!info || !info->container)
		return;
	container = member_object(m, "container");
	member_cstr(&container, "uid", info->container);
	member_cstr(&container, "pod_uuid", info->pod);
	members_end(&container);
}

void ocsf_put_parent(struct members *m, uint32_t pid)
{
	struct members parent;

	if (!pid)
		return;
	parent = member_object(m, "parent_process");
	member_number(&parent, "pid", pid);
	members_end(&parent);
}

static void put_known(struct members *p, const struct process_info *info)
{
	struct buf cmdline = {0};
	struct text exe;

	siem_add_cmdline(&cmdline, info);
	member_bytes(p, "cmd_line", &cmdline);
	buf_free(&cmdline);
	if (info->exe) {
		exe = text_of_cstr(info->exe);
		put_file_text(p, "file", &exe, FILE_REGULAR);
	}
	member_cstr(p, "working_directory", info->cwd);
	if (info->started_ns)
		ocsf_put_time(p, "created_time", info->started_ns);
	put_container(p, info);
	if (info->container && info->ns_pid)
		member_number(p, "namespace_pid", info->ns_pid);
}

void ocsf_put_traced(struct members *m, const char *key, const struct audit_event *event)
{
	struct members p = member_object(m, key);

	member_number(&p, "pid", event->pid);
	member_cstr(&p, "name", event->comm);
	if (event->type == RECORD_AUDIT || event->type == RECORD_SYSCALL)
		member_number(&p, "ptid", event->tid);
	if (event->process)
		put_known(&p, event->process);
	ocsf_put_user(&p, event);
	ocsf_put_parent(&p, event->ppid);
	members_end(&p);
}

void ocsf_put_endpoint(struct members *m, const char *key, const struct siem_address *a)
{
	struct members end = member_object(m, key);

	member_text(&end, a->is_ip ? "ip" : a->is_path ? "name" : "hostname", &a->host);
	if (a->has_port)
		member_number(&end, "port", a->port);
	members_end(&end);
}
