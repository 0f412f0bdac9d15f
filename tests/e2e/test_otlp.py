# SPDX-License-Identifier: GPL-2.0-only
"""--otlp and --spool against receivers that take, refuse, wait, lie and go away."""
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

from lib import otlp, records
from lib.case import Case

COUNT = "import sys\nfor i in range(%d): sys.audit('e2e.n', i)"
# Waits for a line before each part, so that the test can do something between them.
PARTS = ("import sys\nn = 0\nfor line in sys.stdin:\n  for i in range(int(line)): sys.audit('e2e.n', n); n += 1\n"
         "  print('said', flush=True)\n")


class OtlpCase(Case):
    time_limit = 120

    def receiver(self, **how):
        receiver = otlp.Receiver(**how)
        self.addCleanup(receiver.stop)
        return receiver

    def export(self, receiver, code, *options, env=None, url=True, **how):
        """The records of the JSON output, and the finished tracer."""
        args = ["--otlp" + ("=" + receiver.url if url else ""), "-e", "e2e.*"]
        return self.run_code(code, *args, *options, env=self.environment(**(env or {})), **how)

    def summary(self, found):
        return found[-1]["exporters"]["otlp"]

    def numbers(self, receiver):
        return [r.attributes.get("arg0", json.loads(r.attributes["pyaudit.args"])["arg0"])
                for r in receiver.events("e2e.n")]

    def exactly(self, receiver, count):
        """Each of the events once, in order."""
        got = self.numbers(receiver)
        self.assertEqual(len(got), count)
        self.assertEqual(got, list(range(count)))

    def parts(self, receiver, *options, env=None):
        """A tracer of a program that goes on when it is told to; both."""
        job = self.spawn(self.py.path, "-c", PARTS, stdin=subprocess.PIPE)
        return job, self.attach(job, receiver, *options, env=env)

    def attach(self, job, receiver, *options, env=None):
        out = self.path("parts%d.json" % len(self.jobs))
        tracer = self.tool("-v", "--otlp=" + receiver.url, "--format", "json", "-o", out, "-e", "e2e.*",
                           "-p", str(job.pid), *options, env=self.environment(**(env or {})))
        self.grows(tracer.err_path, b"confined:")
        tracer.out = out
        return tracer

    def say(self, job, count):
        before = job.stdout().count("said")
        job.say(str(count))
        self.until(lambda: job.stdout().count("said") > before, "part of the program", 60)

    def end(self, tracer, *jobs, how=signal.SIGTERM):
        tracer.signal(how)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        for job in jobs:
            job.process.stdin.close()
            self.assertEqual(job.wait(), 0)
        return records.load(tracer.out)


class Records(OtlpCase):
    CODE = ("import sys, socket, pathlib\n"
            "sys.audit('e2e.x', 1, 'a\\udc80b\\n\\u00e9', 2.5, b'\\xff', None, True, 2**70, float('nan'), [1])\n"
            "open(pathlib.Path('/etc/hostname'))\n"
            "s = socket.socket()\n"
            "try: s.connect(('127.0.0.1', 1))\nexcept OSError: pass\n")

    def compare(self, env=None):
        receiver = self.receiver()
        found, _ = self.export(receiver, self.CODE, "-e", "open,socket.*", "-k", env=dict(
            env or {}, OTEL_SERVICE_NAME="shop", OTEL_RESOURCE_ATTRIBUTES="deployment.environment=prod,a.b=c%20d"))
        with open(self.path("out0.json"), encoding="utf-8") as f:
            audit = [r for r in map(json.loads, f) if r["type"] == "audit"]
        got = receiver.records()
        self.assertEqual([r.event() for r in got], [r["event"] for r in audit])
        for theirs, ours in zip(got, audit):
            a = theirs.attributes
            self.assertEqual(json.loads(a["pyaudit.args"]), ours["args"])
            self.assertEqual(a["pyaudit.os_thread_id"], ours["tid"])
            self.assertEqual(theirs.resource["process.pid"], ours["pid"])
            self.assertEqual(ours["time"][-10:-1], "%09d" % (theirs.time % 10 ** 9))
            self.assertGreaterEqual(theirs.observed, theirs.time)
            self.assertEqual(theirs.severity, 9)
            self.assertEqual(theirs.scope[1], "pyaudit-trace")
            if ours["stack"]:
                self.assertEqual((a["code.function.name"], a["code.file.path"]),
                                 (ours["stack"][0]["func"], ours["stack"][0]["file"]))
                self.assertEqual(len(a["code.stacktrace"].splitlines()), len(ours["stack"]))
        self.check_named({r.event(): r for r in got}, got[0].resource)
        self.assertEqual(self.summary(found)["delivered"], len(audit))
        return receiver

    def check_named(self, by_name, resource):
        x = by_name["e2e.x"]
        self.assertEqual(x.name, "pyaudit.custom")
        self.assertEqual([k for k in x.attributes if k.startswith("pyaudit.arg.")], [])
        self.assertIn('e2e.x(arg0=1, arg1="a\\udc80b', x.body)
        self.assertNotIn("\n", x.body)
        opened = by_name["open"]
        self.assertEqual((opened.name, opened.attributes["file.path"], opened.attributes["pyaudit.arg.path"]),
                         ("pyaudit.open", "/etc/hostname", "/etc/hostname"))
        self.assertEqual(opened.attributes["pyaudit.arg.flags"], os.O_CLOEXEC)
        connect = by_name["socket.connect"].attributes
        self.assertEqual((connect["server.address"], connect["server.port"]), ("127.0.0.1", 1))
        self.assertEqual(resource["service.name"], "shop")
        self.assertEqual((resource["deployment.environment"], resource["a.b"]), ("prod", "c d"))
        self.assertEqual(resource["process.runtime.name"], "cpython")
        self.assertEqual(resource["process.runtime.version"], self.py.version.split("-")[0])
        self.assertEqual(resource["process.executable.path"], os.path.realpath(self.py.path))
        self.assertEqual(resource["host.name"], os.uname().nodename)

    def test_protobuf(self):
        receiver = self.compare()
        request = receiver.requests[0]
        self.assertEqual((request.path, request.headers["Content-Type"], request.headers["Content-Encoding"]),
                         ("/v1/logs", "application/x-protobuf", None))
        self.assertRegex(request.headers["User-Agent"], r"^pyaudit-trace/[0-9.]+ OTel-OTLP-Exporter-C/[0-9.]+$")

    def test_json_gzip(self):
        receiver = self.compare({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
                                 "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION": "gzip"})
        headers = receiver.requests[0].headers
        self.assertEqual((headers["Content-Type"], headers["Content-Encoding"]), ("application/json", "gzip"))

    def test_pid_of_record(self):
        receiver = self.receiver()
        self.export(receiver, "import sys, os\nsys.audit('e2e.pid', os.getpid())\n", "--otel-pid-attr=record")
        (record,) = receiver.events("e2e.pid")
        self.assertEqual(record.attributes["process.pid"], json.loads(record.attributes["pyaudit.args"])["arg0"])
        self.assertIn("process.creation.time", record.attributes)
        self.assertEqual({k for k in record.resource if k.startswith("process.")} &
                         {"process.pid", "process.creation.time", "process.parent_pid", "process.vpid"}, set())
        self.assertEqual(record.resource["process.executable.path"], os.path.realpath(self.py.path))

    def test_judge(self):
        """protoc, with the official .proto, knows every field of what we send."""
        folder = otlp.proto_folder()
        if not folder or not shutil.which("protoc"):
            self.skipTest("no protoc, or not the official .proto: tests/fetch-proto")
        receiver = self.receiver()
        self.export(receiver, self.CODE, "-e", "open,socket.*", "-k", env={"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"})
        body = receiver.requests[0].body
        text = otlp.protoc(folder, otlp.LOGS, otlp.LOGS_PROTO, body)
        self.assertEqual(text.returncode, 0, text.stderr)
        # A field that the .proto does not have is shown by its number.
        for line in text.stdout.decode("utf-8").splitlines():
            self.assertNotRegex(line, r"^\s*[0-9]+(:| \{)")
        # Written again by protoc it says the same.
        again = otlp.protoc(folder, otlp.LOGS, otlp.LOGS_PROTO, text.stdout, "--encode")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual([(r.name, r.body, r.attributes, r.resource) for r in otlp.decode_protobuf(again.stdout)],
                         [(r.name, r.body, r.attributes, r.resource) for r in otlp.decode_protobuf(body)])

    def test_json_judge(self):
        """A decoder that takes only what the specification's JSON mapping has says the same as we do."""
        folder = otlp.json_folder()
        if not folder or sys.version_info < (3, 11):
            self.skipTest("no python3-opentelemetry-proto-json (tests/fetch-proto), or not Python 3.11")
        receiver = self.receiver()
        self.export(receiver, self.CODE, "-e", "open,socket.*", "-k", env={"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})
        for request in receiver.requests:
            again = otlp.json_judge(folder, request.body)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertEqual(json.loads(again.stdout), json.loads(request.body))


class Answers(OtlpCase):
    def test_retries(self):
        """What is to be sent again is, after the time that was asked for, and arrives once."""
        receiver = self.receiver()
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))
        receiver.script = [otlp.say(429, headers=[("Retry-After", "1")]), otlp.say(503), otlp.say(502),
                           otlp.say(504), otlp.hang_up, otlp.raw(b"garbage\r\n\r\n")]
        job, tracer = self.parts(receiver, env={"OTEL_BLRP_SCHEDULE_DELAY": "50"})
        self.say(job, 100)
        self.until(lambda: receiver.taken, "a request that is taken", 40)
        self.assertEqual(len({r.raw for r in receiver.requests[:7]}), 1, "the same request each time")
        receiver.script = [otlp.say(503, headers=[("Retry-After", date)])]
        self.say(job, 100)
        self.until(lambda: not receiver.script, "the answer with a date")
        seen = len(receiver.requests)
        time.sleep(2)
        self.assertEqual(len(receiver.requests), seen, "an hour was asked for")
        found = self.end(tracer, job)
        self.exactly(receiver, 100)
        self.assertEqual(self.summary(found)["dropped"]["unsent"], 100)
        self.assertEqual(self.summary(found)["delivered"], 100)
        self.assertIn("answers 429", tracer.stderr())
        self.assertIn("delivers again", tracer.stderr())

    def test_retry_after(self):
        receiver = self.receiver()
        receiver.script = [otlp.say(429, headers=[("Retry-After", "2")])]
        found, _ = self.export(receiver, COUNT % 10)
        self.assertGreaterEqual(receiver.requests[1].time - receiver.requests[0].time, 2)
        self.exactly(receiver, 10)
        self.assertEqual(self.summary(found)["delivered"], 10)

    def test_retry_after_date(self):
        receiver = self.receiver()

        def answer(handler):
            date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3))
            return otlp.say(503, headers=[("Retry-After", date)])(handler)
        receiver.script = [answer]
        self.export(receiver, COUNT % 10)
        self.assertGreaterEqual(receiver.requests[1].time - receiver.requests[0].time, 1.9)
        self.exactly(receiver, 10)

    def test_retry_after_ever(self):
        """However long a receiver asks for, it is not asked again at once."""
        for after in "9223372036854775807", "9223372036854776", "9223372036855":
            receiver = self.receiver()
            receiver.otherwise = otlp.say(503, headers=[("Retry-After", after)])
            self.export(receiver, COUNT % 10 + "\nimport time; time.sleep(3)")
            self.assertEqual(len(receiver.requests), 1, after)

    def test_refused(self):
        """What must not be sent again is not, and is counted."""
        receiver = self.receiver()
        receiver.script = [otlp.say(400, b"\x08\x03\x12\x07go away"), otlp.say(500), otlp.say(413),
                           otlp.say(301, headers=[("Location", receiver.url + "/elsewhere")]),
                           otlp.say(400, b'{"code":3,"message":"in json"}', kind="application/json")]
        found, job = self.export(receiver, COUNT % 700, env={"OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "100"})
        self.assertEqual(len(receiver.requests), 7)
        self.assertEqual({r.path for r in receiver.requests}, {"/v1/logs"})
        self.assertEqual(self.numbers(receiver), list(range(500, 700)))
        self.assertEqual((self.summary(found)["delivered"], self.summary(found)["dropped"]["refused"]), (200, 500))
        self.assertIn("go away", job.stderr())
        self.assertRegex(job.stderr(), r"otlp: 200 events delivered, 500 dropped: refused")
        self.assertEqual(found[-1]["delivered"], 700, "the output has them all")

    def test_partial(self):
        receiver = self.receiver()
        receiver.script = [otlp.say(200, otlp.partial(3, "three of them")), otlp.say(200, otlp.partial(0, "a warning")),
                           otlp.say(200, b'{"partialSuccess":{"rejectedLogRecords":"2"}}', kind="application/json"),
                           otlp.say(200, b"\x0a\x00"), otlp.say(200, b'{"partialSuccess":{}}', kind="application/json"),
                           otlp.say(200, b"\xff\xff not a message"), otlp.say(202)]
        found, job = self.export(receiver, COUNT % 800, env={"OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "100"})
        self.exactly(receiver, 800)
        self.assertEqual((self.summary(found)["delivered"], self.summary(found)["dropped"]["rejected"]), (795, 5))
        self.assertIn("three of them", job.stderr())

    def test_slow(self):
        """A receiver that does not answer keeps nobody waiting, and the end comes within its bound."""
        receiver = self.receiver()
        release = threading.Event()
        self.addCleanup(release.set)
        receiver.otherwise = otlp.wait_for(release)
        start = time.monotonic()
        found, job = self.export(receiver, COUNT % 2000)
        self.assertLess(time.monotonic() - start, 25)
        self.assertEqual(found[-1]["delivered"], 2000)
        self.assertEqual(self.summary(found)["delivered"] + self.summary(found)["dropped"]["unsent"], 2000)
        self.assertGreaterEqual(self.summary(found)["dropped"]["unsent"], 1000)

    def test_timeout(self):
        """A request that takes too long, by either variable, is cancelled and sent again."""
        for name in "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_BLRP_EXPORT_TIMEOUT":
            receiver = self.receiver()
            release = threading.Event()
            self.addCleanup(release.set)
            receiver.script = [otlp.wait_for(release, otlp.say(503))]
            found, job = self.export(receiver, COUNT % 10, env={name: "500"})
            self.exactly(receiver, 10)
            self.assertRegex(job.stderr(), "timed out|Timeout", name)

    def test_queue_bound(self):
        """More than may wait is dropped and counted; a record says where."""
        receiver = self.receiver()
        receiver.stop()
        found, job = self.export(receiver, COUNT % 1000, env={"OTEL_BLRP_MAX_QUEUE_SIZE": "300",
                                                               "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "100"})
        drops = self.summary(found)["dropped"]
        self.assertEqual((drops["queue_full"], drops["unsent"]), (700, 300))
        self.assertRegex(job.stderr(), r"otlp: .*127.0.0.1.*trying again")
        found, _ = self.export(receiver, COUNT % 10000)
        drops = self.summary(found)["dropped"]
        self.assertEqual((drops["queue_full"], drops["unsent"]), (0, 10000), "by default bytes are the bound")


    def test_losses_are_told(self):
        """What was lost while there was no room is told when there is."""
        receiver = self.receiver()
        receiver.stop()
        env = {"OTEL_BLRP_MAX_QUEUE_SIZE": "5", "OTEL_BLRP_SCHEDULE_DELAY": "20"}
        job, tracer = self.parts(receiver, "--rate", "200", env=env)
        self.say(job, 5000)
        self.until(lambda: b'"reason":"rate"' in open(tracer.out, "rb").read(), "a loss in the output")
        receiver.start()
        self.until(lambda: receiver.taken, "a receiver again", 30)
        time.sleep(1)
        self.say(job, 1)
        found = self.end(tracer, job)
        told = {}
        for r in receiver.records():
            if r.name == "pyaudit.lost":
                reason = r.attributes["pyaudit.lost.reason"]
                told[reason] = told.get(reason, 0) + r.attributes["pyaudit.lost.count"]
        self.assertEqual(told.get("rate"), found[-1]["lost"]["rate"])
        self.assertEqual(told.get("output"), self.summary(found)["dropped"]["queue_full"])


class Outage(OtlpCase):
    def test_restart(self):
        """The receiver goes and comes back under load; connections that stood are reset."""
        receiver = self.receiver()
        job, tracer = self.parts(receiver, env={"OTEL_BLRP_SCHEDULE_DELAY": "20"})
        for _ in range(3):
            self.say(job, 2000)
            receiver.stop()
            self.say(job, 2000)
            time.sleep(0.3)
            receiver.start()
        self.say(job, 2000)
        self.until(lambda: len(self.numbers(receiver)) >= 14000, "all events", 60)
        found = self.end(tracer, job)
        self.exactly(receiver, 14000)
        self.assertEqual(self.summary(found)["delivered"], 14000)
        self.assertEqual(sum(self.summary(found)["dropped"].values()), 0)

    def test_many(self):
        """200,000 events, each once."""
        receiver = self.receiver()
        found, _ = self.export(receiver, COUNT % 200000, "--buffer", "256M", timeout=110, contract=False)
        lost = sum(found[-1]["lost"].values())
        self.assertEqual(lost, 0)
        self.exactly(receiver, 200000)
        self.assertEqual(self.summary(found)["delivered"], 200000)
        self.assertLessEqual(max(len(r.records()) for r in receiver.requests[:50]), 512)
        self.assertLess(len({r.connection for r in receiver.requests}), 4, "connections are kept")


class Spool(OtlpCase):
    def test_survives(self):
        """An outage, kill -9 of the tracer, and another outage: all arrives, in order."""
        receiver = self.receiver()
        spool = self.path("spool")
        options = ("--spool", spool)
        env = {"OTEL_BLRP_SCHEDULE_DELAY": "50"}
        job, tracer = self.parts(receiver, *options, env=env)
        self.say(job, 500)
        self.until(lambda: len(self.numbers(receiver)) >= 500, "the first part")
        receiver.stop()
        self.say(job, 3000)
        self.until(lambda: tracer.out and records_in(tracer.out) >= 3500, "the second part written", 20)
        time.sleep(0.3)
        tracer.signal(signal.SIGKILL)
        tracer.wait()
        self.assertEqual(len(self.numbers(receiver)), 500)
        self.assertEqual(os.stat(spool).st_mode & 0o777, 0o700)
        second = self.attach(job, receiver, *options, env=env)
        self.say(job, 1000)
        self.until(lambda: records_in(second.out) >= 1000, "the third part written", 20)
        found = self.end(second)
        self.assertEqual(self.summary(found)["recovered"], 3000)
        self.assertEqual(self.summary(found)["waiting"], 4000)
        self.assertEqual(sum(self.summary(found)["dropped"].values()), 0)
        receiver.start()
        third = self.attach(job, receiver, *options, env=env)
        self.say(job, 100)
        self.until(lambda: len(self.numbers(receiver)) >= 4600, "all events", 30)
        found = self.end(third, job)
        self.exactly(receiver, 4600)
        self.assertEqual((self.summary(found)["recovered"], self.summary(found)["delivered"],
                          self.summary(found)["waiting"]), (4000, 4100, 0))
        self.assertEqual([n for n in os.listdir(spool) if n.endswith(".spool")], [])

    def test_bound(self):
        """The disk is bounded: the oldest go, and are counted."""
        receiver = self.receiver()
        receiver.stop()
        spool = self.path("spool")
        found, job = self.export(receiver, COUNT % 20000, "--spool", spool + ",1M")
        size = sum(os.stat(os.path.join(spool, n)).st_size for n in os.listdir(spool))
        self.assertLessEqual(size, (1 << 20) + 4096)
        one = self.summary(found)
        self.assertGreater(one["dropped"]["spool_full"], 0)
        self.assertEqual(one["dropped"]["spool_full"] + one["waiting"], 20000)
        receiver.start()
        found, _ = self.export(receiver, "pass", "--spool", spool + ",1M")
        self.assertEqual(self.summary(found)["delivered"], one["waiting"])
        self.assertEqual(self.numbers(receiver), list(range(20000 - one["waiting"], 20000)))

    def test_small(self):
        """A spool as small as may be takes batches that are larger than half of it, in parts."""
        receiver = self.receiver()
        receiver.stop()
        code = "import sys\nfor i in range(100): sys.audit('e2e.n', i, 'x' * 4000)"
        found, _ = self.export(receiver, code, "-s", "4000", "--spool", self.path("spool") + ",1M")
        self.assertEqual(self.summary(found)["dropped"]["spool_failed"], 0)
        self.assertEqual(self.summary(found)["waiting"], 100)

    def test_other_batches(self):
        """Blocks that an earlier run has made larger than this one's requests may be go one by one."""
        receiver = self.receiver()
        receiver.stop()
        spool = ("--spool", self.path("spool"))
        self.export(receiver, COUNT % 2000, *spool)
        receiver.start()
        found, _ = self.export(receiver, "pass", *spool, env={"OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "3"})
        self.exactly(receiver, 2000)
        blocks = [len(r.records()) for r in receiver.requests]
        self.assertLessEqual(max(blocks), 512)

    def test_damage(self):
        """What is damaged is skipped, told and counted; the rest is sent."""
        receiver = self.receiver()
        receiver.stop()
        spool = self.path("spool")
        self.export(receiver, COUNT % 2500, "--spool", spool + ",1M", env={"OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "50"})
        names = sorted(n for n in os.listdir(spool) if n.endswith(".spool"))
        self.assertGreater(len(names), 3)
        with open(os.path.join(spool, names[1]), "r+b") as f:
            f.seek(30000)
            f.write(b"\xff" * 100)
        with open(os.path.join(spool, names[2]), "r+b") as f:
            f.truncate(10)
        receiver.start()
        found, job = self.export(receiver, "pass", "--spool", spool + ",1M")
        got = self.numbers(receiver)
        self.assertEqual(got, sorted(set(got)))
        self.assertEqual(self.summary(found)["delivered"], len(got))
        self.assertEqual(got[-1], 2499)
        self.assertEqual(job.stderr().count("is damaged at byte"), 2)

    def test_refused(self):
        """A directory that others may write to, a link to one, one that is in use."""
        shared = self.path("shared")
        os.mkdir(shared)
        os.chmod(shared, 0o777)
        link = self.path("link")
        os.mkdir(self.path("own"), 0o700)
        os.symlink(self.path("own"), link)
        for path, why in (shared, "open to others"), (link, "link"), (self.path("no/where"), "No such file"):
            job = self.run_tool("--otlp=http://127.0.0.1:1", "--spool", path, "--", self.py.path, "-c", "pass")
            self.assert_one_line(job, 1, "--spool", why)
        job = self.run_tool("--spool", path, "--", self.py.path, "-c", "pass")
        self.assert_one_line(job, 2, "--otlp")


def records_in(path):
    with open(path, "rb") as f:
        return f.read().count(b'"type":"audit"')


class Environment(OtlpCase):
    def test_endpoints(self):
        receiver = self.receiver()
        base = receiver.url
        for env, path in (
                ({"OTEL_EXPORTER_OTLP_ENDPOINT": base}, "/v1/logs"),
                ({"OTEL_EXPORTER_OTLP_ENDPOINT": base + "/"}, "/v1/logs"),
                ({"OTEL_EXPORTER_OTLP_ENDPOINT": base + "/a/b"}, "/a/b/v1/logs"),
                ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": base, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, "/"),
                ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": base + "/x?y=1"}, "/x?y=1")):
            self.export(receiver, COUNT % 1, url=False, env=env)
            self.assertEqual(receiver.requests[-1].path, path, env)
        self.exactly_once_each(receiver, 5)

    def exactly_once_each(self, receiver, count):
        self.assertEqual(self.numbers(receiver), [0] * count)

    def test_headers_and_limits(self):
        receiver = self.receiver()
        self.export(receiver, "open('/etc/hostname')", "-e", "open", "--arg", "path~/etc/hostname", env={
            "OTEL_EXPORTER_OTLP_HEADERS": "x-general=1",
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "authorization=Bearer%20abc, x-two=2",
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "4", "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": "5"})
        headers = receiver.requests[0].headers
        self.assertEqual((headers["authorization"], headers["x-two"], headers["x-general"]), ("Bearer abc", "2", None))
        record = receiver.records()[0]
        self.assertEqual(len(record.attributes), 4)
        self.assertGreater(record.dropped, 3)
        self.assertEqual(record.attributes["pyaudit.arg.path"], "/etc/")

    def test_errors(self):
        for env, why in (({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf"),
                         ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "http://HOST:PORT"),
                         ({"OTEL_EXPORTER_OTLP_HEADERS": "secret"}, "NAME=VALUE")):
            job = self.run_tool("--otlp", "--", self.py.path, "-c", "pass", env=self.environment(**env))
            self.assert_one_line(job, 1, "OTEL_EXPORTER_OTLP", why)
            self.assertNotIn("secret", job.stderr())
        job = self.run_tool("--otlp=collector:4318", "--", self.py.path, "-c", "pass")
        self.assert_one_line(job, 2, "--otlp", "http://HOST:PORT")

    def test_disabled(self):
        receiver = self.receiver()
        found, job = self.export(receiver, COUNT % 1, env={"OTEL_SDK_DISABLED": "true"})
        self.assertEqual(receiver.requests, [])
        self.assertNotIn("exporters", found[-1])
        self.assertIn("OTEL_SDK_DISABLED", job.stderr())


class Tls(OtlpCase):
    def test_certificates(self):
        """Both sides show one; a receiver of another authority gets nothing."""
        if not otlp.have_openssl():
            self.skipTest("no openssl here")
        made = otlp.certificates(self.dir)
        receiver = self.receiver(tls=otlp.server_tls(made, client=True))
        env = {"OTEL_EXPORTER_OTLP_CERTIFICATE": made["ca"], "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": made["client"][0],
               "OTEL_EXPORTER_OTLP_CLIENT_KEY": made["client"][1]}
        found, _ = self.export(receiver, COUNT % 1000, env=env)
        self.exactly(receiver, 1000)
        del env["OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"], env["OTEL_EXPORTER_OTLP_CLIENT_KEY"]
        found, _ = self.export(receiver, COUNT % 10, env=env)
        self.assertEqual(self.summary(found)["dropped"]["unsent"], 10)
        found, job = self.export(receiver, COUNT % 10)
        self.assertEqual(self.summary(found)["dropped"]["unsent"], 10)
        self.assertRegex(job.stderr(), "certificate")
        self.assertEqual(len(self.numbers(receiver)), 1000)


class Context(OtlpCase):
    """What the process publishes for readers from outside: OTEP 4719."""
    WRITER = """
import ctypes, mmap, os, struct, sys, time
def field(n, data): return bytes([n << 3 | 2, len(data)]) + data
def pair(k, v): return field(1, field(1, k) + field(2, field(1, v)))
payload = field(1, pair(b"service.name", b"published") + pair(b"team", b"blue"))
libc = ctypes.CDLL(None)
fd = libc.memfd_create(b"OTEL_CTX", 1)
os.ftruncate(fd, 4096)
m = mmap.mmap(fd, 4096)
keep = ctypes.create_string_buffer(payload)
m[:32] = struct.pack("=8sIIQQ", b"OTEL_CTX", %d, len(payload), time.monotonic_ns(), ctypes.addressof(keep))
for i in range(3):
    sys.audit("e2e.n", i)
    time.sleep(1.2)
"""

    def resources(self, version):
        receiver = self.receiver()
        self.export(receiver, self.WRITER % version, env={"OTEL_SERVICE_NAME": "environment"})
        return [r.resource for r in receiver.events("e2e.n")]

    def test_published(self):
        last = self.resources(2)[-1]
        self.assertEqual((last["service.name"], last.get("team")), ("published", "blue"))

    def test_unknown_version(self):
        last = self.resources(9)[-1]
        self.assertEqual((last["service.name"], last.get("team")), ("environment", None))
