# SPDX-License-Identifier: GPL-2.0-only
"""Under a flood nothing disappears uncounted."""
import os

from lib import records
from lib.case import Case

PROCESSES, EVENTS = 4, 500000
TAIL = 1 << 16


def count(path, needle):
    """How often needle stands in a big file."""
    found, carry = 0, b""
    with open(path, "rb") as f:
        while True:
            block = f.read(1 << 22)
            if not block:
                return found
            block = carry + block
            found += block.count(needle)
            carry = block[-(len(needle) - 1):]


def last_record(path):
    with open(path, "rb") as f:
        f.seek(max(0, os.path.getsize(path) - TAIL))
        return records.parse_line(f.read().rstrip(b"\n").rpartition(b"\n")[2])


NAMES = """
import sys
class Text(str): pass
names = ["q" * n for n in (1, 7, 8, 9, 39, 40, 46, 47, 48, 49, 63, 64, 65, 200)]
names += ["q.\\xfc", "q.\\u20ac", "q\\0nul", "", Text("q.subclass"), Text("q.\\xe9")]
if sys.argv[1:]: sys.addaudithook(lambda event, args: None)
for name in names * 3:
    try: sys.audit(name, 1)
    except ValueError: pass
    sys.audit("kept." + name[:20], 1)
"""


class Names(Case):
    """What is left out by name is counted once, whatever the name is like."""
    per_python = True

    def test_left_out(self):
        for hook in [], ["hook"]:
            with self.subTest(hook=hook):
                everything, _ = self.run_json("--", self.py.path, "-S", "-c", NAMES, *hook)
                some, _ = self.run_json("-e", "kept.*", "--", self.py.path, "-S", "-c", NAMES, *hook)
                kept = [r for r in records.audits(everything) if r["event"].startswith("kept.")]
                self.assertEqual(len(kept), 60)
                self.assertEqual([r["event"] for r in records.audits(some)], [r["event"] for r in kept])
                self.assertEqual(some[-1]["seen"], everything[-1]["seen"])
                self.assertEqual(some[-1]["filtered"], everything[-1]["seen"] - 60)


class Flood(Case):
    alone = True
    time_limit = 200

    def flood(self, out, events, *options, env=None):
        job = self.run_tool("--format", "json", "-o", out, "-f", *options, "--", self.py.path,
                            self.program("counts.py"), str(PROCESSES), str(events), timeout=150)
        self.assertEqual(job.status, 0, job.stderr()[-2000:])
        return job

    def check_sum(self, summary):
        lost = records.total_lost(summary)
        self.assertEqual(summary["seen"], summary["delivered"] + summary["filtered"] + lost)
        return lost

    def test_file(self):
        """Two million events as fast as four processes can: each is in the file or counted as lost."""
        out = self.path("flood.json")
        self.flood(out, EVENTS, "-e", "flood.x")
        summary = last_record(out)
        lost = self.check_sum(summary)
        delivered = count(out, b'"event":"flood.x"')
        print("     delivered %d, lost %d" % (delivered, lost))
        self.assertEqual(delivered, summary["delivered"])
        self.assertEqual(delivered + lost, PROCESSES * EVENTS)
        self.assertGreater(delivered, 0)
        with open(out, "rb") as f:
            gaps = sum(records.parse_line(line)["count"] for line in f if line.startswith(b'{"type":"lost"'))
        self.assertEqual(gaps, lost, "lost records in the stream and the summary differ")

    def test_null(self):
        """All events into /dev/null: the totals differ from those of an idle run by what was raised."""
        idle = self.path("idle.json")
        self.flood(idle, 0)
        quiet = last_record(idle)
        self.assertEqual(self.check_sum(quiet), 0)
        job = self.flood("/dev/null", EVENTS)
        from test_contract import totals_line
        totals = totals_line(job.stderr())
        self.assertIsNotNone(totals, job.stderr())
        print("     %s" % totals)
        self.assertEqual(totals["seen"], totals["delivered"] + totals["filtered"] + totals["lost"])
        self.assertEqual(totals["seen"] - quiet["seen"], PROCESSES * EVENTS)
        self.assertEqual(totals["filtered"], 0)
