# SPDX-License-Identifier: GPL-2.0-only
"""The tagged values of programs/hooklog.py: reading them, and what the tracer prints for them."""
import ast
import base64
import json
import re


class Tagged:
    """One value as the hook saw it. kind: none bool int float str bytes bytearray tuple list dict
    object. length: the true one. items: children; of a dict: pairs."""
    __slots__ = ("kind", "value", "length", "width", "items", "type", "details", "loose")

    def __init__(self, kind, value=None, length=0, width=1, items=(), loose=False):
        self.kind, self.value, self.length, self.width, self.items = kind, value, length, width, items
        self.type, self.details, self.loose = None, {}, loose

    def __repr__(self):
        shown = self.type[0] if self.kind == "object" else self.items if self.items else self.value
        return "%s %.120r" % (self.kind, shown)


SCALARS = {type(None): "none", bool: "bool", int: "int"}


def untag(raw):
    """A Tagged from what json.loads made of the log."""
    if type(raw) in SCALARS:
        return Tagged(SCALARS[type(raw)], raw)
    if type(raw) is str:
        return Tagged("str", raw, len(raw))
    tag = raw[0]
    if tag == "s":
        return Tagged("str", raw[3], raw[1], raw[2])
    if tag in ("f", "f?"):
        return Tagged("float", float.fromhex(raw[1]), loose=tag == "f?")
    if tag in ("b", "B", "B?"):
        return Tagged("bytes" if tag == "b" else "bytearray", bytes.fromhex(raw[2]), raw[1], loose=tag == "B?")
    if tag in ("t", "l"):
        return Tagged("tuple" if tag == "t" else "list", None, raw[1], items=[untag(v) for v in raw[2]])
    if tag == "d":
        return Tagged("dict", None, raw[1], items=[(untag(k), untag(v)) for k, v in raw[2]])
    if tag == "any":
        return Tagged("any", items=[untag(v) for v in raw[1]])
    if tag == "o":
        t = Tagged("object")
        t.type = raw[1]
        t.details = {k: v if k == "type" else untag(v) for k, v in raw[2]}
        return t
    raise ValueError("not a tag of the log: %r" % (raw,))


def load_log(path):
    """The log's lines: dicts with p, t, e, and a as Tagged. Raises ValueError if the hook failed."""
    entries = []
    with open(path, "rb") as f:
        for line in f:
            entry = json.loads(line)
            if "broken" in entry:
                raise ValueError("the traced program's own hook failed: %s" % entry["broken"])
            entry["a"] = [untag(v) for v in entry["a"]]
            entries.append(entry)
    return entries


def type_names(type_id):
    """What tp_name may be. A static type's follows from __module__; a heap type made in C has its
    module in tp_name, one made in Python has not, and a program cannot tell them apart."""
    name, module, heap = type_id
    dotted = "%s.%s" % (module, name)
    if not heap:
        return [name] if module == "builtins" else [dotted]
    return [name, dotted]


def type_fits(type_id, printed):
    """Is printed the tp_name of the type? A heap type's __module__ can be set to anything."""
    if not isinstance(printed, str):
        return False
    return printed in type_names(type_id) or (type_id[2] and printed.rpartition(".")[2] == type_id[0])


def bytes_json(data):
    try:
        return {"bytes": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def object_json(t):
    """What identifies an object; a path and os.environ are shown as what they hold."""
    d = t.details
    if "path" in d:
        return to_json(d["path"])
    if "mapping" in d:
        return to_json(d["mapping"])
    out = {"object": type_names(t.type)[0]}
    if "type" in d:
        out["name"] = type_names(d["type"])[0]
    for key in ("func", "file", "line", "name", "fd"):
        if key in d:
            out[key] = to_json(d[key])
    return out


def float_json(v):
    if v != v:
        return "nan"
    return {float("inf"): "inf", float("-inf"): "-inf"}.get(v, v)


def to_json(t):
    """The specification's mapping of an untruncated value, as plain Python for json.dumps."""
    if t.kind == "float":
        return float_json(t.value)
    if t.kind in ("bytes", "bytearray"):
        return bytes_json(t.value)
    if t.kind in ("tuple", "list"):
        return [to_json(v) for v in t.items]
    if t.kind == "any":
        return to_json(t.items[0])
    if t.kind == "dict":
        if all(k.kind == "str" for k, _ in t.items):
            return {to_json(k): to_json(v) for k, v in t.items}
        return {"items": [[to_json(k), to_json(v)] for k, v in t.items]}
    if t.kind == "object":
        return object_json(t)
    return t.value


class Printer:
    """One event's args as the tracer prints them, with "truncated" filled where strings are cut."""

    def __init__(self, limit):
        self.limit, self.truncated = limit, {}

    def cut(self, t, path):
        """What fits of a string or bytes."""
        shown = t.value[:self.limit // t.width]
        if len(shown) < t.length:
            self.truncated[path] = t.length
        return shown

    def value(self, t, path):
        if t.kind == "str":
            return self.cut(t, path)
        if t.kind in ("bytes", "bytearray"):
            return bytes_json(self.cut(t, path))
        if t.kind in ("tuple", "list"):
            return self.sequence(t, path)
        if t.kind == "dict":
            return self.mapping(t, path)
        if t.kind == "object" and "mapping" in t.details:
            return self.value(t.details["mapping"], path)
        return to_json(t)

    def sequence(self, t, path):
        if len(t.items) < t.length:
            self.truncated[path] = t.length
        return [self.value(v, "%s[%d]" % (path, i)) for i, v in enumerate(t.items)]

    def mapping(self, t, path):
        if len(t.items) < t.length:
            self.truncated[path] = t.length
        if all(k.kind == "str" for k, _ in t.items):
            return {self.value(k, "%s key" % path): self.value(v, "%s.%s" % (path, k.value)) for k, v in t.items}
        return {"items": [[self.value(k, "%s[%d][0]" % (path, i)), self.value(v, "%s[%d][1]" % (path, i))]
                          for i, (k, v) in enumerate(t.items)]}


FRAME = re.compile(r"<frame at 0x[0-9a-f]+, file (?P<file>.*), line (?P<line>-?\d+|None), code (?P<name>.*)>$", re.S)


def frame(text):
    """A frame of a stack, of which the hook has written what repr() says."""
    m = FRAME.match(text)
    out = {"func": m.group("name"), "file": ast.literal_eval(m.group("file"))}
    line = int(m.group("line")) if m.group("line") != "None" else 0
    if line > 0:
        out["line"] = line
    return out


def record(entry, seq, table, limit=512):
    """The audit record for an entry of the log, as a dict."""
    printer = Printer(limit)
    n = len(entry["a"])
    variants = table.variants(entry["e"]) or [[]]
    names = next((v for v in variants if len(v) == n), variants[0])
    names = (names + ["arg%d" % i for i in range(len(names), n)])[:n]
    args = {name: printer.value(v, name) for name, v in zip(names, entry["a"])}
    out = {"type": "audit", "time": "2026-01-02T03:04:05.000000000Z", "seq": seq, "pid": entry["p"],
           "tid": entry["t"], "ppid": 1, "uid": 0, "comm": "python3", "event": entry["e"], "args": args}
    if printer.truncated:
        out["truncated"] = printer.truncated
    if "k" in entry:
        out["stack"] = [frame(text) for text in entry["k"]]
    return out
