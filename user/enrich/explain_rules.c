// SPDX-License-Identifier: GPL-2.0-only
/* The system calls CPython makes without an event (include/explain.def). */
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "enrich/explain.h"
#include "wire_syscall.h"

typedef bool (*rule_test)(const struct call_info *call, const struct explain_context *context,
			  const char *pattern);

struct rule {
	const char *calls;
	rule_test test;
	const char *pattern, *reason;
};

/* A text of the call as a string; false if it is not known, or none. */
static bool text_string(const struct call_info *call, int i, char *out, size_t size)
{
	const struct text *t = &call->texts[i];

	if (call->text_errors[i] || !t->len || t->len >= size || memchr(t->data, 0, t->len))
		return false;
	memcpy(out, t->data, t->len);
	out[t->len] = '\0';
	return true;
}

static bool path_matches(const struct call_info *call, const char *pattern)
{
	char path[WIRE_MAX_CALL_TEXT + 1];

	/* What goes up may end up anywhere. */
	return text_string(call, 0, path, sizeof(path)) && !strstr(path, "/../") &&
	       (!pattern || !fnmatch(pattern, path, 0));
}

/* The flags of an open; -1 for other calls. */
static int64_t open_flags(const struct call_info *call)
{
	int i;

	for (i = 0; i < CALL_ARGS; i++)
		if (call->row->args[i].kind == CALL_ARG_OPEN_FLAGS ||
		    call->row->args[i].kind == CALL_ARG_OPEN_HOW)
			return (int64_t)call->args[call->row->args[i].at];
	return -1;
}

static bool only_reads(const struct call_info *call)
{
	int64_t flags = open_flags(call);

	return flags >= 0 && !(flags & (O_ACCMODE | O_CREAT | O_TRUNC));
}

static bool ANY_FILE(const struct call_info *call, const struct explain_context *context,
		     const char *pattern)
{
	return path_matches(call, pattern);
}

static bool READ_FILE(const struct call_info *call, const struct explain_context *context,
		      const char *pattern)
{
	return only_reads(call) && path_matches(call, pattern);
}

/* As the C library opens files for itself. */
static bool LIBC_FILE(const struct call_info *call, const struct explain_context *context,
		      const char *pattern)
{
	return open_flags(call) & O_CLOEXEC && READ_FILE(call, context, pattern);
}

/* A descriptor for a place in the file system, not for what is there. */
static bool PLACE(const struct call_info *call, const struct explain_context *context,
		  const char *pattern)
{
	int64_t flags = open_flags(call);

	return flags >= 0 && flags & O_PATH;
}

/* As sem_open(3) and shm_open(3) open and name what they make. */
static bool SHARED_MEMORY(const struct call_info *call, const struct explain_context *context,
			  const char *pattern)
{
	int64_t flags = open_flags(call);

	/* What sem_open(3) makes has a name of its own at first. */
	bool made = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);

	return (flags < 0 || flags & O_NOFOLLOW || made) && path_matches(call, pattern);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The file of a database, one that lies beside it and has its name and more, or its directory. */
static bool DATABASE(const struct call_info *call, const struct explain_context *context,
		     const char *pattern)
{
	char path[WIRE_MAX_CALL_TEXT + 1];
	const char *name;
	size_t i;

	/* What is done to a descriptor is done to a journal that has just been made. */
	if (call->row->args[0].kind == CALL_ARG_FD)
		return context->n_databases;
	if (!context->n_databases || !text_string(call, 0, path, sizeof(path)))
		return false;
	name = base_name(path);
	for (i = 0; i < context->n_databases; i++) {
		const char *base = base_name(context->databases[i]);

		if (!strncmp(name, base, strlen(base)))
			return true;
		/* Its directory is opened to be synchronised. */
		if (only_reads(call) && *path == '/' && base - context->databases[i] > 1 &&
		    !strncmp(path, context->databases[i], strlen(path)))
			return true;
	}
	return false;
}

static bool UNIX_SOCKET(const struct call_info *call, const struct explain_context *context,
			const char *pattern)
{
	const struct sockaddr_un *sa = call->texts[0].data;
	size_t at = offsetof(struct sockaddr_un, sun_path);
	char path[sizeof(sa->sun_path) + 1] = "";

	if (call->texts[0].len <= at || call->texts[0].len > sizeof(*sa) ||
	    sa->sun_family != AF_UNIX)
		return false;
	memcpy(path, sa->sun_path, call->texts[0].len - at);
	return !fnmatch(pattern, path, FNM_PATHNAME);
}

static bool NETLINK(const struct call_info *call, const struct explain_context *context,
		    const char *pattern)
{
	const struct sockaddr *sa = call->texts[0].data;

	return call->texts[0].len >= sizeof(sa->sa_family) && sa->sa_family == AF_NETLINK;
}

static bool OWN_PROCESS(const struct call_info *call, const struct explain_context *context,
			const char *pattern)
{
	return call->args[0] == call->ns_pid || call->args[0] == call->ns_tid;
}

static bool CHILD(const struct call_info *call, const struct explain_context *context,
		  const char *pattern)
{
	return call->child && path_matches(call, pattern);
}

/* It, or the children of shells it starts, may try several places. */
static bool CHILD_OF_EVENT(const struct call_info *call, const struct explain_context *context,
			   const char *pattern)
{
	size_t i;

	for (i = 0; call->child && i < context->n_events; i++)
		if (context->events[i]->mode == EXPLAIN_PROGRAM)
			return true;
	return false;
}

static bool MULTIPROCESSING(const struct call_info *call, const struct explain_context *context,
			    const char *pattern)
{
	char argv[WIRE_MAX_CALL_TEXT + 1];
	size_t i, len = call->texts[1].len;

	if (!call->child || len > WIRE_MAX_CALL_TEXT)
		return false;
	for (i = 0; i < len; i++)
		argv[i] = ((const char *)call->texts[1].data)[i] ?: ' ';
	argv[len] = '\0';
	return !fnmatch(pattern, argv, 0);
}

static const struct rule rules[] = {
#define INDIRECT(event)
#define GAP(calls, test, pattern, reason) {" " calls " ", test, pattern, reason},
#include "explain.def"
#undef INDIRECT
#undef GAP
};

const char *explain_rule(const struct call_info *call, const struct explain_context *context)
{
	char word[64];
	size_t i;

	snprintf(word, sizeof(word), " %s ", call->row->name);
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strstr(rules[i].calls, word) && rules[i].test(call, context, rules[i].pattern))
			return rules[i].reason;
	return NULL;
}
