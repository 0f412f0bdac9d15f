# SPDX-License-Identifier: GPL-2.0-only
"""Prints line tables of code objects of the standard library, and which line the interpreter itself reads
from them for each instruction: "T first_line hex", then "L lasti line" (0: none). Ends with "ready"."""
import ctypes
import os
import sys

MODULES = ("argparse", "contextlib", "textwrap", "this", "asyncio/base_events", "typing", "dataclasses", "enum")

addr2line = ctypes.pythonapi.PyCode_Addr2Line
addr2line.argtypes, addr2line.restype = [ctypes.py_object, ctypes.c_int], ctypes.c_int


def every(code):
    yield code
    for const in code.co_consts:
        if isinstance(const, type(code)):
            yield from every(const)


def tell(code, step):
    table = code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab
    print("T", code.co_firstlineno, table.hex() or "-")
    for lasti in [-2] + list(range(0, len(code.co_code), step)):
        print("L", lasti, max(0, addr2line(code, lasti)))


def main():
    top = os.path.dirname(os.__file__)
    for name in MODULES:
        with open(os.path.join(top, name + ".py"), encoding="utf-8") as f:
            for code in every(compile(f.read(), name, "exec")):
                tell(code, 2 if len(code.co_code) < 2000 else 14)
    # runs longer than an entry can tell, steps back, code without lines
    body = "".join("\n" * (i % 300) + "x = [y\n for y in\n '' if y]\n" for i in range(200))
    for source in (body, "(\n" * 90 + "x" + ")\n" * 90, "try:\n a\nfinally:\n b\n" * 50, "def f():\n\n\n  return\n"):
        for code in every(compile(source, "made", "exec")):
            tell(code, 2)
    sys.stdout.write("ready\n")


main()
