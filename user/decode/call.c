// SPDX-License-Identifier: GPL-2.0-only
/* WIRE_SYSCALL records to struct call_info. */
#include <errno.h>
#include <string.h>

#include "decode/wire_decode.h"
#include "wire_syscall.h"

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

int wire_decode_syscall(const struct wire_syscall *wire, struct call_info *call)
{
	const char *text = (const char *)(wire + 1);
	size_t left = (wire->stack ?: wire->head.size) - sizeof(*wire);
	int i;

	*call = (struct call_info){.row = syscall_find(wire->nr)};
	if (!call->row || (wire->stack && !wire_stack_at(&wire->head, wire->stack)))
		return -EBADMSG;
	for (i = 0; i < CALL_TEXTS; i++) {
		if (padded(wire->text_len[i]) > left)
			return -EBADMSG;
		call->texts[i] = (struct text){.data = text, .len = wire->text_len[i]};
		call->text_errors[i] = wire->text_error[i];
		call->text_cut[i] = wire->text_cut >> i & 1;
		text += padded(wire->text_len[i]);
		left -= padded(wire->text_len[i]);
	}
	memcpy(call->args, wire->args, sizeof(call->args));
	call->ret = wire->ret;
	call->ns = wire->duration;
	call->pid = wire->head.pid;
	call->tid = wire->head.tid;
	call->ns_pid = wire->ns_pid ?: wire->head.pid;
	call->ns_tid = wire->ns_tid ?: wire->head.tid;
	call->made = wire->child ?: wire->ret > 0 ? (uint32_t)wire->ret : 0;
	call->child = wire->flags & WIRE_CALL_CHILD;
	call->i386 = wire->flags & WIRE_CALL_I386;
	return 0;
}
