// SPDX-License-Identifier: GPL-2.0-only
/* Opening a spool: whose the directory is, and what an earlier run has left in it. */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "sink/spool_state.h"

#define CURSOR "cursor"

struct cursor {
	char magic[8];
	uint64_t seq, offset;
	uint32_t zero, crc; /* of all before */
};

static const char cursor_magic[8] = "PYACURS1";

static uint32_t cursor_crc(const struct cursor *c)
{
	return (uint32_t)crc32(0, (const Bytef *)c, offsetof(struct cursor, crc));
}

/* If it does not get there the same blocks are given again: at least once. */
void spool_cursor_write(struct spool *s)
{
	struct cursor c = {.seq = htole64(s->taken.seq), .offset = htole64(s->taken.offset)};

	memcpy(c.magic, cursor_magic, sizeof(c.magic));
	c.crc = htole32(cursor_crc(&c));
	if (pwrite(s->cursor, &c, sizeof(c), 0) != sizeof(c))
		log_debug("--spool: %s/" CURSOR ": %s", s->path, strerror(errno));
}

static int open_cursor(struct spool *s)
{
	struct cursor c;
	struct stat st;

	s->cursor = openat(s->dir, CURSOR, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
			   0600);
	if (s->cursor < 0 || fstat(s->cursor, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
		return -EINVAL;
	if (pread(s->cursor, &c, sizeof(c), 0) == sizeof(c) &&
	    !memcmp(c.magic, cursor_magic, sizeof(c.magic)) && le32toh(c.crc) == cursor_crc(&c))
		s->taken = (struct spool_position){le64toh(c.seq), le64toh(c.offset)};
	return 0;
}

static bool parse_name(const char *name, uint64_t *seq)
{
	char *end;

	if (strspn(name, "0123456789abcdef") != 16 || strcmp(name + 16, ".spool"))
		return false;
	*seq = strtoull(name, &end, 16);
	return *seq && *seq < UINT64_MAX;
}

/* Counts what has not been taken, and finds where it ends. A cursor that is not between two blocks
 * is not of this file: all of it is given, again if need be. */
static int count_blocks(struct spool *s, struct spool_file *file, const unsigned char *data)
{
	uint64_t from = file->seq == s->taken.seq ? s->taken.offset : SPOOL_HEADER, all = 0;
	uint32_t kind = spool_header_kind(data, file->bytes);
	bool between = from == SPOOL_HEADER;
	struct spool_block block;
	size_t at = SPOOL_HEADER, start;
	int ret = -EBADMSG;

	if (kind && kind != s->kind)
		return -EPROTOTYPE;
	while (kind && (ret = spool_frame(data, file->bytes, &at, &block, &start)) > 0) {
		all += block.count;
		file->events += at <= from ? 0 : block.count;
		between |= at == from;
	}
	file->end = at;
	if (!between && from < file->end) {
		file->events = all;
		s->taken.offset = SPOOL_HEADER;
	}
	if (!ret)
		return 0;
	log_warn("--spool: %s/%016llx.spool is damaged at byte %zu; skipping the rest of it",
		 s->path, (unsigned long long)file->seq, kind ? at : 0);
	s->corrupt++;
	return 0;
}

static int scan_file(struct spool *s, uint64_t seq)
{
	struct spool_file file = {.seq = seq, .end = SPOOL_HEADER};
	char name[SPOOL_NAME];
	struct stat st;
	void *data;
	int fd, err = 0;

	spool_name(name, seq);
	fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		log_warn("--spool: %s/%s: not a file of ours; leaving it alone", s->path, name);
		goto out;
	}
	file.bytes = st.st_size;
	if (file.bytes) {
		data = mmap(NULL, file.bytes, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data == MAP_FAILED) {
			err = -errno;
			goto out;
		}
		err = count_blocks(s, &file, data);
		munmap(data, file.bytes);
	}
	err = err ?: spool_add_file(s, &file);
	s->recovered += file.events;
out:
	if (fd >= 0)
		close(fd);
	return err;
}

static int compare_seq(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The numbers of the files there are, in order. To be freed. */
static int list_files(struct spool *s, uint64_t **seqs, size_t *n)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t seq, *more;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	while ((entry = readdir(dir))) {
		if (!parse_name(entry->d_name, &seq))
			continue;
		more = reallocarray(*seqs, *n + 1, sizeof(**seqs));
		if (!more) {
			closedir(dir);
			return -ENOMEM;
		}
		*seqs = more;
		more[(*n)++] = seq;
	}
	closedir(dir);
	if (*n)
		qsort(*seqs, *n, sizeof(**seqs), compare_seq);
	return 0;
}

static int scan(struct spool *s)
{
	uint64_t *seqs = NULL;
	size_t n = 0, i;
	int err = list_files(s, &seqs, &n);

	for (i = 0; i < n && !err; i++) {
		char name[SPOOL_NAME];

		s->next_seq = seqs[i] + 1;
		spool_name(name, seqs[i]);
		if (seqs[i] < s->taken.seq)
			unlinkat(s->dir, name, 0);
		else
			err = scan_file(s, seqs[i]);
	}
	free(seqs);
	/* After a directory was emptied by hand numbers go on where the cursor is. */
	if (s->next_seq <= s->taken.seq)
		s->next_seq = s->taken.seq + 1;
	s->peek = s->taken;
	return err;
}

/* Only we, or who we are going to be, may place anything in it. */
static const char *refuse(int dir, uid_t owner)
{
	struct stat st;

	if (fstat(dir, &st))
		return strerror(errno);
	if (st.st_uid != geteuid() && st.st_uid != owner)
		return "another user's directory; give one of your own";
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return "open to others; chmod 700 it, or give another directory";
	return NULL;
}

static const char *open_all(struct spool *s, uid_t owner)
{
	const char *why;
	int err;

	if (mkdir(s->path, 0700) && errno != EEXIST)
		return strerror(errno);
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir < 0)
		return errno == ELOOP || errno == ENOTDIR ? "not a directory, or a link to one"
							  : strerror(errno);
	why = refuse(s->dir, owner);
	if (why)
		return why;
	if (flock(s->dir, LOCK_EX | LOCK_NB))
		return "in use by another tracer; give each a directory of its own";
	err = open_cursor(s) ?: scan(s);
	if (err == -EPROTOTYPE)
		return "holds events in another encoding; set OTEL_EXPORTER_OTLP_PROTOCOL as it "
		       "was, "
		       "or give another directory";
	return err ? strerror(-err) : NULL;
}

struct spool *spool_open(const char *what, const char *path, uint64_t size, uid_t owner,
			 uint32_t kind)
{
	struct spool *s = calloc(1, sizeof(*s));
	const char *why;

	if (!s || !(s->path = strdup(path))) {
		log_error("%s: out of memory", what);
		free(s);
		return NULL;
	}
	s->dir = s->fd = s->read_fd = s->cursor = -1;
	s->size = size;
	s->kind = kind;
	s->next_seq = 1;
	why = open_all(s, owner);
	if (!why)
		return s;
	log_error("%s '%.200s': %s", what, path, why);
	/* Nothing in it is to be touched. */
	s->n = 0;
	spool_free(s);
	return NULL;
}
