/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* --arg, as far as it can be decided here: see include/arg_rule.h. */
#ifndef PYAUDIT_BPF_ARG_H
#define PYAUDIT_BPF_ARG_H

/* Whether the rule's text is at `at` in the record. */
__noinline int text_is_at(__u32 slot, __u32 number, __u32 at)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct arg_rule *rule = bpf_map_lookup_elem(&arg_rules, &number);
	__u32 i;

	if (!s || !rule)
		return 1;
	for (i = 0; i < ARG_RULE_TEXT && i < rule->len; i++)
		if (*record_at(s, at + i) != rule->text[i])
			return 0;
	return 1;
}

/* The place of the rule's argument among the event's; ARG_PLACE_UNKNOWN. */
static __always_inline __u32 arg_place(const struct scratch *s, const struct arg_rule *rule,
				       __u32 number)
{
	struct arg_place_key key = {.rule = number};
	__u64 len = at_most(s->name_len, sizeof(key.name));
	__u8 *place;

	if (len >= sizeof(key.name))
		return ARG_PLACE_UNKNOWN;
	__builtin_memcpy(key.name, s->name, sizeof(key.name));
	place = bpf_map_lookup_elem(&arg_places, &key);
	return place ? *place : rule->other;
}

/* Whether the value can match; true also when that is not known here. */
static __always_inline bool value_may_match(__u32 slot, struct scratch *s,
					    const struct arg_rule *rule, __u32 number, __u32 at)
{
	struct wire_value *v = value_at(s, at);
	__u32 len, text = at + sizeof(*v);

	if (!v || v->kind != WIRE_STR || v->aux > 1 || (v->aux && !rule->ascii))
		return true;
	if (v->status != WIRE_OK && v->status != WIRE_TRUNCATED)
		return true;
	len = v->len;
	if (rule->form == ARG_RULE_EXACT && v->num != rule->len)
		return false;
	if (len < rule->len)
		return v->status == WIRE_TRUNCATED;
	if (rule->form == ARG_RULE_SUFFIX) {
		if (v->status == WIRE_TRUNCATED)
			return true;
		text += len - rule->len;
	}
	return text_is_at(slot, number, text);
}

/* number: of the rule in the map. */
__noinline int arg_may_match(__u32 slot, __u32 number)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct arg_rule *rule = bpf_map_lookup_elem(&arg_rules, &number);
	__u32 place;

	if (!s || !rule || rule->form == ARG_RULE_OTHER)
		return 1;
	place = arg_place(s, rule, number);
	/* The name is a top-level value, too. */
	if (place >= TOP_PLACES - 1 || place + 1 >= s->top)
		return 1;
	return value_may_match(slot, s, rule, number, *top_place(s, place + 1));
}

/* Whether the captured event can pass all rules of a filter. */
static __always_inline bool args_may_pass(__u32 slot, __u32 filter)
{
	const struct live_filter *f = filter_of(filter);
	__u32 i;

	for (i = 0; i < MAX_ARG_RULES && i < f->arg_rules; i++)
		if (!arg_may_match(slot, filter % FILTERS * MAX_ARG_RULES + i))
			return false;
	return true;
}

#endif
