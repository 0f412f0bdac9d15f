/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* One event: from the call to the record in the ring. */
#ifndef PYAUDIT_BPF_EVENT_H
#define PYAUDIT_BPF_EVENT_H

/* What an entry program has found out about the call. */
struct call {
	__u64 name;   /* user address of the event's name, UTF-8 and NUL-terminated */
	__u64 format; /* of the format string; 0 none */
	__u64 tuple;  /* the argument tuple (USDT); 0 none */
	__u64 items;  /* the array of arguments (sys_audit) and */
	__u64 n_items;
	__u64 bias;
	__u32 image;
	__u32 filter;			   /* the number of the filter it is judged by */
	bool name_loaded;		   /* the name is in the work area (sys_audit) */
	bool filtered;			   /* -e leaves it out */
	const struct known_literal *known; /* the name, if the image's file has it there */
};

static __always_inline void call_place(struct call *call, struct pt_regs *ctx,
				       const struct probe_config *probe)
{
	call->image = probe->image;
	call->bias = PT_REGS_IP(ctx) - probe->link_addr;
	call->known = literal_known(call->image, call->name - call->bias);
}

static __always_inline struct wire_audit *record_head(struct scratch *s)
{
	return (struct wire_audit *)s->record;
}

static __always_inline void record_start(struct scratch *s, const struct probe_config *probe,
					 __u32 number, __u64 ip)
{
	s->image = probe->image;
	s->entry = probe->entry;
	s->probe = number;
	s->stack = 0;
	s->has_tstate = 0;
	s->tstate = 0;
	record_reset(s, ip - probe->link_addr);
}

/* The probed function's first argument is the thread state. */
static __always_inline void has_tstate(struct scratch *s, struct pt_regs *ctx)
{
	s->tstate = PT_REGS_PARM1(ctx);
	s->has_tstate = 1;
}

static __always_inline void record_send(struct scratch *s)
{
	struct wire_audit *a = record_head(s);
	__u64 size = at_most(s->used, WIRE_MAX_SIZE);

	introduce();
	head_fill(&a->head, size, WIRE_AUDIT);
	a->probe = s->probe;
	a->flags = s->audit_flags | (s->filter % FILTERS ? WIRE_AUDIT_FILTER_1 : 0);
	a->values = s->top;
	a->args = s->args;
	a->stack = s->stack;
	if (knob_syscalls)
		announce(s, a->head.time);
	if (!bpf_ringbuf_output(&ring, a, size, ring_flags()))
		return;
	if (knob_syscalls)
		announce_lost();
	/* One that is filtered out has been counted as that. */
	if (!(s->audit_flags & WIRE_AUDIT_FILTERED))
		__sync_fetch_and_add(&lost[WIRE_LOSS_RING], 1);
}

/* The event's name as the record's first value: from the work area, or from where the call has it.
 */
static __always_inline void put_name(struct scratch *s, const struct call *call)
{
	struct wire_value *v = put(s, WIRE_STR, WIRE_OK, 0, 0);
	__u64 len;

	if (!v)
		return;
	if (call->name_loaded) {
		len = at_most(s->name_len, WIRE_MAX_NAME);
		copy_within(record_room(s, s->used), s->name, len);
		end_payload(s, v, len);
	} else if (call->known) {
		literal_copy(record_room(s, s->used), call->known);
		end_payload(s, v, call->known->len);
	} else {
		put_payload_str(s, v, call->name, WIRE_MAX_NAME - 1);
	}
	if (v->status != WIRE_OK)
		return;
	len = call->name_loaded ? s->name_whole : v->len == WIRE_MAX_NAME - 1 ? WIRE_MAX_NAME : 0;
	v->num = len ?: v->len;
	if (len)
		v->status = WIRE_TRUNCATED;
}

static __always_inline void capture_arguments(struct scratch *s, __u32 slot,
					      const struct call *call)
{
	const struct known_literal *format;
	long n;

	if (!knob_args || !filter_of(s->filter)->args) {
		s->audit_flags |= WIRE_AUDIT_NO_ARGS;
		return;
	}
	s->fmt[0] = s->fmt[1] = 0;
	format = literal_known(s->image, call->format - s->bias);
	if (format) {
		literal_copy(s->fmt, format);
	} else if (call->format) {
		n = read_literal(s->fmt, FORMAT_LEN, call->format, s->image, s->bias);
		if (n < 0)
			s->audit_flags |= WIRE_AUDIT_FMT_UNREAD;
		if (s->audit_flags & WIRE_AUDIT_FMT_UNREAD)
			return;
	}
	if (s->entry == PY_ENTRY_SYS_AUDIT) {
		s->frames[0].next = call->items;
		s->frames[0].left = s->args =
			call->n_items > 0xffffffff ? 0xffffffff : call->n_items;
	}
	s->item = call->tuple;
	start_arguments(slot);
	capture_all(slot);
}

static __always_inline void drop_filtered(const struct name_key *name)
{
	count_filtered();
	if (knob_syscalls)
		announce_filtered(name);
}

/* An event that is filtered out goes on, for the system calls it explains. */
static __always_inline void tell_filtered(struct scratch *s)
{
	count_filtered();
	s->audit_flags |= WIRE_AUDIT_FILTERED;
}

/* Does --rate let one more event of this process pass? If not, it is counted as lost. */
static __always_inline bool rate_pass(const struct live_filter *f)
{
	if (!f->rate_interval || rate_allows(f->rate_interval))
		return true;
	if (knob_syscalls)
		announce_lost();
	return false;
}

/* An event that passes the filters is left out: what it would have explained cannot be told. */
static __always_inline bool left_out(__u32 reason)
{
	__sync_fetch_and_add(&lost[reason & 3], 1);
	if (knob_syscalls)
		announce_lost();
	return false;
}

/* Whether an event whose name passes may cost anything more: --max-cpu does not leave it out,
 * --rate allows it, and there is room in the ring; if not, that is counted. Where arguments decide,
 * the rate is for what passes them. */
static __always_inline bool may_cost(const struct live_filter *f, __u8 verdict)
{
	if (knob_shed && (verdict & VERDICT_SHED || (shed_unlisted && !(verdict & VERDICT_LISTED))))
		return left_out(WIRE_LOSS_CPU);
	if (!f->arg_rules && !rate_pass(f))
		return false;
	return ring_has_room() || left_out(WIRE_LOSS_RING);
}

/* Appends the context of the thread, if its process publishes one, to the record in the work area.
 */
__noinline int capture_trace(__u32 slot)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	const struct process_context *c = bpf_map_lookup_elem(&contexts, &pid);
	struct scratch *s = scratch_of(slot);
	struct wire_trace t;

	if (!c || !s || !find_context(c, thread_pointer_now(), &t))
		return 0;
	*(struct wire_trace *)record_at(s, s->used) = t;
	s->used += sizeof(t);
	s->audit_flags |= WIRE_AUDIT_TRACE;
	return 0;
}

/* What --arg says of a captured event. */
static __always_inline bool arguments_pass(__u32 slot, struct scratch *s)
{
	if (args_may_pass(slot, s->filter))
		return rate_pass(filter_of(s->filter));
	if (!knob_syscalls) {
		count_filtered();
		return false;
	}
	tell_filtered(s);
	return true;
}

/* The rest of the way, with a work area: capture, send. */
static __always_inline void event_capture(struct scratch *s, __u32 slot, const struct call *call)
{
	if (call->filtered)
		tell_filtered(s);
	put_name(s, call);
	capture_arguments(s, slot, call);
	if (filter_of(s->filter)->arg_rules && !call->filtered && !arguments_pass(slot, s))
		return;
	if (knob_stack_depth && !(s->audit_flags & WIRE_AUDIT_FILTERED))
		capture_stack(slot);
	if (any_contexts && !(s->audit_flags & WIRE_AUDIT_FILTERED))
		capture_trace(slot);
	record_send(s);
}

/* What becomes of an event by its name: does it go on? It may go on though it is filtered out. */
static __always_inline bool verdict_goes_on(struct call *call, __u8 verdict,
					    const struct name_key *name)
{
	if (verdict & VERDICT_PASS)
		return may_cost(filter_of(call->filter), verdict);
	call->filtered = knob_syscalls && verdict & VERDICT_TELL;
	if (!call->filtered)
		drop_filtered(name);
	return call->filtered;
}

/* Counts an event with a C name, filters it, and claims a work area for it; NULL when the event
 * ends here. A name that cannot be read passes: user space may find it in the file. */
static __always_inline struct scratch *event_admit(struct call *call, __u32 *slot)
{
	const struct live_filter *f = filter_of(call->filter);
	__u8 verdict = VERDICT_PASS | VERDICT_LISTED;
	struct name_key key = {};
	struct scratch *s;
	bool known = true;
	long n;

	count_seen();
	/* What --max-cpu says of a name changes, and is in the map. */
	if (f->by_name && call->known && !knob_shed) {
		verdict = verdict_of(call->known->verdict, call->filter);
		if (knob_syscalls)
			literal_copy(key.text, call->known);
	} else if (f->by_name) {
		n = read_literal(key.text, sizeof(key.text), call->name, call->image, call->bias);
		if (n > 0)
			known = n < NAME_KEY_LEN && verdict_known(&key, call->filter, &verdict);
	}
	if (known && !verdict_goes_on(call, verdict, &key))
		return 0;
	*slot = scratch_claim();
	if (*slot == NO_SCRATCH)
		return 0;
	s = scratch_of(*slot);
	if (!s)
		return 0;
	s->filter = call->filter;
	if (f->arg_rules || !known)
		load_c_name(s, call->name, call->image, call->bias);
	if (known || verdict_goes_on(call, verdict_find(*slot, s), (struct name_key *)s->name))
		return s;
	scratch_release(*slot);
	return 0;
}

#endif
