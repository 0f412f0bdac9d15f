// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/log.h"
#include "kernel/mappings.h"
#include "kernel/multi.h"

static bool quiet_probe(int (*probe)(void))
{
	libbpf_print_fn_t old = libbpf_set_print(NULL);
	int yes = probe();

	libbpf_set_print(old);
	return yes > 0;
}

static int probe_btf(void)
{
	return access("/sys/kernel/btf/vmlinux", R_OK) == 0;
}

static int probe_ring(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL);
}

static int probe_boot_clock(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_ktime_get_boot_ns, NULL);
}

static int probe_cookie(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL);
}

static int probe_task(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_current_task_btf, NULL);
}

static int probe_uprobes(void)
{
	return access("/sys/bus/event_source/devices/uprobe/type", R_OK) == 0;
}

static int probe_semaphores(void)
{
	return access("/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset", R_OK) == 0;
}

/* Programs that may sleep, and use a stack map: that came later. */
static int probe_sleepable(void)
{
	int map = bpf_map_create(BPF_MAP_TYPE_STACK, NULL, 0, 4, 1, NULL), fd;
	struct bpf_insn insns[] = {
		{.code = BPF_LD | BPF_DW | BPF_IMM,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = map},						     /* r1 = map */
		{.code = 0},						     /* its second half */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0}, /* r0 = 0 */
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);

	if (map < 0)
		return 0;
	fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", insns, 4, &opts);
	close(map);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* A link to a directory: EBADF where links of this kind are known (bpf_uprobe_multi_link_attach),
 * EINVAL or E2BIG before. */
static int probe_uprobe_multi(void)
{
	struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0}, /* r0 = 0 */
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = ATTACH_TYPE_TRACE_UPROBE_MULTI);
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", insns, 2, &opts), link;

	if (fd < 0)
		return 0;
	link = uprobe_multi_attach(fd, "/", 0, 0, 0);
	if (link >= 0)
		close(link);
	close(fd);
	return link >= 0 || link == -EBADF;
}

static int probe_find_vma(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_find_vma, NULL);
}

static int probe_mappings(void)
{
	struct mappings *m = mappings_open();

	mappings_close(m);
	return m != NULL;
}

/* The lockdown mode in force, as the kernel marks it: "none [integrity] confidentiality". */
static int probe_reading(void)
{
	char text[128] = "";
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	bool locked;

	if (!f)
		return true;
	locked = fgets(text, sizeof(text), f) && strstr(text, "[confidentiality]");
	fclose(f);
	return !locked;
}

static struct feature features[] = {
	{"BTF", true, false, "/sys/kernel/btf/vmlinux; a kernel built with CONFIG_DEBUG_INFO_BTF"},
	{"ring buffer", true, false, "Linux 5.8"},
	{"boot clock", true, false, "Linux 5.8"},
	{"uprobes", true, false, "a kernel built with CONFIG_UPROBE_EVENTS and CONFIG_PERF_EVENTS"},
	{"reading memory", true, false,
	 "the kernel is locked down: boot with lockdown=integrity or none"},
	{"USDT semaphores", false, false, "Linux 4.20; --probe usdt needs them"},
	{"attach cookies", false, false, "Linux 5.15; without them each probe is loaded by itself"},
	{"sleepable uprobes", false, false,
	 "a newer Linux than 6.1; without them strings in pages not loaded yet come from the file"},
	{"uprobe_multi", false, false, "Linux 6.6; without it CAP_SYS_ADMIN is needed"},
	{"mapping records", false, false,
	 "CAP_PERFMON; without them new files are looked for for a second after each exec"},
	{"files below overlays", false, false,
	 "Linux 5.17; without them each container has its own probes, which all its image's meet"},
};

static int (*const probes[])(void) = {
	probe_btf,	    probe_ring,	      probe_boot_clock, probe_uprobes,
	probe_reading,	    probe_semaphores, probe_cookie,	probe_sleepable,
	probe_uprobe_multi, probe_mappings,   probe_find_vma,
};

const struct feature *features_list(size_t *n)
{
	static bool done;
	size_t i;

	*n = sizeof(features) / sizeof(features[0]);
	for (i = 0; i < *n && !done; i++)
		features[i].present = quiet_probe(probes[i]);
	done = true;
	return features;
}

bool feature_attach_cookie(void)
{
	static int known = -1;

	if (known < 0)
		known = quiet_probe(probe_cookie);
	return known;
}

bool feature_current_task(void)
{
	static int known = -1;

	if (known < 0)
		known = quiet_probe(probe_task);
	return known;
}

bool feature_uprobe_multi(void)
{
	static int known = -1;

	if (known < 0)
		known = quiet_probe(probe_uprobe_multi);
	return known;
}

bool feature_find_vma(void)
{
	static int known = -1;

	if (known < 0)
		known = quiet_probe(probe_find_vma);
	return known;
}

bool feature_sleepable_uprobes(void)
{
	static int known = -1;

	if (known < 0)
		known = quiet_probe(probe_sleepable);
	return known;
}

static struct capability capabilities[] = {
	{"CAP_BPF", CAP_BPF, true, false, "load BPF programs"},
	{"CAP_PERFMON", CAP_PERFMON, true, false, "read the traced process's memory from them"},
	{"CAP_SYS_ADMIN", CAP_SYS_ADMIN, true, false, "attach uprobes through perf events"},
	{"CAP_SYS_PTRACE", CAP_SYS_PTRACE, false, false,
	 "find the files of other users' processes"},
	{"CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH, false, false, "read them wherever they lie"},
	{"CAP_CHECKPOINT_RESTORE", CAP_CHECKPOINT_RESTORE, false, false,
	 "read libraries that have no name any more"},
};

/* What CAP_SYS_ADMIN was split into still comes with it (5.8, 5.9). */
static bool is_part_of_admin(int bit)
{
	return bit == CAP_BPF || bit == CAP_PERFMON || bit == CAP_CHECKPOINT_RESTORE;
}

bool capability_held(int bit)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[bit / 32].effective >> bit % 32 & 1;
}

const struct capability *capabilities_list(size_t *n)
{
	struct capability *c;

	*n = sizeof(capabilities) / sizeof(capabilities[0]);
	for (c = capabilities; c < capabilities + *n; c++) {
		c->held = capability_held(c->bit) ||
			  (is_part_of_admin(c->bit) && capability_held(CAP_SYS_ADMIN));
		if (c->bit == CAP_SYS_ADMIN)
			c->needed = !feature_uprobe_multi();
	}
	return capabilities;
}

static bool capabilities_check(bool everybody)
{
	char missing[128] = "";
	size_t n, i, len = 0;
	const struct capability *c = capabilities_list(&n);

	for (i = 0; i < n; i++)
		if (!c[i].held && (c[i].needed || (everybody && c[i].bit == CAP_SYS_PTRACE)))
			len += snprintf(missing + len, sizeof(missing) - len, "%s%s",
					len ? ", " : "", c[i].name);
	if (!len)
		return true;
	log_error("permission denied: missing %s; run as root, for example with sudo", missing);
	return false;
}

static bool kernel_new_enough(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return true;
	if (major > 5 || (major == 5 && minor >= 8))
		return true;
	log_error("kernel %s: too old; Linux 5.10 or newer is needed", u.release);
	return false;
}

bool features_check(bool everybody)
{
	if (!kernel_new_enough() || !capabilities_check(everybody))
		return false;
	if (!probe_reading()) {
		log_error("kernel: locked down (confidentiality), BPF may not read memory; boot "
			  "with lockdown=integrity or none");
		return false;
	}
	if (!probe_btf()) {
		log_error("kernel: no BTF at /sys/kernel/btf/vmlinux; use a kernel built with "
			  "CONFIG_DEBUG_INFO_BTF=y");
		return false;
	}
	if (!probe_uprobes()) {
		log_error("kernel: no uprobes; use a kernel built with CONFIG_UPROBE_EVENTS=y");
		return false;
	}
	return true;
}

void features_explain(int err)
{
	if (err == EPERM || err == EACCES)
		log_error("loading BPF programs: %s; check capabilities and lockdown with --check",
			  strerror(err));
	else if (err == ENOMEM)
		log_error("loading BPF programs: out of memory; try a smaller --buffer or raise "
			  "the memory limit");
	else
		log_error("loading BPF programs: %s; run with -vv for the kernel's words",
			  strerror(err));
}
