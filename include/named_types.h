/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Types that are told by the name of the type or of one of its bases, because their address is not
 * to be had from the image: they are static in it, come from an extension module, or are written in
 * Python. What an object of such a type is captured as is its recipe.
 *
 * A class of somebody's own that has such a name is captured by the same recipe: it reads other
 * fields then, of that class's own process.
 */
#ifndef PYAUDIT_NAMED_TYPES_H
#define PYAUDIT_NAMED_TYPES_H

enum recipe {
	RECIPE_PLAIN,
	RECIPE_NONE, /* these three: where copy relocations moved the type */
	RECIPE_BOOL,
	RECIPE_FLOAT,
	RECIPE_SOCKET,
	RECIPE_PATH,	  /* pathlib: the text, or the segments it was made of */
	RECIPE_DIR_ENTRY, /* its path */
	RECIPE_ENVIRON,	  /* os.environ: the dict it keeps */
	RECIPE_FILE,	  /* the descriptor, through the layers above it */
	RECIPE_FILE_BUFFERED,
	RECIPE_FILE_TEXT,
	RECIPE_FRAME,
	RECIPE_TRACEBACK,
	RECIPE_METHOD,
	RECIPE_BUILTIN,
	RECIPE_GENERATOR,
	RECIPE_CTYPES,
	RECIPE_OPAQUE, /* plain, whatever its bases are */
};

#define TYPE_NAME_KEY 32 /* bytes of a name that are compared, zero-padded */

#define NAMED_TYPES(X)                                  \
	X("NoneType", RECIPE_NONE)                      \
	X("bool", RECIPE_BOOL)                          \
	X("float", RECIPE_FLOAT)                        \
	X("_socket.socket", RECIPE_SOCKET)              \
	X("PureWindowsPath", RECIPE_OPAQUE)             \
	X("PurePath", RECIPE_PATH)                      \
	X("posix.DirEntry", RECIPE_DIR_ENTRY)           \
	X("_Environ", RECIPE_ENVIRON)                   \
	X("_io.FileIO", RECIPE_FILE)                    \
	X("_io.BufferedReader", RECIPE_FILE_BUFFERED)   \
	X("_io.BufferedWriter", RECIPE_FILE_BUFFERED)   \
	X("_io.BufferedRandom", RECIPE_FILE_BUFFERED)   \
	X("_io.TextIOWrapper", RECIPE_FILE_TEXT)        \
	X("frame", RECIPE_FRAME)                        \
	X("traceback", RECIPE_TRACEBACK)                \
	X("method", RECIPE_METHOD)                      \
	X("builtin_function_or_method", RECIPE_BUILTIN) \
	X("generator", RECIPE_GENERATOR)                \
	X("coroutine", RECIPE_GENERATOR)                \
	X("async_generator", RECIPE_GENERATOR)          \
	X("_ctypes._CData", RECIPE_CTYPES)

#endif
