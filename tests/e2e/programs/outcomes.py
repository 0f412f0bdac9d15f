# SPDX-License-Identifier: GPL-2.0-only
"""Opens, connects, removes and starts in four threads, and writes down what each of them came to.

    outcomes.py DIRECTORY LOG
"""
import errno
import json
import os
import socket
import subprocess
import sys
import threading

work, log = sys.argv[1:]
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(64)
port = server.getsockname()[1]
closed = socket.socket()
closed.bind(("127.0.0.1", 0))  # bound and not listening: refused
refused = closed.getsockname()[1]
done, together = [], threading.Barrier(4)


def outcome(call):
    try:
        return call()
    except OSError as error:
        return errno.errorcode[error.errno]


def opens(me, i):
    path = os.path.join(work, "%s-%d-é" % (me, i))
    yield "open", path, outcome(lambda: os.open(path, os.O_RDONLY))
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    yield "open", path, fd
    os.close(fd)
    with open(path, "rb") as file:
        yield "open", path, file.fileno()
    yield "os.remove", path, outcome(lambda: os.remove(path)) or 0
    yield "os.remove", path, outcome(lambda: os.remove(path))


def connects(me, i):
    for at, expected in ((port, 0), (refused, "ECONNREFUSED")):
        with socket.socket() as s:
            got = outcome(lambda: s.connect(("127.0.0.1", at)))
            yield "socket.connect", at, got or expected


def starts(me, i):
    p = subprocess.Popen(["/bin/sh", "-c", "exit %d" % i])
    p.wait()
    yield "subprocess.Popen", "exit %d" % i, p.pid
    try:
        subprocess.Popen(["/nonexistent/%s-%d" % (me, i)])
    except FileNotFoundError:
        yield "subprocess.Popen", "/nonexistent/%s-%d" % (me, i), "ENOENT"


def run(me):
    together.wait()
    tid = getattr(threading, "get_native_id")()
    for i in range(12):
        for act in (opens, connects, starts):
            for event, what, came in act(me, i):
                done.append((tid, event, what, came))


threads = [threading.Thread(target=run, args=("t%d" % n,)) for n in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
with open(log, "w") as f:
    json.dump(done, f)
