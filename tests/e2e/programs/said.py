# SPDX-License-Identifier: GPL-2.0-only
"""Says "ready", then for each line of stdin, which is a number, raises e2e.said that often as fast as
it can and says "done". Between lines it raises nothing."""
import os
import sys


def main():
    audit, n = sys.audit, 0
    os.write(1, b"ready\n")
    line = b""
    while True:
        c = os.read(0, 1)
        if not c:
            break
        if c != b"\n":
            line += c
            continue
        for _ in range(int(line)):
            n += 1
            audit("e2e.said", n)
        line = b""
        os.write(1, b"done %d\n" % n)


main()
