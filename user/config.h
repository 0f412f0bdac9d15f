/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --config: a YAML file whose keys are the long names of options.
 *
 *	all: true
 *	event: ["!import", "@network"]
 *	output: /var/log/pyaudit-trace/events.jsonl
 *
 * Flags take true or false, options that may be repeated a list. What is wrong is told in one line
 * that begins with the file and the line.
 */
#ifndef PYAUDIT_CONFIG_H
#define PYAUDIT_CONFIG_H

#include "options_table.h"

struct config;

/* Reads a file whose name stays with the caller. NULL after one line said what is wrong. */
struct config *config_read(const char *path);

/* The same of text in memory; path is for messages. */
struct config *config_parse(const char *path, const char *text, size_t len);

/* Sets the options of the file that the command line does not have; target: it says what to trace.
 * Values stay with the config. Returns 0, or USAGE_ERROR after one line said what is wrong. */
int config_apply(const struct config *c, struct option_parser *p, bool target);

/* Does what the file says of a row differ between two readings? */
bool config_differs(const struct config *a, const struct config *b, const struct option_row *row);

const char *config_path(const struct config *c);
void config_free(struct config *c);

#endif
