/* SPDX-License-Identifier: GPL-2.0-only */
/* uprobe_multi links (Linux 6.6), made with the bare system call: libbpf knows them from 1.3 on.
 * They need only CAP_BPF and CAP_PERFMON, where perf uprobes need CAP_SYS_ADMIN (since 6.16:
 * ba677dbe77af), and are a little faster. */
#ifndef PYAUDIT_KERNEL_MULTI_H
#define PYAUDIT_KERNEL_MULTI_H

#include <stdint.h>

/* The attach type programs for such links are loaded with (enum bpf_attach_type of a 6.6 header).
 */
#define ATTACH_TYPE_TRACE_UPROBE_MULTI 48

/* One probe, in every process that maps the file. path may be a link to it. ref_ctr_offset: file
 * offset of a USDT semaphore, 0 none. Returns the link's descriptor, whose closing takes the probe
 * away, or a negative errno. */
int uprobe_multi_attach(int prog_fd, const char *path, uint64_t offset, uint64_t ref_ctr_offset,
			uint64_t cookie);

#endif
