// SPDX-License-Identifier: GPL-2.0-only
/* -f: a child that an event has started and that runs no Python is named with its command line,
 * when it has run a while without an event, or when it ends. */
#include <stdlib.h>

#include "session_state.h"

#define WAITING	  512	       /* programs at once; more are named when they end */
#define PYTHON_NS 300000000ull /* a Python has raised its first event by then */

struct naming {
	struct wire_header heads[WAITING]; /* pid 0: free */
	unsigned int next, n;
};

bool session_follows_programs(const struct options *o)
{
	return o->follow && o->mode != MODE_ALL;
}

void session_naming_add(struct session *s, const struct wire_header *head)
{
	struct naming *n = s->naming;
	struct wire_header *place;

	if (!n && session_follows_programs(s->options))
		n = s->naming = calloc(1, sizeof(*n));
	if (!n)
		return;
	place = &n->heads[n->next++ % WAITING];
	n->n += !place->pid;
	*place = *head;
}

void session_naming_poll(struct session *s)
{
	struct naming *n = s->naming;
	uint64_t now = n && n->n ? session_boot_now() : 0;
	struct process_info *info;
	unsigned int i;

	for (i = 0; now && i < WAITING; i++) {
		struct wire_header *head = &n->heads[i];

		if (!head->pid || now - head->time < PYTHON_NS)
			continue;
		info = process_find(s->processes, head->pid);
		if (info && !session_told(info))
			session_name_child(s, info, head);
		head->pid = 0;
		n->n--;
	}
}
