# SPDX-License-Identifier: GPL-2.0-only
"""Raises every audit event there is, in the empty directory argv[1].

First for real, by what CPython raises it for (the steps of the other rows_*.py), then each once more
through sys.audit(), after an event "rows.forged" that names it. Afterwards the file "report" says why
an event could not be raised for real, and what CPython's documentation calls the arguments.
"""
import json
import os
import sys

import rows_hook  # noqa: F401
import hooklog
import rows_code
import rows_files
import rows_net
import rows_process
from rows_report import REPORT
from rows_values import ROWS

STEPS = rows_files.STEPS + rows_code.STEPS + rows_net.STEPS + rows_process.STEPS


def prepare(directory):
    """What child processes need to log as this one does, without a trace of it in their environment."""
    os.chdir(directory)
    log = os.environ.pop("E2E_LOG", "")
    os.environ.pop("E2E_CLIP", None)
    with open("log", "w") as f:
        f.write(log)
    os.mkdir("site")
    with open("site/sitecustomize.py", "w") as f:
        f.write("import rows_child\n")
    os.environ["ROWS_PATH"] = os.pathsep.join(["site", os.path.dirname(os.path.abspath(__file__))])
    os.environ["HOME"] = directory


def forge():
    for event, args in ROWS.items():
        sys.audit("rows.forged", event)
        sys.audit(event, *args.values())


def main():
    prepare(sys.argv[1])
    hooklog.begin()
    for step in STEPS:
        sys.audit("rows.step", step.__name__)
        step()
    forge()
    hooklog.end()
    with open("report", "w") as f:
        json.dump({"cannot": REPORT, "names": {event: list(args) for event, args in ROWS.items()}}, f)


main()
