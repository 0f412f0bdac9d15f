// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a file of the spool that an earlier run has left: every frame is sound, and of a
 * directory with it as many events come out as it was said to hold.
 *
 * Input: flags, two bytes for the cursor, then the file.
 */
#include <assert.h>
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "sink/spool.h"
#include "sink/spool_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KIND	 1
#define FILE_MAX (64 << 10)

enum flags {
	MENDED = 1, /* with checksums that fit, so that mutations reach what is behind them */
	CURSOR = 2,
	APPEND = 4,
	TAKE = 8,
	SMALL = 16, /* the reader takes few records at once */
};

static char directory[40], path[80];

static void name_file(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", directory, name);
}

static void remove_files(void)
{
	char command[80];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	if (system(command))
		perror(command);
}

static void make_directory(void)
{
	static bool made;

	if (made)
		return;
	made = true;
	snprintf(directory, sizeof(directory), "%s/pyaudit-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(directory))
		abort();
	atexit(remove_files);
}

static void write_file(const char *name, const void *data, size_t len)
{
	int fd;

	name_file(name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static void mend(unsigned char *data, size_t size)
{
	struct spool_block block = {0};
	size_t at = SPOOL_HEADER;

	if (size < SPOOL_HEADER)
		return;
	spool_header_write(data, KIND);
	while (size - at > SPOOL_FRAME_HEADER) {
		uint32_t words[3];

		memcpy(words, data + at, sizeof(words));
		block = (struct spool_block){le32toh(words[0]), le32toh(words[1]),
					     le32toh(words[2])};
		if (!block.len || block.len > size - at - SPOOL_FRAME_HEADER)
			return;
		spool_frame_write(data + at, data + at + SPOOL_FRAME_HEADER, &block);
		at += SPOOL_FRAME_HEADER + block.len;
	}
}

static void walk(const unsigned char *data, size_t size)
{
	struct spool_block block;
	size_t at = SPOOL_HEADER, start;

	if (!spool_header_kind(data, size))
		return;
	while (spool_frame(data, size, &at, &block, &start) > 0)
		assert(start >= SPOOL_HEADER + SPOOL_FRAME_HEADER && block.len && at <= size &&
		       start + block.len == at && block.count <= block.records);
}

static void write_cursor(uint64_t offset)
{
	struct {
		char magic[8];
		uint64_t seq, offset;
		uint32_t zero, crc;
	} c = {.magic = "PYACURS1", .seq = htole64(1), .offset = htole64(offset)};

	c.crc = htole32((uint32_t)crc32(0, (const Bytef *)&c, offsetof(__typeof__(c), crc)));
	write_file("cursor", &c, sizeof(c));
}

/* The events of what is given. */
static uint64_t peek_all(struct spool *s, uint32_t max)
{
	struct spool_block block;
	struct buf out = {0};
	uint64_t events = 0;
	size_t before = 0;

	while (spool_peek(s, max, &out, &block) == 1) {
		assert(out.len - before == block.len && block.records <= max);
		before = out.len;
		events += block.count;
	}
	buf_free(&out);
	return events;
}

static void use(struct spool *s, uint8_t flags)
{
	static const struct spool_block block = {.len = 4, .count = 1, .records = 2};
	struct spool_stats stats;
	uint64_t expected, given;

	spool_stats(s, &stats);
	expected = stats.recovered;
	assert(stats.waiting == expected);
	if (flags & APPEND && !spool_append(s, "data", &block))
		expected++;
	given = peek_all(s, flags & SMALL ? 2 : UINT32_MAX);
	spool_stats(s, &stats);
	assert(flags & SMALL ? given + stats.damaged <= expected
			     : given + stats.damaged == expected);
	spool_rewind(s);
	assert(peek_all(s, flags & SMALL ? 2 : UINT32_MAX) == given);
	if (flags & TAKE) {
		spool_take(s);
		spool_stats(s, &stats);
		assert(stats.waiting + given + stats.damaged == expected);
	}
}

static void use_directory(const unsigned char *data, size_t size, uint8_t flags, uint64_t offset)
{
	struct spool *s;

	make_directory();
	name_file("cursor");
	unlink(path);
	if (flags & CURSOR)
		write_cursor(offset);
	name_file("0000000000000002.spool"); /* what the last run may have begun */
	unlink(path);
	write_file("0000000000000001.spool", data, size);
	s = spool_open("--spool", directory, SPOOL_SIZE_MIN, geteuid(), KIND);
	if (!s)
		return;
	use(s, flags);
	spool_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *file;
	uint16_t offset;

	log_level = -2;
	if (size < 3 || size > FILE_MAX)
		return 0;
	memcpy(&offset, data + 1, sizeof(offset));
	size -= 3;
	file = malloc(size ?: 1);
	memcpy(file, data + 3, size);
	if (data[0] & MENDED)
		mend(file, size);
	walk(file, size);
	use_directory(file, size, data[0], offset);
	free(file);
	return 0;
}
