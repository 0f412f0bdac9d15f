/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files a process runs code from. They are opened through /proc/PID/exe and
 * /proc/PID/map_files, never by a path the process chose, and told apart by inode.
 */
#ifndef PYAUDIT_TARGET_FILES_H
#define PYAUDIT_TARGET_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct target_file {
	uint64_t dev, ino; /* as fstat(2) of fd tells them, */
	uint64_t size;
	int64_t modified; /* as well: ns since the epoch */
	int fd;		  /* read only; closed when the callback returns: dup to keep */
	const char *path; /* for messages only: what the kernel's link says */
	/* The mapping it was found by: its address, 0 if by none, and where in the file it begins.
	 */
	uint64_t start, offset;
};

/* The file that is open; path must live as long as it. */
struct target_file target_file_of(int fd, const struct stat *st, const char *path);

/* Returns 0 to go on; anything else ends the walk and is returned by it. */
typedef int (*target_file_fn)(const struct target_file *file, void *arg);

/* Calls fn once for each distinct regular file that pid executes or has mapped executable, the
 * executable first. Returns 0, fn's value, -ESRCH (no such process), -EPERM (fn has got all but the
 * files that only CAP_CHECKPOINT_RESTORE leads to), -EACCES, ... */
int target_process_files(pid_t pid, target_file_fn fn, void *arg);

/* A thread of the process that has not ended: the first, unless that has; pid itself if none is
 * found. */
pid_t target_live_thread(pid_t pid);

/* Whether the open file can be reached by a name in our mount namespace: it has not been deleted,
 * and is not in that of a container. */
bool target_has_name(int fd);

/* Calls fn for the file at path (follows links). */
int target_path_file(const char *path, target_file_fn fn, void *arg);

/* Calls fn(pid) for each process there is now (thread group leaders, kernel threads left out). */
int target_each_process(int (*fn)(pid_t pid, void *arg), void *arg);

/* One line of /proc/PID/maps without its line end, as needed here. Returns 0, or -EINVAL when the
 * line has another form. */
struct map_line {
	uint64_t start, end, offset, ino;
	uint32_t major, minor;
	char perms[5];
	const char *path; /* points into the line; "" if none */
};
int target_parse_map_line(const char *line, struct map_line *out);

/* Calls fn for the file of a mapping. If that cannot be had any more, for the one with the
 * mapping's path, below the process's root, or ours when the process is gone; but only if it has
 * the mapping's numbers. perms and offset are not looked at. Returns 0, fn's value, or -ENOENT: no
 * such file. */
int target_mapped_file(pid_t pid, const struct map_line *line, target_file_fn fn, void *arg);

/* What is needed of /proc/PID/stat. The name in it is the process's choice: it may hold anything,
 * also what looks like the fields behind it. Returns 0 or -EINVAL. */
struct proc_stat {
	char state;
	pid_t ppid;
	unsigned int flags; /* PF_* of the kernel */
	uint64_t start; /* when it was forked: boot clock, in ticks of 1/sysconf(_SC_CLK_TCK) s */
};
int target_parse_stat(const char *text, struct proc_stat *out);

/* What is needed of /proc/PID/status; 0: it does not say. The kernel escapes line ends in the name
 * there, so that what begins a line is its own. */
struct proc_status {
	pid_t leader; /* Tgid: the process a thread belongs to */
	pid_t own;    /* NSpid, the last: its number in its own pid namespace */
};
void target_parse_status(const char *text, struct proc_status *out);

/*
 * The directory of a process in /proc, held open: what is read through it is of this process, also
 * when its number is used again. If the first thread has ended and others have not, it is that of
 * one of them. Returns 0, -ESRCH (none, or ended) or another negative errno; *dir is to be closed.
 */
int target_open_process(pid_t pid, int *dir);

/* The process a thread belongs to, as -p may name any of its threads; pid itself if that cannot be
 * told. */
pid_t target_leader(pid_t pid);

/* Reads a file below dir, at most size - 1 bytes, and puts a NUL behind them. Returns 0 or a
 * negative errno. */
int target_read_file(int dir, const char *name, char *text, size_t size, size_t *len);

/* Opens a regular file for reading. What is something else is not opened, not even for a moment: a
 * FIFO would block and a device might act. Returns 0, -EISDIR or -EINVAL (another kind of file), or
 * what opening failed with. */
int target_open_regular(int dir, const char *path, int *fd, struct stat *st);

#endif
