// SPDX-License-Identifier: GPL-2.0-only
/* Where records go besides the output: one exporter for each option that asks for one. */
#include <unistd.h>

#include "base/log.h"
#include "confine.h"
#include "session_state.h"
#include "sink/forward.h"
#include "sink/otlp.h"
#include "sink/sink.h"

static int add_forward(struct session *s, enum forward_kind kind, const char *option,
		       const char *address)
{
	struct forward *f = forward_new(kind, option, address, format_find(s->options->format));

	if (!f)
		return -1;
	/* Named as the option. */
	if (!exporters_add(s->exporters, option + 2, &forward_ops, f))
		return 0;
	log_error("%s: out of memory", option);
	return -1;
}

static int add_otlp(struct session *s)
{
	const struct options *o = s->options;
	struct otlp_options options = {.url = o->otlp_url,
				       .spool = o->spool,
				       .spool_size = o->spool_size,
				       .spool_owner = geteuid(),
				       .identity_in_records = o->otel_pid == PID_IN_RECORD};
	struct otlp *otlp;
	gid_t gid;

	if (o->user)
		confine_find_user(o->user, &options.spool_owner, &gid);
	if (otlp_new(&options, &otlp))
		return -1;
	if (!otlp || !exporters_add(s->exporters, "otlp", &otlp_ops, otlp))
		return 0;
	log_error("--otlp: out of memory");
	return -1;
}

int session_exports_open(struct session *s)
{
	const struct options *o = s->options;
	size_t i;

	s->exporters = exporters_new();
	if (!s->exporters) {
		log_error("out of memory");
		return -1;
	}
	/* It is the first: see session_exports_output. */
	if (o->to_socket && add_forward(s, FORWARD_LINES, "--output", o->output))
		return -1;
	if (o->journald && add_forward(s, FORWARD_JOURNAL, "--journald", NULL))
		return -1;
	for (i = 0; i < o->n_syslog; i++)
		if (add_forward(s, FORWARD_SYSLOG, "--syslog", o->syslog[i]))
			return -1;
	return o->otlp ? add_otlp(s) : 0;
}

void session_exports_output(struct totals *totals, uint64_t counted)
{
	const struct exporter_stats *output = totals->exporters;
	size_t i;

	totals->delivered = output->delivered + counted;
	totals->lost[LOSS_OUTPUT] = 0;
	for (i = 0; i < output->n_drops; i++)
		totals->lost[LOSS_OUTPUT] += output->drops[i].count;
}

size_t session_poll_fds(struct session *s, struct pollfd *fds, size_t max)
{
	return exporters_poll(s->exporters, fds, max);
}

/* What they have dropped and what waits, each in a line; nothing when all is well. */
void session_exports_tell(struct session *s)
{
	size_t n, i, k;
	const struct exporter_stats *stats = exporters_stats(s->exporters, &n);

	for (i = 0; i < n; i++) {
		if (stats[i].waiting)
			log_warn("%s: %llu events wait on disk for the next run", stats[i].name,
				 (unsigned long long)stats[i].waiting);
		for (k = 0; k < stats[i].n_drops; k++)
			if (stats[i].drops[k].count)
				log_warn("%s: %llu events delivered, %llu dropped: %s",
					 stats[i].name, (unsigned long long)stats[i].delivered,
					 (unsigned long long)stats[i].drops[k].count,
					 stats[i].drops[k].reason);
	}
}
