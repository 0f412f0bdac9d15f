/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The wire format: what the BPF programs put into the ring buffer and user/decode takes out.
 *
 * A record is a header, a fixed part by kind and, for an audit event, a run of values in pre-order:
 * first the event's name, then its arguments, every container followed by its children. Everything
 * is a multiple of 8 bytes long and naturally aligned. Kind numbers are never reused and fields are
 * only appended; both sides assert the sizes below.
 *
 * The bytes come from the kernel side but most of what they say was chosen by the traced process:
 * user space checks every length.
 */
#ifndef PYAUDIT_WIRE_H
#define PYAUDIT_WIRE_H

/* Limits of one event. The specification promises at least 64 values and 4 levels. */
#define WIRE_MAX_VALUES 512 /* values of one event at all levels, its name included */
#define WIRE_MAX_NESTED                                                                           \
	448		     /* how many there may be before the last of those in containers: the \
			      * places above are for the arguments themselves */
#define WIRE_MAX_DEPTH	   6 /* containers inside one another, the argument list not counted */
#define WIRE_MAX_STRING	   32768  /* upper limit of --string-limit, bytes */
#define WIRE_MAX_RECORD	   131072 /* bytes of one record, header included, without its stack */
#define WIRE_RESERVE	   8704	  /* of which payloads leave room for the heads of values to come */
#define WIRE_MAX_NAME	   256	  /* bytes of an event's name, with a NUL */
#define WIRE_MAX_TYPE_NAME 128	  /* bytes of a type's name */
#define WIRE_COMM_LEN	   16
#define WIRE_HELD_SLOTS	   1024 /* processes stopped in their exec; a power of two */

enum wire_record_kind {
	WIRE_AUDIT = 1,	  /* struct wire_audit */
	WIRE_FORK = 2,	  /* struct wire_fork */
	WIRE_EXEC = 3,	  /* struct wire_exec */
	WIRE_EXIT = 4,	  /* struct wire_exit */
	WIRE_PROCESS = 5, /* struct wire_process */
	WIRE_CODE = 6,	  /* struct wire_code (wire_stack.h) */
	WIRE_SYSCALL = 7, /* struct wire_syscall (wire_syscall.h) */
	WIRE_THREAD = 8,  /* struct wire_thread */
};

struct wire_header {
	__u32 size; /* of the whole record, bytes; a multiple of 8 */
	__u16 kind; /* enum wire_record_kind */
	__u16 flags;
	__u64 time; /* boot clock, ns */
	__u32 pid;  /* thread group id, in the initial pid namespace */
	__u32 tid;
	__u32 uid;
	__u32 lost; /* low bits of the number of events lost in the kernel before this record */
	char comm[WIRE_COMM_LEN];
};

/* Followed by `values` top-level values: the name first, then the arguments; by a struct wire_stack
 * if `stack` says so; and by a struct wire_trace, up to the record's end, with WIRE_AUDIT_TRACE. */
struct wire_audit {
	struct wire_header head;
	__u32 probe;  /* index of the probe (struct probe_config) that saw the event */
	__u16 flags;  /* enum wire_audit_flags */
	__u16 values; /* top-level values that follow, the name included */
	__u32 args;   /* arguments the event really has; more than follow if cut by a limit */
	__u32 stack;  /* offset of the struct wire_stack behind the values; 0: there is none */
};

enum wire_audit_flags {
	WIRE_AUDIT_NO_ARGS = 1,	    /* arguments were not asked for (--no-args) */
	WIRE_AUDIT_FMT_UNREAD = 2,  /* the format string could not be read: no arguments follow */
	WIRE_AUDIT_FMT_UNKNOWN = 4, /* a unit in the format is not known: arguments end there */
	WIRE_AUDIT_FILTERED = 8,    /* -e leaves it out: told for the system calls it explains */
	WIRE_AUDIT_TRACE = 16,	    /* the record ends with a struct wire_trace */
	WIRE_AUDIT_FILTER_1 = 32,   /* judged by the filter of half 1 (live_filter.h), else of 0 */
};

/* Those that say something of the values in the record. */
#define WIRE_AUDIT_VALUES \
	(WIRE_AUDIT_NO_ARGS | WIRE_AUDIT_FMT_UNREAD | WIRE_AUDIT_FMT_UNKNOWN | WIRE_AUDIT_FILTERED)

/* The span the thread was in (include/otel_context.h); no id is all zeros. */
struct wire_trace {
	__u8 trace_id[16], span_id[8]; /* as W3C Trace Context has them */
	__u8 flags;		       /* its trace-flags */
	__u8 reserved[7];
};

struct wire_fork {
	struct wire_header head; /* of the parent */
	__u32 child;		 /* thread group id of the new process */
	__u32 reserved;
};

struct wire_exec {
	struct wire_header head;
	__u64 dev; /* of the executed file, kernel encoding (MKDEV) */
	__u64 ino;
	__u8 stopped; /* the process waits for SIGCONT: the file was not known */
	__u8 known;   /* the file has been looked at */
	__u8 reserved[6];
};

struct wire_exit {
	struct wire_header head;
	__u32 status; /* as wait(2) tells it */
	__u32 reserved;
};

/* A thread has ended, and the first one of its process with it or before, but not the process. */
struct wire_thread {
	struct wire_header head;
};

/* What a process is, as it was when it raised its first event, or its first after an exec. Followed
 * by parts up to the record's end. */
struct wire_process {
	struct wire_header head;
	__u64 start;   /* boot clock, ns: when it was forked */
	__u64 exec;    /* when it executed its file; 0 not known: before tracing, or never */
	__u64 cmdline; /* bytes the command line really has */
	__u32 ppid;    /* in the initial pid namespace */
	__u32 ns_pid;  /* its number in its own */
};

/*
 * A part: the head, then `len` bytes, padded with zeros to a multiple of 8. A path is its names
 * from the last to the first, one a part, and then an empty part of its kind where the root was
 * reached; one without that end is not known.
 */
enum wire_part_kind {
	WIRE_PART_EXE = 1,     /* path of the executed file */
	WIRE_PART_CWD = 2,     /* of the working directory */
	WIRE_PART_CMDLINE = 3, /* as /proc/PID/cmdline has it */
	WIRE_PART_CGROUP = 4,  /* path in the cgroup v2 hierarchy */
	WIRE_PART_CGROUP1 = 5, /* in one of cgroup v1; several may follow one another */
};

struct wire_part {
	__u16 kind;  /* enum wire_part_kind */
	__u16 flags; /* enum wire_part_flags */
	__u32 len;
};

enum wire_part_flags {
	WIRE_PART_DELETED = 1, /* the file has no name any more: this was its last */
};

#define WIRE_MAX_PART 256 /* bytes of a name with its NUL */

enum wire_value_kind {
	WIRE_NONE = 1,
	WIRE_BOOL = 2,	 /* num: 0 or 1 */
	WIRE_INT = 3,	 /* num: two's complement */
	WIRE_UINT = 4,	 /* num: unsigned */
	WIRE_BIGINT = 5, /* aux: 1 if negative; payload: little-endian u32 digits of 30 bits;
			  * num: how many such digits the int has */
	WIRE_FLOAT = 6,	 /* num: bits of an IEEE double */
	WIRE_STR = 7, /* aux: bytes a code unit (1 Latin-1, 2 UCS-2, 4 UCS-4) or 0 (UTF-8, from C);
		       * payload: text; num: true length, code points (aux 0: bytes) */
	WIRE_BYTES = 8,	    /* payload: data; num: true length */
	WIRE_BYTEARRAY = 9, /* the same */
	WIRE_TUPLE = 10,    /* len: children that follow; num: true length */
	WIRE_LIST = 11,	    /* the same */
	WIRE_DICT = 12,	    /* len: children that follow, keys and values in turn; num: true length,
			       pairs */
	WIRE_OBJECT = 13,   /* aux: enum wire_object; payload: the type's name; num: properties that
			     * follow as children, in the order of enum wire_object */
};

enum wire_object {
	WIRE_OBJECT_PLAIN = 0,	    /* nothing known but the type */
	WIRE_OBJECT_CODE = 1,	    /* func, file, line */
	WIRE_OBJECT_FUNCTION = 2,   /* func */
	WIRE_OBJECT_TYPE = 3,	    /* name */
	WIRE_OBJECT_MODULE = 4,	    /* name */
	WIRE_OBJECT_SOCKET = 5,	    /* fd */
	WIRE_OBJECT_PATH = 6,	    /* one str: shown as plain text */
	WIRE_OBJECT_PATH_PARTS = 7, /* one list or tuple of str: segments to join */
	WIRE_OBJECT_MAPPING = 8,    /* one dict: os.environ's data */
	WIRE_OBJECT_FILE = 9,	    /* fd */
	WIRE_OBJECT_EXCEPTION = 10, /* message: the only argument, or the tuple of them */
	WIRE_OBJECT_FRAME = 11,	    /* func, file */
	WIRE_OBJECT_TRACEBACK = 12, /* func, file, line */
	WIRE_OBJECT_CTYPES = 13,    /* address of the C data */
	WIRE_OBJECT_DIR_ENTRY = 14, /* path */
};

enum wire_status {
	WIRE_OK = 0,
	WIRE_TRUNCATED = 1,   /* there was more: num tells the true length */
	WIRE_NULL = 2,	      /* a C NULL pointer, which CPython shows as None */
	WIRE_UNREADABLE = 3,  /* num: positive errno */
	WIRE_UNSUPPORTED = 4, /* this tracer does not know how to read it; num: the format unit */
};

struct wire_value {
	__u8 kind;   /* enum wire_value_kind; of an unreadable value it may be 0 */
	__u8 status; /* enum wire_status */
	__u16 aux;
	__u32 len; /* payload bytes that follow, padded with zeros to a multiple of 8, or children
		    */
	__u64 num;
};

/* Why the kernel side lost an event. */
enum wire_loss {
	WIRE_LOSS_RING,	   /* the ring buffer was full */
	WIRE_LOSS_SCRATCH, /* more events were being captured at once than there are work areas */
	WIRE_LOSS_RATE,	   /* the process raised more than --rate allows */
	WIRE_LOSS_CPU,	   /* the tracer used more CPU than --max-cpu allows */
	WIRE_LOSS_MAX,
};

#define WIRE_PAD(n) (((n) + 7) & ~(__typeof__(n))7)

#include "wire_stack.h"

/* Bytes of one record with all there can be behind the values. */
#define WIRE_MAX_SIZE                                  \
	(WIRE_MAX_RECORD + sizeof(struct wire_stack) + \
	 WIRE_MAX_FRAMES * sizeof(struct wire_frame) + sizeof(struct wire_trace))

#define WIRE_ASSERTS                                                       \
	_Static_assert(sizeof(struct wire_header) == 48, "wire_header");   \
	_Static_assert(sizeof(struct wire_audit) == 64, "wire_audit");     \
	_Static_assert(sizeof(struct wire_trace) == 32, "wire_trace");     \
	_Static_assert(sizeof(struct wire_fork) == 56, "wire_fork");       \
	_Static_assert(sizeof(struct wire_exec) == 72, "wire_exec");       \
	_Static_assert(sizeof(struct wire_exit) == 56, "wire_exit");       \
	_Static_assert(sizeof(struct wire_process) == 80, "wire_process"); \
	_Static_assert(sizeof(struct wire_part) == 8, "wire_part");        \
	_Static_assert(sizeof(struct wire_value) == 16, "wire_value");     \
	WIRE_STACK_ASSERTS

#endif
