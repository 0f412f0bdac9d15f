# SPDX-License-Identifier: GPL-2.0-only
"""Every kind of argument an event can have, by way of sys.audit()."""
import collections
import enum
import sys
import types

import hooklog


class Str(str):
    pass


class Bytes(bytes):
    pass


class ByteArray(bytearray):
    pass


class Int(int):
    pass


class Float(float):
    pass


class Tuple(tuple):
    pass


class List(list):
    pass


class Dict(dict):
    pass


class Liar(str):
    """Whoever asks the object instead of reading it gets another answer."""

    def __len__(self):
        return 3

    def __str__(self):
        return "lie"

    __repr__ = __str__


class Colour(enum.IntEnum):
    RED = 1
    BIG = 1 << 40


class Plain:
    pass


class Slots:
    __slots__ = ("a",)


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    pass


class Shared:
    def __init__(self):
        self.one = 1
        self.two = "two"
        self.three = None

    def method(self):
        pass


Point = collections.namedtuple("Point", "x y")

STRINGS = [
    "", "a", "hostname", "caf\xe9", "\xff\xfe", "\u4e2d\u6587", "\U0001f40d\U0001f600", "a\0b", "\0",
    "caf\xe9\0\u4e2d\0\U0001f40d", "\ud800", "\udcff/tmp/\udc80", "x\udfffy\U0001f40d", "\x1b[31m\x07\r\n\t",
    'quote " back \\ slash /', "\x7f\x80\x9f", "\ufeff\ufffe\uffff", "\u2028\u2029",
    "e" * 511, "e" * 512, "e" * 513, "e" * 9000, "\xe9" * 9000, "\u4e2d" * 255, "\u4e2d" * 9000,
    "\U0001f40d" * 127, "\U0001f40d" * 9000, "a\u4e2d" * 3000, "e" * 100000,
    Str(), Str("text"), Str("caf\xe9"), Str("\u4e2d\u6587"), Str("\U0001f40d"), Str("s" * 9000), Liar("truth"),
]

BYTES = [
    b"", b"a", b"\0", b"caf\xc3\xa9", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80",
    b"a\0b", bytes(range(256)), b"b" * 512, b"b" * 513, b"\xff" * 9000, b"b" * 9000, b"\xe4\xb8\xad" * 4000,
    Bytes(b""), Bytes(b"sub"), bytearray(), bytearray(b"array"), bytearray(b"\xff\0"), bytearray(b"c" * 9000),
    ByteArray(b"sub array"),
]

INTS = sorted({
    sign * base + delta
    for base in (0, 1 << 29, 1 << 30, 1 << 31, 1 << 32, 1 << 59, 1 << 60, 1 << 61, 1 << 62, 1 << 63, 1 << 64,
                 1 << 90, 1 << 120, 10 ** 100)
    for sign in (1, -1) for delta in (-1, 0, 1)})

FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 1e300, -1e300, 5e-324, 2.2250738585072014e-308, 1e22, 1e16, 123456789.125,
          float("nan"), float("inf"), float("-inf"), 1 / 3, Float(2.5)]


def deleted_entries():
    d = {i: i for i in range(20)}
    for i in range(0, 20, 3):
        del d[i]
    d["late"] = "entry"
    return d


def deleted_names():
    d = {"k%d" % i: i for i in range(20)}
    for i in range(1, 20, 2):
        del d["k%d" % i]
    return d


def scalars():
    for v in STRINGS:
        sys.audit("args.str", v)
    for v in BYTES:
        sys.audit("args.bytes", v)
    for v in INTS:
        sys.audit("args.int", v)
    for v in (True, False, None, Int(7), Int(-(1 << 70)), Colour.RED, Colour.BIG):
        sys.audit("args.const", v)
    for v in FLOATS:
        sys.audit("args.float", v)


def containers():
    for v in ((), [], {}, ((),), [[]], [{}], {"a": {}}, (1,), [None], {"k": None}):
        sys.audit("args.empty", v)
    sys.audit("args.nested", (1, (2, (3, (4,)))), [1, [2, [3, [4]]]])
    sys.audit("args.nested", {"a": {"b": {"c": {"d": 1}}}}, {"a": [({"b": b"c"},)]})
    sys.audit("args.deep", [[[[[[[[["bottom"]]]]]]]]], {1: {2: {3: {4: {5: {6: {7: 8}}}}}}})
    sys.audit("args.dict", {1: "int", b"b": "bytes", None: "none", (1, 2): "tuple", 1.5: "float", "s": "str"})
    sys.audit("args.dict", {"": "", "a.b": 1, 'q"': 2, "caf\xe9": 3, "\U0001f40d": 4, "\udc80": 5})
    sys.audit("args.dict", {Str("sub"): 1}, {1: 2}, {"long key " * 100: "v"}, {"k": "v" * 9000})
    sys.audit("args.dict", deleted_entries(), deleted_names(), dict.fromkeys(range(60), 0))
    sys.audit("args.wide", list(range(40)), ("x",) * 10)
    sys.audit("args.wide", dict.fromkeys(("n%d" % i for i in range(30)), 1))
    sys.audit("args.sub", Tuple((1, 2)), List([1, 2]), Dict(a=1), Point(1, "two"))
    sys.audit("args.sub", collections.OrderedDict(b=1, a=2), collections.defaultdict(list, k=[1]),
              collections.Counter("aab"))
    one, two = Shared(), Shared()
    two.two = "changed"
    sys.audit("args.split", one.__dict__, two.__dict__)
    del one.two
    one.four = 4
    sys.audit("args.split", one.__dict__, types.SimpleNamespace(a=1).__dict__)
    loop = []
    loop.append(loop)
    sys.audit("args.loop", loop)


def objects():
    sys.audit("args.object", {1, 2}, frozenset(), 1j, range(3), slice(1), ..., NotImplemented, object())
    sys.audit("args.object", Plain(), Slots(), WithMeta(), Shared().method, memoryview(b"m"), iter([]))
    sys.audit("args.object", ValueError("v"), collections.deque([1]), types.MappingProxyType({}), enum)
    sys.audit("args.type", int, str, type, Plain, Meta, WithMeta, collections.deque, Colour, ValueError)
    sys.audit("args.function", objects, lambda: 0, len, "".join, Shared.method, staticmethod(len))
    sys.audit("args.code", objects.__code__, Shared.method.__code__, (lambda: 0).__code__)
    sys.audit("args.module", sys, collections, types.ModuleType("made"), sys.modules["__main__"])
    sys.audit("args.inner", [Plain(), objects, int], {"code": objects.__code__, "sys": sys})
    sys.audit("args.lookalike", {"object": "str"}, {"bytes": "x"}, {"items": []}, "nan", "null", [None, "", b""])


def shapes():
    sys.audit("args.none")
    sys.audit("args.one", ())
    sys.audit("args.one", (1,))
    sys.audit("args.one", (1, 2, "three"))
    sys.audit("args.one", [1, 2])
    sys.audit("args.one", ((),))
    sys.audit("args.two", (1,), (2,))
    for n in (2, 5, 6, 9, 10, 20, 63, 64):
        sys.audit("args.many", *range(n))
    sys.audit("args.many", *("s%d" % i for i in range(64)))
    sys.audit("args.many", *range(300))
    sys.audit("args.many", *(["x" * 2000] * 64))
    for name in ("x", " ", "n" * 100, "caf\xe9", "\u4e2d\u6587.\U0001f40d", "a,b", "with space", 'quo"te\\', "!not",
                 "@cat", "*", "\x1b[0m", "args", "type", ""):
        sys.audit(name, 1)
    sys.audit("open", "custom arguments", 1, 2, 3, "a surplus one")
    sys.audit("open", "too few")
    sys.audit("os.remove")
    sys.audit("socket.connect", None, ("host", 1))


def main():
    hooklog.begin()
    scalars()
    containers()
    objects()
    shapes()
    hooklog.end()


main()
