/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds the functions that audit events pass through, in stripped files too. */
#ifndef PYAUDIT_PYTHON_FINDER_H
#define PYAUDIT_PYTHON_FINDER_H

#include "python/elf_file.h"
#include "python/py_image.h"

struct found_function {
	uint64_t addr; /* 0: not found */
	uint64_t size; /* 0: not known */
	enum py_found how;
};

struct entry_points {
	struct found_function public;  /* PySys_Audit */
	struct found_function worker;  /* sys_audit_tstate */
	struct found_function private; /* _PySys_Audit itself, or the clone of it that sys_audit
					  calls */
	struct found_function method;  /* sys_audit */
	bool clone_without_call; /* a copy of _PySys_Audit exists that does not call the worker */
};

/* public must be set. use_symbols false: as if the file were stripped and no debug file there. */
void finder_find(struct elf_file *f, uint32_t version, bool use_symbols, struct entry_points *out);

#endif
