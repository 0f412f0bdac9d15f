# SPDX-License-Identifier: GPL-2.0-only
"""Raises "e2e.tick" (argv[1] or "tick", number) fifty times a second until stdin ends, then says how
many ticks there were on stdout and exits with status 0."""
import os
import select
import sys


def main():
    who = sys.argv[1] if len(sys.argv) > 1 else "tick"
    n = 0
    os.write(1, b"ready\n")
    while not select.select([0], [], [], 0.02)[0]:
        n += 1
        sys.audit("e2e.tick", who, n)
    os.write(1, b"%d ticks\n" % n)


main()
