# SPDX-License-Identifier: GPL-2.0-only
"""Interpreters as they come and go: found in time, let go in time, none of many short ones missed."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

from lib import records
from lib.case import PATIENCE, PROGRAMS, Case, Config
from test_system import HOST, MOUNTS

MARK = "import sys; sys.audit('e2e.mark', sys.argv[1])"
BOUND_NS = 100_000_000 * PATIENCE


class Tracing(Case):
    """A tracer of the whole machine, which is ready."""

    def trace_all(self, *options, events="e2e.*"):
        self.out = self.path("out.json")
        self.anchor = self.ticker("anchor")
        tracer = self.tool("--format", "json", "-o", self.out, "-a", "-e", events, *options)
        self.grows(self.out, b'"anchor"')
        self.anchor.signal(signal.SIGSTOP)  # its ticks are of no use any more
        return tracer

    def end(self, tracer):
        self.anchor.signal(signal.SIGCONT)
        tracer.signal(signal.SIGINT)
        self.assertEqual(tracer.wait(60), 0, tracer.stderr())
        found = records.load(self.out)
        self.check_contract(found, tracer)
        self.finish(self.anchor)
        return found

    def marks(self, found):
        """Those of this test's own programs: others run at the same time."""
        mine = {job.pid for job in self.jobs}
        return [r["args"]["arg0"] for r in records.audits(found, "e2e.mark")
                if r["pid"] in mine or r.get("ppid") in mine]


class Arrival(Tracing):
    time_limit = 120

    def test_new_file(self):
        """A file nobody has executed before is probed within 100 ms of its mapping."""
        tracer = self.trace_all()
        code = "import sys, time\nend = time.time() + 1\nwhile time.time() < end: sys.audit('e2e.mark', sys.argv[1]); " \
               "time.sleep(0.001)"
        for i in range(5):
            copy = self.path("python%d" % i)
            shutil.copy(self.py.real, copy)
            self.assertEqual(self.spawn(copy, "-ISc", code, str(i)).wait(), 0)
        found = self.end(tracer)
        unseen = {r["cmdline"].pop(): r["unseen_ns"] for r in records.of_type(found, "process")
                  if r["exe"].startswith(self.dir)}
        self.assertEqual(set(unseen), set("01234"))
        # Other programs may have had the processors.
        self.assertLess(sorted(unseen.values())[2], BOUND_NS, unseen)

    def test_loaded_late(self):
        """A program that has run for a while loads a libpython: that is probed within 100 ms."""
        import glob
        libs = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.1[0-9]*/lib/libpython3.1[0-9].so.1.0")))
        if not shutil.which("cc") or not libs:
            self.skipTest("no C compiler, or no shared libpython below ~/.pyenv")
        home = os.path.dirname(os.path.dirname(libs[0]))
        lib = self.path("libpython-copy.so")
        shutil.copy(libs[0], lib)
        with open(self.path("host.c"), "w") as f:
            f.write(HOST.replace("int main", "#include <stdio.h>\nint main").replace(
                "void *lib =", "int ready = getchar();\n\tvoid *lib =").replace("if (!start", "if (!ready || !start"))
        cc = self.spawn("cc", "-o", self.path("host"), self.path("host.c"), "-ldl")
        self.assertEqual(cc.wait(), 0, cc.stderr())
        tracer = self.trace_all()
        host = self.spawn(self.path("host"), lib, stdin=subprocess.PIPE, env=self.environment(PYTHONHOME=home))
        time.sleep(2)  # past all looks at what it has executed
        host.say("go")
        self.assertEqual(host.wait(), 0, host.stderr())
        found = self.end(tracer)
        seen = [r["args"]["arg0"] for r in records.audits(found, "e2e.embedded") if r["pid"] == host.pid]
        self.assertEqual(seen, list(range(60 - len(seen), 60)))
        self.assertGreater(len(seen), 58)

    def test_lost_mappings(self):
        """Very many mappings at once: the interpreter among them is found all the same."""
        tracer = self.trace_all("-v")
        copy = self.path("python-copy")
        shutil.copy(self.py.real, copy)
        tracer.signal(signal.SIGSTOP)
        flood = self.spawn("sh", "-c", "i=0; while [ $i -lt 2000 ]; do /bin/true; i=$((i+1)); done")
        late = self.ticker("late", python=copy)
        self.assertEqual(flood.wait(), 0)
        tracer.signal(signal.SIGCONT)
        self.grows(self.out, b'"late"')
        self.finish(late)

        def told():
            # The kernel says on each processor what it has lost there with the next mapping.
            for cpu in os.sched_getaffinity(0):
                self.assertEqual(self.spawn("taskset", "-c", str(cpu), "/bin/true").wait(), 0)
            return "records of mapped files were lost" in tracer.stderr()
        self.until(told, "look at all processes")
        self.end(tracer)


# A mount namespace that has $1/image below an overlay of its own, and a command in it.
OVERLAY = """
set -e
cd "$1"; shift
mount -t tmpfs tmpfs mnt
mkdir mnt/u mnt/w mnt/m
mount -t overlay overlay -o lowerdir=image,upperdir=mnt/u,workdir=mnt/w mnt/m
cd mnt/m
exec "$@"
"""
# Raises the same event at the same place of the same stack, and no other.
LOOP = "import select, sys\nfor i in range(int(sys.argv[1])): sys.audit('e2e.mark', i); select.select([], [], [], 0.02)"


class Containers(Tracing):
    """Stood in for by private mount and PID namespaces over overlay mounts."""
    time_limit = 120

    def test_containers(self):
        """Two containers of one image: found, told apart, each event once, and let go with their end."""
        os.mkdir(self.path("mnt"))
        if self.spawn("unshare", "-mpf", "--mount-proc", "sh", "-c", MOUNTS, "sh", self.path("mnt"), self.py.real).wait():
            self.skipTest("no private overlay mounts here")
        tracer = self.trace_all("-v")
        script = MOUNTS + "for i in 1 2; do unshare -pf ./m$i/python -ISc \"$3\" $i & done; wait"
        code = "import os, sys, time\nfor i in range(60):\n  sys.audit('e2e.contained', sys.argv[1], os.getpid(), i); time.sleep(0.01)"
        job = self.spawn("unshare", "-m", "sh", "-c", script, "sh", self.path("mnt"), self.py.real, code)
        self.assertEqual(job.wait(), 0, job.stderr())
        self.until(lambda: tracer.stderr().count("let go") >= 2, "images let go", 30)
        found = self.end(tracer)
        for container in "12":
            events = [r for r in records.audits(found, "e2e.contained") if r["args"]["arg0"] == container]
            self.assertEqual({r["args"]["arg1"] for r in events}, {1})
            process = next(r for r in records.of_type(found, "process") if r["pid"] == events[0]["pid"])
            self.assertEqual(process["ns_pid"], 1)
            numbers = [r["args"]["arg2"] for r in events]
            self.assertEqual(numbers, list(range(numbers[0], 60)), "missed, or there twice")

    def container(self, *command):
        """Runs a command in a mount namespace of its own, in which ./python is that of an overlay mount of the
        image, which ends with the command."""
        return self.spawn("unshare", "-m", "sh", "-c", OVERLAY, "sh", self.dir, *command)

    def make_image(self):
        os.mkdir(self.path("image"))
        os.mkdir(self.path("mnt"))
        shutil.copy(self.py.real, self.path("image/python"))
        job = self.container("/bin/true")
        if job.wait():
            self.skipTest("no private overlay mounts here: " + job.stderr().strip())

    def loop(self, n):
        """A container that raises the same event n times, and has begun."""
        job = self.container("./python", "-ISc", LOOP, str(n))
        self.grows(self.out, b'"pid":%d,' % job.pid)
        return job

    def test_other_goes_on(self):
        """A container ends, and others of the same image, which do the same thing again and again, are still
        seen: whichever of them came first."""
        self.make_image()
        tracer = self.trace_all("-v")
        numbers = 100, 700, 100, 600, 50
        jobs = [self.loop(n) for n in numbers]
        self.until(lambda: not any([job.running() for job in jobs]), "end of all", 60)
        found = self.end(tracer)
        for job, n in zip(jobs, numbers):
            seen = [r["args"]["arg0"] for r in records.audits(found, "e2e.mark") if r["pid"] == job.pid]
            self.assertEqual(seen, list(range(seen[0], n)), "%r: missed, or there twice" % job)

    def test_twenty(self):
        """Twenty containers of one image, which end one after the other, the first one first: no event is missing
        or there twice. One writes to its interpreter, which makes it another file, and runs that, too."""
        self.make_image()
        tracer = self.trace_all("-v")
        numbers = [60 + 30 * i for i in range(19)]
        writes = self.container("sh", "-c", './python -ISc "$0" 40; cp ./python new; printf x >>new; cat new >python; '
                                './python -ISc "$0" 40; ./python -ISc "$0" 40', LOOP)
        self.grows(self.out, b'"ppid":%d,' % writes.pid)
        jobs = [self.loop(n) for n in numbers]
        self.until(lambda: not any([job.running() for job in jobs + [writes]]), "end of all", 90)
        found = self.end(tracer)
        marks = records.audits(found, "e2e.mark")
        for job, n in zip(jobs, numbers):
            seen = [r["args"]["arg0"] for r in marks if r["pid"] == job.pid]
            self.assertEqual(seen, list(range(n)), "%r: missed, or there twice" % job)
        runs = [[r["args"]["arg0"] for r in marks if r["pid"] == p["pid"]]
                for p in records.of_type(found, "process") if p["ppid"] == writes.pid]
        self.assertEqual([run[-1:] for run in runs], [[39], [39], [39]])
        self.assertEqual(runs[2], list(range(40)))
        check = self.run_tool("--check").stdout()
        if re.search(r"files below overlays +yes", check):
            ways = re.findall(r"%s/mnt/m/python: CPython .*(\d probes|the same file as one that has probes)$" % self.dir,
                              tracer.stderr(), re.M)
            self.assertEqual(len([way for way in ways if way[0].isdigit()]), 2)
            self.assertGreaterEqual(len(ways), 20)

    def test_upgrade(self):
        """The file of an interpreter is replaced, again and again, while it is executed all the time."""
        tracer = self.trace_all("-v")
        python = self.path("python")
        code = "import sys; sys.audit('e2e.mark', sys.argv[1]); sys.audit('e2e.mark', sys.argv[1])"
        load = "i=0; while [ $i -lt 300 ]; do \"$0\" -ISc \"$1\" $i; i=$((i+1)); done"
        shutil.copy(self.py.real, python)
        job = self.spawn("sh", "-c", load, python, code)
        for i in range(4):
            time.sleep(0.4)
            shutil.copy(self.py.real, python + ".new")
            os.rename(python + ".new", python)
        self.assertEqual(job.wait(60), 0, job.stderr())
        self.until(lambda: tracer.stderr().count("let go") >= 4, "old files let go", 30)
        found = self.end(tracer)
        marks = self.marks(found)
        missing = [i for i in range(300) if marks.count(str(i)) != 2]
        # The first processes of each new file may be ahead of the probes.
        self.assertLess(len(missing), 5 * 8, missing)
        self.assertGreater(len(set(marks)), 250)

    def test_gone_before_it_is_read(self):
        """A program and its file are gone while most of its events are still in the ring."""
        tracer = self.trace_all("-v", "--buffer", "16M")
        python, count = self.path("python-gone"), 30000
        shutil.copy(self.py.real, python)
        code = "import sys\nsys.stdin.read(1)\nfor i in range(%d): sys.audit('e2e.gone', i)" % count
        job = self.spawn(python, "-ISc", code, stdin=subprocess.PIPE)
        self.until(lambda: "python-gone: CPython" in tracer.stderr(), "probes")
        tracer.signal(signal.SIGSTOP)
        job.process.stdin.close()
        self.assertEqual(job.wait(), 0, job.stderr())
        os.remove(python)
        time.sleep(6)  # until the tracer looks for images that are not needed any more
        tracer.signal(signal.SIGCONT)
        self.until(lambda: "let go" in tracer.stderr(), "image let go", 30)
        found = self.end(tracer)
        events = records.audits(found, "e2e.gone")
        self.assertEqual([r["args"]["arg0"] for r in events], list(range(count)))
        self.assertEqual({r.get("ppid") for r in events}, {os.getpid()})
        self.assertEqual(len([r for r in records.of_type(found, "process") if r["pid"] == job.pid]), 1)

    def test_rewritten_in_place(self):
        """A file that is another interpreter now, under the same number."""
        if len(Config.pythons) < 2:
            self.skipTest("needs two interpreters")
        other = next(py for py in Config.pythons if py.real != self.py.real)
        tracer = self.trace_all()
        python = self.path("python")
        for i, source in enumerate((self.py.real, other.real, self.py.real)):
            with open(source, "rb") as src, open(python, "r+b" if i else "w+b") as dst:
                shutil.copyfileobj(src, dst)
                dst.truncate()
            os.chmod(python, 0o755)
            home = os.path.dirname(os.path.dirname(source))
            job = self.ticker("file%d" % i, python=python, env=self.environment(PYTHONHOME=home))
            self.grows(self.out, b'"file%d"' % i)
            self.finish(job)
        found = self.end(tracer)
        versions = [r["python"] for r in records.of_type(found, "process") if r["exe"] == python]
        self.assertEqual(len(versions), 3)
        self.assertEqual(versions[0], versions[2])


def open_files(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def resident(pid):
    """Kilobytes."""
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def map_entries(pid, name):
    """How many entries a map of the tracer's has."""
    for fd in os.listdir("/proc/%d/fdinfo" % pid):
        with open("/proc/%d/fdinfo/%s" % (pid, fd)) as f:
            number = re.search(r"^map_id:\s+(\d+)", f.read(), re.M)
        if not number:
            continue
        show = subprocess.run(["bpftool", "-j", "map", "show", "id", number.group(1)], stdout=subprocess.PIPE)
        if json.loads(show.stdout).get("name") == name:
            dump = subprocess.run(["bpftool", "-j", "map", "dump", "id", number.group(1)], stdout=subprocess.PIPE)
            return len(json.loads(dump.stdout))
    return None


class Short(Tracing):
    alone = True
    time_limit = 400

    def test_two_thousand(self):
        """2,000 Pythons that live some milliseconds: no event is missing, each has its process."""
        tracer = self.trace_all("--buffer", "16M")
        spawner = self.spawn(self.py.path, os.path.join(PROGRAMS, "shortlived.py"), "2000", self.py.real)
        self.assertEqual(spawner.wait(300), 0, spawner.stderr())
        found = self.end(tracer)
        self.assertEqual(records.total_lost(found[-1]), 0)
        marks = {r["args"]["arg0"]: r["pid"] for r in records.audits(found, "e2e.short")}
        self.assertEqual(len(marks), 2000)
        processes = {r["pid"]: r for r in records.of_type(found, "process")}
        exits = {r["pid"] for r in records.of_type(found, "exit")}
        for number, pid in marks.items():
            process = processes[pid]
            self.assertEqual(process["exe"], self.py.real)
            self.assertEqual(process["cmdline"][-1], str(number))
            self.assertEqual(process["ppid"], spawner.pid)
            self.assertEqual(process["unseen_ns"], 0)
            self.assertIn(pid, exits)

    def test_no_leaks(self):
        """10,000 processes come and go: memory, descriptors and map entries are what they were."""
        tracer = self.trace_all(events="e2e.short,e2e.tick")
        spawners = set()

        def burst(n):
            job = self.spawn(self.py.path, os.path.join(PROGRAMS, "shortlived.py"), str(n))
            spawners.add(job.pid)
            self.assertEqual(job.wait(200), 0, job.stderr())
            time.sleep(0.5)
        burst(1000)
        before = resident(tracer.pid), open_files(tracer.pid)
        targets = map_entries(tracer.pid, "targets")
        burst(10000)
        self.assertLess(resident(tracer.pid), before[0] + 2048)
        self.assertLessEqual(open_files(tracer.pid), before[1] + 2)
        if targets is not None:  # of other Pythons of the machine there may be some more, or fewer
            self.assertLess(map_entries(tracer.pid, "targets"), targets + 100)
        found = self.end(tracer)
        mine = [r for r in records.audits(found, "e2e.short") if r.get("ppid") in spawners]
        self.assertEqual(len(mine), 11000)


# A Python that starts a tracer of everything and one of a command, reads what they write, and raises an event for
# each record of its own events.
LAUNCHER = """
import json, subprocess, sys
tool, out = sys.argv[1:3]
watch = subprocess.Popen([tool, "--format", "json", "-a", "--syscalls=all", "-k", "-e", "e2e.*"], stdout=subprocess.PIPE,
                         text=True)
print(watch.pid, flush=True)
code = "import sys\\nfor i in range(20): sys.audit('e2e.child', i)"
sys.audit("e2e.echo", 0)
echoes = 0
for line in watch.stdout:
    record = json.loads(line)
    if record.get("event") == "e2e.echo" and echoes < 5:
        echoes += 1
        sys.audit("e2e.echo", echoes)
    elif record["type"] == "process" and not echoes:
        sys.audit("e2e.echo", echoes)
    if echoes == 5:
        break
inner = subprocess.Popen([tool, "--format", "json", "-o", out, "-f", "--", sys.executable, "-c", code])
print(inner.pid, inner.wait(), flush=True)
watch.terminate()
watch.stdout.read()
sys.exit(watch.wait())
"""


class SideBySide(Tracing):
    def test_launched(self):
        """Tracers that a Python has started, which reads what they write, beside one that sees all, which was
        started from a Python, too: none is traced itself, by none."""
        code = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
        self.out = self.path("outer.json")
        outer = self.spawn(self.py.path, "-c", code, Config.tool, "--format", "json", "-o", self.out, "-a", "-k",
                           "--syscalls=all", "-e", "e2e.*,subprocess.Popen")
        anchor = self.ticker("anchor")
        self.grows(self.out, b'"anchor"')
        launcher = self.spawn(self.py.path, "-c", LAUNCHER, Config.tool, self.path("inner.json"))
        self.assertEqual(launcher.wait(60), 0, launcher.stderr())
        self.finish(anchor)
        outer.signal(signal.SIGINT)
        self.assertEqual(outer.wait(60), 0, outer.stderr())
        watch, inner, status = map(int, launcher.stdout().split())
        self.assertEqual(status, 0)
        found = records.load(self.out)
        tracers = {outer.pid, watch, inner}
        self.assertEqual([r for r in found + records.load(self.path("inner.json")) if r.get("pid") in tracers], [])
        seen = [r["args"]["arg0"] for r in records.audits(found, "e2e.echo") if r["pid"] == launcher.pid]
        self.assertEqual(seen[-1], 5)
        seen = [r["args"]["arg0"] for r in records.audits(found, "e2e.child") if r["ppid"] == inner]
        self.assertEqual(seen, list(range(20)))

    def test_killed(self):
        """Two tracers of everything; one is killed, the other goes on, and nothing stays behind."""
        first = self.tool("--format", "json", "-o", self.path("first.json"), "-a", "-e", "e2e.*")
        tracer = self.trace_all()
        self.grows(self.path("first.json"), b"anchor")
        first.signal(signal.SIGKILL)
        first.wait()
        for i in range(20):
            self.assertEqual(self.spawn(self.py.path, "-ISc", MARK, str(i)).wait(), 0)
        self.assertEqual(self.marks(self.end(tracer)), [str(i) for i in range(20)])


# The first thread ends, then the second; the third goes on.
THREADS = """
import ctypes, os, sys, threading, time
libc = ctypes.CDLL(None)
def gone(thread):
    with open("/proc/self/task/%d/stat" % thread) as f: return f.read().rpartition(")")[2].split()[0] == "Z"
def second():
    while not gone(os.getpid()): time.sleep(.01)
    for i in range(100): sys.audit("e2e.second"); time.sleep(.01)
def third(before):
    before.join()
    for i in range(int(sys.argv[1])): sys.audit("e2e.third", i); time.sleep(.01)
    os._exit(0)
if sys.argv[2:]: sys.stdin.readline()
thread = threading.Thread(target=second)
thread.start()
threading.Thread(target=third, args=(thread,)).start()
if sys.argv[2:]: print("ready", flush=True)
libc.syscall(60, 0)
"""


class FirstThread(Tracing):
    """A process is seen to its end though its first thread has ended before."""

    def check(self, found, times):
        self.assertEqual([r["args"]["arg0"] for r in records.audits(found, "e2e.third")][-1:], [times - 1])

    def test_command(self):
        found, _ = self.run_json("-e", "e2e.*", "--", self.py.path, "-c", THREADS, "100")
        self.assertGreater(len(records.audits(found, "e2e.second")), 0)
        self.check(found, 100)

    def test_follow(self):
        self.check(self.run_json("-f", "-e", "e2e.*", "--", self.py.path, "-c", THREADS, "100")[0], 100)

    def test_process(self):
        """It had ended before tracing begins."""
        job = self.spawn(self.py.path, "-c", THREADS, "1000", "wait", stdin=subprocess.PIPE)
        job.say("go")
        self.grows(job.out_path, b"ready")
        self.check(self.run_json("-e", "e2e.*", "-p", str(job.pid))[0], 1000)
