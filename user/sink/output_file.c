// SPDX-License-Identifier: GPL-2.0-only
#include "sink/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE 0600
/* Whoever empties the file while it is written (copytruncate of logrotate) finds it begin anew. */
#define FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY)

/* A path as an open directory and a name in it. */
struct place {
	int dir;
	const char *name;
	struct stat st; /* of the directory */
};

static int place_open(struct place *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	size_t len = slash ? slash - path : 0;

	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", len ? (int)len : 1, path);
	p->name = slash ? slash + 1 : path;
	if (!*p->name)
		return -EISDIR;
	p->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0)
		return -errno;
	if (!fstat(p->dir, &p->st))
		return 0;
	close(p->dir);
	return -EIO;
}

/* Only root and we can place anything in it. */
static bool is_ours(const struct stat *dir)
{
	return (!dir->st_uid || dir->st_uid == geteuid()) && !(dir->st_mode & (S_IWGRP | S_IWOTH));
}

static int refuse(const struct place *p, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (is_ours(&p->st) || !S_ISREG(st.st_mode))
		return 0;
	if (st.st_nlink > 1)
		return -EMLINK;
	return p->st.st_mode & S_IWOTH && st.st_uid != geteuid() ? -EPERM : 0;
}

static int open_at(const struct place *p, enum output_file_how how)
{
	int flags = FLAGS | (is_ours(&p->st) ? 0 : O_NOFOLLOW), fd, err;

	flags |= how == OUTPUT_FILE_REOPEN ? O_NONBLOCK : 0;
	fd = openat(p->dir, p->name, flags, MODE);
	if (fd < 0)
		return -errno;
	/* Emptied only when it is known to be no other's. */
	err = refuse(p, fd);
	if (!err && how == OUTPUT_FILE_EMPTY && ftruncate(fd, 0) && errno != EINVAL)
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int output_file_open(const char *path, enum output_file_how how)
{
	struct place p;
	int ret = place_open(&p, path);

	if (ret)
		return ret;
	ret = open_at(&p, how);
	close(p.dir);
	return ret;
}

int output_file_may_rotate(const char *path)
{
	struct place p;
	int ret = place_open(&p, path);

	if (ret)
		return ret;
	ret = faccessat(p.dir, ".", W_OK | X_OK, AT_EACCESS) ? -errno : 0;
	close(p.dir);
	return ret;
}

const char *output_file_error(int err)
{
	switch (-err) {
	case ELOOP: return "a symbolic link; name the file itself";
	case EMLINK:
		return "has several names, which others could have given it; choose another file";
	case ENXIO: return "nobody reads it";
	case EPERM: return "another user's, in a directory open to all; choose another file";
	default: return strerror(-err);
	}
}

static int numbered(const struct place *p, unsigned int n, char *name)
{
	return snprintf(name, NAME_MAX + 1, n ? "%s.%u" : "%s", p->name, n) > NAME_MAX
		       ? -ENAMETOOLONG
		       : 0;
}

/* The oldest first, so that each finds its new name free. */
static int shift(const struct place *p, unsigned int keep)
{
	char from[NAME_MAX + 1], to[NAME_MAX + 1];
	unsigned int n;

	if (numbered(p, keep, to))
		return -ENAMETOOLONG;
	for (n = keep; n; n--) {
		if (numbered(p, n - 1, from) || numbered(p, n, to))
			return -ENAMETOOLONG;
		if (renameat(p->dir, from, p->dir, to) && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* A link would be renamed in place of the file. */
static bool is_link(const struct place *p)
{
	struct stat st;

	return !fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode);
}

/* A new file, with the mode and owner of another if we may; else it is ours alone. */
static int create_like(const struct place *p, const struct stat *st)
{
	int fd = openat(p->dir, p->name, FLAGS | O_EXCL | O_NOFOLLOW, MODE);

	if (fd < 0)
		return -errno;
	if (!fchown(fd, st->st_uid, st->st_gid))
		fchmod(fd, st->st_mode & 0777);
	return fd;
}

int output_file_rotate(const char *path, int fd, unsigned int keep)
{
	struct place p;
	struct stat st;
	int ret = place_open(&p, path);

	if (ret)
		return ret;
	ret = fstat(fd, &st) ? -errno : is_link(&p) ? -ELOOP : shift(&p, keep);
	if (!ret)
		ret = create_like(&p, &st);
	close(p.dir);
	return ret;
}
