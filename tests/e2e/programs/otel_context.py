# SPDX-License-Identifier: GPL-2.0-only
"""Publishes thread contexts through a library of otel_context.c, and says in each event's arguments
which ids the tracer must have found.

    otel_context.py LIBRARY [SCHEMA]

SCHEMA: what the process context says of the contexts (threadlocal.schema_version). Waits for a line
before it begins; raises e2e.early before that."""
import ctypes
import mmap
import os
import struct
import sys
import threading
import time


def publish_process(schema):
    """OTEP 4719."""
    def field(n, data):
        return bytes([n << 3 | 2, len(data)]) + data
    payload = field(2, field(1, b"threadlocal.schema_version") + field(2, field(1, schema.encode())))
    fd = ctypes.CDLL(None).memfd_create(b"OTEL_CTX", 1)
    os.ftruncate(fd, 4096)
    memory = mmap.mmap(fd, 4096)
    text = ctypes.create_string_buffer(payload)
    memory[:32] = struct.pack("=8sIIQQ", b"OTEL_CTX", 2, len(payload), time.monotonic_ns(), ctypes.addressof(text))
    return memory, text


keep = publish_process(sys.argv[2]) if len(sys.argv) > 2 else None
library = ctypes.CDLL(sys.argv[1])


def say(trace_id=None, span_id=None):
    sys.audit("e2e.span", trace_id and trace_id.hex(), span_id and span_id.hex())


def work(number):
    say()
    if not hasattr(library, "attach"):
        return
    for i in range(1, 4):
        trace_id, span_id = bytes([number, i] * 8), bytes([i, number] * 4)
        library.attach(trace_id, span_id, number & 1)
        say(trace_id, span_id)
        library.set_valid(0)
        say()
        library.set_valid(1)
        say(trace_id, span_id)
        library.attach(bytes(16), bytes(8), 0)
        say()
        library.detach()
        say()


sys.audit("e2e.early")
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 4)]
for thread in threads:
    thread.start()
work(100)
for thread in threads:
    thread.join()
sys.stdout.flush()
child = os.fork()
if not child:
    work(50)
    os._exit(0)
os.waitpid(child, 0)
