// SPDX-License-Identifier: GPL-2.0-only
#include "sink/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "sink/spool_state.h"

static size_t file_size(const struct spool *s)
{
	uint64_t size = s->size / 16;

	return size < 64 << 10 ? 64 << 10 : size > 8 << 20 ? 8 << 20 : size;
}

void spool_name(char name[SPOOL_NAME], uint64_t seq)
{
	snprintf(name, SPOOL_NAME, "%016llx.spool", (unsigned long long)seq);
}

/* A file that cannot be removed still counts to the bound: it would grow past it. */
static bool remove_file(struct spool *s, size_t i)
{
	char name[SPOOL_NAME];

	spool_name(name, s->files[i].seq);
	if (unlinkat(s->dir, name, 0) && errno != ENOENT)
		return false;
	if (s->files[i].seq == s->write_seq && s->fd >= 0) {
		close(s->fd);
		s->fd = -1;
	}
	s->bytes -= s->files[i].bytes;
	memmove(&s->files[i], &s->files[i + 1], (s->n - i - 1) * sizeof(*s->files));
	s->n--;
	return true;
}

int spool_add_file(struct spool *s, const struct spool_file *file)
{
	size_t cap = s->cap ? s->cap * 2 : 16;
	struct spool_file *files;

	if (s->n == s->cap) {
		files = reallocarray(s->files, cap, sizeof(*files));
		if (!files)
			return -ENOMEM;
		s->files = files;
		s->cap = cap;
	}
	s->files[s->n++] = *file;
	s->bytes += file->bytes;
	return 0;
}

static int begin_file(struct spool *s)
{
	struct spool_file file = {.seq = s->next_seq, .bytes = SPOOL_HEADER, .end = SPOOL_HEADER};
	unsigned char header[SPOOL_HEADER];
	char name[SPOOL_NAME];
	int fd;

	spool_name(name, file.seq);
	spool_header_write(header, s->kind);
	fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	s->next_seq++;
	if (write(fd, header, sizeof(header)) != sizeof(header) || spool_add_file(s, &file)) {
		close(fd);
		unlinkat(s->dir, name, 0);
		return -ENOSPC;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	s->write_seq = file.seq;
	return 0;
}

static bool on_its_way(const struct spool *s, const struct spool_file *file)
{
	bool any = s->peek.seq != s->taken.seq || s->peek.offset != s->taken.offset;

	return any && file->seq >= s->taken.seq && file->seq <= s->peek.seq;
}

/* The oldest file that nothing of is on its way. */
static int drop_oldest(struct spool *s)
{
	uint64_t lost;
	size_t i;

	for (i = 0; i < s->n && on_its_way(s, &s->files[i]); i++)
		;
	if (i == s->n)
		return -ENOSPC;
	lost = s->files[i].events - s->files[i].taken;
	if (!remove_file(s, i))
		return -EIO;
	if (lost && !s->overwritten)
		log_warn("--spool: %s is full: the oldest events are dropped", s->path);
	s->overwritten += lost;
	return 0;
}

static int make_room(struct spool *s, size_t len)
{
	int err = 0;

	while (!err && s->bytes + len + SPOOL_HEADER > s->size)
		err = drop_oldest(s);
	if (!err && (s->fd < 0 || s->files[s->n - 1].bytes >= file_size(s)))
		err = begin_file(s);
	return err;
}

int spool_append(struct spool *s, const void *data, const struct spool_block *block)
{
	unsigned char header[SPOOL_FRAME_HEADER];
	struct iovec parts[] = {{header, sizeof(header)}, {(void *)data, block->len}};
	size_t len = sizeof(header) + block->len;
	struct spool_file *file;
	ssize_t n;
	int err;

	if (!block->len || block->len > SPOOL_BLOCK_MAX || len + SPOOL_HEADER > s->size / 2)
		return -EMSGSIZE;
	err = make_room(s, len);
	if (err)
		return err;
	file = &s->files[s->n - 1];
	spool_frame_write(header, data, block);
	n = writev(s->fd, parts, 2);
	if (n != (ssize_t)len) {
		err = n < 0 ? -errno : -ENOSPC;
		/* What is there in part would hide what comes after it. */
		if (ftruncate(s->fd, file->bytes) || lseek(s->fd, file->bytes, SEEK_SET) < 0) {
			close(s->fd);
			s->fd = -1;
		}
		return err;
	}
	file->bytes += len;
	file->end = file->bytes;
	file->events += block->count;
	s->bytes += len;
	return 0;
}

static struct spool_file *file_at(struct spool *s, const struct spool_position *at)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->files[i].seq >= at->seq)
			return &s->files[i];
	return NULL;
}

/* The file with the next block, and the position moved there; NULL: there is none. */
static struct spool_file *next_file(struct spool *s)
{
	struct spool_file *file;

	for (;;) {
		file = file_at(s, &s->peek);
		if (!file)
			return NULL;
		if (file->seq != s->peek.seq)
			s->peek = (struct spool_position){file->seq, SPOOL_HEADER};
		if (s->peek.offset < file->end)
			return file;
		if (file->seq == s->write_seq)
			return NULL;
		s->peek = (struct spool_position){file->seq + 1, SPOOL_HEADER};
	}
}

static int open_reader(struct spool *s, uint64_t seq)
{
	char name[SPOOL_NAME];

	if (s->read_fd >= 0 && s->read_seq == seq)
		return 0;
	if (s->read_fd >= 0)
		close(s->read_fd);
	spool_name(name, seq);
	s->read_fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	s->read_seq = seq;
	return s->read_fd < 0 ? -errno : 0;
}

/* Says nothing of the file. */
static bool will_pass(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE || err == -EINTR;
}

/* The frame at the position, in s->frame: it has been checked when the spool was opened, and may
 * have been damaged since (-EBADMSG). */
static int read_frame(struct spool *s, const struct spool_file *file, struct spool_block *block)
{
	uint64_t left = file->end - s->peek.offset;
	size_t at = 0, start, want = SPOOL_FRAME_HEADER;
	uint32_t len;
	ssize_t n;
	int err = open_reader(s, file->seq);

	if (left < want || err)
		return will_pass(err) ? err : -EBADMSG;
	s->frame.len = 0;
	s->frame.failed = false;
	if (!buf_reserve(&s->frame, want))
		return -ENOMEM;
	if (pread(s->read_fd, s->frame.data, want, (off_t)s->peek.offset) != (ssize_t)want)
		return -EBADMSG;
	len = spool_frame_length((unsigned char *)s->frame.data);
	if (!len || len > SPOOL_BLOCK_MAX || len > left - want)
		return -EBADMSG;
	if (!buf_reserve(&s->frame, want + len))
		return -ENOMEM;
	n = pread(s->read_fd, s->frame.data, want + len, (off_t)s->peek.offset);
	if (n < 0 || spool_frame((unsigned char *)s->frame.data, n, &at, block, &start) != 1)
		return -EBADMSG;
	return 0;
}

/* The rest of the file cannot be read: its events are gone. */
static void skip_rest(struct spool *s, struct spool_file *file)
{
	log_warn("--spool: %s/%016llx.spool is damaged at byte %llu; skipping the rest of it",
		 s->path, (unsigned long long)file->seq, (unsigned long long)s->peek.offset);
	s->corrupt++;
	s->damaged += file->events - file->peeked;
	file->events = file->peeked;
	file->end = s->peek.offset;
	/* It may be written on: what comes goes into a new one. */
	if (file->seq == s->write_seq && s->fd >= 0) {
		close(s->fd);
		s->fd = -1;
		s->write_seq = 0;
	}
}

int spool_peek(struct spool *s, uint32_t max, struct buf *out, struct spool_block *block)
{
	struct spool_file *file;
	int err;

	while ((file = next_file(s))) {
		err = read_frame(s, file, block);
		if (will_pass(err))
			return err;
		if (err) {
			skip_rest(s, file);
			continue;
		}
		if (block->records > max)
			return 0;
		buf_add(out, s->frame.data + SPOOL_FRAME_HEADER, block->len);
		s->peek.offset += SPOOL_FRAME_HEADER + block->len;
		file->peeked += block->count;
		return out->failed ? -ENOMEM : 1;
	}
	return 0;
}

void spool_rewind(struct spool *s)
{
	size_t i;

	s->peek = s->taken;
	for (i = 0; i < s->n; i++)
		s->files[i].peeked = s->files[i].taken;
}

void spool_take(struct spool *s)
{
	size_t i;

	s->taken = s->peek;
	for (i = 0; i < s->n; i++)
		s->files[i].taken = s->files[i].peeked;
	spool_cursor_write(s);
	while (s->n && s->files[0].seq < s->taken.seq && remove_file(s, 0))
		;
}

void spool_own(struct spool *s, uid_t uid)
{
	char name[SPOOL_NAME];
	bool failed = fchown(s->dir, uid, -1) || fchown(s->cursor, uid, -1);
	size_t i;

	for (i = 0; i < s->n; i++) {
		spool_name(name, s->files[i].seq);
		failed |= fchownat(s->dir, name, uid, -1, AT_SYMLINK_NOFOLLOW);
	}
	if (failed)
		log_warn("--spool: %s: cannot be given to --user: %s", s->path, strerror(errno));
}

void spool_stats(const struct spool *s, struct spool_stats *stats)
{
	size_t i;

	*stats = (struct spool_stats){
		.recovered = s->recovered,
		.overwritten = s->overwritten,
		.corrupt = s->corrupt,
		.damaged = s->damaged,
		.bytes = s->bytes,
		.size = s->size,
	};
	for (i = 0; i < s->n; i++)
		stats->waiting += s->files[i].events - s->files[i].taken;
}

void spool_free(struct spool *s)
{
	struct spool_stats stats;

	if (!s)
		return;
	spool_stats(s, &stats);
	/* Nothing is left for the next time. */
	while (!stats.waiting && s->n && remove_file(s, s->n - 1))
		;
	if (s->fd >= 0)
		close(s->fd);
	if (s->read_fd >= 0)
		close(s->read_fd);
	if (s->cursor >= 0)
		close(s->cursor);
	if (s->dir >= 0)
		close(s->dir);
	buf_free(&s->frame);
	free(s->files);
	free(s->path);
	free(s);
}
