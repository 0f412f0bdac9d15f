/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of -o: opened so that nobody who can place a link where they lie can turn us against
 * another file, and rotated.
 *
 * Records hold what programs were called with, so a new file is for its owner only (0600). One that
 * is there keeps its mode and owner, and a rotation gives them to the next.
 */
#ifndef PYAUDIT_OUTPUT_FILE_H
#define PYAUDIT_OUTPUT_FILE_H

#include <stdint.h>

enum output_file_how {
	OUTPUT_FILE_EMPTY,  /* what it holds goes */
	OUTPUT_FILE_APPEND, /* what it holds stays */
	OUTPUT_FILE_REOPEN, /* the same, and nothing is waited for: a FIFO has a reader, or -ENXIO
			     */
};

/*
 * Opens or creates. A symbolic link is followed only where nobody but root and us can place one;
 * elsewhere it is refused (-ELOOP), as is a file with several names (-EMLINK), and in a directory
 * that anybody may write to a file of another user (-EPERM). Returns a descriptor or a negative
 * errno.
 */
int output_file_open(const char *path, enum output_file_how how);

/* 0, or the negative errno that a rotation would end with. */
int output_file_may_rotate(const char *path);

/* What to say of an error of output_file_open: cause and remedy. */
const char *output_file_error(int err);

/*
 * Renames path to path.1, that to path.2 and so on, at most `keep` old files, and creates path anew
 * with the mode and owner of fd. Returns the new descriptor, or a negative errno; then the file
 * that fd is of holds its place or is path.1, and can be written on.
 */
int output_file_rotate(const char *path, int fd, unsigned int keep);

#endif
