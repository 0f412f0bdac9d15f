# SPDX-License-Identifier: GPL-2.0-only
"""Waits for a line on stdin, then raises in rounds "e2e.a" (who, number), "open" of /dev/null and "e2e.b" (who,
number), some hundred rounds a second, until stdin ends; says how many rounds there were."""
import os
import select
import sys


def main():
    who = sys.argv[1]
    n = 0
    os.write(1, b"ready\n")
    os.read(0, 1)
    while not select.select([0], [], [], 0.002)[0]:
        n += 1
        sys.audit("e2e.a", who, n)
        os.close(os.open("/dev/null", os.O_RDONLY))
        sys.audit("e2e.b", who, n)
    os.write(1, b"%d rounds\n" % n)
    # An interpreter that ends raises events.
    os._exit(0)


main()
