/* SPDX-License-Identifier: GPL-2.0-only */
/* The BPF object built without what may sleep: the same programs, maps and constants as the
 * other's, so that its skeleton is of the same type. */
#ifndef PYAUDIT_KERNEL_ATOMIC_H
#define PYAUDIT_KERNEL_ATOMIC_H

struct pyaudit;

/* As pyaudit__open. */
struct pyaudit *atomic_open(void);

#endif
