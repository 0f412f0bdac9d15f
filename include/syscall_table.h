/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The watched system calls (syscalls.def, syscalls_i386.def), and what the BPF side must know of
 * each. */
#ifndef PYAUDIT_SYSCALL_TABLE_H
#define PYAUDIT_SYSCALL_TABLE_H

enum call_class {
	CALL_NONE, /* not watched */
	CALL_ANNOUNCED,
	CALL_OUTCOME,
	CALL_ACT,
};

enum call_when {
	CALL_ALWAYS,
	CALL_PROCESS,	 /* clone, clone3 without CLONE_THREAD */
	CALL_ADDRESSED,	 /* sendto, sendmsg, sendmmsg with an address */
	CALL_EXECUTABLE, /* mmap, mprotect: writable and executable, or executable without a file */
};

enum call_arg_kind {
	CALL_ARG_NONE,
	CALL_ARG_NUMBER,
	CALL_ARG_HEX,
	CALL_ARG_POINTER,
	CALL_ARG_FD,
	CALL_ARG_DIRFD, /* AT_FDCWD has a name */
	CALL_ARG_PID,
	CALL_ARG_UID,
	CALL_ARG_MODE,
	CALL_ARG_OPEN_FLAGS,
	CALL_ARG_SIGNAL,
	CALL_ARG_FAMILY,
	CALL_ARG_SOCKTYPE,
	CALL_ARG_RLIMIT,
	CALL_ARG_FLOCK,
	CALL_ARG_PROT,
	/* a number at the address: struct clone_args, struct open_how */
	CALL_ARG_CLONE3,
	CALL_ARG_OPEN_HOW,
	/* texts */
	CALL_ARG_PATH,	   /* a NUL-terminated string */
	CALL_ARG_ARGV,	   /* an array of them: joined, each with its NUL */
	CALL_ARG_SOCKADDR, /* the length is the next argument */
	CALL_ARG_MSGHDR,   /* the address in a struct msghdr */
};

#define CALL_TEXTS 2
#define CALL_ARGS  4

/* What the BPF side knows of a call, by its number. */
struct call_shape {
	unsigned char class, when;
	unsigned char text_kind[CALL_TEXTS], text_arg[CALL_TEXTS]; /* CALL_ARG_NONE: no more */
	unsigned char number_arg, has_number;			   /* of the number at an address */
	unsigned char has_pid; /* it names a process or thread */
};

#define SYSCALL_MAX 512 /* numbers are below */

/* Where the arguments of a call by the 32-bit entry are. */
enum i386_args {
	I386_DIRECT, /* in their registers */
	I386_FIRST,  /* there is only the first */
	I386_HALVES, /* the second is in two halves */
	I386_ARRAY,  /* in an array at the first */
};

/* What a number means by the 32-bit entry. */
struct i386_call {
	unsigned short nr; /* of the same call by the other entry; 0: it is not watched */
	unsigned short args;
};

#define I386_SOCKETCALL	    102 /* the first argument says which call, the second is the array */
#define I386_SOCKETCALL_MAX 32
#define I386_CALLS	    (SYSCALL_MAX + I386_SOCKETCALL_MAX) /* numbers, then socketcall's */

#ifndef __bpf__
#include <stddef.h>
#include <stdint.h>

struct call_arg {
	const char *name; /* NULL: no more */
	uint8_t at;	  /* which of the call's arguments it is */
	enum call_arg_kind kind;
};

struct call_row {
	uint32_t nr;
	const char *name;
	enum call_class class;
	enum call_when when;
	struct call_arg args[CALL_ARGS];
};

struct i386_row {
	uint32_t index; /* below I386_CALLS */
	struct i386_call call;
};

/* All rows, sorted by number; *n is their number. */
const struct call_row *syscall_table(size_t *n);

/* All rows of the 32-bit entry, by index; *n is their number. */
const struct i386_row *syscall_i386_table(size_t *n);

/* The row of a call; NULL if it is not watched. */
const struct call_row *syscall_find(uint32_t nr);
#endif

#endif
