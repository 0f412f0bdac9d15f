#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Raises events with a value of every kind that has a form of its own in the JSON output."""
import ctypes
import os
import pathlib
import socket
import subprocess
import sys

subprocess.run(["/bin/sh", "-c", "exit 0"], env={"A": "1"}, check=True)
subprocess.run(["/bin/true"], env=os.environ, cwd=pathlib.Path("/tmp"), check=True)
with socket.socket() as server:
    server.bind(("127.0.0.1", 0))
ctypes.CDLL(None).open(b"/etc/hostname", 0)  # unannounced
nested = [[[[[["deep"]]]]]]
values = [None, True, -7, 2 ** 100, 1.5, float("nan"), float("-inf"), "text\x00\x1b\u20ac\udc80", b"bytes",
          b"\xff\xfe", bytearray(b"x"), (1, [2]), {"key": {"a": 1}}, {1: "one", "two": 2}, object(), len,
          sys, compile("1", "<c>", "eval"), int, nested]
for value in values:
    sys.audit("check.value", value)
sys.audit("check.values", *values)
sys.audit("check.long", "x" * 9000, b"y" * 9000, {"inner": ["z" * 9000]}, list(range(500)))
sys.audit("check.none")
sys.audit("check.quote\"\\name", 1)
os._exit(3)
