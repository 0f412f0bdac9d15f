/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* An event that meets two probes is reported once. */
#ifndef PYAUDIT_BPF_ONCE_H
#define PYAUDIT_BPF_ONCE_H

static __always_inline __u32 probe_number(void *ctx)
{
	return knob_cookie ? bpf_get_attach_cookie(ctx) : knob_probe;
}

/* Links are taken away before their probes are marked so. */
static __always_inline bool is_gone(__u32 number)
{
	struct probe_config *probe = bpf_map_lookup_elem(&probes, &number);

	return !probe || !probe->twin;
}

/*
 * A file seen through two overlay mounts is two inodes there but one underneath, which is where
 * uprobes go: probed by both ways, each event hits two probes. Such files have one build-id; user
 * space marks the probes of all that share one, unless it knows that they are one underneath: then
 * only one of them has probes.
 */
static __always_inline bool is_second_hit(struct pt_regs *ctx, __u32 probe)
{
	struct hit now = {PT_REGS_IP(ctx), PT_REGS_SP(ctx), probe, NO_PROBE};
	__u64 id = bpf_get_current_pid_tgid();
	struct hit *last = bpf_map_lookup_elem(&hits, &id);

	if (last)
		return hit_is_same_event(last, &now, last->first != probe && is_gone(last->first));
	bpf_map_update_elem(&hits, &id, &now, BPF_ANY);
	return false;
}

static __always_inline struct probe_config *probe_of(void *ctx, __u32 *number)
{
	struct probe_config *probe;

	*number = probe_number(ctx);
	probe = bpf_map_lookup_elem(&probes, number);
	return probe && probe->twin && is_second_hit(ctx, *number) ? 0 : probe;
}

/*
 * With a hook in the process (or a USDT semaphore raised) one sys.audit() passes both sys_audit,
 * where it was reported, and the C function behind it. The second is recognised by the name's
 * address, which is inside the str object and so never that of a C literal, and by the stack: it is
 * called from the first.
 */
#define FORWARD_STACK 4096

static __always_inline bool is_name_of(const struct pending *p, __u64 name)
{
	__u64 encoded = p->event;

	if (!encoded && read_user(&encoded, sizeof(encoded), p->utf8_at))
		return false;
	return encoded == name;
}

static __always_inline bool is_forwarded(const struct image_config *image, __u64 bias, __u64 name,
					 __u64 sp)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct pending *p;

	/* Names inside the image's read-only segments are literals. */
	if (name - bias >= image->readonly_start && name - bias < image->readonly_end)
		return false;
	p = bpf_map_lookup_elem(&pendings, &id);
	if (!p || p->sp - sp > FORWARD_STACK || !is_name_of(p, name))
		return false;
	p->event = p->sp = 0;
	return true;
}

/* Whether an event that came to a C function has been reported at sys_audit. */
static __always_inline bool c_call_forwarded(struct pt_regs *ctx, const struct probe_config *probe,
					     __u64 name)
{
	const struct image_config *image = image_of(probe->image);

	return image && is_forwarded(image, PT_REGS_IP(ctx) - probe->link_addr, name,
				     PT_REGS_SP(ctx) + probe->stack_adjust);
}

/* The sys.audit() call this thread is in now: its entry is written in place, it is the thread's
 * own. */
static __always_inline void remember_call(__u64 name, __u64 utf8_at, __u64 sp)
{
	struct pending now = {.event = name, .utf8_at = utf8_at, .sp = sp};
	__u64 id = bpf_get_current_pid_tgid();
	struct pending *p = bpf_map_lookup_elem(&pendings, &id);

	if (p)
		*p = now;
	else
		bpf_map_update_elem(&pendings, &id, &now, BPF_ANY);
}

#endif
