// SPDX-License-Identifier: GPL-2.0-only
#include "target/cgroup_path.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

/* What a mount's options say besides its controllers. */
static bool is_controller(const char *option)
{
	static const char *const others[] = {
		"rw",		"ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode",
		"release_agent"};
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strncmp(option, others[i], strlen(others[i])))
			return false;
	return !strncmp(option, "name=", 5) ? false : strchr(option, '=') == NULL;
}

static bool is_mount_option(const char *option)
{
	static const char *const flags[] = {"nosuid",  "nodev",	     "noexec",	"relatime",
					    "noatime", "nodiratime", "lazytime"};
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(option, flags[i]))
			return true;
	return false;
}

static int take_controller(const char *options, struct target_cgroup *group)
{
	char copy[256], *rest = copy, *option;

	snprintf(copy, sizeof(copy), "%s", options);
	while ((option = strsep(&rest, ",")))
		if (!is_mount_option(option) && is_controller(option)) {
			snprintf(group->controller, sizeof(group->controller), "%s", option);
			return 0;
		}
	return -ENOTSUP;
}

/* The controller of the v1 hierarchy that is mounted with this device number. */
static int find_controller(dev_t dev, struct target_cgroup *group)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	struct stat st;
	int ret = -ENOENT;

	if (!mounts)
		return -errno;
	while (ret == -ENOENT && (m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, "cgroup") && !stat(m->mnt_dir, &st) && st.st_dev == dev)
			ret = take_controller(m->mnt_opts, group);
	endmntent(mounts);
	return ret;
}

/* A path that is a group's directory itself. */
static int look_at(const char *path, struct target_cgroup *group)
{
	struct statfs fs;
	struct stat st;

	if (statfs(path, &fs) || stat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode) ||
	    (fs.f_type != CGROUP2_SUPER_MAGIC && fs.f_type != CGROUP_SUPER_MAGIC))
		return -ENOTDIR;
	*group = (struct target_cgroup){.id = st.st_ino};
	return fs.f_type == CGROUP2_SUPER_MAGIC ? 0 : find_controller(st.st_dev, group);
}

static int look_below_mounts(const char *type, const char *path, struct target_cgroup *group)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	char whole[PATH_MAX];
	struct mntent *m;
	int ret = -ENOENT;

	if (!mounts)
		return -errno;
	while (ret && (m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, type) &&
		    snprintf(whole, sizeof(whole), "%s/%s", m->mnt_dir, path) < (int)sizeof(whole))
			ret = look_at(whole, group);
	endmntent(mounts);
	return ret;
}

int target_find_cgroup(const char *path, struct target_cgroup *group)
{
	int ret = *path == '/' ? look_at(path, group) : -ENOENT;

	if (ret == -ENOENT || ret == -ENOTDIR)
		ret = look_below_mounts("cgroup2", path, group)
			      ? look_below_mounts("cgroup", path, group)
			      : 0;
	return ret;
}
