/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What becomes of the events of a name: the values of the map `verdicts`, by name. */
#ifndef PYAUDIT_NAME_VERDICT_H
#define PYAUDIT_NAME_VERDICT_H

enum verdict {
	VERDICT_PASS = 1,   /* -e lets it pass */
	VERDICT_SHED = 2,   /* but it is left out for now (--max-cpu) */
	VERDICT_LISTED = 4, /* user space has put it there */
	VERDICT_TELL = 8,   /* it does not pass, but explains system calls: told as filtered out */
};

#endif
