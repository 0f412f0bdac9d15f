/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * -e in the kernel: the last pattern that matches an event's name decides. A name's verdict is
 * kept, so patterns are only tried on names not met before.
 *
 * The glob language is that of the shell without brackets: * any run, ? any one byte. Matching goes
 * back to the last star on a mismatch; one step a call, so the verifier sees one step.
 */
#ifndef PYAUDIT_BPF_FILTER_H
#define PYAUDIT_BPF_FILTER_H

#include "scratch.h"

#define GLOB_STEPS (WIRE_MAX_NAME + PATTERN_LEN)
#define NO_STAR	   0xffffffff

static __always_inline void glob_start(struct scratch *s, __u32 pattern)
{
	s->pattern = pattern;
	s->glob_at = s->text_at = s->mark_at = 0;
	s->star_at = NO_STAR;
	s->verdict = 0;
}

/* One step. Returns true when s->verdict is known: 1 the name matches. */
static __always_inline bool glob_step(struct scratch *s, const struct pattern *p)
{
	__u32 g = s->glob_at & (PATTERN_LEN - 1), t = s->text_at;
	char want, have = 0;

	bounded(g);
	want = p->glob[g];
	if (t < s->name_len && t < WIRE_MAX_NAME) {
		t &= WIRE_MAX_NAME - 1;
		bounded(t);
		have = s->name[t];
	}
	if (s->text_at >= s->name_len && want != '*') {
		s->verdict = !want;
		return true;
	}
	if (want == '*') {
		s->star_at = s->glob_at++;
		s->mark_at = s->text_at;
		return false;
	}
	if (want && (want == '?' || want == have)) {
		s->glob_at++;
		s->text_at++;
		return false;
	}
	if (s->star_at == NO_STAR)
		return true;
	s->glob_at = s->star_at + 1;
	s->text_at = ++s->mark_at;
	return false;
}

#endif
