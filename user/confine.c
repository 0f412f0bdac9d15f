// SPDX-License-Identifier: GPL-2.0-only
#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

/* When a capability is kept. */
enum need { ALWAYS, PERF_UPROBES, COMMAND, CHANGE_USER, N_NEEDS };

static const struct kept {
	int bit;
	enum need need;
	const char *name;
} kept[] = {
	/* What the unit in dist/ has: new targets come with -p too, when it executes something. */
	{CAP_BPF, ALWAYS, "CAP_BPF"},
	{CAP_PERFMON, ALWAYS, "CAP_PERFMON"},
	{CAP_SYS_PTRACE, ALWAYS, "CAP_SYS_PTRACE"},
	{CAP_DAC_READ_SEARCH, ALWAYS, "CAP_DAC_READ_SEARCH"},
	/* Linux 6.16 (ba677dbe77af), and before 5.8 for lack of the others. */
	{CAP_SYS_ADMIN, PERF_UPROBES, "CAP_SYS_ADMIN"},
	/* What COMMAND executes is stopped until probes stand there, as whoever it runs, and gets
	 * the signals sent to us. */
	{CAP_KILL, COMMAND, "CAP_KILL"},
	/* The dynamic loader is asked for a program's libraries as the user who runs it. */
	{CAP_SETUID, CHANGE_USER, "CAP_SETUID"},
	{CAP_SETGID, CHANGE_USER, "CAP_SETGID"},
};

#define N_KEPT (sizeof(kept) / sizeof(*kept))

struct cap_sets {
	struct __user_cap_data_struct words[2];
};

static int get_caps(struct cap_sets *sets)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capget, &header, sets->words) ? -errno : 0;
}

static int set_caps(const struct cap_sets *sets)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capset, &header, sets->words) ? -errno : 0;
}

static uint64_t wanted(const struct confine *c)
{
	const bool needed[N_NEEDS] = {
		[ALWAYS] = true,
		[PERF_UPROBES] = c->perf_uprobes,
		[COMMAND] = c->command,
		[CHANGE_USER] = c->change_user,
	};
	uint64_t mask = 0;
	size_t i;

	for (i = 0; i < N_KEPT; i++)
		if (needed[kept[i].need])
			mask |= 1ull << kept[i].bit;
	return mask;
}

int confine_find_user(const char *name, uid_t *uid, gid_t *gid)
{
	const struct passwd *account = getpwnam(name);

	if (!account)
		return -ENOENT;
	*uid = account->pw_uid;
	*gid = account->pw_gid;
	return 0;
}

static int become(const char *name)
{
	uid_t uid;
	gid_t gid;

	if (confine_find_user(name, &uid, &gid)) {
		log_error("--user %.200s: no such user; give one of getent passwd", name);
		return -ENOENT;
	}
	if (uid == geteuid() && uid == getuid())
		return 0;
	/* The groups first: after the user they cannot be changed any more. */
	if (prctl(PR_SET_KEEPCAPS, 1) || initgroups(name, gid) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid)) {
		log_error("--user %.200s: cannot be become: %s; start as root", name,
			  strerror(errno));
		return -EPERM;
	}
	return 0;
}

/* Capabilities that a program we execute could get. Without CAP_SETPCAP nothing can be taken from
 * the bounding set; no_new_privs alone does it then. */
static void drop_inherited(uint64_t keep)
{
	int bit;

	for (bit = 0; bit <= CAP_LAST_CAP; bit++)
		if (!(keep >> bit & 1))
			prctl(PR_CAPBSET_DROP, bit);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int drop_caps(uint64_t keep)
{
	struct cap_sets sets;
	int err = get_caps(&sets), i;

	for (i = 0; i < 2 && !err; i++) {
		sets.words[i].permitted &= keep >> 32 * i;
		sets.words[i].effective = sets.words[i].permitted;
		sets.words[i].inheritable = 0;
	}
	return err ?: set_caps(&sets);
}

static void tell(const struct confine *c)
{
	struct cap_sets sets = {0};
	char names[256] = "none";
	size_t i, len = 0;

	get_caps(&sets);
	for (i = 0; i < N_KEPT; i++)
		if (sets.words[kept[i].bit / 32].permitted >> kept[i].bit % 32 & 1)
			len += snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
					kept[i].name);
	log_info("confined: user %u%s%s, capabilities: %s", geteuid(), c->user ? " " : "",
		 c->user ?: "", names);
}

int confine_apply(const struct confine *c)
{
	uint64_t keep = wanted(c);
	int err;

	drop_inherited(keep);
	err = c->user ? become(c->user) : 0;
	if (err)
		return err;
	err = drop_caps(keep);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (err) {
		log_error("capabilities: cannot be dropped: %s; start as root or with those that "
			  "--check lists",
			  strerror(-err));
		return err;
	}
	tell(c);
	return confine_calls(c->command);
}

void confine_guard(void)
{
	drop_inherited(0);
	drop_caps(1ull << CAP_KILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
