// SPDX-License-Identifier: GPL-2.0-only
#include "target/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define GROUPS_LIMIT 65536 /* NGROUPS_MAX of Linux */

/* A user or group number from the environment: all ones is "none" to the kernel. */
static int parse_id(const char *name, uint32_t *id)
{
	const char *text = getenv(name), *s = text;
	uint64_t v = 0;

	for (; *s >= '0' && *s <= '9' && v < UINT32_MAX; s++)
		v = v * 10 + (*s - '0');
	if (*s || s == text || v >= UINT32_MAX) {
		log_error("%s '%.200s': not a number of a user or group; correct it, or use "
			  "--as-root",
			  name, text);
		return -EINVAL;
	}
	*id = (uint32_t)v;
	return 0;
}

static int find_groups(struct child_user *user)
{
	gid_t *grown;
	int n = 64;

	for (;;) {
		grown = reallocarray(user->groups, n, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		user->groups = grown;
		user->n_groups = n;
		if (getgrouplist(user->name, user->gid, user->groups, &user->n_groups) >= 0)
			return 0;
		if (n >= GROUPS_LIMIT)
			return -E2BIG;
		n *= 2;
	}
}

static int find_account(struct child_user *user)
{
	const struct passwd *account = getpwuid(user->uid);

	if (!account)
		return 0;
	user->name = strdup(account->pw_name);
	user->home = strdup(account->pw_dir);
	return user->name && user->home ? find_groups(user) : -ENOMEM;
}

int child_user_find(struct child_user *user, bool as_root)
{
	static int root = -1;
	int ret;

	/* The tracer may have become somebody else since the first time. */
	if (root < 0)
		root = !geteuid();
	*user = (struct child_user){0};
	if (as_root || !root || !getenv("SUDO_UID") || !getenv("SUDO_GID"))
		return 0;
	ret = parse_id("SUDO_UID", &user->uid);
	if (!ret)
		ret = parse_id("SUDO_GID", &user->gid);
	if (ret)
		return ret;
	user->change = true;
	ret = find_account(user);
	if (ret) {
		log_error("user %u: its groups cannot be found (%s); use --as-root", user->uid,
			  strerror(-ret));
		child_user_free(user);
	}
	return ret;
}

void child_user_free(struct child_user *user)
{
	free(user->name);
	free(user->home);
	free(user->groups);
	*user = (struct child_user){0};
}

static struct {
	bool ignored[NSIG];
	sigset_t blocked;
} at_start;

void child_note_signals(void)
{
	struct sigaction action;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		at_start.ignored[sig] =
			!sigaction(sig, NULL, &action) && action.sa_handler == SIG_IGN;
	sigprocmask(SIG_SETMASK, NULL, &at_start.blocked);
}

static void reset_signals(void)
{
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		signal(sig, at_start.ignored[sig] ? SIG_IGN : SIG_DFL);
	sigprocmask(SIG_SETMASK, &at_start.blocked, NULL);
}

pid_t child_fork(void)
{
	sigset_t all, before;
	pid_t pid;
	int err;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	err = errno;
	if (!pid)
		reset_signals();
	else
		sigprocmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -err : pid;
}

int child_become(const struct child_user *user)
{
	if (!user->change)
		return 0;
	/* The groups first: without root they cannot be changed any more. */
	if (setgroups(user->n_groups, user->groups) || setgid(user->gid) || setuid(user->uid))
		return -errno;
	if (user->name && (setenv("HOME", user->home, 1) || setenv("USER", user->name, 1) ||
			   setenv("LOGNAME", user->name, 1)))
		return -errno;
	return 0;
}

static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) ? -errno : 0;
}

static int try_candidate(const char *dir, size_t len, const char *name, char *found, size_t size)
{
	int n;

	/* An empty element is the current directory. */
	n = snprintf(found, size, "%.*s/%s", len ? (int)len : 1, len ? dir : ".", name);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : check_executable(found);
}

int child_search(const char *name, const char *path, char *found, size_t size)
{
	char standard[64];
	int ret, denied = 0;
	size_t len;

	if (!*name)
		return -ENOENT;
	if (strlen(name) >= size)
		return -ENAMETOOLONG;
	if (strchr(name, '/')) {
		strcpy(found, name);
		return check_executable(found);
	}
	if (!path) {
		confstr(_CS_PATH, standard, sizeof(standard));
		path = standard;
	}
	for (;; path += len + 1) {
		len = strcspn(path, ":");
		ret = len > PATH_MAX ? -ENAMETOOLONG : try_candidate(path, len, name, found, size);
		if (!ret)
			return 0;
		if (ret == -EACCES)
			denied = ret;
		if (!path[len])
			return denied ? denied : -ENOENT;
	}
}
