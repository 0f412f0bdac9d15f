# SPDX-License-Identifier: GPL-2.0-only
"""Eight threads that raise 500 events each, with payloads of their own, at the same time."""
import sys
import threading

import hooklog

THREADS, EVENTS = 8, 500


def work(number, gate):
    gate.wait()
    for i in range(EVENTS):
        payload = chr(0x61 + number) * (i % 40)
        sys.audit("thread.event", number, i, payload, (number, [i, payload]), {"n": number, "i": i})
        if i % 50 == 0:
            compile("x = %d" % i, "<thread %d>" % number, "exec")


def main():
    hooklog.begin()
    gate = threading.Barrier(THREADS)
    threads = [threading.Thread(target=work, args=(n, gate)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hooklog.end()


main()
