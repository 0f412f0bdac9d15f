/* SPDX-License-Identifier: GPL-2.0-only */
/* The sites of the USDT probe python:audit(event, tuple). */
#ifndef PYAUDIT_PYTHON_USDT_H
#define PYAUDIT_PYTHON_USDT_H

#include "python/elf_file.h"
#include "python/py_image.h"

struct usdt_sites {
	struct py_probe probes[PY_MAX_PROBES];
	size_t n;
	bool present;	 /* there is at least one note for the probe */
	bool incomplete; /* a site could not be used */
};

/* Returns 0 (also when there are none) or -ENOMEM and the like. */
int usdt_find(struct elf_file *f, struct usdt_sites *out);

/* Parses the argument part of a note, "8@%rbx 8@-72(%rbp)", which must have exactly two operands of
 * 8 bytes, each a register or memory at a register. Returns 0 or -EINVAL. */
int usdt_parse_operands(const char *text, struct probe_operand out[2]);

#endif
