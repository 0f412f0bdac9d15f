# SPDX-License-Identifier: GPL-2.0-only
"""The tracer against the program's own audit hook: the same events, in order, with the same arguments and
call stacks."""
import os
import re
import subprocess

from lib import compare, records, reference
from lib.case import Case, Config

STDLIB_MODULES = ("test.test_shutil", "test.test_support")  # Debian's libpython has only the second
STACKS = ["--stack=128"]  # each event's stack is compared with the one the hook has walked


class Differential(Case):
    per_python = True
    time_limit = 180

    def log_path(self):
        return self.path("hook.log")

    def hooked(self, **more):
        return self.environment(E2E_LOG=self.log_path(), **more)

    def work(self):
        """A fresh directory that has the same name in every run of a test."""
        path = self.path("work")
        if os.path.exists(path):
            subprocess.run(["rm", "-rf", path], check=True)
        os.mkdir(path)
        return path

    def command(self, *program):
        """Nothing is redacted: what the hook saw is compared as it is."""
        return ["--redact", "none", "--", self.py.path, self.program(program[0])] + list(program[1:])

    def main_pid(self, entries):
        return next(e["p"] for e in entries if e["e"] == "e2e.begin")

    def check(self, found, follow=False, limit=512):
        """Compares the records of a run with the log of the same run."""
        entries = reference.load_log(self.log_path())
        pids = None if follow else {self.main_pid(entries)}
        problems = compare.compare_runs(entries, records.audits(found), Config.table, pids=pids, limit=limit)
        lost = records.total_lost(found[-1])
        self.assertEqual(lost, 0, "events were lost, nothing can be compared: %r" % found[-1])
        self.assertFalse(problems, "\n" + "\n".join(problems))
        return entries

    def check_command(self, *program, options=(), status=0, follow=False, limit=512, clip=1024):
        """Program with the hook, started by the tracer."""
        options = STACKS + list(options) + (["-f"] if follow else [])
        found, _ = self.run_json(*options, *self.command(*program), status=status, timeout=60,
                                 env=self.hooked(E2E_CLIP=str(clip)))
        return self.check(found, follow, limit), found

    def check_unhooked(self, *program):
        """The same without a hook: it must change nothing that the tracer sees. Where Python code
        raises an event nobody listens to, CPython takes another way to the probe."""
        entries, _ = self.check_command(*program)
        if program[1:]:
            self.work()
        found, _ = self.run_json(*STACKS, *self.command(*program), env=self.environment())
        self.assertNotIn("sys.addaudithook", [r["event"] for r in records.audits(found)])
        problems = compare.compare_unhooked(entries, records.audits(found), Config.table)
        self.assertFalse(problems, "\n" + "\n".join(problems))

    def check_attached(self, *program, env):
        """The program runs already; the tracer attaches, and detaches while it still runs."""
        target = self.spawn(self.py.path, self.program(program[0]), *program[1:], stdin=subprocess.PIPE,
                            env=dict(env, E2E_WAIT="1"))
        out = self.path("attached.json")
        tracer = self.tool("--format", "json", "--redact", "none", "-o", out, *STACKS, "-p", str(target.pid))
        self.grows(out, b'"e2e.knock"')
        target.say("go")
        self.grows(target.out_path, b"done", timeout=40)
        self.grows(out, b'"e2e.end"')
        tracer.signal(2)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        target.say("end")
        self.assertEqual(target.wait(), 0, target.stderr())
        found = records.load(out)
        self.check_contract(found, tracer)
        return found

    def test_args(self):
        """Every kind of argument comes out as the specification's JSON, with and without a hook."""
        self.check_unhooked("args.py")

    def test_args_attached(self):
        """The same in a process that ran before the tracer did."""
        found = self.check_attached("args.py", env=self.hooked())
        self.check(found)

    def test_args_long(self):
        """--string-limit at its most: what is cut at 512 bytes is whole at 32768."""
        self.check_command("args.py", options=["-s", "32768"], limit=32768, clip=40000)

    def test_real(self):
        """Files, processes, sockets, code, libraries: real events, with and without a hook."""
        self.check_unhooked("real.py", self.work())

    def test_real_attached(self):
        """The same in a process that ran before the tracer did, and has no hook at all."""
        self.check_command("real.py", self.work())
        entries = reference.load_log(self.log_path())
        found = self.check_attached("real.py", self.work(), env=self.environment())
        problems = compare.compare_unhooked(entries, records.audits(found), Config.table)
        self.assertFalse(problems, "\n" + "\n".join(problems))

    def test_crash(self):
        """An uncaught exception: sys.excepthook with the exception's type, value and traceback."""
        entries, _ = self.check_command("crash.py", status=1)
        self.assertIn("crash.report", [e["e"] for e in entries])

    def test_threads(self):
        """Each thread's events are complete and in order, and carry that thread's id."""
        entries, found = self.check_command("threads.py")
        tids = {r["tid"] for r in records.audits(found, "thread.event")}
        self.assertEqual(tids, {e["t"] for e in entries if e["e"] == "thread.event"})
        self.assertEqual(len(tids), 8)

    def test_threads_attached(self):
        """Threads that are born after the tracer attached are traced too."""
        found = self.check_attached("threads.py", env=self.hooked())
        self.check(found)

    def test_follow(self):
        """With -f children are traced whether they come from fork, exec, subprocess or multiprocessing."""
        entries, found = self.check_command("forkexec.py", follow=True)
        speakers = {r["args"]["arg0"] for r in records.audits(found, "family.event")}
        self.assertEqual(speakers, {"parent", "parent again", "fork", "grandchild", "before exec", "after exec",
                                    "subprocess", "preexec", "spawn"})
        for r in records.audits(found, "family.event"):
            self.assertEqual(r["args"]["arg2"], r["pid"])
        self.assertGreaterEqual(len({e["p"] for e in entries}), 8)
        # what a forked child is follows from its parent, also if it is gone when the record is written
        vague = [r for r in records.of_type(found, "process")
                 if not {"exe", "cmdline", "cwd", "python"} <= set(r.keys())]
        self.assertEqual(vague, [])

    def test_no_follow(self):
        """Without -f children are absent."""
        _, found = self.check_command("forkexec.py")
        self.assertEqual({r["args"]["arg0"] for r in records.audits(found, "family.event")},
                         {"parent", "parent again"})

    def test_stdlib(self):
        """A test module of the standard library, which knows nothing of us."""
        for module in STDLIB_MODULES:
            out = self.path("out.json")
            job = self.run_tool("--format", "json", "-o", out, *STACKS, *self.command("stdlib.py", module), timeout=60,
                                env=self.hooked(TMPDIR=self.dir), cwd=self.dir)
            if job.status != 77:
                break
        else:
            self.skipTest("none of %s in this interpreter" % ", ".join(STDLIB_MODULES))
        self.assertEqual(job.status, 0, job.stderr()[-2000:])
        found = records.load(out)
        self.check_contract(found, job)
        self.assertGreater(len(self.check(found)), 100)


class KnownAnswers(Case):
    """Spot checks written by hand, so that an error shared by hook, log and comparison would show."""
    per_python = True

    def one(self, code, event="e2e.x", *options):
        found, _ = self.run_code("import sys\n" + code, "-e", event, *options)
        return [r for r in records.audits(found, event)]

    def args_text(self, code):
        """The args of the events as they stand in the file, without blanks."""
        out = self.path("known.json")
        job = self.run_tool("--format", "json", "-e", "e2e.x", "-o", out, "--", self.py.path, "-c",
                            "import sys\n" + code)
        self.assertEqual(job.status, 0, job.stderr())
        with open(out, encoding="utf-8") as f:
            return [re.search(r'"args": ?(\{.*\})\}$', line).group(1)
                    for line in f if '"audit"' in line]

    def test_written_out(self):
        """The specification's mapping, literally."""
        code = ("sys.audit('e2e.x', None, True, 1, 2**63, -2**64, 1.5, float('nan'), float('-inf'), 'a', '\\udc80')\n"
                "sys.audit('e2e.x', b'a', b'\\xff', bytearray(b''), (1,), [], {}, {'k': 1}, {1: 2}, int, sys)\n")
        first, second = self.args_text(code)
        self.assertEqual(
            first, '{"arg0":null,"arg1":true,"arg2":1,"arg3":9223372036854775808,"arg4":-18446744073709551616,'
                   '"arg5":1.5,"arg6":"nan","arg7":"-inf","arg8":"a","arg9":"\\udc80"}')
        self.assertEqual(
            second, '{"arg0":{"bytes":"a"},"arg1":{"base64":"/w=="},"arg2":{"bytes":""},"arg3":[1],"arg4":[],'
                    '"arg5":{},"arg6":{"k":1},"arg7":{"items":[[1,2]]},"arg8":{"object":"type","name":"int"},'
                    '"arg9":{"object":"module","name":"sys"}}')

    def test_open(self):
        """The event everybody looks for first, with the table's argument names."""
        records_ = self.one("open('/etc/hostname').close()", "open")
        self.assertIn({"path": "/etc/hostname", "mode": "r", "flags": os.O_CLOEXEC},
                      [r["args"].map for r in records_])

    def test_once(self):
        """A hook in the process does not make an event appear twice."""
        code = "for i in range(%d): sys.audit('e2e.x', i)"
        plain = [r["args"]["arg0"] for r in self.one(code % 50)]
        hooked = [r["args"]["arg0"] for r in self.one("sys.addaudithook(lambda *a: None)\n" + code % 50)]
        self.assertEqual(plain, list(range(50)))
        self.assertEqual(hooked, list(range(50)))

    def test_name_not_encoded(self):
        """A name that CPython has not encoded, as nobody listens, hides no event that a library raises next."""
        code = ("import socket\ns = socket.socket()\n"
                "for i in range(3):\n    sys.audit('e2e.\\xe9%d' % i)\n    s.connect_ex(('127.0.0.1', 9))\n")
        self.assertEqual(len(self.one(code, "socket.connect")), 3)

    def test_name_at_the_end_of_memory(self):
        """Behind the str object of a name there is no memory."""
        code = ("import ctypes, mmap, os, sys\nname = 'e2e.' + chr(233)\nsize = sys.getsizeof(name) + 15 & ~15\n"
                "memory = mmap.mmap(-1, 8192)\nend = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + 4096\n"
                "ctypes.memmove(end - size, id(name), size)\n"
                "assert not ctypes.CDLL(None).mprotect(ctypes.c_void_p(end), 4096, 0)\n"
                "sys.audit(ctypes.cast(end - size, ctypes.py_object).value, 1)\nos._exit(0)\n")
        found, _ = self.run_code(code, "-e", "e2e.*")
        self.assertEqual([r["event"] for r in records.audits(found)], ["e2e.\xe9"])

    def test_nested_in_hook(self):
        """Events that a hook raises itself are events too, between and not instead of the others."""
        code = ("def hook(e, a):\n    if e == 'e2e.x' and a[0] == 1: sys.audit('e2e.x', 2)\n"
                "sys.addaudithook(hook)\nsys.audit('e2e.x', 1)\nsys.audit('e2e.x', 3)")
        self.assertEqual([r["args"]["arg0"] for r in self.one(code)], [1, 2, 3])

    def test_denied(self):
        """An event that a hook forbids was called all the same."""
        code = ("def hook(e, a):\n    if e == 'e2e.x': raise OSError\n"
                "sys.addaudithook(hook)\n"
                "try: sys.audit('e2e.x', 1)\nexcept OSError: pass")
        self.assertEqual([r["args"]["arg0"] for r in self.one(code)], [1])
