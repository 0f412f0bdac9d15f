/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding the control group a path names. */
#ifndef PYAUDIT_TARGET_CGROUP_PATH_H
#define PYAUDIT_TARGET_CGROUP_PATH_H

#include <stdint.h>

struct target_cgroup {
	uint64_t id;	     /* as the kernel numbers the groups of a hierarchy: its inode */
	char controller[32]; /* of v1: one that its hierarchy has; "": v2 */
};

/* path: a directory below /sys/fs/cgroup, or the path of a group from the root of its hierarchy, as
 * process records and /proc/PID/cgroup have it; then v2 is tried first. Returns 0, -ENOENT,
 * -ENOTDIR (no group), -ENOTSUP (a hierarchy of v1 without controllers) or another negative errno.
 */
int target_find_cgroup(const char *path, struct target_cgroup *group);

#endif
