# SPDX-License-Identifier: GPL-2.0-only
"""Which processes and which events: -u, --comm, --cgroup, --arg, --rate."""
import signal

from lib import records
from lib.case import Case
from test_context import Group, cgroup_root

NOBODY = 65534


class Everyone(Case):
    """-a narrowed. Other Pythons of the machine are traced too, so what is looked at are our marks."""

    def watch(self, *options):
        """A tracer of everything that sees us: its output file."""
        out = self.path("out%d.json" % len(self.jobs))
        tracer = self.tool("--format", "json", "-o", out, "-a", "-e", "e2e.*", *options)
        return out, tracer

    def end(self, tracer, out):
        tracer.signal(signal.SIGINT)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        found = records.load(out)
        self.check_contract(found, tracer)
        return found

    def two(self, options, wanted, other):
        """Two tickers, of which only the first passes."""
        out, tracer = self.watch(*options)
        self.grows(out, b'"wanted"')
        before = len(other.stdout())
        self.until(lambda: len(other.stdout()) >= before, "time")
        found = self.end(tracer, out)
        pids = {r["pid"] for r in records.audits(found)}
        self.assertIn(wanted.pid, pids)
        self.assertNotIn(other.pid, pids)
        self.assertNotIn(other.pid, {r["pid"] for r in records.of_type(found, "process", "exit")})
        self.finish(wanted)
        self.finish(other)

    def as_nobody(self, *args):
        """A ticker of another user."""
        import subprocess
        job = self.spawn("/usr/bin/setpriv", "--reuid", str(NOBODY), "--clear-groups", self.py.path,
                         self.program("ticker.py"), *args, stdin=subprocess.PIPE)
        self.grows(job.out_path, b"ready")
        return job

    def test_uid(self):
        """-u, by name and by number."""
        if not self.py.real.startswith("/usr"):
            self.skipTest("no interpreter that another user may run")
        self.two(["-u", "nobody"], self.as_nobody("wanted"), self.ticker("other"))
        self.two(["--uid", "0"], self.ticker("wanted"), self.as_nobody("other"))

    def test_comm(self):
        """--comm: the name of the process, or of a thread in it."""
        import subprocess
        name = "import sys; open('/proc/self/comm', 'w').write('e2e-' + sys.argv[1]); sys.argv[0] = %r; " \
               "exec(open(%r).read())" % (self.program("ticker.py"), self.program("ticker.py"))
        jobs = []
        for which in ("wanted", "other"):
            job = self.spawn(self.py.path, "-c", name, which, stdin=subprocess.PIPE)
            self.grows(job.out_path, b"ready")
            jobs.append(job)
        self.two(["--comm", "e2e-w*"], *jobs)

    def in_group(self, kinds, subdirectory, argument):
        """--cgroup with a process in the group, or below it; the other one is in none of ours."""
        import subprocess
        root = cgroup_root(kinds)
        if not root:
            self.skipTest("no %s hierarchy to make groups in" % "/".join(kinds))
        group = Group(root, "pyaudit-e2e" + subdirectory)
        self.addCleanup(group.remove)
        wanted = self.spawn("sh", "-c", group.enter() + ' && exec "$0" "$@"', self.py.path,
                            self.program("ticker.py"), "wanted", stdin=subprocess.PIPE)
        self.grows(wanted.out_path, b"ready")
        self.two(["--cgroup", argument % root], wanted, self.ticker("other"))

    def test_cgroup(self):
        """The directory of a group in cgroup v2; the process is deeper."""
        self.in_group(["cgroup2"], "/below/deeper", "%s/pyaudit-e2e")

    def test_cgroup_path(self):
        """The path as the process record tells it."""
        self.in_group(["cgroup2"], "/below", "/pyaudit-e2e/below%.0s")

    def test_cgroup1(self):
        self.in_group(["cgroup"], "/below", "%s/pyaudit-e2e/below")

    def test_errors(self):
        job = self.run_tool("-a", "--cgroup", "/no/such/group")
        self.assert_one_line(job, 1, "--cgroup '/no/such/group': no such control group; ")
        self.assert_one_line(self.run_tool("-a", "--cgroup", "/etc"), 1, "no such control group")
        self.assert_one_line(self.run_tool("-u", "root", "true"), 2, "--uid: narrows -a")
        self.assert_one_line(self.run_tool("-a", "-u", "nosuchuser"), 2, "no such user")


FILES = """
import sys
for path in ('/etc/hostname', '/etc/hosts', '/usr/bin/env', '/dev/null'):
    open(path, 'rb').close()
sys.audit('e2e.value', '/etc/hosts', 1)
sys.audit('e2e.value', 'caf\\xe9', 2)
sys.audit('e2e.value', 'x' * 3000, 3)
sys.audit('e2e.value', '\\u20ac/etc/', 4)
sys.audit('e2e.value', None, 5)
sys.audit('e2e.value', ('a', 6), 6)
"""


class TableArguments(Case):
    per_python = True

    def test_table(self):
        """By name: exact, prefix, suffix and other forms."""
        for rules, wanted in ((["path~/etc/hostname"], ["/etc/hostname"]),
                              (["path~/etc/hos*", "mode~r*"], ["/etc/hostname", "/etc/hosts"]),
                              (["path~/*/[eh]*n?", "path~*/env"], ["/usr/bin/env"]),
                              (["path~/etc/hosts", "mode~w"], [])):
            found, _ = self.run_code(FILES, "-e", "open", *[o for rule in rules for o in ("--arg", rule)])
            paths = [r["args"]["path"] for r in records.audits(found, "open")]
            self.assertEqual(paths, wanted)


class Arguments(Case):
    def values(self, *options):
        found, _ = self.run_code(FILES, "-e", "e2e.*", *options)
        return [r["args"]["arg1"] for r in records.audits(found)]

    def test_own_events(self):
        """By place, for events that the table does not name, and values of all kinds."""
        self.assertEqual(self.values("--arg", "arg0~/etc/hosts"), [1])
        self.assertEqual(self.values("--arg", "arg0~caf*"), [2])
        self.assertEqual(self.values("--arg", "arg0~caf\u00e9"), [2])
        self.assertEqual(self.values("--arg", "arg0~xxx*"), [3])
        self.assertEqual(self.values("--arg", "arg0~*/etc/"), [3, 4])  # of 3 the end is not known
        self.assertEqual(self.values("--arg", "arg0~None"), [5])
        self.assertEqual(self.values("--arg", "arg0~*a*6*"), [3, 6])
        self.assertEqual(self.values("--arg", "arg1~4"), [4])
        self.assertEqual(self.values("--arg", "arg2~*"), [])

    def test_counts(self):
        """-c counts what passes; the rest is filtered, also of events that have no such argument."""
        found, _ = self.run_code(FILES, "-c", "--arg", "path~/etc/hostname", contract=False)
        self.assertEqual([(r["event"], r["count"]) for r in records.of_type(found, "count")], [("open", 1)])

    def test_costs_no_room(self):
        """What the kernel can decide needs no room in the ring: a flood of it loses nothing."""
        flood = "import sys\nfor i in range(100000): sys.audit('e2e.flood', 'x' * 400 + 'end')\n" \
                "sys.audit('e2e.flood', 'wanted')"
        for rule in ("arg0~wanted", "arg0~w*", "arg0~*ted"):
            found, _ = self.run_code(flood, "--arg", rule, "--buffer", "64k", "-e", "e2e.*", "-s", "1k")
            self.assertEqual([r["args"]["arg0"] for r in records.audits(found)], ["wanted"])
            self.assertGreaterEqual(found[-1]["filtered"], 100000)
            self.assertEqual(records.total_lost(found[-1]), 0)

    def test_unknown_name(self):
        job = self.run_tool("--arg", "nosuchargument~x", "-a")
        self.assert_one_line(job, 2, "--arg 'nosuchargument': no event has an argument of that name; ")


class Rate(Case):
    def test_rate(self):
        """A process that floods is held to its rate; another one is not; all are counted."""
        code = """
import os, sys, time
quiet = os.fork() == 0
for i in range(20 if quiet else 200000):
    sys.audit('e2e.quiet' if quiet else 'e2e.flood', i)
    quiet and time.sleep(0.01)
quiet and os._exit(0)
os.wait()
"""
        found, _ = self.run_code(code, "-f", "-e", "e2e.*", "--rate", "100")
        self.assertEqual(len(records.audits(found, "e2e.quiet")), 20)
        flood = records.audits(found, "e2e.flood")
        self.assertEqual([r["args"]["arg0"] for r in flood[:100]], list(range(100)))
        self.assertLess(len(flood), 2000)
        lost = found[-1]["lost"]
        self.assertEqual(lost["rate"], 200000 - len(flood))
        self.assertEqual(sum(r["count"] for r in records.of_type(found, "lost") if r["reason"] == "rate"), lost["rate"])

    def test_steady(self):
        """Over a few seconds as many pass as were asked for."""
        code = "import sys, time\nend = time.time() + 3\nwhile time.time() < end:\n  sys.audit('e2e.tick')"
        found, _ = self.run_code(code, "-e", "e2e.*", "--rate", "50")
        self.assertTrue(50 * 3 <= len(records.audits(found)) <= 50 * 5, len(records.audits(found)))
