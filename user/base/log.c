// SPDX-License-Identifier: GPL-2.0-only
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int log_level;
const char *log_place;

/* One write per line, so that lines of several processes on one terminal do not mix. */
static void log_line(const char *fmt, va_list ap)
{
	static const char prefix[] = "pyaudit-trace: ";
	char line[2048], *p;
	size_t head = sizeof(prefix) - 1;
	int saved = errno, n;
	ssize_t written;

	memcpy(line, prefix, sizeof(prefix));
	if (log_place)
		head += snprintf(line + head, 512, "%.500s: ", log_place);
	n = vsnprintf(line + head, sizeof(line) - head - 1, fmt, ap);
	if (n < 0)
		return;
	for (p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	*p++ = '\n';
	written = write(STDERR_FILENO, line, p - line);
	(void)written;
	errno = saved;
}

#define LOG_FUNCTION(name, level)        \
	void name(const char *fmt, ...)  \
	{                                \
		va_list ap;              \
                                         \
		if (log_level < (level)) \
			return;          \
		va_start(ap, fmt);       \
		log_line(fmt, ap);       \
		va_end(ap);              \
	}

LOG_FUNCTION(log_error, -1)
LOG_FUNCTION(log_warn, 0)
LOG_FUNCTION(log_info, 1)
LOG_FUNCTION(log_debug, 2)
