/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the dynamic loader says in a process's memory how an exported thread-local variable of a
 * file is reached: read off the file's relocations. The forms are those of the ELF TLS ABI for
 * x86-64 (U. Drepper, "ELF Handling For Thread-Local Storage"; A. Oliva, "TLS Descriptors").
 */
#ifndef PYAUDIT_PYTHON_ELF_TLS_H
#define PYAUDIT_PYTHON_ELF_TLS_H

#include "python/elf_file.h"

enum elf_tls_form {
	ELF_TLS_EXECUTABLE, /* of the program itself: at a fixed place, `adjust` from the thread
			     * pointer */
	ELF_TLS_OFFSET,	    /* the slot holds the distance from the thread pointer */
	ELF_TLS_PAIR,	    /* the slot holds the module's number and the offset in its block */
	ELF_TLS_MODULE,	    /* the slot holds the module's number; the offset is `adjust` */
	ELF_TLS_DESCRIPTOR, /* the slot holds a function and its argument */
};

struct elf_tls {
	enum elf_tls_form form;
	enum elf_libc libc;
	uint64_t slot;	     /* link address, in the GOT */
	int64_t adjust;	     /* is added to the distance or offset that is found */
	uint64_t value;	     /* the variable's own offset in the block of the file */
	uint64_t code;	     /* link address less file offset, of what is mapped executable */
	uint64_t start, end; /* of the file, link addresses */
};

/* 0, -ENOENT (exports no such variable of 8 bytes), or -ENOTSUP (does, but has nothing that tells
 * how it is reached). f is as elf_file_open leaves it. */
int elf_tls_find(struct elf_file *f, const char *name, struct elf_tls *out);

#endif
