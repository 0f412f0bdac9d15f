/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * sys.audit() events that -e leaves out, told by their names alone: most are short ASCII literals
 * whose verdict is known. All is on the stack then, and no work area is taken.
 */
#ifndef PYAUDIT_BPF_QUICK_H
#define PYAUDIT_BPF_QUICK_H

#define QUICK_NAME 48 /* the longest name, with its NUL: a word count */

/* The start of a compact ASCII str, as all builds with a GIL have it since 3.3
 * (Include/cpython/unicodeobject.h); wstr is gone in 3.12. */
struct quick_str {
	__u64 refcount, type, length, hash;
	__u32 state, reserved;
	__u64 rest[QUICK_NAME / 8 + 1]; /* the text, or wstr and the text */
};

static __always_inline bool has_quick_shape(const struct py_layout *l)
{
	return l->ob_type == offsetof(struct quick_str, type) &&
	       l->str_length == offsetof(struct quick_str, length) &&
	       l->str_state == offsetof(struct quick_str, state) &&
	       (l->str_ascii_data == offsetof(struct quick_str, rest[0]) ||
		l->str_ascii_data == offsetof(struct quick_str, rest[1]));
}

/* The text as a key of the verdicts. */
static __always_inline void quick_key(struct name_key *key, const struct quick_str *str, bool wstr)
{
	__u64 *to = (__u64 *)key->text, word, left = str->length;
	int i;

	UNROLL
	for (i = 0; i < QUICK_NAME / 8; i++) {
		word = wstr ? str->rest[i + 1] : str->rest[i];
		if (left < 8) {
			word &= (1ull << left * 8) - 1;
			left = 8;
		}
		to[i] = word;
		left -= 8;
	}
}

/* Whether the event is left out by what is known of its name, which is then counted. False leaves
 * everything to the long way. */
static __always_inline bool quickly_filtered(struct pt_regs *ctx, const struct probe_config *probe,
					     __u32 filter)
{
	const struct image_config *image = image_of(probe->image);
	struct name_key key = {};
	struct quick_str str;
	__u32 ready;
	__u8 verdict;
	__u64 item;

	if (!image || !image->decode || !has_quick_shape(&image->layout))
		return false;
	if (bpf_probe_read_user(&item, sizeof(item), (void *)PT_REGS_PARM2(ctx)) ||
	    bpf_probe_read_user(&str, sizeof(str), (void *)item))
		return false;
	ready = 1u << (image->layout.str_compact_bit & 31) |
		1u << (image->layout.str_ascii_bit & 31);
	if (str.type != image->types.str + PT_REGS_IP(ctx) - probe->link_addr ||
	    (str.state & ready) != ready || str.length >= QUICK_NAME)
		return false;
	quick_key(&key, &str, image->layout.str_ascii_data == offsetof(struct quick_str, rest[1]));
	if (!verdict_known(&key, filter, &verdict) || verdict & (VERDICT_PASS | VERDICT_TELL))
		return false;
	remember_call(item + image->layout.str_ascii_data, 0,
		      PT_REGS_SP(ctx) + probe->stack_adjust);
	count_seen_and_filtered();
	if (knob_syscalls)
		announce_filtered(&key);
	return true;
}

#endif
