/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines that say which files a command runs code from (command_files). Both are cut into pieces. */
#ifndef PYAUDIT_TARGET_RESOLVE_TEXT_H
#define PYAUDIT_TARGET_RESOLVE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define SHEBANG_SIZE 256 /* Linux BINPRM_BUF_SIZE since 5.1 */

/* "#!interpreter argument", as Linux fs/binfmt_script.c reads it. line: the first len bytes of the
 * file, two at least and less than SHEBANG_SIZE, and a NUL. *arg is NULL when there is none. False:
 * the kernel refuses it. */
bool resolve_shebang(char *line, size_t len, char **interp, char **arg);

/* One line of what "ld.so --list" prints, of glibc and of musl: "\tNAME => PATH (0xADDRESS)",
 * "\tPATH (0xADDRESS)" or "\tNAME => not found". The path, NULL if there is none or it is no
 * libpython. */
const char *resolve_listed(char *line);

#endif
