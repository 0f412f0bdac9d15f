# SPDX-License-Identifier: GPL-2.0-only
"""Runs a test module of the standard library: real code, many threads and processes, no idea of us.
argv[1] names the module; exit status 77 when this interpreter has none of that name."""
import importlib.util
import os
import sys
import unittest

import hooklog


def main():
    name = sys.argv[1]
    try:
        found = importlib.util.find_spec(name)
    except ImportError:
        found = None
    if not found:
        sys.exit(77)
    hooklog.begin()
    suite = unittest.defaultTestLoader.loadTestsFromName(name)
    with open(os.devnull, "w") as null:
        result = unittest.TextTestRunner(stream=null).run(suite)
    hooklog.end()
    sys.exit(0 if result.testsRun else 1)


if __name__ == "__main__":
    main()
