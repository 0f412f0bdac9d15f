# SPDX-License-Identifier: GPL-2.0-only
"""Reading the tracer's JSON lines, and the contract that every output must keep."""
import json
import re
import sys
import time

if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)  # ints are exact at any size

AUDIT_KEYS = ["type", "time", "seq", "pid", "tid", "ppid", "uid", "comm", "event", "args", "truncated",
              "unreadable", "stack", "syscalls", "container", "trace_id", "span_id"]
NEEDED = {
    "audit": ["type", "time", "seq", "pid", "tid", "ppid", "uid", "comm", "event"],
    "process": ["type", "time", "seq", "pid"],  # of one that is gone already nothing else may be known
    "exit": ["type", "time", "seq", "pid", "status"],
    "syscall": ["type", "time", "seq", "pid", "tid", "uid", "comm", "name", "args", "ret", "ns"],
    "lost": ["type", "time", "seq", "count", "reason"],
    "summary": ["type", "time", "seq", "seen", "delivered", "filtered", "lost"],
}
TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z$")


class BadOutput(Exception):
    """The output breaks the contract so that it cannot be read on."""


class Obj:
    """A JSON object that keeps the order of its keys and does not hide duplicates."""

    def __init__(self, pairs):
        self.pairs = pairs
        self.map = dict(pairs)
        if len(self.map) != len(pairs):
            raise BadOutput("an object has a key twice: %r" % ([k for k, _ in pairs],))

    def __getitem__(self, key):
        return self.map[key]

    def __contains__(self, key):
        return key in self.map

    def get(self, key, default=None):
        return self.map.get(key, default)

    def keys(self):
        return [k for k, _ in self.pairs]

    def values(self):
        return [v for _, v in self.pairs]

    def __repr__(self):
        return "{%s}" % ", ".join("%r: %r" % pair for pair in self.pairs)


def parse_int(text):
    return -0.0 if text == "-0" else int(text)


def no_constant(name):
    raise BadOutput("%s is not JSON" % name)


_decoder = json.JSONDecoder(object_pairs_hook=Obj, parse_int=parse_int, parse_constant=no_constant)


def parse_line(line):
    """One JSON line (bytes) as an Obj."""
    try:
        value = _decoder.decode(line.decode("utf-8"))
    except UnicodeDecodeError as e:
        raise BadOutput("not UTF-8: %s: %r" % (e, line[:200])) from None
    except ValueError as e:
        raise BadOutput("not JSON: %s: %r" % (e, line[:200])) from None
    if not isinstance(value, Obj):
        raise BadOutput("a line is not an object: %r" % line[:200])
    return value


def parse(data):
    """All records of an output (bytes)."""
    if data and not data.endswith(b"\n"):
        raise BadOutput("the last line has no end: %r" % data[-200:])
    return [parse_line(line) for line in data.split(b"\n")[:-1]]


def load(path, whole=True):
    """whole: it is written to no more; else what may be the beginning of a line is left."""
    with open(path, "rb") as f:
        data = f.read()
    return parse(data if whole else data[:data.rfind(b"\n") + 1])


def nanoseconds(text):
    """A record's time as ns since the epoch."""
    m = TIME.match(text) if isinstance(text, str) else None
    if not m:
        raise BadOutput("not a time: %r" % (text,))
    import calendar
    return calendar.timegm(time.strptime(m.group(1), "%Y-%m-%dT%H:%M:%S")) * 10 ** 9 + int(m.group(2))


def seconds(record):
    """A record's time, as time.time() has it."""
    return nanoseconds(record["time"]) / 1e9


def of_type(records, *types):
    return [r for r in records if r.get("type") in types]


def audits(records, name=None):
    return [r for r in records if r.get("type") == "audit" and (name is None or r["event"] == name)]


def total_lost(summary):
    lost = summary["lost"]
    return sum(lost.values()) if isinstance(lost, Obj) else lost


def check_record(record, number):
    """Problems of one record by itself."""
    problems = []
    kind = record.get("type")
    for key in NEEDED.get(kind, ["type", "seq"]):
        if key not in record:
            problems.append("record %d (%s) has no %r" % (number, kind, key))
    if kind not in NEEDED and kind != "syscall":
        problems.append("record %d has the unknown type %r" % (number, kind))
    if record.get("seq") != number:
        problems.append("record %d has seq %r" % (number, record.get("seq")))
    keys = [k for k in record.keys() if k in AUDIT_KEYS]
    if kind == "audit" and keys != sorted(keys, key=AUDIT_KEYS.index):
        problems.append("record %d: keys in the wrong order: %s" % (number, record.keys()))
    if kind == "audit" and len(keys) != len(record.keys()):
        problems.append("record %d: unknown keys: %s" % (number, set(record.keys()) - set(AUDIT_KEYS)))
    if record.keys()[:1] != ["type"]:
        problems.append("record %d does not start with its type" % number)
    for key in ("pid", "tid", "ppid", "uid", "count"):
        if key in record and type(record[key]) is not int:
            problems.append("record %d: %s is %r" % (number, key, record[key]))
    return problems


def check_summary(records):
    """Problems with the last line and with what its counters say of the others."""
    if [i for i, r in enumerate(records) if r.get("type") == "summary"] != [len(records) - 1]:
        return ["the summary is not there once, as the last line: %s"
                % [(r.get("seq"), r.get("type")) for r in records[-3:]]]
    s = records[-1]
    problems = []
    lost, delivered = total_lost(s), len(audits(records))
    if s["seen"] != s["delivered"] + s["filtered"] + lost:
        problems.append("summary does not add up: %r" % s)
    if s["delivered"] != delivered:
        problems.append("summary says %d delivered, there are %d" % (s["delivered"], delivered))
    in_stream = sum(r["count"] for r in of_type(records, "lost"))
    if in_stream != lost:
        problems.append("lost records tell of %d events, the summary of %d" % (in_stream, lost))
    return problems


def check_lives(records):
    """A process is introduced before its first record, and nothing comes from it after its exit."""
    problems, alive, gone = [], set(), set()
    for r in records:
        pid, kind = r.get("pid"), r.get("type")
        if kind == "process":
            alive.add(pid)
            gone.discard(pid)
        elif kind in ("audit", "exit", "syscall"):
            if pid in gone:
                problems.append("seq %d: %s of process %d after its exit" % (r["seq"], kind, pid))
            elif kind == "syscall" and r.get("ppid") in alive:
                pass  # of a child before its exec
            elif pid not in alive:
                problems.append("seq %d: %s of process %d comes before its process record"
                                % (r["seq"], kind, pid))
                alive.add(pid)
            if kind == "exit":
                gone.add(pid)
    return problems


def check_times(records, start, end):
    """Times lie within the run (seconds since the epoch) and never go back within a thread."""
    problems, last = [], {}
    for r in records:
        if "time" not in r:
            continue
        ns = nanoseconds(r["time"])
        if not start - 0.1 <= ns / 1e9 <= end + 0.1:
            problems.append("seq %r: time %s is outside the run" % (r.get("seq"), r["time"]))
        if r["type"] == "audit":
            who = (r["pid"], r["tid"])
            if ns < last.get(who, 0):
                problems.append("seq %d: time goes back in thread %d" % (r["seq"], r["tid"]))
            last[who] = ns
    return problems


def check_contract(records, start=None, end=None):
    """All problems of a complete JSON output; at most 20."""
    problems = []
    for number, record in enumerate(records, 1):
        problems += check_record(record, number)
        if len(problems) > 20:
            return problems[:20]
    if not problems:
        problems += check_summary(records) + check_lives(records)
        if start is not None:
            problems += check_times(records, start, end)
    return problems[:20]
