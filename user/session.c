// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/patience.h"
#include "guard.h"
#include "session_state.h"

#define CONFIRM_MS     2000	  /* and receivers then for saying that they have read all */
#define FINISH_MS      5000	  /* how long a slow reader is waited for at the end */
#define STILL_NS       1000000000 /* how long after its end a probe's program may run */
#define LIVENESS_TICKS 16	  /* polls between two looks at whether any target is left */
#define ROOM_EVERY     64	  /* of the last records, between two looks at the queues */

bool session_everywhere(const struct options *o)
{
	return o->mode == MODE_ALL || o->follow;
}

int64_t session_now(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t session_boot_now(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

static struct tracer *open_tracer(const struct options *o, struct selection *selection)
{
	struct tracer_options t = {
		.targets_only = o->follow && o->mode != MODE_ALL,
		.everywhere = session_everywhere(o),
		.adopt = o->mode == MODE_ALL,
		.follow = o->follow || o->mode == MODE_ALL,
		.stop_on_exec = o->mode == MODE_COMMAND,
		.args = o->syscalls || !o->no_args,
		.syscalls = o->syscalls,
		.string_limit = o->string_limit,
		.stack_depth = o->summary ? 0 : o->stack_depth,
		.buffer_size = o->buffer_size,
		.shed = o->max_cpu,
		.filter = selection_for_kernel(selection),
	};

	return t.filter ? tracer_new(&t) : NULL;
}

static struct output_target output_target(const struct options *o)
{
	struct output_target to = {
		.path = o->output,
		.fd = o->mode == MODE_COMMAND ? STDERR_FILENO : STDOUT_FILENO,
		.rotate_size = o->rotate_size,
		.keep = o->rotate_keep,
	};

	if (to.path && !strcmp(to.path, "-")) {
		to.path = NULL;
		to.fd = STDOUT_FILENO;
	}
	/* Then an exporter is the output. */
	if (o->to_socket)
		to.path = "/dev/null";
	return to;
}

/* A terminal that obeys colours, of somebody who wants them (https://no-color.org). */
static bool wants_color(int fd)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(fd) && !(term && !strcmp(term, "dumb")) && !(no && *no);
}

static struct output *open_output(const struct options *o)
{
	struct output_target to = output_target(o);
	bool color = o->color == COLOR_ALWAYS;

	if (o->color == COLOR_AUTO)
		color = !to.path && wants_color(to.fd);
	return output_open(&to, format_find(o->format), color);
}

static bool open_counters(struct session *s)
{
	bool folded = !strcmp(s->options->format, "folded");

	s->summary = s->options->summary ? summary_new() : NULL;
	s->folded = folded ? folded_new() : NULL;
	return (s->summary || !s->options->summary) && (s->folded || !folded);
}

static void forget_code(uint32_t pid, uint64_t code, void *arg)
{
	struct session *s = arg;

	tracer_forget_code(s->tracer, pid, code);
}

static void shed_event(const char *name, bool out, void *arg)
{
	struct session *s = arg;

	tracer_shed(s->tracer, name, out);
}

static void look_at_cpu(struct session *s)
{
	if (s->shed)
		shed_look(s->shed, session_boot_now(), clock_ns(CLOCK_PROCESS_CPUTIME_ID));
}

/* Nothing may point at the strings of an image that is let go. */
static bool is_of_image(const struct process_info *info, const void *image)
{
	return info->entries == ((const struct image_entry *)image)->entries;
}

static void forget_image(const struct image_entry *image, void *arg)
{
	struct session *s = arg;

	process_forget_all(s->processes, is_of_image, image);
}

static void set_context(pid_t pid, const struct process_context *context, void *arg)
{
	struct session *s = arg;

	tracer_set_context(s->tracer, pid, context);
}

static bool open_stacks(struct session *s)
{
	if (!s->options->stack_depth || s->summary)
		return true;
	s->stacks = stack_cache_new(forget_code, s);
	return s->stacks;
}

static char *edit_cmdline(void *redactor, char *cmdline, size_t *len, bool cut)
{
	return redact_cmdline(redactor, cmdline, len, cut);
}

/* In force from now on. */
static void select_now(struct session *s, unsigned int half, struct selection *selection)
{
	s->selections[half] = selection;
	s->selection = half;
	s->redactor = selection_redactor(selection);
	process_cache_edit(s->processes, edit_cmdline, s->redactor);
}

int session_select(struct session *s, struct selection *selection)
{
	const struct tracer_filter *f = selection_for_kernel(selection);
	unsigned int half = (s->selection + 1) % FILTERS;
	int err = f ? tracer_set_filter(s->tracer, f) : -EINVAL;

	if (err) {
		if (f)
			log_error("the filter cannot be changed: %s; start anew", strerror(-err));
		selection_free(selection);
		return err;
	}
	/* What was judged by the one before the last is long out, or held for its system calls:
	 * then by this. */
	selection_free(s->selections[half]);
	select_now(s, half, selection);
	return 0;
}

struct session *session_new(const struct options *options, struct selection *selection)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		selection_free(selection);
		log_error("out of memory");
		return NULL;
	}
	s->options = options;
	s->guard = -1;
	s->selection = 1;
	s->selections[s->selection] = selection;
	s->redactor = selection_redactor(selection);
	s->output = open_output(options);
	if (!s->output)
		goto fail;
	s->tracer = open_tracer(options, selection);
	if (!s->tracer)
		goto fail;
	s->images = images_new(s->tracer, options->probe, options->stack_depth, forget_image, s);
	s->processes = process_cache_new();
	if (s->processes)
		process_cache_edit(s->processes, edit_cmdline, s->redactor);
	s->lineage = lineage_new();
	s->discovery = session_discovery_new();
	s->contexts = contexts_new(set_context, s);
	s->shed = options->max_cpu ? shed_new(options->max_cpu, shed_event, s) : NULL;
	if (!s->images || !s->processes || !s->lineage || !s->discovery || !s->contexts ||
	    (options->max_cpu && !s->shed) || !open_counters(s) || !open_stacks(s) ||
	    !session_calls_open(s))
		log_error("out of memory");
	else if (!session_exports_open(s) && !session_metrics_open(s))
		return s;
fail:
	session_free(s);
	return NULL;
}

int session_fd(const struct session *s)
{
	return tracer_fd(s->tracer);
}

/* Reads what is in the ring. When it is empty, images that were let go before, and whose events
 * do not wait for their outcomes any more, have none to come. */
static void consume(struct session *s)
{
	uint64_t before = session_boot_now() - s->options->outcome_wait_ns - STILL_NS;

	if (tracer_consume(s->tracer, session_on_record, s) < TRACER_BATCH)
		images_bury(s->images, before);
}

void session_poll(struct session *s)
{
	session_metrics_look(s);
	consume(s);
	session_discover(s);
	session_calls_poll(s, false);
	session_naming_poll(s);
	session_tell_spread_losses(s);
	look_at_cpu(s);
	output_flush(s->output);
	exporters_flush(s->exporters);
	session_metrics_serve(s);
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

/* What was counted so far is the output's from now on, which counts what it delivers. */
static void write_table(struct session *s, struct buf *table)
{
	if (table->failed)
		log_error("counts: out of memory; narrow with -e");
	output_text(s->output, table->failed ? NULL : table->data, table->len, s->counted);
	s->counted = 0;
	buf_free(table);
}

static void write_folded(struct session *s)
{
	struct buf lines = {0};

	folded_write(s->folded, &lines);
	write_table(s, &lines);
}

void session_reopen(struct session *s, const struct options *options)
{
	struct output_target to = output_target(options);

	if (options->to_socket || s->options->to_socket)
		return;
	/* What has been counted so far belongs to the file that is put away. */
	if (s->folded)
		write_folded(s);
	output_reopen(s->output, &to);
}

static void write_counts(struct session *s)
{
	struct buf table = {0};
	size_t n, i;
	const struct summary_row *rows;

	if (!strcmp(s->options->format, "text")) {
		summary_text(s->summary, &table);
		write_table(s, &table);
		return;
	}
	rows = summary_rows(s->summary, &n);
	for (i = 0; i < n; i++) {
		struct audit_event event = {
			.type = RECORD_COUNT, .time.ns = session_now(), .count = rows[i].count};

		wire_set_name(&event, rows[i].name);
		session_write(s, &event);
		if (!s->options->to_socket)
			s->counted -= rows[i].count;
	}
}

void session_totals(const struct session *s, struct totals *totals)
{
	struct tracer_counts counts;

	tracer_counts(s->tracer, &counts);
	*totals = (struct totals){
		.seen = counts.seen,
		.filtered = counts.filtered + s->over_count + s->arg_filtered,
		.delivered = output_delivered(s->output) + s->counted,
		.lost[LOSS_RING] = counts.lost[WIRE_LOSS_RING],
		.lost[LOSS_SCRATCH] = counts.lost[WIRE_LOSS_SCRATCH],
		.lost[LOSS_RATE] = counts.lost[WIRE_LOSS_RATE],
		.lost[LOSS_CPU] = counts.lost[WIRE_LOSS_CPU],
		.lost[LOSS_DECODE] = s->undecodable,
		.lost[LOSS_OUTPUT] = output_lost(s->output),
	};
	totals->exporters = exporters_stats(s->exporters, &totals->n_exporters);
	if (s->options->to_socket)
		session_exports_output(totals, s->counted);
	totals->lost[LOSS_OUTPUT] += s->unread;
	session_calls_totals(s, totals);
}

void session_status(const struct session *s, char *text, size_t size)
{
	struct images_counts images;
	struct totals totals;
	uint64_t lost = 0;
	int i;

	session_totals(s, &totals);
	images_count(s->images, &images);
	for (i = 0; i < LOSS_MAX; i++)
		lost += totals.lost[i];
	snprintf(text, size, "%llu events, %llu lost; %u Pythons, %zu processes",
		 (unsigned long long)totals.seen, (unsigned long long)lost,
		 (unsigned int)(images.uprobe_files + images.usdt_files),
		 process_count_announced(s->processes));
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
	if (t->syscalls)
		buf_printf(&line, "; system calls: %llu watched, %llu unannounced",
			   (unsigned long long)t->calls, (unsigned long long)t->unannounced);
	if (t->unjudged)
		buf_printf(&line, ", %llu not judged", (unsigned long long)t->unjudged);
	if (t->calls_lost)
		buf_printf(&line, ", %llu lost", (unsigned long long)t->calls_lost);
	buf_char(&line, '\0');
	if (!line.failed)
		log_error("%s", line.data);
	buf_free(&line);
}

static void tell_of_command(const struct session *s)
{
	const char *name = s->options->command[0];

	if (!images_attached(s->images))
		log_warn("%s: executed no CPython, so there was nothing to see%s", name,
			 s->options->follow ? "" : "; -f follows its children");
	if (!s->command_exited)
		log_warn("PID %d (%s) is left running", s->command.pid, name);
}

static int exit_status(const struct session *s)
{
	if (s->options->mode != MODE_COMMAND || !s->command_exited)
		return 0;
	return WIFSIGNALED(s->command_status) ? 128 + WTERMSIG(s->command_status)
					      : WEXITSTATUS(s->command_status);
}

/* Taking in what is left in the ring. */
struct ending {
	struct session *s;
	struct patience patience;
	unsigned int records;
	bool hurried; /* what comes now is counted only */
};

static void count_unread(struct session *s, const void *data, size_t size)
{
	const struct wire_header *head;
	const struct wire_audit *audit = wire_check(data, size, &head) ? NULL : wire_as_audit(head);

	s->unread += audit && !(audit->flags & WIRE_AUDIT_FILTERED);
}

/* No more events come: these wait for those who take them. */
static void on_last_record(const void *data, size_t size, void *arg)
{
	struct ending *e = arg;

	if (e->hurried) {
		count_unread(e->s, data, size);
		return;
	}
	session_on_record(data, size, e->s);
	if (++e->records % ROOM_EVERY)
		return;
	output_make_room(e->s->output, &e->patience);
	exporters_make_room(e->s->exporters, &e->patience);
	e->hurried = patience_is_lost();
}

static void empty_ring(struct session *s)
{
	struct ending e = {
		.s = s, .patience = patience_new(FINISH_MS), .hurried = patience_is_lost()};

	while (tracer_consume(s->tracer, on_last_record, &e) > 0)
		;
	session_tell_unread(s);
}

int session_end(struct session *s)
{
	struct audit_event event = {.type = RECORD_SUMMARY};

	tracer_detach(s->tracer);
	empty_ring(s);
	session_calls_poll(s, true);
	session_tell_losses(s, session_now());
	if (s->summary)
		write_counts(s);
	if (s->folded)
		write_folded(s);
	output_finish(s->output, FINISH_MS);
	exporters_drain(s->exporters, FINISH_MS);
	/* Only now is it known what was delivered. */
	session_totals(s, &event.totals);
	event.time.ns = session_now();
	session_write(s, &event);
	output_finish(s->output, FINISH_MS);
	exporters_finish(s->exporters, CONFIRM_MS);
	session_totals(s, &event.totals);
	session_exports_tell(s);
	session_child(s);
	if (s->options->mode == MODE_COMMAND)
		tell_of_command(s);
	print_totals(&event.totals, log_level < 0);
	return exit_status(s);
}

void session_free(struct session *s)
{
	if (!s)
		return;
	command_abandon(&s->command);
	session_metrics_close(s);
	exporters_free(s->exporters);
	shed_free(s->shed);
	session_discovery_free(s->discovery);
	contexts_free(s->contexts);
	summary_free(s->summary);
	folded_free(s->folded);
	correlator_free(s->correlator);
	lineage_free(s->lineage);
	free(s->naming);
	stack_cache_free(s->stacks);
	process_cache_free(s->processes);
	images_free(s->images);
	tracer_free(s->tracer);
	selection_free(s->selections[0]);
	selection_free(s->selections[1]);
	output_free(s->output);
	if (s->guard >= 0)
		guard_end(s->guard);
	free(s);
}
