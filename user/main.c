// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/patience.h"
#include "base/standard.h"
#include "check.h"
#include "filter.h"
#include "kernel/features.h"
#include "reload.h"
#include "session.h"
#include "sink/sink.h"
#include "target/child.h"

#define POLL_MAX  32	       /* descriptors; exporters beyond that are looked at after POLL_MS */
#define POLL_MS	  10	       /* how long a record may lie in the ring before anybody looks */
#define STATUS_NS 2000000000ll /* between two lines of status */

static bool hangup_means_something(const struct options *o)
{
	return o->output || o->config;
}

static bool is_ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) && action.sa_handler == SIG_IGN;
}

/* Signals are taken from a descriptor, in the loop. One that is blocked comes also if it is
 * ignored, as SIGINT is in what a script starts with &; a SIGHUP that nohup(1) has us ignore must
 * not end us. Of a child nobody hears whose end is ignored. */
static int open_signals(const struct options *o)
{
	sigset_t set;

	child_note_signals();
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (hangup_means_something(o) || !is_ignored(SIGHUP))
		sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* RLIMIT_FSIZE: writing fails as on a full disk */
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

enum wish { GO_ON, STOP };

/* The first SIGINT or SIGTERM ends tracing in order; COMMAND, if there is one, is let end by itself
 * (from a terminal it has got the SIGINT too). The second ends tracing at once. */
static enum wish on_stop_signal(struct session *s, const struct signalfd_siginfo *info)
{
	static int count;

	if (count++) {
		patience_lose();
		return STOP;
	}
	/* Sent by a process to us alone, not by the terminal to the whole group: for COMMAND too.
	 */
	if (info->ssi_code <= 0 && session_forward(s, info->ssi_signo))
		return GO_ON;
	return session_forward(s, 0) ? GO_ON : STOP;
}

static void reload(struct session *s, struct reload *r)
{
	notify_reloading();
	reload_run(r, s);
	notify_ready();
}

static enum wish take_signals(struct session *s, int fd, struct reload *r)
{
	struct signalfd_siginfo info;
	enum wish wish = GO_ON;

	while (wish == GO_ON && read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			session_child(s);
		else if (info.ssi_signo == SIGHUP && hangup_means_something(r->latest))
			reload(s, r);
		else
			wish = on_stop_signal(s, &info);
	}
	return wish;
}

/* Told to the service manager, which is asked by people now and then. */
static void tell_manager(const struct session *s)
{
	static int64_t next;
	char text[128];

	notify_alive();
	if (clock_ns(CLOCK_MONOTONIC) < next)
		return;
	next = clock_ns(CLOCK_MONOTONIC) + STATUS_NS;
	session_status(s, text, sizeof(text));
	notify_status(text);
}

static int run_loop(struct session *s, int signals, const struct options *o, struct reload *r)
{
	struct pollfd fds[POLL_MAX] = {
		{.fd = session_fd(s), .events = POLLIN},
		{.fd = signals, .events = POLLIN},
	};
	int64_t end =
		o->duration_ns ? clock_ns(CLOCK_MONOTONIC) + (int64_t)o->duration_ns : INT64_MAX;
	enum wish wish = GO_ON;

	notify_ready();
	while (wish == GO_ON && !session_over(s) && clock_ns(CLOCK_MONOTONIC) < end) {
		poll(fds, 2 + session_poll_fds(s, fds + 2, POLL_MAX - 2), POLL_MS);
		session_poll(s);
		wish = take_signals(s, signals, r);
		tell_manager(s);
	}
	notify_stopping();
	patience_watch(signals);
	return session_end(s);
}

static int add_targets(struct session *s, const struct options *o)
{
	size_t i;
	int err = 0;

	if (o->mode == MODE_COMMAND)
		return session_start_command(s);
	if (o->mode == MODE_ALL)
		return session_add_all(s);
	for (i = 0; i < o->n_pids && !err; i++)
		err = session_add_pid(s, o->pids[i]);
	return err;
}

/* Takes over the selection. */
static int trace_selected(const struct options *o, struct selection *selection, struct reload *r)
{
	struct session *s;
	int signals, status = 1;

	if (!features_check(o->mode == MODE_ALL)) {
		selection_free(selection);
		return 1;
	}
	/* A COMMAND may have use for what the service manager has given us. */
	if (o->mode != MODE_COMMAND)
		notify_open();
	signals = open_signals(o);
	if (signals < 0) {
		log_error("signals cannot be waited for: %s; close some files", strerror(errno));
		selection_free(selection);
		return 1;
	}
	s = session_new(o, selection);
	if (!s) {
		close(signals);
		return 1;
	}
	if (!add_targets(s, o) && !session_confine(s) &&
	    (o->mode != MODE_COMMAND || !session_release_command(s)))
		status = run_loop(s, signals, o, r);
	session_free(s);
	close(signals);
	return status;
}

static int trace(const struct options *o, struct reload *r)
{
	struct selection *selection = selection_new(o);

	return selection ? trace_selected(o, selection, r) : 2;
}

static bool row_wanted(const struct event_row *row, void *filter)
{
	return filter_passes(filter, row->name);
}

static int list_events(const struct options *o)
{
	struct filter filter;
	struct buf out = {0};
	int status = 2;

	if (!filter_init(&filter, o->events, o->n_events)) {
		if (!strcmp(o->format, "json"))
			list_events_json(&out, row_wanted, &filter);
		else
			list_events_text(&out, row_wanted, &filter);
		fwrite(out.data, 1, out.len, stdout);
		status = standard_output_flush();
	}
	buf_free(&out);
	filter_free(&filter);
	return status;
}

int main(int argc, char **argv)
{
	struct options o;
	struct reload r;
	int status;

	standard_fds_fill();
	status = options_parse(&o, argc, argv);
	if (status)
		return status;
	log_level = o.verbosity;
	reload_init(&r, argc, argv, &o);
	switch (o.mode) {
	case MODE_HELP:
		options_print_help(stdout);
		status = standard_output_flush();
		break;
	case MODE_VERSION:
		options_print_version(stdout);
		status = standard_output_flush();
		break;
	case MODE_LIST_EVENTS: status = list_events(&o); break;
	case MODE_CHECK: status = check(&o); break;
	default: status = trace(&o, &r); break;
	}
	reload_free(&r);
	options_free(&o);
	return status;
}
