# SPDX-License-Identifier: GPL-2.0-only
"""Programs that would like the tracer to crash, stall or tell lies about others."""
import os
import re
import shutil
import signal
import struct

from lib import records
from lib.case import Case

# What a terminal or a log must never get from a traced process.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
NAMES = ["a\nb", "esc\x1b[31m", "x (deleted)", "tab\tsp ace", "7f0-7f1 r-xp 0 00:00 1", "\u202ertl", "b\\x41\"q'"]

POKES = """
import ctypes, struct, sys
def word(obj, at): return ctypes.c_uint64.from_address(id(obj) + at)
def poke(name, obj, at, value):
    w = word(obj, at)
    was, w.value = w.value, value
    try: sys.audit('e2e.poke', name, obj)
    finally: w.value = was
anywhere = [0, 1, 8, 0x4141414141414141, 0x7fffffffffff, 0xffffffff81000000, 2**63, 2**64 - 1, id(sys), id([]) + 1]
for value in anywhere:
    poke('list size', [1, 2], 16, value)
    poke('list items', [1, 2], 24, value)
    poke('list type', [1, 2], 8, value)
    poke('tuple size', tuple([object()]), 16, value)
    poke('str length', 'x' * len(sys.argv), 16, value)
    poke('str state', 'y' * len(sys.argv), 32, value)
    poke('int size', 10 ** 30 + len(sys.argv), 16, value)
    poke('dict keys', {'a': 1}, 32, value)
    poke('dict used', {'a': 1}, 16, value)
    poke('bytes size', bytes(40 + len(sys.argv)), 16, value)
    poke('bytearray start', bytearray(9), 40, value)
    poke('function code', eval('lambda: 0'), 48, value)
loop = []
loop.append(loop)
chain = []
for i in range(10000): chain = [chain, chain]
sys.audit('e2e.poke', 'loop', loop, chain, {1: loop})
sys.audit('e2e.end', 'still here', 4711)
"""

ELF = struct.Struct("<16sHHIQQQIHHHHHH")


def elf(phoff=64, shoff=0, phnum=1, shnum=0, phentsize=56, shentsize=64):
    return ELF.pack(b"\x7fELF\2\1\1".ljust(16, b"\0"), 3, 62, 1, 0, phoff, shoff, 0, 64, phentsize, phnum, shentsize,
                    shnum, 0)


def segment(kind=1, offset=0, addr=0, size=2 ** 62):
    return struct.pack("<IIQQQQQQ", kind, 5, offset, addr, addr, size, size, 4096)


FILES = {
    "empty": b"",
    "magic": b"\x7fELF",
    "header": elf(phnum=0),
    "phnum": elf(phnum=65535) + segment() * 4,
    "far": elf(phoff=2 ** 63, shoff=2 ** 64 - 1, shnum=65535) + segment(),
    "overlap": elf(phnum=64) + segment(size=4096) * 64,
    "self": elf(phoff=0, shoff=0, phnum=60, shnum=60),
    "dynamic": elf(phnum=2) + segment(size=4096) + segment(kind=2, offset=176, addr=176, size=2 ** 40)
    + struct.pack("<QQ", 5, 176) * 200,
    "notes": elf(phnum=2) + segment(size=4096) + segment(kind=4, offset=176, addr=176, size=3000)
    + struct.pack("<III", 2 ** 32 - 1, 2 ** 32 - 1, 3) * 100,
}

# Maps each file given executable, and stays a moment.
MAPPER = """
import mmap, os, sys, time
held = []
for path in sys.argv[1:]:
    with open(path, 'r+b') as f:
        try: held.append(mmap.mmap(f.fileno(), 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE))
        except (ValueError, OSError): pass
print(len(held)); sys.stdout.flush()
sys.audit('e2e.mapped', len(held))
time.sleep(1.5)
"""

# Executes itself again and again, through two names, as fast as it can.
LOOPER = """
import os, sys
n, a, b = int(sys.argv[1]), sys.argv[2], sys.argv[3]
sys.audit('e2e.again', n)
if n: os.execv(b, [b, '-I', '-S', '-c', os.environ['CODE'], str(n - 1), b, a])
"""


class Hostile(Case):
    """Everything is watched (-a); what is looked at is marked."""
    time_limit = 240

    def watch(self, *options):
        out = self.path("out")
        job = self.tool("-v", "-a", "-e", "e2e.*", "--format", "json", "-o", out, *options)
        self.grows(job.err_path, b"system calls are", timeout=60)
        return job, out

    def stop(self, job):
        """The tracer has not lost its senses: it ends well, and has not grown without bound."""
        with open("/proc/%d/status" % job.pid) as f:
            peak = int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))
        job.signal(signal.SIGINT)
        self.assertEqual(job.wait(), 0, job.stderr())
        if not os.environ.get("ASAN_OPTIONS"):
            self.assertLess(peak, 200 << 10)
        self.assertNotRegex(job.stderr().replace("\n", " "), CONTROL)

    def own(self, out, event):
        return [r for r in records.audits(records.load(out)) if r["event"] == event]

    def python(self, name):
        path = self.path(name)
        shutil.copy(self.py.real, path)
        return path

    def test_paths(self):
        """Files whose names look like lines of /proc or steer terminals: told exactly, or escaped."""
        job, out = self.watch()
        paths = [self.python(name) for name in NAMES]
        code = "import sys, time\nfor i in range(60): sys.audit('e2e.path', sys.argv[1]); time.sleep(0.1)"
        running = [self.spawn(path, "-c", code, path) for path in paths]
        self.assertEqual([program.wait(60) for program in running], [0] * len(paths))
        self.until(lambda: {r["args"]["arg0"] for r in self.own(out, "e2e.path")} == set(paths), "events of all")
        self.stop(job)
        exes = {r["pid"]: r["exe"] for r in records.of_type(records.load(out), "process")}
        self.assertEqual({exes[r["pid"]] for r in self.own(out, "e2e.path")}, set(paths))
        self.assertEqual({r["args"]["arg0"] for r in self.own(out, "e2e.path") if exes[r["pid"]] != r["args"]["arg0"]}, set())
        text = self.run_tool("-e", "e2e.*", "-o", self.path("text"), "--", paths[0], "-c",
                             "import sys; sys.audit('e2e.path', sys.executable + '\\x1b]0;x\\a\\r')", paths[1])
        self.assertEqual(text.status, 0, text.stderr())
        with open(self.path("text")) as f:
            said = f.read()
        self.assertNotRegex(said.replace("\n", " "), CONTROL)
        # A line each: of the process, of the event, of the exit.
        self.assertEqual(len(said.splitlines()), 3)

    def test_names(self):
        """A thread's name that looks like the rest of /proc/PID/stat, a command line of control bytes."""
        code = ("import ctypes, os, sys\n"
                "ctypes.CDLL(None).prctl(15, b') R 1 1 1\\n\\x1b[', 0, 0, 0)\n"
                "sys.audit('e2e.name', os.getppid(), os.getpid())\n")
        found, _ = self.run_json("-e", "e2e.*", "--", self.py.path, "-c", code, "\x1b[2J\r\n", "\x01\x7f")
        r, = records.audits(found)
        self.assertEqual([r["ppid"], r["pid"]], r["args"].values())
        self.assertEqual(r["comm"], ") R 1 1 1\n\x1b[")
        job = self.run_tool("-e", "e2e.*", "--", self.py.path, "-c", code, "\x1b[2J\r\n", "\x01\x7f")
        self.assertNotRegex(job.stderr().replace("\n", " "), CONTROL)

    def test_objects(self):
        """Objects whose fields point anywhere: the records after them, and all others, are right."""
        for options in ((), ("-k",)):
            found, job = self.run_code(POKES, "-e", "e2e.*", *options)
            events = records.audits(found)
            self.assertEqual(len(events), 10 * 12 + 2)
            self.assertEqual(events[-1]["args"].values(), ["still here", 4711])
            self.assertEqual({r["args"]["arg0"] for r in events if r["event"] == "e2e.poke"} & {"loop"}, {"loop"})

    def test_files(self):
        """Files that only look like ELF, one of them a terabyte, mapped as code."""
        paths = []
        for name, data in sorted(FILES.items()):
            paths.append(self.path(name))
            with open(paths[-1], "wb") as f:
                f.write(data)
                f.truncate(max(len(data), 8192))
        huge = self.path("huge")
        with open(huge, "wb") as f:
            f.write(elf(shoff=2 ** 39, shnum=60000) + segment(size=2 ** 40))
            f.truncate(2 ** 40)
        cut = self.path("cut")
        with open(self.py.real, "rb") as f, open(cut, "wb") as to:
            to.write(f.read(200000))
        paths += [huge, cut]
        job, out = self.watch()
        mapper = self.spawn(self.python("mapper"), "-c", MAPPER, *paths)
        self.assertEqual(mapper.wait(), 0, mapper.stderr())
        self.assertEqual(int(mapper.stdout()), len(paths))
        later = self.spawn(self.python("later"), "-c", "import sys, time; time.sleep(0.5); sys.audit('e2e.later')")
        self.assertEqual(later.wait(), 0)
        self.grows(out, b"e2e.later")
        self.stop(job)

    def test_execs(self):
        """A process that executes itself in a loop: another's events stay whole, and what is kept does
        not grow."""
        ticker = self.ticker()
        job, out = self.watch()
        a, b = self.python("a"), self.python("b")
        env = self.environment(CODE=LOOPER)
        looper = self.spawn(a, "-I", "-S", "-c", LOOPER, "150", a, b, env=env)
        self.assertEqual(looper.wait(90), 0, looper.stderr())
        self.stop(job)
        ticks = [r for r in records.audits(records.load(out)) if r["pid"] == ticker.pid]
        numbers = [r["args"]["arg1"] for r in ticks if r["event"] == "e2e.tick"]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        self.assertIn(0, [r["args"]["arg0"] for r in self.own(out, "e2e.again")])
        self.assertEqual({r["pid"] for r in self.own(out, "e2e.again")}, {looper.pid})
        self.finish(ticker)
