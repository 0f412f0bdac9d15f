// SPDX-License-Identifier: GPL-2.0-only
/* Records come in from the ring, are decoded, completed with what is known of their process, and go
 * out. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "session_state.h"

static void write_record(struct session *s, const struct audit_event *event)
{
	session_metrics_record(s);
	output_record(s->output, event);
	exporters_record(s->exporters, event);
}

void session_write(struct session *s, struct audit_event *event)
{
	if (s->folded ||
	    (s->summary && event->type != RECORD_SUMMARY && event->type != RECORD_COUNT))
		return;
	write_record(s, event);
}

static void write_loss(struct session *s, enum loss_reason reason, uint64_t count, int64_t time)
{
	struct audit_event event = {.type = RECORD_LOST, .time.ns = time, .lost = {reason, count}};

	if (count)
		session_write(s, &event);
}

static const enum loss_reason kernel_reasons[] = {
	[WIRE_LOSS_RING] = LOSS_RING,
	[WIRE_LOSS_SCRATCH] = LOSS_SCRATCH,
	[WIRE_LOSS_RATE] = LOSS_RATE,
	[WIRE_LOSS_CPU] = LOSS_CPU,
};

static void tell_losses(struct session *s, int64_t time, int first, int end)
{
	struct tracer_counts counts;
	int i;

	tracer_counts(s->tracer, &counts);
	for (i = first; i < end; i++) {
		write_loss(s, kernel_reasons[i], counts.lost[i] - s->kernel_lost_told[i], time);
		s->kernel_lost_told[i] = counts.lost[i];
	}
}

void session_tell_losses(struct session *s, int64_t time)
{
	tell_losses(s, time, 0, WIRE_LOSS_MAX);
}

void session_tell_spread_losses(struct session *s)
{
	uint64_t now = session_boot_now(); /* the wall clock may be set back */

	if (now - s->losses_at < 1000000000)
		return;
	s->losses_at = now;
	tell_losses(s, session_now(), WIRE_LOSS_RATE, WIRE_LOSS_MAX);
}

void session_tell_unread(struct session *s)
{
	write_loss(s, LOSS_OUTPUT, s->unread, session_now());
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
		.process = info,
		.status = status,
	};

	memcpy(event.comm, head->comm, sizeof(head->comm));
	session_write(s, &event);
}

/* How long a process had run its program when the probes were put on the image. */
static uint64_t unseen(const struct session *s, const struct process_info *info,
		       const struct image_entry *image)
{
	uint64_t start = info->exec > info->start ? info->exec : info->start;

	if (start)
		start = session_runs_since(s, info->pid, start);
	return start && image->attached_at > start ? image->attached_at - start : 0;
}

uint64_t session_seen_since(const struct session *s, pid_t pid, uint32_t probe)
{
	const struct process_info *info = process_find(s->processes, pid);
	const struct image_entry *image = images_of_probe(s->images, probe);

	if (!image)
		return session_boot_now();
	return info && !unseen(s, info, image) ? 0 : image->attached_at;
}

bool session_told(const struct process_info *info)
{
	return (info->probe || info->named) && info->exec <= info->told_exec;
}

/* The process record: what is known of a process and of how it is probed. */
void session_announce(struct session *s, struct process_info *info, const struct image_entry *image,
		      const struct audit_event *from)
{
	struct audit_event event = *from;

	process_renew(s->processes, info);
	info->told_exec = info->exec;
	if (!info->unseen_ns)
		info->unseen_ns = unseen(s, info, image);
	images_used_by(s->images, image, info->pid);
	info->python = image->version;
	info->build = image->build;
	info->probe = image->choice == PY_PROBE_USDT ? "usdt" : "uprobe";
	info->entries = image->entries;
	info->n_entries = image->n_entries;
	info->missed = image->missed;
	info->n_missed = image->n_missed;
	info->starter = lineage_of(s->lineage, info->pid);
	event.type = RECORD_PROCESS;
	event.ppid = info->ppid;
	event.process = info;
	session_write(s, &event);
}

void session_name_child(struct session *s, struct process_info *info,
			const struct wire_header *head)
{
	struct audit_event event = {
		.type = RECORD_PROCESS,
		.time.ns = process_wall_clock(head->time),
		.pid = info->pid,
		.tid = info->pid,
		.ppid = info->ppid,
		.uid = head->uid,
		.process = info,
	};

	if (!session_follows_programs(s->options))
		return;
	info->starter = lineage_of(s->lineage, info->pid);
	if (!info->starter.name)
		return;
	memcpy(event.comm, head->comm, sizeof(head->comm));
	info->told_exec = info->exec;
	info->probe = NULL;
	info->named = true;
	session_write(s, &event);
}

static void deliver(struct session *s, struct audit_event *event)
{
	if (s->options->count && s->audit_records >= s->options->count) {
		s->over_count++;
		return;
	}
	s->audit_records++;
	session_metrics_count(s, event);
	if (s->shed)
		shed_count(s->shed, event);
	if (s->options->count && s->audit_records == s->options->count)
		s->over = true;
	if (!s->summary && !s->folded)
		write_record(s, event);
	else if (s->folded ? folded_count(s->folded, event) : summary_count(s->summary, event))
		s->counted++;
	else
		s->undecodable++;
}

static void on_code(struct session *s, const struct wire_code *wire)
{
	if (!s->stacks || stack_cache_add(s->stacks, wire))
		log_debug("PID %u: a code object is not understood, or there is no memory for it",
			  wire->head.pid);
}

static int decode_audit(struct session *s, const struct wire_audit *wire, size_t size,
			struct audit_event *event)
{
	const struct image_entry *image = images_of_probe(s->images, wire->probe);

	*event = (struct audit_event){0};
	if (wire_decode_audit(wire, size, &s->decoder, event)) {
		s->undecodable++;
		return -EBADMSG;
	}
	if (s->stacks && stack_decode(s->stacks, wire, &s->stack))
		event->stack = &s->stack;
	event->time.ns = process_wall_clock(wire->head.time);
	event->version = image ? image->image->version : 0;
	event->row = event_find(event->name_text);
	event->variant = event->row
				 ? event_variant_for(event->row, event->version, event->args_total)
				 : NULL;
	return 0;
}

/* What is known of the process; its own record first. Not with what is from before its last exec
 * and was kept back: what it was then is not known any more. time: boot clock, ns. */
static void complete(struct session *s, struct audit_event *event, uint32_t probe, uint64_t time)
{
	const struct image_entry *image = images_of_probe(s->images, probe);
	struct process_info *info = process_get(s->processes, event->pid);

	if (!info)
		return;
	event->process = info;
	event->ppid = info->ppid;
	if (s->options->otlp)
		process_look_otel(info);
	if (image && !(info->probe && session_told(info)) && time >= info->exec)
		session_announce(s, info, image, event);
}

/* The selection that the kernel has judged the event by. */
static struct selection *selection_of(const struct session *s, const struct wire_audit *wire)
{
	return s->selections[wire->flags & WIRE_AUDIT_FILTER_1 ? 1 : 0];
}

static void audit_out(struct session *s, struct audit_event *event, const struct wire_audit *wire)
{
	enum explain_mode mode;

	if (!selection_passes(selection_of(s, wire), event)) {
		s->arg_filtered++;
		return;
	}
	event->no_args |= s->options->no_args;
	complete(s, event, wire->probe, wire->head.time);
	redact_event(s->redactor, event, s->decoder.values + 1);
	deliver(s, event);
	mode = explain_mode_of(event->row);
	if (mode == EXPLAIN_PROGRAM || mode == EXPLAIN_PROCESS)
		lineage_event(s->lineage, event->tid, wire->head.time, event->row->name,
			      output_seq(s->output));
}

uint64_t session_event_out(struct session *s, const struct wire_audit *wire, size_t size,
			   const struct call_info *calls, size_t n_calls, size_t made)
{
	struct audit_event event;

	if (decode_audit(s, wire, size, &event))
		return 0;
	event.calls = calls;
	event.n_calls = n_calls;
	event.calls_made = made;
	audit_out(s, &event, wire);
	return output_seq(s->output);
}

void session_call_out(struct session *s, const struct wire_syscall *wire, struct audit_event *event)
{
	const struct wire_header *head = &wire->head;

	event->type = RECORD_SYSCALL;
	event->time.ns = process_wall_clock(head->time);
	event->pid = head->pid;
	event->tid = head->tid;
	event->uid = head->uid;
	memcpy(event->comm, head->comm, sizeof(head->comm));
	if (s->stacks && stack_decode_call(s->stacks, wire, &s->stack))
		event->stack = &s->stack;
	if (event->calls->child)
		event->ppid = wire->event_pid;
	else
		complete(s, event, wire->probe, wire->head.time);
	session_write(s, event);
}

static void on_audit(struct session *s, const struct wire_audit *wire, size_t size)
{
	struct audit_event event;

	if (decode_audit(s, wire, size, &event))
		return;
	if (!s->correlator) {
		audit_out(s, &event, wire);
		return;
	}
	/* Kept back it goes out after the exec. */
	if (!(event.flags & WIRE_AUDIT_FILTERED) && explain_mode_of(event.row) == EXPLAIN_PROGRAM)
		complete(s, &event, wire->probe, wire->head.time);
	correlate_event(s->correlator, wire, size, &event);
}

static void on_syscall(struct session *s, const struct wire_syscall *wire)
{
	if (!s->correlator || correlate_call(s->correlator, wire))
		s->undecodable_calls++;
}

static void on_exit_record(struct session *s, const struct wire_exit *wire)
{
	struct process_info *info;

	if (s->correlator)
		correlate_process_over(s->correlator, wire->head.pid);
	info = process_find(s->processes, wire->head.pid);
	if (info && !session_told(info))
		session_name_child(s, info, &wire->head);
	if (info && (info->probe || info->named))
		write_exit(s, info, &wire->head, wire->status);
	process_forget(s->processes, wire->head.pid);
	session_discover_exit(s, wire->head.pid);
	contexts_forget(s->contexts, wire->head.pid, wire->head.time);
	s->maybe_over = true;
}

/* A followed process tells what it is now in its exec. What it did before goes out as what it was
 * then. */
static void on_process(struct session *s, const struct wire_process *wire)
{
	const struct process_info *known = process_find(s->processes, wire->head.pid);

	if (s->correlator && known && known->exec != wire->exec)
		correlate_process_over(s->correlator, wire->head.pid);
	process_learn(s->processes, wire);
}

/* The number may have been another process's whose exit could not be told. */
static void on_fork(struct session *s, const struct wire_fork *wire)
{
	process_forget(s->processes, wire->child);
	if (s->options->follow || s->options->mode == MODE_ALL)
		contexts_fork(s->contexts, wire->head.pid, wire->child);
	lineage_fork(s->lineage, wire->head.tid, wire->head.time, wire->child);
}

void session_on_record(const void *data, size_t size, void *arg)
{
	const struct wire_header *head;
	struct session *s = arg;

	if (wire_check(data, size, &head)) {
		s->undecodable++;
		return;
	}
	if (head->lost != s->kernel_lost_head) {
		s->kernel_lost_head = head->lost;
		tell_losses(s, process_wall_clock(head->time), 0, WIRE_LOSS_RATE);
	}
	if (wire_as_audit(head))
		on_audit(s, wire_as_audit(head), size);
	else if (wire_as_process(head))
		on_process(s, wire_as_process(head));
	else if (wire_as_fork(head))
		on_fork(s, wire_as_fork(head));
	else if (wire_as_exec(head))
		session_on_exec(s, wire_as_exec(head));
	else if (wire_as_exit(head))
		on_exit_record(s, wire_as_exit(head));
	else if (wire_as_thread(head))
		images_attach_anew(s->images, head->pid, head->tid);
	else if (wire_as_code(head))
		on_code(s, wire_as_code(head));
	else if (wire_as_syscall(head))
		on_syscall(s, wire_as_syscall(head));
	if (s->undecodable != s->undecodable_told) {
		write_loss(s, LOSS_DECODE, s->undecodable - s->undecodable_told, session_now());
		s->undecodable_told = s->undecodable;
	}
}
