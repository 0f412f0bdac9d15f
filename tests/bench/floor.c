// SPDX-License-Identifier: GPL-2.0-only
/*
 * floor PID: puts an empty BPF program where pyaudit-trace would put its own, in one process, prints "ready"
 * and waits for its standard input to close. What this costs is the floor that the benchmark's ratios are of.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "python/py_image.h"
#include "target/files.h"

static int program = -1;

static int uprobe_type(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int type = -1;

	if (f && fscanf(f, "%d", &type) != 1)
		type = -1;
	if (f)
		fclose(f);
	return type;
}

static int attach(pid_t pid, int fd, uint64_t offset)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = uprobe_type() };
	char path[32];
	int event;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	attr.config1 = (uintptr_t)path;
	attr.config2 = offset;
	event = syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0 || ioctl(event, PERF_EVENT_IOC_SET_BPF, program) || ioctl(event, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return 0;
}

static int attach_file(const struct target_file *file, void *arg)
{
	struct py_image *image = NULL;
	const struct py_probe *probes;
	size_t n = 0, i;
	int err = 0;

	if (!py_image_read(file->fd, &image)) {
		probes = py_image_probes(image, PY_PROBE_UPROBE, &n);
		for (i = 0; i < n && !err; i++)
			err = attach(*(pid_t *)arg, file->fd, probes[i].file_offset);
	}
	py_image_free(image);
	return err;
}

int main(int argc, char **argv)
{
	struct bpf_insn insns[] = {
		{ .code = 0xb7 }, /* r0 = 0 */
		{ .code = 0x95 }, /* exit */
	};
	pid_t pid = argc == 2 ? atoi(argv[1]) : 0;
	int err;

	program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", insns, 2, NULL);
	err = program < 0 || pid <= 0 ? -EINVAL : target_process_files(pid, attach_file, &pid);
	if (err) {
		fprintf(stderr, "floor: %s\n", strerror(-err));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	return getchar() == EOF ? 0 : 1;
}
