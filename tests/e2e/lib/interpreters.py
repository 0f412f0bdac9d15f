# SPDX-License-Identifier: GPL-2.0-only
"""Which CPython interpreters the tests run on."""
import glob
import os
import re
import subprocess

ASK = ("import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2], "
       "sys.version.split()[0], sys.hexversion, sep='|')")
SUPPORTED = ("3.8", "3.15")


class Interpreter:
    """path: as it is run. real: the file behind it. version: "3.11.2". minor: (3, 11)."""

    def __init__(self, path, minor, version):
        self.path, self.version = path, version
        self.real = os.path.realpath(path)
        self.minor = tuple(int(n) for n in minor.split("."))

    def __str__(self):
        where = "" if "/.pyenv/" in self.real else "-system" if self.real.startswith("/usr/bin") else "-other"
        return self.version + where


def candidates(extra):
    """Paths to look at, best names first; what the caller named comes first."""
    found = list(extra) + [p for p in os.environ.get("PYAUDIT_PYTHONS", "").split(os.pathsep) if p]
    found += [p for p in sorted(glob.glob("/usr/bin/python3*")) if re.search(r"/python3(\.\d+t?)?$", p)]
    home = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    found += sorted(glob.glob(home + "/versions/3.*/bin/python3"),
                    key=lambda p: [int(n) for n in re.findall(r"\d+", p.split("/versions/")[1].split("/")[0])])
    return found


def examine(path):
    """(Interpreter, None) or (None, why it is not used)."""
    try:
        answer = subprocess.run([path, "-I", "-c", ASK], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                timeout=20, text=True).stdout.strip()
        name, minor, version, _ = answer.split("|")
    except (OSError, ValueError, subprocess.TimeoutExpired) as e:
        return None, "cannot be run: %s" % (str(e).splitlines() or [repr(e)])[0]
    interpreter = Interpreter(path, minor, version)
    low, high = (tuple(int(n) for n in v.split(".")) for v in SUPPORTED)
    if name != "cpython":
        return None, "is %s, not CPython" % name
    if not low <= interpreter.minor <= high:
        return None, "is %s; %s to %s are supported" % ((version,) + SUPPORTED)
    return interpreter, None


def find(extra=(), only_extra=False):
    """(used, skipped): Interpreters, and (path, reason) pairs. One file is used once."""
    used, skipped, seen = [], [], {}
    for path in (list(extra) if only_extra else candidates(extra)):
        real = os.path.realpath(path)
        if real in seen:
            skipped.append((path, "the same file as %s" % seen[real]))
            continue
        seen[real] = path
        interpreter, reason = examine(path)
        if interpreter:
            used.append(interpreter)
        else:
            skipped.append((path, reason))
    return used, skipped


def unsupported(version):
    """A Python of this version ("3.7") that the tracer must refuse, or None."""
    home = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    pattern = "%s/versions/%s.*/bin/python%s" % (home, version, version)
    return next(iter(sorted(glob.glob(pattern))), None)
