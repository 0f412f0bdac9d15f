# SPDX-License-Identifier: GPL-2.0-only
"""Call stacks from every kind of code, against what sys._getframe() says in the program's own hook."""
import json
import os
import signal
import time

from lib import compare, records
from lib.case import Case

NAME_MAX = 4096  # bytes of a name that are captured
TABLE_MAX = 112 << 10


def load(path):
    """{(event, number): [[func, file, line, bytes of the line table]...]}"""
    walked = {}
    with open(path, "rb") as f:
        for line in f:
            entry = json.loads(line)
            walked[entry["e"], entry["n"]] = entry["k"]
    return walked


def number(record):
    args = record["args"]
    return args["arg0"] if record["event"] == "stack.event" else int(args["path"].rpartition("/")[2])


def unit(text):
    """Bytes a code unit of a str."""
    top = max(map(ord, text), default=0)
    return 4 if top > 0xffff else 2 if top > 0xff else 1


def name_problem(want, got, place, truncated):
    """A name is whole, or cut at the limit and said to be."""
    fits = NAME_MAX // unit(want)
    cut = len(want) > fits
    if got != compare.merged(want[:fits]):
        return "%s: %.80r instead of %.80r" % (place, got, want)
    if (place in truncated) != cut:
        return "%s: is%s said to be cut" % (place, "" if place in truncated else " not")
    return None


def frame_problems(want, got, place, truncated):
    func, file, line, table = want
    if got is None:
        return ["%s is null" % place]
    found = [name_problem(func, got["func"], place + ".func", truncated),
             name_problem(file, got["file"], place + ".file", truncated)]
    if got.get("line", 0) != (line if table <= TABLE_MAX else 0):
        found.append("%s: line %r instead of %r" % (place, got.get("line"), want))
    return [p for p in found if p]


def stack_problems(want, record, depth):
    stack, truncated = record.get("stack"), record.get("truncated") or {}
    if "unreadable" in record:
        return ["unreadable: %r" % record["unreadable"]]
    if stack is None or len(stack) != min(len(want), depth):
        return ["%s frames instead of %d" % (stack and len(stack), min(len(want), depth))]
    problems = []
    for i, (w, g) in enumerate(zip(want, stack)):
        problems += frame_problems(w, g, "stack[%d]" % i, truncated)
    if ("stack" in truncated) != (len(want) > depth):
        problems.append("a stack of %d frames is%s said to be cut" % (len(want), "" if "stack" in truncated else " not"))
    elif "stack" in truncated and truncated["stack"] != depth + 1:
        problems.append("truncated says %r" % truncated["stack"])
    return problems


class Stacks(Case):
    per_python = True
    time_limit = 180

    def trace(self, depth, *situations, options=()):
        log = self.path("walked%d" % len(self.jobs))
        found, job = self.run_json("--stack=%d" % depth, "-e", "stack.event,os.listdir", "-s", "32768", *options, "--",
                                   self.py.path, self.program("stacks.py"), *situations, timeout=60,
                                   env=self.environment(E2E_LOG=log))
        self.assertEqual(records.total_lost(found[-1]), 0)
        return load(log), [r for r in records.audits(found) if "/nonexistent/" in str(r["args"]) or
                           r["event"] == "stack.event"], job

    def check(self, depth, *situations, **how):
        walked, audits, job = self.trace(depth, *situations, **how)
        seen, problems = {(r["event"], number(r)): r for r in audits}, []
        self.assertEqual(set(seen), set(walked))
        for key, want in walked.items():
            problems += ["%s %d: %s" % (key + (p,)) for p in stack_problems(want, seen[key], depth)]
        self.assertFalse(problems, "\n" + "\n".join(problems[:30]))
        return walked, job

    def test_situations(self):
        """Generators, coroutines, callbacks from C, exec, comprehensions, threads, long code, a forked child."""
        walked, _ = self.check(128, options=["-f"])
        self.assertGreater(len(walked), 2500)
        self.assertGreater(max(map(len, walked.values())), 200)
        tables = {frame[3] for frames in walked.values() for frame in frames}
        self.assertTrue([n for n in tables if 16 << 10 < n <= TABLE_MAX])
        self.assertTrue([n for n in tables if n > TABLE_MAX])

    def test_depth(self):
        """A stack that is cut says so, one that just fits does not."""
        for depth in (1, 16):
            self.check(depth, "plain", "deep", "callbacks", "comprehensions")

    def test_interpreters(self):
        """In interpreters of their own, at the same time, with threads."""
        walked, job = self.check(128, "interpreters")
        if b"no interpreters" in job.read(job.out_path):
            self.skipTest("this build has no interpreters module")
        self.assertGreaterEqual(len({n // 100000 for _, n in walked}), 4)

    def test_usdt(self):
        """By the USDT, where there is one: the thread's state is found without an argument."""
        job = self.run_tool("--check", "--format", "json", self.py.real)
        if '"entry":"python:audit"' not in job.stdout():
            self.skipTest("no USDT in this build")
        self.check(128, "generator", "callbacks", "threads", "interpreters", options=["--probe", "usdt"])


class Limits(Case):
    """Where there is more code than is kept, or than the ring takes."""
    time_limit = 120
    trace, check = Stacks.trace, Stacks.check

    def test_many(self):
        """Code that had to be forgotten is sent again: no frame stays unknown."""
        walked, _ = self.check(16, "many", options=["--buffer", "64M"])
        self.assertGreater(len({frame[1] for frames in walked.values() for frame in frames}), 16800)

    def test_flood(self):
        """When the ring is full, events are lost and counted, and frames are unknown, but never another's."""
        log = self.path("walked")
        out = self.path("out")
        tracer = self.tool("--format", "json", "-o", out, "--stack=128", "-e", "stack.event", "--buffer", "64k", "--",
                           self.py.path, self.program("stacks.py"), "flood", env=self.environment(E2E_LOG=log))
        self.grows(log, b'"stack.event"')
        for _ in range(5):
            tracer.signal(signal.SIGSTOP)
            time.sleep(0.2)
            tracer.signal(signal.SIGCONT)
            time.sleep(0.1)
        self.assertEqual(tracer.wait(60), 0, tracer.stderr())
        found = records.load(out)
        walked, problems, unknown = load(log), [], 0
        audits = records.audits(found)
        for r in audits:
            want, got = walked["stack.event", r["args"]["arg0"]], r["stack"]
            self.assertEqual(len(got), len(want))
            for i, (w, g) in enumerate(zip(want, got)):
                place = "stack[%d]" % i
                if g is None:
                    unknown += 1
                    self.assertEqual(r["unreadable"][place], "ENOBUFS")
                else:
                    problems += frame_problems(w, g, place, {})
        self.assertFalse(problems, "\n".join(problems[:20]))
        self.assertGreater(len(audits), 10)
        self.assertGreater(records.total_lost(found[-1]), 0)
        print("%d events, %d lost, %d frames unknown" % (len(walked), records.total_lost(found[-1]), unknown))


class Output(Case):
    """What becomes of stacks in the formats."""

    CODE = ("import sys\n"
            "def inner():\n    sys.audit('e2e.x', 1)\n"
            "def outer(n):\n    for _ in range(n): inner()\n"
            "outer(2); inner()\n")

    def file(self):
        path = self.path("a b;c.py")
        with open(path, "w") as f:
            f.write(self.CODE)
        return path

    def run_format(self, *options):
        out = self.path("out")
        job = self.run_tool("-o", out, "-e", "e2e.x", *options, "--", self.py.path, self.file())
        self.assertEqual(job.status, 0, job.stderr())
        with open(out, encoding="utf-8") as f:
            return f.read().splitlines(), job

    def test_text(self):
        """The frames are indented lines below the event."""
        lines, _ = self.run_format("-k")
        at = next(i for i, line in enumerate(lines) if "e2e.x(arg0=1)" in line)
        path = self.path("a b;c.py")
        self.assertEqual(lines[at + 1:at + 4], ["        at inner (%s:3)" % path, "        at outer (%s:5)" % path,
                                                "        at <module> (%s:6)" % path])
        lines, _ = self.run_format("-k1")
        at = next(i for i, line in enumerate(lines) if "e2e.x(arg0=1)" in line)
        self.assertEqual(lines[at + 1:at + 3], ["        at inner (%s:3)" % path,
                                                "        ... 1 or more callers not shown"])

    def test_no_args(self):
        """--no-args leaves the stack."""
        lines, _ = self.run_format("-k", "--no-args", "--format", "json")
        found = records.audits([records.parse_line(line.encode()) for line in lines], "e2e.x")
        self.assertEqual([f["func"] for f in found[0]["stack"]], ["inner", "outer", "<module>"])
        self.assertNotIn("args", found[0])

    def test_not_asked_for(self):
        lines, _ = self.run_format("--format", "json")
        self.assertFalse([line for line in lines if '"stack"' in line])

    def test_folded(self):
        """Counts by stack, the root first, whole without -k; nothing else is in the file."""
        lines, job = self.run_format("--format", "folded")
        path = self.path("a b,c.py")
        self.assertEqual(lines, ["<module> (%s:6);inner (%s:3);[audit] e2e.x 1" % (path, path),
                                 "<module> (%s:6);outer (%s:5);inner (%s:3);[audit] e2e.x 2" % (path, path, path)])
        self.assertRegex(job.stderr(), r"events: \d+ seen, 3 delivered, \d+ filtered, 0 lost")
        lines, _ = self.run_format("--format", "folded", "-k1")
        self.assertEqual(lines, ["[callers not known];inner (%s:3);[audit] e2e.x 3" % path])

    def test_folded_reopen(self):
        """SIGHUP: what was counted is in the file that was put away, what follows in a new one."""
        ticker = self.ticker()
        out, away = self.path("folded"), self.path("away")
        tracer = self.tool("--format", "folded", "-e", "e2e.tick", "-o", out, "-v", "-p", str(ticker.pid))
        self.grows(tracer.err_path, b" probes")
        ticks = lambda path: sum(int(line.rpartition(" ")[2]) for line in open(path))  # noqa: E731
        self.until(lambda: ticker.running() and self.pause(), "ticks")
        os.rename(out, away)
        tracer.signal(1)
        self.until(lambda: os.path.exists(out), "a new file")
        self.until(lambda: ticker.running() and self.pause(), "ticks")
        tracer.signal(2)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        self.assertGreater(ticks(away), 0)
        self.assertGreater(ticks(out), 0)
        delivered = int(tracer.stderr().split(" delivered")[0].rpartition(" ")[2])
        self.assertEqual(ticks(away) + ticks(out), delivered)
        self.finish(ticker)

    def pause(self):
        time.sleep(0.5)
        return True

    def test_check(self):
        """--check says where the thread's state is."""
        job = self.run_tool("--check", self.py.real)
        self.assertRegex(job.stdout(), r"(?m)^  call stacks: known; ")
