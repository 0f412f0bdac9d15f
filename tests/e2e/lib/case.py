# SPDX-License-Identifier: GPL-2.0-only
"""The base of all tests: starts programs in sessions of their own, waits with a limit, and leaves
neither processes nor files behind."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from . import compare, records

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = os.path.join(HERE, "programs")
# All limits are this many times as long: an emulated machine is slow (tests/vm).
PATIENCE = int(os.environ.get("PYAUDIT_PATIENCE", "1"))


# What a build with sanitizers is told (make asan).
SANITIZED = "ASAN_OPTIONS" in os.environ
PASSED_ON = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "PYAUDIT_SECCOMP")


class Config:
    """Set by the runner."""
    tool = None
    pythons = []
    main = None  # the interpreter for what need not be tried on each
    table = compare.Table()


class TimeLimit(Exception):
    """A test or a program took too long."""


def session_members(sid):
    """Processes of a session, zombies left out: {pid: command line}. A session outlives its leader."""
    members = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name) as f:
                fields = f.read().rpartition(")")[2].split()
            if int(fields[3]) == sid and fields[0] not in "ZX":
                with open("/proc/%s/cmdline" % name, "rb") as f:
                    members[int(name)] = f.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        except (OSError, IndexError):
            pass
    return members


class Job:
    """A started program: its output goes to files, its stdin is a pipe or a file."""

    def __init__(self, argv, directory, number, stdin=None, stdout=None, stderr=None, env=None, cwd=None):
        self.argv = [os.fspath(a) for a in argv]
        self.out_path = os.path.join(directory, "job%d.stdout" % number)
        self.err_path = os.path.join(directory, "job%d.stderr" % number)
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.start = time.time()
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=out if stdout is None else stdout, stderr=err if stderr is None else stderr,
                env=env, cwd=cwd, start_new_session=True)
        self.pid = self.process.pid
        self.end = None

    def __repr__(self):
        return "%s [%d]" % (" ".join(self.argv)[:300], self.pid)

    def wait(self, timeout=30):
        """The exit status, negative for a signal."""
        try:
            status = self.process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise TimeLimit("%r did not end within %s s; stderr: %s" % (self, timeout, self.stderr())) from None
        self.end = self.end or time.time()
        return status

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def say(self, line):
        """Writes a line to its stdin."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    def stdout(self):
        return self.read(self.out_path).decode("utf-8", "surrogateescape")

    def stderr(self):
        return self.read(self.err_path).decode("utf-8", "surrogateescape")

    def leftovers(self):
        """What still runs of its session a moment after the program itself has ended."""
        for _ in range(40):
            members = session_members(self.pid)
            if not members:
                break
            time.sleep(0.05)
        return members

    def kill(self):
        for pid in list(session_members(self.pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdin:
            try:
                self.process.stdin.close()
            except OSError:
                pass


class Case(unittest.TestCase):
    """needs_tool: skipped where the tracer cannot run. per_python: run for each interpreter, self.py;
    otherwise self.py is the main one. alone: not at the same time as other tests. in_order: the tests of
    the class one after the other. time_limit: seconds for one test."""
    needs_tool = True
    alone = in_order = False
    per_python = False
    time_limit = 120
    py = None

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="pyaudit-e2e.")
        os.chmod(self.dir, 0o755)
        self.jobs = []
        signal.signal(signal.SIGALRM, self.alarm)
        signal.alarm(self.time_limit * PATIENCE)

    def alarm(self, number, frame):
        raise TimeLimit("the test's limit of %d s; jobs: %s" % (
            self.time_limit, ["%r: %s" % (job, job.stderr()[-500:]) for job in self.jobs if job.running()]))

    def tearDown(self):
        signal.alarm(0)
        left = {}
        for job in self.jobs:
            if job.end is not None:
                left.update(job.leftovers())
            job.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
        self.assertEqual(left, {}, "processes were left behind")

    def path(self, name):
        return os.path.join(self.dir, name)

    def environment(self, **more):
        """A small, fixed environment: events of two runs must not differ by it."""
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
               "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
               "PYTHONWARNINGS": "ignore", "PYTHONNOUSERSITE": "1"}
        env.update({k: v for k, v in os.environ.items() if k in PASSED_ON})
        env.update(more)
        return env

    def spawn(self, *argv, env=None, **how):
        job = Job(argv, self.dir, len(self.jobs), env=self.environment() if env is None else env, **how)
        self.jobs.append(job)
        return job

    def program(self, name):
        return os.path.join(PROGRAMS, name)

    def tool(self, *options, **how):
        """Starts the tracer."""
        return self.spawn(Config.tool, *options, **how)

    def run_tool(self, *options, timeout=30, **how):
        """The finished tracer."""
        job = self.tool(*options, **how)
        job.status = job.wait(timeout)
        return job

    def run_json(self, *options, status=0, timeout=30, contract=True, **how):
        """Runs the tracer with JSON into a file. Returns (records, job)."""
        out = self.path("out%d.json" % len(self.jobs))
        job = self.run_tool("--format", "json", "-o", out, *options, timeout=timeout, **how)
        self.assertEqual(job.status, status, "exit status of %r; stderr:\n%s" % (job, job.stderr()[-2000:]))
        found = records.load(out)
        if contract:
            self.check_contract(found, job)
        return found, job

    def check_contract(self, found, job):
        problems = records.check_contract(found, job.start, job.end)
        self.assertFalse(problems, "the output's contract:\n" + "\n".join(problems))

    def run_code(self, code, *options, **how):
        """The records of a python -c program."""
        return self.run_json(*options, "--", self.py.path, "-c", code, **how)

    def until(self, condition, what, timeout=15):
        """Waits until condition() is true and returns its value."""
        end = time.monotonic() + timeout * PATIENCE
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.03)
        raise TimeLimit("no %s within %s s; jobs: %s" % (
            what, timeout, ["%r: %s" % (job, job.stderr()[-500:]) for job in self.jobs]))

    def grows(self, path, *needles, timeout=15):
        """Waits until the file holds all of the byte strings."""
        def there():
            try:
                with open(path, "rb") as f:
                    data = f.read()
            except FileNotFoundError:
                return False
            return all(n in data for n in needles)
        self.until(there, "%r in %s" % (needles, path), timeout)

    def ticker(self, *args, **how):
        """A running program that raises e2e.tick all the time; finish() ends it well."""
        python = how.pop("python", self.py.path)
        job = self.spawn(python, self.program("ticker.py"), *args, stdin=subprocess.PIPE, **how)
        self.grows(job.out_path, b"ready")
        return job

    def finish(self, ticker):
        """The ticker still works and ends well."""
        self.assertTrue(ticker.running(), "the traced process has died")
        ticker.process.stdin.close()
        self.assertEqual(ticker.wait(), 0)
        self.assertIn(" ticks", ticker.stdout())

    def assert_one_line(self, job, status, *patterns):
        """An error: this exit status, one line from us on stderr that matches all patterns."""
        lines = job.stderr().splitlines()
        self.assertEqual(job.status, status, "exit status; stderr: %r" % lines)
        self.assertEqual(len(lines), 1, "not one line: %r" % lines)
        self.assertTrue(lines[0].startswith("pyaudit-trace: "), lines)
        for pattern in patterns:
            self.assertRegex(lines[0], pattern)
