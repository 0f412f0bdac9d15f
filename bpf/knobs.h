/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is fixed when the programs are loaded. User space sets these before the load; the verifier
 * sees constants and removes what is switched off.
 */
#ifndef PYAUDIT_BPF_KNOBS_H
#define PYAUDIT_BPF_KNOBS_H

/* The kernel tells the attach cookie (5.15: 7adfc6c9b315). Without it each probe is served by an
 * instance of its own, whose number is in knob_probe. */
const volatile bool knob_cookie = true;
const volatile __u32 knob_probe = 0;

/* The current task can be looked at directly (5.11: 3ca1032ab7ab). */
const volatile bool knob_task = false;

/* The uprobe programs are loaded so that they may sleep. */
const volatile bool knob_sleepable = false;

/* Never set: guards what only has to be there (see keep_stack). */
const volatile bool knob_never = false;

/* Only processes in `targets` are traced (-f, COMMAND); otherwise all that the probes reach are. */
const volatile bool knob_targets_only = false;
/* Every process that raises an event becomes a target, so that its exit is told, and every executed
 * file that is not in `known_files` is told (-a). */
const volatile bool knob_adopt = false;
/* Children of targets become targets (-f). */
const volatile bool knob_follow = false;
/* A target that executes a file not in `known_files` is stopped until user space has put probes
 * there. */
const volatile bool knob_stop_on_exec = false;

const volatile bool knob_args = true;
const volatile __u32 knob_string_limit = 512;

/* Frames of a Python call stack; 0: no stacks. */
const volatile __u32 knob_stack_depth = 0;
/* What references to code objects are made with, new in each run (frames.h). */
const volatile __u64 knob_code_key[2] = {};

/* Events may be left out by name: --max-cpu. */
const volatile bool knob_shed = false;

/* Fill of the ring, bytes, past which an event is not even captured, and a call not told. */
const volatile __u64 knob_full_fill = 8 << 20;

/* The watched system calls are told too, and for their sake events that explain them though they
 * are filtered out. */
const volatile bool knob_syscalls = false;

/* Fill of the ring, bytes, past which the consumer is woken. */
const volatile __u64 knob_wakeup_fill = 1 << 20;

#endif
