// SPDX-License-Identifier: GPL-2.0-only
/*
 * How full the ring is. The kernel maps a BPF ring buffer as a page with the consumer's position, a
 * page with the producer's, and the data (kernel/bpf/ringbuf.c, ringbuf_map_mmap_user); what lies
 * between the two positions is in use. libbpf tells it from 1.3 on (ring__avail_data_size), which
 * is newer than what Debian 12 has.
 */
#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/tracer_state.h"

void fill_map(struct tracer *t)
{
	void *pages = mmap(NULL, 2 * sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED,
			   bpf_map__fd(t->skel->maps.ring), 0);

	t->positions = pages == MAP_FAILED ? NULL : pages;
}

void fill_unmap(struct tracer *t)
{
	if (t->positions)
		munmap((void *)t->positions, 2 * sysconf(_SC_PAGESIZE));
	t->positions = NULL;
}

void tracer_ring_fill(const struct tracer *t, struct tracer_ring *fill)
{
	const char *pages = t->positions;
	uint64_t consumer, producer;

	*fill = (struct tracer_ring){.size = t->options.buffer_size};
	if (!pages)
		return;
	consumer = __atomic_load_n((const unsigned long *)pages, __ATOMIC_ACQUIRE);
	producer = __atomic_load_n((const unsigned long *)(pages + sysconf(_SC_PAGESIZE)),
				   __ATOMIC_ACQUIRE);
	fill->used = producer - consumer;
}
