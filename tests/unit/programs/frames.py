# SPDX-License-Identifier: GPL-2.0-only
"""Waits with frames of many kinds on its stacks, and says what they are.

One line a thread: address of its PyThreadState, 0, name, what the tracer must show for its stack: JSON.
Then "ready". Ends with standard input.
"""
import ctypes
import json
import os
import sys
import threading
import time

state = ctypes.pythonapi.PyThreadState_Get
state.restype = ctypes.c_void_p
ready = threading.Semaphore(0)


def tell(name):
    """The caller waits in the line it calls this from."""
    frames, frame = [], sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        frames.append({"func": getattr(code, "co_qualname", code.co_name), "file": code.co_filename,
                       "line": frame.f_lineno})
        frame = frame.f_back
    text = json.dumps(frames, separators=(",", ":"), ensure_ascii=False)
    with threading.Lock():
        sys.stdout.write("%x\t0\t%s\t%s\n" % (state(), name, text))
        sys.stdout.flush()
    ready.release()
    return 1


def generator(f):
    yield f()


class C:
    def __getattr__(self, name):
        return sorted([1, 2], key=lambda x: next(generator(self.end)))

    end = None


def deep(n, f):
    return deep(n - 1, f) if n else f()


def odd(f):
    """Names of every width, code that is long."""
    space = {"f": f}
    for name, file in (("latin\u00e9", "<\u00e9>"), ("\u0436", "\u20ac.py"), ("\U00020000", "\U0001f40d" * 40)):
        exec(compile("def wrap(f):\n def %s():\n  return f()\n return %s\nf = wrap(f)" % (name, name), file, "exec"), space)
    body = "".join("    x = (%d,\n\n        %d)\n" % (i, i) for i in range(1000))
    exec(compile("def long(f):\n%s    return f()\nf = (lambda g: lambda: long(g))(f)" % body, "long.py", "exec"), space)
    exec(compile("def %s(f):\n return f()\nresult = %s(f)" % ("n" * 300, "n" * 300), "x" * 500, "exec"), space)


def wait_long(name):
    return time.sleep(tell(name) * 1000000)


def start(name, run):
    threading.Thread(target=run, args=(lambda: wait_long(name),), daemon=True, name=name).start()
    ready.acquire()


def through_c(f):
    c = C()
    c.__dict__["end"] = f
    c.anything


start("plain", lambda f: f())
start("through C", through_c)
start("deep", lambda f: deep(40, f))
start("odd", odd)
print("ready", flush=True)
sys.stdin.buffer.read()
os._exit(0)
