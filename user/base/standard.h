/* SPDX-License-Identifier: GPL-2.0-only */
/* The standard descriptors: whoever starts us may have closed or filled them. */
#ifndef PYAUDIT_STANDARD_H
#define PYAUDIT_STANDARD_H

#include <stdbool.h>

/* Opens those that are closed on /dev/null, the wrong way round: no file of ours becomes one of
 * them, where our diagnostics would go into it, and what is written there fails as it did. Programs
 * we execute find them closed. To be called first. */
void standard_fds_fill(void);

/* May the descriptor be written to? */
bool standard_fd_writable(int fd);

/* What was printed is out. Returns 0, or 1 after one line said why not. */
int standard_output_flush(void);

#endif
