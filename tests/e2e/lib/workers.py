# SPDX-License-Identifier: GPL-2.0-only
"""Several tests at a time: forked workers that take groups of tests from one queue, a pipe."""
import json
import os
import struct
import sys

NUMBER = struct.Struct("=i")


def groups_of(tests, together):
    """Lists of tests that one worker runs in order: those for which together() has the same value, and
    each with None alone. The largest first, so that none is left for the end."""
    groups = {}
    for i, test in enumerate(tests):
        key = together(test)
        groups.setdefault((i,) if key is None else key, []).append(test)
    return sorted(groups.values(), key=len, reverse=True)


def queue_of(count):
    """A pipe that holds the numbers below count; each read of a number takes one."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        for number in range(count):
            os.write(writing, NUMBER.pack(number))
        os._exit(0)
    os.close(writing)
    return reading


def work(groups, queue, answers, run):
    """A worker's life: for each test run(test) is the line that tells its result, a tuple."""
    while True:
        number = os.read(queue, NUMBER.size)
        if not number:
            return
        for test in groups[NUMBER.unpack(number)[0]]:
            line = json.dumps(run(test)) + "\n"
            os.write(answers, line.encode())


def run_groups(groups, workers, run):
    """Runs all tests of all groups; returns what run() returned for each. Fewer answers than tests mean
    that a worker has died."""
    sys.stdout.flush()
    queue = queue_of(len(groups))
    reading, writing = os.pipe()
    for _ in range(workers):
        if os.fork() == 0:
            status = 1
            try:
                os.close(reading)
                work(groups, queue, writing, run)
                status = 0
            finally:
                os._exit(status)
    os.close(writing)
    os.close(queue)
    with open(reading) as f:
        answers = [json.loads(line) for line in f]
    for _ in range(workers + 1):
        os.wait()
    return answers
