/* SPDX-License-Identifier: GPL-2.0-only */
/* What the running kernel and this process's capabilities allow. Each is asked for once. */
#ifndef PYAUDIT_FEATURES_H
#define PYAUDIT_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

struct feature {
	const char *name; /* "BTF", "ring buffer", ... */
	bool needed;	  /* nothing works without it */
	bool present;
	const char *detail; /* what it is for, or what to do about its absence */
};

/* All that --check lists; *n is their number. */
const struct feature *features_list(size_t *n);

struct capability {
	const char *name; /* "CAP_BPF" */
	int bit;	  /* CAP_BPF */
	bool needed, held;
	const char *detail;
};

const struct capability *capabilities_list(size_t *n);

/* Is a capability (CAP_...) effective? */
bool capability_held(int bit);

bool feature_attach_cookie(void);
bool feature_current_task(void);
bool feature_find_vma(void);
bool feature_sleepable_uprobes(void);
bool feature_uprobe_multi(void);

/* Is everything there that tracing needs, also that of everybody's processes? If not, one line on
 * stderr names what is missing and what to do. To be asked before anything else is tried. */
bool features_check(bool everybody);

/* One line on stderr: why loading or attaching may have failed with errno err. */
void features_explain(int err);

#endif
