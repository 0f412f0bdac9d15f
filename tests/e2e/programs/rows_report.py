# SPDX-License-Identifier: GPL-2.0-only
"""What the steps of rows.py tell the test."""
import contextlib

REPORT = {}  # event: why it is not raised for real


def cannot(*events, why):
    for event in events:
        REPORT[event] = why


def has(module, name, *events, why=None):
    """Is there such a function in this interpreter? If not, that is why these events are not raised."""
    if hasattr(module, name):
        return True
    cannot(*events, why=why or "there is no %s.%s" % (module.__name__, name))
    return False


def attempt(*exceptions):
    """Events tell of attempts: the operation may fail where it is forbidden or makes no sense."""
    return contextlib.suppress(*exceptions or (OSError,))
