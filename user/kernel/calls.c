// SPDX-License-Identifier: GPL-2.0-only
/* The programs that see system calls (--syscalls). */
#include <bpf/bpf.h>
#include <errno.h>

#include "kernel/tracer_state.h"
#include "syscall_table.h"

static struct call_shape shape_of(const struct call_row *row)
{
	struct call_shape shape = {.class = row->class, .when = row->when};
	int i, texts = 0;

	for (i = 0; i < CALL_ARGS; i++) {
		const struct call_arg *arg = &row->args[i];

		if (arg->kind >= CALL_ARG_PATH && texts < CALL_TEXTS) {
			shape.text_kind[texts] = arg->kind;
			shape.text_arg[texts++] = arg->at;
		} else if (arg->kind == CALL_ARG_CLONE3 || arg->kind == CALL_ARG_OPEN_HOW) {
			shape.has_number = 1;
			shape.number_arg = arg->at;
		} else if (arg->kind == CALL_ARG_PID) {
			shape.has_pid = 1;
		}
	}
	return shape;
}

static bool is_chosen(const struct tracer *t, const struct call_row *row)
{
	return row->class != CALL_ACT || t->options.syscalls == TRACER_SYSCALLS_ALL;
}

static int fill_i386(struct tracer *t)
{
	int map = bpf_map__fd(t->skel->maps.i386_calls), err = 0;
	const struct i386_row *rows;
	size_t n, i;

	rows = syscall_i386_table(&n);
	for (i = 0; i < n && !err; i++)
		if (is_chosen(t, syscall_find(rows[i].call.nr)))
			err = bpf_map_update_elem(map, &rows[i].index, &rows[i].call, BPF_ANY);
	return -err;
}

static int fill_shapes(struct tracer *t)
{
	int map = bpf_map__fd(t->skel->maps.call_shapes), err = 0;
	const struct call_row *rows;
	size_t n, i;

	rows = syscall_table(&n);
	for (i = 0; i < n && !err; i++) {
		struct call_shape shape = shape_of(&rows[i]);

		if (is_chosen(t, &rows[i]))
			err = bpf_map_update_elem(map, &rows[i].nr, &shape, BPF_ANY);
	}
	return -err ?: fill_i386(t);
}

int calls_attach(struct tracer *t)
{
	int err = fill_shapes(t);
	struct instance *i = err ? NULL : load_instance(t, LOAD_CALLS, 0);

	if (!i)
		return err ?: errno;
	/* What is entered is seen to return, and to be interrupted. */
	err = tracer_attach_program(t, i->skel->progs.on_signal);
	err = err ?: tracer_attach_program(t, i->skel->progs.on_sys_exit);
	return err ?: tracer_attach_program(t, i->skel->progs.on_sys_enter);
}
