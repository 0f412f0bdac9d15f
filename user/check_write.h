/* SPDX-License-Identifier: GPL-2.0-only */
/* The two forms --check is printed in. */
#ifndef PYAUDIT_CHECK_WRITE_H
#define PYAUDIT_CHECK_WRITE_H

#include <sys/types.h>

#include "base/buf.h"
#include "kernel/features.h"
#include "python/py_image.h"

struct check_kernel {
	const char *release;
	const struct feature *features;
	size_t n_features;
	const struct capability *capabilities;
	size_t n_capabilities;
};

/* What was asked about, and which of its files this is. */
struct check_subject {
	pid_t pid;	  /* a process, else 0 */
	const char *path; /* else a file as it was given */
	const char *file; /* NULL: none in particular */
};

struct check_writer {
	void (*kernel)(struct buf *out, const struct check_kernel *kernel);
	/* A CPython; choice: how it would be watched. */
	void (*image)(struct buf *out, const struct check_subject *subject,
		      const struct py_image *image, enum py_probe_choice choice);
	/* Something that is none, and why. */
	void (*other)(struct buf *out, const struct check_subject *subject, const char *why);
};

extern const struct check_writer check_text, check_json;

/* Where the object layout comes from, or that it is not known. */
const char *check_layout(const struct py_image *image);

#endif
