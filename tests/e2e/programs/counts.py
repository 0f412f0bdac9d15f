# SPDX-License-Identifier: GPL-2.0-only
"""argv[1] processes that raise argv[2] cheap events each, as fast as they can. No hook."""
import os
import sys


def main():
    processes, events = int(sys.argv[1]), int(sys.argv[2])
    children = []
    for _ in range(processes):
        pid = os.fork()
        if pid == 0:
            audit = sys.audit
            for i in range(events):
                audit("flood.x", i)
            os._exit(0)
        children.append(pid)
    for pid in children:
        if os.waitpid(pid, 0)[1]:
            sys.exit("a child failed")


main()
