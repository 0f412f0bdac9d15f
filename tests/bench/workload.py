# SPDX-License-Identifier: GPL-2.0-only
"""The traced side of the benchmark: reads lines "KIND N" and answers with the CPU nanoseconds of one turn."""
import os
import sys
import time


def audit(n):
    for i in range(n):
        sys.audit("bench.event", "/etc/hostname", "r", i)


def in_bursts(call):
    """So that no queue behind the tracer runs full."""
    def bursts(n):
        while n > 0:
            call(min(n, 500))
            n -= 500
            time.sleep(0.01)
    return bursts


def start_event(n):
    """As subprocess.Popen raises it: much text, some of it secret."""
    argv = ["/usr/bin/curl", "-H", "Authorization: Bearer 0123456789abcdef", "https://user:secret@host.invalid/path?token=x"]
    env = {"NAME_%d" % i: "/some/value/of/a/variable/%d" % i for i in range(20)}
    for _ in range(n):
        sys.audit("subprocess.Popen", "/usr/bin/curl", argv, None, env)


def c_event(n):
    flags = os.O_RDONLY | os.O_CLOEXEC
    for _ in range(n):
        try:
            os.open("/nonexistent", flags)
        except OSError:
            pass


def file_loop(n):
    for _ in range(n):
        with open("/etc/hostname", "rb") as f:
            f.read()


def getppid(n):
    call = os.getppid
    for _ in range(n):
        call()


def open_close(n):
    for _ in range(n):
        os.close(os.open("/etc/hostname", 0))


def frames(depth):
    """sys.audit() on a stack of so many more frames, each of a function of its own with some lines."""
    call = audit
    for i in range(depth):
        space = {"call": call}
        body = "".join("    if n < 0:\n        n = [n, %d]\n" % k for k in range(8))
        exec(compile("def function_%d(n):\n%s    return call(n)\n" % (i, body), "/usr/lib/python3/bench_%d.py" % i,
                     "exec"), space)
        call = space["function_%d" % i]
    return call


KINDS = {"sys.audit": audit, "open event": c_event, "open+read+close": file_loop, "shallow": frames(1),
         "deep": frames(33), "small": in_bursts(audit),
         "large": in_bursts(start_event), "getppid": getppid, "open+close": open_close}


def json_hook(path):
    import json
    out = open(path, "w")

    def hook(event, args):
        out.write(json.dumps([event, [repr(a) for a in args]]))
    sys.addaudithook(hook)


def main():
    if len(sys.argv) > 1:
        json_hook(sys.argv[1])
    for line in sys.stdin:
        kind, n = line.rsplit(" ", 1)
        begin = time.thread_time_ns()
        KINDS[kind](int(n))
        print((time.thread_time_ns() - begin) / int(n), flush=True)


main()
