/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line. One table makes the parser, --help, the man page and the README's list. */
#ifndef PYAUDIT_OPTIONS_H
#define PYAUDIT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "kernel/tracer.h"
#include "python/py_image.h"

enum run_mode {
	MODE_PIDS,	  /* -p */
	MODE_ALL,	  /* -a */
	MODE_COMMAND,	  /* [--] COMMAND */
	MODE_CHECK,	  /* --check */
	MODE_LIST_EVENTS, /* --list-events */
	MODE_HELP,
	MODE_VERSION,
};

struct config;

enum pid_place { PID_IN_RESOURCE, PID_IN_RECORD };
enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	enum run_mode mode;
	pid_t *pids;
	size_t n_pids;
	char **command; /* NULL-terminated; points into argv */
	char **files;	/* --check FILE...: NULL-terminated; points into argv */
	bool follow, no_args, summary, as_root;
	char **events; /* the -e patterns in order, one glob (or @category) each, `!` kept;
			  NULL-terminated */
	size_t n_events;
	char **args; /* the --arg rules, NULL-terminated; point into argv */
	size_t n_args;
	bool by_uid;
	uint32_t uid;	      /* -u */
	const char *comm;     /* NULL: any */
	const char *cgroup;   /* NULL: any */
	uint64_t rate;	      /* events a second of one process; 0: no limit */
	unsigned int max_cpu; /* percent of one CPU; 0: no limit */
	char **redact;	      /* the --redact rules in order */
	size_t n_redact;
	uint32_t string_limit; /* bytes */
	enum tracer_syscalls syscalls;
	uint64_t outcome_wait_ns; /* how long an event may wait for its system calls */
	uint32_t stack_depth;	  /* frames of a Python call stack; 0: none */
	uint64_t buffer_size;	  /* bytes of the ring, a power of two and page multiple */
	bool to_socket;		  /* output is an address */
	const char *output;	  /* NULL: the default of the mode */
	uint64_t rotate_size;	  /* bytes; 0: the file is not rotated */
	uint32_t rotate_keep;	  /* rotated files that are kept */
	const char *user;	  /* whom the tracer becomes once attached; NULL: nobody else */
	const char *format;	  /* "text" or "json" */
	bool journald;
	const char **syslog; /* where each --syslog sends; an element NULL: the custom */
	size_t n_syslog;
	bool otlp;
	const char *otlp_url; /* NULL: as the environment says */
	enum pid_place otel_pid;
	char *spool;	      /* directory; NULL: none */
	uint64_t spool_size;  /* bytes */
	const char *metrics;  /* where --metrics listens; NULL: nowhere */
	uint64_t duration_ns; /* 0: no limit */
	uint64_t count;	      /* 0: no limit */
	enum color_when color;
	enum py_probe_choice probe;
	int verbosity;	       /* -1 with -q, +1 for each -v */
	struct config *config; /* what --config said; NULL without it */
};

/* Fills *o from the command line. Returns 0, or 2 after one line on stderr said what is wrong. */
int options_parse(struct options *o, int argc, char **argv);
void options_free(struct options *o);

void options_print_help(FILE *f);
void options_print_version(FILE *f);

#endif
