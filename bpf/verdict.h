/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Does an event's name pass the patterns of -e? What was found out is kept. */
#ifndef PYAUDIT_BPF_VERDICT_H
#define PYAUDIT_BPF_VERDICT_H

/* The filter with a number, which is the one in force or was when the event was met. */
static __always_inline const struct live_filter *filter_of(__u32 number)
{
	number %= FILTERS;
	bounded(number);
	return &filters[number % FILTERS];
}

static __always_inline __u8 verdict_of(const __u8 of[FILTERS], __u32 number)
{
	return number % FILTERS ? of[1] : of[0];
}

__noinline int do_glob_step(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	struct pattern *p;
	__u32 key;

	if (!s)
		return 1;
	key = s->pattern;
	p = bpf_map_lookup_elem(&patterns, &key);
	return p ? glob_step(s, p) : 1;
}

#define TOO_LONG 2

/* Whether the name in the work area matches a pattern; or TOO_LONG. */
__noinline int glob_matches(__u32 slot, __u32 pattern)
{
	struct scratch *s = scratch_of(slot);
	int i;

	if (!s)
		return 1;
	glob_start(s, pattern);
	for (i = 0; i < 2048; i++)
		if (do_glob_step(slot))
			break;
	s = scratch_of(slot);
	if (!s)
		return 1;
	return i == 2048 ? TOO_LONG : s->verdict;
}

/* Tries the patterns on the name in the work area. Returns 1 if the event passes. */
__noinline int name_passes(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	const struct live_filter *f;
	struct pattern *p;
	__u32 i, first;
	bool pass;
	int match;

	if (!s)
		return 1;
	f = filter_of(s->filter);
	first = s->filter % FILTERS * FILTER_PATTERNS;
	pass = f->default_pass;
	for (i = 0; i < MAX_PATTERNS && i < f->patterns; i++) {
		__u32 key = first + i;

		match = glob_matches(slot, key);
		if (!match)
			continue;
		p = bpf_map_lookup_elem(&patterns, &key);
		/* A match that takes too many steps only lets pass: rather an event too many
		 * than one hidden. */
		if (p && (match != TOO_LONG || !p->exclude))
			pass = !p->exclude;
	}
	return pass;
}

/* What filter `number` says of a name, if that is known; false when its patterns have not been
 * tried on it. */
static __always_inline bool verdict_known(const void *key, __u32 number, __u8 *verdict)
{
	struct name_verdicts *known = bpf_map_lookup_elem(&verdicts, key);

	if (!known)
		return false;
	*verdict = verdict_of(known->of, number);
	return *verdict & VERDICT_LISTED || known->number == number;
}

/* Tries the patterns on the name in the work area and keeps the verdict, unless the name is too
 * long. */
static __always_inline __u8 verdict_find(__u32 slot, struct scratch *s)
{
	__u8 verdict = name_passes(slot) ? VERDICT_PASS : 0;
	struct name_verdicts found = {.number = s->filter, .of = {verdict, verdict}};

	if (s->name_len < NAME_KEY_LEN)
		bpf_map_update_elem(&verdicts, s->name, &found, BPF_ANY);
	return verdict;
}

/* The same for a name that is in the work area. */
static __always_inline __u8 loaded_name_verdict(__u32 slot, struct scratch *s)
{
	__u8 verdict;

	if (!filter_of(s->filter)->by_name)
		return VERDICT_PASS;
	if (s->name_len < NAME_KEY_LEN && verdict_known(s->name, s->filter, &verdict))
		return verdict;
	return verdict_find(slot, s);
}

#endif
