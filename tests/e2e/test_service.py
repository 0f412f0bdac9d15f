# SPDX-License-Identifier: GPL-2.0-only
"""What a tracer that runs for months needs: its configuration file, rotation, signals."""
import os
import signal

from lib import records
from lib.case import Case


class Service(Case):
    """A tracer that a service manager runs."""

    def config(self, text):
        path = self.path("config.yaml")
        with open(path, "w") as f:
            f.write(text)
        return path

    def start(self, text, *options):
        """The tracer with a configuration file, tracing a ticker; (job, ticker)."""
        ticker = self.ticker()
        job = self.tool("--config", self.config(text), *options, "-p", str(ticker.pid))
        return job, ticker

    def stop(self, job):
        job.signal(signal.SIGINT)
        self.assertEqual(job.wait(), 0, job.stderr())


class Config(Service):
    """--config, and SIGHUP."""

    def test_config(self):
        """Options come from the file, and from the command line before it."""
        out, other = self.path("out"), self.path("other")
        job, _ = self.start("format: json\nevent: [e2e.tick]\noutput: %s\n" % other, "-o", out)
        self.grows(out, b'"e2e.tick"')
        self.stop(job)
        self.assertEqual({r["event"] for r in records.audits(records.load(out))}, {"e2e.tick"})
        self.assertFalse(os.path.exists(other))

    def test_config_errors(self):
        """What is wrong in the file is told with its line."""
        for text, want in (("format: json\nbufer: 1M\n", r"config\.yaml:2: 'bufer': no such option"),
                           ("event: [nosuch]\n", r"config\.yaml:1: --event nosuch: matches no event")):
            job = self.run_tool("--config", self.config(text), "-a")
            self.assert_one_line(job, 2, want)

    def test_hangup_reads_the_file(self):
        """SIGHUP changes where records go and what is said, and names what takes a restart."""
        first, second = self.path("first"), self.path("second")
        job, _ = self.start("format: json\nevent: [e2e.tick]\noutput: %s\nbuffer: 1M\n" % first)
        self.grows(first, b"e2e.tick")
        self.config("format: json\nevent: [e2e.tick]\noutput: %s\nbuffer: 2M\nverbose: 1\n" % second)
        job.signal(signal.SIGHUP)
        self.grows(second, b"e2e.tick")
        self.grows(job.err_path, b"'buffer' has changed; it takes effect with a restart")
        self.stop(job)
        found = records.load(first) + records.load(second)
        self.assertEqual([r["seq"] for r in found], list(range(1, len(found) + 1)))
        self.assertEqual(found[-1]["type"], "summary")

    def test_hangup_keeps_what_worked(self):
        """A file that has become wrong changes nothing and ends nothing; the output is opened anew."""
        out = self.path("out")
        job, _ = self.start("format: json\noutput: %s\n" % out)
        self.grows(out, b"e2e.tick")
        os.rename(out, out + ".old")
        self.config("format: jsn\n")
        job.signal(signal.SIGHUP)
        self.grows(job.err_path, b"unknown format", b"not taken over; going on as before")
        self.grows(out, b"e2e.tick")
        self.stop(job)


class Rotation(Service):
    """--rotate."""

    def test_rotate(self):
        """Files of the size asked for; no record is split or lost between them."""
        out = self.path("out")
        code = "import sys\nfor i in range(3000): sys.audit('e2e.x', i, 'x' * (i % 300))"
        job = self.run_tool("--format", "json", "-o", out, "--rotate", "64k,100", "-e", "e2e.x", "--",
                            self.py.path, "-c", code)
        self.assertEqual(job.status, 0, job.stderr())
        names = sorted((n for n in os.listdir(self.dir) if n.startswith("out.")), key=lambda n: -int(n[4:]))
        self.assertGreater(len(names), 5)
        found = []
        for name in names + ["out"]:
            self.assertLessEqual(os.stat(self.path(name)).st_size, 65536)
            self.assertEqual(os.stat(self.path(name)).st_mode & 0o777, 0o600)
            found += records.load(self.path(name))
        self.assertEqual([r["seq"] for r in found], list(range(1, len(found) + 1)))
        self.assertEqual([r["args"]["arg0"] for r in records.audits(found)], list(range(3000)))

    def test_keep(self):
        """Only so many old files stay."""
        out = self.path("out")
        job = self.run_tool("-o", out, "--rotate", "8k,2", "--", self.py.path, "-c", "import json, asyncio")
        self.assertEqual(job.status, 0, job.stderr())
        self.assertEqual(sorted(n for n in os.listdir(self.dir) if n.startswith("out")), ["out", "out.1", "out.2"])

    def test_planted_link(self):
        """A link in a directory open to all is not written through."""
        shared, victim = self.path("shared"), self.path("victim")
        os.mkdir(shared)
        os.chmod(shared, 0o1777)
        with open(victim, "w") as f:
            f.write("precious")
        os.symlink(victim, os.path.join(shared, "out"))
        job = self.run_tool("-o", os.path.join(shared, "out"), "-p", str(os.getpid()))
        self.assert_one_line(job, 1, "shared/out: cannot write: a symbolic link")
        with open(victim) as f:
            self.assertEqual(f.read(), "precious")
