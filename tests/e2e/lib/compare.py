# SPDX-License-Identifier: GPL-2.0-only
"""Compares what a program said of its events (the hook's log) with what the tracer said of them.

Everything must agree: order, names, number of arguments, and each value with its type. What may be
shortened, and how far, follows from the specification: strings beyond --string-limit bytes, values
beyond the 64th, containers below the 4th level; each must be named in "truncated" with its true length.
"""
import ast
import base64
import json
import pathlib
import re

from .records import Obj
from .reference import FRAME, type_fits

PROMISED_VALUES = 64
PROMISED_DEPTH = 4
RECORD = 48 << 10  # once so many bytes of an event are captured its strings may be cut shorter
ADDRESSES = 1 << 22  # the heap of an executable that is not position independent is low
FINAL_EVENTS = ("cpython.", "code.__new__")  # after the hook is gone
MASKS = [(re.compile(p), to) for p, to in (
    (r"0x[0-9a-f]{6,16}", "0xADDR"),
    (r"\btmp[a-z0-9_]{8}", "tmpNAME"),
    (r"e2e-abstract-\d+", "e2e-abstract-PID"),
)]


def merged(s):
    """JSON cannot tell two lone surrogates that happen to be a pair from one character."""
    return s.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if needs_merge(s) else s


def needs_merge(s):
    return re.search("[\ud800-\udbff][\udc00-\udfff]", s) is not None


def mask(s):
    for pattern, to in MASKS:
        s = pattern.sub(to, s)
    return s


class Comparison:
    """Of one event's arguments. loose: the two sides come from different runs of the same program,
    so addresses, process numbers and ephemeral ports differ."""

    def __init__(self, truncated=None, unreadable=None, limit=512, loose=False, pids=(), unordered=False):
        self.truncated = dict(truncated.pairs) if truncated else {}
        self.unreadable = dict(unreadable.pairs) if unreadable else {}
        self.limit, self.loose, self.pids, self.unordered = limit, loose, pids, unordered
        self.problems, self.count, self.bytes, self.used = [], 0, 0, set()

    def bad(self, paths, text, *args):
        self.problems.append("%s: %s" % (paths[0], text % args))

    def true_length(self, paths):
        """What "truncated" says of the value at this place, or None."""
        for path in paths:
            if path in self.truncated:
                self.used.add(path)
                return self.truncated[path]
        return None

    def value(self, want, got, paths, depth=0):
        """want: Tagged; got: parsed JSON; paths: the place's possible names in "truncated"."""
        self.count += 1
        if got is None and want.kind != "none":
            reason = next((self.unreadable[p] for p in paths if p in self.unreadable), None)
            self.bad(paths, "is null (unreadable: %s) instead of %r", reason, want)
            return
        if want.kind in ("str", "bytes", "bytearray"):
            self.bytes += min(want.length * want.width, self.limit)
        getattr(self, "value_" + want.kind)(want, got, paths, depth)

    def same(self, want, got, paths):
        if type(got) is not type(want.value) or got != want.value:
            self.bad(paths, "%r instead of %r", got, want)

    def value_none(self, want, got, paths, depth):
        self.same(want, got, paths)
        if any(p in self.unreadable or p in self.truncated for p in paths):
            self.bad(paths, "None is called truncated or unreadable")

    def value_bool(self, want, got, paths, depth):
        self.same(want, got, paths)

    def value_int(self, want, got, paths, depth):
        if self.loose and type(got) is int and self.volatile(want.value, got):
            return
        self.same(want, got, paths)

    def volatile(self, a, b):
        ports = range(1024, 65536)
        return (abs(a) > ADDRESSES and abs(b) > ADDRESSES) or (a in self.pids and b in self.pids) \
            or (a in ports and b in ports and paths_are_ports(self.event))

    event = ""

    def value_float(self, want, got, paths, depth):
        v = want.value
        if want.loose and isinstance(got, Obj) and "object" in got:
            return
        if self.loose and type(got) is float and v > 1e9 and got > 1e9:  # the time of day
            return
        if v != v or v in (float("inf"), float("-inf")):
            ok = got == ("nan" if v != v else "inf" if v > 0 else "-inf")
        else:
            ok = type(got) in (float, int) and float(got).hex() == v.hex()
        if not ok:
            self.bad(paths, "%r instead of %r", got, want)

    def promised(self):
        """May this value still be expected whole, up to the string limit?"""
        return self.count <= PROMISED_VALUES and self.bytes <= RECORD

    def cut(self, want, got_length, longest, paths, unit):
        """A string or bytes that is shorter than it was: is that so, is it said, was it needed?
        unit: bytes that one item takes, at least and at most."""
        true = self.true_length(paths)
        if true is None:
            self.bad(paths, "%d of %d items, and not said to be truncated", got_length, want.length)
        elif true != want.length and true != longest:
            self.bad(paths, "true length %r instead of %d", true, want.length)
        if want.length * unit[1] <= self.limit and self.promised():
            self.bad(paths, "cut though %d items fit %d bytes", want.length, self.limit)
        if got_length * unit[0] > self.limit:
            self.bad(paths, "%d items are more than %d bytes", got_length, self.limit)
        if (got_length + 4) * unit[1] < self.limit and self.promised():
            self.bad(paths, "cut to %d items, long before %d bytes", got_length, self.limit)

    def value_any(self, want, got, paths, depth):
        self.count -= 1
        if got not in [v.value for v in want.items]:
            self.value(want.items[0], got, paths, depth)

    def value_str(self, want, got, paths, depth):
        if type(got) is not str:
            self.bad(paths, "%r instead of %r", got, want)
            return
        a, b = merged(want.value), got
        if self.loose:
            a, b = mask(a), mask(b)
        whole = want.length == len(want.value)
        if whole and a == b:
            if self.true_length(paths) is not None:
                self.bad(paths, "is whole, but said to be truncated")
            return
        n = min(len(a), len(b))
        if a[:n] != b[:n] or len(b) > len(a):
            self.bad(paths, "%.200r instead of %r", got, want)
            return
        utf8 = len(want.value.encode("utf-8", "surrogatepass")) if whole else None
        self.cut(want, len(got), utf8 if want.width > 1 or not want.value.isascii() else None, paths,
                 (1, 4 if want.width == 4 else 3 if want.width == 2 else 2 if not want.value.isascii() else 1))

    def value_bytes(self, want, got, paths, depth):
        if want.loose and isinstance(got, Obj) and "object" in got:
            return
        data = decode_bytes(got)
        if data is None:
            self.bad(paths, "%r instead of %r", got, want)
            return
        whole = want.length == len(want.value)
        a = mask(want.value.decode("latin-1")).encode("latin-1") if self.loose else want.value
        b = mask(data.decode("latin-1")).encode("latin-1") if self.loose else data
        if whole and a == b:
            valid = is_utf8(data)
            if self.true_length(paths) is not None:
                self.bad(paths, "is whole, but said to be truncated")
            if valid != ("bytes" in got):
                self.bad(paths, "%s UTF-8 is shown as %s", "valid" if valid else "bad", got.keys())
            return
        n = min(len(a), len(b))
        if a[:n] != b[:n] or len(b) > len(a):
            self.bad(paths, "%.200r instead of %r", data, want)
            return
        self.cut(want, len(data), None, paths, (1, 1))

    value_bytearray = value_bytes

    def shortened(self, want, shown, paths, depth):
        """A container with fewer items than it had."""
        true = self.true_length(paths)
        if shown > want.length:
            self.bad(paths, "%d items instead of %d", shown, want.length)
        elif shown < want.length:
            if true != want.length:
                self.bad(paths, "%d of %d items, true length said to be %r", shown, want.length, true)
            if depth < PROMISED_DEPTH and self.count + want.length - shown <= PROMISED_VALUES:
                self.bad(paths, "cut to %d of %d items within the promised limits", shown, want.length)
        elif true is not None:
            self.bad(paths, "is whole, but said to be truncated to %r", true)

    def value_tuple(self, want, got, paths, depth):
        if type(got) is not list:
            self.bad(paths, "%r instead of %r", got, want)
            return
        for i, (w, g) in enumerate(zip(want.items, got)):
            self.value(w, g, ["%s[%d]" % (p, i) for p in paths], depth + 1)
        self.shortened(want, len(got), paths, depth)

    value_list = value_tuple

    def value_dict(self, want, got, paths, depth):
        if not isinstance(got, Obj):
            self.bad(paths, "%r instead of %r", got, want)
            return
        if all(k.kind == "str" for k, _ in want.items[:len(got.pairs)]) and not items_form(want, got):
            self.named_items(want, got, paths, depth)
        else:
            self.paired_items(want, got, paths, depth)

    def named_items(self, want, got, paths, depth):
        pairs = got.pairs
        wanted = want.items
        if self.unordered:
            pairs = sorted(pairs, key=lambda p: p[0])
            wanted = sorted(wanted, key=lambda p: p[0].value)
        for i, ((wk, wv), (gk, gv)) in enumerate(zip(wanted, pairs)):
            # the specification has no name for the place of a key
            self.value(wk, gk, paths[:1] + [p for p, n in self.truncated.items() if n == wk.length]
                       if wk.length > len(gk) else ["%s key %d" % (paths[0], i)], depth + 1)
            self.value(wv, gv, ["%s.%s" % (p, gk) for p in paths] + ['%s["%s"]' % (p, gk) for p in paths],
                       depth + 1)
        self.shortened(want, len(got.pairs), paths, depth)

    def paired_items(self, want, got, paths, depth):
        items = got.get("items")
        if got.keys() != ["items"] or not isinstance(items, list):
            self.bad(paths, "%r instead of %r", got, want)
            return
        for i, ((wk, wv), pair) in enumerate(zip(want.items, items)):
            if not isinstance(pair, list) or len(pair) != 2:
                self.bad(paths, "item %d is not a pair: %r", i, pair)
                continue
            for j, w in enumerate((wk, wv)):
                self.value(w, pair[j], [f % (p, i, j) for p in paths for f in
                                        ("%s.items[%d][%d]", "%s[%d][%d]")], depth + 1)
        self.shortened(want, len(items), paths + [p + ".items" for p in paths], depth)

    def value_object(self, want, got, paths, depth):
        details = want.details
        if "path" in details and type(got) is str:
            if pathlib.PurePath(mask(got)) != pathlib.PurePath(mask(details["path"].value)):
                self.bad(paths, "path %r instead of %r", got, details["path"])
            return
        if "mapping" in details and isinstance(got, Obj) and "object" not in got:
            self.value_dict(details["mapping"], got, paths, depth)
            return
        if not isinstance(got, Obj) or not type_fits(want.type, got.get("object")):
            self.bad(paths, "%r instead of %r", got, want)
            return
        if len(got.pairs) <= max(1, len(details)):
            # What identifies it found no room: that is what "truncated" says of an object.
            self.used.update(p for p in paths if p in self.truncated)
        if "path" in details and "path" not in got and depth < PROMISED_DEPTH:
            self.bad(paths, "the path %r is not shown as text", details["path"].value)
        self.object_details(details, got, paths, depth)

    def object_details(self, details, got, paths, depth):
        for key, want in details.items():
            if key == "path" and key not in got:
                continue
            key = "name" if key == "type" else key
            places = ["%s.%s" % (p, key) for p in paths]
            if key not in got:
                if depth < PROMISED_DEPTH and self.count <= PROMISED_VALUES:
                    self.bad(paths, "%r does not tell its %s", got, key)
            elif "type" in details:
                if not type_fits(want, got[key]):
                    self.bad(places, "type name %r instead of %r", got[key], want)
            else:
                self.value(want, got[key], places, depth + 1)


def paths_are_ports(event):
    return event.startswith("socket.") or event.endswith((".connect", ".open"))


def items_form(want, got):
    """Is got {"items": [[k, v]...]} and not a dict that has one key of that name?"""
    return got.keys() == ["items"] and [k.value for k, _ in want.items] != ["items"]


def is_utf8(data):
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def decode_bytes(got):
    """The bytes that {"bytes": ...} or {"base64": ...} stands for, or None."""
    if not isinstance(got, Obj) or len(got.pairs) != 1:
        return None
    key, text = got.pairs[0]
    if not isinstance(text, str):
        return None
    try:
        return text.encode("utf-8") if key == "bytes" else base64.b64decode(text, validate=True) \
            if key == "base64" else None
    except ValueError:
        return None


class Table:
    """Argument names, from --list-events --format json."""

    def __init__(self, rows=()):
        self.rows = {row["event"]: row for row in rows}

    @classmethod
    def load(cls, text):
        return cls([json.loads(line) for line in text.splitlines() if line.strip()])

    def variants(self, event):
        """All lists of argument names this event has had."""
        row = self.rows.get(event)
        if row is None:
            return []
        lists = [row.get("args") or []] + [v.get("args") or [] for v in row.get("variants") or []]
        return [[a["name"] if isinstance(a, dict) else a for a in names] for names in lists]

    def check(self, event, names):
        """A problem with the argument names of a record, or None. A surplus one is argN."""
        variants = self.variants(event)
        for variant in variants or [[]]:
            if names == (variant + ["arg%d" % i for i in range(len(variant), len(names))])[:len(names)]:
                return None
        return "%s has arguments named %s; the table says %s" % (event, names, variants or "nothing")


def compare_frame(want, got, loose):
    """A problem of one frame against what repr() said of it, or None. repr() has the name, the tracer the
    qualified name where there is one."""
    m = FRAME.match(want)
    if not m or not isinstance(got, Obj):
        return "is %r instead of %s" % (got, want)
    file, line = ast.literal_eval(m.group("file")), m.group("line")
    if merged(file) != got["file"] and not (loose and mask(file) == mask(got["file"])):
        return "file %r instead of %s" % (got["file"], want)
    if got["func"] != merged(m.group("name")) and not got["func"].endswith("." + merged(m.group("name"))):
        return "func %r instead of %s" % (got["func"], want)
    if got.get("line", 0) != max(0, int(line) if line != "None" else 0):
        return "line %r instead of %s" % (got.get("line"), want)
    return None


def compare_stack(want, record, loose=False):
    """Problems of a record's stack; all of it is expected."""
    stack = record.get("stack")
    if not isinstance(stack, list):
        return ["stack is %r" % (stack,)]
    if len(stack) != len(want):
        return ["stack of %d frames instead of %d:\n  %s\n  %s" % (len(stack), len(want), stack, want)]
    problems = [(i, compare_frame(w, g, loose)) for i, (w, g) in enumerate(zip(want, stack))]
    return ["stack[%d] %s" % (i, p) for i, p in problems if p]


def compare_event(want, record, table, **how):
    """Problems of one record against one entry of the log."""
    stacks = how.pop("stacks", True)
    how = dict(how, unordered=how.get("unordered") or want["e"].startswith("args.split"))
    c = Comparison(record.get("truncated"), record.get("unreadable"), **how)
    c.event = want["e"]
    if record["event"] != merged(want["e"]):
        return ["event %r instead of %r" % (record["event"], want["e"])]
    args = record.get("args")
    if not isinstance(args, Obj):
        return ["%s: args is %r" % (want["e"], args)]
    for i, (w, (key, got)) in enumerate(zip(want["a"], args.pairs)):
        c.value(w, got, [key])
    if len(args.pairs) < len(want["a"]):
        if len(args.pairs) < PROMISED_VALUES or len(want["a"]) not in c.truncated.values():
            c.problems.append("%d of %d arguments" % (len(args.pairs), len(want["a"])))
        c.used.update(k for k, n in c.truncated.items() if n == len(want["a"]))
    elif len(args.pairs) > len(want["a"]):
        c.problems.append("%d arguments instead of %d" % (len(args.pairs), len(want["a"])))
    problem = table.check(want["e"], args.keys())
    if problem:
        c.problems.append(problem)
    if "k" in want and stacks:
        c.problems += compare_stack(want["k"], record, c.loose)
    if not c.problems:
        c.problems += ["%r is named in truncated, but is nowhere" % k for k in c.truncated if k not in c.used]
    return ["%s: %s" % (want["e"], p) for p in c.problems]


def context(names, i):
    return " ".join(("[%s]" if j == i else "%s") % names[j]
                    for j in range(max(0, i - 3), min(len(names), i + 4)))


def compare_sequences(who, wants, records, table, open_end=False, **how):
    """Problems of one thread's records against its entries of the log, in order. open_end: the log
    has no "e2e.end", so the tracer may have seen what came after the hook was gone."""
    problems = []
    for i, (want, record) in enumerate(zip(wants, records)):
        for problem in compare_event(want, record, table, **how):
            problems.append("%s, event %d (seq %r): %s" % (who, i, record["seq"], problem))
        if record["event"] != merged(want["e"]):
            problems.append("   the program: %s" % context([w["e"] for w in wants], i))
            problems.append("   the tracer:  %s" % context([r["event"] for r in records], i))
            break
        if len(problems) > 10:
            break
    else:
        rest = [r["event"] for r in records[len(wants):]]
        if open_end:
            rest = [e for e in rest if not e.startswith(FINAL_EVENTS)]
        if len(records) < len(wants):
            problems.append("%s: %d of %d events are missing at the end: %s" % (
                who, len(wants) - len(records), len(wants), [w["e"] for w in wants[len(records):]][:5]))
        elif rest:
            problems.append("%s: %d events too many at the end: %s" % (who, len(rest), rest[:5]))
    return problems


def split(events, name_of, pid_of):
    """{pid: [segment]} where a segment is the events from one "e2e.begin" of the process to the next
    or to its "e2e.end"; what a forked process did before any is its segment 0 (else empty)."""
    lives = {}
    for event in events:
        segments = lives.setdefault(pid_of(event), [[]])
        if name_of(event) == "e2e.begin":
            segments.append([])
        if not segments[-1] or name_of(segments[-1][-1]) != "e2e.end":
            segments[-1].append(event)
    return lives


def by_thread(events, tid_of):
    threads = {}
    for event in events:
        threads.setdefault(tid_of(event), []).append(event)
    return threads


def logged(entries):
    return split(entries, lambda e: e["e"], lambda e: e["p"])


def traced(records):
    return split(records, lambda r: r["event"], lambda r: r["pid"])


def compare_segment(pid, wants, records, table, **how):
    """One stretch of one process: each thread must have the same events in the same order."""
    problems = []
    open_end = not any(w["e"] == "e2e.end" for w in wants)
    want_threads, got_threads = by_thread(wants, lambda w: w["t"]), by_thread(records, lambda r: r["tid"])
    for tid in sorted(set(want_threads) | set(got_threads)):
        who = "process %d thread %d" % (pid, tid)
        problems += compare_sequences(who, want_threads.get(tid, []), got_threads.get(tid, []), table,
                                      open_end=open_end, **how)
    return problems


def compare_forked(pid, wants, records, table, **how):
    """What a forked process did with the hook it inherited. If it executed something else after that,
    the tracer has more; if not, nothing but the end of the interpreter may follow."""
    executed = how.pop("executed")
    if executed:
        records = records[:len(wants)]
    return compare_segment(pid, wants, records, table, **how)


def compare_runs(entries, audits, table, pids=None, **how):
    """All problems of a run: the log's entries against the tracer's audit records. pids: compare only
    these processes (those that are traced without --follow)."""
    problems = []
    wants, gots = logged(entries), traced(audits)
    if not wants or not any(len(segments) > 1 for segments in wants.values()):
        return ["the program's log has no e2e.begin"]
    for pid in set(gots) - set(gots if pids is None else pids):
        problems.append("process %d was traced, but should not be" % pid)
    for pid, segments in wants.items():
        if pids is not None and pid not in pids:
            continue
        got = gots.get(pid, [[]])
        if len(got) != len(segments):
            problems.append("process %d: %d times e2e.begin instead of %d"
                            % (pid, len(got) - 1, len(segments) - 1))
            continue
        if segments[0] and segments[0][0]["e"] != "e2e.knock":
            problems += compare_forked(pid, segments[0], got[0], table, executed=len(segments) > 1
                                       or any(w["e"] == "os.exec" for w in segments[0]), **how)
        for want, have in zip(segments[1:], got[1:]):
            problems += compare_segment(pid, want, have, table, **how)
    return problems[:40]


def compare_unhooked(entries, audits, table, **how):
    """The log of one run against the records of another run without a hook: one process, main thread
    and others matched in the order of their first event, volatile values masked."""
    wants, gots = logged(entries), traced(audits)
    want = [s for segments in wants.values() for s in segments[1:2]]
    got = [s for segments in gots.values() for s in segments[1:2]]
    if not want or len(want) != len(got):
        return ["%d processes with e2e.begin instead of %d" % (len(got), len(want))]
    pids = {w["p"] for w in entries} | {w["t"] for w in entries} | {r["pid"] for r in audits} \
        | {r["tid"] for r in audits}
    want_threads = list(by_thread(want[0], lambda w: w["t"]).values())
    got_threads = list(by_thread(got[0], lambda r: r["tid"]).values())
    if len(want_threads) != len(got_threads):
        return ["%d threads instead of %d" % (len(got_threads), len(want_threads))]
    problems = []
    for number, (a, b) in enumerate(zip(want_threads, got_threads)):
        problems += compare_sequences("thread %d without a hook" % number, a, b, table, loose=True, pids=pids,
                                      **how)
    return problems[:40]
