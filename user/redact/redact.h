/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What nobody downstream may read is taken out of a record before any sink sees it: passwords and
 * the like by default, and what rules name. A token stands in its place and says what was removed:
 *
 *   <redacted:env-value>        the value of an environment variable; its name stays
 *   <redacted:url-credential>   what stands before the @ of a URL, or a secret among its parameters
 *   <redacted:argv-password>    what follows a flag such as --password in a command line
 *   <redacted:header>           the value of an HTTP header such as Authorization or Cookie
 *   <redacted:login>            what an FTP, POP, IMAP or SMTP client logs in with
 *   <redacted:rule-N/NAME>      what rule number N, for the argument NAME, names
 *   <redacted:no-memory>        a whole value that could not be looked at
 *
 * Rules are "EVENT:ARG", the whole argument, or "EVENT:ARG~REGEX", what REGEX matches in its
 * strings and bytes at any depth: the first group, if it has groups. EVENT is a glob or
 * @CATEGORY, ARG a glob, perhaps with a path into it: "env.AWS_*", "args[*]" (redact_path.h).
 * "process:cmdline" is the command line in the process record. "none"
 * switches the defaults off, "default" switches them on again.
 */
#ifndef PYAUDIT_REDACT_H
#define PYAUDIT_REDACT_H

#include "decode/audit_event.h"

struct redactor;

/* With rules[n]. NULL with *error saying what is wrong with rules[*bad] and what helps, in a static
 * buffer; without memory *error is "out of memory" and *bad is n. */
struct redactor *redactor_new(const char *const *rules, size_t n, size_t *bad, const char **error);
void redactor_free(struct redactor *r);

/* Redacts in place. values is what event->values points at, to be written to. The texts that are
 * put there are good until the next call. An event that has nothing to redact is only read. */
void redact_event(struct redactor *r, const struct audit_event *event, struct value *values);

/* The command line of a process, arguments that end with NUL: `cut` says there was more. Takes over
 * cmdline (malloc) and returns it, or another in its place, with its length in *len; NULL when
 * there is no memory. */
char *redact_cmdline(struct redactor *r, char *cmdline, size_t *len, bool cut);

#endif
