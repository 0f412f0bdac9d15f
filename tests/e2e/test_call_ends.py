# SPDX-License-Identifier: GPL-2.0-only
"""--syscalls: calls that end in other ways than by returning, or of which there are too many."""
import os
import shutil
import signal
import subprocess

from lib import records
from lib.case import Case, Config
from test_syscalls import PATIENT, calls, plain, unannounced

# Waits until so many threads are in open() of a FIFO.
BLOCKED = """
import os, sys, threading, time
def inside(tid):
    try:
        with open("/proc/self/task/%s/syscall" % tid) as f: return f.read().startswith("257 ")
    except OSError: return False
def wait_for(n):
    while sum(map(inside, os.listdir("/proc/self/task"))) < n: time.sleep(.2)
"""

EXEC = BLOCKED + """
def execute():
    wait_for(1)
    os.execv("/bin/true", ["/bin/true", "of a thread"])
threading.Thread(target=execute).start()
os.open(sys.argv[1], os.O_RDONLY)
"""

MANY = BLOCKED + """
threading.stack_size(1 << 16)
threads = [threading.Thread(target=os.open, args=(sys.argv[1], os.O_RDONLY)) for i in range(1100)]
for t in threads: t.start()
wait_for(len(threads))
os.open(sys.argv[1], os.O_WRONLY)
for t in threads: t.join()
"""

# What fills the ring: system calls; a stack of large functions.
CALLS = """
import ctypes
libc = ctypes.CDLL(None)
for i in range(60000): libc.rmdir(b"/nonexistent/" + b"x" * 200)
"""
STACK = """
import types
f = lambda: sys.audit("e2e.deep")
for i, lines in enumerate([18000] * 100 + [18000 >> i for i in range(1, 15)] + [1] * 8):
    if not i or lines != last: code = compile("def f():\\n" + " x = 1\\n" * lines + " next()\\n", "f", "exec").co_consts[0]
    f, last = types.FunctionType(code.replace(co_firstlineno=i + 1), {"next": f}), lines
f()
"""
# Then a Python is started.
FLOOD = """
import os, subprocess, sys
sys.audit("e2e.begin")
sys.stdin.readline()
exec(sys.argv[3])
for i in range(20):
    if not os.fork(): os._exit(0)
    os.wait()
child = subprocess.Popen([sys.argv[1], "-S", "-c", "import sys; sys.audit('e2e.child')"])
try: child.wait(3)
except subprocess.TimeoutExpired: pass
open(sys.argv[2], "w").close()
child.wait()
"""


# A thread that is not Python's calls a function of the C library.
NATIVE = """
import ctypes, sys
libc, thread, argument = ctypes.CDLL(None), ctypes.c_ulong(), ctypes.c_char_p(sys.argv[2].encode())
libc.pthread_create(ctypes.byref(thread), None, getattr(libc, sys.argv[1]), argument)
libc.pthread_join(thread, None)
"""

LOST = """
import os, sys, threading
for i in range(20): sys.audit("e2e.burn")
thread = threading.Thread(target=os.open, args=("/etc/hostname", os.O_RDONLY))
thread.start()
thread.join()
"""


class Ends(Case):
    def fifo(self):
        path = self.path("fifo")
        os.mkfifo(path)
        return path

    def test_exec_by_a_thread(self):
        """The thread goes on with its leader's number; the leader's own call was interrupted."""
        fifo = self.fifo()
        found, _ = self.run_json("--syscalls", *PATIENT, "-e", "open,os.exec", "--", self.py.path, "-S", "-c", EXEC, fifo)
        execs = records.audits(found, "os.exec")
        self.assertEqual([[(c["name"], c["ret"]) for c in map(plain, r["syscalls"])] for r in execs], [[("execve", 0)]])
        self.assertEqual(plain(execs[0]["syscalls"][0])["args"], {"path": "/bin/true", "argv": ["/bin/true", "of a thread"]})
        opens = [r for r in records.audits(found, "open") if r["args"]["path"] == fifo]
        self.assertEqual([[c.get("error") for c in map(plain, r["syscalls"])] for r in opens], [["EINTR"]])
        self.assertEqual([plain(c) for c in calls(found)], [])

    def test_exec_is_told_of_who_did_it(self):
        """An event that waits for its outcome is told before what the process is afterwards."""
        other = [p for p in Config.pythons if p.minor != self.py.minor] or [self.py]
        code = "import os, sys\nos.execv(sys.argv[1], [sys.argv[1], '-S', '-c', 'import sys; sys.audit(\"e2e.after\")'])"
        for options in ["-f"], []:
            with self.subTest(options=options):
                found, _ = self.run_json("--syscalls", *PATIENT, *options, "-e", "os.exec,e2e.*", "--", self.py.path,
                                         "-S", "-c", code, other[0].path)
                told = [r.get("event") or r["exe"] for r in found if r["type"] in ("process", "audit")]
                self.assertEqual(told, [self.py.real, "os.exec", other[0].real, "e2e.after"])
                self.assertEqual([r["python"].split("+")[0] for r in found if r["type"] == "process"],
                                 [self.py.version, other[0].version])
                outcome, = map(plain, records.audits(found, "os.exec")[0]["syscalls"])
                self.assertEqual([outcome["name"], outcome["ret"]], ["execve", 0])

    def test_child_that_is_not_followed(self):
        """Its events are not told: nothing is said of what they announce."""
        code = "import os\nif not os.fork(): os.execv('/bin/true', ['true'])\nos.wait()\n"
        found, _ = self.run_json("--syscalls", *PATIENT, "--", self.py.path, "-S", "-c", code)
        self.assertEqual([plain(c) for c in unannounced(found)], [])

    def test_many_at_once(self):
        """There is not room for all calls under way: those that are not told are counted."""
        fifo = self.fifo()
        found, _ = self.run_json("--syscalls", "--outcome-wait", "60s", "-e", "open", "--", self.py.path, "-S", "-c", MANY,
                                 fifo, timeout=100)
        opens = [r for r in records.audits(found, "open") if r["args"]["path"] == fifo]
        self.assertEqual(len(opens), 1101)
        told = len([r for r in opens if r.get("syscalls")])
        self.assertGreater(told, 900)
        self.assertGreaterEqual(told + found[-1]["syscalls"]["lost"], 1101)

    def start_full(self, what, *options):
        """What a full ring leaves of a program that starts another Python."""
        copy, out, started = self.path("python-copy"), self.path("out.json"), self.path("started")
        shutil.copy(self.py.real, copy)
        tracer = self.tool(*options, "-f", "-e", "e2e.*", "--format", "json", "-o", out, "--", self.py.path, "-S", "-c",
                           FLOOD, copy, started, what, stdin=subprocess.PIPE)
        self.grows(out, b"e2e.begin")
        tracer.signal(signal.SIGSTOP)
        tracer.say("go")
        self.until(lambda: os.path.exists(started), "child that has been started", timeout=60)
        tracer.signal(signal.SIGCONT)
        self.assertEqual(tracer.wait(60), 0, tracer.stderr())
        return records.load(out)

    def test_calls_leave_room(self):
        """In the ring, for the starts of programs: what these do is seen."""
        found = self.start_full(CALLS, "--syscalls")
        self.assertEqual([r["event"] for r in records.audits(found)], ["e2e.begin", "e2e.child"])
        self.assertGreater(found[-1]["syscalls"]["lost"], 0)

    def test_stacks_leave_room(self):
        found = self.start_full(STACK, "--stack=128")
        self.assertEqual([r["event"] for r in records.audits(found)], ["e2e.begin", "e2e.deep", "e2e.child"])


class Eventless(Case):
    """Threads that have raised no event, or none that was told."""

    def test_program_of_a_native_thread(self):
        found, _ = self.run_json("--syscalls", *PATIENT, "--", self.py.path, "-c", NATIVE, "system", "exit 0")
        told = [plain(c) for c in unannounced(found)]
        self.assertEqual([c["args"]["argv"] for c in told if c["name"] == "execve"], [["sh", "-c", "exit 0"]], told)
        self.assertEqual(len([c for c in told if c["name"] in ("clone", "clone3", "vfork")]), 1, told)

    def test_first_event_is_lost(self):
        """What it would have announced is not judged."""
        found, _ = self.run_json("--syscalls", *PATIENT, "--rate", "1", "--", self.py.path, "-S", "-c", LOST)
        self.assertGreater(records.total_lost(found[-1]), 0)
        self.assertEqual([plain(c) for c in unannounced(found)], [])

    def test_which_interpreter(self):
        """A call of such a thread is told of the interpreter its process runs."""
        other = [p for p in Config.pythons if p.minor != self.py.minor]
        if not other:
            self.skipTest("only one version of Python")
        # The probes stand when it begins: one of its kind runs already.
        tickers = self.ticker(), self.ticker(python=other[0].path)
        out, gone = self.path("out.json"), self.path("gone")
        tracer = self.tool("-a", "--syscalls", *PATIENT, "-e", "e2e.tick", "--format", "json", "-o", out)
        self.grows(out, *(b'"pid":%d,' % ticker.pid for ticker in tickers))
        job = self.spawn(other[0].path, "-c", NATIVE, "rmdir", gone)
        self.assertEqual(job.wait(), 0)
        self.grows(out, gone.encode())
        for ticker in tickers:
            self.finish(ticker)
        tracer.signal(2)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        told = [r for r in records.load(out) if r.get("pid") == job.pid]
        self.assertEqual([(r["name"], r["args"]["path"]) for r in told if r["type"] == "syscall"], [("rmdir", gone)])
        self.assertEqual([r["python"].split("+")[0] for r in told if r["type"] == "process"], [other[0].version])


class Namespaces(Case):
    """Numbers that a process has for itself and its children are not ours."""

    def run_inside(self, code):
        program = self.path("program.py")
        with open(program, "w") as f:
            f.write(code)
        inside = ["unshare", "--pid", "--fork", "--mount-proc", self.py.path, "-S", program]
        if self.spawn(*inside).wait():
            self.skipTest("no pid namespaces can be made")
        found, _ = self.run_json("--syscalls", *PATIENT, "-f", "--", *inside)
        return [plain(c) for c in unannounced(found)]

    def test_own_number(self):
        self.assertEqual(self.run_inside("import signal\nsignal.signal(10, lambda *a: None)\nsignal.raise_signal(10)\n"), [])

    def test_child(self):
        self.assertEqual(self.run_inside("import multiprocessing\nif __name__ == '__main__':\n"
                                         "    multiprocessing.set_start_method('spawn')\n"
                                         "    p = multiprocessing.Process(target=int)\n    p.start()\n    p.join()\n"), [])
