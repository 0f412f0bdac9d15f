/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* --arg in the kernel: rules that can be decided there. User space decides all of them; what the
 * kernel drops is what cannot match, before it costs room in the ring. */
#ifndef PYAUDIT_ARG_RULE_H
#define PYAUDIT_ARG_RULE_H

#define MAX_ARG_RULES 8
#define ARG_RULE_TEXT 128

enum arg_rule_form {
	ARG_RULE_EXACT,
	ARG_RULE_PREFIX,
	ARG_RULE_SUFFIX,
	ARG_RULE_OTHER, /* for user space */
};

struct arg_rule {
	char text[ARG_RULE_TEXT];
	__u32 len;
	__u32 form;  /* enum arg_rule_form */
	__u32 ascii; /* text is: it is the same in UTF-8 and Latin-1 */
	__u32 other; /* place of the argument in events the table does not name */
};

#define ARG_PLACE_UNKNOWN 0xff /* differs by version: for user space */

/* Where an event has the rule's argument: key and value of the map `arg_places`. */
struct arg_place_key {
	char name[64]; /* zero-padded */
	__u32 rule;
};

#endif
