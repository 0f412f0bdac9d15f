# SPDX-License-Identifier: GPL-2.0-only
"""What is said of a process: right also when it lives some milliseconds, in containers too."""
import os
import shutil
import signal
import subprocess
import time

from lib import records
from lib.case import Case

ID = "0123456789abcdef" * 4
POD = "8f3a1b2c-0d4e-4f5a-9b6c-7d8e9f0a1b2c"
RAISE = "import sys, os; sys.audit('e2e.here', os.getpid()); os._exit(0)"


def cgroup_root(kinds):
    """Where control groups can be made: a mount of one of these file systems."""
    with open("/proc/self/mounts") as f:
        for line in f:
            _, where, kind, options = line.split()[:4]
            if kind in kinds and "name=" not in options and os.access(where, os.W_OK):
                try:
                    os.mkdir(where + "/pyaudit-e2e-probe")
                    os.rmdir(where + "/pyaudit-e2e-probe")
                    return where
                except OSError:
                    pass
    return None


class Group:
    """A control group below the root of a hierarchy, and what is to be removed with it."""

    def __init__(self, root, path):
        self.made, self.path = [], root
        for name in path.split("/"):
            self.path += "/" + name
            if not os.path.isdir(self.path):
                os.mkdir(self.path)
                self.made.insert(0, self.path)

    def remove(self):
        for path in self.made:
            for _ in range(100):
                try:
                    os.rmdir(path)
                    break
                except OSError:
                    time.sleep(0.02)

    def enter(self):
        """A shell command that moves the shell into it."""
        return "echo $$ >%s/cgroup.procs" % self.path


class Context(Case):
    def process_of(self, found, code_marker="e2e.here"):
        """The process record and the events of the process that raised the marker."""
        events = records.audits(found, code_marker)
        self.assertTrue(events, "no %s" % code_marker)
        processes = [r for r in records.of_type(found, "process") if r["pid"] == events[0]["pid"]]
        self.assertTrue(processes)
        return processes[-1], events[0]

    def test_command(self):
        """The fields of a process that ends at once."""
        found, job = self.run_json("--", self.py.path, "-c", RAISE, cwd="/usr")
        process, event = self.process_of(found)
        self.assertEqual(process["exe"], self.py.real)
        self.assertEqual(process["cmdline"], [self.py.path, "-c", RAISE])
        self.assertEqual(process["cwd"], "/usr")
        self.assertEqual(process["ppid"], job.pid)
        self.assertEqual(process["ns_pid"], event["pid"])
        self.assertEqual(process["unseen_ns"], 0)
        started = records.nanoseconds(process["started"]) / 1e9
        self.assertTrue(job.start - 0.1 < started < records.nanoseconds(event["time"]) / 1e9)

    def test_held(self):
        """A child that executes a file nobody has met runs only when its probes stand: all of it is seen."""
        copy = self.path("python-copy")
        shutil.copy(self.py.real, copy)
        for follow, shell in (["-f"], '"$0" -c "$1"; true'), ([], 'exec "$0" -c "$1"'):
            with self.subTest(follow=follow):
                found, _ = self.run_json(*follow, "--", "/bin/sh", "-c", shell, copy, RAISE)
                process, _ = self.process_of(found)
                self.assertEqual((process["exe"], process["unseen_ns"]), (copy, 0))

    def test_short_lives(self):
        """Processes that are gone before anybody can look: each is told whole."""
        script = "for i in 1 2 3 4 5 6 7 8 9; do (cd /usr/$1; exec -a name$i $0 -ISc \"$2\" $i); done"
        found, _ = self.run_json("-f", "-e", "e2e.*", "--", "bash", "-c", script, self.py.real, "bin", RAISE)
        processes = records.of_type(found, "process")
        self.assertEqual(len(processes), 9)
        for i, process in enumerate(processes, 1):
            self.assertEqual(process["exe"], self.py.real)
            self.assertEqual(process["cmdline"], ["name%d" % i, "-ISc", RAISE, str(i)])
            self.assertEqual(process["cwd"], "/usr/bin")
            self.assertIn("started", process)

    def test_fork(self):
        """A child that never executes: a process of its own."""
        code = "import os, sys\nsys.audit('e2e.here')\nfor i in range(3):\n  if not os.fork():\n" \
               "    os.chdir('/usr'); sys.audit('e2e.child', os.getpid(), os.getppid()); os._exit(0)\n  os.wait()"
        found, _ = self.run_json("-f", "-e", "e2e.*", "--", self.py.path, "-c", code)
        parent, _ = self.process_of(found)
        children = {r["pid"]: r for r in records.of_type(found, "process") if r["pid"] != parent["pid"]}
        events = records.audits(found, "e2e.child")
        self.assertEqual(len(events), 3)
        for event in events:
            child = children[event["args"]["arg0"]]
            self.assertEqual(child["pid"], event["pid"])
            self.assertEqual(child["ppid"], parent["pid"])
            self.assertEqual(child["cmdline"], parent["cmdline"])
            self.assertEqual(child["cwd"], "/usr")
            self.assertGreater(child["started"], parent["started"])

    @staticmethod
    def story(found):
        """The records of a process: events by name, the process by its program, its end by the status."""
        told = {"process": lambda r: os.path.basename(r["exe"]), "audit": lambda r: r["event"],
                "exit": lambda r: r["status"]}
        return [told[r["type"]](r) for r in found if r["type"] in told]

    def test_exec(self):
        """A process that executes another file is told of anew if that is a Python; its end is told in any case."""
        copy = self.path("python-copy")
        shutil.copy(self.py.real, copy)
        again = "import os, sys; sys.audit('e2e.before'); os.execv(%r, ['x', '-c', %r])" % (copy, RAISE)
        shell = "import os, sys; sys.audit('e2e.before'); os.execv('/bin/sh', ['sh', '-c', 'exit 6'])"
        name = os.path.basename(self.py.real)
        env = dict(PYTHONHOME=os.path.dirname(os.path.dirname(self.py.real)))
        for options in [], ["-f"], ["--syscalls"], ["--syscalls", "-f"]:
            with self.subTest(options=options):
                found, _ = self.run_json(*options, "-e", "e2e.*,os.exec", "--", self.py.path, "-c", again,
                                         env=self.environment(**env))
                self.assertEqual(self.story(found), [name, "e2e.before", "os.exec", "python-copy", "e2e.here", 0])
                second = records.of_type(found, "process")[1]
                self.assertEqual((second["python"], second["unseen_ns"]), (self.py.version, 0))
                found, _ = self.run_json(*options, "-e", "e2e.*,os.exec", "--", self.py.path, "-c", shell, status=6)
                self.assertEqual(self.story(found), [name, "e2e.before", "os.exec", 6])

    def in_group(self, kinds, path):
        root = cgroup_root(kinds)
        if not root:
            self.skipTest("no %s hierarchy to make groups in" % "/".join(kinds))
        group = Group(root, path)
        self.addCleanup(group.remove)
        found, _ = self.run_json("-f", "-e", "e2e.*", "--", "sh", "-c", group.enter() + ' && "$0" -c "$1"',
                                 self.py.path, RAISE)
        return self.process_of(found)

    def test_container(self):
        """cgroup v2 as Docker names it: the container's ID is on the process and on every event."""
        process, event = self.in_group(["cgroup2"], "system.slice/docker-%s.scope" % ID)
        self.assertEqual(process["container"], ID)
        self.assertEqual(event["container"], ID)
        self.assertEqual(process["cgroup"], "/system.slice/docker-%s.scope" % ID)
        self.assertEqual(process["unit"], "docker-%s.scope" % ID)
        self.assertNotIn("pod", process)

    def test_pod(self):
        """cgroup v2 as Kubernetes names it."""
        process, _ = self.in_group(["cgroup2"], "kubepods.slice/kubepods-pod%s.slice/cri-containerd-%s.scope" % (
            POD.replace("-", "_"), ID))
        self.assertEqual(process["container"], ID)
        self.assertEqual(process["pod"], POD)

    def test_cgroup1(self):
        """cgroup v1."""
        process, event = self.in_group(["cgroup"], "kubepods/besteffort/pod%s/%s" % (POD, ID))
        self.assertEqual(process["container"], ID)
        self.assertEqual(event["container"], ID)
        self.assertEqual(process["pod"], POD)

    def test_pid_namespace(self):
        """The number a process has in its own namespace, where it also says so itself."""
        if subprocess.call(["unshare", "-pf", "--mount-proc", "true"], stderr=subprocess.DEVNULL):
            self.skipTest("no private PID namespace here")
        found, _ = self.run_json("-f", "-e", "e2e.*", "--", "unshare", "-pf", "--mount-proc", self.py.path, "-c", RAISE)
        process, event = self.process_of(found)
        self.assertEqual(process["ns_pid"], 1)
        self.assertEqual(event["args"]["arg0"], 1)
        self.assertGreater(process["pid"], 1)

    def test_unseen(self):
        """Of a process that ran before, how long it had is said."""
        ticker = self.ticker("before")
        time.sleep(0.5)
        out = self.path("out.json")
        tracer = self.tool("--format", "json", "-o", out, "-p", str(ticker.pid))
        self.grows(out, b"e2e.tick")
        tracer.signal(signal.SIGINT)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        process = records.of_type(records.load(out), "process")[0]
        started = records.nanoseconds(process["started"])
        self.assertLess(abs(started / 1e9 - ticker.start), 1)
        self.assertGreater(process["unseen_ns"], 500_000_000)
        self.assertGreaterEqual(process["unseen_ns"] + 50_000_000, records.nanoseconds(process["time"]) - started)
        text = self.run_tool("--duration", "100ms", "-p", str(ticker.pid)).stdout()
        self.assertRegex(text, r"its first \d+\.\d{3} s were not seen\)")
        self.finish(ticker)

    def test_deleted(self):
        """An interpreter whose file has no name any more."""
        import shutil
        copy = self.path("python-copy")
        shutil.copy(self.py.real, copy)
        found, _ = self.run_json("-f", "-e", "e2e.*", "--", copy, "-c",
                                 "import os, sys; os.unlink(%r)\nif not os.fork(): %s\nos.wait()" % (copy, RAISE))
        process, _ = self.process_of(found)
        self.assertEqual(process["exe"], copy + " (deleted)")
