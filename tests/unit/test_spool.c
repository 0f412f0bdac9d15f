// SPDX-License-Identifier: GPL-2.0-only
/* The queue on disk: order, bounds, what a next run finds, and damage. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "sink/spool.h"

static char dir[] = "/tmp/pyaudit-spool.XXXXXX";
static char path[64];

static int setup(void **state)
{
	log_level = -1;
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/s", dir);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct spool *open_kind(uint32_t kind)
{
	return spool_open("--spool", path, SPOOL_SIZE_MIN, geteuid(), kind);
}

static void put(struct spool *s, unsigned int n, size_t len)
{
	struct spool_block block = {.len = len, .count = 2, .records = 3};
	char *data = calloc(1, len);

	assert_non_null(data);
	snprintf(data, len, "%u", n);
	assert_int_equal(spool_append(s, data, &block), 0);
	free(data);
}

/* The number of the next block; -1: there is none. */
static int next(struct spool *s)
{
	struct buf out = {0};
	struct spool_block block;
	int n = -1;

	if (spool_peek(s, UINT32_MAX, &out, &block) > 0) {
		n = atoi(out.data);
		assert_true(block.count == 2 && block.records == 3 && block.len == out.len);
	}
	buf_free(&out);
	return n;
}

static uint64_t waiting(struct spool *s)
{
	struct spool_stats stats;

	spool_stats(s, &stats);
	return stats.waiting;
}

static void order(void **state)
{
	struct spool *s = open_kind(1);
	unsigned int i;

	assert_non_null(s);
	assert_int_equal(next(s), -1);
	for (i = 0; i < 50; i++)
		put(s, i, 9000);
	assert_int_equal(waiting(s), 100);
	for (i = 0; i < 10; i++)
		assert_int_equal(next(s), i);
	spool_rewind(s);
	for (i = 0; i < 10; i++)
		assert_int_equal(next(s), i);
	spool_take(s);
	assert_int_equal(waiting(s), 80);
	for (i = 10; i < 50; i++)
		assert_int_equal(next(s), i);
	assert_int_equal(next(s), -1);
	put(s, 50, 10);
	assert_int_equal(next(s), 50);
	spool_take(s);
	assert_int_equal(waiting(s), 0);
	spool_free(s);
}

/* Without closing: as after a kill. */
static void next_run(void **state)
{
	struct spool *s = open_kind(1);
	struct spool_stats stats;
	unsigned int i;
	pid_t child;

	spool_free(s);
	child = fork();
	if (!child) {
		s = open_kind(1);
		for (i = 0; i < 30; i++)
			put(s, i, 9000);
		for (i = 0; i < 12; i++)
			next(s);
		spool_take(s);
		next(s);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	s = open_kind(1);
	assert_non_null(s);
	spool_stats(s, &stats);
	assert_int_equal(stats.recovered, 36);
	put(s, 30, 10);
	for (i = 12; i <= 30; i++)
		assert_int_equal(next(s), i);
	assert_int_equal(next(s), -1);
	spool_free(s);
	assert_null(open_kind(2));
	s = open_kind(1);
	assert_int_equal(waiting(s), 38);
	assert_null(open_kind(1)); /* in use */
	spool_free(s);
}

static void bound(void **state)
{
	struct spool *s = open_kind(1);
	struct spool_block big = {.len = SPOOL_SIZE_MIN, .count = 1, .records = 1};
	struct spool_stats stats;
	unsigned int i;
	int n;

	for (i = 0; i < 1000; i++)
		put(s, i, 5000);
	spool_stats(s, &stats);
	assert_true(stats.bytes <= SPOOL_SIZE_MIN);
	assert_int_equal(stats.overwritten + stats.waiting, 2000);
	n = next(s);
	assert_int_equal(n, 1000 - stats.waiting / 2);
	/* What is on its way stays, and is counted once. */
	for (i = 1000; i < 2000; i++)
		put(s, i, 5000);
	spool_take(s);
	spool_stats(s, &stats);
	assert_int_equal(stats.overwritten + stats.waiting, 4000 - 2);
	assert_int_equal(spool_append(s, dir, &big), -90);
	spool_free(s);
}

static void damage(void **state)
{
	struct spool *s = open_kind(1);
	char name[96];
	unsigned int i;
	int fd;

	for (i = 0; i < 20; i++)
		put(s, i, 9000);
	spool_free(s);
	snprintf(name, sizeof(name), "%s/%016x.spool", path, 1);
	fd = open(name, O_WRONLY);
	assert_int_equal(pwrite(fd, "\xff", 1, SPOOL_HEADER + 9016 + 200), 1);
	close(fd);
	s = open_kind(1);
	assert_int_equal(next(s), 0);
	assert_true(next(s) > 1);
	spool_free(s);
	/* While it is read. */
	s = open_kind(1);
	fd = open(name, O_WRONLY);
	assert_int_equal(ftruncate(fd, 10), 0);
	close(fd);
	assert_true(next(s) > 1);
	spool_free(s);
}

/* The cursor is of a file that is not there any more: in this one it is inside a block, where what
 * follows would be a block as well. */
static void another_file(void **state)
{
	enum {
		OUTER = SPOOL_HEADER + SPOOL_FRAME_HEADER,
		INNER = OUTER + 2,
		DATA = INNER + SPOOL_FRAME_HEADER
	};
	unsigned char data[DATA + 2] = {0};
	struct spool_block inner = {.len = 2, .count = 70, .records = 70};
	struct spool_block outer = {.len = sizeof(data) - OUTER, .count = 2, .records = 3};
	struct spool *s = open_kind(1);
	char name[96];
	int fd;

	put(s, 0, INNER - OUTER);
	put(s, 1, 10);
	next(s);
	spool_take(s);
	spool_free(s);
	spool_header_write(data, 1);
	spool_frame_write(data + INNER, data + DATA, &inner);
	data[OUTER] = '5';
	spool_frame_write(data + SPOOL_HEADER, data + OUTER, &outer);
	snprintf(name, sizeof(name), "%s/%016x.spool", path, 1);
	fd = open(name, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
	close(fd);
	s = open_kind(1);
	assert_int_equal(waiting(s), 2);
	assert_int_equal(next(s), 5);
	spool_take(s);
	assert_int_equal(waiting(s), 0);
	spool_free(s);
}

/* What cannot be opened now is not damaged. */
static void no_descriptors(void **state)
{
	struct rlimit limit, none;
	struct spool *s;

	s = open_kind(1);
	put(s, 7, 100);
	spool_free(s);
	s = open_kind(1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(next(s), -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(waiting(s), 2);
	assert_int_equal(next(s), 7);
	spool_free(s);
}

static void frames(void **state)
{
	unsigned char data[SPOOL_HEADER + SPOOL_FRAME_HEADER + 3];
	struct spool_block block = {.len = 3, .count = 1, .records = 2}, got;
	size_t at, start, i;

	spool_header_write(data, 7);
	assert_int_equal(spool_header_kind(data, SPOOL_HEADER), 7);
	assert_int_equal(spool_header_kind(data, SPOOL_HEADER - 1), 0);
	spool_frame_write(data + SPOOL_HEADER, "abc", &block);
	memcpy(data + SPOOL_HEADER + SPOOL_FRAME_HEADER, "abc", 3);
	at = SPOOL_HEADER;
	assert_int_equal(spool_frame(data, sizeof(data), &at, &got, &start), 1);
	assert_true(got.len == 3 && got.count == 1 && got.records == 2 && at == sizeof(data));
	assert_int_equal(spool_frame(data, sizeof(data), &at, &got, &start), 0);
	/* Any byte that is another is seen. */
	for (i = SPOOL_HEADER; i < sizeof(data); i++) {
		at = SPOOL_HEADER;
		data[i] ^= 0x10;
		assert_int_equal(spool_frame(data, sizeof(data), &at, &got, &start), -74);
		data[i] ^= 0x10;
	}
}

static void refused(void **state)
{
	char other[96];

	mkdir(path, 0700);
	chmod(path, 0755);
	assert_null(open_kind(1));
	chmod(path, 0700);
	snprintf(other, sizeof(other), "%s/link", dir);
	assert_int_equal(symlink(path, other), 0);
	assert_null(spool_open("--spool", other, SPOOL_SIZE_MIN, geteuid(), 1));
	/* A cursor that leads elsewhere. */
	snprintf(other, sizeof(other), "%s/cursor", path);
	assert_int_equal(symlink("/etc/passwd", other), 0);
	assert_null(open_kind(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(order, setup, teardown),
		cmocka_unit_test_setup_teardown(next_run, setup, teardown),
		cmocka_unit_test_setup_teardown(bound, setup, teardown),
		cmocka_unit_test_setup_teardown(damage, setup, teardown),
		cmocka_unit_test_setup_teardown(another_file, setup, teardown),
		cmocka_unit_test_setup_teardown(no_descriptors, setup, teardown),
		cmocka_unit_test(frames),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
