# SPDX-License-Identifier: GPL-2.0-only
"""hooklog, and what identifies more kinds of objects in its log.

What only an audited operation could read (a frame's code object, the address of ctypes data) is told
beforehand with know().
"""
import _io
import os
import types

import hooklog
from hooklog import quote, text, value

_base = hooklog.details
_known, _inside = [], []
_Method, _Builtin = types.MethodType, types.BuiltinFunctionType
_Generators = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
_File, _Text = _io.FileIO, _io.TextIOWrapper
_Buffered = (_io.BufferedReader, _io.BufferedWriter, _io.BufferedRandom)
_Entry = type(next(os.scandir("/")))
_args = BaseException.__dict__["args"].__get__


def know(v, **details):
    """This object must be shown with these properties: text or ints."""
    pairs = [(k, "%d" % d if type(d) is int else text(d)) for k, d in details.items()]
    _known.append((v, pairs))
    return v


def code_of(code):
    return {"func": getattr(code, "co_qualname", code.co_name), "file": code.co_filename}


def file_details(v, t):
    if t is _Text:
        v = v.buffer
    if type(v) in _Buffered:
        v = v.raw
    return [("fd", "%d" % (-1 if v.closed else v.fileno()))] if type(v) is _File else []


def message(args):
    """Of an exception: its only argument or all of them. It may contain itself."""
    if len(_inside) > 2:
        return []
    _inside.append(args)
    try:
        return [("message", value(args[0] if len(args) == 1 else args, 1))]
    finally:
        _inside.pop()


def details(v, t):
    for known, pairs in _known:
        if v is known:
            return pairs
    pairs = _base(v, t)
    if pairs:
        return pairs
    if BaseException in hooklog._mro(t):
        return message(_args(v))
    if t is _Method:
        return [("func", text(v.__qualname__))]  # its function's
    if t is _Builtin:
        return [("func", quote(v.__name__))]
    if t in _Generators:
        return [("func", text(v.__qualname__))]
    if t is _Entry:
        return [("path", value(v.path))]
    return file_details(v, t)


hooklog.details = details
