/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Does an event's name pass the patterns of -e? What was found out is kept. */
#ifndef PYAUDIT_BPF_VERDICT_H
#define PYAUDIT_BPF_VERDICT_H

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
	bool pass = knob_default_pass;
	struct pattern *p;
	int match;
	__u32 i;

	for (i = 0; i < MAX_PATTERNS && i < knob_patterns; i++) {
		__u32 key = i;

		match = glob_matches(slot, i);
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

/* What is known of a name; false when the patterns have not been tried on it. */
static __always_inline bool verdict_known(const void *key, __u8 *verdict)
{
	__u8 *known = bpf_map_lookup_elem(&verdicts, key);

	if (known)
		*verdict = *known;
	return known;
}

/* Tries the patterns on the name in the work area and keeps the verdict, unless the name is too
 * long. */
static __always_inline __u8 verdict_find(__u32 slot, struct scratch *s)
{
	__u8 verdict = name_passes(slot) ? VERDICT_PASS : 0;

	if (s->name_len < NAME_KEY_LEN)
		bpf_map_update_elem(&verdicts, s->name, &verdict, BPF_ANY);
	return verdict;
}

/* The same for a name that is in the work area. */
static __always_inline __u8 loaded_name_verdict(__u32 slot, struct scratch *s)
{
	__u8 verdict;

	if (!knob_filter)
		return VERDICT_PASS;
	if (s->name_len < NAME_KEY_LEN && verdict_known(s->name, &verdict))
		return verdict;
	return verdict_find(slot, s);
}

#endif
