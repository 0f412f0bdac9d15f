# SPDX-License-Identifier: GPL-2.0-only
"""Makes objects of every kind, says where each is and what the tracer must show for it, and waits.

One line an object: address, bytes it is known to consist of (0: do not ask), name, the rest of the
record from its arguments on. Then "ready". Ends with standard input.

What is expected is worked out here from the specification and the limits below, not from how the
tracer does it.
"""
import _socket
import base64
import collections
import ctypes
import io
import json
import os
import pathlib
import sys
import types

STRING_LIMIT = 512    # bytes of one str or bytes
INT_LIMIT = 2048      # bytes of an int
MAX_VALUES = 448      # of those in containers, the event's name and the object itself included
MAX_DEPTH = 6         # containers inside one another
MAX_TYPE_NAME = 128

kept = []


def text(s):
    """A JSON string; lone surrogates as escapes."""
    plain = json.dumps(str(s), ensure_ascii=False)
    return "".join("\\u%04x" % ord(c) if 0xd800 <= ord(c) < 0xe000 else c for c in plain)


def number(v):
    if v != v:
        return '"nan"'
    return {float("inf"): '"inf"', -float("inf"): '"-inf"'}.get(v) or float.__repr__(v)


def data(v):
    try:
        return '{"bytes":%s}' % text(bytes(v).decode("utf-8"))
    except UnicodeDecodeError:
        return '{"base64":"%s"}' % base64.b64encode(v).decode()


def pairs(items):
    """A dict's (key, value) pairs."""
    items = list(items)
    if all(isinstance(k, str) for k, _ in items):
        return "{%s}" % ",".join("%s:%s" % (text(k), value(v)) for k, v in items)
    return '{"items":[%s]}' % ",".join("[%s,%s]" % (value(k), value(v)) for k, v in items)


def func_of(code):
    return text(getattr(code, "co_qualname", code.co_name))


# What identifies an object that is not copied: type, then properties.
PROPERTIES = (
    (type, lambda v: [("name", text(type_name(v)))]),
    ((types.FunctionType, types.BuiltinFunctionType, types.GeneratorType, types.CoroutineType),
     lambda v: [("func", text(v.__name__ if isinstance(v, types.BuiltinFunctionType) else v.__qualname__))]),
    (types.MethodType, lambda v: [("func", text(v.__func__.__qualname__))]),
    (types.ModuleType, lambda v: [("name", text(v.__name__))]),
    (types.CodeType, lambda v: [("func", func_of(v)), ("file", text(v.co_filename)),
                                ("line", str(v.co_firstlineno))]),
    (types.FrameType, lambda v: [("func", func_of(v.f_code)), ("file", text(v.f_code.co_filename))]),
    (_socket.socket, lambda v: [("fd", str(v.fileno()))]),
    (io.IOBase, lambda v: [("fd", str(v.fileno()))]),
    (BaseException, lambda v: [("message", value(v.args[0] if len(v.args) == 1 else v.args))]),
    (ctypes.c_int, lambda v: [("address", str(ctypes.addressof(v)))]),
)


def named(v):
    shown = [("object", text(type_name(type(v))))]
    for kind, properties in PROPERTIES:
        if isinstance(v, kind):
            shown += properties(v)
            break
    return "{%s}" % ",".join('"%s":%s' % p for p in shown)


HEAPTYPE = 1 << 9


def type_name(t):
    """tp_name: of a type made by a class statement without its module."""
    made_here = t.__flags__ & HEAPTYPE and t.__module__.lstrip("_") not in ("socket", "io")
    if t.__module__ == "builtins" or made_here:
        return t.__name__
    return "%s.%s" % (t.__module__, t.__name__)


WRITERS = (
    (type(None), lambda v: "null"),
    (bool, lambda v: "true" if v else "false"),
    (int, int.__repr__),
    (float, number),
    (str, text),
    ((bytes, bytearray), data),
    ((tuple, list), lambda v: "[%s]" % ",".join(value(i) for i in v)),
    (dict, lambda v: pairs(v.items())),
)


def value(v):
    for kind, writer in WRITERS:
        if isinstance(v, kind):
            return writer(v)
    return named(v)


def put(line):
    sys.stdout.buffer.write((line + "\n").encode("utf-8"))


def say(name, obj, shown=None, **cut):
    """shown: instead of the whole value. cut: true lengths by path, without the leading arg0."""
    kept.append(obj)
    small = type(obj) in (int, float, str, bytes, type(None))
    size = sys.getsizeof(obj) if small else 0
    put("%x\t%d\t%s\t%s" % (id(obj), size, name, record({"arg0": shown or value(obj)}, cut)))


def say_tuple(name, obj):
    """As the one object of a call: the arguments are its items."""
    kept.append(obj)
    put("%x\t-1\t%s\t%s" % (id(obj), name, record({"arg%d" % i: value(v) for i, v in enumerate(obj)}, {})))


def record(args, cut):
    out = '"args":{%s}' % ",".join("%s:%s" % (text(k), v) for k, v in args.items())
    if cut:
        marks = ("%s:%d" % (text("arg0" + path), n) for path, n in cut.get("at", {"": cut.get("of")}).items())
        out += ',"truncated":{%s}' % ",".join(marks)
    return out + "}"


def say_numbers():
    for i, v in enumerate((0, 1, -1, 255, 2**30 - 1, 2**30, 1 - 2**30, -2**30, 2**31, 2**60 - 1, -2**60 + 1, 2**60,
                           -2**60, 2**63 - 1, -2**63, 2**64, -2**90, 10**100, -10**1000)):
        say("int%d" % i, v)
    digits = INT_LIMIT // 4
    getattr(sys, "set_int_max_str_digits", id)(0)
    say("int-last", 2**(digits * 30) - 1)
    say("int-cut", 2**(digits * 30), "null", of=(digits + 1) * 4)
    say("none", None)
    say("true", True)
    say("false", False)
    for i, v in enumerate((0.0, -0.0, 1.5, -2.25e-300, 1e16, 5e-324, float("inf"), -float("inf"), float("nan"))):
        say("float%d" % i, v)


SAMPLES = ("", "a", "plain", "q\"b\\s\n\x00\x1f\x7f", "caf\xe9\xff", "\u017elu\u0165", "\U0001f600 x",
           "\ud800 lone \udcff", "a\x00\u20ac", "n" * 60)


def legacy(chars):
    """A str as C code made it before PEP 393; 3.11 was the last with them."""
    new = getattr(ctypes.pythonapi, "PyUnicode_FromUnicode")
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_ssize_t]
    at = ctypes.pythonapi.PyUnicode_AsUnicode
    at.restype, at.argtypes = ctypes.c_void_p, [ctypes.py_object]
    s = new(None, len(chars))
    ctypes.memmove(at(s), chars.encode("utf-32-le", "surrogatepass"), len(chars) * 4)
    return s


def say_text():
    class S(str):
        pass

    for i, v in enumerate(SAMPLES):
        say("str%d" % i, "".join(list(v)))
        say("str-subclass%d" % i, S(v))
        if v and hasattr(ctypes.pythonapi, "PyUnicode_FromUnicode"):
            say("str-legacy%d" % i, legacy(v), text(v))
    for name, c, width in (("ascii", "a", 1), ("latin", "\xe9", 1), ("ucs2", "\u20ac", 2), ("ucs4", "\U0001f600", 4)):
        fit = STRING_LIMIT // width
        say("str-full-" + name, c * fit)
        say("str-cut-" + name, c * (fit + 1), text(c * fit), of=fit + 1)
        say("str-long-" + name, S(c * 100000), text(c * fit), of=100000)


def say_bytes():
    class B(bytes):
        pass

    class A(bytearray):
        pass

    for i, v in enumerate((b"", b"x", b"text \xc3\xa9", b"\xff\x00\x80", b"n" * 50)):
        say("bytes%d" % i, bytes(bytearray(v)))
        say("bytes-subclass%d" % i, B(v))
        say("bytearray%d" % i, bytearray(v))
    say("bytes-full", b"f" * STRING_LIMIT)
    say("bytes-cut", b"c" * 9000, data(b"c" * STRING_LIMIT), of=9000)
    moved = bytearray(b"0123456789")
    del moved[:4]
    say("bytearray-moved", moved)
    say("bytearray-subclass", A(b"x"), '{"object":"A"}')


def nest(v, n, make=lambda v: [v]):
    for _ in range(n):
        v = make(v)
    return v


def say_sequences():
    class L(list):
        pass

    class T(tuple):
        pass

    point = collections.namedtuple("point", "x y")
    for name, make in (("tuple", tuple), ("list", list), ("list-subclass", L), ("tuple-subclass", T)):
        for n in (0, 1, 2, 5, 6, 8, 9, 16, 17, 40):
            say("%s-%d" % (name, n), make("%s%d" % (name, i) if i % 2 else i for i in range(n)))
    say("namedtuple", point(1, "two"))
    say("mixed", [1, [2.5, (None, True)], (), {}, {"a": [b"x"]}, ((),), -1])
    whole = list(range(MAX_VALUES - 2))
    say("list-whole", whole)
    say("tuple-whole", tuple(whole))
    say("list-cut", list(range(1000)), value(whole), of=1000)
    say("list-inner-whole", [list(range(MAX_VALUES - 3))])
    inner = list(range(MAX_VALUES - 3))
    say("list-inner-cut", [inner + [7], 8], value([inner]), at={"": 2, "[0]": len(inner) + 1})


def say_depth():
    last = "[0]" * MAX_DEPTH
    say("deep-whole", nest([], MAX_DEPTH))
    say("deep-text", nest("end", MAX_DEPTH))
    say("deep-cut", nest(["lost"], MAX_DEPTH), value(nest([], MAX_DEPTH)), at={last: 1})
    say("deep-cut-tuple", nest((1, 2), MAX_DEPTH, lambda v: (v,)), value(nest([], MAX_DEPTH)), at={last: 2})
    say("deep-cut-dict", nest({"k": 1}, MAX_DEPTH, lambda v: {"d": v}), value(nest({}, MAX_DEPTH, lambda v: {"d": v})),
        at={".d" * MAX_DEPTH: 1})
    say("deep-goes-on", [nest(["lost"], MAX_DEPTH), "next"], value([nest([], MAX_DEPTH - 1), "next"]),
        at={last: 1})
    endless = []
    endless.append(endless)
    say("endless", endless, value(nest([], MAX_DEPTH)), at={last: 1})


class Shared:
    def __init__(self):
        self.first, self.second, self.third = 1, "two", [3]


def say_dicts():
    class D(dict):
        pass

    for n in (0, 1, 4, 5, 6, 20, 100):
        say("dict-str-%d" % n, {"k%d" % i: i for i in range(n)})
        say("dict-int-%d" % n, {i: "v%d" % i for i in range(n)})
    holes = {"k%d" % i: i for i in range(30)}
    for i in range(0, 30, 3):
        del holes["k%d" % i]
    say("dict-deleted", holes)
    holes = {i: i for i in range(30)}
    for i in range(0, 29):
        del holes[i]
    say("dict-deleted-int", holes)
    many = {i: i for i in range(5000)}
    for i in range(4990):
        del many[i]
    say("dict-mostly-deleted", many, "{}", of=10)
    say("dict-subclass", D(a=1, b=D(c=2)))
    say("dict-ordered", collections.OrderedDict([("z", 1), ("a", 2)]))
    say("dict-default", collections.defaultdict(list, x=[1]))
    say("dict-keys", {1: 2, "s": None, None: 1.5, (1, (2,)): [3], b"k": b"v", int: Shared, True + 1.5: ()})
    say("dict-split", vars(Shared()))
    some = Shared.__new__(Shared)
    some.second = "only"
    say("dict-split-holes", vars(some))
    gone = Shared()
    del gone.first
    say("dict-split-deleted", vars(gone))
    say("dict-globals-like", {"f": say, "c": Shared, "m": sys, "o": object(), "code": say.__code__})
    long = "k" * (STRING_LIMIT + 1)
    shown = '{"items":[[%s,1]]}' % text(long[:-1])
    say("dict-key-cut", {long: 1}, shown, at={".items[0][0]": len(long)})
    say_big_dicts()


def say_big_dicts():
    for name, key in (("str", "k%03d"), ("tuple", None)):
        each = 2 if key else 3
        big = {key % i if key else (i,): i for i in range(300)}
        for before in range(3):
            fit = (MAX_VALUES - 3 - before) // each
            lead = [0] * before
            shown = value(lead + [dict(list(big.items())[:fit])])
            say("dict-cut-%s-%d" % (name, before), lead + [big], shown, at={"[%d]" % before: 300})


def say_objects():
    def inner():
        pass

    class Meta(type):
        pass

    class Class(metaclass=Meta):
        def method(self):
            pass

    async def coroutine():
        pass

    class Socket(_socket.socket):
        pass

    class F(float):
        pass

    class I(int):
        pass

    say("float-subclass", F(2.5))
    say("int-subclass", I(2**70))
    say("int-subclass-small", I(-3))
    for name, v in (("object", object()), ("class", Shared), ("builtin-class", int), ("instance", Shared()),
                    ("module-class", collections.OrderedDict), ("meta", Meta), ("meta-class", Class),
                    ("meta-instance", Class()), ("function", inner), ("builtin", len), ("method", kept.append),
                    ("code", inner.__code__), ("module", sys), ("socket", _socket.socket()),
                    ("socket-subclass", Socket()), ("complex", 1j), ("set", {1}), ("range", range(3)),
                    ("ellipsis", ...), ("exception", ValueError("x")), ("memoryview", memoryview(b"x"))):
        say(name, v)
    for i, v in enumerate((ValueError(), ValueError("one", 2), KeyError(("k",)), type("E", (Exception,), {})([1]))):
        say("exception%d" % i, v)
    for name, v in (("bound", Class().method), ("generator", (i for i in ())),
                    ("frame", sys._getframe()), ("ctypes", ctypes.c_int(3)), ("coroutine", coroutine())):
        say(name, v)
    say_traceback()
    say("objects-in-list", [1, inner, Shared, inner.__code__, sys, Shared(), _socket.socket(), 2])
    say_files()
    for name in ("float", "bool", "NoneType", "floating", "method", "frame", "generator"):
        say("impostor-" + name, type(name, (), {"x": 1})(), '{"object":"%s"}' % name)
        say("impostor-sub-" + name, type("Sub", (type(name, (), {}),), {})(), '{"object":"Sub"}')
    long = "N" * (MAX_TYPE_NAME + 72)
    say("class-long-name", type(long, (), {}), '{"object":"type","name":"%s"}' % long[:MAX_TYPE_NAME],
        at={".name": len(long)})
    full = "N" * MAX_TYPE_NAME
    say("class-full-name", type(full, (), {}))


def say_traceback():
    def fail():
        raise ValueError

    try:
        fail()
    except ValueError as e:
        tb = e.__traceback__.tb_next
    code = tb.tb_frame.f_code
    # Later versions fill the line in when it is asked for, and -1 is there until then: the last field.
    line = ctypes.c_int.from_address(id(tb) + type(tb).__basicsize__ - 4).value
    line = "" if line < 0 else ',"line":%d' % line
    say("traceback", tb, '{"object":"traceback","func":%s,"file":%s%s}' % (func_of(code), text(code.co_filename), line))


def say_files():
    here = os.path.dirname(os.path.abspath(__file__))
    raw = open("/dev/null", "rb", buffering=0)
    for name, v in (("file-raw", raw), ("file-reader", open("/dev/null", "rb")),
                    ("file-writer", open("/dev/null", "wb")), ("file-text", open("/dev/null"))):
        say(name, v)
    path = pathlib.Path("/usr", "lib", "x")
    say("path-parts", path, text("/usr/lib/x"))
    path = pathlib.PurePosixPath("a/b")
    str(path)
    say("path-text", path, text("a/b"))
    entry = next(os.scandir(here))
    say("direntry", entry, '{"object":"posix.DirEntry","path":%s}' % text(entry.path))
    os.environb.clear()
    os.environb[b"K"] = b"V"
    say("environ", os.environ, '{"object":"_Environ","mapping":{"K":"V"}}')


def main():
    say_numbers()
    say_text()
    say_bytes()
    say_sequences()
    say_depth()
    say_dicts()
    say_objects()
    for n in (0, 1, 4, 5, 6, 20):
        say_tuple("arguments-%d" % n, tuple("a%d" % i for i in range(n)))
    say_tuple("arguments-mixed", (None, (1, 2), [], {"k": "v"}, Shared))
    say_tuple("arguments-named", collections.namedtuple("point", "x y")(1, 2))
    put("ready")
    sys.stdout.buffer.flush()
    sys.stdin.buffer.read()
    os._exit(0)


main()
