// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every record with each optional part there and not there, in all combinations, in each format
 * that has all types of records, and in text: none is left out, each is whole, and a part is told
 * exactly when it is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/sink.h"
#include "tests/unit/json_line.h"

static struct audit_event event;
static struct process_info process;
static struct value values[8];
static struct call_info calls[2];
static struct stack stack;
static const struct wire_trace trace = {.trace_id = {1}, .span_id = {2}};

/* A part, and how it is seen: paths in the objects (NULL: not there, or not only with it), and what
 * the line of text holds. In ECS and OCSF what begins with a dot is in the record's own. */
struct part {
	void (*put)(void);
	const char *json, *ecs, *ocsf, *text;
};

static struct value text_value_of(const char *text)
{
	return (struct value){.kind = WIRE_STR, .num = strlen(text), .text = text_of_cstr(text)};
}

/* --- events --- */

static void begin_audit(void)
{
	event.name = text_of_cstr("open");
	event.values = values;
	event.args_total = 0;
}

static void put_row(void)
{
	event.row = event_find("open");
	event.variant = event_variant_for(event.row, 0, 3);
}

/* Two, one of which could not be read, and a third that was not kept. */
static void put_args(void)
{
	values[0] = text_value_of("/x/y");
	values[1] = (struct value){.status = WIRE_UNREADABLE, .num = 14};
	event.n_args = event.n_values = 2;
	event.args_total = 3;
}

static void put_flags(void)
{
	event.flags |= WIRE_AUDIT_FMT_UNREAD;
}

static void put_no_args(void)
{
	event.no_args = true;
}

static void put_no_name(void)
{
	event.name = (struct text){0};
}

static void put_stack(void)
{
	stack = (struct stack){.n_frames = 1, .error = 14};
	stack.frames[0].func = text_of_cstr("frame_f");
	event.stack = &stack;
}

static void put_calls(void)
{
	calls[0] = (struct call_info){.row = syscall_find(257), .ret = -2, .text_errors = {14}};
	calls[1] = (struct call_info){.row = syscall_find(257), .ret = 3, .pid = 7};
	event.calls = calls;
	event.n_calls = 2;
}

static void put_process(void)
{
	event.process = &process;
}

static void put_container(void)
{
	event.process = &process;
	process.container = "c0ffee";
}

static void put_ppid(void)
{
	event.ppid = 4700;
}

static void put_trace(void)
{
	event.trace = &trace;
}

static const struct part audit_parts[] = {
	{put_row, NULL, "event.category", NULL, NULL},
	{put_args, NULL, NULL, NULL, NULL},
	{put_flags, NULL, NULL, NULL, NULL},
	{put_no_args, NULL, NULL, NULL, NULL},
	{put_no_name, NULL, NULL, NULL, NULL},
	{put_stack, "stack", ".stack", ".stack", "frame_f"},
	{put_calls, "syscalls", ".syscalls", ".syscalls", " = -1 ENOENT"},
	{put_process, NULL, NULL, NULL, NULL},
	{put_container, "container", "container.id", "actor.process.container.uid", NULL},
	{put_ppid, "ppid", "process.parent.pid", "actor.process.parent_process.pid", NULL},
	{put_trace, "trace_id", "trace.id", ".trace_id", NULL},
};

/* --- processes --- */

static void begin_process(void)
{
	event.process = &process;
}

static void put_no_process(void)
{
	event.process = NULL;
}

static void put_exe(void)
{
	process.exe = "/x/python";
}

static void put_cmdline(void)
{
	process.cmdline = "p\0one two";
	process.cmdline_len = 9;
}

static void put_cwd(void)
{
	process.cwd = "/x/cwd";
}

static void put_started(void)
{
	process.started_ns = 1795327824123456789ll;
	process.ns_pid = 3;
}

static void put_place(void)
{
	process.cgroup = "/a/b";
	process.pod = "p0d";
	process.unit = "x.service";
}

static void put_starter(void)
{
	process.starter = (struct event_ref){7, "os.fork"};
}

static void put_python(void)
{
	process.python = "3.11.2";
	process.build = "static executable";
}

static void put_probe(void)
{
	static const char *const entries[] = {"sys_audit"}, *const missed[] = {"a hole"};

	process.probe = "uprobe";
	process.entries = entries;
	process.n_entries = 1;
	process.missed = missed;
	process.n_missed = 1;
	process.unseen_ns = 2000000000;
}

static const struct part process_parts[] = {
	{put_exe, "exe", "process.executable", "actor.process.file.path", "/x/python"},
	{put_cmdline, "cmdline", "process.command_line", "actor.process.cmd_line", "one two"},
	{put_cwd, "cwd", "process.working_directory", "actor.process.working_directory", NULL},
	{put_started, "started", "process.start", "actor.process.created_time", NULL},
	{put_place, "cgroup", ".cgroup", ".cgroup", NULL},
	{put_container, "container", "container.id", "actor.process.container.uid", "c0ffee"},
	{put_starter, "started_by.seq", ".started_by.seq", ".started_by.seq", NULL},
	{put_python, "python", ".python", ".python", "3.11.2"},
	{put_probe, "probe", ".probe", ".probe", "a hole"},
	{put_ppid, "ppid", "process.parent.pid", "actor.process.parent_process.pid", NULL},
};

static const struct part unknown_process_parts[] = {
	{put_no_process, NULL, NULL, NULL, NULL},
	{put_ppid, "ppid", NULL, NULL, NULL},
};

/* --- ends --- */

static void put_signal(void)
{
	event.status = 9;
}

static const struct part exit_parts[] = {
	{put_signal, "signal", ".signal", ".signal", "SIGKILL"},
	{put_process, NULL, NULL, NULL, NULL},
	{put_container, NULL, "container.id", NULL, NULL},
	{put_ppid, "ppid", "process.parent.pid", "process.parent_process.pid", NULL},
};

/* --- system calls --- */

static void begin_syscall(void)
{
	calls[0] = (struct call_info){.row = syscall_find(257), .ret = 3, .pid = 4711};
	calls[0].texts[0] = text_of_cstr("/x/y");
	event.calls = calls;
	event.n_calls = 1;
}

static void put_failed(void)
{
	calls[0].ret = -13;
}

static void put_unread(void)
{
	calls[0].text_errors[0] = 5;
}

static void put_cut(void)
{
	calls[0].text_cut[0] = true;
}

static void put_i386(void)
{
	calls[0].i386 = true;
}

static void put_announced(void)
{
	event.announced = ANNOUNCED_YES;
}

static void put_never(void)
{
	event.announced = ANNOUNCED_NEVER;
}

static void put_after(void)
{
	event.after.name = "after.e";
}

static void put_after_seq(void)
{
	event.after = (struct event_ref){5, "after.e"};
}

static const struct part syscall_parts[] = {
	{put_failed, "error", "error.code", "status_code", "EACCES"},
	{put_unread, "unreadable", ".unreadable", ".unreadable", "EIO"},
	{put_cut, "cut", ".cut", ".cut", NULL},
	{put_i386, "abi", ".abi", ".abi", "i386"},
	{put_announced, NULL, NULL, NULL, NULL},
	{put_never, NULL, NULL, NULL, NULL},
	{put_after, NULL, NULL, NULL, NULL},
	{put_after_seq, "after.seq", ".after.seq", ".after.seq", NULL},
	{put_stack, "stack", ".stack", ".stack", "frame_f"},
	{put_container, "container", "container.id", "actor.process.container.uid", NULL},
	{put_ppid, "ppid", "process.parent.pid", "actor.process.parent_process.pid", NULL},
};

/* --- the rest --- */

static void begin_lost(void)
{
	event.pid = event.tid = 0;
	event.lost = (struct loss){LOSS_RING, 12};
}

static void put_unknown_reason(void)
{
	event.lost.reason = (enum loss_reason)99;
}

static void put_one(void)
{
	event.lost.count = 1;
}

static const struct part lost_parts[] = {
	{put_unknown_reason, NULL, NULL, NULL, NULL},
	{put_one, NULL, NULL, NULL, "lost 1 event: "},
};

static void begin_count(void)
{
	event.pid = event.tid = 0;
	strcpy(event.name_text, "open");
}

static void put_count(void)
{
	event.count = 3;
}

static const struct part count_parts[] = {
	{put_count, NULL, NULL, NULL, NULL},
};

static void begin_summary(void)
{
	event.pid = event.tid = 0;
}

static struct exporter_stats exporter;

static void put_exporter(void)
{
	event.totals.exporters = &exporter;
	event.totals.n_exporters = 1;
}

static void put_drop(void)
{
	exporter.drops[0] = (struct exporter_drop){"queue_full", 3};
	exporter.n_drops = 1;
}

static void put_keeps(void)
{
	exporter.keeps = true;
}

static void put_syscalls(void)
{
	event.totals.syscalls = true;
}

static const struct part summary_parts[] = {
	{put_exporter, "exporters", ".exporters", ".exporters", NULL},
	{put_drop, NULL, NULL, NULL, NULL},
	{put_keeps, NULL, NULL, NULL, NULL},
	{put_syscalls, "syscalls", ".syscalls", ".syscalls", NULL},
};

/* --- all of them --- */

static struct buf out;

static const json_t *at(const json_t *json, const char *own, const char *path)
{
	char name[64];
	size_t n;

	if (*path == '.') {
		json = json_object_get(json, own);
		path++;
	}
	for (; json && *path; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		json = json_object_get(json, name);
	}
	return json;
}

static void expect_part(const json_t *json, const char *own, const char *path, bool there)
{
	if (path && (at(json, own, path) != NULL) != there)
		fail_msg("%s is %sthere: %s", path, there ? "not " : "", out.data);
}

/* A format that is JSON, and where it has what each record has. */
struct form {
	const struct format_ops *format;
	const char *own; /* the name of the object for what the schema has no place for */
	const char *type, *number;
	size_t path; /* in struct part */
};

static const struct form forms[] = {
	{&format_json, NULL, "type", "seq", offsetof(struct part, json)},
	{&format_ecs, "pyaudit", ".type", "event.sequence", offsetof(struct part, ecs)},
	{&format_ocsf, "unmapped", ".type", "metadata.sequence", offsetof(struct part, ocsf)},
};

static void expect_form(const struct form *f, const struct part *parts, size_t n, unsigned int mask)
{
	json_t *json = json_line(&out, f->format, &event);
	size_t i;

	assert_string_equal(json_string_value(at(json, f->own, f->type)), format_type(event.type));
	assert_int_equal(json_integer_value(at(json, f->own, f->number)), 42);
	assert_true(f->format != &format_ocsf || at(json, NULL, "class_uid"));
	for (i = 0; i < n; i++)
		expect_part(json, f->own, *(const char *const *)((const char *)&parts[i] + f->path),
			    mask >> i & 1);
	json_decref(json);
}

/* The summary and counts are told elsewhere. */
static void expect_text(const struct part *parts, size_t n, unsigned int mask)
{
	bool shown = event.type != RECORD_COUNT && event.type != RECORD_SUMMARY;
	size_t i;

	out.len = 0;
	format_text.write(&out, &event, 42, false);
	assert_false(out.failed);
	assert_int_equal(out.len > 20, shown);
	if (!shown)
		return;
	assert_int_equal(out.data[out.len - 1], '\n');
	buf_char(&out, '\0');
	for (i = 0; i < n; i++)
		if (parts[i].text && !!strstr(out.data, parts[i].text) != (mask >> i & 1))
			fail_msg("%s: %s", parts[i].text, out.data);
}

static void expect_all(enum record_type type, void (*begin)(void), const struct part *parts,
		       size_t n)
{
	unsigned int mask;
	size_t i;

	for (mask = 0; mask < 1u << n; mask++) {
		event = (struct audit_event){.type = type, .pid = 4711, .tid = 4712};
		process = (struct process_info){.pid = 4711};
		exporter = (struct exporter_stats){.name = "--otlp"};
		if (begin)
			begin();
		for (i = 0; i < n; i++)
			if (mask >> i & 1)
				parts[i].put();
		for (i = 0; i < ARRAY_SIZE(forms); i++)
			expect_form(&forms[i], parts, n, mask);
		expect_text(parts, n, mask);
	}
}

#define EXPECT_ALL(type, begin, parts) expect_all(type, begin, parts, ARRAY_SIZE(parts))

static void test_audit(void **state)
{
	EXPECT_ALL(RECORD_AUDIT, begin_audit, audit_parts);
}

static void test_process(void **state)
{
	EXPECT_ALL(RECORD_PROCESS, begin_process, process_parts);
	EXPECT_ALL(RECORD_PROCESS, begin_process, unknown_process_parts);
}

static void test_exit(void **state)
{
	EXPECT_ALL(RECORD_EXIT, NULL, exit_parts);
}

static void test_syscall(void **state)
{
	EXPECT_ALL(RECORD_SYSCALL, begin_syscall, syscall_parts);
}

static void test_rest(void **state)
{
	EXPECT_ALL(RECORD_LOST, begin_lost, lost_parts);
	EXPECT_ALL(RECORD_COUNT, begin_count, count_parts);
	EXPECT_ALL(RECORD_SUMMARY, begin_summary, summary_parts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_audit), cmocka_unit_test(test_process),
		cmocka_unit_test(test_exit),  cmocka_unit_test(test_syscall),
		cmocka_unit_test(test_rest),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&out);
	return failed;
}
