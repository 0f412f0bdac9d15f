// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer without libFuzzer: each file of its corpus, and that cut short at some places, as input.
 * With files as arguments only these, as for an input that a fuzzer has found. It speaks as cmocka
 * does, for tests/run-unit.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of its own, as long as it is: what is read behind it is found. */
static void run_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int run_file(const char *path)
{
	static uint8_t data[4 << 20];
	FILE *f = fopen(path, "rb");
	size_t size, i;

	if (!f)
		return -1;
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	run_copy(data, size);
	for (i = 0; i < CUTS; i++)
		run_copy(data, size * i / CUTS);
	return 0;
}

/* What needs no file: runs of one byte. */
static void run_bytes(void)
{
	static const uint8_t bytes[] = {0, 1, ' ', '0', 'a', 0x7f, 0x80, 0xff};
	uint8_t data[64];
	size_t i, size;

	for (i = 0; i < sizeof(bytes); i++) {
		memset(data, bytes[i], sizeof(data));
		for (size = 0; size <= sizeof(data); size++)
			run_copy(data, size);
	}
}

static void run_corpus(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[1024];
	int n = 0;

	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] != '.' && !run_file(path))
			n++;
	}
	if (d)
		closedir(d);
	printf("%s: %d inputs\n", dir, n);
}

int main(int argc, char **argv)
{
	int i, bad = 0;

	for (i = 1; i < argc; i++)
		bad |= run_file(argv[i]);
	if (argc == 1) {
		run_bytes();
		run_corpus(CORPUS);
	}
	printf("[  %s  ] 1 test(s).\n", bad ? "FAILED" : "PASSED");
	return bad ? 1 : 0;
}
