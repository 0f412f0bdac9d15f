# SPDX-License-Identifier: GPL-2.0-only
"""Every row of the event table, raised for real where Linux can, else through sys.audit()."""
import json

from lib import compare, records, reference, rows
from lib.case import Case, Config
from test_differential import STACKS, Differential

ENOUGH = 120  # rows that must be raised for real
TALLIES = []


class Rows(Case):
    per_python = in_order = True
    time_limit = 120

    log_path, hooked, work = Differential.log_path, Differential.hooked, Differential.work
    main_pid, command = Differential.main_pid, Differential.command

    def run_program(self, *program, env, **how):
        """The audit records of a run in which nothing was lost."""
        found, _ = self.run_json("-f", *STACKS, *self.command(*program), env=env, timeout=40, **how)
        self.assertEqual(records.total_lost(found[-1]), 0, "events were lost: %r" % found[-1])
        return records.audits(found)

    def no_problems(self, problems, what):
        self.assertFalse(problems, what + ":\n" + "\n".join(problems[:40]))

    def run_hooked(self, *program):
        """Runs with the hook; what the hook and the tracer say must agree in all processes."""
        audits = self.run_program(*program, env=self.hooked())
        entries = reference.load_log(self.log_path())
        self.no_problems(compare.compare_runs(entries, audits, Config.table), "hook and tracer")
        self.no_problems(rows.bare_values(audits), "values that tell nothing")
        return entries, audits

    def run_unhooked(self, entries, *program):
        """The same without a hook, against the log of the run with it."""
        audits = self.run_program(*program, env=self.environment())
        self.no_problems(compare.compare_unhooked(entries, audits, Config.table), "without a hook")
        self.no_problems(rows.bare_values(audits), "values that tell nothing")
        return audits

    def tally(self, audits):
        with open(self.path("work/report")) as f:
            report = json.load(f)
        tally = rows.Tally(self.py.version, Config.table, report["names"])
        tally.count(audits)
        tally.judge(report["cannot"], ENOUGH)
        return tally

    def test_each_row(self):
        """Each row is decoded by name: with the hook against its log, and again without a hook."""
        entries, audits = self.run_hooked("rows.py", self.work())
        tally = self.tally(rows.compared(entries, audits))
        audits = self.run_unhooked(entries, "rows.py", self.work())
        self.no_problems(tally.problems, "rows")
        self.no_problems(self.tally(audits).problems, "rows without a hook")
        TALLIES.append((str(self.py), tally))
        print("\n".join(rows.told(str(self.py), tally)))
        if self.py is Config.pythons[-1]:
            print("\n".join(rows.table(TALLIES)), flush=True)

    def test_each_kind(self):
        """No kind of argument is unsupported in any row."""
        entries, audits = self.run_hooked("rows_kinds.py")
        self.assertLessEqual(set(Config.table.rows), {e["e"] for e in entries})
        self.run_unhooked(entries, "rows_kinds.py")


class Edges(Case):
    """Where the room of a record ends, and objects that look like others. Written by hand."""

    def args(self, code):
        found, _ = self.run_code("import io, pathlib, sys\n" + code, "-e", "e2e.x")
        return [(r["args"], r.get("truncated")) for r in records.audits(found, "e2e.x")]

    def test_last_path(self):
        """A path for which there is no room any more does not turn into another one."""
        for text in ("p", "a/b/c"):
            code = "sys.audit('e2e.x', [pathlib.Path(%r)] * 500)" % text
            (args, truncated), = self.args(code)
            self.assertGreaterEqual(len(args["arg0"]), 64)
            self.assertEqual(truncated["arg0"], 500)
            shown = set(args["arg0"][:-1])
            self.assertEqual(shown, {text})
            last = args["arg0"][-1]
            if last != text:
                self.assertNotEqual(last, ".", "the first part of %r at most" % text)
                place = "arg0[%d]" % (len(args["arg0"]) - 1)
                self.assertTrue([p for p in truncated.keys() if p.startswith(place)], "%r is not marked" % last)

    def test_just_enough_room(self):
        """What is whole is not called truncated, and what is not is, however little room was left."""
        seen = set()
        for args, truncated in self.args("for n in range(425, 450): sys.audit('e2e.x', n, list(range(n)) + [sys])"):
            n, items = args.values()
            whole = len(items) == n + 1 and "name" in items[-1]
            self.assertEqual(truncated is None, whole, "%d numbers and a module: %r" % (n, items[-1]))
            seen.add(whole)
        self.assertEqual(seen, {True, False})

    def test_files_without_descriptor(self):
        """No number is made up for a file object that has no descriptor below it."""
        (args, _), = self.args("sys.audit('e2e.x', io.TextIOWrapper(io.BytesIO()), io.BufferedReader(io.BytesIO()),\n"
                               "          io.TextIOWrapper(io.BufferedReader(io.BytesIO())))")
        for value in args.values():
            self.assertNotIn("fd", value, "%r" % value)
