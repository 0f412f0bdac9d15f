/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Python call stacks on the wire.
 *
 * A frame in an audit record is a reference to a code object's content and the instruction it was
 * at. The reference is a keyed hash over the content as it was in memory at the moment of the
 * event, every byte of it: it cannot be stale, whatever has been freed and made anew at an address.
 * The content itself goes out as a record of its own, before the first record that refers to it.
 *
 * References are good inside one process only: what one process makes the kernel side say cannot
 * stand for the code of another.
 */
#ifndef PYAUDIT_WIRE_STACK_H
#define PYAUDIT_WIRE_STACK_H

#define WIRE_MAX_FRAMES 128 /* of one stack */

/* Bytes of a code object's names, and of its line table, that are captured. The largest table of
 * the standard library has 84,186 (3.10). */
#define WIRE_MAX_CODE_NAME  4096
#define WIRE_MAX_LINE_TABLE 114688

/* Behind the values of an audit record; followed by `frames` times struct wire_frame, the innermost
 * first. */
struct wire_stack {
	__u16 frames;
	__u16 flags; /* enum wire_stack_flags */
	__u32 error; /* why there is nothing behind the last frame though the stack did not end
		      * there: a positive errno; 0 */
};

enum wire_stack_flags {
	WIRE_STACK_CUT = 1, /* there were more frames than asked for */
};

struct wire_frame {
	__u64 code;  /* struct wire_code's reference; of no meaning with an error */
	__s32 lasti; /* bytes from the start of the code to the instruction; below 0: not started */
	__u32 error; /* why the code object is not known: a positive errno; 0 */
};

/* The instruction is not known, and so the line is not. */
#define WIRE_LASTI_UNKNOWN (-0x7fffffff - 1)

/* How a code object's line table is to be read. */
enum wire_lines {
	WIRE_LINES_LNOTAB = 1,	 /* co_lnotab (3.9 and older) */
	WIRE_LINES_TABLE = 2,	 /* co_linetable of 3.10: PEP 626 */
	WIRE_LINES_LOCATION = 3, /* co_linetable, Objects/locations.md (3.11) */
};

/* WIRE_CODE: a code object. Followed by its (qualified) name, its file name and its line table,
 * each padded with zeros to a multiple of 8. */
struct wire_code {
	struct wire_header head; /* pid: whose code it is */
	__u64 code;		 /* the reference */
	__s32 first_line;
	__u8 lines;		     /* enum wire_lines */
	__u8 flags;		     /* enum wire_code_flags */
	__u8 func_width, file_width; /* bytes a code unit: 1 Latin-1, 2 UCS-2, 4 UCS-4 */
	__u32 func_len, file_len;    /* bytes */
	__u32 table_len;
	__u32 reserved;
};

enum wire_code_flags {
	WIRE_CODE_FUNC_CUT = 1,
	WIRE_CODE_FILE_CUT = 2,
	WIRE_CODE_NO_TABLE = 4, /* it is longer than WIRE_MAX_LINE_TABLE, or could not be read */
};

#define WIRE_STACK_ASSERTS                                             \
	_Static_assert(sizeof(struct wire_stack) == 8, "wire_stack");  \
	_Static_assert(sizeof(struct wire_frame) == 16, "wire_frame"); \
	_Static_assert(sizeof(struct wire_code) == 80, "wire_code")

#endif
