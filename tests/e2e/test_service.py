# SPDX-License-Identifier: GPL-2.0-only
"""What a tracer that runs for months needs: its configuration file, rotation, signals."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

from lib import records
from lib.case import HERE, PATIENCE, Case, Config


class Service(Case):
    """A tracer that a service manager runs."""

    def config(self, text):
        path = self.path("config.yaml")
        with open(path, "w") as f:
            f.write(text)
        return path

    def start(self, text, *options):
        """The tracer with a configuration file, tracing a ticker; (job, ticker)."""
        ticker = self.ticker()
        job = self.tool("--config", self.config(text), *options, "-p", str(ticker.pid))
        return job, ticker

    def stop(self, job):
        job.signal(signal.SIGINT)
        self.assertEqual(job.wait(), 0, job.stderr())


class Configuration(Service):
    """--config, and SIGHUP."""

    def test_config(self):
        """Options come from the file, and from the command line before it."""
        out, other = self.path("out"), self.path("other")
        job, _ = self.start("format: json\nevent: [e2e.tick]\noutput: %s\n" % other, "-o", out)
        self.grows(out, b'"e2e.tick"')
        self.stop(job)
        self.assertEqual({r["event"] for r in records.audits(records.load(out))}, {"e2e.tick"})
        self.assertFalse(os.path.exists(other))

    def test_config_errors(self):
        """What is wrong in the file is told with its line."""
        for text, want in (("format: json\nbufer: 1M\n", r"config\.yaml:2: 'bufer': no such option"),
                           ("event: [nosuch]\n", r"config\.yaml:1: --event nosuch: matches no event")):
            job = self.run_tool("--config", self.config(text), "-a")
            self.assert_one_line(job, 2, want)

    def test_hangup_reads_the_file(self):
        """SIGHUP changes where records go and what is said, and names what takes a restart."""
        first, second = self.path("first"), self.path("second")
        job, _ = self.start("format: json\nevent: [e2e.tick]\noutput: %s\nbuffer: 1M\n" % first)
        self.grows(first, b"e2e.tick")
        self.config("format: json\nevent: [e2e.tick]\noutput: %s\nbuffer: 2M\nverbose: 1\n" % second)
        job.signal(signal.SIGHUP)
        self.grows(second, b"e2e.tick")
        self.grows(job.err_path, b"'buffer' has changed; it takes effect with a restart")
        self.stop(job)
        found = records.load(first) + records.load(second)
        self.assertEqual([r["seq"] for r in found], list(range(1, len(found) + 1)))
        self.assertEqual(found[-1]["type"], "summary")

    def test_hangup_keeps_what_worked(self):
        """A file that has become wrong changes nothing and ends nothing; the output is opened anew."""
        out = self.path("out")
        job, _ = self.start("format: json\noutput: %s\n" % out)
        self.grows(out, b"e2e.tick")
        os.rename(out, out + ".old")
        self.config("format: jsn\n")
        job.signal(signal.SIGHUP)
        self.grows(job.err_path, b"unknown format", b"not taken over; going on as before")
        self.grows(out, b"e2e.tick")
        self.stop(job)


class Rotation(Service):
    """--rotate."""

    def test_rotate(self):
        """Files of the size asked for; no record is split or lost between them."""
        out = self.path("out")
        code = "import sys\nfor i in range(3000): sys.audit('e2e.x', i, 'x' * (i % 300))"
        job = self.run_tool("--format", "json", "-o", out, "--rotate", "64k,100", "-e", "e2e.x", "--",
                            self.py.path, "-c", code)
        self.assertEqual(job.status, 0, job.stderr())
        names = sorted((n for n in os.listdir(self.dir) if n.startswith("out.")), key=lambda n: -int(n[4:]))
        self.assertGreater(len(names), 5)
        found = []
        for name in names + ["out"]:
            self.assertLessEqual(os.stat(self.path(name)).st_size, 65536)
            self.assertEqual(os.stat(self.path(name)).st_mode & 0o777, 0o600)
            found += records.load(self.path(name))
        self.assertEqual([r["seq"] for r in found], list(range(1, len(found) + 1)))
        self.assertEqual([r["args"]["arg0"] for r in records.audits(found)], list(range(3000)))

    def test_keep(self):
        """Only so many old files stay."""
        out = self.path("out")
        job = self.run_tool("-o", out, "--rotate", "8k,2", "--", self.py.path, "-c", "import json, asyncio")
        self.assertEqual(job.status, 0, job.stderr())
        self.assertEqual(sorted(n for n in os.listdir(self.dir) if n.startswith("out")), ["out", "out.1", "out.2"])

    def test_planted_link(self):
        """A link in a directory open to all is not written through."""
        shared, victim = self.path("shared"), self.path("victim")
        os.mkdir(shared)
        os.chmod(shared, 0o1777)
        with open(victim, "w") as f:
            f.write("precious")
        os.symlink(victim, os.path.join(shared, "out"))
        job = self.run_tool("-o", os.path.join(shared, "out"), "-p", str(os.getpid()))
        self.assert_one_line(job, 1, "shared/out: cannot write: a symbolic link")
        with open(victim) as f:
            self.assertEqual(f.read(), "precious")


CAPABILITIES = {"bpf": 39, "perfmon": 38, "sys_ptrace": 19, "dac_read_search": 2, "sys_admin": 21, "kill": 5,
                "setuid": 7, "setgid": 6}
NEW_TARGETS = ["bpf", "perfmon", "sys_ptrace", "dac_read_search"]


def mask(names):
    return sum(1 << CAPABILITIES[name] for name in names)


def status_of(pid):
    """/proc/PID/status as {key: words}."""
    with open("/proc/%d/status" % pid) as f:
        return {key: value.split() for key, _, value in (line.partition(":") for line in f)}


class Confined(Service):
    """What the running tracer still may."""

    # A user without rights, in every system.
    user, uid = "nobody", 65534
    # Without uprobe_multi probes are put through perf events.
    time_limit = 120
    multi = tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2]) >= (6, 6)

    def confined(self, job):
        self.grows(job.err_path, b"pyaudit-trace: system calls are ", timeout=60)
        return status_of(job.pid)

    def check_caps(self, status, names):
        for key in ("CapEff", "CapPrm"):
            self.assertEqual(int(status[key][0], 16), mask(names), key)
        self.assertEqual(int(status["CapBnd"][0], 16) & ~mask(names), 0)
        self.assertEqual(int(status["CapAmb"][0], 16), 0)
        filtered = "0" if os.environ.get("PYAUDIT_SECCOMP") == "off" else "2"
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), (["1"], [filtered]))

    def everywhere(self, *options):
        """-a, confined; (job, its output)."""
        out = self.path("out")
        job = self.tool("-v", "-a", "-e", "e2e.*", "--format", "json", "-o", out, *options)
        self.check_caps(self.confined(job), NEW_TARGETS + ([] if self.multi else ["sys_admin"]))
        return job, out

    def run_late(self, out, marker, **how):
        """An interpreter's file that nobody has met yet is found, and its event seen."""
        path = self.path("python-" + marker)
        shutil.copy(self.py.real, path)
        os.chmod(path, 0o711)
        code = "import sys, time; time.sleep(0.5); sys.audit('e2e.%s', 1)" % marker
        self.assertEqual(self.spawn(path, "-c", code, **how).wait(), 0)
        self.grows(out, b'"e2e.%s"' % marker.encode())

    def test_all(self):
        """-a keeps the four capabilities, and finds new interpreters with them."""
        job, out = self.everywhere()
        self.assertIn("capabilities: CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH", job.stderr())
        self.run_late(out, "late")
        self.stop(job)

    def test_user(self):
        """--user: another user without groups, who still finds what root runs, opens and rotates."""
        os.chown(self.dir, self.uid, -1)
        job, out = self.everywhere("--user", self.user)
        status = status_of(job.pid)
        self.assertEqual(status["Uid"], [str(self.uid)] * 4)
        self.assertEqual(len(set(status["Gid"])), 1)
        self.assertNotIn("0", status["Gid"] + status["Groups"])
        self.assertEqual(os.stat(out).st_uid, self.uid)
        self.run_late(out, "late")
        os.rename(out, out + ".old")
        job.signal(signal.SIGHUP)
        self.until(lambda: os.path.exists(out), "new file")
        self.run_late(out, "later")
        self.stop(job)
        self.assertNotIn("cannot", job.stderr())

    def test_user_rotates(self):
        """What --user cannot rotate any more is told at the start."""
        for owner, told in ((self.uid, False), (0, True)):
            os.chown(self.dir, owner, -1)
            job = self.run_tool("-a", "-o", self.path("out"), "--rotate", "1M", "--user", self.user, "--duration", "10ms")
            self.assertEqual(job.status, 0, job.stderr())
            self.assertEqual("its directory cannot be written to" in job.stderr(), told, job.stderr())

    def test_no_user(self):
        job = self.run_tool("-a", "--user", "no-such-user")
        self.assert_one_line(job, 2, "--user 'no-such-user': no such user")

    def test_command(self):
        """A command keeps all that is given up, and the tracer what it takes to stop and go on with
        its children, whoever they are, and to hand on signals."""
        env = self.environment(SUDO_UID=str(self.uid), SUDO_GID=str(self.uid))
        out = self.path("out")
        code = ("import os, sys, signal, time\n"
                "signal.signal(signal.SIGTERM, lambda *a: sys.exit(9))\n"
                "print(open('/proc/self/status').read()); sys.stdout.flush()\n"
                "time.sleep(30)\n")
        job = self.tool("-v", "-f", "--format", "json", "-o", out, "--", "/usr/bin/python3", "-c", code, env=env)
        names = NEW_TARGETS + ["kill", "setuid", "setgid"] + ([] if self.multi else ["sys_admin"])
        self.check_caps(self.confined(job), names)
        self.grows(job.out_path, b"nonvoluntary_ctxt_switches")
        said = {key: value.split() for key, _, value in
                (line.partition(":") for line in job.stdout().splitlines())}
        self.assertEqual((said["NoNewPrivs"], said["Seccomp"]), (["0"], ["0"]))
        self.assertEqual(said["Uid"], [str(self.uid)] * 4)
        job.signal(signal.SIGTERM)
        self.assertEqual(job.wait(), 9, job.stderr())

    def test_command_children(self):
        """A child that is another user's and executes another Python is held and let go."""
        env = self.environment(SUDO_UID=str(self.uid), SUDO_GID=str(self.uid))
        python = self.path("python-child")
        shutil.copy("/usr/bin/python3", python)
        code = "import subprocess, sys; sys.exit(subprocess.call([%r, '-c', 'import sys; sys.audit(\"e2e.child\")']))"
        os.chmod(self.dir, 0o755)
        for how in (["--as-root"], [], ["--user", self.user]):
            with self.subTest(how=how):
                found, _ = self.run_json("-f", *how, "--", "/usr/bin/python3", "-c", code % python, env=env)
                self.assertIn("e2e.child", [r["event"] for r in records.audits(found)])


class Manager(Service):
    """What a service manager is told."""

    def setUp(self):
        super().setUp()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.said = []

    def hears(self, want, timeout=15):
        """Waits for a message; returns it."""
        self.socket.settimeout(timeout * PATIENCE)
        while True:
            self.said.append(self.socket.recv(4096).decode())
            if re.search(want, self.said[-1]):
                return self.said[-1]

    def under(self, address, *options, **env):
        self.socket.bind(address)
        name = address.decode().replace("\0", "@") if isinstance(address, bytes) else address
        return self.tool(*options, env=self.environment(NOTIFY_SOCKET=name, **env))

    def test_ready(self):
        """READY once the probes stand and not before, a status, RELOADING on SIGHUP, STOPPING."""
        ticker, out = self.ticker(), self.path("out")
        job = self.under(self.path("notify"), "-v", "-o", out, "-p", str(ticker.pid))
        self.assertEqual(self.hears("READY"), "READY=1")
        self.assertEqual(self.said, ["READY=1"])
        self.assertIn("system calls are", job.stderr())
        self.assertRegex(self.hears("STATUS"), r"^STATUS=\d+ events, 0 lost; 1 Pythons, 1 processes$")
        job.signal(signal.SIGHUP)
        self.assertRegex(self.hears("RELOADING"), r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
        self.hears("READY=1")
        job.signal(signal.SIGTERM)
        self.assertEqual(self.hears("STOPPING"), "STOPPING=1")
        self.assertEqual(job.wait(), 0)
        self.assertNotIn("WATCHDOG=1", self.said)

    def test_watchdog(self):
        """WATCHDOG at least twice as often as it must come; abstract sockets; as another user."""
        address = b"\0pyaudit-e2e-%d" % os.getpid()
        job = self.under(address, "-a", "-e", "e2e.*", "--user", "nobody", WATCHDOG_USEC="400000")
        self.hears("READY")
        times = []
        for _ in range(6):
            self.hears("WATCHDOG=1")
            times.append(time.monotonic())
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 0.4 * PATIENCE)
        self.stop(job)

    def test_watchdog_of_others(self):
        """An interval that is meant for another process is not ours."""
        ticker = self.ticker()
        job = self.under(self.path("notify"), "-p", str(ticker.pid), WATCHDOG_USEC="1000", WATCHDOG_PID="1")
        self.hears("STATUS")
        self.hears("STATUS")
        self.assertNotIn("WATCHDOG=1", self.said)
        self.stop(job)

    def test_no_manager(self):
        """A socket that is not there is told, and tracing goes on."""
        ticker = self.ticker()
        job = self.run_tool("--count", "1", "-e", "e2e.*", "-p", str(ticker.pid),
                            env=self.environment(NOTIFY_SOCKET=self.path("nowhere")))
        self.assertEqual(job.status, 0, job.stderr())
        self.assertIn("nowhere: No such file or directory; the service manager is told nothing", job.stderr())

    def test_command_keeps_it(self):
        """With a command, the manager is the command's to talk to."""
        job = self.under(self.path("notify"), "-o", self.path("out"), "--", self.py.path, "-c",
                         "import os; print(os.environ['NOTIFY_SOCKET'], os.environ['WATCHDOG_USEC'])", WATCHDOG_USEC="5")
        self.assertEqual(job.wait(), 0, job.stderr())
        self.assertEqual(job.stdout().split(), [self.path("notify"), "5"])
        self.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            self.socket.recv(100)


class Unit(Service):
    """dist/pyaudit-trace.service and what comes with it."""
    dist = os.path.join(os.path.dirname(os.path.dirname(HERE)), "dist")

    def unit(self, name="pyaudit-trace.service"):
        """What the unit says: {key: value}, the last of each."""
        with open(os.path.join(self.dist, name)) as f:
            return dict(line.strip().split("=", 1) for line in f if re.match(r"^\w+=", line))

    def analyze(self, *arguments):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze: install systemd")
        # With a program that is there in place of the one that is not installed.
        path = self.path("pyaudit-trace.service")
        with open(os.path.join(self.dist, "pyaudit-trace.service")) as f, open(path, "w") as out:
            out.write(re.sub(r"^Documentation=.*\n", "", f.read().replace("/usr/sbin/pyaudit-trace", Config.tool),
                             flags=re.M))
        return subprocess.run(["systemd-analyze", *arguments, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60)

    def test_verify(self):
        """systemd finds nothing wrong with it, and little exposed."""
        run = self.analyze("verify")
        self.assertEqual((run.returncode, run.stdout.decode()), (0, ""))
        run = self.analyze("security", "--offline=true")
        found = re.search(r"exposure level for \S+: ([\d.]+)", run.stdout.decode())
        self.assertLess(float(found.group(1)), 3.0)

    def test_configuration(self):
        """The configuration that is installed is one."""
        job = self.run_tool("--config", os.path.join(self.dist, "config.yaml"), "--list-events")
        self.assertEqual((job.status, job.stderr()), (0, ""))

    @unittest.skipUnless(Confined.multi, "before Linux 6.6 it takes the drop-in")
    def test_four_capabilities(self):
        """With the unit's user and capabilities, and its configuration, root's programs are seen."""
        unit = self.unit()
        self.assertEqual(unit["AmbientCapabilities"], unit["CapabilityBoundingSet"])
        caps = ",".join("+" + name[4:].lower() for name in unit["AmbientCapabilities"].split())
        os.chown(self.dir, 65534, -1)
        out, said = self.path("out"), self.path("notify")
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(said)
        os.chmod(said, 0o777)
        manager.settimeout(20 * PATIENCE)
        job = self.spawn("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", caps,
                         "--ambient-caps", caps, "--no-new-privs", Config.tool, "--config",
                         os.path.join(self.dist, "config.yaml"), "-o", out, "-e", "e2e.*",
                         env=self.environment(NOTIFY_SOCKET=said))
        self.assertEqual(manager.recv(100), b"READY=1")
        path = self.path("python-of-root")
        shutil.copy(self.py.real, path)
        os.chmod(path, 0o700)
        self.assertEqual(self.spawn(path, "-c", "import sys, time; time.sleep(0.5); sys.audit('e2e.unit')").wait(), 0)
        self.grows(out, b"e2e.unit")
        self.stop(job)
