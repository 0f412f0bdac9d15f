# SPDX-License-Identifier: GPL-2.0-only
"""What an event costs in one of N containers of an image: prints the nanoseconds it adds with -a.

    unshare -m python3 containers.py N PYTHON TOOL

Containers are stood in for by overlay mounts over one directory, in which a Python sleeps.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

WORKLOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "workload.py")
EVENTS = 20000


def turn(work):
    print("open event", EVENTS, file=work.stdin, flush=True)
    return float(work.stdout.readline())


def mount_images(n, python):
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", os.getcwd()], check=True)
    os.chdir(os.getcwd())  # into what is mounted
    os.mkdir("image")
    shutil.copy(python, "image/python")
    for i in range(n):
        for name in "upper", "work", "root":
            os.mkdir("%s%d" % (name, i))
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        "lowerdir=image,upperdir=upper%d,workdir=work%d" % (i, i), "root%d" % i], check=True)


def wait_for(path, text, n):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with open(path) as f:
            if f.read().count(text) >= n:
                return
        time.sleep(0.1)
    sys.exit("containers.py: the tracer does not see all containers")


def measure(n, python, tool):
    mount_images(n, python)
    idle = [subprocess.Popen(["root%d/python" % i, "-ISc", "import time; time.sleep(600)"]) for i in range(1, n)]
    work = subprocess.Popen(["root0/python", "-S", WORKLOAD], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    turn(work)
    alone = statistics.median(turn(work) for _ in range(5))
    with open("err", "w") as err:
        tracer = subprocess.Popen([tool, "-v", "-a", "-e", "open", "--arg", "path~/nonexistent", "-o", "/dev/null"],
                                  stderr=err)
    wait_for("err", "/python: CPython", n)
    turn(work)
    print("%.0f" % (statistics.median(turn(work) for _ in range(5)) - alone))
    return idle + [tracer, work]


def main():
    n, python, tool = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    top = tempfile.mkdtemp(prefix="pyaudit-bench.")
    os.chdir(top)
    for process in measure(n, python, tool):
        process.terminate()
        process.wait()
    os.chdir("/")
    subprocess.run("umount %s/root*; umount %s" % (top, top), shell=True, check=True)
    os.rmdir(top)


main()
