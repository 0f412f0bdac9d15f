/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the BPF side must know of an image to walk a thread's Python frames. As in image_config.h
 * all of it is data, and 0 means that a version has no such field. */
#ifndef PYAUDIT_FRAME_LAYOUT_H
#define PYAUDIT_FRAME_LAYOUT_H

/* Offsets in PyThreadState, in a frame (PyFrameObject before 3.11, _PyInterpreterFrame since) and
 * in PyCodeObject; those that py_layout has are not repeated. */
struct py_frames {
	__u16 thread_frame;  /* PyThreadState: the current frame, or the _PyCFrame that has it */
	__u16 thread_cframe; /* 1: the latter (3.11, 3.12), */
	__u16 cframe_frame;  /* which has it there */
	__u16 thread_id;     /* PyThreadState.thread_id: pthread_self() */
	__u16 frame_size;    /* bytes of a frame to read: all the fields below are in there */
	__u16 code, previous, lasti;
	__u16 lasti_form; /* enum py_lasti */
	__u16 owner;	  /* u8; who owns the frame (3.11) */
	__u16 shim;	  /* frames with an owner from here on are not Python's (3.12); 0 none */
	__u16 generator;  /* the owner of frames of generators */
	__u16 tlbc_index; /* i32; the thread's copy of the bytecode (3.14, free-threaded) */
	__u16 tag_bits;	  /* low bits of the code pointer that are no address (3.14) */
	__u16 code_lines; /* the line table: a bytes object */
	__u16 lines_form; /* enum wire_lines */
	__u16 code_start; /* co_code_adaptive: the first instruction */
	__u16 code_traceable; /* i32, instructions: frames before it are not complete yet */
	__u16 code_tlbc;      /* _PyCodeArray *: copies of the bytecode */
	__u16 code_size;      /* bytes of a code object to read */
};

/* What a frame says of where it is. */
enum py_lasti {
	PY_LASTI_BYTES,	      /* i32: bytes (3.8, 3.9) */
	PY_LASTI_UNITS,	      /* i32: units of two bytes (3.10) */
	PY_LASTI_INSTRUCTION, /* pointer to the instruction (3.11) */
};

/* Where the current thread's state is found when the probed function has not got it as an argument:
 * its address is kept */
enum py_thread_source {
	PY_THREAD_UNKNOWN = 0,
	PY_THREAD_GLOBAL = 1,	  /* at a link address: _PyRuntime.gilstate.tstate_current (3.11 and
				   * older: whoever runs holds the GIL) */
	PY_THREAD_TLS = 2,	  /* at an offset from the thread pointer: _Py_tss_tstate (3.12) */
	PY_THREAD_TLS_OFFSET = 3, /* the same; the offset is at a link address (GOT) */
	PY_THREAD_TLS_MODULE = 4, /* in a block of the thread's DTV: module and offset in it are at
				   * a link address (GOT); `offset` is added */
};

struct py_thread {
	__u32 source;	  /* enum py_thread_source */
	__u32 dtv_stride; /* bytes of an entry of the DTV: 16 glibc, 8 musl */
	__u64 addr;	  /* link address */
	__s64 offset;
};

struct py_stack {
	__u32 walk; /* 0: the layout of frames is not known; there are no stacks */
	__u32 reserved;
	struct py_frames frames;
	struct py_thread thread;
};

#endif
