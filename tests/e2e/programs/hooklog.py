# SPDX-License-Identifier: GPL-2.0-only
"""What a traced program says of its own audit events.

install() adds an audit hook that appends every event to the file $E2E_LOG, one JSON object a line:
{"p": pid, "t": tid, "e": name, "a": [values], "k": [frames]}. The values are tagged (see value()), so that the
reader knows more than the tracer's JSON can say: tuple or list, str or bytes, the true length.

The hook must not raise audit events itself and must not change what it looks at. So everything is
imported and bound before it is installed, the log is written with os.write to a descriptor opened
before, and values are read through the methods of the base types, never through overridable ones.

"k" is what repr() says of each frame, from the one that raised the event outwards. Of a frame's attributes
only f_back can be had without raising an event; repr() tells file, line and name without.

Without $E2E_LOG there is no hook and the program raises the same events unobserved.

With $E2E_WAIT the program raises "e2e.knock" until a line arrives on stdin, so that a tracer can be
attached meanwhile, and waits for a second line before it ends.
"""
import gc
import os
import sys
import fcntl
import select
import pathlib
import _socket
import _thread
from json.encoder import encode_basestring_ascii as quote

LOG = os.environ.get("E2E_LOG")
CLIP = int(os.environ.get("E2E_CLIP", "1024"))  # of a string or bytes, in the log
MAX_ITEMS = 400
MAX_DEPTH = 8
LOG_FD = 900  # out of the way: low numbers stay the same with and without a log

HEAPTYPE, LONG, LIST, TUPLE, BYTES, UNICODE, DICT, TYPE = (
    1 << bit for bit in (9, 24, 25, 26, 27, 28, 29, 31))

_flags = type.__dict__["__flags__"].__get__
_name = type.__dict__["__name__"].__get__
_module = type.__dict__["__module__"].__get__
_mro = type.__dict__["__mro__"].__get__
_getattr = object.__getattribute__
_Code = type((lambda: 0).__code__)
_Function = type(lambda: 0)
_Module = type(sys)
_Environ = type(os.environ)
_fsdecode = os.fsdecode
_write, _getpid, _get_tid = os.write, os.getpid, _thread.get_native_id
_busy = set()


def own_caller():
    """A generator that is sent its own frame and then yields the frame of whoever resumes it."""
    me = yield
    while True:
        yield me.f_back


_callers, _spare = {}, []  # by thread: a generator that runs cannot be resumed by another


def spare_callers():
    """Before there is a hook: gi_frame is audited."""
    for _ in range(64):
        generator = own_caller()
        next(generator)
        generator.send(generator.gi_frame)
        _spare.append(generator)


def text(s):
    """A plain JSON string if all of it is there and ASCII, else ["s", length, unit width, clipped]."""
    n = str.__len__(s)
    if n <= CLIP and str.isascii(s):
        return quote(str.__getitem__(s, slice(0, n)))
    top = ord(max(str.__str__(s))) if n else 0
    width = 4 if top > 0xffff else 2 if top > 0xff else 1
    return '["s",%d,%d,%s]' % (n, width, quote(str.__getitem__(s, slice(0, CLIP))))


def sequence(tag, base, v, depth):
    items = []
    if depth < MAX_DEPTH:
        for item in base.__iter__(v):
            items.append(value(item, depth + 1))
            if len(items) == MAX_ITEMS:
                break
    return '["%s",%d,[%s]]' % (tag, base.__len__(v), ",".join(items))


def mapping(v, depth):
    items = []
    if depth < MAX_DEPTH:
        for key, item in list(dict.items(v))[:MAX_ITEMS]:
            items.append("[%s,%s]" % (value(key, depth + 1), value(item, depth + 1)))
    return '["d",%d,[%s]]' % (dict.__len__(v), ",".join(items))


def type_id(t):
    """[__name__, __module__, heap type?]: what a pure Python program can know of tp_name."""
    module = _module(t)
    return "[%s,%s,%s]" % (quote(_name(t)), quote(module) if type(module) is str else '""',
                           "true" if _flags(t) & HEAPTYPE else "false")


def details(v, t):
    """Pairs of what identifies an object beyond its type."""
    if t is _Code:
        name = _getattr(v, "co_qualname") if hasattr(t, "co_qualname") else v.co_name
        return [("func", text(name)), ("file", text(v.co_filename)), ("line", "%d" % v.co_firstlineno)]
    if t is _Function:
        return [("func", '["any",[%s,%s]]' % (text(v.__qualname__), text(v.__name__)))]
    if _flags(t) & TYPE:
        return [("type", type_id(v))]
    mro = _mro(t)
    if _Module in mro:
        name = _getattr(v, "__dict__").get("__name__")
        return [("name", text(name))] if type(name) is str else []
    if _socket.socket in mro:
        return [("fd", "%d" % _socket.socket.fileno(v))]
    if pathlib.PurePath in mro:
        return [("path", text(str(v)))]
    if t is _Environ:
        data = _getattr(v, "_data")
        return [("mapping", value({_fsdecode(k): _fsdecode(d) for k, d in data.items()}, 1))]
    return []


def value(v, depth=0):
    """One value in tagged JSON: null, booleans, ints and short ASCII text as they are, else
    ["f", hex], ["s"...], ["b"|"B", length, clipped hex], ["t"|"l", length, items],
    ["d", length, pairs], ["o", type_id, details]."""
    if v is None:
        return "null"
    if v is True:
        return "true"
    if v is False:
        return "false"
    t = type(v)
    flags = _flags(t)
    if flags & UNICODE:
        return text(v)
    if flags & LONG:
        return int.__repr__(v)
    if flags & TUPLE:
        return sequence("t", tuple, v, depth)
    if flags & LIST:
        return sequence("l", list, v, depth)
    if flags & DICT:
        return mapping(v, depth)
    if flags & BYTES:
        return '["b",%d,"%s"]' % (bytes.__len__(v), bytes.hex(bytes.__getitem__(v, slice(0, CLIP))))
    mro = _mro(t)
    if bytearray in mro:
        tag = "B" if t is bytearray else "B?"
        return '["%s",%d,"%s"]' % (tag, bytearray.__len__(v),
                                   bytes(bytearray.__getitem__(v, slice(0, CLIP))).hex())
    if float in mro:
        return '["%s","%s"]' % ("f" if t is float else "f?", float.hex(v))
    pairs = ",".join('["%s",%s]' % pair for pair in details(v, t))
    return '["o",%s,[%s]]' % (type_id(t), pairs)


def hook(event, args):
    tid = _get_tid()
    if tid in _busy:
        _write(LOG_FD, b'{"broken":"the hook raised an event itself"}\n')
        return
    _busy.add(tid)
    try:
        if tid not in _callers:
            _callers[tid] = _spare.pop()
        frame, frames = next(_callers[tid]).f_back, []
        while frame is not None:
            frames.append(quote(repr(frame)))
            frame = frame.f_back
        line = '{"p":%d,"t":%d,"e":%s,"a":[%s],"k":[%s]}\n' % (
            _getpid(), tid, quote(event), ",".join([value(v) for v in args]), ",".join(frames))
    except BaseException as e:  # an exception would forbid the audited operation
        line = '{"broken":%s}\n' % quote("%s: %r" % (event, e))
    finally:
        _busy.discard(tid)
    _write(LOG_FD, line.encode("ascii"))


def install():
    """Adds the hook if there is a log. Forked children inherit it and the descriptor."""
    if not LOG:
        return
    fd = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(fd, LOG_FD, inheritable=False)
    os.close(fd)
    fcntl.fcntl(LOG_FD, fcntl.F_GETFD)
    spare_callers()
    sys.addaudithook(hook)


_waits = bool(os.environ.pop("E2E_WAIT", ""))  # not for children


def knock():
    """Raises "e2e.knock" until there is a line to read on stdin, and reads it."""
    knocks = 0
    while not select.select([0], [], [], 0.02)[0]:
        knocks += 1
        sys.audit("e2e.knock", os.getpid(), knocks)
    read_line()


def read_line():
    while os.read(0, 1) not in (b"\n", b""):
        pass


def begin():
    """Installs the hook and raises "e2e.begin": from here on the log and the tracer must agree.
    Automatic collection is off: a finaliser that runs inside the hook would raise unlogged events."""
    gc.disable()
    install()
    if _waits:
        knock()
    sys.audit("e2e.begin")


def end():
    """Raises "e2e.end": the comparison stops here."""
    sys.audit("e2e.end")
    if _waits:
        os.write(1, b"done\n")
        read_line()
