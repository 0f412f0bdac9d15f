# SPDX-License-Identifier: GPL-2.0-only
"""Ends by an uncaught exception: sys.excepthook, and what its report reads."""
import atexit
import sys

import hooklog


def report(kind, value, trace):
    sys.audit("crash.report", kind, value, trace)


def main():
    atexit.register(hooklog.end)
    sys.excepthook = report
    hooklog.begin()
    raise ValueError("on purpose")


main()
