// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/multi.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

int uprobe_multi_attach(int prog_fd, const char *path, uint64_t offset, uint64_t ref_ctr_offset,
			uint64_t cookie)
{
	/* The beginning of union bpf_attr for BPF_LINK_CREATE; the uapi header here may be older.
	 */
	struct {
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t cnt, multi_flags, pid, reserved;
	} attr = {
		.prog_fd = prog_fd,
		.attach_type = ATTACH_TYPE_TRACE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)&offset,
		.ref_ctr_offsets = ref_ctr_offset ? (uintptr_t)&ref_ctr_offset : 0,
		.cookies = (uintptr_t)&cookie,
		.cnt = 1,
	};
	int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}
