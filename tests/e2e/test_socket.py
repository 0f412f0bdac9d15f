# SPDX-License-Identifier: GPL-2.0-only
"""-o to a socket: the same lines as in a file."""
import os
import socket
import threading

from lib import records
from lib.case import Case

CODE = "import sys; sys.audit('e2e.x', 1); open('/etc/hostname')"


class Reader(threading.Thread):
    """Takes one connection after the other, and all they bring."""

    def __init__(self, listener, datagrams=False):
        super().__init__(daemon=True)
        self.listener, self.datagrams, self.data = listener, datagrams, b""
        self.start()

    def run(self):
        while True:
            try:
                if self.datagrams:
                    self.data += self.listener.recv(1 << 20) + b"\n"
                    continue
                peer, _ = self.listener.accept()
                while True:
                    piece = peer.recv(65536)
                    if not piece:
                        break
                    self.data += piece
                peer.close()
            except OSError:
                return


class Socket(Case):
    def check(self, address, reader, *options):
        job = self.run_tool("-o", address, *options, "--", self.py.path, "-c", CODE)
        self.assertEqual(job.status, 0, job.stderr())
        self.until(lambda: b'"type":"summary"' in reader.data and reader.data.endswith(b"\n"), "the summary")
        found = records.parse(reader.data)
        self.check_contract(found, job)
        self.assertEqual(len(records.audits(found, "e2e.x")), 1)
        self.assertEqual(dict(found[-1]["exporters"]["output"]["dropped"].pairs),
                         {"queue_full": 0, "too_large": 0, "unsent": 0, "unconfirmed": 0})
        self.assertEqual(job.stdout(), "")
        reader.listener.close()

    def listener(self, family, kind, where):
        s = socket.socket(family, kind)
        s.bind(where)
        if kind == socket.SOCK_STREAM:
            s.listen()
        return s

    def test_unix(self):
        path = self.path("lines.sock")
        self.check("unix:" + path, Reader(self.listener(socket.AF_UNIX, socket.SOCK_STREAM, path)))

    def test_unix_datagrams(self):
        path = self.path("lines.sock")
        self.check("unix:" + path, Reader(self.listener(socket.AF_UNIX, socket.SOCK_DGRAM, path), True))

    def test_tcp(self):
        s = self.listener(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self.check("tcp:127.0.0.1:%d" % s.getsockname()[1], Reader(s))

    def test_text(self):
        """--format text is as well possible."""
        path = self.path("lines.sock")
        reader = Reader(self.listener(socket.AF_UNIX, socket.SOCK_STREAM, path))
        job = self.run_tool("-o", "unix:" + path, "--format", "text", "--", self.py.path, "-c", CODE)
        self.assertEqual(job.status, 0, job.stderr())
        self.until(lambda: b"exited with 0" in reader.data, "the exit")
        self.assertIn(b"e2e.x(arg0=1)\n", reader.data)
        reader.listener.close()

    def test_counts(self):
        path = self.path("lines.sock")
        reader = Reader(self.listener(socket.AF_UNIX, socket.SOCK_STREAM, path))
        job = self.run_tool("-c", "--format", "json", "-o", "unix:" + path, "--", self.py.path, "-c", CODE)
        self.assertEqual(job.status, 0, job.stderr())
        self.until(lambda: b'"type":"summary"' in reader.data and reader.data.endswith(b"\n"), "the summary")
        found = records.parse(reader.data)
        self.assertEqual([r["count"] for r in found if r.get("event") == "e2e.x"], [1])
        self.assertEqual(found[-1]["seen"], found[-1]["delivered"])
        reader.listener.close()

    def test_nobody(self):
        """No receiver: what could not be delivered is in the last line, and the command is not held up."""
        job = self.run_tool("-o", "unix:" + self.path("none"), "-e", "e2e.x", "--", self.py.path, "-c", CODE)
        self.assertEqual(job.status, 0)
        self.assertRegex(job.stderr(), r"events: \d+ seen, 0 delivered, \d+ filtered, 1 lost \(output: 1\)")
        self.assertFalse(os.path.exists("unix:" + self.path("none")))

    def test_refused(self):
        for options, why in ((("-o", "udp:127.0.0.1:5"), "datagrams"), (("-o", "tcp:h"), "no port"),
                             (("-c", "--format", "text", "-o", "unix:/x"), "table"),
                             (("--rotate", "1M", "-o", "unix:/x"), "no file to rotate")):
            job = self.run_tool(*options, "--", self.py.path, "-c", "")
            self.assert_one_line(job, 2, why)
