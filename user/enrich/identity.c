// SPDX-License-Identifier: GPL-2.0-only
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enrich/process.h"

void process_identity(uint32_t pid, uint32_t *uid, char *comm, size_t size)
{
	char path[32];
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u", pid);
	if (!stat(path, &st))
		*uid = st.st_uid;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	size = fread(comm, 1, size - 1, f);
	/* The kernel ends it with a line feed; the name itself may hold others. */
	comm[size && comm[size - 1] == '\n' ? size - 1 : size] = '\0';
	fclose(f);
}

char *process_exe(uint32_t pid)
{
	char path[32], exe[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	return n > 0 ? strndup(exe, n) : NULL;
}
