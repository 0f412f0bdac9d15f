# SPDX-License-Identifier: GPL-2.0-only
"""Processes that come from one another by fork, exec, subprocess and multiprocessing, each with its
own events. argv[1] tells a re-executed interpreter who it is."""
import multiprocessing
import os
import subprocess
import sys

import hooklog


def speak(who):
    for i in range(20):
        sys.audit("family.event", who, i, os.getpid())
    compile("1 + 1", "<%s>" % who, "eval")


def again(who):
    return [sys.executable, os.path.abspath(__file__), who]


def wait_for(pid):
    status = os.waitpid(pid, 0)[1]
    if status:
        sys.exit("child %d ended with %#x" % (pid, status))


def fork_only():
    pid = os.fork()
    if pid == 0:
        speak("fork")
        grandchild = os.fork()
        if grandchild == 0:
            speak("grandchild")
            hooklog.end()
            os._exit(0)
        os.waitpid(grandchild, 0)
        hooklog.end()
        os._exit(0)
    wait_for(pid)


def fork_and_exec():
    pid = os.fork()
    if pid == 0:
        speak("before exec")
        os.execv(sys.executable, again("after exec"))
    wait_for(pid)


def in_pool(who):
    """Runs in a child of multiprocessing; a spawned one has no hook yet."""
    if who == "spawn":
        hooklog.begin()
    speak(who)
    hooklog.end()


def with_multiprocessing(method):
    process = multiprocessing.get_context(method).Process(target=in_pool, args=(method,))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit("%s child: %r" % (method, process.exitcode))


def main():
    hooklog.begin()
    if len(sys.argv) > 1:
        speak(sys.argv[1])
    else:
        speak("parent")
        fork_only()
        fork_and_exec()
        subprocess.run(again("subprocess"), check=True)
        subprocess.run(again("preexec"), check=True, preexec_fn=int)
        with_multiprocessing("fork")
        with_multiprocessing("spawn")
        speak("parent again")
    hooklog.end()


if __name__ == "__main__":
    main()
