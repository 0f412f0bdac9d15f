# SPDX-License-Identifier: GPL-2.0-only
"""A kernel that does not tell of mapped files."""
import re
import shutil
import signal

from lib.case import Case, Config


DENY = """
import ctypes, os, struct, sys
# seccomp: if nr == 298 (perf_event_open on x86-64) fail with EPERM, else allow
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 298), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]
filter = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *c) for c in code))
program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(filter))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0):
    sys.exit("prctl: errno %d" % ctypes.get_errno())
os.execv(sys.argv[1], sys.argv[1:])
"""


class Denied(Case):
    """perf_event_open(2) is refused, as container runtimes do."""

    def test_without_mapping_records(self):
        """It is said, by --check too, and a new interpreter is found all the same."""
        check = self.spawn(self.py.path, "-c", DENY, Config.tool, "--check")
        check.wait()
        self.assertRegex(check.stdout(), r"mapping records +no +CAP_PERFMON; without them")
        if not re.search(r"uprobe_multi +yes", check.stdout()):
            self.skipTest("here probes need perf_event_open as well")
        copy, out, anchor = self.path("python-copy"), self.path("out.json"), self.ticker("anchor")
        shutil.copy(self.py.real, copy)
        tracer = self.spawn(self.py.path, "-c", DENY, Config.tool, "--format", "json", "-o", out, "-a", "-e", "e2e.*")
        self.grows(out, b'"anchor"')
        new = self.ticker("new", python=copy)
        self.grows(out, b'"new"')
        self.finish(new)
        tracer.signal(signal.SIGINT)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        self.assertIn("the kernel does not tell of mapped files", tracer.stderr())
        self.finish(anchor)
