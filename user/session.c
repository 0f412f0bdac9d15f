// SPDX-License-Identifier: GPL-2.0-only
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "decode/wire_decode.h"
#include "enrich/process.h"
#include "images.h"
#include "sink/output.h"
#include "sink/summary.h"
#include "target/command.h"
#include "target/rescan.h"

#define FINISH_MS      5000 /* how long a slow reader is waited for at the end */
#define LIVENESS_TICKS 16   /* polls between two looks at whether any target is left */

struct session {
	const struct options *options;
	const struct filter *filter;
	struct tracer *tracer;
	struct images *images;
	struct process_cache *processes;
	struct output *output;
	struct summary *summary; /* -c; NULL otherwise */
	struct rescan *rescan;
	struct wire_decoder decoder;

	struct command command;
	bool command_exited;
	int command_status;

	uint64_t counted;    /* delivered by -c */
	uint64_t over_count; /* came after the last that --count asks for: filtered */
	uint64_t undecodable, undecodable_told;
	uint64_t kernel_lost_told[WIRE_LOSS_MAX];
	uint32_t kernel_lost_head; /* the count in the last record's head */
	uint64_t audit_records;
	unsigned int ticks;
	bool maybe_over, over;
};

/* With -f and -a probes stand in every process of a file, else only in the processes asked for. */
static bool attach_everywhere(const struct options *o)
{
	return o->mode == MODE_ALL || o->follow;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* --- records out --- */

static void write_record(struct session *s, struct audit_event *event)
{
	if (s->summary && event->type != RECORD_SUMMARY && event->type != RECORD_COUNT)
		return;
	output_record(s->output, event);
}

static void write_loss(struct session *s, enum loss_reason reason, uint64_t count, int64_t time)
{
	struct audit_event event = {.type = RECORD_LOST, .time.ns = time, .lost = {reason, count}};

	if (count)
		write_record(s, &event);
}

/* Says in the stream what the kernel has lost since the last time. */
static void tell_kernel_losses(struct session *s, int64_t time)
{
	static const enum loss_reason reasons[] = {
		[WIRE_LOSS_RING] = LOSS_RING,
		[WIRE_LOSS_SCRATCH] = LOSS_SCRATCH,
	};
	struct tracer_counts counts;
	int i;

	tracer_counts(s->tracer, &counts);
	for (i = 0; i < WIRE_LOSS_MAX; i++) {
		write_loss(s, reasons[i], counts.lost[i] - s->kernel_lost_told[i], time);
		s->kernel_lost_told[i] = counts.lost[i];
	}
}

static void write_exit(struct session *s, const struct process_info *info,
		       const struct wire_header *head, int status)
{
	struct audit_event event = {
		.type = RECORD_EXIT,
		.time.ns = process_wall_clock(head->time),
		.pid = head->pid,
		.tid = head->tid,
		.ppid = info->ppid,
		.uid = head->uid,
		.status = status,
	};

	memcpy(event.comm, head->comm, sizeof(head->comm));
	write_record(s, &event);
}

/* The process record: what is known of a process and of how it is probed. */
static void announce(struct session *s, struct process_info *info, const struct image_entry *image,
		     const struct audit_event *from)
{
	struct audit_event event = *from;
	size_t n;

	info->python = image->version;
	info->build = image->build;
	info->probe = image->choice == PY_PROBE_USDT ? "usdt" : "uprobe";
	info->entries = image->entries;
	info->n_entries = image->n_entries;
	info->missed = py_image_gaps(image->image, image->choice, &n);
	info->n_missed = n;
	event.type = RECORD_PROCESS;
	event.ppid = info->ppid;
	event.process = info;
	write_record(s, &event);
}

/* --- records in --- */

static void deliver(struct session *s, struct audit_event *event)
{
	if (s->options->count && s->audit_records >= s->options->count) {
		s->over_count++;
		return;
	}
	s->audit_records++;
	if (s->options->count && s->audit_records == s->options->count)
		s->over = true;
	if (!s->summary)
		output_record(s->output, event);
	else if (summary_count(s->summary, event))
		s->counted++;
	else
		s->undecodable++;
}

static void on_audit(struct session *s, const struct wire_audit *wire, size_t size)
{
	const struct image_entry *image = images_of_probe(s->images, wire->probe);
	struct audit_event event = {0};
	struct process_info *info;
	bool is_new;

	if (wire_decode_audit(wire, size, &s->decoder, &event)) {
		s->undecodable++;
		return;
	}
	event.time.ns = process_wall_clock(wire->head.time);
	event.version = image ? image->image->version : 0;
	event.row = event_find(event.name_text);
	event.variant =
		event.row ? event_variant_for(event.row, event.version, event.args_total) : NULL;
	info = process_get(s->processes, event.pid, 0, &is_new);
	if (info) {
		event.ppid = info->ppid;
		if (!info->probe && image)
			announce(s, info, image, &event);
	}
	deliver(s, &event);
}

static void on_exec(struct session *s, const struct wire_exec *exec);

static void on_exit_record(struct session *s, const struct wire_exit *wire)
{
	struct process_info *info = process_find(s->processes, wire->head.pid);

	if (info && info->probe)
		write_exit(s, info, &wire->head, wire->status);
	process_forget(s->processes, wire->head.pid);
	rescan_forget(s->rescan, wire->head.pid);
	s->maybe_over = true;
}

static void on_fork(struct session *s, const struct wire_fork *wire)
{
	struct process_info *info;
	bool is_new;

	if (!attach_everywhere(s->options))
		return;
	/* The number may have been another process's whose exit could not be told. */
	process_forget(s->processes, wire->child);
	info = process_get(s->processes, wire->child, wire->head.pid, &is_new);
	if (info)
		info->probe =
			NULL; /* what it took over from its parent; it is announced by itself */
}

static void on_record(const void *data, size_t size, void *arg)
{
	const struct wire_header *head;
	struct session *s = arg;

	if (wire_check(data, size, &head)) {
		s->undecodable++;
		return;
	}
	if (head->lost != s->kernel_lost_head) {
		s->kernel_lost_head = head->lost;
		tell_kernel_losses(s, process_wall_clock(head->time));
	}
	if (wire_as_audit(head))
		on_audit(s, wire_as_audit(head), size);
	else if (wire_as_fork(head))
		on_fork(s, wire_as_fork(head));
	else if (wire_as_exec(head))
		on_exec(s, wire_as_exec(head));
	else if (wire_as_exit(head))
		on_exit_record(s, wire_as_exit(head));
	if (s->undecodable != s->undecodable_told) {
		write_loss(s, LOSS_DECODE, s->undecodable - s->undecodable_told, now_ns());
		s->undecodable_told = s->undecodable;
	}
}

/* --- targets --- */

struct add {
	struct session *s;
	pid_t pid;			   /* to attach in; -1 everywhere */
	const struct image_entry *found;   /* the last CPython image met, */
	const struct image_entry *refused; /* or one that cannot be traced */
	char exe[256];
};

/* A file's number as the kernel itself writes it (MKDEV), which is what exec records tell. */
static uint64_t kernel_dev(uint64_t dev)
{
	return (uint64_t)major(dev) << 20 | minor(dev);
}

static int add_file(const struct target_file *file, void *arg)
{
	struct add *add = arg;
	const struct image_entry *e = images_add(add->s->images, file, add->pid);

	if (!add->exe[0])
		strncat(add->exe, file->path, sizeof(add->exe) - 1);
	if (add->s->options->mode == MODE_COMMAND)
		tracer_know_file(add->s->tracer, kernel_dev(file->dev), file->ino);
	if (!e)
		return -ENOMEM;
	if (!e->error)
		add->found = e;
	else if (e->error != -ENOENT && e->error != -ENOEXEC)
		add->refused = e;
	return 0;
}

static struct add add_for(struct session *s, pid_t pid)
{
	return (struct add){.s = s, .pid = attach_everywhere(s->options) ? -1 : pid};
}

/* Why a process cannot be traced, in one line. */
static int refuse_pid(pid_t pid, const struct add *add, int err)
{
	if (err == -ESRCH || err == -ENOENT) {
		log_error("PID %d: no such process; see ps -e", pid);
	} else if (err) {
		log_error("PID %d: cannot read its files: %s; run as root", pid, strerror(-err));
	} else if (add->refused && add->refused->error == -ENOTSUP) {
		log_error("PID %d: CPython %s has no audit events; 3.8 or newer is needed", pid,
			  add->refused->version);
		err = -ENOTSUP;
	} else if (add->refused) {
		err = add->refused->error; /* reported where it came up */
	} else if (add->exe[0]) {
		log_error("PID %d: not a Python process: it runs %s; give the PID of a CPython "
			  "process",
			  pid, add->exe);
		err = -EINVAL;
	} else {
		log_error("PID %d: not a Python process: it is a kernel thread or has exited; give "
			  "the PID of a CPython process",
			  pid);
		err = -EINVAL;
	}
	return err ? err : -EINVAL;
}

int session_add_pid(struct session *s, pid_t asked)
{
	pid_t pid = target_leader(asked);
	struct add add = add_for(s, pid);
	struct audit_event event = {.time.ns = now_ns(), .pid = pid, .tid = pid};
	struct process_info *info;
	bool is_new;
	int err;

	/* A target first, so that its exit is told from now on. */
	tracer_add_target(s->tracer, pid);
	err = kill(pid, 0) && errno == ESRCH ? -ESRCH : target_process_files(pid, add_file, &add);
	if (err || !add.found) {
		tracer_drop_target(s->tracer, pid);
		return refuse_pid(pid, &add, err);
	}
	info = process_get(s->processes, pid, 0, &is_new);
	if (!info)
		return -ENOMEM;
	process_identity(pid, &event.uid, event.comm, sizeof(event.comm));
	if (!info->probe)
		announce(s, info, add.found, &event);
	return 0;
}

static int add_process(pid_t pid, void *arg)
{
	struct add add = add_for(arg, -1);

	if (pid != getpid())
		target_process_files(pid, add_file, &add);
	return 0;
}

int session_add_all(struct session *s)
{
	return target_each_process(add_process, s);
}

static int refuse_command(const char *name, const struct image_entry *image)
{
	if (image->error == -ENOTSUP)
		log_error("%s: CPython %s has no audit events; 3.8 or newer is needed", name,
			  image->version);
	return image->error; /* others were reported where they came up */
}

int session_start_command(struct session *s)
{
	char *const *argv = s->options->command;
	struct add add;
	int err;

	err = command_start(&s->command, argv, s->options->as_root);
	if (err)
		return err;
	tracer_add_target(s->tracer, s->command.pid);
	add = add_for(s, s->command.pid);
	err = command_files(&s->command, argv, s->options->as_root, add_file, &add);
	if (!err && !add.found && add.refused)
		err = refuse_command(argv[0], add.refused);
	return err;
}

int session_release_command(struct session *s)
{
	return command_release(&s->command);
}

/* A target waits in its exec: look at what it is about to run, put probes there, let it go on. */
static void serve_stopped(struct session *s, const struct wire_exec *exec)
{
	struct command command = {0};
	struct add add = add_for(s, exec->head.pid);
	char *exe = process_exe(exec->head.pid);
	char *argv[] = {exe, NULL};

	target_process_files(exec->head.pid, add_file, &add);
	if (exe && !add.found) {
		command.path = exe;
		command_files(&command, argv, s->options->as_root, add_file, &add);
	}
	free(exe);
	tracer_know_file(s->tracer, exec->dev, exec->ino);
	kill(exec->head.pid, SIGCONT);
}

static void on_exec(struct session *s, const struct wire_exec *exec)
{
	uint32_t pid = exec->head.pid;
	struct process_info *info;
	bool is_new = false;

	/* While it is young: a process can be gone before its first event is seen. With -a most are
	 * of no interest. */
	info = s->options->mode == MODE_ALL ? process_find(s->processes, pid)
					    : process_get(s->processes, pid, 0, &is_new);
	if (info && !is_new) {
		process_refresh(s->processes, pid);
		info->probe = NULL; /* announced again when it raises an event */
	}
	if (exec->stopped)
		serve_stopped(s, exec);
	/* Libraries come later than the executable, and with dlopen later still. */
	rescan_add(s->rescan, pid, exec->dev, exec->ino);
}

/* By then the dynamic loader has mapped what a program is linked with. */
#define LOADED_MS 20

static void rescan_process(const struct rescan_entry *entry, void *arg)
{
	struct session *s = arg;
	struct add add = add_for(s, entry->pid);

	if (!target_process_files(entry->pid, add_file, &add) && entry->age_ms >= LOADED_MS)
		tracer_know_file(s->tracer, entry->dev, entry->ino);
}

/* --- the run --- */

static struct tracer *open_tracer(const struct options *o, const struct filter *filter)
{
	struct tracer_options t = {
		.targets_only = o->follow && o->mode != MODE_ALL,
		.everywhere = attach_everywhere(o),
		.adopt = o->mode == MODE_ALL,
		.follow = o->follow || o->mode == MODE_ALL,
		.stop_on_exec = o->mode == MODE_COMMAND,
		.args = !o->no_args && !o->summary,
		.string_limit = o->string_limit,
		.buffer_size = o->buffer_size,
		.filter = filter->n_items > 0,
		.default_pass = filter->default_pass,
		.patterns = filter->patterns,
		.n_patterns = filter->n_patterns,
		.names = filter->names,
		.names_pass = filter->names_pass,
		.n_names = filter->n_names,
	};

	return tracer_new(&t);
}

static struct output *open_output(const struct options *o)
{
	const struct format_ops *format = format_find(o->format);
	int fd = o->mode == MODE_COMMAND ? STDERR_FILENO : STDOUT_FILENO;
	const char *path = o->output;
	bool color = o->color == COLOR_ALWAYS;

	if (path && !strcmp(path, "-")) {
		path = NULL;
		fd = STDOUT_FILENO;
	}
	if (o->color == COLOR_AUTO)
		color = !path && isatty(fd) && !getenv("NO_COLOR");
	return output_open(path, fd, format, color);
}

struct session *session_new(const struct options *options, const struct filter *filter)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		log_error("out of memory");
		return NULL;
	}
	s->options = options;
	s->filter = filter;
	s->output = open_output(options);
	if (!s->output)
		goto fail;
	s->tracer = open_tracer(options, filter);
	if (!s->tracer)
		goto fail;
	s->images = images_new(s->tracer, options->probe);
	s->processes = process_cache_new();
	s->rescan = rescan_new();
	s->summary = options->summary ? summary_new() : NULL;
	if (s->images && s->processes && s->rescan && (s->summary || !options->summary))
		return s;
	log_error("out of memory");
fail:
	session_free(s);
	return NULL;
}

int session_fd(const struct session *s)
{
	return tracer_fd(s->tracer);
}

void session_poll(struct session *s)
{
	tracer_consume(s->tracer, on_record, s);
	rescan_run(s->rescan, rescan_process, s);
	output_flush(s->output);
	if (++s->ticks % LIVENESS_TICKS == 0)
		s->maybe_over = true;
}

bool session_over(struct session *s)
{
	const struct options *o = s->options;

	if (s->over || (output_gone(s->output) && o->mode != MODE_COMMAND))
		return true;
	if (!s->maybe_over)
		return false;
	s->maybe_over = false;
	if (o->mode == MODE_COMMAND && !s->command_exited)
		return false;
	if (o->mode == MODE_COMMAND && !o->follow)
		return true;
	return o->mode != MODE_ALL && !tracer_has_targets(s->tracer);
}

void session_child(struct session *s)
{
	int status;

	if (s->command.pid <= 0 || s->command_exited)
		return;
	if (waitpid(s->command.pid, &status, WNOHANG) != s->command.pid)
		return;
	s->command_exited = s->maybe_over = true;
	s->command_status = status;
}

bool session_forward(struct session *s, int signal)
{
	if (s->options->mode != MODE_COMMAND || s->command.pid <= 0 || s->command_exited)
		return false;
	return !kill(s->command.pid, signal);
}

void session_reopen(struct session *s)
{
	output_reopen(s->output);
}

static void write_counts(struct session *s)
{
	struct buf table = {0};
	size_t n, i;
	const struct summary_row *rows;

	if (!strcmp(s->options->format, "text")) {
		summary_text(s->summary, &table);
		output_text(s->output, table.data, table.len);
		buf_free(&table);
		return;
	}
	rows = summary_rows(s->summary, &n);
	for (i = 0; i < n; i++) {
		struct audit_event event = {
			.type = RECORD_COUNT, .time.ns = now_ns(), .count = rows[i].count};

		wire_set_name(&event, rows[i].name);
		write_record(s, &event);
	}
}

static struct totals totals(const struct session *s)
{
	struct tracer_counts counts;
	struct totals t = {0};

	tracer_counts(s->tracer, &counts);
	t.seen = counts.seen;
	t.filtered = counts.filtered + s->over_count;
	t.delivered = output_delivered(s->output) + s->counted;
	t.lost[LOSS_RING] = counts.lost[WIRE_LOSS_RING];
	t.lost[LOSS_SCRATCH] = counts.lost[WIRE_LOSS_SCRATCH];
	t.lost[LOSS_DECODE] = s->undecodable;
	t.lost[LOSS_OUTPUT] = output_lost(s->output);
	return t;
}

static void print_totals(const struct totals *t, bool quiet)
{
	struct buf line = {0};
	uint64_t lost = 0;
	int i;

	for (i = 0; i < LOSS_MAX; i++)
		lost += t->lost[i];
	if (quiet && !lost)
		return;
	buf_printf(&line, "events: %llu seen, %llu delivered, %llu filtered, %llu lost",
		   (unsigned long long)t->seen, (unsigned long long)t->delivered,
		   (unsigned long long)t->filtered, (unsigned long long)lost);
	for (i = 0; i < LOSS_MAX; i++)
		if (t->lost[i])
			buf_printf(&line, " (%s: %llu)", loss_reasons[i],
				   (unsigned long long)t->lost[i]);
	buf_char(&line, '\0');
	if (!line.failed)
		log_error("%s", line.data);
	buf_free(&line);
}

static int exit_status(const struct session *s)
{
	if (s->options->mode != MODE_COMMAND || !s->command_exited)
		return 0;
	return WIFSIGNALED(s->command_status) ? 128 + WTERMSIG(s->command_status)
					      : WEXITSTATUS(s->command_status);
}

int session_end(struct session *s, bool quick)
{
	struct audit_event event = {.type = RECORD_SUMMARY};

	tracer_detach(s->tracer);
	while (tracer_consume(s->tracer, on_record, s) > 0 && !quick)
		;
	tell_kernel_losses(s, now_ns());
	if (s->summary)
		write_counts(s);
	output_finish(s->output, quick ? 200 : FINISH_MS);
	/* Only now is it known what was delivered. */
	event.totals = totals(s);
	event.time.ns = now_ns();
	write_record(s, &event);
	output_finish(s->output, quick ? 200 : FINISH_MS);
	print_totals(&event.totals, log_level < 0);
	if (s->options->mode == MODE_COMMAND && !images_attached(s->images))
		log_warn("%s: executed no CPython, so there was nothing to see%s",
			 s->options->command[0],
			 s->options->follow ? "" : "; -f follows its children");
	if (s->options->mode == MODE_COMMAND && !s->command_exited)
		log_warn("PID %d (%s) is left running", s->command.pid, s->options->command[0]);
	return exit_status(s);
}

void session_free(struct session *s)
{
	if (!s)
		return;
	command_abandon(&s->command);
	rescan_free(s->rescan);
	summary_free(s->summary);
	process_cache_free(s->processes);
	images_free(s->images);
	tracer_free(s->tracer);
	output_free(s->output);
	free(s);
}
