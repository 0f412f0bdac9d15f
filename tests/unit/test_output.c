// SPDX-License-Identifier: GPL-2.0-only
/* Files of -o: who may have placed them, and rotation that splits and loses no record; and slow
 * readers. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
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

#include "base/clock.h"
#include "base/log.h"
#include "decode/audit_event.h"
#include "sink/output.h"
#include "sink/output_file.h"

static char dir[64], file[96];

static const char *in_dir(const char *name)
{
	static char paths[4][128];
	static int i;

	i = (i + 1) % 4;
	snprintf(paths[i], sizeof(paths[i]), "%s/%s", dir, name);
	return paths[i];
}

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static const char *get(const char *path)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	return text;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

static int make_dir(void **state)
{
	strcpy(dir, "/tmp/pyaudit-output.XXXXXX");
	log_level = -2;
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/out", dir);
	return 0;
}

static int remove_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static int open_close(const char *path)
{
	int fd = output_file_open(path, OUTPUT_FILE_EMPTY);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static void new_files_are_the_owners(void **state)
{
	umask(0);
	assert_int_equal(open_close(file), 0);
	assert_int_equal(mode_of(file), 0600);
	put(file, "old", 0640);
	assert_int_equal(open_close(file), 0);
	assert_string_equal(get(file), "");
	assert_int_equal(mode_of(file), 0640);
}

/* In our own directory a link is ours; where others can write it is refused, and what it points to
 * is left alone. */
static void links(void **state)
{
	put(in_dir("victim"), "precious", 0600);
	assert_int_equal(symlink("victim", file), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(open_close(file), -ELOOP);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(open_close(file), -ELOOP);
	assert_string_equal(get(in_dir("victim")), "precious");
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(open_close(file), 0);
	assert_string_equal(get(in_dir("victim")), "");
}

static void hard_links(void **state)
{
	put(in_dir("victim"), "precious", 0600);
	assert_int_equal(link(in_dir("victim"), file), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(open_close(file), -EMLINK);
	assert_string_equal(get(in_dir("victim")), "precious");
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(open_close(file), 0);
}

static void files_of_others(void **state)
{
	if (geteuid())
		skip();
	put(file, "theirs", 0666);
	assert_int_equal(chown(file, 1, 1), 0);
	/* Without the sticky bit, with which the kernel may refuse it before us. */
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(open_close(file), -EPERM);
	assert_string_equal(get(file), "theirs");
	assert_int_equal(chown(dir, 1, 1), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(open_close(file), 0);
}

static void no_files(void **state)
{
	assert_int_equal(open_close(dir), -EISDIR);
	assert_int_equal(open_close(in_dir("no/where")), -ENOENT);
	assert_int_equal(open_close(in_dir("")), -EISDIR);
	assert_int_equal(open_close("/dev/null"), 0);
}

static void rotates_files(void **state)
{
	int fd, next, i;

	put(file, "0", 0640);
	for (i = 1; i < 5; i++) {
		fd = output_file_open(file, OUTPUT_FILE_APPEND);
		assert_true(fd >= 0);
		next = output_file_rotate(file, fd, 2);
		assert_true(next >= 0);
		assert_int_equal(write(next, &"01234"[i], 1), 1);
		close(fd);
		close(next);
	}
	assert_string_equal(get(file), "4");
	assert_string_equal(get(in_dir("out.1")), "3");
	assert_string_equal(get(in_dir("out.2")), "2");
	assert_null(get(in_dir("out.3")));
	assert_int_equal(mode_of(file), 0640);
}

/* A link where an old file goes is replaced, never written through. */
static void rotation_follows_no_link(void **state)
{
	int fd, next;

	put(in_dir("victim"), "precious", 0600);
	put(file, "records", 0600);
	assert_int_equal(symlink("victim", in_dir("out.1")), 0);
	fd = output_file_open(file, OUTPUT_FILE_APPEND);
	next = output_file_rotate(file, fd, 1);
	assert_true(next >= 0);
	assert_string_equal(get(in_dir("victim")), "precious");
	assert_string_equal(get(in_dir("out.1")), "records");
	close(next);
	unlink(file);
	assert_int_equal(symlink("victim", file), 0);
	assert_int_equal(output_file_rotate(file, fd, 1), -ELOOP);
	assert_string_equal(get(in_dir("victim")), "precious");
	close(fd);
}

/* A format for these tests: the record's number, padded to a length that varies. */
static void write_number(struct buf *out, const struct audit_event *event, uint64_t seq, bool color)
{
	if (event->type == RECORD_LOST)
		buf_printf(out, "%s %llu\n", loss_reasons[event->lost.reason],
			   (unsigned long long)event->lost.count);
	else
		buf_printf(out, "%llu%*s\n", (unsigned long long)seq, (int)(seq * 37 % 400), ".");
}

static const struct format_ops numbers = {"numbers", write_number};

static struct output *open_output(uint64_t rotate_size, unsigned int keep)
{
	struct output_target to = {.path = file, .rotate_size = rotate_size, .keep = keep};

	return output_open(&to, &numbers, false);
}

static void write_records(struct output *o, int n)
{
	struct audit_event event = {.type = RECORD_AUDIT};

	while (n--) {
		output_record(o, &event);
		if (n % 7 == 0)
			output_flush(o);
	}
}

/* The numbers in a file, which go on from *seq. */
static size_t check_numbers(const char *path, unsigned long long *seq)
{
	const char *text = get(path), *line;

	assert_non_null(text);
	for (line = text; *line; line = strchr(line, '\n') + 1) {
		assert_int_equal(strtoull(line, NULL, 10), ++*seq);
		assert_non_null(strchr(line, '\n'));
	}
	return strlen(text);
}

static void rotation_keeps_records(void **state)
{
	struct output *o = open_output(4096, 100);
	unsigned long long seq = 0;
	char name[16];
	int i;

	assert_non_null(o);
	write_records(o, 500);
	output_finish(o, 100);
	assert_int_equal(output_delivered(o), 500);
	assert_int_equal(output_lost(o), 0);
	output_free(o);
	for (i = 100; i > 0; i--) {
		snprintf(name, sizeof(name), "out.%d", i);
		if (access(in_dir(name), F_OK))
			continue;
		/* As full as whole records make it. */
		assert_in_range(check_numbers(in_dir(name), &seq), 4096 - 450, 4096);
	}
	check_numbers(file, &seq);
	assert_int_equal(seq, 500);
	assert_int_equal(access(in_dir("out.10"), F_OK), 0);
}

static void write_long(struct buf *out, const struct audit_event *event, uint64_t seq, bool color)
{
	if (event->type == RECORD_LOST)
		write_number(out, event, seq, color);
	else
		buf_printf(out, "%llu%*s\n", (unsigned long long)seq, 5000, ".");
}

/* A record that is longer than a file may be has one of its own. */
static void long_records(void **state)
{
	static const struct format_ops format = {"long", write_long};
	struct output_target to = {.path = file, .rotate_size = 4096, .keep = 10};
	struct output *o = output_open(&to, &format, false);
	unsigned long long seq = 0;

	write_records(o, 3);
	output_finish(o, 100);
	output_free(o);
	check_numbers(in_dir("out.2"), &seq);
	assert_int_equal(seq, 1);
	check_numbers(in_dir("out.1"), &seq);
	check_numbers(file, &seq);
	assert_int_equal(seq, 3);
	assert_int_equal(access(in_dir("out.3"), F_OK), -1);
}

/* A run that rotates does not destroy what the last one wrote. */
static void a_new_run_rotates(void **state)
{
	struct output *o;

	put(file, "earlier\n", 0600);
	o = open_output(1 << 20, 3);
	write_records(o, 1);
	output_finish(o, 100);
	output_free(o);
	assert_string_equal(get(in_dir("out.1")), "earlier\n");
	assert_int_equal(*get(file), '1');
	o = open_output(0, 0);
	output_free(o);
	assert_string_equal(get(file), "");
}

/* If it cannot be rotated the file grows on, and nothing is lost. */
static void rotation_that_fails(void **state)
{
	struct output *o = open_output(4096, 1);
	unsigned long long seq = 0;

	assert_int_equal(mkdir(in_dir("out.1"), 0700), 0);
	write_records(o, 100);
	output_finish(o, 100);
	assert_int_equal(output_delivered(o), 100);
	output_free(o);
	check_numbers(file, &seq);
	assert_int_equal(seq, 100);
}

static void reopens(void **state)
{
	struct output_target to = {.path = file}, other = {.path = in_dir("other")};
	struct output *o = open_output(0, 0);
	unsigned long long seq = 0;

	write_records(o, 3);
	assert_int_equal(rename(file, in_dir("moved")), 0);
	output_reopen(o, &to);
	write_records(o, 2);
	output_reopen(o, &other);
	write_records(o, 4);
	other.path = in_dir("no/where");
	output_reopen(o, &other);
	write_records(o, 1);
	output_finish(o, 100);
	output_free(o);
	check_numbers(in_dir("moved"), &seq);
	assert_int_equal(seq, 3);
	check_numbers(file, &seq);
	assert_int_equal(seq, 5);
	check_numbers(in_dir("other"), &seq);
	assert_int_equal(seq, 10);
}

static void write_large(struct buf *out, const struct audit_event *event, uint64_t seq, bool color)
{
	if (event->type == RECORD_LOST)
		buf_printf(out, "%s %llu\n", loss_reasons[event->lost.reason],
			   (unsigned long long)event->lost.count);
	else
		buf_printf(out, "%*s\n", 100000, ".");
}

/* Reads all that is in the pipe, and adds up what its lines say was lost. */
static void add_up(int fd, uint64_t lost[LOSS_MAX], unsigned int *events)
{
	static char text[1 << 17];
	static size_t len;
	char *line = text, *end;
	ssize_t n;
	int i;

	while ((n = read(fd, text + len, sizeof(text) - len)) > 0) {
		len += n;
		for (line = text; (end = memchr(line, '\n', text + len - line)); line = end + 1) {
			*end = '\0';
			*events += *line == ' ';
			for (i = 0; i < LOSS_MAX; i++)
				if (!strncmp(line, loss_reasons[i], strlen(loss_reasons[i])))
					lost[i] += strtoull(strchr(line, ' '), NULL, 10);
		}
		len -= line - text;
		memmove(text, line, len);
	}
}

/* What was lost is told in the end, also if there was no room to tell it when it was. */
static void losses_are_told(void **state)
{
	static const struct format_ops format = {"large", write_large};
	struct audit_event event = {.type = RECORD_AUDIT};
	struct audit_event loss = {.type = RECORD_LOST, .lost = {LOSS_RING, 5}};
	struct output_target to = {0};
	uint64_t lost[LOSS_MAX] = {0};
	unsigned int events = 0, i;
	struct output *o;
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	to.fd = fds[1];
	o = output_open(&to, &format, false);
	for (i = 0; i < 400; i++) {
		output_record(o, &event);
		output_record(o, &loss);
	}
	assert_true(output_lost(o) > 100);
	while (output_queued(o)) {
		add_up(fds[0], lost, &events);
		output_flush(o);
	}
	output_record(o, &event);
	while (output_queued(o)) {
		add_up(fds[0], lost, &events);
		output_flush(o);
	}
	add_up(fds[0], lost, &events);
	assert_int_equal(events, output_delivered(o));
	assert_int_equal(events + output_lost(o), 401);
	assert_int_equal(lost[LOSS_OUTPUT], output_lost(o));
	assert_int_equal(lost[LOSS_RING], 400 * 5);
	output_free(o);
	close(fds[0]);
	close(fds[1]);
}

/* Nor does a disk that is full at that time swallow it. */
static void losses_survive_errors(void **state)
{
	static const struct format_ops format = {"large", write_large};
	struct audit_event loss = {.type = RECORD_LOST, .lost = {LOSS_CPU, 7}};
	struct output_target to = {.path = file}, full = {.path = "/dev/full"};
	struct output *o;

	o = output_open(&full, &format, false);
	if (!o)
		skip();
	output_record(o, &loss);
	output_flush(o);
	output_reopen(o, &to);
	loss.lost.count = 2;
	output_record(o, &loss);
	output_finish(o, 100);
	output_free(o);
	assert_string_equal(get(file), "cpu 9\n");
}

/* logrotate's copytruncate. */
static void emptied_meanwhile(void **state)
{
	struct output *o = open_output(0, 0);
	unsigned long long seq = 20;

	write_records(o, 20);
	assert_int_equal(truncate(file, 0), 0);
	write_records(o, 5);
	output_finish(o, 100);
	output_free(o);
	check_numbers(file, &seq);
	assert_int_equal(seq, 25);
}

/* Of what a disk has no room for, the records that it has taken stay. */
static void taken_by_a_full_disk(void **state)
{
	struct rlimit limit, full = {.rlim_cur = 5000};
	struct audit_event event = {.type = RECORD_AUDIT};
	struct output *o = open_output(0, 0);
	unsigned long long seq = 0;
	size_t size;
	int i;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	full.rlim_max = limit.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	for (i = 0; i < 100; i++)
		output_record(o, &event);
	output_flush(o);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	size = check_numbers(file, &seq);
	assert_in_range(size, 5000 - 450, 5000);
	assert_int_equal(output_delivered(o), seq);
	assert_int_equal(output_lost(o), 100 - seq);
	output_free(o);
}

/* A table, and records that are counts. */
static void counts_that_are_lost(void **state)
{
	struct output_target full = {.path = "/dev/full"};
	struct audit_event count = {.type = RECORD_COUNT, .count = 7};
	struct output *o = output_open(&full, &numbers, false);

	if (!o)
		skip();
	output_record(o, &count);
	output_flush(o);
	assert_int_equal(output_lost(o), 7);
	output_text(o, "table", 5, 30);
	output_flush(o);
	assert_int_equal(output_lost(o), 37);
	assert_int_equal(output_delivered(o), 0);
	output_free(o);
	o = open_output(0, 0);
	output_text(o, "table\n", 6, 30);
	output_text(o, NULL, 6, 2);
	output_finish(o, 100);
	assert_int_equal(output_delivered(o), 30);
	assert_int_equal(output_lost(o), 2);
	output_free(o);
	assert_string_equal(get(file), "table\noutput 2\n");
}

/* Reads all that is there. */
static size_t take(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, size - len)) > 0)
		len += n;
	return len;
}

/* The reader of a pipe was too slow, and goes on after all: what it has of a record is not taken
 * for the beginning of the next. */
static void begun_for_a_slow_reader(void **state)
{
	static const struct format_ops format = {"long", write_long};
	static char text[1 << 20];
	struct output_target to = {0};
	struct output *o;
	size_t len, i;
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	to.fd = fds[1];
	o = output_open(&to, &format, false);
	write_records(o, 50);
	output_finish(o, 10);
	assert_int_equal(output_delivered(o) + output_lost(o), 50);
	write_records(o, 1);
	len = take(fds[0], text, sizeof(text));
	output_finish(o, 1000);
	len += take(fds[0], text + len, sizeof(text) - len);
	for (i = 0; i < len; i += strcspn(text + i, "\n") + 1)
		assert_true(strcspn(text + i, "\n") > 5000 - 1 || !strncmp(text + i, "output ", 7));
	output_free(o);
	close(fds[0]);
	close(fds[1]);
}

/* One that reads on, but would take minutes. */
static void steady_slow_reader(void **state)
{
	static const struct format_ops format = {"long", write_long};
	struct output_target to = {0};
	int64_t start = clock_ms();
	struct output *o;
	char text[4096];
	pid_t reader;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	to.fd = fds[1];
	reader = fork();
	if (!reader) {
		close(fds[1]);
		while (read(fds[0], text, sizeof(text)) > 0)
			usleep(20000);
		_exit(0);
	}
	close(fds[0]);
	o = output_open(&to, &format, false);
	write_records(o, 2000); /* 10 MB: 50 s */
	output_finish(o, 200);
	assert_in_range(clock_ms() - start, 200, 10000);
	assert_int_equal(output_delivered(o) + output_lost(o), 2000);
	output_free(o);
	close(fds[1]);
	kill(reader, SIGKILL);
	waitpid(reader, NULL, 0);
}

/* While tracing goes on nobody waits for the reader of a FIFO. */
static void reopens_a_fifo(void **state)
{
	struct output_target fifo = {.path = in_dir("fifo")};
	struct output *o = open_output(0, 0);
	unsigned long long seq = 0;
	char text[1000];
	int fd;

	assert_int_equal(mkfifo(fifo.path, 0600), 0);
	output_reopen(o, &fifo);
	write_records(o, 1);
	output_flush(o);
	check_numbers(file, &seq);
	assert_int_equal(seq, 1);
	fd = open(fifo.path, O_RDONLY | O_NONBLOCK);
	output_reopen(o, &fifo);
	write_records(o, 1);
	output_flush(o);
	assert_true(read(fd, text, sizeof(text)) > 0);
	assert_int_equal(*text, '2');
	output_free(o);
	close(fd);
}

/* The reader of a FIFO has gone; what is opened then is written to again. */
static void reopens_after_a_reader(void **state)
{
	struct output_target fifo = {.path = in_dir("fifo")}, to = {.path = file};
	struct output *o;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(mkfifo(fifo.path, 0600), 0);
	fd = open(fifo.path, O_RDONLY | O_NONBLOCK);
	o = output_open(&fifo, &numbers, false);
	close(fd);
	write_records(o, 3);
	output_flush(o);
	assert_true(output_gone(o));
	output_reopen(o, &to);
	assert_false(output_gone(o));
	write_records(o, 1);
	output_finish(o, 100);
	assert_int_equal(output_delivered(o) + output_lost(o), 4);
	output_free(o);
	assert_non_null(strstr(get(file), "output 3\n"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_files_are_the_owners),
		TEST(links),
		TEST(hard_links),
		TEST(files_of_others),
		TEST(no_files),
		TEST(rotates_files),
		TEST(rotation_follows_no_link),
		TEST(rotation_keeps_records),
		TEST(long_records),
		TEST(a_new_run_rotates),
		TEST(rotation_that_fails),
		TEST(reopens),
		TEST(losses_are_told),
		TEST(losses_survive_errors),
		TEST(emptied_meanwhile),
		TEST(taken_by_a_full_disk),
		TEST(counts_that_are_lost),
		TEST(begun_for_a_slow_reader),
		TEST(steady_slow_reader),
		TEST(reopens_a_fifo),
		TEST(reopens_after_a_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
