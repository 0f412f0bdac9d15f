/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The event table: what is known of each audit event. The rows are in events.def. */
#ifndef PYAUDIT_EVENT_TABLE_H
#define PYAUDIT_EVENT_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* How an argument is best shown to a person. JSON keeps the raw value whatever this says. */
enum arg_show {
	SHOW_PLAIN,
	SHOW_OPEN_FLAGS,      /* O_RDONLY|O_CLOEXEC */
	SHOW_MODE,	      /* 0o644 */
	SHOW_SIGNAL,	      /* SIGTERM */
	SHOW_FAMILY,	      /* AF_INET */
	SHOW_SOCKTYPE,	      /* SOCK_STREAM|SOCK_CLOEXEC */
	SHOW_RLIMIT,	      /* RLIMIT_NOFILE */
	SHOW_FLOCK,	      /* LOCK_EX|LOCK_NB */
	SHOW_POINTER,	      /* 0x7f... */
	SHOW_PROTOCOL,	      /* IPPROTO_TCP */
	SHOW_UID,	      /* user or group: -1 for 4294967295, "leave as it is" */
	SHOW_LOCKF,	      /* F_TLOCK, what lockf(3) takes */
	SHOW_FCNTL,	      /* F_SETFD */
	SHOW_IOCTL,	      /* TIOCGWINSZ, else hexadecimal */
	SHOW_WHENCE,	      /* SEEK_END */
	SHOW_ACCESS,	      /* R_OK|X_OK, what access(2) takes */
	SHOW_MMAP_ACCESS,     /* ACCESS_READ, of Python's mmap module */
	SHOW_DLOPEN_FLAGS,    /* RTLD_NOW|RTLD_GLOBAL */
	SHOW_XATTR_FLAGS,     /* XATTR_CREATE */
	SHOW_SYSLOG_PRIORITY, /* LOG_DAEMON|LOG_INFO */
	SHOW_SYSLOG_FACILITY, /* LOG_DAEMON */
	SHOW_SYSLOG_OPTION,   /* LOG_PID|LOG_NDELAY */
	SHOW_MAX,
};

struct event_arg {
	const char *name;
	enum arg_show show;
};

#define EVENT_MAX_ARGS 9

/* The arguments of an event in a range of versions, in the order the event has them. */
struct event_variant {
	uint32_t since, until; /* PY_VERSION_HEX, until exclusive; 0: open */
	uint8_t n_args;
	struct event_arg args[EVENT_MAX_ARGS];
};

struct event_row {
	const char *name;
	const char *category;	   /* "file", "process", "network", ... */
	const char *platform;	   /* "any", "linux", "unix", "windows" */
	const char *since, *until; /* "3.8", "3.13": first version that raises it, first that no
				    * longer does (NULL: still does); since NULL: none ever did */
	const char *about;	   /* one line, our own words */
	const char *syscalls;	   /* system calls it leads to, separated by spaces; NULL none */
	const struct event_variant *variants; /* newest last */
	size_t n_variants;
};

/* All rows, sorted by name; *n is their number. */
const struct event_row *event_table(size_t *n);

/* The row of an event by its exact name; NULL if the table does not name it. */
const struct event_row *event_find(const char *name);

/* The variant for a Python version (PY_VERSION_HEX; 0 not known: the newest). When several variants
 * fit, or none has n_args arguments in that version, one with n_args arguments is preferred. Never
 * NULL for a row. */
const struct event_variant *event_variant_for(const struct event_row *row, uint32_t version,
					      uint32_t n_args);

#endif
