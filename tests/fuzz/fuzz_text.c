// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as one of the small languages that others write: operands of USDT notes, versions,
 * command lines of env, addresses, #! lines, libraries that ld.so lists. The first byte chooses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "python/usdt.h"
#include "python/version.h"
#include "sink/address.h"
#include "target/env_args.h"
#include "target/resolve_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void operands(char *text)
{
	struct probe_operand out[2];

	usdt_parse_operands(text, out);
}

static void version(char *text)
{
	version_parse(text);
}

/* Words of a line as arguments: what stands behind "env" in a #! line. */
static void env(char *text)
{
	char *argv[16], *rest = NULL;
	struct env_args args;
	size_t n = 0;

	for (argv[n] = strtok_r(text, "\n", &rest); argv[n] && n < 15;)
		argv[++n] = strtok_r(NULL, "\n", &rest);
	argv[n] = NULL;
	if (!env_args_init(&args, argv, n & 1 ? "/bin" : NULL))
		return;
	if (env_args_apply(&args) && !args.n)
		abort();
	env_args_free(&args);
}

static void address(char *text)
{
	struct address a;
	const char *why = NULL;
	int ret = address_parse(&a, text, "514", &why);

	if (ret == -22 && !why)
		abort();
	if (!ret)
		address_free(&a);
}

static void shebang(char *text)
{
	size_t len = strnlen(text, SHEBANG_SIZE - 3);
	char line[SHEBANG_SIZE] = "#!", *interp, *arg;

	memcpy(line + 2, text, len);
	if (resolve_shebang(line, len + 2, &interp, &arg) &&
	    (!*interp || strpbrk(interp, " \t\n") || (arg && (!*arg || strchr(arg, '\n')))))
		abort();
}

static void listed(char *text)
{
	const char *path = resolve_listed(text);

	if (path && !strchr(path, '/'))
		abort();
}

static void (*const languages[])(char *) = {operands, version, env, address, shebang, listed};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = size ? calloc(1, size) : NULL;

	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	/* What was found for the first four stays good. */
	languages[data[0] < 0xc0 ? data[0] % 4 : 4 + data[0] % 2](text);
	free(text);
	return 0;
}
