# SPDX-License-Identifier: GPL-2.0-only
"""Stacks of --format folded in the programs that they are for: flamegraph.pl and speedscope."""
import base64
import html
import os
import re
import shutil
import subprocess

from lib.case import Case

CODE = '''
import sys
def plain(n):
    sys.audit("e2e.plain", n)
def größe_日本():
    (lambda: sys.audit('e2e.odd "a b";c<d>&é 7'))()
class Shop:
    def check_out(self):
        return [plain(n) for n in range(3)]
for i in range(40):
    plain(i)
Shop().check_out()
größe_日本()
exec(compile("def generated(): plain(0)\\ngenerated()", "a 'b' \\"c\\"; é 12.py", "exec"))
'''
FLAMEGRAPH = "flamegraph.pl", "/usr/share/perl5/Devel/NYTProf/flamegraph.pl"  # of libdevel-nytprof-perl
SPEEDSCOPE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pyaudit-trace",
                          "speedscope/node_modules/speedscope/dist/release/index.html")


def split(line):
    """(frames, count) of a line, as its readers take it."""
    stack, count = re.match(r"(.*) (\d+)$", line).groups()
    return stack.split(";"), int(count)


def totals(lines):
    """Counts by frame: of all stacks it is in."""
    found = {}
    for frames, count in map(split, lines):
        for frame in set(frames):
            found[frame] = found.get(frame, 0) + count
    return found


class Folded(Case):
    def stacks(self):
        os.mkdir(self.path("a dir; \"é\""))
        program = self.path("a dir; \"é\"/pro'gram.py")
        with open(program, "w", encoding="utf-8") as f:
            f.write(CODE)
        out = self.path("stacks.txt")
        job = self.run_tool("--format", "folded", "-e", "e2e.*", "-o", out, "--", self.py.path, program)
        self.assertEqual(job.status, 0, job.stderr())
        with open(out, encoding="utf-8") as f:
            lines = f.read().splitlines()
        frames = set(totals(lines))
        for name in "<module> ", "plain ", "größe_日本", "<lambda>", "check_out", "generated", "[audit] e2e.odd":
            self.assertTrue([frame for frame in frames if name in frame], name)
        self.assertEqual(sum(count for _, count in map(split, lines)), 45)
        return out, lines

    def test_flamegraph(self):
        """Each frame is in the picture with its count, and all of them are what was delivered."""
        program = next(filter(None, map(shutil.which, FLAMEGRAPH)), None)
        if not program or not shutil.which("perl"):
            self.skipTest("no flamegraph.pl: install libdevel-nytprof-perl")
        out, lines = self.stacks()
        drawn = subprocess.run(["perl", program, "--minwidth", "0", "--hash", out], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        self.assertEqual((drawn.returncode, drawn.stderr), (0, b""))
        seen = {}
        for title in re.findall(r"<title>(.*?)</title>", drawn.stdout.decode(), re.S):
            frame, count = re.match(r"(.*) \(([\d,]+) samples?, [\d.]+%\)$", html.unescape(title)).groups()
            seen[frame] = seen.get(frame, 0) + int(count.replace(",", ""))
        self.assertEqual(seen.pop("all"), 45)
        # It draws < and > as parentheses.
        self.assertEqual(seen, {frame.replace("<", "(").replace(">", ")"): n for frame, n in totals(lines).items()})

    def test_speedscope(self):
        """Its table of functions has each frame, with the count of the stacks it is in."""
        chromium = shutil.which("chromium")
        if not chromium or not os.path.exists(SPEEDSCOPE):
            self.skipTest("no chromium, or no %s: install the package of Debian and, there, that of npm" % SPEEDSCOPE)
        out, lines = self.stacks()
        with open(out, "rb") as f:
            data = base64.b64encode(f.read()).decode()
        with open(self.path("load.js"), "w") as f:  # as its own command does
            f.write("speedscope.loadFileFromBase64('stacks.txt', '%s')" % data)
        page = "file://%s#view=sandwich&localProfilePath=%s" % (SPEEDSCOPE, self.path("load.js"))
        shown = subprocess.run([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader",
                                "--user-data-dir=" + self.path("browser"), "--window-size=1600,4000",
                                "--virtual-time-budget=10000", "--dump-dom", page],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=90)
        row = r'<tr[^>]*><td[^>]*>(\d+) \(.*?</td><td.*?</td><td[^>]*><span[^>]*></span>(.*?)</td></tr>'
        rows = {html.unescape(frame): int(count) for count, frame in re.findall(row, shown.stdout.decode(), re.S)}
        self.assertEqual(rows, totals(lines))
