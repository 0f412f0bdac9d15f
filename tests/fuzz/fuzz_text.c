// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as one of the small languages that others write: operands of USDT notes, versions,
 * command lines of env, addresses. The first byte chooses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "python/usdt.h"
#include "python/version.h"
#include "sink/address.h"
#include "target/env_args.h"

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

static void (*const languages[])(char *) = {operands, version, env, address};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = size ? calloc(1, size) : NULL;

	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	languages[data[0] % (sizeof(languages) / sizeof(*languages))](text);
	free(text);
	return 0;
}
