// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/mappings.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_PAGES 16 /* a power of two; a record is 100 to 200 bytes, and may be some thousand */

/* The records of one CPU. */
struct cpu_ring {
	int fd;
	struct perf_event_mmap_page *page; /* NULL: the CPU is not there */
};

struct mappings {
	size_t page_size;
	int n;
	struct cpu_ring *rings;
	/* A record that goes around the end of the ring is put together here. */
	unsigned char record[UINT16_MAX + 1];
};

/* linux/perf_event.h: PERF_RECORD_MMAP2 */
struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t major, minor;
	uint64_t ino, generation;
	uint32_t prot, flags;
	char name[];
};

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
};

static int open_cpu(struct mappings *m, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
		.mmap = 1,
		.mmap2 = 1,
		.watermark = 1,
		.wakeup_watermark = RING_PAGES * 4096, /* nobody waits */
	};
	struct cpu_ring *ring = &m->rings[cpu];
	void *page;

	ring->fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		return errno == ENODEV ? 0 : -errno; /* a CPU that is off */
	page = mmap(NULL, (1 + RING_PAGES) * m->page_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    ring->fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	ring->page = page;
	return 0;
}

struct mappings *mappings_open(void)
{
	struct mappings *m = calloc(1, sizeof(*m));
	int i, n = libbpf_num_possible_cpus(), err = 0;

	if (!m)
		return NULL;
	m->page_size = sysconf(_SC_PAGESIZE);
	m->rings = calloc(n > 0 ? n : 1, sizeof(*m->rings));
	if (!m->rings || n < 1) {
		err = -ENOMEM;
		n = 0;
	}
	for (; m->n < n && !err; m->n++)
		m->rings[m->n].fd = -1;
	for (i = 0; i < m->n && !err; i++)
		err = open_cpu(m, i);
	if (!err)
		return m;
	mappings_close(m);
	errno = -err;
	return NULL;
}

/* The record at an offset in the ring of `size` bytes, in one piece. */
static const struct perf_event_header *record_at(struct mappings *m, const unsigned char *data,
						 uint64_t size, uint64_t at)
{
	const struct perf_event_header *h = (const void *)(data + at % size);
	uint64_t left = size - at % size;

	/* Records are multiples of 8 bytes, so a header is never split. */
	if (h->size <= left)
		return h;
	memcpy(m->record, h, left);
	memcpy(m->record + left, data, h->size - left);
	return (const void *)m->record;
}

bool mappings_parse(const void *record, struct mapping *mapping)
{
	const struct mmap2_record *r = record;
	size_t start = offsetof(struct mmap2_record, name);

	if (r->header.type != PERF_RECORD_MMAP2 || r->header.size <= start ||
	    r->header.misc & (PERF_RECORD_MISC_MMAP_BUILD_ID | PERF_RECORD_MISC_MMAP_DATA) ||
	    !memchr(r->name, 0, r->header.size - start))
		return false;
	*mapping = (struct mapping){
		.pid = (pid_t)r->pid,
		.start = r->addr,
		.end = r->addr + r->len,
		.offset = r->pgoff,
		.dev = (uint64_t)r->major << 32 | r->minor,
		.ino = r->ino,
		.generation = r->generation,
		.path = r->name,
	};
	/* Without a file: "//anon", "[vdso]". Of processes outside our namespace the number is 0.
	 */
	return r->ino && mapping->pid > 0;
}

static uint64_t read_ring(struct mappings *m, struct cpu_ring *ring,
			  void (*fn)(const struct mapping *mapping, void *arg), void *arg)
{
	const unsigned char *data = (unsigned char *)ring->page + m->page_size;
	uint64_t size = RING_PAGES * m->page_size, lost = 0;
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;
	const struct perf_event_header *h;
	struct mapping mapping;

	while (tail < head) {
		h = record_at(m, data, size, tail);
		if (h->size < sizeof(*h))
			break;
		if (mappings_parse(h, &mapping))
			fn(&mapping, arg);
		else if (h->type == PERF_RECORD_LOST && h->size >= sizeof(struct lost_record))
			lost += ((const struct lost_record *)h)->lost;
		tail += h->size;
		__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
	}
	return lost;
}

uint64_t mappings_read(struct mappings *m, void (*fn)(const struct mapping *mapping, void *arg),
		       void *arg)
{
	uint64_t lost = 0;
	int i;

	for (i = 0; i < m->n; i++)
		if (m->rings[i].page)
			lost += read_ring(m, &m->rings[i], fn, arg);
	return lost;
}

void mappings_close(struct mappings *m)
{
	int i;

	if (!m)
		return;
	for (i = 0; i < m->n; i++) {
		if (m->rings[i].page)
			munmap(m->rings[i].page, (1 + RING_PAGES) * m->page_size);
		if (m->rings[i].fd >= 0)
			close(m->rings[i].fd);
	}
	free(m->rings);
	free(m);
}
