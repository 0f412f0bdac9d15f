// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which class of OCSF a record is of, and what that class asks for.
 *
 * A class has attributes without which a record of it is none. Where an event's arguments do not
 * give them (open() of a descriptor has no file name) it is a Base Event.
 */
#include "sink/ocsf.h"

#include <sys/wait.h>

#include "sink/format.h"
#include "sink/json.h"

static const struct ocsf_class base_event = {0, "Base Event", 0, "Uncategorized"};
static const struct ocsf_class file_class = {1001, "File System Activity", 1, "System Activity"};
static const struct ocsf_class kernel_class = {1002, "Kernel Extension Activity", 1,
					       "System Activity"};
static const struct ocsf_class memory_class = {1004, "Memory Activity", 1, "System Activity"};
static const struct ocsf_class module_class = {1005, "Module Activity", 1, "System Activity"};
static const struct ocsf_class process_class = {1007, "Process Activity", 1, "System Activity"};
static const struct ocsf_class script_class = {1009, "Script Activity", 1, "System Activity"};
static const struct ocsf_class network_class = {4001, "Network Activity", 4, "Network Activity"};
static const struct ocsf_class dns_class = {4003, "DNS Activity", 4, "Network Activity"};

static bool has_file(const struct ocsf *o);
static bool has_module(const struct ocsf *o);
static bool has_driver(const struct ocsf *o);
static bool has_pid(const struct ocsf *o);
static bool has_remote(const struct ocsf *o);
static bool has_local(const struct ocsf *o);
static bool has_url(const struct ocsf *o);
static bool has_query(const struct ocsf *o);
static bool always(const struct ocsf *o);
static void put_file_activity(struct ocsf *o);
static void put_module_activity(struct ocsf *o);
static void put_kernel(struct ocsf *o);
static void put_memory(struct ocsf *o);
static void put_launch(struct ocsf *o);
static void put_exit(struct ocsf *o);
static void put_reflexive(struct ocsf *o);
static void put_other_process(struct ocsf *o);
static void put_script_activity(struct ocsf *o);
static void put_network(struct ocsf *o);
static void put_url(struct ocsf *o);
static void put_query(struct ocsf *o);

/* docs/make-siem-page reads these lines. */
static const struct ocsf_activity activities[ACT_MAX] = {
	[ACT_FILE_CREATE] = {&file_class, 1, "Create", has_file, put_file_activity},
	[ACT_FILE_READ] = {&file_class, 2, "Read", has_file, put_file_activity},
	[ACT_FILE_UPDATE] = {&file_class, 3, "Update", has_file, put_file_activity},
	[ACT_FILE_DELETE] = {&file_class, 4, "Delete", has_file, put_file_activity},
	[ACT_FILE_RENAME] = {&file_class, 5, "Rename", has_file, put_file_activity},
	[ACT_FILE_SET] = {&file_class, 6, "Set Attributes", has_file, put_file_activity},
	[ACT_FILE_GET] = {&file_class, 8, "Get Attributes", has_file, put_file_activity},
	[ACT_FILE_MOUNT] = {&file_class, 12, "Mount", has_file, put_file_activity},
	[ACT_FILE_UNMOUNT] = {&file_class, 13, "Unmount", has_file, put_file_activity},
	[ACT_FILE_OPEN] = {&file_class, 14, "Open", has_file, put_file_activity},
	[ACT_KERNEL_UNLOAD] = {&kernel_class, 2, "Unload", has_driver, put_kernel},
	[ACT_MEMORY_ALLOCATE] = {&memory_class, 1, "Allocate Page", always, put_memory},
	[ACT_MEMORY_MODIFY] = {&memory_class, 2, "Modify Page", always, put_memory},
	[ACT_MEMORY_READ] = {&memory_class, 7, "Read", has_pid, put_other_process},
	[ACT_MEMORY_WRITE] = {&memory_class, 8, "Write", has_pid, put_other_process},
	[ACT_MODULE_LOAD] = {&module_class, 1, "Load", has_module, put_module_activity},
	[ACT_LAUNCH] = {&process_class, 1, "Launch", always, put_launch},
	[ACT_LAUNCH_FORK] = {&process_class, 1, "Launch", always, put_launch},
	[ACT_LAUNCH_EXEC] = {&process_class, 1, "Launch", always, put_launch},
	[ACT_TERMINATE] = {&process_class, 2, "Terminate", always, put_exit},
	[ACT_INJECT] = {&process_class, 4, "Inject", has_pid, put_other_process},
	[ACT_SET_USER] = {&process_class, 5, "Set User ID", always, put_reflexive},
	[ACT_SIGNAL] = {&process_class, 99, "Signal", has_pid, put_other_process},
	[ACT_TRACE] = {&process_class, 99, "Trace", has_pid, put_other_process},
	[ACT_SCRIPT_RUN] = {&script_class, 1, "Execute", always, put_script_activity},
	[ACT_NET_OPEN] = {&network_class, 1, "Open", has_remote, put_network},
	[ACT_NET_TRAFFIC] = {&network_class, 6, "Traffic", has_remote, put_network},
	[ACT_NET_BIND] = {&network_class, 99, "Bind", has_local, put_network},
	[ACT_NET_URL] = {&network_class, 99, "Request", has_url, put_url},
	[ACT_DNS_QUERY] = {&dns_class, 1, "Query", has_query, put_query},
};

static const struct value *arg(const struct ocsf *o, enum siem_role role)
{
	return siem_arg(&o->act, role);
}

static bool is_text(const struct value *v)
{
	struct buf scratch = {0};
	struct text text = {0};
	bool found = v && siem_text(v, &scratch, &text) && text.len;

	buf_free(&scratch);
	return found;
}

static const struct value *file_of(const struct ocsf *o)
{
	return arg(o, ROLE_PATH) ?: arg(o, ROLE_DIR);
}

static bool has_file(const struct ocsf *o)
{
	return is_text(file_of(o));
}

static bool has_module(const struct ocsf *o)
{
	return is_text(arg(o, ROLE_LIBRARY) ?: arg(o, ROLE_MODULE));
}

static bool has_driver(const struct ocsf *o)
{
	return is_text(arg(o, ROLE_DRIVER));
}

static bool has_pid(const struct ocsf *o)
{
	int64_t pid;

	return siem_int(arg(o, ROLE_PID), &pid) && pid > 0 && pid <= INT32_MAX;
}

static bool remote_of(const struct ocsf *o, struct buf *scratch, struct siem_address *address)
{
	return siem_address_of(arg(o, ROLE_REMOTE), scratch, address) ||
	       siem_host_of(arg(o, ROLE_HOST), arg(o, ROLE_PORT), scratch, address);
}

static bool has_remote(const struct ocsf *o)
{
	struct siem_address address;
	struct buf scratch = {0};
	bool found = remote_of(o, &scratch, &address);

	buf_free(&scratch);
	return found;
}

static bool has_local(const struct ocsf *o)
{
	struct siem_address address;
	struct buf scratch = {0};
	bool found = siem_address_of(arg(o, ROLE_LOCAL), &scratch, &address);

	buf_free(&scratch);
	return found;
}

static bool has_url(const struct ocsf *o)
{
	struct buf room = {0}, scratch = {0};
	struct siem_url parts;
	struct text text;
	bool found =
		siem_text(arg(o, ROLE_URL), &room, &text) && siem_url_of(&text, &scratch, &parts);

	buf_free(&room);
	buf_free(&scratch);
	return found;
}

/* Nobody is asked for an address. */
static bool has_query(const struct ocsf *o)
{
	struct siem_address address;
	struct buf scratch = {0};
	bool found = siem_host_of(arg(o, ROLE_QUERY), NULL, &scratch, &address) && !address.is_ip;

	buf_free(&scratch);
	return found;
}

static bool always(const struct ocsf *o)
{
	return true;
}

static void put_file_activity(struct ocsf *o)
{
	ocsf_put_file(&o->m, "file", file_of(o), arg(o, ROLE_DIR) ? FILE_FOLDER : FILE_UNKNOWN);
	ocsf_put_file(&o->m, "file_result", arg(o, ROLE_RESULT), FILE_UNKNOWN);
}

static void put_module_activity(struct ocsf *o)
{
	const struct value *library = arg(o, ROLE_LIBRARY), *name = arg(o, ROLE_MODULE);
	struct members module = member_object(&o->m, "module"), file;

	if (is_text(library)) {
		ocsf_put_file(&module, "file", library, FILE_UNKNOWN);
	} else {
		file = member_object(&module, "file");
		ocsf_put_string(&file, "name", name);
		member_number(&file, "type_id", FILE_UNKNOWN);
		members_end(&file);
	}
	member_number(&module, "load_type_id", 1);
	member_cstr(&module, "type", name ? "Python module" : "Shared library");
	members_end(&module);
}

static void put_kernel(struct ocsf *o)
{
	struct members driver = member_object(&o->m, "driver"), file;

	file = member_object(&driver, "file");
	ocsf_put_string(&file, "name", arg(o, ROLE_DRIVER));
	member_number(&file, "type_id", FILE_UNKNOWN);
	members_end(&file);
	members_end(&driver);
}

static void put_memory(struct ocsf *o)
{
	int64_t number;

	ocsf_put_traced(&o->m, "process", o->event);
	if (siem_int(arg(o, ROLE_ADDRESS), &number)) {
		member_key(&o->m, "base_address");
		buf_printf(o->m.out, "\"0x%llx\"", (unsigned long long)number);
	}
	if (siem_int(arg(o, ROLE_SIZE), &number))
		member_number(&o->m, "size", number);
	if (siem_int(arg(o, ROLE_ACCESS), &number))
		member_number(&o->m, "requested_permissions", (int32_t)number);
}

/* Where no process is known to have begun: uid, "ours to assign", is the starting process and the
 * event. */
static void put_new_process_id(struct members *p, const struct ocsf *o)
{
	if (o->act.row->activity == ACT_LAUNCH_EXEC) {
		member_number(p, "pid", o->event->pid);
		return;
	}
	if (o->act.started)
		member_number(p, "pid", o->act.started);
	member_key(p, "uid");
	buf_printf(p->out, "\"%u/%llu\"", o->event->pid, (unsigned long long)o->seq);
}

static void put_new_process(struct members *p, const struct ocsf *o)
{
	const struct value *argv = arg(o, ROLE_ARGV), *program = arg(o, ROLE_PROGRAM);
	struct buf line = {0};

	if (argv && argv->kind != WIRE_LIST && argv->kind != WIRE_TUPLE)
		argv = NULL;
	if (!is_text(program) && argv && argv->children)
		program = argv + 1;
	if (argv)
		siem_add_argv(&line, argv);
	member_bytes(p, "cmd_line", &line);
	buf_free(&line);
	if (!argv)
		ocsf_put_string(p, "cmd_line", arg(o, ROLE_COMMAND));
	ocsf_put_file(p, "file", program, FILE_REGULAR);
	ocsf_put_string(p, "working_directory", arg(o, ROLE_CWD));
}

static void put_launch(struct ocsf *o)
{
	static const uint8_t types[ACT_MAX] = {
		[ACT_LAUNCH] = 1, [ACT_LAUNCH_FORK] = 2, [ACT_LAUNCH_EXEC] = 3};
	struct members p = member_object(&o->m, "process");

	put_new_process_id(&p, o);
	put_new_process(&p, o);
	if (o->act.row->activity == ACT_LAUNCH_FORK)
		member_cstr(&p, "name", o->event->comm);
	if (o->act.row->activity != ACT_LAUNCH_EXEC)
		ocsf_put_parent(&p, o->event->pid);
	members_end(&p);
	member_number(&o->m, "launch_type_id", types[o->act.row->activity]);
}

/* It acts on itself. */
static void put_reflexive(struct ocsf *o)
{
	ocsf_put_traced(&o->m, "process", o->event);
}

static void put_exit(struct ocsf *o)
{
	int status = o->event->status;

	put_reflexive(o);
	member_number(&o->m, "exit_code",
		      WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void put_other_process(struct ocsf *o)
{
	struct members p = member_object(&o->m, "process");
	int64_t pid = 0;

	siem_int(arg(o, ROLE_PID), &pid);
	member_number(&p, "pid", pid);
	members_end(&p);
	if (o->act.row->activity == ACT_INJECT)
		member_number(&o->m, "injection_type_id", 99);
	if (o->act.row->activity == ACT_INJECT)
		member_cstr(&o->m, "injection_type", "sys.remote_exec");
}

static const struct value *script_file(const struct ocsf *o)
{
	const struct value *code = arg(o, ROLE_CODE), *file = arg(o, ROLE_SCRIPT);

	if (!file && code && code->kind == WIRE_OBJECT && code->aux == WIRE_OBJECT_CODE &&
	    code->children > 1)
		file = value_next(code + 1);
	return file;
}

static void put_content(struct members *m, const struct value *source)
{
	struct members content = member_object(m, "script_content");
	struct buf scratch = {0};
	struct text text;
	bool known = source && siem_text(source, &scratch, &text);

	member_key(&content, "value");
	if (known)
		json_text(m->out, &text);
	else
		buf_lit(m->out, "\"\"");
	/* The event tells no text, or not all of it. */
	if (!known || source->status == WIRE_TRUNCATED) {
		member_key(&content, "is_truncated");
		buf_lit(m->out, "true");
	}
	if (known && source->status == WIRE_TRUNCATED)
		member_number(&content, "untruncated_size", (int64_t)source->num);
	members_end(&content);
	buf_free(&scratch);
}

static void put_script_activity(struct ocsf *o)
{
	struct members script = member_object(&o->m, "script");

	ocsf_put_file(&script, "file", script_file(o), FILE_UNKNOWN);
	put_content(&script, arg(o, ROLE_SOURCE));
	member_number(&script, "type_id", 3);
	members_end(&script);
}

static void put_network(struct ocsf *o)
{
	struct siem_address address;
	struct buf scratch = {0};

	if (siem_address_of(arg(o, ROLE_LOCAL), &scratch, &address))
		ocsf_put_endpoint(&o->m, "src_endpoint", &address);
	else if (remote_of(o, &scratch, &address))
		ocsf_put_endpoint(&o->m, "dst_endpoint", &address);
	buf_free(&scratch);
}

static void put_url(struct ocsf *o)
{
	struct buf room = {0}, scratch = {0};
	struct members url;
	struct siem_url parts;
	struct text text;

	if (siem_text(arg(o, ROLE_URL), &room, &text) && siem_url_of(&text, &scratch, &parts)) {
		ocsf_put_endpoint(&o->m, "dst_endpoint", &parts.address);
		url = member_object(&o->m, "url");
		member_text(&url, "url_string", &text);
		member_text(&url, "scheme", &parts.scheme);
		member_text(&url, "hostname", &parts.address.host);
		if (parts.address.has_port)
			member_number(&url, "port", parts.address.port);
		members_end(&url);
	}
	buf_free(&room);
	buf_free(&scratch);
}

/* It is this host that asks; whom is the resolver's affair. */
static void put_query(struct ocsf *o)
{
	struct members sub = member_object(&o->m, "query");

	ocsf_put_string(&sub, "hostname", arg(o, ROLE_QUERY));
	members_end(&sub);
	sub = member_object(&o->m, "src_endpoint");
	member_cstr(&sub, "hostname", siem_hostname());
	members_end(&sub);
}

struct ocsf_activity ocsf_activity_of(const struct ocsf *o)
{
	const struct ocsf_activity *found = NULL;

	if (o->event->type == RECORD_EXIT)
		found = &activities[ACT_TERMINATE];
	else if (o->act.row && o->act.row->activity != ACT_BASE)
		found = &activities[o->act.row->activity];
	if (found && found->possible(o))
		return *found;
	return (struct ocsf_activity){&base_event, 99, format_type(o->event->type), always, NULL};
}
