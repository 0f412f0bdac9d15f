# SPDX-License-Identifier: GPL-2.0-only
"""Raises events from every kind of Python stack there is, and says which it was.

The hook appends what it has walked to $E2E_LOG, one JSON object a line: {"n": number, "e": event, "k":
[[func, file, line, bytes of the line table], ...]}, from the frame that raised the event outwards. The
number is the argument of "stack.event", and stands in the path of "os.listdir", which C code raises.

    stacks.py [SITUATION...]    all without arguments
"""
import asyncio
import contextlib
import functools
import gc
import itertools
import json
import os
import re
import signal
import sys
import threading

LOG = os.open(os.environ["E2E_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
_first = 0
_numbers = itertools.count()
_quiet = threading.local()


def describe(frame):
    code = frame.f_code
    table = code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab
    return [getattr(code, "co_qualname", code.co_name), code.co_filename, frame.f_lineno or 0, len(table)]


def hook(event, args):
    if event not in ("stack.event", "os.listdir") or getattr(_quiet, "now", False):
        return
    number = args[0] if event == "stack.event" else str(args[0])
    if event == "os.listdir":
        if not number.startswith("/nonexistent/"):  # of an import
            return
        number = number.rpartition("/")[2]
    _quiet.now = True
    try:
        frame, frames = sys._getframe(1), []
        while frame is not None:
            frames.append(describe(frame))
            frame = frame.f_back
        os.write(LOG, json.dumps({"n": int(number), "e": event, "k": frames}).encode() + b"\n")
    finally:
        _quiet.now = False


def here(*args):
    """An event that Python code raises, and one that C code raises."""
    n = next(_numbers)
    sys.audit("stack.event", n)
    try:
        os.listdir("/nonexistent/%d" % n)
    except OSError:
        pass
    return 0


def count_from(first):
    global _first, _numbers
    _first, _numbers = first, itertools.count(first)


SITUATIONS = {}


def situation(f):
    SITUATIONS[f.__name__] = f
    return f


@situation
def plain():
    here()


@situation
def generator():
    def inner():
        here()
        yield 1
        here()

    def outer():
        yield from inner()
        yield here()
    list(outer())


@situation
def coroutine():
    async def leaf():
        here()
        await asyncio.sleep(0)
        here()

    async def each():
        for i in range(2):
            here()
            yield i

    @contextlib.asynccontextmanager
    async def manager():
        here()
        yield

    async def main():
        await leaf()
        async with manager():
            async for _ in each():
                here()
        await asyncio.gather(leaf(), leaf())
    asyncio.run(main())


@situation
def callbacks():
    """C code calls Python code."""
    class C:
        prop = property(lambda self: here())

        def __eq__(self, other):
            here()
            return True

        def __getattr__(self, name):
            return here()

        def __getitem__(self, i):
            here()
            raise IndexError

        def __hash__(self):
            return here()

        def __enter__(self):
            here()

        def __exit__(self, *exc):
            here()

        def __del__(self):
            here()

    c = C()
    sorted([1, 2], key=here)
    list(map(here, [1]))
    functools.reduce(lambda a, b: here(), [1, 2])
    re.sub("a", lambda m: str(here()), "a")
    c.prop, c == 1, c.other, list(c), {c: 1}
    functools.partial(here, 1)()
    functools.lru_cache(None)(here)()
    with c:
        here()
    max([1], key=lambda x: sorted([x], key=here))
    del c
    min(map(lambda x: list(filter(here, [x]))[:0] or 1, [1]))


@situation
def built_classes():
    class Meta(type):
        def __new__(meta, name, bases, space):
            here()
            return super().__new__(meta, name, bases, space)

        def __call__(cls, *args):
            here()
            return super().__call__(*args)

    class Built(metaclass=Meta):
        here()

        def __init__(self):
            here()

        @classmethod
        def of_class(cls):
            here()

        @staticmethod
        def of_none():
            here()

        def __init_subclass__(cls):
            here()

    class Derived(Built):
        pass
    Derived().of_class()
    Derived.of_none()


@situation
def executed():
    exec("here()\nexec('\\n\\nhere()')\n", dict(globals()))
    eval("[here() for _ in 'a']", dict(globals()))
    eval(compile("here()", "a file with spaces, (parens): and colons", "eval"), dict(globals()))
    exec(compile("def f():\n\n here()\nf()", "\u00e9\u20ac\U0001f40d.py", "exec"), dict(globals()))
    exec(compile("def \u00e9\u0436():\n here()\n\u00e9\u0436()", "<\u00e9>", "exec"), dict(globals()))
    exec(compile("def \U00020000():\n here()\n\U00020000()", "\udc80", "exec"), dict(globals()))


@situation
def deep():
    def down(n):
        return down(n - 1) if n else here()

    def up(n):
        return n and sorted([n], key=lambda x: up(n - 1)) or here()
    down(50)
    up(20)
    down(200)


@situation
def comprehensions():
    [here() for _ in "a"]
    {here() for _ in "a"}
    {here(): 1 for _ in "a"}
    list(here() for _ in "a")
    [[here() for _ in "a"] for _ in "a"]
    (lambda: [here() for _ in "a"])()


@situation
def lines():
    here(
        1,
        here(
            2,
        ),
    )
    x = [
        here(),
        1,
        here()]
    try:
        here()
        raise ValueError
    except ValueError:
        here()
    finally:
        here()
    return (x
            and here()
            or here())


@situation
def long_code():
    """Line tables of 1 to 200 KB: what is longer than is captured has no lines, and not wrong ones."""
    for n in 300, 1500, 3000, 40000:
        body = "".join("    x = (%d,\n\n        %d + x[0] - x[0])\n" % (i, i) for i in range(n))
        space = dict(globals())
        exec(compile("def f():\n    x = (0, 0)\n    here()\n%s    here()\nf()\n" % body, "<long %d>" % n, "exec"),
             space)


@situation
def long_names():
    for n in 100, 1000, 4095, 4096, 4097, 9000:
        exec(compile("def %s():\n here()\n%s()" % ("f" * n, "f" * n), "<long name>", "exec"), dict(globals()))
        exec(compile("here()", "x" * n, "exec"), dict(globals()))
        exec(compile("here()", "\u20ac" * (n // 2), "exec"), dict(globals()))


@situation
def short_lived():
    """Code that is gone when the next is made, mostly at the same addresses: same sizes, other content."""
    for i in range(300):
        name = "f%03d" % i
        exec("\n" * (i % 7) + "def %s():\n%s here()\n%s()" % (name, "\n" * (i % 5), name), dict(globals()))
        eval(compile("\n" * (i % 3) + "here()", "<%03d>" % i, "eval"), dict(globals()))
        (lambda: here()).__class__((lambda: here()).__code__.replace(co_name="g%03d" % i, co_firstlineno=i + 1)
                                   if not hasattr(here.__code__, "co_qualname") else
                                   (lambda: here()).__code__.replace(co_qualname="q%03d" % i, co_firstlineno=i + 1),
                                   globals())()


def many():
    """More different code than the tracer keeps; what comes first comes again. Not among the situations
    that run by themselves."""
    space = {"audit": sys.audit, "numbers": _numbers}
    for i in list(range(16800)) + list(range(400)):
        exec(compile("audit('stack.event', next(numbers))", "<many %d>" % i, "exec"), space)


def flood():
    """Ever new code, as fast as that goes. Half of it is long."""
    space = {"audit": sys.audit, "numbers": _numbers}
    source = "def f():\n" + "    x = (1,\n\n        2)\n" * 1000 + "    audit('stack.event', next(numbers))\n"
    for text in source, "def g():\n    audit('stack.event', next(numbers))\n":
        exec(compile(text, "<flood>", "exec"), space)
    for i in range(3000):
        f = space["g" if i % 2 else "f"]
        f.__code__ = f.__code__.replace(co_name="n%d" % i)
        if hasattr(f.__code__, "co_qualname"):
            f.__code__ = f.__code__.replace(co_qualname="n%d" % i)
        f()


EXTRA = {f.__name__: f for f in (many, flood)}


@situation
def threads():
    def work(n):
        for _ in range(20):
            [here() for _ in range(n)]

    started = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
    for t in started:
        t.start()
    for t in started:
        t.join()


@situation
def interrupted():
    """Signal handlers, finalisers, callbacks of the collector, trace functions."""
    signal.signal(signal.SIGUSR1, lambda number, frame: here())
    os.kill(os.getpid(), signal.SIGUSR1)

    def on_collect(phase, info):
        here()

    class Cycle:
        def __init__(self):
            self.me = self

        def __del__(self):
            here()
    Cycle()
    gc.callbacks.append(on_collect)
    gc.collect()
    gc.callbacks.remove(on_collect)

    def tracer(frame, event, arg):
        if event == "call" and frame.f_code is traced.__code__:
            here()

    def traced():
        pass
    sys.settrace(tracer)
    traced()
    sys.settrace(None)


@situation
def forked():
    pid = os.fork()
    if not pid:
        count_from(_first + 500000)
        here()
        os._exit(0)
    os.waitpid(pid, 0)
    here()


IN_INTERPRETER = """
import sys
sys.path.insert(0, %r)
import stacks
stacks.count_from(%d)
stacks.main(["plain", "generator", "callbacks", "executed", "short_lived"%s])
"""


@situation
def interpreters():
    """Legacy ones share the GIL, those of 3.12 and later may have their own; several at a time."""
    code = [IN_INTERPRETER % (os.path.dirname(__file__), _first + 100000 * (i + 1), more)
            for i, more in enumerate(("", "", ', "threads"'))]
    run = ways_to_run()
    if run is None:
        print("no interpreters")
        return
    started = [threading.Thread(target=run, args=(c,)) for c in code]
    for t in started:
        t.start()
    for t in started:
        t.join()
        here()


def ways_to_run():
    """What runs source text in an interpreter of its own."""
    try:
        from concurrent import interpreters as public  # 3.14
        return lambda source: public.create().exec(source)
    except ImportError:
        pass
    for name in "_interpreters", "_xxsubinterpreters":  # 3.13; 3.8
        try:
            module = __import__(name)
        except ImportError:
            continue

        def run(source):
            number = module.create()
            error = module.run_string(number, source)
            if error is not None:
                raise RuntimeError(error)
        return run
    return None


def main(names):
    sys.addaudithook(hook)
    for name in names or SITUATIONS:
        (SITUATIONS.get(name) or EXTRA[name])()
    here()


if __name__ == "__main__":
    main(sys.argv[1:])
    print("done")
