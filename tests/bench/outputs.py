# SPDX-License-Identifier: GPL-2.0-only
"""What an event costs the tracer: its CPU time with each format, exporter and way to redact.

A process raises events in bursts, and each round another tracer watches it, in changing order. Its CPU time is taken
until it has nothing left to do, less what it takes when idle. Two kinds: a small event, sys.audit() with two strings
and a number, and a large one, a start of a process with 20 environment variables. An exporter comes on top of the
output, which is text to /dev/null. What receives is there and takes all, in a process of its own.
"""
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

from watch import HERE, Tool, Workload

KINDS = {"small": 20000, "large": 4000}
TEXT = "text, redacted (default)"
PAUSE = 0.05


def cpu_ns(pid):
    """Of all its threads, and those that have ended are few."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
            total += int(f.read().split()[0])
    return total


class Receiver:
    def __init__(self, kind, folder):
        self.proc = subprocess.Popen([sys.executable, os.path.join(HERE, "receiver.py"), kind, folder], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.place = self.proc.stdout.readline().strip()

    def close(self):
        self.proc.stdin.close()
        self.proc.wait()


class Output(Tool):
    def __init__(self, name, command):
        super().__init__(name, command)
        self.times = {kind: [] for kind in KINDS}
        self.dropped = 0

    def start(self, pid):
        super().start(pid)
        time.sleep(0.2)
        self.idle = self.taken(lambda: time.sleep(0.3), 0) / 0.3

    def taken(self, act, idle):
        """Nanoseconds of CPU, less those of an idle tracer (a second)."""
        before, began = cpu_ns(self.proc.pid), time.monotonic()
        act()
        return cpu_ns(self.proc.pid) - before - idle * (time.monotonic() - began)

    def settle(self):
        quiet, deadline = 0, time.monotonic() + 10
        while quiet < 5 and time.monotonic() < deadline:
            more = self.taken(lambda: time.sleep(PAUSE), self.idle)
            quiet = quiet + 1 if more < 200000 else 0

    def take(self, err):
        super().take(err)
        self.dropped += sum(int(n) for n in re.findall(r"(\d+) dropped", err))

    def turn(self, work):
        for kind, n in KINDS.items():
            def act():
                work.turn(kind, n)
                self.settle()
            self.times[kind].append(self.taken(act, self.idle) / n)


def ways(tool, otlp, syslog, journal):
    base = [tool, "-v", "-p", "PID", "-e", "bench.event,subprocess.Popen", "-o", "/dev/null"]
    # journald's socket has one place: this tracer sees another /run.
    elsewhere = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                 "mount -t tmpfs run /run && mkdir -p /run/systemd/journal && mount --bind %s /run/systemd/journal && "
                 'exec "$@"' % shlex.quote(journal), "sh"]
    return [
        Output(TEXT, base),
        Output("text, --redact none", base + ["--redact", "none"]),
        Output("text, default and a rule", base + ["--redact", r"*:*~\b\d{16}\b"]),
        Output("text, default and a path", base + ["--redact", "*:env.AWS_*"]),
        Output("json", base + ["--format", "json"]),
        Output("ecs", base + ["--format", "ecs"]),
        Output("ocsf", base + ["--format", "ocsf"]),
        Output("text and --otlp", ["env", "OTEL_BLRP_SCHEDULE_DELAY=100"] + base + ["--otlp=" + otlp]),
        Output("text and --syslog", base + ["--syslog=unix:" + syslog]),
        Output("text and --journald", elsewhere + base + ["--journald"]),
    ]


def measure(python, tool, rounds):
    work = Workload(python)
    with tempfile.TemporaryDirectory() as folder:
        receivers = [Receiver(kind, folder) for kind in ("otlp", "syslog", "journal")]
        found = ways(tool, *(r.place for r in receivers))
        for r in range(rounds):
            for way in found[r % len(found):] + found[:r % len(found)]:
                way.start(work.proc.pid)
                way.turn(work)
                way.stop()
            print(f"outputs, round {r + 1} of {rounds}", file=sys.stderr)
        for receiver in receivers:
            receiver.close()
    work.close()
    report(found)


def report(found):
    """Medians; the ratio to text is taken within each round."""
    base = next(way for way in found if way.name == TEXT)
    print(f"{'tracer CPU an event':28}" + "".join(f"{k + ', us':>14}{'x text':>10}" for k in KINDS))
    for way in found:
        line = f"{way.name:28}"
        for kind in KINDS:
            ratio = statistics.median(a / b for a, b in zip(way.times[kind], base.times[kind]))
            line += f"{statistics.median(way.times[kind]) / 1000:14.2f}{ratio:10.2f}"
        print(f"{line}   {way.events} delivered, {way.lost} lost" + (f", {way.dropped} dropped" if way.dropped else ""))
