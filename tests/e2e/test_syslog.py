# SPDX-License-Identifier: GPL-2.0-only
"""--syslog to a real rsyslog, over each transport; and what arrives while it is restarted."""
import os
import re
import signal
import socket
import subprocess
import threading
import time

from lib import receivers, records, scrape
from lib.case import Case, Config

CODE = "import sys; sys.audit('e2e.x', 'a\\n|\\u00e9 %s', b'\\xff', None, 7); open('/etc/hostname')"


class Forwarding(Case):
    time_limit = 200

    def said(self):
        job = self.spawn(self.py.path, self.program("said.py"), stdin=subprocess.PIPE)
        self.grows(job.out_path, b"ready")
        return job

    def attach(self, job, *options):
        out = self.path("out.json")
        tracer = self.tool("-v", "--metrics", "0", "--format", "json", "-o", out, "-e", "e2e.*",
                           "-p", str(job.pid), *options)
        url = scrape.url_of(tracer, self)
        self.grows(out, b'"type":"process"')
        return tracer, url

    def delivered(self, url, sink, count, timeout=60):
        def there():
            found = scrape.parse(scrape.get(url + "/metrics")[1])
            value = scrape.by_label(found, "pyaudit_sink_delivered_total", "sink")[sink]
            return found if value >= count else None
        return self.until(there, "%d events delivered by %s" % (count, sink), timeout)

    def dropped(self, found, sink):
        return {dict(labels)["reason"]: value for (name, labels), value in found.items()
                if name == "pyaudit_sink_dropped_total" and dict(labels)["sink"] == sink}

    def end(self, tracer, job):
        tracer.signal(signal.SIGINT)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        job.process.stdin.close()
        self.assertEqual(job.wait(), 0)


class Syslog(Forwarding):
    def compare(self, receiver, *options):
        """What rsyslog made of a short run is what the JSON file says, and its headers are right."""
        found, job = self.run_json("--syslog=" + receiver.address + "".join(options), "--", self.py.path, "-c",
                                   CODE % "x")
        self.until(lambda: any(r["type"] == "summary" for r in receiver.records()), "the summary", 20)
        receiver.stop()
        lines = receiver.lines()
        self.assertEqual([(r["type"], r.get("event"), r["seq"]) for r in receiver.records()],
                         [(r["type"], r.get("event"), r["seq"]) for r in found])
        x = [line for line in lines if line[5] == "custom"]
        self.assertEqual(len(x), 1, "MSGID of names that are not in the table")
        facility, severity, host, app, procid, msgid, when, _ = x[0]
        self.assertEqual((severity, app, procid), ("info", "pyaudit-trace", str(job.pid)))
        self.assertEqual(host, socket.gethostname())
        record = [r for r in receiver.records() if r.get("event") == "e2e.x"][0]
        self.assertEqual(record["args"], {"arg0": "a\n|\u00e9 x", "arg1": {"base64": "/w=="}, "arg2": None, "arg3": 7})
        self.assertEqual(when[:23], record["time"][:23])
        self.assertTrue([line for line in lines if line[5] == "open"])
        return facility

    def test_unix(self):
        self.assertEqual(self.compare(receivers.Rsyslog(self, "unix")), "daemon")

    def test_udp(self):
        self.assertEqual(self.compare(receivers.Rsyslog(self, "udp"), ",facility=local3"), "local3")

    def test_udp_addresses(self):
        """Of a host's addresses the receiver listens on the second."""
        if not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("no IPv6")
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(receiver.close)
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        with open(self.path("hosts"), "w") as f:
            f.write("127.0.0.1 two.test\n::1 two.test\n")
        job = self.spawn("unshare", "-m", "--propagation", "private", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"',
                         self.path("hosts"), Config.tool, "--syslog=udp:two.test:%d" % receiver.getsockname()[1],
                         "-o", "/dev/null", "-e", "e2e.*", "--", self.py.path, "-c",
                         "import sys, time\nfor i in range(20):\n  sys.audit('e2e.n', i)\n  time.sleep(0.05)")
        got = []
        while not got or b'"type":"summary"' not in got[-1]:
            got.append(receiver.recv(65536))
        self.assertEqual(job.wait(), 0, job.stderr())
        numbers = [int(n) for n in re.findall(r'"arg0":(\d+)', b"".join(got).decode())]
        self.assertEqual(set(numbers), set(range(20)))

    def test_tcp(self):
        self.assertEqual(self.compare(receivers.Rsyslog(self, "tcp"), ",facility=authpriv"), "authpriv")

    def test_tls(self):
        """With certificates on both sides; a receiver of another authority gets nothing."""
        tls = receivers.Certificates(self)
        receiver = receivers.Rsyslog(self, "tls", tls)
        job = self.run_tool("--syslog=" + receiver.address, "-o", "/dev/null", "-e", "e2e.*", "--",
                            self.py.path, "-c", CODE % "x")
        self.assertRegex(job.stderr(), "--syslog: cannot connect: .*certificate")
        self.assertEqual(receiver.records(), [])
        self.compare(receiver, ",ca=%s,cert=%s,key=%s" % ((tls.ca,) + tls.client))

    def restart(self, kind, tls=None, parameters=""):
        """rsyslog is stopped and started again under load: every event arrives, and is counted once."""
        receiver = receivers.Rsyslog(self, kind, tls)
        job = self.said()
        tracer, url = self.attach(job, "--syslog=" + receiver.address + parameters)
        total, batch = 0, 20000
        for i in range(3):
            job.say(str(batch))
            total += batch
            if i < 2:
                self.until(lambda: len(receiver.lines()) > total - batch + 100, "some of batch %d" % i)
                receiver.stop()
                receiver.start()
        self.grows(job.out_path, b"done %d" % total, timeout=60)
        found = self.delivered(url, "syslog", total)
        self.assertEqual(set(self.dropped(found, "syslog").values()), {0})
        self.end(tracer, job)
        self.until(lambda: receiver.records()[-1]["type"] == "summary", "the summary", 20)
        receiver.stop()
        got = [r["args"]["arg0"] for r in receiver.records() if r["type"] == "audit"]
        self.assertEqual(set(got), set(range(1, total + 1)), "events are missing")
        print("     %d events, %d of them twice" % (total, len(got) - total))

    def test_restart_unix(self):
        self.restart("unix")

    def test_restart_tcp(self):
        self.restart("tcp")

    def test_restart_tls(self):
        tls = receivers.Certificates(self)
        self.restart("tls", tls, ",ca=%s,cert=%s,key=%s" % ((tls.ca,) + tls.client))

    def test_million(self):
        """A million events without an outage: each reaches rsyslog once."""
        receiver = receivers.Rsyslog(self, "tcp")
        job, total = self.said(), 1000000
        tracer, url = self.attach(job, "--syslog=" + receiver.address, "--buffer", "64M", "--no-args")
        start = time.monotonic()
        for batch in range(20):
            job.say(str(total // 20))
            self.grows(job.out_path, b"done %d" % ((batch + 1) * total // 20), timeout=60)
            # In batches, as this is not about how much the ring can hold.
            self.delivered(url, "syslog", (batch + 1) * total // 20)
        took = time.monotonic() - start
        found = scrape.parse(scrape.get(url + "/metrics")[1])
        self.assertEqual(set(self.dropped(found, "syslog").values()), {0})
        self.assertEqual(sum(scrape.by_label(found, "pyaudit_events_lost_total", "reason").values()), 0)
        self.end(tracer, job)
        self.until(lambda: receiver.count(b'"summary"'), "the summary", 60)
        receiver.stop()
        self.assertEqual(receiver.count(b'"event": "e2e.said"') , total)
        print("     %d events in %.0f s" % (total, took))

    def test_killed(self):
        """A receiver that is killed with much unread, again and again: what it had not read comes again."""
        got, stop = set(), threading.Event()

        def serve(listener, count):
            """Reads count messages, then closes with what has come meanwhile unread."""
            peer, _ = listener.accept()
            peer.settimeout(20)
            data = b""
            while count and not stop.is_set():
                try:
                    piece = peer.recv(4096)
                except socket.timeout:
                    break
                if not piece:
                    break
                data += piece
                while count:
                    m = re.match(rb"(\d+) ", data)
                    if not m or len(data) < m.end() + int(m.group(1)):
                        break
                    message = data[m.end():m.end() + int(m.group(1))]
                    data = data[m.end() + int(m.group(1)):]
                    n = re.search(rb'"event":"e2e.said","args":\{"arg0":(\d+)\}', message)
                    if n:
                        got.add(int(n.group(1)))
                    count -= 1
            peer.close()

        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve_all():
            for _ in range(5):
                serve(listener, 3000)
            serve(listener, 10 ** 9)
        thread = threading.Thread(target=serve_all, daemon=True)
        thread.start()
        job = self.said()
        tracer, url = self.attach(job, "--syslog=tcp:127.0.0.1:%d" % listener.getsockname()[1])
        job.say("30000")
        self.grows(job.out_path, b"done", timeout=60)
        self.until(lambda: len(got) == 30000, "all events", 40)
        self.end(tracer, job)
        thread.join(20)
        stop.set()
        listener.close()
        self.assertEqual(got, set(range(1, 30001)))

    def test_nobody(self):
        """No receiver: one warning, tracing goes on, and what could not be sent is counted."""
        job = self.said()
        tracer, url = self.attach(job, "--syslog=unix:" + self.path("nobody"))
        job.say("100")
        self.until(lambda: scrape.parse(scrape.get(url + "/metrics")[1])["pyaudit_events_delivered_total", ()] == 100,
                   "100 events")
        found = scrape.parse(scrape.get(url + "/metrics")[1])
        self.assertEqual(scrape.by_label(found, "pyaudit_sink_up", "sink")["syslog"], 0)
        self.assertGreater(scrape.by_label(found, "pyaudit_sink_queue_bytes", "sink")["syslog"], 10000)
        self.end(tracer, job)
        warnings = [line for line in tracer.stderr().splitlines() if "cannot connect" in line]
        self.assertEqual(len(warnings), 1, tracer.stderr())
        self.assertEqual(len(records.audits(records.load(self.path("out.json")))), 100)

    def test_silent_receiver(self):
        """A receiver that takes the connection and then reads nothing neither slows the output nor the end."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        job = self.said()
        tracer, url = self.attach(job, "--syslog=tcp:127.0.0.1:%d" % listener.getsockname()[1])
        job.say("100000")
        self.grows(job.out_path, b"done", timeout=60)
        self.until(lambda: scrape.parse(scrape.get(url + "/metrics")[1])["pyaudit_events_delivered_total", ()] == 100000,
                   "100000 events in the file", 30)
        found = scrape.parse(scrape.get(url + "/metrics")[1])
        self.assertGreater(self.dropped(found, "syslog")["queue_full"], 0)
        self.assertEqual(scrape.get(url + "/healthz"), (503, "events are being lost: exporters\n"))
        self.end(tracer, job)
        listener.close()

    def test_wrong_addresses(self):
        for bad, why in (("host", "unix:PATH"), ("udp:", "no host"), ("tcp:h:0", "port"), ("udp:h,facility=x", "facility"),
                         ("tcp:h,ca=/x", "for tls"), ("unix:", "no path")):
            job = self.run_tool("--syslog=" + bad, "--", self.py.path, "-c", "")
            self.assert_one_line(job, 2, re.escape("--syslog '%s'" % bad), why)
