# SPDX-License-Identifier: GPL-2.0-only
"""What the world does to a tracer: disks that are full, readers that do not come or do not read, clocks that
are set."""
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

from lib import records
from lib.case import PATIENCE, SANITIZED, Case, Config
from test_contract import TICKS, totals_line
from test_otlp import PARTS

FLOOD = "import sys\nprint('ready', flush=True)\nwhile True: sys.audit('e2e.flood', 'x' * 100)\n"


def unread(fd):
    """Bytes in a pipe."""
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0]


def adds_up(totals):
    return totals["seen"] == totals["delivered"] + totals["filtered"] + totals["lost"]


class Adversity(Case):
    def flood(self):
        job = self.spawn(self.py.path, "-c", FLOOD)
        self.grows(job.out_path, b"ready")
        return job

    def under(self, shell, *options):
        """The tracer, run by a line of shell that ends with "$@"."""
        job = self.spawn("/bin/sh", "-c", shell, "sh", Config.tool, *options)
        job.status = job.wait()
        return job

    def test_file_size_limit(self):
        """A file that may not grow is a full disk: what it has taken stays, the rest is counted."""
        out = self.path("out.json")
        job = self.under('ulimit -f 64; exec "$@"', "--format", "json", "-o", out, "--", self.py.path, "-c", TICKS % 3000)
        self.assertEqual(job.status, 0, job.stderr())
        self.assertIn("File too large", job.stderr())
        totals = totals_line(job.stderr())
        self.assertTrue(adds_up(totals), totals)
        self.assertEqual(len(records.audits(records.load(out))), totals["delivered"])
        self.assertGreater(totals["delivered"], 10)
        self.assertGreater(totals["lost"], 1000)

    def test_counts_on_a_full_disk(self):
        """Counts that cannot be written are of events that are lost."""
        for options in ("-c",), ("-c", "--format", "json"), ("--format", "folded"):
            job = self.run_tool(*options, "-o", "/dev/full", "--", self.py.path, "-c", TICKS % 10)
            totals = totals_line(job.stderr())
            self.assertTrue(adds_up(totals), totals)
            self.assertEqual(totals["delivered"], 0)
            self.assertGreater(totals["lost"], 10)

    def test_emptied(self):
        """Somebody empties the file (copytruncate): it goes on from its beginning."""
        out, ticker = self.path("out.json"), self.ticker()
        job = self.tool("--format", "json", "-e", "e2e.tick", "-o", out, "-p", str(ticker.pid))
        self.grows(out, b"e2e.tick")
        os.truncate(out, 0)
        self.grows(out, b"e2e.tick")
        job.signal(signal.SIGINT)
        self.assertEqual(job.wait(), 0, job.stderr())
        with open(out, "rb") as f:
            self.assertNotIn(b"\0", f.read())

    def test_nobody_opens_a_fifo(self):
        """Waiting for its reader can be ended; a SIGHUP does not wait for one."""
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        for number in (signal.SIGINT, signal.SIGTERM):
            job = self.tool("-a", "-e", "e2e.*", "-o", fifo)
            time.sleep(0.5)
            self.assertTrue(job.running(), job.stderr())
            job.signal(number)
            self.assertEqual(job.wait(10), -number)
        ticker = self.ticker()
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        job = self.tool("-v", "-e", "e2e.never", "-o", fifo, "-p", str(ticker.pid))
        self.grows(job.err_path, b"confined:")
        os.close(reader)
        job.signal(signal.SIGHUP)
        self.grows(job.err_path, b"fifo: cannot reopen: nobody reads it")
        job.signal(signal.SIGTERM)
        self.assertEqual(job.wait(10), 0, job.stderr())

    def test_second_signal(self):
        """Nobody reads the output, and somebody is impatient: it ends at once, and what was not read is counted."""
        flood = self.flood()
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        job = self.tool("--format", "json", "-e", "e2e.flood", "-p", str(flood.pid), stdout=writer)
        os.close(writer)
        self.until(lambda: unread(reader) > 60000, "pipe that is full")
        time.sleep(1)
        job.signal(signal.SIGINT)
        time.sleep(0.5)
        start = time.monotonic()
        job.signal(signal.SIGINT)
        self.assertEqual(job.wait(30), 0, job.stderr())
        self.assertLess(time.monotonic() - start, 4 * PATIENCE)
        totals = totals_line(job.stderr())
        self.assertGreater(totals["lost"], 0)
        self.assertTrue(adds_up(totals), totals)

    def backlog(self, *options):
        """A tracer that is told to end while its ring is full of what a program has said meanwhile."""
        program = self.spawn(self.py.path, "-c", PARTS.replace("n); n", "n, 'x' * 100); n"), stdin=subprocess.PIPE)
        job = self.tool("-v", "--buffer", "64M", "--format", "json", "-e", "e2e.n", "-p", str(program.pid), *options)
        self.grows(job.err_path, b"confined:")
        program.say("1")
        time.sleep(0.5)
        job.signal(signal.SIGSTOP)
        program.say("120000")
        self.until(lambda: program.stdout().count("said") == 2, "120,000 events", 60)
        job.signal(signal.SIGTERM)
        job.signal(signal.SIGCONT)
        self.assertEqual(job.wait(60), 0, job.stderr())
        totals = totals_line(job.stderr())
        self.assertTrue(adds_up(totals), totals)
        self.assertEqual(totals["lost"], 0, job.stderr())
        self.assertGreater(totals["delivered"], 120000)

    def test_backlog_at_the_end(self):
        """What is left in the ring comes no faster than a receiver takes it."""
        path = self.path("lines.sock")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen()
        self.addCleanup(listener.close)

        def read():
            peer, _ = listener.accept()
            while peer.recv(1 << 20):
                pass
        threading.Thread(target=read, daemon=True).start()
        self.backlog("-o", "unix:" + path)

    def test_clock_set_back(self):
        """Losses that are told once a second are, when the wall clock was set back as well."""
        if not shutil.which("cc") or SANITIZED:
            self.skipTest("no C compiler, or a sanitizer that has to be preloaded first")
        library, back, out = self.path("clock.so"), self.path("back"), self.path("out.json")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, self.program("clock_back.c")], check=True)
        flood = self.flood()
        job = self.tool("--format", "json", "--rate", "10", "-e", "e2e.flood", "-o", out, "-p", str(flood.pid),
                        env=self.environment(LD_PRELOAD=library, CLOCK_BACK=back))

        def told():
            with open(out, "rb") as f:
                return f.read().count(b'"reason":"rate"')
        self.until(lambda: os.path.exists(out) and told() > 1, "a loss")
        with open(back, "w"):
            before = told()
        self.until(lambda: told() > before + 2, "more losses")
        job.signal(signal.SIGINT)
        self.assertEqual(job.wait(), 0, job.stderr())
