# SPDX-License-Identifier: GPL-2.0-only
"""The judge is judged: the comparison accepts the output that the specification asks for, and notices
each kind of error. Needs neither root nor the tracer."""
import copy
import json

from lib import compare, records, reference
from lib.case import Case, Config

LIMIT = 512


class Judge(Case):
    needs_tool = False
    per_python = True

    def entries(self, program, *args):
        log = self.path("log")
        job = self.spawn(self.py.path, self.program(program), *args, env=self.environment(E2E_LOG=log))
        self.assertEqual(job.wait(), 0, job.stderr())
        return reference.load_log(log)

    def written(self, entries, change=None):
        """The records that a perfect tracer would write, after change(list of dicts)."""
        made = [reference.record(entry, i, Config.table, LIMIT) for i, entry in enumerate(entries, 1)]
        if change:
            change(made)
        return records.parse("".join(json.dumps(r) + "\n" for r in made).encode())

    def problems(self, entries, change=None, **how):
        return compare.compare_runs(entries, self.written(entries, change), Config.table, **how)

    def test_perfect_output(self):
        """No objection to what is right."""
        work = self.path("work")
        import os
        os.mkdir(work)
        for program in (["args.py"], ["real.py", work], ["threads.py"], ["forkexec.py"]):
            entries = self.entries(*program)
            self.assertEqual(self.problems(entries), [])
            os.remove(self.path("log"))

    def test_two_runs(self):
        """Two runs of one script agree when addresses, ids, ports and random names are masked."""
        import os
        import shutil
        runs = []
        for _ in range(2):
            os.mkdir(self.path("work"))
            runs.append(self.entries("real.py", self.path("work")))
            shutil.rmtree(self.path("work"))
            os.remove(self.path("log"))
        found = compare.compare_unhooked(runs[0], self.written(runs[1]), Config.table)
        self.assertEqual(found, [])
        self.assertNotEqual(compare.compare_runs(runs[0], self.written(runs[1]), Config.table), [])


class Errors(Case):
    """Each wrong output must be noticed."""
    needs_tool = False

    @classmethod
    def setUpClass(cls):
        cls.cached = None

    def load(self):
        log = self.path("log")
        job = self.spawn(self.py.path, self.program("args.py"), env=self.environment(E2E_LOG=log))
        self.assertEqual(job.wait(), 0, job.stderr())
        return reference.load_log(log)

    def refused(self, entries, change, pattern="."):
        """change(made) spoils the perfect output; the comparison must say so."""
        made = [reference.record(entry, i, Config.table, LIMIT) for i, entry in enumerate(entries, 1)]
        before = copy.deepcopy(made)
        change(made)
        self.assertNotEqual(json.dumps(before), json.dumps(made), "the change changed nothing")
        parsed = records.parse("".join(json.dumps(r) + "\n" for r in made).encode())
        found = compare.compare_runs(entries, parsed, Config.table)
        self.assertTrue(found, "not noticed")
        self.assertRegex("\n".join(found), pattern)

    def first(self, made, event, test=lambda v: True):
        return next(r for r in made if r["event"] == event and r["args"] and test(list(r["args"].values())[0]))

    def first_named(self, made, event):
        return next(r for r in made if r["event"] == event)

    def set(self, event, test, new, key="arg0"):
        def change(made):
            self.first(made, event, test)["args"][key] = new
        return change

    def test_values(self):
        """One changed value of each kind."""
        entries = self.load()
        for event, test, new in (
                ("args.str", lambda v: v == "hostname", "hostnama"),
                ("args.str", lambda v: v == "hostname", "hostnam"),
                ("args.str", lambda v: v == "", None),
                ("args.str", lambda v: v == "a\0b", "a"),
                ("args.str", lambda v: v == "\ud800", "?"),
                ("args.bytes", lambda v: v == {"bytes": "a"}, "a"),
                ("args.bytes", lambda v: v == {"bytes": "a"}, {"base64": "YQ=="}),
                ("args.bytes", lambda v: v == {"base64": "//4="}, {"bytes": "\xff\xfe"}),
                ("args.int", lambda v: v == 1, True),
                ("args.int", lambda v: v == 1, 1.0),
                ("args.int", lambda v: v == (1 << 63), float(1 << 63)),
                ("args.int", lambda v: v == (1 << 63), -(1 << 63)),
                ("args.int", lambda v: v == 10 ** 100, 10 ** 100 + 1),
                ("args.int", lambda v: v == 0, None),
                ("args.const", lambda v: v is True, 1),
                ("args.const", lambda v: v is None, ""),
                ("args.float", lambda v: repr(v) == "-0.0", 0.0),
                ("args.float", lambda v: v == 0.1, 0.10000000000000002),
                ("args.float", lambda v: v == "nan", None),
                ("args.float", lambda v: v == "inf", "-inf"),
                ("args.empty", lambda v: v == [], {}),
                ("args.empty", lambda v: v == {}, []),
                ("args.empty", lambda v: v == [None], []),
                ("args.dict", lambda v: "items" in v, {"items": []}),
                ("args.nested", lambda v: type(v) is list, [1, [2, [3, [5]]]]),
                ("args.object", lambda v: v == {"object": "set"}, {"object": "list"}),
                ("args.object", lambda v: v == {"object": "set"}, None),
                ("args.type", lambda v: True, {"object": "type", "name": "float"}),
                ("args.type", lambda v: True, {"object": "type"}),
                ("args.function", lambda v: True, {"object": "function", "func": "other"}),
                ("args.one", lambda v: v == [1], 1)):
            with self.subTest(event=event, new=new):
                self.refused(entries, self.set(event, test, new))

    def test_stack(self):
        """A stack with a wrong frame, one too few, or none."""
        entries = self.load()
        for change in (lambda stack: stack[0].update(line=stack[0]["line"] + 1), lambda stack: stack[-1].update(func="x"),
                       lambda stack: stack[0].update(file="x"), list.pop, list.clear):
            self.refused(entries, lambda made: change(self.first_named(made, "args.str")["stack"]), "stack")

    def test_truncation(self):
        """Cut strings that are not marked, marked wrongly, or were not to be cut."""
        entries = self.load()

        def long(made):
            return self.first(made, "args.str", lambda v: v.startswith("eeee") and len(v) == LIMIT
                              and made is not None)

        def cut_one(made):
            return next(r for r in made if r["event"] == "args.str" and r.get("truncated") == {"arg0": 9000})
        for change in (
                lambda made: cut_one(made).pop("truncated"),
                lambda made: cut_one(made)["truncated"].update(arg0=8999),
                lambda made: cut_one(made)["truncated"].update(arg1=5),
                lambda made: cut_one(made)["args"].update(arg0="eee"),
                lambda made: cut_one(made)["args"].update(arg0="e" * (LIMIT + 1)),
                lambda made: long(made).update(truncated={"arg0": 700}),
                lambda made: self.first(made, "args.wide")["args"].update(arg0=[0, 1])):
            with self.subTest():
                self.refused(entries, change)

    def test_shape(self):
        """Missing, surplus, swapped and renamed things."""
        entries = self.load()

        def swap(made):
            made[20], made[21] = made[21], made[20]

        def twice(made):
            made.insert(10, made[10])

        def surplus(made):
            self.first(made, "args.one")["args"]["arg1"] = 1

        def renamed(made):
            r = self.first(made, "args.one")
            r["args"] = {"value": r["args"]["arg0"]}

        def spilled(made):
            r = self.first(made, "args.one", lambda v: v == [1, 2, "three"])
            r["args"] = {"arg%d" % i: v for i, v in enumerate(r["args"]["arg0"])}

        def other_thread(made):
            made[30]["tid"] += 1

        def unreadable(made):
            r = self.first(made, "args.str", lambda v: v == "hostname")
            r["args"]["arg0"], r["unreadable"] = None, {"arg0": "EFAULT"}

        def reordered(made):
            r = self.first(made, "args.dict", lambda v: "items" not in v)
            r["args"]["arg0"] = dict(reversed(list(r["args"]["arg0"].items())))
        for change in (swap, twice, surplus, renamed, spilled, other_thread, unreadable, reordered,
                       lambda made: made.pop(12), lambda made: made[12].update(event="args.string"),
                       lambda made: made[12].pop("args"),
                       lambda made: made.remove(self.first_named(made, "e2e.end"))):
            with self.subTest(change=change.__name__):
                self.refused(entries, change)

    def test_contract(self):
        """The contract's checks notice gaps, order, sums and lives."""
        good = [
            {"type": "process", "time": "2026-01-02T03:04:05.000000001Z", "seq": 1, "pid": 5, "exe": "/p",
             "cmdline": ["p"], "cwd": "/", "python": "3.11.2"},
            {"type": "audit", "time": "2026-01-02T03:04:05.000000002Z", "seq": 2, "pid": 5, "tid": 5, "ppid": 1,
             "uid": 0, "comm": "p", "event": "x", "args": {}},
            {"type": "lost", "time": "2026-01-02T03:04:05.000000003Z", "seq": 3, "count": 2, "reason": "ring"},
            {"type": "exit", "time": "2026-01-02T03:04:05.000000004Z", "seq": 4, "pid": 5, "status": 0},
            {"type": "summary", "time": "2026-01-02T03:04:05.000000005Z", "seq": 5, "seen": 4, "delivered": 1,
             "filtered": 1, "lost": {"ring": 2}}]

        def judge(rows, start=1767323045, end=1767323046):
            return records.check_contract(records.parse("".join(json.dumps(r) + "\n" for r in rows).encode()),
                                          start, end)
        self.assertEqual(judge(good), [])
        self.assertTrue(judge(good, start=1767323099, end=1767323100))

        def spoiled(i, **new):
            rows = copy.deepcopy(good)
            rows[i].update(new)
            return rows
        for rows in (spoiled(1, seq=3), spoiled(1, pid=6), spoiled(4, seen=5), spoiled(4, delivered=2, seen=5),
                     spoiled(2, count=1), spoiled(1, pid="5"), spoiled(1, type="audi"), good[:-1], good[1:],
                     spoiled(1, surprise=1), [{k: r[k] for k in reversed(list(r))} for r in good],
                     spoiled(4, lost={"ring": 1}), good[:3] + [good[4]] + [good[3]]):
            self.assertTrue(judge(rows), rows)
        for data in (b'{"type":"audit"', b'{"a":1,"a":2}\n', b'[1]\n', b'{"a":NaN}\n', b'{"a":"\xff"}\n'):
            self.assertRaises(records.BadOutput, records.parse, data)
