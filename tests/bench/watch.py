# SPDX-License-Identifier: GPL-2.0-only
"""The process that is watched, and what watches it."""
import os
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")


class Workload:
    def __init__(self, python, *args):
        self.proc = subprocess.Popen([python, "-S", os.path.join(HERE, "workload.py"), *args], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def turn(self, kind, n):
        """CPU nanoseconds of one of n repetitions."""
        print(kind, n, file=self.proc.stdin, flush=True)
        return float(self.proc.stdout.readline())

    def close(self):
        self.proc.stdin.close()
        self.proc.wait()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Watcher:
    """Something that watches a process while a turn runs. start() returns when it does."""
    lost = 0

    def __init__(self, name, command=None):
        self.name, self.command = name, command
        self.cpus, self.events = 0.0, 0

    def start(self, pid):
        self.err = tempfile.TemporaryFile("w+")
        self.proc = subprocess.Popen([a.replace("PID", str(pid)) for a in self.command], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.err)
        self.wait_ready()
        self.begin = cpu_seconds(self.proc.pid)

    def wait_ready(self):
        self.proc.stdout.readline()

    def stop(self):
        self.cpus += cpu_seconds(self.proc.pid) - self.begin
        self.proc.stdin.close()
        self.end()
        self.proc.stdout.close()
        self.proc.wait()
        self.err.seek(0)
        self.take(self.err.read())

    def end(self):
        pass

    def take(self, err):
        pass


class Unwatched(Watcher):
    def start(self, pid):
        pass

    def stop(self):
        pass


class Tool(Watcher):
    """pyaudit-trace: its last line on stderr tells what was delivered and lost."""

    def wait_ready(self):
        deadline = time.monotonic() + 20
        while " probes" not in os.pread(self.err.fileno(), 4096, 0).decode() and time.monotonic() < deadline:
            time.sleep(0.02)

    def end(self):
        self.proc.terminate()

    def take(self, err):
        words = err.strip().split("\n")[-1].split()
        numbers = [int(w) for w in words if w.isdigit()]
        if "seen," in words and len(numbers) >= 4:
            self.events += numbers[1]
            self.lost += numbers[3]
