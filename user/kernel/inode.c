// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/tracer_state.h"

/* The kernel does not wait for the lock of our mappings, which whoever reads /proc may hold. */
#define TRIES 100

uint64_t tracer_file_inode(struct tracer *t, int fd)
{
	int prog = bpf_program__fd(t->skel->progs.tell_inode), i, err = 0;
	size_t size = sysconf(_SC_PAGESIZE);
	void *page;

	if (prog < 0)
		return 0;
	page = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return 0;
	t->skel->bss->inode_asked = (uint64_t)page;
	t->skel->bss->inode_told = 0;
	for (i = 0; i < TRIES && !err && !t->skel->bss->inode_told; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts);

		err = bpf_prog_test_run_opts(prog, &opts);
	}
	munmap(page, size);
	return t->skel->bss->inode_told;
}
