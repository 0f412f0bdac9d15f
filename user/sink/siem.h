/* SPDX-License-Identifier: GPL-2.0-only */
/* What the writers for security event schemas share: the table of siem.def, what stands in the
 * arguments it names, and members of JSON objects. */
#ifndef PYAUDIT_SIEM_H
#define PYAUDIT_SIEM_H

#include <netinet/in.h>

#include "base/buf.h"
#include "decode/audit_event.h"

enum siem_role {
	ROLE_NONE,
	ROLE_PATH,
	ROLE_DIR,
	ROLE_RESULT,
	ROLE_TARGET,
	ROLE_PROGRAM,
	ROLE_ARGV,
	ROLE_COMMAND,
	ROLE_CWD,
	ROLE_PID,
	ROLE_MODULE,
	ROLE_LIBRARY,
	ROLE_SOURCE,
	ROLE_SCRIPT,
	ROLE_CODE,
	ROLE_REMOTE,
	ROLE_LOCAL,
	ROLE_HOST,
	ROLE_PORT,
	ROLE_QUERY,
	ROLE_URL,
	ROLE_DRIVER,
	ROLE_ADDRESS,
	ROLE_SIZE,
	ROLE_ACCESS,
};

enum siem_activity {
	ACT_BASE,
	ACT_FILE_CREATE,
	ACT_FILE_READ,
	ACT_FILE_UPDATE,
	ACT_FILE_DELETE,
	ACT_FILE_RENAME,
	ACT_FILE_SET,
	ACT_FILE_GET,
	ACT_FILE_MOUNT,
	ACT_FILE_UNMOUNT,
	ACT_FILE_OPEN,
	ACT_KERNEL_UNLOAD,
	ACT_MEMORY_ALLOCATE,
	ACT_MEMORY_MODIFY,
	ACT_MEMORY_READ,
	ACT_MEMORY_WRITE,
	ACT_MODULE_LOAD,
	ACT_LAUNCH,
	ACT_LAUNCH_FORK,
	ACT_LAUNCH_EXEC,
	ACT_TERMINATE,
	ACT_INJECT,
	ACT_SET_USER,
	ACT_SIGNAL,
	ACT_TRACE,
	ACT_SCRIPT_RUN,
	ACT_NET_OPEN,
	ACT_NET_TRAFFIC,
	ACT_NET_BIND,
	ACT_NET_URL,
	ACT_DNS_QUERY,
	ACT_MAX,
};

#define SIEM_ROLES 4

struct siem_row {
	const char *name;     /* of an event or a system call; NULL: of a category */
	const char *category; /* of ECS; NULL: none fits */
	const char *types;    /* of ECS, separated by spaces */
	enum siem_activity activity;
	uint8_t roles[SIEM_ROLES]; /* enum siem_role by argument */
};

/* All rows of events, of system calls; *n is their number. */
const struct siem_row *siem_events(size_t *n);
const struct siem_row *siem_calls(size_t *n);

/* The row for an audit event: its own, or that of its category; never NULL. */
const struct siem_row *siem_event_row(const struct audit_event *event);
/* The row for a system call; never NULL. */
const struct siem_row *siem_call_row(const struct call_row *call);

enum siem_outcome { OUTCOME_UNKNOWN, OUTCOME_SUCCESS, OUTCOME_FAILURE };

#define SIEM_WORDS 64 /* of the argument list of a system call; there may be more */

/* What a record says was done: by an audit event, or by a system call, whose arguments are here as
 * values too. Points into itself and the event: not to be copied. */
struct siem_act {
	const struct siem_row *row; /* NULL: the record is about no act */
	uint32_t n_args;
	const struct value *values;
	enum siem_outcome outcome;
	uint32_t error;	  /* of a failure: a positive errno */
	uint32_t started; /* the process it started; 0 not known */

	struct value room[CALL_ARGS + 2 + SIEM_WORDS];
	char host[INET6_ADDRSTRLEN];
};

void siem_act_of(const struct audit_event *event, struct siem_act *act);

/* The name of the event or the system call; a NULL text when it is not known, or there is none. */
struct text siem_name(const struct audit_event *event);

/* The argument with that role, if it could be read and is not None; else NULL. */
const struct value *siem_arg(const struct siem_act *act, enum siem_role role);

/* The text a str, bytes or path object stands for; put into scratch where it has to be made: that
 * holds one text at a time. False for other values. */
bool siem_text(const struct value *v, struct buf *scratch, struct text *text);

/* An int of a value; false for other values. */
bool siem_int(const struct value *v, int64_t *number);

/* Appends text as UTF-8; bytes that were none are as they were. */
void siem_add_text(struct buf *out, const struct text *text);

/* Behind the last slash; all of it when there is none. */
struct text siem_basename(const struct text *path);

/* An argument list, or a command line as the kernel has it, as one line. */
void siem_add_argv(struct buf *out, const struct value *argv);
void siem_add_cmdline(struct buf *out, const struct process_info *process);

/* A side of a connection: (host, port, ...), or the name of a Unix socket. */
struct siem_address {
	struct text host;
	bool is_ip, is_path, has_port;
	uint16_t port;
};

/* host and port point at values of the event, or into scratch. */
bool siem_address_of(const struct value *v, struct buf *scratch, struct siem_address *address);
bool siem_host_of(const struct value *host, const struct value *port, struct buf *scratch,
		  struct siem_address *address);

/* The parts of scheme://host:port/...; false when it has not that form. ASCII copies in scratch. */
struct siem_url {
	struct text scheme;
	struct siem_address address;
};
bool siem_url_of(const struct text *url, struct buf *scratch, struct siem_url *parts);

/* The host's name. */
const char *siem_hostname(void);

/* Ends the record that began at `start`: lone surrogates, which strict parsers refuse with all that
 * is around them, become U+FFFD, so that no traced process can keep its events out of a receiver.
 */
void siem_end_record(struct buf *out, size_t start);

/* Members of a JSON object. A key with NULL or an empty text in place of a value is left out. */
struct members {
	struct buf *out;
	bool any;
};

struct members members_begin(struct buf *out); /* "{" */
void members_end(struct members *m);	       /* "}" */
void member_key(struct members *m, const char *key);
void member_cstr(struct members *m, const char *key, const char *value);
void member_text(struct members *m, const char *key, const struct text *value);
void member_bytes(struct members *m, const char *key, const struct buf *value);
void member_number(struct members *m, const char *key, int64_t value);
void member_time(struct members *m, const char *key, int64_t ns);
/* An object in the object, to be ended before the next member. */
struct members member_object(struct members *m, const char *key);

#endif
