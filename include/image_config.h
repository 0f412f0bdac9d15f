/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the BPF side must know of one CPython image (an ELF file with an interpreter in it) and of
 * one probe in it. User space fills these from the file (user/python) and stores them in BPF maps;
 * there is no code per version on either side.
 *
 * All offsets are bytes from the start of the object. 0 means "this version has no such field"
 * wherever 0 cannot be a real offset.
 */
#ifndef PYAUDIT_IMAGE_CONFIG_H
#define PYAUDIT_IMAGE_CONFIG_H

#include "frame_layout.h"
#include "live_filter.h"

struct py_layout {
	/* PyObject, PyVarObject, PyTypeObject */
	__u16 object_size; /* sizeof(PyObject): the first field of simple objects */
	__u16 ob_type, ob_size;
	__u16 tp_name, tp_basicsize, tp_flags, tp_members, tp_base, tp_dictoffset, ht_cached_keys;
	/* str: the state word holds kind (3 bits), compact and ascii at these bit numbers */
	__u16 str_length, str_state;
	__u16 str_kind_bit, str_compact_bit, str_ascii_bit;
	__u16 str_ascii_data;	/* sizeof(PyASCIIObject) */
	__u16 str_compact_data; /* sizeof(PyCompactUnicodeObject) */
	__u16 str_data;		/* PyUnicodeObject.data: pointer */
	__u16 str_utf8_length, str_utf8;
	__u16 str_wstr, str_wstr_length; /* legacy strings that are not ready; 3.11 and older */
	__u16 bytes_data, bytearray_start;
	/* int: int_tagged 0: signed ob_size counts the digits; 1: lv_tag (3.12) */
	__u16 int_size, int_digits, int_tagged;
	__u16 float_value;
	__u16 tuple_items; /* inline */
	__u16 list_items;  /* pointer */
	/* dict: dk_log2 0: dk_size is a count (3.10 and older); 1: a byte with its logarithm, then
	 * dk_log2_index_bytes and dk_kind (3.11) */
	__u16 dict_used, dict_keys, dict_values;
	__u16 dk_log2, dk_size, dk_nentries, dk_indices;
	__u16 dict_values_array; /* of the first value in _dictvalues */
	__s16 managed_dict; /* of the managed dict pointer, before the object; 0: none (3.10) */
	__u16 managed_dict_form; /* 0 tp_dictoffset; 1 dict -24 and values -32 (3.11); 2 one tagged
				  * word (3.12); 3 dict pointer, values inline after tp_basicsize
				  * (3.13) */
	/* objects that are named rather than copied */
	__u16 code_firstlineno, code_filename, code_name, code_qualname;
	__u16 function_name, function_qualname;
	__u16 module_name; /* md_name */
	__u16 socket_fd;   /* PySocketSockObject.sock_fd */
	__u16 exception_args;
	__u16 frame_code;  /* the code object; or, if frame_inner is set, in what that points to */
	__u16 frame_inner; /* PyFrameObject.f_frame (3.11) */
	__u16 traceback_frame, traceback_lineno;
	__u16 method_func; /* PyMethodObject.im_func */
	__u16 builtin_def; /* PyCFunctionObject.m_ml, whose first field is the name */
	__u16 generator_qualname;
	__u16 path_str, path_segments; /* slots of pathlib.PurePath: _str; _raw_paths or _parts */
	__u16 direntry_path;
	__u16 file_fd, file_raw, file_buffer; /* of io.FileIO, the Buffered types, TextIOWrapper */
	__u16 ctypes_data;		      /* CDataObject.b_ptr */
	__u16 reserved[2];
};

/* Link addresses of singletons and type objects (symbol values in the file); 0 if not exported. */
struct py_types {
	__u64 none_object, true_object, false_object;
	__u64 none, boolean, integer, floating, str, bytes, bytearray, tuple, list, dict;
	__u64 code, function, type, module;
};

/* One CPython image. */
struct image_config {
	__u32 version; /* PY_VERSION_HEX */
	__u32 decode;  /* 0: layout unknown, only C-level arguments are captured */
	/* Link addresses between which the file's read-only segments lie: a C string literal is in
	 * there, no Python object is. Equal when not known. */
	__u64 readonly_start, readonly_end;
	struct py_layout layout;
	struct py_types types;
	struct py_stack stack;
};

/* Where the traced call's operands are: the C functions a probe can stand on. */
enum py_entry {
	PY_ENTRY_SYS_AUDIT_TSTATE =
		1,		  /* static sys_audit_tstate(tstate, event, format, va_list *) */
	PY_ENTRY_SYS_AUDIT = 2,	  /* METH_FASTCALL sys_audit(self, PyObject *const *args, nargs) */
	PY_ENTRY_PYSYS_AUDIT = 3, /* PySys_Audit(event, format, ...) */
	PY_ENTRY_PYSYS_AUDIT_T = 4, /* static _PySys_Audit(tstate, event, format, ...) */
	PY_ENTRY_USDT = 5,	    /* python:audit(event, tuple) */
};

/* One operand of a USDT site: a register, or memory at register + displacement. */
struct probe_operand {
	__u16 reg;    /* offset in struct pt_regs */
	__u16 memory; /* 1: the operand is the 8 bytes at [reg + displacement] */
	__s32 displacement;
};

struct probe_config {
	__u32 image;	    /* index of its struct image_config */
	__u32 entry;	    /* enum py_entry */
	__u64 link_addr;    /* of the probed instruction */
	__s32 stack_adjust; /* bytes the prologue has pushed before it: rsp at function entry is
			     * rsp + stack_adjust */
	__u32 twin;	    /* another probe may stand at the same place: see is_second_hit */
	struct probe_operand operand[2]; /* PY_ENTRY_USDT: event, tuple */
};

/* A page of an image's read-only data, by link address: where the kernel may not bring in a page,
 * literals are found in these (see read_literal). */
#define LITERAL_PAGE 4096
#define LITERAL_TAIL 256

struct literal_key {
	__u64 addr;
	__u32 image;
	__u32 reserved;
};

struct literal_page {
	char text[LITERAL_PAGE + LITERAL_TAIL];
};

/*
 * Names of events and argument formats in the read-only data of the images, by address: what the
 * file has there. An open hash table in an array; what is asked for most is answered from it,
 * without reading memory.
 */
#define LITERAL_SLOTS 16384 /* a power of two: LITERAL_BITS */
#define LITERAL_BITS  14
#define LITERAL_TRIES 4
#define LITERAL_TEXT  48

struct known_literal {
	__u64 key;	       /* literal_index(); 0: free */
	__u8 len;	       /* without NUL */
	__u8 verdict[FILTERS]; /* of a name: enum verdict (name_verdict.h) */
	__u8 reserved[5];
	char text[LITERAL_TEXT]; /* zero-padded */
};

#define LITERAL_GONE 1 /* a key: free, but others lie behind it */

/* Link addresses are below 2^48. */
static inline __u64 literal_index(__u32 image, __u64 addr)
{
	return (__u64)(image + 1) << 48 ^ addr;
}

static inline int literal_is_of(__u64 index, __u32 image)
{
	return index >> 48 == image + 1;
}

static inline __u32 literal_slot(__u64 index)
{
	return index * 0x9e3779b97f4a7c15ull >> (64 - LITERAL_BITS);
}

#define MAX_IMAGES 1024
#define MAX_PROBES 4096

#endif
