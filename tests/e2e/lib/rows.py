# SPDX-License-Identifier: GPL-2.0-only
"""Which rows of the event table a run has raised, how, and whether their arguments can be told."""
import itertools
import re

from . import compare
from .records import Obj

OURS = ("rows.", "e2e.")
FINAL = ("cpython.PyInterpreterState_Clear", "cpython._PySys_ClearAuditHooks")  # when there is no hook any more
COLLECTOR, MARSHAL = {(3, 8): 9, (3, 9): 3}, {(3, 9): 7}
PATCHES = {  # what a patch release added to a minor version; the table tells minor versions only
    "gc.get_objects": COLLECTOR, "gc.get_referents": COLLECTOR, "gc.get_referrers": COLLECTOR,
    "marshal.dumps": MARSHAL, "marshal.load": MARSHAL, "marshal.loads": MARSHAL,
}
IDENTIFIED = {  # by the name of a type: what an object of it must tell besides
    "code": ("func", "file", "line"),
    "function": ("func",),
    "builtin_function_or_method": ("func",),
    "method": ("func",),
    "type": ("name",),
    "module": ("name",),
    "frame": ("func", "file"),
    "traceback": ("func", "file"),
    "socket": ("fd",),
    "_socket.socket": ("fd",),
    "_io.FileIO": ("fd",),
    "_Environ": ("mapping",),
    "posix.DirEntry": ("path",),
}
NEVER = re.compile(r"(^|\.)(\w*Path|NoneType|bool|int|float|str|bytes|tuple|list|dict)$")


def version_key(text):
    return tuple(int(n) for n in re.match(r"[\d.]+", text).group().rstrip(".").split("."))


def covers(row, version):
    """Is this version one of those the row (or one of its variants) is for?"""
    return row["since"] is not None and version_key(row["since"]) <= version \
        and (row["until"] is None or version < version_key(row["until"]))


def names_in(row, version):
    """The arguments' names in this version."""
    for variant in row.get("variants") or ():
        if covers(dict(variant, since=variant["since"] or "0"), version):
            return variant["args"]
    return row["args"]


def walk(value, path):
    """All values in a value, with their places."""
    yield value, path
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from walk(item, "%s[%d]" % (path, i))
    elif isinstance(value, Obj):
        for key, item in value.pairs:
            yield from walk(item, "%s.%s" % (path, key))


def bare(value):
    """What is missing in what identifies an object, or None."""
    if not isinstance(value, Obj) or value.keys()[:1] != ["object"] or not isinstance(value["object"], str):
        return None
    if NEVER.search(value["object"]):
        return "its value"
    missing = [key for key in IDENTIFIED.get(value["object"], ()) if key not in value]
    return ", ".join(missing) or None


def bare_values(audits):
    """Problems: arguments that are unsupported, or objects without what identifies them. Of an event with
    more values than are promised the last one may be cut off in its middle."""
    problems = []
    for r in audits:
        for place, reason in (r["unreadable"].pairs if "unreadable" in r else ()):
            if reason == "unsupported":
                problems.append("%s (seq %d): %s is unsupported" % (r["event"], r["seq"], place))
        if not isinstance(r.get("args"), Obj):
            problems.append("%s (seq %d) has the arguments %r" % (r["event"], r["seq"], r.get("args")))
            continue
        for value, place in itertools.islice(walk(r["args"], "args"), compare.PROMISED_VALUES):
            missing = bare(value)
            if missing:
                problems.append("%s (seq %d): %s is %r without %s"
                                % (r["event"], r["seq"], place, value, missing))
    return problems


def compared(entries, audits):
    """The records of a run that were compared with the hook's log, and those of the interpreters' ends."""
    hooked = compare.logged(entries)
    for pid, segments in compare.traced(audits).items():
        if pid in hooked:
            for i, segment in enumerate(segments):
                yield from segment if i or hooked[pid][0] else ()
    yield from (r for r in audits if r["event"] in FINAL)


def marked(audits):
    """(record, was it raised through sys.audit() by the test program itself?)"""
    last = {}
    for r in audits:
        who = (r["pid"], r["tid"])
        yield r, last.get(who) == r["event"]
        last[who] = r["args"]["arg0"] if r["event"] == "rows.forged" else None


class Tally:
    """Which rows of one interpreter were raised how. names: the arguments' by CPython's documentation.
    problems: what is wrong with that."""

    def __init__(self, version, table, names):
        self.version, self.rows, self.documented = version_key(version), table.rows, names
        self.exist = {e for e in self.rows if self.exists(e)}
        self.real, self.through_audit, self.problems, self.reasons = set(), set(), [], {}

    def exists(self, event):
        """Does this version have it on Linux?"""
        row, patch = self.rows[event], PATCHES.get(event, {}).get(self.version[:2], 0)
        return row["platform"] != "windows" and covers(row, self.version) and self.version[2:3] >= (patch,)

    def names(self, record):
        """Checks the arguments' names against the row, as it is in this version, and the documentation."""
        event, got = record["event"], record["args"].keys()
        for want in (names_in(self.rows[event], self.version), self.documented.get(event)):
            if got != want:
                self.problems.append("%s (seq %d) has the arguments %s instead of %s"
                                     % (event, record["seq"], got, want))

    def count(self, audits):
        for r, is_forged in marked(audits):
            if r["event"] in self.rows:
                (self.through_audit if is_forged else self.real).add(r["event"])
                self.names(r)
            elif not r["event"].startswith(OURS):
                self.problems.append("%s (seq %d) is not in the table" % (r["event"], r["seq"]))

    def judge(self, cannot, enough):
        """Every row must have been seen, enough of them for real; the program knows why the others not."""
        for event in sorted(set(self.rows) - self.real - self.through_audit):
            self.problems.append("%s was not raised at all" % event)
        for event in sorted(self.exist - self.real):
            self.reasons[event] = cannot.get(event)
            if event not in cannot:
                self.problems.append("%s was not raised for real, and nobody said why" % event)
        for event in sorted(self.real - self.exist):
            self.problems.append("%s was raised for real, but the table says that it does not exist in %s"
                                 % (event, ".".join(map(str, self.version))))
        if len(self.real & self.exist) < enough:
            self.problems.append("only %d rows were raised for real" % len(self.real & self.exist))

    def numbers(self):
        """Rows on Linux, those raised for real, through sys.audit() only, not at all, and rows of other
        systems and versions, all raised through sys.audit()."""
        real, through = self.exist & self.real, (self.exist & self.through_audit) - self.real
        return (len(self.exist), len(real), len(through), len(self.exist - real - through),
                len(self.through_audit - self.exist))


def told(name, tally):
    """Lines for people."""
    yield "rows of %s on Linux: %d; raised for real %d, through sys.audit() %d, not at all %d; " \
        "of other systems and versions through sys.audit() %d" % ((name,) + tally.numbers())
    for event, reason in tally.reasons.items():
        yield "  not for real: %s: %s" % (event, reason)


def table(tallies):
    yield "%-18s %8s %9s %11s %11s %7s" % ("rows", "on Linux", "for real", "sys.audit()", "not at all", "others")
    for name, tally in tallies:
        yield "%-18s %8d %9d %11d %11d %7d" % ((name,) + tally.numbers())
