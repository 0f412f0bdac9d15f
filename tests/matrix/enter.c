// SPDX-License-Identifier: GPL-2.0-only
/* Runs PROGRAM with ROOT as its root, in the current directory as far as that is there too: what
 * stands for an interpreter of another system. Both are given when it is compiled. */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char *cwd = getcwd(NULL, 0);

	(void)argc;
	if (chroot(ROOT)) {
		perror(ROOT);
		return 126;
	}
	if ((!cwd || chdir(cwd)) && chdir("/")) {
		perror("/");
		return 126;
	}
	argv[0] = PROGRAM;
	execv(argv[0], argv);
	perror(PROGRAM);
	return 127;
}
