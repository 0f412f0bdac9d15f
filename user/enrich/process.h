/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known of each traced process: seen in the kernel at its first event, or read from /proc;
 * kept until it exits. */
#ifndef PYAUDIT_ENRICH_PROCESS_H
#define PYAUDIT_ENRICH_PROCESS_H

#include "decode/audit_event.h"

struct process_cache;

struct process_cache *process_cache_new(void); /* NULL without memory */
void process_cache_free(struct process_cache *cache);

/* Given each command line before anybody sees it: takes over cmdline (malloc) and returns it or
 * another, its length in *len; NULL: it is not known. cut: there was more. */
typedef char *(*process_cmdline_fn)(void *arg, char *cmdline, size_t *len, bool cut);
void process_cache_edit(struct process_cache *cache, process_cmdline_fn edit, void *arg);

/* What the kernel side saw of a process: to be taken before its events. If its number was known
 * for a process that started at another time, that one is forgotten. NULL without memory. */
struct process_info *process_learn(struct process_cache *cache, const struct wire_process *wire);

/* The process, read from /proc if nothing was heard of it; fields that cannot be read are NULL or
 * 0. NULL without memory. An entry stays where it is until it is forgotten, or until another is
 * made while there are very many and its process is gone (an exit may go unheard). The entry may be
 * changed by the caller in its python, build, probe, entries, missed and unseen_ns fields, whose
 * strings must live as long as the cache. */
struct process_info *process_get(struct process_cache *cache, uint32_t pid);

/* The process if it is known. */
struct process_info *process_find(struct process_cache *cache, uint32_t pid);

/* Reads now and then what the process tells OpenTelemetry of itself (enrich/otel.h), into its otel
 * fields; to be called at its events. */
void process_look_otel(struct process_info *info);

/* How many of those known are announced: have their probe field set. */
size_t process_count_announced(const struct process_cache *cache);

/* The process has executed another file, at a time of the boot clock: how the one before was probed
 * is forgotten, but not that it was told of. */
void process_executed(struct process_cache *cache, uint32_t pid, uint64_t time);

/* Reads from /proc what was known before the last exec, if nothing was heard of the process since.
 */
void process_renew(struct process_cache *cache, struct process_info *info);

/* The process has exited, and its number may be used again. */
void process_forget(struct process_cache *cache, uint32_t pid);

/* Forgets those for which fn(info, arg) is true. */
void process_forget_all(struct process_cache *cache,
			bool (*fn)(const struct process_info *info, const void *arg),
			const void *arg);

/* The uid and the name of a process now; left as they are when it is gone. */
void process_identity(uint32_t pid, uint32_t *uid, char *comm, size_t size);

/* The path of the file it executes, as the kernel links it; to be freed. NULL when it is gone. */
char *process_exe(uint32_t pid);

/* Wall clock time, ns since the epoch, of a boot clock time. */
int64_t process_wall_clock(uint64_t boot_ns);

#endif
