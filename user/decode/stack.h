/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Python call stacks: records' references to code objects and the content of these (see
 * include/wire_stack.h) to frames with names and lines.
 *
 * What is kept of code objects is bounded. When it is too much, those not used for longest are
 * taken back from the kernel side first, and dropped only when no record that still refers to them
 * can be under way.
 */
#ifndef PYAUDIT_STACK_H
#define PYAUDIT_STACK_H

#include "decode/audit_event.h"
#include "wire_syscall.h"

struct stack_cache;

/* Says to the kernel side that a code object is about to be forgotten. */
typedef void (*stack_forget_fn)(uint32_t pid, uint64_t code, void *arg);

/* NULL without memory. */
struct stack_cache *stack_cache_new(stack_forget_fn forget, void *arg);
void stack_cache_free(struct stack_cache *cache);

/* Takes in a WIRE_CODE record (of wire_check). Returns 0, -EBADMSG or -ENOMEM. */
int stack_cache_add(struct stack_cache *cache, const struct wire_code *code);

/* The stack of an audit record (of wire_check) into *out. Returns true if the record has one. Text
 * in it is good until the next call of stack_cache_add. Frames whose code object is not known have
 * an error. */
bool stack_decode(struct stack_cache *cache, const struct wire_audit *audit, struct stack *out);
/* The same of a WIRE_SYSCALL record. */
bool stack_decode_call(struct stack_cache *cache, const struct wire_syscall *call,
		       struct stack *out);

/* How many code objects are kept, and their bytes. */
size_t stack_cache_count(const struct stack_cache *cache);
size_t stack_cache_bytes(const struct stack_cache *cache);

#define STACK_CACHE_CODES 16384
#define STACK_CACHE_BYTES (32u << 20)

#endif
