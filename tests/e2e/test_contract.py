# SPDX-License-Identifier: GPL-2.0-only
"""The promises of the command line and of the output, one by one."""
import json
import os
import re
import signal
import subprocess
import sys
import time

from lib import records
from lib.case import Case, Config

TICKS = "import sys\nfor i in range(%d): sys.audit('e2e.x', i)\n"
MIXED = """
import sys
for i in range(3):
    sys.audit('e2e.a', i)
    sys.audit('e2e.b', i)
    sys.audit('other.c', i)
open('/etc/hostname').close()
import os
os.listdir('/')
"""


def names(found):
    return [r["event"] for r in records.audits(found)]


def ours(found):
    """Events that MIXED raises by sys.audit."""
    return [n for n in names(found) if n.startswith(("e2e.", "other."))]


def totals_line(stderr):
    """The numbers of the closing line on stderr: {"seen": n, ...}, or None."""
    for line in stderr.splitlines():
        found = {}
        for word in ("seen", "delivered", "filtered", "lost"):
            m = re.search(r"(\d+) (?:events )?%s\b|\b%s:? (\d+)" % (word, word), line)
            if m:
                found[word] = int(m.group(1) or m.group(2))
        if len(found) == 4:
            return found
    return None


def with_capabilities(*names, user=0):
    """The start of a command line that runs a program as that user with these capabilities only."""
    names = ["+" + name for name in names]
    return ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", "--bounding-set",
            ",".join(["-all"] + names), "--inh-caps", ",".join(["-all"] + names),
            "--ambient-caps", ",".join(["-all"] + names)]


class Records(Case):
    """What stands in a record, beyond what check_contract sees in every run."""

    def test_process_record(self):
        """The process record says what it is, and comes first."""
        found, job = self.run_code(TICKS % 3)
        first = found[0]
        self.assertEqual(first["type"], "process")
        self.assertEqual(os.path.realpath(first["exe"]), self.py.real)
        self.assertIn(self.py.version, json.dumps([v for v in first.values() if isinstance(v, str)]))
        self.assertEqual(first["cwd"], os.getcwd())
        self.assertIn("e2e.x", str(first["cmdline"]))

    def test_exit_record(self):
        """A process that exits has one exit record, after all its events, with its status."""
        for code, status in (("", 0), ("raise SystemExit(3)", 3)):
            found, _ = self.run_code(code, status=status)
            exits = records.of_type(found, "exit")
            self.assertEqual([r["status"] for r in exits], [status])
            self.assertEqual(found[-2]["type"], "exit")

    def test_first_event(self):
        """A command is traced from its first event: the interpreter's own start is there."""
        found, _ = self.run_code("")
        self.assertIn("import", names(found))
        self.assertIn("cpython.run_command", names(found))

    def test_ids(self):
        """pid, tid, ppid, uid and comm are the process's own."""
        code = "import os, sys, threading\nsys.audit('e2e.x', os.getpid(), threading.get_native_id(), os.getppid())"
        found, _ = self.run_code(code, "-e", "e2e.x")
        r, = records.audits(found)
        self.assertEqual([r["pid"], r["tid"], r["ppid"]], r["args"].values())
        self.assertEqual(r["uid"], os.getuid())
        self.assertEqual(r["comm"], os.path.basename(self.py.path)[:15])

    def test_time(self):
        """An event's time is the moment of the call, to some milliseconds."""
        code = "import sys, time\nfor i in range(20): sys.audit('e2e.x', time.time_ns()); time.sleep(0.01)"
        found, _ = self.run_code(code, "-e", "e2e.x")
        gaps = [records.nanoseconds(r["time"]) - r["args"]["arg0"] for r in records.audits(found)]
        self.assertEqual(len(gaps), 20)
        self.assertLess(max(abs(g) for g in gaps), 50e6, gaps)
        self.assertLess(sorted(abs(g) for g in gaps)[10], 5e6, gaps)

    def test_content_at_the_moment(self):
        """What an event was called with is told even if the object is changed right after."""
        code = ("import sys\nb, l = bytearray(b'before'), ['before']\n"
                "sys.audit('e2e.x', b, l)\nb[:] = b'after!'; l[0] = 'after!'\n")
        found, _ = self.run_code(code, "-e", "e2e.x")
        r, = records.audits(found)
        self.assertEqual(r["args"]["arg0"]["bytes"], "before")
        self.assertEqual(r["args"]["arg1"], ["before"])


    def test_long_names(self):
        """The name of an event that is cut says so, and how long it was."""
        code = "import sys\nfor name in 'x' * 251, 'x' * 296, 'é' * 56, 'é' * 96: sys.audit('e2e.' + name)"
        for hook in "", "import sys; sys.addaudithook(lambda event, args: None)\n":
            found, _ = self.run_code(hook + code, "-e", "e2e.*")
            self.assertEqual([(len(r["event"]), r["truncated"].map if "truncated" in r else {}) for r in records.audits(found)],
                             [(255, {}), (255, {"event": 300}), (60, {}), (60, {"event": 100})])
        job = self.run_tool("-e", "e2e.*", "-o", "-", "--", self.py.path, "-c", code)
        self.assertRegex(job.stdout(), r"x\.\.\.\(300\)\(\)\n.*é\(\)\n.*é\.\.\.\(100\)\(\)\n")


class Commands(Case):
    """COMMAND keeps its own life."""

    def test_exit_status(self):
        """The command's own exit status, 128+signal if killed."""
        for code, status in (("", 0), ("raise SystemExit(3)", 3), ("import os; os._exit(255)", 255),
                             ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143),
                             ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137)):
            with self.subTest(code=code):
                self.run_code(code, status=status)

    def test_standard_streams(self):
        """stdin, stdout and stderr of the command are untouched."""
        source = self.path("in")
        with open(source, "w") as f:
            f.write("from stdin\n")
        code = "import sys; sys.stdout.write(sys.stdin.read()); sys.stderr.write('to stderr\\n')"
        with open(source) as f:
            job = self.run_tool("-q", "--format", "json", "-o", self.path("o"), "--", self.py.path, "-c", code, stdin=f)
        self.assertEqual(job.status, 0, job.stderr())
        self.assertEqual(job.stdout(), "from stdin\n")
        self.assertEqual(job.stderr(), "to stderr\n")

    def test_inherits_nothing(self):
        """No descriptor of the tracer leaks, and signals are as they were."""
        code = ("import os, signal, sys\n"
                "own = [f for f in os.listdir('/proc/self/fd') if int(f) > 2 "
                "and os.path.exists('/proc/self/fd/' + f)]\n"
                "handled = [s for s in (1, 2, 15, 17) if signal.getsignal(s) == signal.SIG_IGN]\n"
                "print(own, handled, sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))")
        job = self.run_tool("-q", "-o", self.path("o"), "--", self.py.path, "-c", code)
        self.assertEqual(job.stdout(), "[] [] []\n")

    def test_signals_as_they_were(self):
        """What its starter had ignored or blocked is so for the command, and its end is heard of all the same."""
        start = ("import os, signal, sys\nfor s in (1, 13, 17): signal.signal(s, signal.SIG_IGN)\n"
                 "signal.pthread_sigmask(signal.SIG_BLOCK, [10])\nos.execv(sys.argv[1], sys.argv[1:])")
        code = "i=$(sed -n 's/^SigIgn:.//p' /proc/$$/status); b=$(sed -n 's/^SigBlk:.//p' /proc/$$/status); " \
               "echo $((0x$i & 0x1001)) $((0x$b & 0x4003)) $((0x$b & 0x200)); exit 3"
        job = self.spawn(sys.executable, "-c", start, Config.tool, "-q", "-o", self.path("o"), "--", "sh", "-c", code)
        self.assertEqual((job.wait(), job.stdout()), (3, "%d 0 %d\n" % (0x1001, 0x200)))

    def test_ended_before_us(self):
        """A command that has ended by the time --count ends tracing: its status, and not said to run on."""
        code = "import os, sys; sys.audit('e2e.x'); os._exit(9)"
        out = self.path("out.json")
        for _ in range(3):
            job = self.run_tool("--format", "json", "--count", "1", "-e", "e2e.x", "-o", out, "--", self.py.path, "-c", code)
            left = "left running" in job.stderr()
            self.assertEqual(job.status, 0 if left else 9, job.stderr())
            if left:
                self.assertEqual(records.of_type(records.load(out), "exit"), [])

    def test_events_to_stderr(self):
        """With COMMAND and no -o the events go to stderr, as strace's do."""
        job = self.run_tool("--", self.py.path, "-c", "import sys; sys.audit('e2e.x', 1); print('out')")
        self.assertEqual(job.stdout(), "out\n")
        self.assertIn("e2e.x(", job.stderr())

    def test_sudo_user(self):
        """The command runs as the user who invoked sudo, unless --as-root."""
        code = "import os; print(os.getresuid(), os.getresgid(), sorted(os.getgroups()))"
        python = Config.main.path
        if not python.startswith("/usr/bin/"):
            self.skipTest("no interpreter that another user may run")
        env = self.environment(SUDO_UID="65534", SUDO_GID="65534", SUDO_USER="nobody")
        for options, uid in ((["-q"], 65534), (["-q", "--as-root"], 0)):
            job = self.run_tool(*options, "-o", self.path("o%d" % uid), "--", python, "-c", code, env=env, cwd="/")
            self.assertEqual(job.status, 0, job.stderr())
            self.assertIn("(%d, %d, %d) (%d, %d, %d) " % ((uid,) * 6), job.stdout())

    def test_not_python(self):
        """A command that is not Python runs, and its status is passed on."""
        job = self.run_tool("-o", self.path("o"), "--", "/bin/sh", "-c", "echo shell; exit 4")
        self.assertEqual((job.status, job.stdout()), (4, "shell\n"))
        self.assertIsNotNone(totals_line(job.stderr().splitlines()[-1]), job.stderr())

    def test_script(self):
        """A script is traced through its #! line, also by way of env."""
        for line in ("#!%s" % self.py.path, "#!/usr/bin/env -S %s" % self.py.path):
            script = self.path("script")
            with open(script, "w") as f:
                f.write(line + "\nimport sys\nsys.audit('e2e.x', 'script')\n")
            os.chmod(script, 0o755)
            found, _ = self.run_json("-e", "e2e.x", "--", script)
            self.assertEqual(names(found), ["e2e.x"])

    def test_missing(self):
        """A command that is not there or cannot be executed: one line that names it."""
        self.assert_one_line(self.run_tool("--", "/no/such/program"), 1, "/no/such/program")
        plain = self.path("not executable")
        with open(plain, "w") as f:
            f.write("#!/bin/sh\n")
        self.assert_one_line(self.run_tool("--", plain), 1, re.escape(plain))

    def test_killed(self):
        """A traced process dies by SIGKILL: its exit record says so, the tracer ends well."""
        target = self.ticker()
        out = self.path("out.json")
        tracer = self.tool("--format", "json", "-o", out, "-p", str(target.pid))
        self.grows(out, b'"e2e.tick"')
        target.signal(signal.SIGKILL)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        found = records.load(out)
        self.check_contract(found, tracer)
        end, = records.of_type(found, "exit")
        self.assertEqual(end["pid"], target.pid)
        self.assertRegex(json.dumps([repr(v) for v in end.values()]), r"137|SIGKILL|'9'|-9\b|\"9\"")


def children(pid):
    """None of one that is gone."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(child) for child in f.read().split()]
    except FileNotFoundError:
        return []


def state(pid):
    """One letter, as ps has it; "" if the process is gone."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def executed(pid):
    try:
        return os.readlink("/proc/%d/exe" % pid)
    except FileNotFoundError:
        return ""


class Selection(Case):
    """Which events, and how much of them."""

    def test_event_globs(self):
        """-e: globs, exclusion, several in one, later wins; a list that begins with an exclusion starts
        from everything, any other from nothing."""
        for options, expected in (
                (["-e", "e2e.*"], ["e2e.a", "e2e.b"]),
                (["-e", "e2e.a,other.*"], ["e2e.a", "other.c"]),
                (["-e", "!e2e.*"], ["other.c"]),
                (["-e", "e2e.*", "-e", "!e2e.b"], ["e2e.a"]),
                (["-e", "!e2e.b,e2e.*"], ["e2e.a", "e2e.b", "other.c"]),
                (["-e", "*,!e2e.?"], ["other.c"]),
                (["-e", "*.[bc]"], ["e2e.b", "other.c"]), (["-e", "e2*,ot*.?"], ["e2e.a", "e2e.b", "other.c"]),
                (["-e", "e2e.none"], [])):
            with self.subTest(options=options):
                found, _ = self.run_code(MIXED, *options)
                self.assertEqual(ours(found), expected * 3)
                if options[1][0] not in "!*":
                    self.assertEqual(len(ours(found)), len(names(found)))

    def test_filtered_are_counted(self):
        """What a filter leaves out is counted as filtered, not lost."""
        everything, _ = self.run_code(MIXED)
        some, _ = self.run_code(MIXED, "-e", "e2e.*")
        self.assertEqual(some[-1]["delivered"], 6)
        self.assertEqual(records.total_lost(some[-1]), 0)
        self.assertEqual(some[-1]["seen"], everything[-1]["seen"])
        self.assertEqual(everything[-1]["filtered"], 0)

    def test_category(self):
        """@category stands for the table's events of that category."""
        row = Config.table.rows["os.listdir"]
        expected = {e for e, r in Config.table.rows.items() if r["category"] == row["category"]}
        found, _ = self.run_code(MIXED, "-e", "@" + row["category"])
        self.assertIn("os.listdir", names(found))
        self.assertLessEqual(set(names(found)), expected)
        found, _ = self.run_code(MIXED, "-e", "*,!@" + row["category"])
        self.assertFalse(set(names(found)) & expected)
        self.assertIn("e2e.a", names(found))

    def test_custom_names_are_legal(self):
        """A pattern that no event of the table matches may match the program's own events."""
        found, _ = self.run_code(MIXED, "-e", "other.*")
        self.assertEqual(names(found), ["other.c"] * 3)

    def test_no_args(self):
        """--no-args: names only."""
        found, _ = self.run_code(MIXED, "--no-args")
        self.assertEqual(len(ours(found)), 9)
        self.assertFalse([r for r in records.audits(found) if "args" in r])

    def test_string_limit(self):
        """-s: what is longer is cut there, with its true length."""
        code = "import sys; sys.audit('e2e.x', 'abcdefghijKLM', b'0123456789ab', 'abcdefghij', ['x' * 11], -2**99, 10**4299)"
        found, _ = self.run_code(code, "-e", "e2e.x", "-s", "10")
        r, = records.audits(found)
        self.assertEqual(r["args"]["arg0"], "abcdefghij")
        self.assertEqual(r["args"]["arg1"]["bytes"], "0123456789")
        self.assertEqual(r["args"]["arg2"], "abcdefghij")
        self.assertEqual(r["args"]["arg3"], ["x" * 10])
        self.assertEqual(r["truncated"].map, {"arg0": 13, "arg1": 12, "arg3[0]": 11})
        # A part of an int is nothing.
        self.assertEqual([r["args"]["arg4"], r["args"]["arg5"]], [-2 ** 99, 10 ** 4299])

    def test_count(self):
        """--count N ends after N events; the process lives on."""
        target = self.ticker()
        found, _ = self.run_json("-e", "e2e.tick", "--count", "5", "-p", str(target.pid))
        self.assertEqual(names(found), ["e2e.tick"] * 5)
        self.finish(target)

    def test_duration(self):
        """--duration ends after that time."""
        target = self.ticker()
        found, job = self.run_json("--duration", "1.5s", "-p", str(target.pid))
        self.assertIn("e2e.tick", names(found))
        self.assertGreater(job.end - job.start, 1.4)
        self.assertLess(job.end - job.start, 8)
        self.finish(target)

    def test_summary_table(self):
        """-c: counts instead of events."""
        out = self.path("out")
        job = self.run_tool("-c", "-e", "e2e.*", "-o", out, "--", self.py.path, "-c", MIXED + TICKS % 17)
        self.assertEqual(job.status, 0, job.stderr())
        with open(out) as f:
            lines = f.read().splitlines()
        for event, count in (("e2e.x", 17), ("e2e.a", 3), ("e2e.b", 3)):
            line, = [x for x in lines if event in x.split()]
            self.assertIn(str(count), line.split())
        self.assertFalse([x for x in lines if "other.c" in x or "e2e.x(" in x])


class Output(Case):
    """Where it goes and what it looks like."""

    TEXT = re.compile(r"^\d\d:\d\d:\d\d\.\d{6} (\d+) (\S+) ([^\s(]+)\((.*)\)( = .*)?$")

    def text(self, code, *options):
        out = self.path("out.txt")
        job = self.run_tool("-o", out, *options, "--", self.py.path, "-c", code)
        self.assertEqual(job.status, 0, job.stderr())
        with open(out, "rb") as f:
            return f.read()

    def test_text(self):
        """One line an event, with argument names."""
        code = ("import os, sys\nopen('/etc/hostname').close()\nsys.audit('e2e.x', 1, 'two', None)\n"
                "print(os.getpid())")
        data = self.text(code, "-e", "e2e.x,open", "--color", "never")
        lines = [m for m in map(self.TEXT.match, data.decode().splitlines()) if m]
        pid = self.jobs[-1].stdout().strip()
        event, = [m for m in lines if m.group(3) == "e2e.x"]
        self.assertEqual(event.group(1, 2), (pid, os.path.basename(self.py.path)[:15]))
        self.assertIn("1", event.group(4))
        self.assertIn('"two"', event.group(4))
        opened, = [m for m in lines if '"/etc/hostname"' in m.group(4)]
        self.assertEqual(opened.group(4), 'path="/etc/hostname", mode="r", flags=O_RDONLY|O_CLOEXEC')

    def test_text_is_safe(self):
        """Control characters, line ends and escape sequences of the traced program never reach the terminal."""
        code = ("import sys\nsys.audit('e2e.x\\x1b[2J\\n', '\\x1b[31m\\r\\n\\0\\x9b', b'\\x1b\\n', {'\\n': '\\x07'})\n"
                "sys.audit('e2e.x', '\\u202e\\x85\\x7f')")
        data = self.text(code, "-e", "e2e.x*", "--color", "never")
        text = data.decode("utf-8")
        self.assertEqual([c for c in text if (ord(c) < 32 and c != "\n") or 0x7f <= ord(c) < 0xa0], [])
        lines = [m for m in map(self.TEXT.match, text.split("\n")) if m]
        self.assertEqual(len([m for m in lines if m.group(3).startswith("e2e.x")]), 2, text)

    def test_color(self):
        """Colour only on a terminal, or when it is asked for."""
        self.assertNotIn(b"\x1b", self.text(TICKS % 2))
        self.assertIn(b"\x1b", self.text(TICKS % 2, "--color", "always"))
        for colored, env in ((True, {"TERM": "xterm"}), (True, {"TERM": "xterm", "NO_COLOR": ""}),
                             (False, {"TERM": "dumb"}), (False, {"TERM": "xterm", "NO_COLOR": "1"})):
            ours, theirs = os.openpty()
            job = self.run_tool("-e", "e2e.*", "-o", "-", "--", self.py.path, "-c", TICKS % 2, stdout=theirs,
                                env=self.environment(**env))
            self.assertEqual(job.status, 0, job.stderr())
            os.close(theirs)
            shown = os.read(ours, 65536)
            os.close(ours)
            self.assertIn(b"e2e.x", shown)
            self.assertEqual(b"\x1b[" in shown, colored, (env, shown))

    def test_stdout(self):
        """-o - is stdout; without COMMAND it is the default."""
        job = self.run_tool("-q", "--format", "json", "-e", "e2e.x", "-o", "-", "--", self.py.path, "-c", TICKS % 3)
        self.assertEqual(names(records.parse(job.stdout().encode())), ["e2e.x"] * 3)
        target = self.ticker()
        job = self.run_tool("-q", "--format", "json", "-e", "e2e.*", "--count", "2", "-p", str(target.pid))
        self.assertEqual(names(records.parse(job.stdout().encode())), ["e2e.tick"] * 2)

    def test_closing_line(self):
        """At the end one line on stderr tells the totals, the same as the summary record."""
        found, job = self.run_code(MIXED, "-e", "e2e.*")
        totals = totals_line(job.stderr())
        s = found[-1]
        self.assertEqual(totals, {"seen": s["seen"], "delivered": s["delivered"], "filtered": s["filtered"],
                                  "lost": records.total_lost(s)}, job.stderr())
        self.assertEqual(len(job.stderr().splitlines()), 1, job.stderr())

    def test_quiet(self):
        """-q: nothing on stderr when nothing is wrong."""
        _, job = self.run_code(MIXED, "-q")
        self.assertEqual(job.stderr(), "")

    def test_unwritable(self):
        """An output that cannot be opened: one line, status 1, and the command is not run."""
        job = self.run_tool("-o", "/no/such/dir/out", "--", "/bin/sh", "-c", "echo ran")
        self.assert_one_line(job, 1, "/no/such/dir/out")
        self.assertEqual(job.stdout(), "")
        self.assert_one_line(self.run_tool("-o", self.dir, "--", "/bin/true"), 1, re.escape(self.dir))

    def test_disk_full(self):
        """A full disk: the command runs on, the tool says so, and the events are counted as lost."""
        job = self.run_tool("--format", "json", "-o", "/dev/full", "--", self.py.path, "-c",
                            TICKS % 2000 + "print('ran'); sys.exit(5)")
        self.assertEqual((job.status, job.stdout()), (5, "ran\n"), job.stderr())
        self.assertRegex(job.stderr(), r"pyaudit-trace: .*/dev/full.*[Nn]o space")
        totals = totals_line(job.stderr())
        self.assertIsNotNone(totals, job.stderr())
        self.assertGreater(totals["lost"], 2000)
        self.assertEqual(totals["seen"], totals["delivered"] + totals["filtered"] + totals["lost"])
        self.assertEqual(totals["delivered"], 0)

    def test_closed_descriptors(self):
        """Closed standard descriptors: no file of ours takes their place, and a command finds them closed."""
        out, told = self.path("out.json"), self.path("told")
        code = ("import os\nfound = []\nfor fd in 0, 1, 2:\n  try: os.fstat(fd); found.append(fd)\n  except OSError: pass\n"
                "open(%r, 'w').write(repr(found))" % told)
        job = self.spawn("/bin/sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', Config.tool, "-vv", "--format", "json", "-o", out,
                         "--", self.py.path, "-c", code)
        self.assertEqual(job.wait(), 0)
        self.check_contract(records.load(out), job)
        with open(told) as f:
            self.assertEqual(f.read(), "[]")
        target = self.ticker()
        for option in (["-p", str(target.pid)], ["--version"], ["--help"], ["--list-events"], ["--check"]):
            job = self.spawn("/bin/sh", "-c", 'exec "$0" "$@" >&-', Config.tool, *option)
            job.status = job.wait()
            self.assert_one_line(job, 1, "standard output")
        self.finish(target)

    def test_closed_pipe(self):
        """The reader goes away (| head): the tracer ends, the traced process lives."""
        target = self.ticker()
        reader, writer = os.pipe()
        tracer = self.tool("--format", "json", "-p", str(target.pid), stdout=writer)
        os.close(writer)
        self.assertTrue(os.read(reader, 1))
        os.close(reader)
        self.assertIn(tracer.wait(15), (0, 1, -signal.SIGPIPE, 141), tracer.stderr())
        self.assertLessEqual(len(tracer.stderr().splitlines()), 2, tracer.stderr())
        self.finish(target)


class Information(Case):
    """Modes that trace nothing."""

    def test_list_events_json(self):
        """One object a row, with all its keys; argument names of the newest version."""
        job = self.run_tool("--list-events", "--format", "json")
        self.assertEqual((job.status, job.stderr()), (0, ""))
        rows = records.parse(job.stdout().encode())
        for row in rows:
            self.assertLessEqual({"event", "args", "category", "platform", "about"}, set(row.keys()), row)
        by_name = {row["event"]: row for row in rows}
        self.assertEqual(len(by_name), len(rows))
        self.assertGreater(len(rows), 180)
        self.assertEqual(by_name["open"]["args"], ["path", "mode", "flags"])
        self.assertEqual(by_name["socket.connect"]["args"], ["self", "address"])
        self.assertIn("variants", by_name["shutil.rmtree"])

    def test_list_events_text(self):
        """The same events for people."""
        job = self.run_tool("--list-events")
        self.assertEqual((job.status, job.stderr()), (0, ""))
        missing = [e for e in Config.table.rows if e not in job.stdout()]
        self.assertEqual(missing, [])

    def test_check_kernel(self):
        """--check alone: the kernel's side, and the capabilities that are held and missing."""
        kernel = json.loads(self.run_tool("--check", "--format", "json").stdout())
        self.assertEqual([kernel["type"], kernel["release"]], ["kernel", os.uname().release])
        features = {f["name"]: f for f in kernel["features"]}
        self.assertLessEqual({"BTF", "ring buffer", "uprobes", "uprobe_multi", "attach cookies"}, set(features))
        self.assertTrue(features["BTF"]["present"] and features["BTF"]["needed"])
        self.assertTrue(all(c["held"] for c in kernel["capabilities"] if c["needed"]))
        job = self.run_tool("--check")
        self.assertEqual((job.status, job.stderr()), (0, ""))
        for item in kernel["features"] + kernel["capabilities"]:
            self.assertRegex(job.stdout(), r"\n  %s +%s\b" % (
                re.escape(item["name"]), "yes" if item.get("present", item.get("held")) else "no|NO"))
        without = self.spawn(*with_capabilities("bpf", "sys_ptrace"), Config.tool, "--check", "--format", "json")
        self.assertEqual(without.wait(), 1)
        held = {c["name"]: c["held"] for c in json.loads(without.stdout())["capabilities"]}
        self.assertEqual([held["CAP_BPF"], held["CAP_PERFMON"], held["CAP_SYS_PTRACE"]], [True, False, True])

    def test_check(self):
        """--check tells the version of an interpreter, by file and by process, and refuses another file."""
        job = self.run_tool("--check", self.py.path)
        self.assertEqual(job.status, 0, job.stderr())
        self.assertIn(self.py.version, job.stdout())
        target = self.ticker()
        job = self.run_tool("--check", "-p", str(target.pid))
        self.assertEqual(job.status, 0, job.stderr())
        self.assertIn(self.py.version, job.stdout())
        job = self.run_tool("--check", "/bin/true")
        self.assertEqual(job.status, 1, job.stdout() + job.stderr())
        self.assertRegex(job.stdout() + job.stderr(), r"/bin/true.*[Pp]ython")
        self.assert_one_line(self.run_tool("--check", "/no/such/file"), 1, "/no/such/file")

    def test_version_and_help(self):
        """--version and --help go to stdout with status 0; help names every option of these tests."""
        job = self.run_tool("--version")
        self.assertEqual((job.status, job.stderr()), (0, ""))
        self.assertRegex(job.stdout(), r"^pyaudit-trace \d+\.\d+")
        for option in ("-h", "--help"):
            job = self.run_tool(option)
            self.assertEqual((job.status, job.stderr()), (0, ""))
        for word in ("--pid", "--follow", "--all", "--event", "--string-limit", "--no-args", "--output", "--format",
                     "--summary", "--duration", "--count", "--buffer", "--check", "--list-events", "--as-root"):
            self.assertIn(word, job.stdout())


class Checks(Case):
    """What --check foretells is what tracing does."""
    per_python = True

    def check_json(self, *what):
        job = self.run_tool("--check", "--format", "json", *what)
        self.assertEqual((job.status, job.stderr()), (0, ""))
        return json.loads(job.stdout())

    def test_same_everywhere(self):
        """By path, also of a launcher or a script; by process; and in the process record."""
        script = self.path("script")
        with open(script, "w") as f:
            f.write("#!/usr/bin/env %s\n" % self.py.path)
        target = self.ticker()
        by_path, by_script = self.check_json(self.py.path), self.check_json(script)
        by_pid = self.check_json("-p", str(target.pid))
        self.finish(target)
        self.assertEqual([by_path.pop("path"), by_script.pop("path"), by_pid.pop("pid")],
                         [self.py.path, script, target.pid])
        self.assertEqual(len({os.path.realpath(x.pop("file")) for x in (by_path, by_script, by_pid)}), 1)
        self.assertEqual(by_script, by_path)
        self.assertEqual(by_pid, by_path)
        self.assertEqual([by_path["type"], by_path["python"]], ["image", self.py.version])
        self.assertRegex(by_path["layout"], "confirmed by the file")
        process = self.run_code("")[0][0]
        chosen = by_path[by_path["choice"]]
        self.assertEqual(by_path["shared"], process["build"] != "static executable")
        self.assertEqual([p["entry"] for p in chosen["probes"]], process["probe"]["entries"])
        self.assertEqual(by_path["choice"], process["probe"]["kind"])
        self.assertEqual(chosen["missed"], process["missed"])

    def test_text(self):
        """The same for people: each probe with its place and how it was found."""
        image = self.check_json(self.py.path)
        text = self.run_tool("--check", self.py.path).stdout()
        self.assertIn("%s: " % self.py.path, text)
        self.assertIn("CPython %s, " % self.py.version, text)
        self.assertIn(image["layout"], text)
        for probe in image["uprobe"]["probes"] + image["usdt"]["probes"]:
            self.assertRegex(text, r"%s +at %s\+%d, (emulated|single-stepped) .*; found by %s\n" % (
                probe["entry"], probe["function"], probe["offset"], probe["found"]))
        for gap in image["uprobe"]["missed"] + image["usdt"]["missed"]:
            self.assertIn("misses: %s\n" % gap, text)


class Errors(Case):
    """Each error: one line on stderr that names the object, and the right exit status."""

    def test_usage(self):
        """Wrong command lines have status 2."""
        for options, pattern in (
                (["--no-such-option"], "no-such-option"), (["-p"], "-p|pid"), (["-p", "abc"], "abc"),
                (["-p", "0"], "0"), (["-p", "-1"], "-1"), (["-p", "12x"], "12x"), (["-p", "1,,2"], "1,,2|PID|pid"),
                (["-p", "99999999999"], "99999999999"), ([], "."), (["-p", "1", "-a"], "-a|--all|-p"),
                (["-p", "1", "--", "true"], "."), (["--format", "xml", "--", "true"], "xml"),
                (["-s", "0x", "--", "true"], "0x"), (["-s", "99999999", "--", "true"], "99999999|32768"),
                (["-e", "@nosuch", "--", "true"], "nosuch"), (["-e", "", "--", "true"], "-e|event"),
                (["-e", "nosuchevent", "--", "true"], "nosuchevent"),
                (["--duration", "soon", "--", "true"], "soon"), (["--count", "-3", "--", "true"], "-3"),
                (["--color", "blue", "--", "true"], "blue"), (["--buffer", "huge", "--", "true"], "huge"),
                (["--probe", "magic", "--", "true"], "magic")):
            with self.subTest(options=options):
                self.assert_one_line(self.run_tool(*options), 2, pattern)

    def test_kernel(self):
        """A kernel that is too old, has no BTF, or is locked down, as it would look: one line, nothing is run."""
        def lacking(mounts, *pattern):
            job = self.spawn("unshare", "-m", "sh", "-c", mounts + ' "$0" -- /bin/echo ran; status=$?;'
                             '"$0" --check; [ $? = 1 ] || status=9; exit $status', Config.tool)
            if job.wait() == 77:
                return
            self.assertNotIn("ran", job.stdout())
            job.status = job.wait()
            self.assert_one_line(job, 1, *pattern)
            self.assertRegex(job.stdout(), r"\n  [^\n]* NO ")

        if subprocess.call(["unshare", "-m", "true"], stderr=subprocess.DEVNULL):
            self.skipTest("no private mounts here")
        lacking("mount -t tmpfs none /sys/kernel/btf || exit 77;", "BTF", "CONFIG_DEBUG_INFO_BTF")
        lacking("mount -t tmpfs none /sys/kernel/security || exit 77;"
                "echo 'none integrity [confidentiality]' >/sys/kernel/security/lockdown;", "locked down", "lockdown=")
        job = self.spawn("setarch", "--uname-2.6", Config.tool, "--", "/bin/echo", "ran")
        job.status = job.wait()
        self.assert_one_line(job, 1, r"2\.6\.", "5.10")
        self.assertEqual(job.stdout(), "")

    def test_no_such_process(self):
        """A PID that is not there."""
        with open("/proc/sys/kernel/pid_max") as f:
            pid = int(f.read()) - 1
        if os.path.exists("/proc/%d" % pid):
            self.skipTest("process %d exists" % pid)
        self.assert_one_line(self.run_tool("-p", str(pid)), 1, str(pid), "[Nn]o such process")

    def test_not_python(self):
        """A process that is not Python, and a kernel thread."""
        sleep = self.spawn("/bin/sleep", "60")
        self.assert_one_line(self.run_tool("-p", str(sleep.pid)), 1, str(sleep.pid), "[Pp]ython")
        with open("/proc/2/comm") as f:
            if f.read().strip() == "kthreadd":
                self.assert_one_line(self.run_tool("-p", "2"), 1, r"\b2\b", "kernel thread|[Pp]ython")

    def test_one_of_several(self):
        """One bad PID among good ones is an error before anything is traced."""
        target, sleep = self.ticker(), self.spawn("/bin/sleep", "60")
        self.assert_one_line(self.run_tool("-p", "%d,%d" % (target.pid, sleep.pid)), 1, str(sleep.pid))
        self.finish(target)

    def test_old_python(self):
        """A Python without audit events: the message names the version."""
        from lib.interpreters import unsupported
        tried = 0
        for version in ("2.7", "3.6", "3.7"):
            path = unsupported(version)
            if path:
                tried += 1
                job = self.spawn(path, "-c", "import time; time.sleep(60)")
                self.until(lambda: b"sleep" in job.read("/proc/%d/cmdline" % job.pid), "exec")
                time.sleep(0.3)
                self.assert_one_line(self.run_tool("-p", str(job.pid)), 1, re.escape(version), str(job.pid))
        if not tried:
            self.skipTest("no Python 2.7, 3.6 or 3.7 here")

    def uprobe_multi(self):
        kernel = json.loads(self.run_tool("--check", "--format", "json").stdout())
        return any(f["present"] for f in kernel["features"] if f["name"] == "uprobe_multi")

    def test_two_capabilities(self):
        """CAP_BPF and CAP_PERFMON do for one's own programs, CAP_SYS_PTRACE for those of others."""
        if not self.uprobe_multi() or not self.py.real.startswith("/usr/bin/"):
            self.skipTest("no uprobe_multi, or no interpreter that another user may run")
        copy, work = self.path("pyaudit-trace"), self.path("work")
        subprocess.run(["install", "-m", "755", Config.tool, copy], check=True)
        os.mkdir(work)
        os.chmod(work, 0o777)
        ticker = self.path("ticker.py")
        subprocess.run(["install", "-m", "644", self.program("ticker.py"), ticker], check=True)
        own = self.spawn(*with_capabilities(user=65534), self.py.path, ticker, stdin=subprocess.PIPE)
        others = self.ticker()
        self.grows(own.out_path, b"ready")
        start = with_capabilities("bpf", "perfmon", user=65534) + [copy, "--format", "json", "-e", "e2e.*"]
        more = with_capabilities("bpf", "perfmon", "sys_ptrace") + [copy, "--format", "json", "-e", "e2e.*"]
        for i, (argv, event) in enumerate((
                (start + ["--", self.py.path, "-c", "import sys; sys.audit('e2e.x')"], "e2e.x"),
                (start + ["--count", "3", "-p", str(own.pid)], "e2e.tick"),
                (more + ["--count", "3", "-p", str(others.pid)], "e2e.tick"),
                (more + ["--count", "3", "-p", str(own.pid)], "e2e.tick"))):
            with self.subTest(i):
                job = self.spawn(*argv[:argv.index("--format")], "-o", "%s/%d.json" % (work, i),
                                 *argv[argv.index("--format"):], cwd="/")
                self.assertEqual(job.wait(), 0, job.stderr())
                self.assertIn(event, names(records.load("%s/%d.json" % (work, i))))
        for argv, pattern in ((start[:-4] + ["-a"], "CAP_SYS_PTRACE"),
                              (start[:-4] + ["-p", str(others.pid)], "PID %d: .*ermi.*--check" % others.pid)):
            job = self.spawn(*argv, cwd="/")
            job.status = job.wait()
            self.assert_one_line(job, 1, pattern)
        self.finish(own)
        self.finish(others)

    def test_ordinary_user(self):
        """Without privileges: one line that names what is missing, and nothing is run."""
        copy = self.path("pyaudit-trace")
        subprocess.run(["install", "-m", "755", Config.tool, copy], check=True)
        target = self.ticker()
        as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "-all"]
        for arguments in (["-p", str(target.pid)], ["-a"], ["--", "/bin/echo", "ran"]):
            job = self.spawn(*as_nobody, copy, *arguments, cwd="/")
            job.status = job.wait()
            self.assert_one_line(job, 1, r"CAP_|root|sudo")
            self.assertEqual(job.stdout(), "")
        self.finish(target)


class Endings(Case):
    """How tracing ends, and what it leaves: nothing."""

    def start(self, *options):
        target, out = self.ticker(), self.path("out.json")
        tracer = self.tool("--format", "json", "-o", out, *options, "-p", str(target.pid))
        self.grows(out, b'"e2e.tick"')
        return target, tracer, out

    def test_signals(self):
        """SIGINT or SIGTERM: ends well, with everything up to there and a summary."""
        for number in (signal.SIGINT, signal.SIGTERM):
            target, tracer, out = self.start()
            tracer.signal(number)
            self.assertEqual(tracer.wait(10), 0, tracer.stderr())
            found = records.load(out)
            self.check_contract(found, tracer)
            ticks = [r["args"]["arg1"] for r in records.audits(found, "e2e.tick")]
            self.assertEqual(ticks, list(range(ticks[0], ticks[0] + len(ticks))))
            self.finish(target)
            os.remove(out)

    def test_signal_twice(self):
        """An impatient second SIGINT ends it at once, whatever is left to write."""
        target, tracer, _ = self.start()
        tracer.signal(signal.SIGINT)
        tracer.signal(signal.SIGINT)
        self.assertIn(tracer.wait(5), (0, 130, -signal.SIGINT))
        self.finish(target)

    def test_signal_with_command(self):
        """SIGTERM to the tracer of a command: nothing is left behind, the output is complete."""
        out = self.path("out.json")
        tracer = self.tool("--format", "json", "-o", out, "--", self.py.path, self.program("ticker.py"),
                           stdin=subprocess.PIPE)
        self.grows(out, b'"e2e.tick"')
        tracer.signal(signal.SIGTERM)
        time.sleep(0.5)
        tracer.process.stdin.close()  # ends the command if it still runs
        self.assertIn(tracer.wait(10), (0, 143), tracer.stderr())
        self.check_contract(records.load(out), tracer)

    def test_ignored(self):
        """SIGINT ends what a script has started with &, which ignores it; SIGHUP does not end what nohup started."""
        start = ("import os, signal, sys\nfor s in (1, 2): signal.signal(s, signal.SIG_IGN)\n"
                 "os.execv(sys.argv[1], sys.argv[1:])")
        target = self.ticker()
        tracer = self.spawn(sys.executable, "-c", start, Config.tool, "-e", "e2e.tick", "-p", str(target.pid))
        self.grows(tracer.out_path, b"e2e.tick")
        tracer.signal(signal.SIGHUP)
        time.sleep(0.5)
        self.assertTrue(tracer.running())
        tracer.signal(signal.SIGINT)
        self.assertEqual(tracer.wait(10), 0, tracer.stderr())
        self.finish(target)

    def test_last_process_exits(self):
        """When the last traced process exits the tracer ends with 0."""
        target, tracer, out = self.start()
        self.finish(target)
        self.assertEqual(tracer.wait(10), 0, tracer.stderr())
        found = records.load(out)
        self.check_contract(found, tracer)
        self.assertEqual(found[-2]["type"], "exit")

    def test_tracer_killed(self):
        """kill -9 of the tracer: the traced process lives, and can be traced again, each event once."""
        for _ in range(2):
            target, tracer, out = self.start()
            tracer.signal(signal.SIGKILL)
            self.assertEqual(tracer.wait(), -signal.SIGKILL)
            again, _ = self.run_json("-e", "e2e.tick", "--count", "20", "-p", str(target.pid))
            ticks = [r["args"]["arg1"] for r in records.audits(again)]
            self.assertEqual(ticks, list(range(ticks[0], ticks[0] + 20)))
            self.finish(target)
            os.remove(out)

    def test_tracer_killed_while_it_holds(self):
        """kill -9 of a tracer that has stopped a child of the command in its exec: the child goes on."""
        import shutil
        out, python, done, go = self.path("out.json"), self.path("python"), self.path("done"), self.path("go")
        shutil.copy(self.py.real, python)
        code = "read line <%s; %s -I -S -c 'import os, sys; os.mkdir(sys.argv[1])' %s; true" % (
            go, python, done)
        os.mkfifo(go)
        tracer = self.tool("--format", "json", "-o", out, "-f", "--", "/bin/sh", "-c", code,
                           env=self.environment(PYTHONHOME=os.path.dirname(os.path.dirname(self.py.real))))
        sh = os.path.realpath("/bin/sh")
        shell = self.until(lambda: [c for c in children(tracer.pid) if executed(c) == sh], "command")[0]
        with open(go, "w"):  # the shell reads
            tracer.signal(signal.SIGSTOP)

        def held():
            return [pid for pid in children(shell) if executed(pid) == python and state(pid) == "T"]
        self.until(held, "child that is held")
        time.sleep(0.3)
        self.assertTrue(held())
        tracer.signal(signal.SIGKILL)
        self.assertEqual(tracer.wait(), -signal.SIGKILL)
        self.until(lambda: os.path.exists(done), "child that goes on")
        self.until(lambda: not os.path.exists("/proc/%d" % shell), "end of the command")

    def stopped_before_the_start(self, done):
        """A tracer, stopped while its command waits to be let go, and the command; None if that came too late."""
        tracer = self.tool("-o", os.devnull, "-f", "--", self.py.path, "-c", "import os; os.mkdir(%r)" % done)
        program = os.path.realpath(Config.tool)

        def waiting():
            return [pid for pid in children(tracer.pid) if executed(pid) == program]
        self.until(lambda: waiting() or not tracer.running(), "command")
        tracer.signal(signal.SIGSTOP)
        time.sleep(0.3)
        return (tracer, waiting()[0]) if waiting() else None

    def test_tracer_killed_before_the_start(self):
        """kill -9 of a tracer whose command waits for its probes: it ends, and has executed nothing."""
        done = self.path("done")
        for _ in range(10):
            found = self.stopped_before_the_start(done)
            if found:
                break
            self.jobs[-1].kill()
            if os.path.exists(done):
                os.rmdir(done)
        tracer, command = found
        tracer.signal(signal.SIGKILL)
        self.assertEqual(tracer.wait(), -signal.SIGKILL)
        self.until(lambda: not os.path.exists("/proc/%d" % command) or state(command) == "Z", "end of the command")
        self.assertFalse(os.path.exists(done))

    def test_two_tracers(self):
        """Two tracers of one process do not disturb each other."""
        target, first, _ = self.start()
        found, _ = self.run_json("-e", "e2e.tick", "--count", "10", "-p", str(target.pid))
        self.assertEqual(len(records.audits(found)), 10)
        self.assertTrue(first.running())
        first.signal(signal.SIGINT)
        self.assertEqual(first.wait(), 0)
        self.finish(target)

    def test_two_targets(self):
        """-p with several processes, also repeated: each is traced, no other is."""
        a, b, c, d = (self.ticker(who) for who in "abcd")
        found, _ = self.run_json("-e", "e2e.tick", "--duration", "2s", "-p", "%d,%d" % (a.pid, b.pid),
                                 "-p", str(c.pid))
        seen = {(r["pid"], r["args"]["arg0"]) for r in records.audits(found)}
        self.assertEqual(seen, {(a.pid, "a"), (b.pid, "b"), (c.pid, "c")})
        for target in (a, b, c, d):
            self.finish(target)
