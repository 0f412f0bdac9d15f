# SPDX-License-Identifier: GPL-2.0-only
"""Events of processes and threads, and of interpreters that start and end."""
import _thread
import os
import pathlib
import pty
import resource
import signal
import subprocess
import sys
import syslog
import threading

from rows_report import attempt, cannot

try:
    import ctypes
except ImportError:
    ctypes = None

TARGET = """
import os, sys, time
print(os.getpid(), flush=True)
end = time.monotonic() + 10
while not os.path.exists("remote done") and time.monotonic() < end:
    time.sleep(0.01)
"""


def wait_for(pid):
    status = os.waitpid(pid, 0)[1]
    if status:
        sys.exit("child %d ended with %#x" % (pid, status))


def in_child(function):
    """Runs the function in a forked process, which has the hook too."""
    pid = os.fork()
    if pid == 0:
        try:
            function()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(3)
        os._exit(0)
    wait_for(pid)


def programs():
    path = pathlib.Path("/bin/true")
    subprocess.run([path, "argument", pathlib.Path("path")], cwd=pathlib.Path("."), env={"A": "1"}, check=True)
    subprocess.run(["true"], executable=path, env=os.environ, close_fds=False, check=True)
    os.system("exit 0")
    wait_for(os.posix_spawn(path, ["true"], os.environ))
    wait_for(os.spawnv(os.P_NOWAIT, path, ["true"]))
    in_child(lambda: os.execve(path, ("true",), {"A": "1"}))
    in_child(lambda: pty.spawn(["/bin/true"]))


def terminal():
    """What is typed at a terminal; of other input there is no event."""
    pid, typist = os.forkpty()
    if pid == 0:
        os._exit(0 if input("name? ") == "nobody" else 1)
    os.write(typist, b"nobody\n")
    with attempt():  # EIO at the end
        while os.read(typist, 1000):
            pass
    wait_for(pid)
    os.close(typist)


def signals():
    os.kill(os.getpid(), 0)
    with attempt():  # else the group is one that the test does not know
        os.setpgid(0, 0)
    os.killpg(os.getpgrp(), 0)
    signal.pthread_kill(threading.get_ident(), 0)
    limits = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, limits)
    resource.prlimit(0, resource.RLIMIT_CORE, limits)


def threads():
    thread = threading.Thread(target=eval, args=("2 + 2",))
    thread.start()
    thread.join()
    lock = threading.Lock()
    lock.acquire()
    _thread.start_new_thread(lock.release, ())
    lock.acquire()


def log():
    syslog.openlog("e2e", syslog.LOG_PID, syslog.LOG_USER)
    syslog.setlogmask(syslog.LOG_UPTO(syslog.LOG_ERR))
    syslog.syslog(syslog.LOG_DEBUG, "masked out")
    syslog.closelog()


def python(*args, text="", **env):
    """Runs a child interpreter, which has the hook from early on."""
    env.update(HOME=os.environ["HOME"], PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=os.environ["ROWS_PATH"])
    child = subprocess.Popen([sys.executable] + list(args), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=env)
    child.communicate(text.encode())


def starts():
    """Each way to start an interpreter; the first ends with an exception."""
    pathlib.Path("started.py").write_text("pass\n")
    python("-c", "1 / 0")
    python("started.py")
    python("-m", "started")
    python("-i", text="1 + 1\n", PYTHONSTARTUP="started.py")


def subinterpreters():
    """The modules for that make one without a current thread, and then there is no event in 3.13 and later."""
    if ctypes is None:
        cannot("cpython.PyInterpreterState_New", why="built without ctypes")
    else:
        in_child(ctypes.pythonapi.PyInterpreterState_New)


def remote():
    """Code that one process makes another execute."""
    events = ("sys.remote_exec", "cpython.remote_debugger_script")
    if not hasattr(sys, "remote_exec"):
        return
    pathlib.Path("remote.py").write_text("open('remote done', 'w').close()\n")
    child = subprocess.Popen([sys.executable, "-c", TARGET], stdout=subprocess.PIPE,
                             env={"PYTHONPATH": os.environ["ROWS_PATH"], "PYTHONDONTWRITEBYTECODE": "1"})
    child.stdout.readline()
    try:
        sys.remote_exec(child.pid, pathlib.Path("remote.py").absolute())
    except (OSError, RuntimeError) as e:
        cannot(*events, why="remote execution fails: %s" % e)
        child.kill()
    child.stdout.close()
    child.wait()


def another_hook():
    """Last, because it cannot be taken away again."""
    sys.addaudithook(lambda *args: None)


STEPS = (programs, terminal, signals, threads, log, starts, subinterpreters, remote, another_hook)
