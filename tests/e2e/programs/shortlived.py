# SPDX-License-Identifier: GPL-2.0-only
"""N processes that raise one event and end: children by fork, or, with a PYTHON, executions of that.

    shortlived.py N [PYTHON]
"""
import os
import sys

CODE = "import sys; sys.audit('e2e.short', int(sys.argv[1]))"


def start(number, python):
    if python:
        return os.posix_spawn(python, [python, "-ISc", CODE, str(number)], os.environ)
    pid = os.fork()
    if not pid:
        sys.audit("e2e.short", number)
        os._exit(0)
    return pid


def main():
    n, python = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    running = 0
    for number in range(n):
        start(number, python)
        running += 1
        if running == 4:
            os.wait()
            running -= 1
    while running:
        os.wait()
        running -= 1


main()
