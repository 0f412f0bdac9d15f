# SPDX-License-Identifier: GPL-2.0-only
"""Trace and span ids: what a library publishes of its threads (OTEP 4947) against what the records
have, for each way the library's thread-local variable can be reached."""
import json
import os
import shutil
import subprocess

from lib import otlp, records
from lib.case import Case

GNU2 = ["-mtls-dialect=gnu2"]
SMALL = ["-DFILL=8"]
LARGE = ["-DFILL=100000"]  # more than the loader keeps for libraries that come late
RESOLVED = b"OpenTelemetry thread contexts: "
REFUSED = b"OpenTelemetry thread contexts are not read: "


class SpanCase(Case):
    def library(self, *flags):
        made = self.program("otel_context.so")  # by tests/vm/run, for machines without a compiler
        if flags == (*GNU2, *SMALL) and os.path.exists(made):
            return made
        if not shutil.which("cc"):
            self.skipTest("no C compiler")
        path = self.path("publisher.so")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", path, self.program("otel_context.c"),
                        "-Wl,--no-as-needed", "-lc", *flags], check=True)
        return path

    def argv(self, *args):
        return [self.py.path, self.program("otel_context.py"), *args]

    def trace(self, target, *options, job=None, known=RESOLVED, env=None):
        """The records of a program that is told to begin when the tracer knows where its contexts are. target:
        what is behind the options; job: the program, if it runs already."""
        out = self.path("out%d.json" % len(self.jobs))
        tracer = self.tool("-v", "-f", "-e", "e2e.*", "--format", "json", "-o", out, *options, *target,
                           stdin=subprocess.PIPE, env=self.environment(**(env or {})))
        self.grows(tracer.err_path, known)
        (job or tracer).say("go")
        if job:
            self.assertEqual(job.wait(), 0, job.stderr())
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        self.output = out
        return records.load(out)

    def check(self, found, expected=True, times=1):
        """Each event has what its program says it has set, or nothing."""
        spans = records.audits(found, "e2e.span")
        self.assertEqual(len(spans), times * 5 * 16)
        self.assertEqual(len({e["tid"] for e in spans}), times * 5)
        for e in spans:
            said = (e["args"]["arg0"], e["args"]["arg1"]) if expected else (None, None)
            self.assertEqual((e.get("trace_id"), e.get("span_id")), said)

    def command(self, library, *options, schema=(), **how):
        return self.trace(["--", *self.argv(library, *schema)], *options, **how)


class Spans(SpanCase):
    per_python = True

    def test_descriptor(self):
        self.check(self.command(self.library(*GNU2, *SMALL)))


class Models(SpanCase):
    def test_descriptor_dynamic(self):
        self.check(self.command(self.library(*GNU2, *LARGE)))

    def test_general_dynamic(self):
        self.check(self.command(self.library(*LARGE)))

    def test_initial_exec(self):
        self.check(self.command(self.library("-ftls-model=initial-exec", *SMALL)))

    def preloaded(self, *flags):
        library = self.library(*flags)
        self.check(self.trace(["--", "/usr/bin/env", "LD_PRELOAD=" + library, *self.argv(library)]))

    def test_preloaded_descriptor(self):
        self.preloaded(*GNU2, *LARGE)

    def test_preloaded_general_dynamic(self):
        self.preloaded(*SMALL)

    def test_running(self):
        library = self.library(*GNU2, *SMALL)
        job = self.spawn(*self.argv(library), stdin=subprocess.PIPE)
        self.grows(job.out_path, b"ready")
        self.check(self.trace(["-p", str(job.pid)], job=job))

    def test_same_library_again(self):
        """What is known of a file is used for each process that loads it."""
        library = self.library(*GNU2, *SMALL)
        out = self.path("again.json")
        tracer = self.tool("-v", "-f", "-e", "e2e.*", "--format", "json", "-o", out, "--", "/bin/sh", "-c",
                           '"$@"; "$@"', "sh", *self.argv(library), stdin=subprocess.PIPE)
        for i in range(2):
            self.until(lambda: tracer.stdout().count("ready") > i, "program %d" % i)
            pid = tracer.stdout().split()[2 * i + 1]
            self.grows(tracer.err_path, b"PID %s: %s" % (pid.encode(), RESOLVED))
            tracer.say("go")
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        self.check(records.load(out), times=2)

    def test_children(self):
        """A child is in its parent's span, from its first event on."""
        code = ("import ctypes, os, sys\nlibrary = ctypes.CDLL(sys.argv[1])\nsys.stdin.readline()\n"
                "library.attach(bytes(range(16)), bytes(range(8)), 1)\n"
                "for i in range(200):\n"
                "    if not os.fork(): sys.audit('e2e.child', i); os._exit(0)\n"
                "while True:\n    try: os.wait()\n    except ChildProcessError: break\n")
        found = self.trace(["--", self.py.path, "-c", code, self.library(*GNU2, *SMALL)])
        self.assertEqual([(e["trace_id"], e["span_id"]) for e in records.audits(found, "e2e.child")],
                         [(bytes(range(16)).hex(), bytes(range(8)).hex())] * 200)

    def test_exec(self):
        """What runs next in the process does not publish, whatever is where the variable was."""
        library = self.library(*GNU2, *SMALL)
        code = ("import os, runpy, sys; sys.argv = %r; runpy.run_path(sys.argv[0]); "
                "os.execv(sys.executable, [sys.executable, '-c', "
                "'import sys; [sys.audit(\"e2e.after\") for i in range(100)]'])" % self.argv(library)[1:])
        found = self.trace(["--", self.py.path, "-c", code])
        self.check(found)
        after = records.audits(found, "e2e.after")
        self.assertEqual((len(after), sum("trace_id" in e for e in after)), (100, 0))

    def test_stacks_and_calls(self):
        """The other parts of a record are not disturbed."""
        found = self.command(self.library(*GNU2, *SMALL), "-k", "--syscalls")
        self.check(found)
        for e in records.audits(found, "e2e.span"):
            self.assertEqual([f["func"] for f in e["stack"][:2]], ["say", "work"])

    def test_without_arguments(self):
        found = self.command(self.library(*GNU2, *SMALL), "--no-args")
        spans = records.audits(found, "e2e.span")
        self.assertEqual(sum("trace_id" in e for e in spans), 5 * 6)


class Refused(SpanCase):
    def test_unreached(self):
        library = self.library("-DUNREACHED", *SMALL)
        found = self.command(library, known=b"no relocation tells where it is")
        self.assertEqual([e for e in found if "trace_id" in e], [])

    def test_unknown_schema(self):
        found = self.command(self.library(*GNU2, *SMALL), schema=["other_v9"], known=REFUSED)
        self.check(found, expected=False)

    def test_known_schema(self):
        self.check(self.command(self.library(*GNU2, *SMALL), schema=["tlsdesc_v1_dev"]))


class Exported(SpanCase):
    """Other formats say the same."""

    def sent(self, env=None):
        receiver = otlp.Receiver()
        self.addCleanup(receiver.stop)
        found = self.command(self.library(*GNU2, *SMALL), "--otlp=" + receiver.url, env=env)
        self.check(found)
        got = [r.span for r in receiver.events("e2e.span")]
        wanted = [e.get("trace_id") and (e["trace_id"], e["span_id"], int(e["trace_id"][:2], 16) & 1)
                  for e in records.audits(found, "e2e.span")]
        self.assertEqual(sorted(got, key=str), sorted(wanted, key=str))
        return receiver

    def test_protobuf(self):
        receiver = self.sent()
        folder = otlp.proto_folder()
        if not folder or not shutil.which("protoc"):
            self.skipTest("no protoc, or not the official .proto: tests/fetch-proto")
        for request in receiver.requests:
            text = otlp.protoc(folder, otlp.LOGS, otlp.LOGS_PROTO, request.body)
            self.assertEqual(text.returncode, 0, text.stderr)
            for line in text.stdout.decode("utf-8").splitlines():
                self.assertNotRegex(line, r"^\s*[0-9]+(:| \{)")

    def test_json(self):
        self.sent({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})

    def test_ecs(self):
        self.command(self.library(*GNU2, *SMALL), "--format", "ecs")
        with open(self.output, encoding="utf-8") as f:
            spans = [r for r in map(json.loads, f) if r["event"]["action"] == "e2e.span"]
        self.assertEqual(len(spans), 5 * 16)
        for r in spans:
            said = [r["pyaudit"]["args"]["arg0"], r["pyaudit"]["args"]["arg1"]]
            self.assertEqual([r.get(k, {}).get("id") for k in ("trace", "span")], said)
