/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths of rules into an argument, as records name its parts: env.PATH, args[2], headers[*].token.
 *
 *	.KEY	what stands under a key, str or bytes: in a dict, in a list of pairs, behind the =
 *in a list of NAME=value. A glob of * and ? over UTF-8; the case of ASCII does not matter, as
 *		headers have it
 *	[N]	an element of a list or tuple, from 0
 *	[*]	all of them
 */
#ifndef PYAUDIT_REDACT_PATH_H
#define PYAUDIT_REDACT_PATH_H

#include "redact/redact_text.h"

#define PATH_STEPS 8

struct path {
	uint32_t n;
	struct path_step {
		const char *key; /* NULL: an element */
		bool all;
		uint32_t index;
	} steps[PATH_STEPS];
};

/* Where the first step of a rule's argument begins: its end if there is none. */
const char *path_in(const char *arg);

/* text is cut into pieces that *path points at. False when it is no path. */
bool path_parse(struct path *path, char *text);

/* Calls visit for each value there is at the end of the path, and for texts of which only what
 * stands behind `from` (code units) is; else that is 0. v itself where the path is empty. */
typedef void (*path_visit)(void *arg, struct value *v, uint32_t from);
void path_walk(const struct path *path, struct value *v, path_visit visit, void *arg);

/* The same for one word, [from, end), of a command line: true with *from moved to what is meant. */
bool path_wants_word(const struct path *path, uint32_t index, const struct view *line,
		     uint32_t *from, uint32_t end);

#endif
