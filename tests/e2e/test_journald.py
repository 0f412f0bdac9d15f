# SPDX-License-Identifier: GPL-2.0-only
"""--journald to a real systemd-journald."""
import json
import os

from lib import receivers, records, scrape
from lib.case import Config
from test_context import Group, cgroup_root
from test_syslog import Forwarding

CODE = """
import sys
sys.audit("e2e.x", "a\\nPRIORITY=0\\nb", b"\\xff\\x00\\n", None, 7, "")
sys.audit("e2e.big", "x" * 30000, ["y" * 30000] * 3)
sys.audit("e2e\\nMESSAGE=evil", 1)
open("/etc/hostname")
"""


class Journald(Forwarding):
    def inside(self, journald, *options):
        """The tracer where journald's socket is."""
        return self.spawn(*journald.inside(Config.tool, "--journald", *options))

    def test_fields(self):
        journald = receivers.Journald(self)
        out = self.path("out.json")
        job = self.inside(journald, "-s", "32k", "--format", "json", "-o", out, "--", self.py.path, "-c", CODE)
        self.assertEqual(job.wait(), 0, job.stderr())
        found = records.load(out)
        self.until(lambda: journald.entries("PYAUDIT_TYPE=summary"), "the summary")
        entries = journald.entries("SYSLOG_IDENTIFIER=pyaudit-trace")
        self.assertEqual([(e["PYAUDIT_TYPE"], int(e["PYAUDIT_SEQ"])) for e in entries if "PYAUDIT_TYPE" in e],
                         [(r["type"], r["seq"]) for r in found])
        for entry, line in zip(entries, open(out, encoding="utf-8")):
            mine, his = json.loads(entry["PYAUDIT_RECORD"]), json.loads(line)
            if his["type"] != "summary":
                self.assertEqual(mine, his)
        x = journald.entries("PYAUDIT_EVENT=e2e.x")[0]
        self.assertEqual(x["PYAUDIT_ARG_ARG0"], "a\nPRIORITY=0\nb")
        self.assertEqual(bytes(x["PYAUDIT_ARG_ARG1"]), b"\xff\x00\n")
        self.assertNotIn("PYAUDIT_ARG_ARG2", x)
        self.assertEqual((x["PYAUDIT_ARG_ARG3"], x["PYAUDIT_ARG_ARG4"], x["PRIORITY"]), ("7", "", "6"))
        evil = [e for e in entries if e.get("PYAUDIT_ARG_ARG0") == "1"][0]
        self.assertEqual(evil["PYAUDIT_EVENT"], "e2e\nMESSAGE=evil")
        self.assertNotIn("evil\n", evil["MESSAGE"])
        opened = journald.entries("PYAUDIT_EVENT=open", "PYAUDIT_ARG_PATH=/etc/hostname")
        self.assertEqual(len(opened), 1)
        self.assertEqual(opened[0]["PYAUDIT_CATEGORY"], "file")
        self.assertRegex(opened[0]["MESSAGE"], r'^\d+ \S+ open\(path="/etc/hostname", mode="r"')
        big = journald.entries("PYAUDIT_EVENT=e2e.big")[0]
        self.assertEqual(big["PYAUDIT_ARG_ARG0"], "x" * 30000)
        journald.stop()

    def test_unit(self):
        """The events of a service are among the messages of its unit."""
        root = cgroup_root(["cgroup2"])
        if not root:
            self.skipTest("no control group can be made here")
        unit = "pyaudit-e2e-%d.service" % os.getpid()
        group = Group(root, "system.slice/" + unit)
        try:
            journald = receivers.Journald(self)
            job = self.inside(journald, "-o", "/dev/null", "-e", "e2e.*", "--", "sh", "-c", "%s; exec %s -c '%s'" % (
                group.enter(), self.py.path, 'import sys; sys.audit("e2e.unit")'))
            self.assertEqual(job.wait(), 0, job.stderr())
            found = self.until(lambda: journald.entries("-u", unit), "entries of the unit")
            self.assertIn("e2e.unit", [e.get("PYAUDIT_EVENT") for e in found])
            journald.stop()
        finally:
            group.remove()

    def test_restart(self):
        """journald is restarted under load: every event is in the journal, and counted once."""
        journald = receivers.Journald(self)
        job, total = self.said(), 0
        out = self.path("out.json")
        tracer = self.inside(journald, "-v", "--metrics", "0", "--format", "json", "-o", out, "-e", "e2e.*",
                             "-p", str(job.pid))
        url = scrape.url_of(tracer, self)
        self.grows(out, b'"type":"process"')
        for i in range(3):
            job.say("4000")
            total += 4000
            if i < 2:
                self.until(lambda: len(journald.entries("PYAUDIT_EVENT=e2e.said")) > total - 3900, "some of batch %d" % i)
                journald.restart()
        self.grows(job.out_path, b"done %d" % total, timeout=60)
        found = self.delivered(url, "journald", total)
        self.assertEqual(set(self.dropped(found, "journald").values()), {0})
        self.end(tracer, job)
        got = [int(e["PYAUDIT_ARG_ARG0"]) for e in journald.entries("PYAUDIT_EVENT=e2e.said")]
        self.assertEqual(set(got), set(range(1, total + 1)), "events are missing")
        print("     %d events, %d of them twice" % (total, len(got) - total))
        journald.stop()

    def test_nobody(self):
        """Without a journal: one warning, and the output is whole."""
        out = self.path("out.json")
        options = ("--journald", "--format", "json", "-o", out, "-e", "e2e.*", "--", self.py.path, "-c", CODE)
        job = self.spawn("unshare", "-m", "--propagation", "private", "sh", "-c",
                         'mount -t tmpfs tmpfs /run && exec "$0" "$@"', Config.tool, *options)
        self.assertEqual(job.wait(), 0, job.stderr())
        self.assertIn("--journald: cannot connect: No such file", job.stderr())
        self.assertEqual(len(records.audits(records.load(out))), 2)
