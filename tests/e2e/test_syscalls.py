# SPDX-License-Identifier: GPL-2.0-only
"""--syscalls: events have the outcome the program saw, and what no event explains is told."""
import json
import os
import re
import shutil
import socket
import subprocess
import time

from lib import records
from lib.case import Case


def calls(found):
    return [r for r in found if r["type"] == "syscall"]


def unannounced(found):
    return [r for r in calls(found) if r.get("announced") is False]


def plain(value):
    """A record as plain dicts and lists."""
    if isinstance(value, records.Obj):
        return {k: plain(v) for k, v in value.pairs}
    return [plain(v) for v in value] if isinstance(value, list) else value


def shown(call):
    """What a call came to, as the program would see it."""
    return call["error"] if call["ret"] < 0 else call["ret"]


PATIENT = "--outcome-wait", "10s"  # on a busy machine calls take their time


class Outcomes(Case):
    per_python = True

    def outcome(self, record):
        """Of an event: the result of its call, of a start that of the child or the failed exec."""
        made = [plain(c) for c in record.get("syscalls") or []]
        if record["event"] != "subprocess.Popen":
            return shown(made[0]) if len(made) == 1 else made
        execs = [c for c in made if c["name"] == "execve"]
        forks = [c for c in made if c["name"] in ("vfork", "fork", "clone", "clone3")]
        if len(forks) != 1 or not execs:
            return made
        child = forks[0]["ret"]
        if any(c["pid"] != child for c in execs):
            return made
        return child if execs[-1]["ret"] == 0 else execs[-1]["error"]

    def key(self, record):
        args = plain(record["args"])
        if record["event"] == "socket.connect":
            return args["address"][1]
        if record["event"] == "subprocess.Popen":
            return args["args"][-1]
        return args["path"]

    def test_outcomes_are_what_the_program_saw(self):
        work, log = self.path("work"), self.path("log")
        os.mkdir(work)
        found, _ = self.run_json("--syscalls", *PATIENT, "-e", "open,os.remove,socket.connect,subprocess.Popen", "--",
                                 self.py.path, self.program("outcomes.py"), work, log)
        with open(log) as f:
            expected = json.load(f)
        told = {}
        for r in records.audits(found):
            told.setdefault((r["tid"], r["event"], self.key(r)), []).append(self.outcome(r))
        wrong = []
        for tid, event, what, came in expected:
            got = told.get((tid, event, what), [])
            ours = got.pop(0) if got else "no such event"
            if ours != came:
                wrong.append("%d %s %s: %r, the program saw %r" % (tid, event, what, ours, came))
        self.assertEqual(len(expected), 4 * 12 * 9)
        self.assertFalse(wrong, "%d of %d: %s" % (len(wrong), len(expected), wrong[:5]))
        self.assertEqual([plain(c) for c in unannounced(found)], [])

    def interrupted(self, before, signals):
        """What an open() of a FIFO leads to that is interrupted before it has a writer."""
        fifo = self.path("fifo")
        if not os.path.exists(fifo):
            os.mkfifo(fifo)
        code = "import os, signal, subprocess, sys\n%s\nshell = subprocess.Popen(['/bin/sh', '-c', %r, str(os.getpid())])\n" \
               "print(os.open(sys.argv[1], os.O_RDONLY))\nshell.wait()" % (before, "sleep .3; %s; sleep .3; : >%s" % (signals, fifo))
        found, job = self.run_json("--syscalls", *PATIENT, "-e", "open", "--", self.py.path, "-S", "-c", code, fifo)
        opens = [r for r in records.audits(found) if r["args"]["path"] == fifo]
        self.assertEqual(len(opens), 1)
        self.assertEqual([plain(c) for c in unannounced(found)], [])
        self.assertGreater(plain(opens[0]["syscalls"][-1])["ns"], 250000000)
        made = [shown(plain(c)) for c in opens[0]["syscalls"]]
        self.assertEqual(str(made[-1]), job.stdout().strip())
        return made[:-1]

    def test_interrupted(self):
        """A call that the kernel makes again after a signal is one call; that the interpreter makes again is two."""
        handler = "signal.signal(signal.SIGUSR1, lambda *a: None)"
        self.assertEqual(self.interrupted("", "kill -STOP $0; sleep .1; kill -CONT $0"), [])
        self.assertEqual(self.interrupted(handler + "; signal.siginterrupt(signal.SIGUSR1, False)", "kill -USR1 $0"), [])
        # The handler makes a call of its own, before the call it interrupted is made again.
        caller = "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.signal(signal.SIGUSR1, libc.send)"
        self.assertEqual(self.interrupted(caller, "kill -USR1 $0"), [])
        self.assertEqual(self.interrupted(handler, "kill -USR1 $0; sleep .1; kill -USR1 $0"), ["EINTR", "EINTR"])

    def test_as_strace_says(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        code = "import os\nfor p in ('/etc/hostname', '/nonexistent'):\n try: os.close(os.open(p, os.O_RDONLY))\n except OSError: pass\n"
        trace = self.path("strace.txt")
        job = self.spawn("strace", "-f", "-e", "trace=openat", "-o", trace, self.py.path, "-S", "-c", code)
        job.wait()
        with open(trace) as f:
            seen = re.findall(r'openat\(AT_FDCWD, "(/etc/hostname|/nonexistent)".* = (-?\d+)', f.read())
        found, _ = self.run_json("--syscalls", *PATIENT, "-e", "open", "--", self.py.path, "-S", "-c", code)
        ours = [(r["args"]["path"], plain(r["syscalls"][0])["ret"]) for r in records.audits(found)
                if r["args"]["path"] in ("/etc/hostname", "/nonexistent")]
        self.assertEqual([(p, int(r)) for p, r in seen],
                         [(p, r if r >= 0 else -1) for p, r in ours])
        self.assertEqual(len(ours), 2)


class Bypass(Case):
    """Native code that opens, connects and executes."""
    per_python = True

    def setUp(self):
        super().setUp()
        self.secret = self.path("secret")
        with open(self.secret, "w") as f:
            f.write("x")
        self.server = socket.socket()
        self.server.bind(("127.0.0.1", 0))
        self.server.listen(8)
        self.port = self.server.getsockname()[1]
        self.addCleanup(self.server.close)

    def run_way(self, way, *options):
        found, job = self.run_json("--syscalls", *PATIENT, *options, "--", self.py.path, self.program("bypass.py"), way,
                                   self.secret, str(self.port), self.dir)
        self.assertEqual(job.stdout(), "")
        return found

    def build(self, source, name, *flags):
        if not shutil.which("cc"):
            self.skipTest("no C compiler")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.path(name), self.program(source)] + list(flags),
                       check=True)

    def check_told(self, found):
        told = [plain(c) for c in unannounced(found)]
        opens = [c for c in told if c["name"] == "openat" and c["args"]["path"] == self.secret]
        connects = [c for c in told if c["name"] == "connect" and c["args"]["address"] == ["127.0.0.1", self.port]]
        execs = [c for c in told if c["name"] == "execve"]
        forks = [c for c in told if c["name"] in ("fork", "clone")]
        self.assertEqual([len(opens), len(connects), len(execs), len(forks)], [1, 1, 1, 1], told)
        self.assertEqual(execs[0]["args"], {"path": "/bin/sh", "argv": ["/bin/sh", "-c", "exit 0"]})
        self.assertEqual(forks[0]["ret"], execs[0]["pid"])
        self.assertGreaterEqual(opens[0]["ret"], 0)
        self.assertEqual(len(told), 4, told)
        for c in opens + connects:
            self.assertIn(c["after"]["event"], ("ctypes.dlsym", "open", "ctypes.call_function"))
        self.assertEqual(found[-1]["syscalls"]["unannounced"], 4)
        # The same file, opened by Python, is no secret.
        self.assertEqual(len([r for r in records.audits(found) if r["event"] == "open" and
                              r["args"]["path"] == self.secret and "syscalls" in r]), 1)

    def test_python_announces(self):
        self.assertEqual([plain(c) for c in unannounced(self.run_way("python"))], [])

    def test_ctypes(self):
        self.check_told(self.run_way("ctypes"))

    def test_raw(self):
        self.check_told(self.run_way("raw"))

    def test_library(self):
        self.build("bypass.c", "bypass.so")
        self.check_told(self.run_way("library"))

    def test_i386(self):
        """By the entry that 32-bit programs use, which has other numbers."""
        self.build("bypass_i386.c", "bypass.so")
        if subprocess.run([self.py.path, "-c", "import ctypes, sys; sys.exit(ctypes.CDLL(%r).bypass_open(b'/dev/null') != 1)"
                           % self.path("bypass.so")]).returncode:
            self.skipTest("the kernel has no 32-bit entry")
        found = self.run_way("library")
        self.check_told(found)
        self.assertEqual([c["abi"] for c in unannounced(found)], ["i386"] * 4)

    def test_module(self):
        include = subprocess.run([self.py.path, "-c", "import sysconfig; print(sysconfig.get_paths()['include'])"],
                                 stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout.strip()
        if not os.path.exists(include + "/Python.h"):
            self.skipTest("no headers in %s" % include)
        self.build("bypass_module.c", "bypass.so", "-I" + include)
        self.check_told(self.run_way("module"))

    def test_filter_hides_no_bypass_and_makes_none(self):
        found = self.run_way("ctypes", "-e", "nothing.*,e2e.*")
        self.assertEqual([r["event"] for r in records.audits(found)], ["e2e.begin", "e2e.end"])
        self.assertEqual(len(unannounced(found)), 4)

    def test_stack(self):
        found = self.run_way("ctypes", "-k")
        secret = [plain(c) for c in unannounced(found) if c["name"] == "openat"][0]
        self.assertEqual([f["func"] for f in secret["stack"]], ["act_open", "<module>"])
        self.assertTrue(secret["stack"][0]["file"].endswith("bypass.py"))


class Syscalls(Case):
    def test_text(self):
        job = self.run_tool("--syscalls", *PATIENT, "-e", "open,subprocess.Popen,os.remove",
                            "-o", self.path("out"), "--", self.py.path, "-S", "-c",
                            "import os, subprocess\n"
                            "try: os.remove('/nonexistent/x')\nexcept OSError: pass\n"
                            "open('/etc/hostname').close()\n"
                            "subprocess.call(['/bin/true'])\n")
        self.assertEqual(job.status, 0)
        with open(self.path("out")) as f:
            text = f.read()
        self.assertRegex(text, r'os\.remove\(path="/nonexistent/x", dir_fd=-1\) = -1 ENOENT')
        self.assertRegex(text, r'open\(path="/etc/hostname", mode="r", flags=O_RDONLY\|O_CLOEXEC\) = \d+( \(\d+ .s\))?\n')
        self.assertRegex(text, r'subprocess\.Popen\(.*\) = \d+( \(\d+ .s\))?, execve\("/bin/true"\) = 0')
        self.assertRegex(job.stderr(), r"; system calls: \d+ watched, 0 unannounced")

    def test_acts(self):
        code = ("import ctypes, mmap, socket\nlibc = ctypes.CDLL(None)\n"
                "s = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen(3)\n"
                "libc.syscall(319, b'code', 0)\n"
                "libc.mmap.restype = ctypes.c_void_p\n"
                "libc.mmap(None, 4096, 7, 0x22, -1, 0)\n")
        told = {c["name"]: plain(c) for c in calls(self.run_json("--syscalls=all", *PATIENT, "--", self.py.path, "-c", code)[0])}
        self.assertEqual(told["listen"]["args"]["backlog"], 3)
        self.assertEqual(told["memfd_create"]["args"]["name"], "code")
        self.assertEqual(told["mmap"]["args"]["prot"], 7)
        for call in ("listen", "memfd_create", "mmap"):
            self.assertNotIn("announced", told[call])
        told = [c["name"] for c in calls(self.run_json("--syscalls", *PATIENT, "--", self.py.path, "-c", code)[0])]
        self.assertEqual(told, [])

    def test_after(self):
        """An unannounced call names the last event of its thread, also one that -e leaves out."""
        code = ("import ctypes, sys, threading\nf = ctypes.CDLL(None).rmdir\n"
                "sys.audit('e2e.a'); f(b'/nonexistent/1')\nid(0); f(b'/nonexistent/2')\n"
                "t = threading.Thread(target=lambda: sys.audit('e2e.other')); t.start(); t.join()\n"
                "sys.audit('e2e.b'); f(b'/nonexistent/3')\nsys.audit('e2e.told'); f(b'/nonexistent/4')\n")
        found, _ = self.run_json("--syscalls", *PATIENT, "-e", "e2e.told", "--", self.py.path, "-S", "-c", code)
        told, = records.audits(found)
        self.assertEqual([c["after"] for c in map(plain, calls(found)) if c["args"]["path"].startswith("/nonexistent/")],
                         [{"event": "e2e.a"}, {"event": "builtins.id"}, {"event": "e2e.b"},
                          {"seq": told["seq"], "event": "e2e.told"}])

    def test_outcome_that_comes_late(self):
        """The event does not wait longer than it is told to; the outcome follows and names it."""
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        out = self.path("late.json")
        tracer = self.tool("--syscalls", "--format", "json", "-o", out, "--", self.py.path, "-S", "-c",
                           "open(%r).read()" % fifo)
        self.grows(out, fifo.encode())
        time.sleep(0.3)
        with open(fifo, "w"):
            pass
        tracer.wait()
        found = records.load(out)
        event = [r for r in records.audits(found) if r["event"] == "open" and r["args"]["path"] == fifo][0]
        self.assertNotIn("syscalls", event)
        late = [plain(c) for c in calls(found)]
        self.assertEqual(len(late), 1, late)
        self.assertEqual([late[0]["announced"], late[0]["after"]], [True, {"seq": event["seq"], "event": "open"}])
        self.assertGreater(late[0]["ns"], 50000000)

    def test_attached(self):
        """A process that runs already; its calls under way are not taken for unannounced."""
        ticker = self.ticker()
        out = self.path("attached.json")
        tracer = self.tool("--syscalls", *PATIENT, "--format", "json", "-o", out, "-p", str(ticker.pid))
        self.grows(out, b"e2e.tick")
        tracer.signal(2)
        self.assertEqual(tracer.wait(), 0)
        self.finish(ticker)
        self.assertEqual([plain(c) for c in unannounced(records.load(out))], [])

    def test_callback(self):
        """What libffi asks for when it makes the first callback is not taken for hidden."""
        code = "import ctypes\nctypes.CFUNCTYPE(None)(lambda: None)()\n"
        found, _ = self.run_json("--syscalls", *PATIENT, "--", self.py.path, "-c", code)
        self.assertEqual([plain(c) for c in unannounced(found)], [])

    def test_nothing_without_the_option(self):
        found, _ = self.run_json("--", self.py.path, "-c", "import ctypes; ctypes.CDLL(None).open(b'/etc/hostname', 0)")
        self.assertEqual(calls(found), [])
        self.assertNotIn("syscalls", found[-1])


class Lineage(Case):
    """Who started whom, by which event; children that are no Python, with -f."""

    def test_children(self):
        code = ("import os, subprocess, sys\n"
                "subprocess.call(['/bin/sh', '-c', 'exit 3'])\n"
                "subprocess.call(['/bin/sleep', '1'])\n"
                "subprocess.call([sys.executable, '-S', '-c', 'import sys; sys.audit(\"e2e.child\")'])\n")
        found, _ = self.run_json("-f", "-e", "subprocess.Popen,e2e.child", "--", self.py.path, "-S", "-c", code)
        starts = [r["seq"] for r in records.audits(found) if r["event"] == "subprocess.Popen"]
        lives = [plain(r) for r in found if r["type"] == "process"]
        ends = {r["pid"]: r["status"] for r in found if r["type"] == "exit"}
        self.assertEqual([p["cmdline"][0] for p in lives], [self.py.path, "/bin/sh", "/bin/sleep", self.py.path])
        self.assertNotIn("started_by", lives[0])
        self.assertEqual([p["started_by"] for p in lives[1:]],
                         [{"seq": seq, "event": "subprocess.Popen"} for seq in starts])
        self.assertEqual([("python" in p, ends[p["pid"]]) for p in lives],
                         [(True, 0), (False, 3), (False, 0), (True, 0)])
        # One that runs a while is named while it runs.
        sleeper = lives[2]
        self.assertLess(sleeper["seq"], next(r["seq"] for r in found if r["type"] == "exit" and r["pid"] == sleeper["pid"]))

    def test_not_without_follow(self):
        found, _ = self.run_json("--", self.py.path, "-c", "import os; os.system('true')")
        self.assertEqual(len([r for r in found if r["type"] == "process"]), 1)
