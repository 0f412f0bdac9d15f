# SPDX-License-Identifier: GPL-2.0-only
"""Every audit event with every kind of argument that is hard to tell, in each of its places. Of what there
is of a kind, each event has another one."""
import asyncio
import collections
import ctypes
import enum
import io
import os
import pathlib
import socket
import sys

from rows_hook import code_of, know
import hooklog
from rows_values import ROWS


class Str(str):
    pass


class Int(int):
    pass


class Bytes(bytes):
    pass


class Tuple(tuple):
    pass


class List(list):
    pass


class Dict(dict):
    pass


class Colour(enum.IntEnum):
    RED = 1


class Meta(type):
    pass


class Thing(metaclass=Meta):
    def method(self):
        pass


class Socket(socket.socket):
    pass


class Odd(Exception):
    pass


class Structure(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_char * 4)]


def function(a=1):
    return a


def generator():
    yield 1


async def coroutine():
    await asyncio.sleep(0)


def caught(error):
    try:
        raise error
    except BaseException as e:
        return e


def code_objects():
    frame, error = sys._getframe(), caught(ValueError("message"))
    here = code_of(frame.f_code)
    yield [function.__code__, (lambda: 0).__code__, Thing.method.__code__, know(frame, **here)]
    yield [function, lambda: 0, Thing.method]
    closed = coroutine()
    closed.close()
    yield [len, "".join, Thing().method, generator(), closed]
    yield [int, type, Thing, Meta, Str, ValueError, collections.OrderedDict]
    yield [sys, collections, pathlib]
    yield [know(frame, **here)]
    yield [know(error.__traceback__, **code_of(caught.__code__))]
    yield [error, caught(Odd()), caught(Odd(1, "two")), caught(OSError(2, "text", "file")), caught(KeyError("k")),
           caught(Odd(Odd("inner"))), caught(SystemExit(None))]


def ctypes_objects():
    number, text = ctypes.c_int(7), ctypes.create_string_buffer(b"text")
    data = (number, text, ctypes.c_void_p(5), ctypes.c_char_p(b"text"), Structure(), ctypes.py_object(3),
            (ctypes.c_int * 3)(), ctypes.CFUNCTYPE(None)(function), ctypes.pythonapi.Py_IsInitialized)
    yield [know(v, address=ctypes.addressof(v)) for v in data] + [ctypes.byref(number), ctypes.CDLL(None)]
    pointers = (ctypes.pointer(number), ctypes.POINTER(Structure)())
    yield [know(v, address=ctypes.addressof(v)) for v in pointers]


def files():
    closed = open("/dev/null")
    closed.close()
    text = open("/dev/null")
    yield [closed, text, text.buffer, text.buffer.raw, open("/dev/null", "wb"), open("/dev/null", "r+b")]
    yield [io.StringIO("text"), io.BytesIO(b"bytes"), io.TextIOWrapper(io.BytesIO())]
    shut = socket.socket()
    shut.close()
    yield [socket.socket(), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), Socket(), shut]
    with os.scandir("/") as entries:
        yield [next(entries)]


def paths():
    used = pathlib.Path("used/file.py")
    yield [used, pathlib.PurePosixPath("/a", "b", "c"), pathlib.Path(), pathlib.Path("caf\xe9/\u4e2d") / "x"]
    yield [["/bin/true", pathlib.Path("argument"), b"bytes", os.fspath(used)],
           ("true", pathlib.PurePosixPath("a", "b")), {"path": pathlib.Path("in/a/dict")}]
    yield [os.environ, {"env": os.environ}, [os.environ]]


def subclasses():
    yield [Str("text"), Str("caf\xe9"), Str("\U0001f40d"), Str()]
    yield [Int(7), Int(-1 << 70), Colour.RED]
    yield [Bytes(b"b"), Tuple((1, "two"))]
    yield [List([1, Str("s")]), List()]
    yield [Dict(a=Int(1)), collections.OrderedDict(b=1, a=2), collections.defaultdict(list, k=[1]),
           collections.Counter("aab")]


def loops():
    """Values without an end."""
    a_list, a_dict, a_tuple = [1], {"a": 1}, ([],)
    a_list.append(a_list)
    a_dict["self"] = a_dict
    a_tuple[0].append(a_tuple)
    error = Odd()
    error.args = (error, [error])
    yield [a_list, a_dict, a_tuple, error]


def huge():
    """Values that no event has room for. What comes after one may have none, so it is the last argument."""
    deep = "bottom"
    for _ in range(2000):
        deep = [deep]
    return [deep, list(range(100000)), dict.fromkeys(range(20000)), "e" * 1000000, "\U0001f40d" * 100000,
            b"\xff" * 1000000, 1 << 3000, [["x" * 500] * 20] * 10, [pathlib.Path("p")] * 80,
            dict.fromkeys(("k%d" % i for i in range(5000)), function)]


def main():
    kinds = [group for make in (code_objects, ctypes_objects, files, paths, subclasses, loops) for group in make()]
    large = huge()
    for name in ("E2E_LOG", "E2E_CLIP"):
        os.environ.pop(name, None)
    hooklog.begin()
    for number, (event, args) in enumerate(ROWS.items()):
        for group in kinds if args else ():
            kind = group[number % len(group)]
            sys.audit(event, *(kind for _ in args))
        sys.audit(event, *(large[number % len(large)] if i == len(args) - 1 else i for i in range(len(args))))
    hooklog.end()


main()
