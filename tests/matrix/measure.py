# SPDX-License-Identifier: GPL-2.0-only
"""Counts, for one interpreter and one way of watching, the events on which the tracer and the program
agree, and names those it does not show. Programs and comparison are those of the end-to-end tests."""
import collections
import difflib
import os
import re
import unittest

from lib import compare, records, reference
from lib.case import Case, Config

PROGRAMS = ("args.py", "real.py", "threads.py")
LIMIT = 512  # the tracer's string limit unless told otherwise
# From the interpreter's first event to its last, with what it raises by ways of its own: not through
# the exported function, and partly where no hook written in Python can see it.
WHOLE_LIFE = """
import sys
sys.addaudithook(lambda *args: None)
sys.set_asyncgen_hooks(None, None)
sys.settrace(None)
sys.setprofile(None)
sys._getframe()
sys._current_frames()
for name in "_current_exceptions", "_getframemodulename":
    getattr(sys, name, int)()
class Finalised:
    def __del__(self):
        raise ValueError("in __del__")
Finalised()
raise ValueError("at the end")
"""


class Count:
    """agreed of total events; stacks: how many whose call stack agreed; missing and surplus: how often by name; problems: lines of text."""

    def __init__(self):
        self.agreed = self.stacks = self.total = 0
        self.missing, self.surplus = collections.Counter(), collections.Counter()
        self.problems = []

    def add_thread(self, who, wants, found):
        """One thread's events, matched by name as well as that can be, so that one that is missing does
        not spoil the rest."""
        self.total += len(wants)
        names = [compare.merged(w["e"]) for w in wants]
        matcher = difflib.SequenceMatcher(None, names, [r["event"] for r in found], autojunk=False)
        for tag, i, i_end, j, j_end in matcher.get_opcodes():
            if tag != "equal":
                self.missing.update(names[i:i_end])
                self.surplus.update(r["event"] for r in found[j:j_end])
                continue
            for want, record in zip(wants[i:i_end], found[j:j_end]):
                problems = compare.compare_event(want, record, Config.table, limit=LIMIT, stacks=False)
                self.agreed += not problems
                stack = compare.compare_stack(want["k"], record)
                self.stacks += not stack
                problems += ["%s: %s" % (want["e"], p) for p in stack]
                self.problems += ["%s, seq %d: %s" % (who, record["seq"], p) for p in problems]


class Measure(Case):
    """One run of each program. counts holds what came of it."""
    time_limit = 240

    def __init__(self, path, choice):
        super().__init__("measure")
        self.python, self.choice, self.counts = path, choice, Count()

    def measure(self):
        for program in PROGRAMS:
            self.measure_one(program)

    def measure_one(self, program):
        log, work = self.path("hook.log"), self.path("work")
        args = []
        if program == "real.py":
            os.mkdir(work)
            args = [work]
        if os.path.exists(log):
            os.remove(log)
        found, _ = self.run_json("--probe", self.choice, "--stack=128", "--redact", "none", "--", self.python,
                                 self.program(program), *args,
                                 timeout=75, env=self.environment(E2E_LOG=log, E2E_CLIP="1024"))
        entries = reference.load_log(log)
        self.assertEqual(records.total_lost(found[-1]), 0, "events were lost: %r" % found[-1])
        pid = next(e["p"] for e in entries if e["e"] == "e2e.begin")
        self.count(program, *(lives.get(pid, [[], []])[1:2] or [[]] for lives in
                              (compare.logged(entries), compare.traced(records.audits(found)))))

    def count(self, program, wanted, found):
        """wanted, found: lists that hold the segment from e2e.begin to e2e.end, or an empty one."""
        wants = compare.by_thread(wanted[0], lambda w: w["t"])
        threads = compare.by_thread(found[0], lambda r: r["tid"])
        for tid in sorted(set(wants) | set(threads)):
            self.counts.add_thread("%s thread %d" % (program, tid), wants.get(tid, []), threads.get(tid, []))


def measure(path, choice):
    """A Count; its problems also tell why it could not be made."""
    test, result = Measure(path, choice), unittest.TestResult()
    test.run(result)
    for _, trace in result.failures + result.errors:
        test.counts.problems.insert(0, trace.strip())
        test.counts.agreed = test.counts.stacks = test.counts.total = 0
    return test.counts


class Lives(Case):
    """The names of all events of a whole run, by way of watching."""
    time_limit = 120

    def __init__(self, path):
        super().__init__("live")
        self.python, self.names = path, {}

    def live(self):
        for choice in ("uprobe", "usdt"):
            found, _ = self.run_json("--probe", choice, "--no-args", "--", self.python, "-c", WHOLE_LIFE, status=1)
            self.assertEqual(records.total_lost(found[-1]), 0, "events were lost: %r" % found[-1])
            self.names[choice] = collections.Counter(r["event"] for r in records.audits(found))


def differences(path):
    """What each of the two ways does not show and the other does, as Counters by way; and problems."""
    test, result = Lives(path), unittest.TestResult()
    test.run(result)
    if result.failures or result.errors:
        return {}, [trace.strip() for _, trace in result.failures + result.errors]
    uprobe, usdt = test.names["uprobe"], test.names["usdt"]
    return {"uprobe": usdt - uprobe, "usdt": uprobe - usdt}, []


class Checked:
    """What --check says of an interpreter's file. chosen: "uprobe" or "usdt"; probes, gaps: by choice."""

    def __init__(self, text):
        head = re.search(r": CPython (\S+), ([^\n]*)", text)
        self.version = head.group(1) if head else None
        self.free_threaded = bool(head) and "free-threaded" in head.group(2)
        layout = re.search(r"^  object layout: (.*)$", text, re.M)
        self.decodes = bool(layout) and not layout.group(1).startswith("NOT ")
        self.chosen, self.probes, self.gaps = None, {"uprobe": [], "usdt": []}, {"uprobe": [], "usdt": []}
        self.read_choices(text)

    def read_choices(self, text):
        choice = None
        for line in text.splitlines():
            m = re.match(r"  (uprobes|usdt)( \(chosen\))?$", line)
            if m:
                choice = m.group(1).rstrip("s") if m.group(1) == "uprobes" else "usdt"
                self.chosen = choice if m.group(2) else self.chosen
            elif choice and re.match(r"    \S+ +at 0x", line):
                name, offset = re.match(r"    (\S+) +at 0x[0-9a-f]+\+(\d+),", line).groups()
                self.probes[choice].append("%s+%s%s" % (name, offset, "" if "emulated" in line else " SLOW"))
            elif choice and line.startswith("    misses: "):
                self.gaps[choice].append(line[12:])

    def named_gaps(self, choice):
        """The events that are named in what this way misses."""
        return {word for gap in self.gaps[choice] for word in re.findall(r"[\w.]+", gap)
                if word.rstrip(".") in Config.table.rows}

    def placement(self, choice):
        probes = self.probes[choice]
        if len(probes) > 2:  # the sites of one USDT probe
            slow = sum(p.endswith("SLOW") for p in probes)
            return "%d sites of %s%s" % (len(probes), probes[0].split("+")[0], ", %d SLOW" % slow if slow else "")
        return ", ".join(probes)
