# SPDX-License-Identifier: GPL-2.0-only
"""More than can be written: memory stays bounded, every loss is counted, and the tracer's share of a CPU
can be limited."""
import re
import time

from lib import records
from lib.case import SANITIZED, Case

FLOOD = """
import sys, time
end = time.time() + float(sys.argv[1])
least = int(sys.argv[2])
n = quiet = 0
while time.time() < end or n < least:
    for i in range(1000): sys.audit('glob.glob', 'x' * 200, False)
    n += 1000
    if n % 20000 == 0:
        sys.audit('shutil.move', 'a', 'b')
        quiet += 1
print(n, quiet)
"""
MEGABYTE = 1 << 20


class Overload(Case):
    time_limit = 90

    def test_nobody_reads(self):
        """A reader that does not read: memory is the ring, seen twice, the queue and a fixed part."""
        buffer = 4
        tracer = self.tool("--format", "json", "--buffer", "%dM" % buffer, "--", self.py.path, "-c", FLOOD, "4", "300000",
                           stderr=-1)  # a pipe
        most = 0
        while not tracer.stdout():
            time.sleep(0.1)
            with open("/proc/%d/status" % tracer.pid) as f:
                most = max(most, int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)))
        data, _ = tracer.process.stderr.read(), tracer.wait()
        lines = data.split(b"\n")
        summary = records.parse_line(next(line for line in lines if b'"type":"summary"' in line))
        numbers = [int(n) for n in tracer.stdout().split()]
        self.assertGreaterEqual(summary["seen"], sum(numbers))
        self.assertEqual(summary["seen"], summary["delivered"] + summary["filtered"] + records.total_lost(summary))
        self.assertGreater(records.total_lost(summary), 0)
        told = sum(records.parse_line(line)["count"] for line in lines if b'"type":"lost"' in line)
        self.assertEqual(told, records.total_lost(summary))
        self.assertEqual(sum(b'"type":"audit"' in line for line in lines), summary["delivered"])
        sanitizers = 256 if SANITIZED else 0  # they keep freed memory, and a map of all
        self.assertLess(most * 1024, (2 * buffer + 48 + sanitizers) * MEGABYTE)

    def test_max_cpu(self):
        """The noisiest event is left out, and said to be; the others still come; all are counted."""
        found, job = self.run_json("-v", "--max-cpu", "2", "--", self.py.path, "-c", FLOOD, "6", "0", timeout=60)
        n, quiet = [int(n) for n in job.stdout().split()]
        summary = found[-1]
        lost = summary["lost"]["cpu"]
        self.assertGreater(lost, 0)
        self.assertGreaterEqual(summary["seen"], n + quiet)
        self.assertEqual(sum(r["count"] for r in records.of_type(found, "lost") if r["reason"] == "cpu"), lost)
        self.assertIn("--max-cpu: ", job.stderr())
        self.assertIn(" glob.glob left out for now", job.stderr())
        self.assertGreater(len(records.audits(found, "shutil.move")), quiet / 2)
        self.assertLess(len(records.audits(found, "glob.glob")), n)

    def test_recovers(self):
        """When the flood is over the event is let in again."""
        code = FLOOD + "end = time.time() + 9\nwhile time.time() < end:\n" \
                       "  sys.audit('glob.glob', 'after', False); time.sleep(0.1)"
        found, job = self.run_json("-v", "--max-cpu", "3", "--", self.py.path, "-c", code, "3", "0", timeout=60)
        self.assertIn("glob.glob left out for now", job.stderr())
        self.assertIn("glob.glob let in again", job.stderr())
        self.assertIn("after", [r["args"]["pathname"] for r in records.audits(found, "glob.glob")][-1:])
