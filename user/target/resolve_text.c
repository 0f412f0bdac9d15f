// SPDX-License-Identifier: GPL-2.0-only
#include "target/resolve_text.h"

#include <string.h>

bool resolve_shebang(char *line, size_t len, char **interp, char **arg)
{
	char *end = memchr(line, '\n', len), *s;
	bool whole = end || len < SHEBANG_SIZE - 1;

	if (!end)
		end = line + len;
	while (end > line + 2 && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = 0;
	s = line + 2 + strspn(line + 2, " \t");
	*interp = s;
	s += strcspn(s, " \t");
	/* A name that may go on behind what the kernel reads is refused by it. */
	if (s == *interp || (!*s && !whole))
		return false;
	*arg = NULL;
	if (*s) {
		*s++ = 0;
		s += strspn(s, " \t");
		*arg = *s ? s : NULL;
	}
	return true;
}

static bool is_libpython(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strncmp(slash ? slash + 1 : path, "libpython", 9);
}

const char *resolve_listed(char *line)
{
	char *name = line + strspn(line, " \t"), *arrow = strstr(name, " => "), *end, *path;

	path = arrow ? arrow + 4 : name;
	end = strstr(path, " (0x");
	if (!end)
		return NULL;
	while (strstr(end + 1, " (0x"))
		end = strstr(end + 1, " (0x");
	*end = 0;
	if (arrow)
		*arrow = 0;
	if (!strchr(path, '/') || (!is_libpython(path) && !is_libpython(name)))
		return NULL;
	return path;
}
