// SPDX-License-Identifier: GPL-2.0-only
#include "sink/output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/patience.h"
#include "base/standard.h"
#include "sink/output_file.h"

#define QUEUE_MAX     (16 << 20) /* bytes queued for a slow reader */
#define FLUSH_AT      (128 << 10)
#define WARN_AGAIN    (1 << 20) /* bytes written after which another failure is a new one */
#define TERMINAL_STEP 256	/* what a terminal that is ready takes without blocking for long */
#define LOOK_MS	      50	/* between two looks at how long is still to be waited */

/* Where what was queued ends, and how many audit events it is or counts; or it tells of so many
 * that were lost. */
struct mark {
	size_t end;
	uint64_t events;
	uint64_t numbered : 1, kept : 1, reason : 6, lost : 56;
};

struct output {
	const struct format_ops *format;
	char *path; /* NULL: not ours to reopen */
	int fd;
	uint64_t size, rotate_size, rotate_at; /* bytes in the file, and past which it is rotated */
	unsigned int keep;
	bool color, regular, terminal, gone, warned;
	struct buf queue;
	size_t written;	      /* bytes of the queue that are out */
	size_t since_failure; /* bytes written since the last failure */
	struct mark *marks;
	size_t n_marks, cap_marks, done_marks;
	uint64_t seq; /* of the last record queued */
	uint64_t delivered, lost;
	uint64_t untold[LOSS_MAX]; /* events lost that the stream does not tell of yet */
	int64_t last_time;
};

/* Takes over fd as what is written to from now on. */
static void adopt_fd(struct output *o, int fd)
{
	struct stat st = {0};

	o->fd = fd;
	o->gone = false;
	o->regular = !fstat(o->fd, &st) && S_ISREG(st.st_mode);
	o->size = o->regular ? st.st_size : 0;
	o->rotate_at = o->rotate_size;
	o->terminal = isatty(o->fd);
}

static void rotate(struct output *o)
{
	int fd = output_file_rotate(o->path, o->fd, o->keep);

	if (fd < 0) {
		log_warn("%s: cannot be rotated: %s; it grows on", o->path, output_file_error(fd));
		o->rotate_at = o->size + o->rotate_size;
		return;
	}
	log_debug("%s: rotated at %llu bytes", o->path, (unsigned long long)o->size);
	close(o->fd);
	adopt_fd(o, fd);
}

/* Sets path and rotation, and opens the path. 0, or a negative errno and nothing is changed. */
static int open_path(struct output *o, const struct output_target *to, enum output_file_how how)
{
	char *path = strdup(to->path);
	int fd = path ? output_file_open(path, how) : -ENOMEM;

	if (fd < 0) {
		free(path);
		return fd;
	}
	if (o->path)
		close(o->fd);
	free(o->path);
	o->path = path;
	o->rotate_size = to->rotate_size;
	o->keep = to->keep;
	adopt_fd(o, fd);
	return 0;
}

struct output *output_open(const struct output_target *to, const struct format_ops *format,
			   bool color)
{
	struct output *o = calloc(1, sizeof(*o));
	sigset_t before;
	int err;

	if (!o) {
		log_error("output: out of memory");
		return NULL;
	}
	o->format = format;
	o->color = color;
	if (!to->path && !standard_fd_writable(to->fd)) {
		log_error("standard %s: closed, or not for writing; give -o FILE",
			  to->fd == STDERR_FILENO ? "error" : "output");
		free(o);
		return NULL;
	}
	if (!to->path) {
		adopt_fd(o, to->fd);
		return o;
	}
	interrupt_allow(&before);
	err = open_path(o, to, to->rotate_size ? OUTPUT_FILE_APPEND : OUTPUT_FILE_EMPTY);
	interrupt_restore(&before);
	if (err) {
		log_error("%s: cannot write: %s; choose another file with -o", to->path,
			  output_file_error(err));
		free(o);
		return NULL;
	}
	/* Each run begins a file of its own. */
	if (o->rotate_size && o->regular && o->size)
		rotate(o);
	return o;
}

static bool add_mark(struct output *o, const struct mark *mark)
{
	size_t cap = o->cap_marks ? o->cap_marks * 2 : 1024;
	struct mark *marks;

	if (o->n_marks == o->cap_marks) {
		marks = reallocarray(o->marks, cap, sizeof(*marks));
		if (!marks)
			return false;
		o->marks = marks;
		o->cap_marks = cap;
	}
	o->marks[o->n_marks++] = *mark;
	return true;
}

/* The audit events a record stands for. */
static uint64_t events_of(const struct audit_event *event)
{
	return event->type == RECORD_AUDIT ? 1 : event->type == RECORD_COUNT ? event->count : 0;
}

static bool mark_record(struct output *o, const struct audit_event *event)
{
	struct mark mark = {.end = o->queue.len, .events = events_of(event), .numbered = 1};

	if (event->type == RECORD_LOST) {
		mark.reason = event->lost.reason;
		mark.lost = event->lost.count;
	}
	return add_mark(o, &mark);
}

/* Takes back what was appended and has no mark. False: so that it can be returned. */
static bool take_back(struct output *o, size_t before)
{
	o->queue.failed = false;
	buf_truncate(&o->queue, before);
	return false;
}

/* Formats a record at the queue's end. False when there is no room or no memory: then nothing is
 * queued. */
static bool queue_record(struct output *o, const struct audit_event *event)
{
	size_t before = o->queue.len;

	if (o->gone || before - o->written > QUEUE_MAX)
		return false;
	o->format->write(&o->queue, event, o->seq + 1, o->color);
	if (o->queue.failed || !mark_record(o, event))
		return take_back(o, before);
	o->seq++;
	return true;
}

static void lose(struct output *o, uint64_t events)
{
	o->lost += events;
	o->untold[LOSS_OUTPUT] += events;
}

/* Says in the stream how many events were lost at this place; what there is no room for is said
 * later. */
static void tell_losses(struct output *o)
{
	struct audit_event event = {.type = RECORD_LOST, .time.ns = o->last_time};
	int i;

	for (i = 0; i < LOSS_MAX; i++) {
		event.lost = (struct loss){i, o->untold[i]};
		if (o->untold[i] && queue_record(o, &event))
			o->untold[i] = 0;
	}
}

void output_record(struct output *o, const struct audit_event *event)
{
	o->last_time = event->time.ns;
	if (event->type == RECORD_LOST)
		o->untold[event->lost.reason] += event->lost.count;
	tell_losses(o);
	if (event->type != RECORD_LOST && !queue_record(o, event))
		lose(o, events_of(event));
	if (o->queue.len - o->written >= FLUSH_AT)
		output_flush(o);
}

void output_text(struct output *o, const char *data, size_t len, uint64_t events)
{
	size_t before = o->queue.len;
	struct mark mark = {.end = before + len, .events = events};

	if (data && !o->gone)
		buf_add(&o->queue, data, len);
	if (o->queue.len - before == len && add_mark(o, &mark))
		return;
	take_back(o, before);
	lose(o, events);
}

static void count_delivered(struct output *o)
{
	while (o->done_marks < o->n_marks && o->marks[o->done_marks].end <= o->written) {
		const struct mark *m = &o->marks[o->done_marks++];

		o->delivered += m->kept ? 0 : m->events;
	}
}

/* Takes note of what is out now, and empties a queue that is wholly out. */
static void settle(struct output *o)
{
	count_delivered(o);
	if (!o->written || (o->written < o->queue.len && o->written < QUEUE_MAX / 2))
		return;
	/* Move the rest to the front. */
	memmove(o->queue.data, o->queue.data + o->written, o->queue.len - o->written);
	o->queue.len -= o->written;
	if (o->n_marks)
		memmove(o->marks, o->marks + o->done_marks,
			(o->n_marks - o->done_marks) * sizeof(*o->marks));
	o->n_marks -= o->done_marks;
	o->done_marks = 0;
	for (size_t i = 0; i < o->n_marks; i++)
		o->marks[i].end -= o->written;
	o->written = 0;
}

/* Where what was begun in a file begins is its end again. */
static void take_back_begun(struct output *o, size_t bytes)
{
	off_t end = lseek(o->fd, -(off_t)bytes, SEEK_CUR);

	if (end >= 0 && ftruncate(o->fd, end))
		log_debug("output: ftruncate: %s", strerror(errno));
	else if (end >= 0)
		o->size = end;
}

/* Elsewhere it is written to its end, once that can be: what comes after it would be taken for its
 * rest. So whoever reads on has read it. */
static void keep_begun(struct output *o, struct mark *m)
{
	o->delivered += m->events;
	m->kept = 1;
	m->end -= o->written;
	memmove(o->queue.data, o->queue.data + o->written, m->end);
	o->queue.len = m->end;
	o->marks[0] = *m;
}

/* The queue cannot be written: its events are lost, and its numbers free again. */
static void drop_queue(struct output *o, int err)
{
	size_t begin, kept = 0, i;
	struct mark *first;

	if (!o->warned && err != EPIPE)
		log_warn("%s: %s; events are lost until it can be written again",
			 o->path ? o->path : "output", strerror(err));
	o->warned = true;
	o->since_failure = 0;
	count_delivered(o);
	begin = o->done_marks ? o->marks[o->done_marks - 1].end : 0;
	first = &o->marks[o->done_marks];
	if (first->kept)
		o->delivered -= first->events; /* after all */
	else if (o->regular && o->written > begin)
		take_back_begun(o, o->written - begin);
	else if (o->written > begin && err != EPIPE)
		kept = 1;
	for (i = o->done_marks + kept; i < o->n_marks; i++) {
		lose(o, o->marks[i].events);
		o->untold[o->marks[i].reason] += o->marks[i].lost;
		o->seq -= o->marks[i].numbered;
	}
	o->queue.len = 0;
	if (kept)
		keep_begun(o, first);
	o->n_marks = kept;
	o->written = o->done_marks = 0;
}

/* How much may be written now without blocking for long; 0: nothing. */
static size_t writable(const struct output *o, int timeout_ms)
{
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};

	if (o->regular)
		return SIZE_MAX;
	if (poll(&p, 1, timeout_ms) <= 0)
		return 0;
	/* A pipe that polls writable has room for PIPE_BUF bytes. */
	return o->terminal ? TERMINAL_STEP : PIPE_BUF;
}

/* A full disk takes a record here and there: that is not yet another failure to be told. */
static void note_progress(struct output *o, size_t n)
{
	o->since_failure += n;
	if (o->since_failure >= WARN_AGAIN)
		o->warned = false;
}

/* Where the last record ends that has room in the file; 0 if the next one has none. */
static size_t fitting(const struct output *o)
{
	uint64_t room = o->rotate_at > o->size ? o->rotate_at - o->size : 0;
	size_t end = 0, i;

	if (o->queue.len - o->written <= room)
		return o->queue.len;
	for (i = o->done_marks; i < o->n_marks && o->marks[i].end - o->written <= room; i++)
		end = o->marks[i].end;
	return end;
}

/* How much of the queue goes into this file: whole records, and one at least. */
static size_t take_turn(struct output *o)
{
	size_t end;

	if (!o->rotate_size || !o->regular)
		return o->queue.len - o->written;
	count_delivered(o);
	end = fitting(o);
	/* What has been written in part was begun because it fits. */
	if (!end && o->size) {
		rotate(o);
		end = fitting(o);
	}
	if (!end)
		end = o->done_marks < o->n_marks ? o->marks[o->done_marks].end : o->queue.len;
	return end - o->written;
}

/* Waits for the reader once, and then writes what can be written at once. */
static void write_queue(struct output *o, int timeout_ms)
{
	size_t n, left;
	ssize_t out;

	for (; !o->gone && o->queue.len > o->written && (n = writable(o, timeout_ms));
	     timeout_ms = 0) {
		left = take_turn(o);
		out = write(o->fd, o->queue.data + o->written, left < n ? left : n);
		if (out < 0 && errno == EINTR)
			continue;
		if (out < 0 && errno == EAGAIN)
			break;
		if (out < 0) {
			o->gone = errno == EPIPE;
			drop_queue(o, errno);
			return;
		}
		o->written += out;
		o->size += out;
		note_progress(o, out);
	}
	settle(o);
}

void output_flush(struct output *o)
{
	write_queue(o, 0);
}

/* Until no more than so many bytes are queued. */
static void wait_until(struct output *o, size_t bytes, struct patience *p)
{
	size_t before = output_queued(o), now;

	while (!o->gone && before > bytes && !patience_over(p)) {
		write_queue(o, patience_left(p, LOOK_MS));
		now = output_queued(o);
		if (now != before)
			patience_renew(p);
		before = now;
	}
}

void output_make_room(struct output *o, struct patience *patience)
{
	wait_until(o, QUEUE_MAX / 2, patience);
}

void output_finish(struct output *o, int timeout_ms)
{
	struct patience p = patience_new(timeout_ms);

	tell_losses(o);
	wait_until(o, 0, &p);
	if (o->queue.len > o->written)
		drop_queue(o, ETIMEDOUT);
}

void output_reopen(struct output *o, const struct output_target *to)
{
	int err;

	write_queue(o, 0);
	if (!to->path)
		return;
	err = open_path(o, to, OUTPUT_FILE_REOPEN);
	if (err)
		log_warn("%s: cannot reopen: %s; going on with the old file", to->path,
			 output_file_error(err));
}

void output_give(struct output *o, uid_t uid)
{
	struct stat st;

	if (!o->path || fstat(o->fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return;
	if (st.st_nlink != 1 || fchown(o->fd, uid, -1))
		log_warn("%s: stays this user's; SIGHUP will not be able to open it anew", o->path);
}

void output_check(const struct output *o)
{
	int err = o->path && o->rotate_size && o->regular ? output_file_may_rotate(o->path) : 0;

	if (err)
		log_warn("%s: its directory cannot be written to from now on (%s), so it will not "
			 "be rotated; choose one of the tracer's user",
			 o->path, strerror(-err));
}

bool output_gone(const struct output *o)
{
	return o->gone;
}

uint64_t output_seq(const struct output *o)
{
	return o->seq;
}

uint64_t output_delivered(const struct output *o)
{
	return o->delivered;
}

uint64_t output_lost(const struct output *o)
{
	return o->lost;
}

size_t output_queued(const struct output *o)
{
	return o->queue.len - o->written;
}

size_t output_queue_max(const struct output *o)
{
	return QUEUE_MAX;
}

void output_free(struct output *o)
{
	if (!o)
		return;
	if (o->path)
		close(o->fd);
	buf_free(&o->queue);
	free(o->marks);
	free(o->path);
	free(o);
}
