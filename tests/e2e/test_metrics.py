# SPDX-License-Identifier: GPL-2.0-only
"""--metrics: what it says is what the summary says, and a real Prometheus takes all of it."""
import collections
import signal
import socket
import subprocess

from lib import records, scrape
from lib.case import Case

HOSTILE = """
import os, sys
for i in range(300):
    sys.audit("made.up.%d" % i, i)
sys.audit('x"} 1\\npyaudit_build_info{version="0"} 2', 1)
sys.audit("a" * 300)
os.remove.__name__
print("done", flush=True)
sys.stdin.read()
"""


class Scraped(Case):
    def said(self, python=None):
        job = self.spawn(python or self.py.path, self.program("said.py"), stdin=subprocess.PIPE)
        self.grows(job.out_path, b"ready")
        return job

    def start(self, *options):
        tracer = self.tool("-v", "--format", "json", "--metrics", "0", *options)
        return tracer, scrape.url_of(tracer, self)

    def scrape(self, url):
        status, text = scrape.get(url + "/metrics")
        self.assertEqual(status, 200)
        return scrape.parse(text)

    def settled(self, url, name, value):
        """The first scrape in which a series without labels has reached the value."""
        def there():
            found = self.scrape(url)
            return found if found[name, ()] >= value else None
        return self.until(there, "%s %d" % (name, value))

    def finish_all(self, tracer, job):
        tracer.signal(signal.SIGINT)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        job.process.stdin.close()
        self.assertEqual(job.wait(), 0)

    def attach(self, job, out, *options):
        tracer, url = self.start("-o", out, "-p", str(job.pid), *options)
        self.grows(out, b'"type":"process"')
        return tracer, url

    def assert_equals_summary(self, found, summary):
        self.assertEqual(found["pyaudit_events_seen_total", ()], summary["seen"])
        self.assertEqual(found["pyaudit_events_delivered_total", ()], summary["delivered"])
        self.assertEqual(found["pyaudit_events_filtered_total", ()], summary["filtered"])
        self.assertEqual(scrape.by_label(found, "pyaudit_events_lost_total", "reason"),
                         dict(summary["lost"].pairs))


class Metrics(Scraped):
    def test_equals_summary(self):
        """Filtered, delivered and by name: as in the output."""
        job, out = self.said(), self.path("out.json")
        tracer, url = self.attach(job, out, "-e", "!e2e.other")
        job.say("1000")
        found = self.settled(url, "pyaudit_events_delivered_total", 1000)
        self.finish_all(tracer, job)
        all_records = records.load(out)
        self.assert_equals_summary(found, all_records[-1])
        names = collections.Counter(r["event"] for r in records.audits(all_records))
        self.assertEqual(names, {"e2e.said": 1000})
        by_name = scrape.by_label(found, "pyaudit_events_total", "event")
        self.assertEqual(by_name["custom"], 1000)
        self.assertEqual(sum(by_name.values()), 1000)
        self.assertEqual(found["pyaudit_traced_processes", ()], 1)
        self.assertEqual(sum(scrape.by_label(found, "pyaudit_probed_files", "kind").values()), 1)
        self.assertGreater(found["process_cpu_seconds_total", ()], 0)
        self.assertGreater(found["process_resident_memory_bytes", ()], 1 << 20)

    def test_filtered(self):
        job, out = self.said(), self.path("out.json")
        tracer, url = self.attach(job, out, "-e", "e2e.other")
        job.say("500")
        found = self.settled(url, "pyaudit_events_filtered_total", 500)
        self.finish_all(tracer, job)
        summary = records.load(out)[-1]
        self.assert_equals_summary(found, summary)
        self.assertEqual(summary["filtered"], 500)

    def test_names_of_the_table(self):
        """Each event of the table under its own name and category."""
        out = self.path("out.json")
        job = self.spawn(self.py.path, "-c", "import sys; print('ready', flush=True); sys.stdin.readline();"
                         "import colorsys; open('/dev/null'); exec('1'); print('done', flush=True); sys.stdin.read()",
                         stdin=subprocess.PIPE)
        self.grows(job.out_path, b"ready")
        tracer, url = self.attach(job, out)
        job.say("go")
        self.grows(job.out_path, b"done")
        seen = self.scrape(url)["pyaudit_events_seen_total", ()]
        found = self.settled(url, "pyaudit_events_delivered_total", seen)
        self.finish_all(tracer, job)
        all_records = records.load(out)
        self.assert_equals_summary(found, all_records[-1])
        names = collections.Counter(r["event"] for r in records.audits(all_records))
        by_name = scrape.by_label(found, "pyaudit_events_total", "event")
        self.assertEqual({name: by_name[name] for name in names}, names)
        self.assertGreater(names["open"], 0)
        categories = {dict(labels)["event"]: dict(labels)["category"]
                      for (name, labels) in found if name == "pyaudit_events_total"}
        self.assertEqual(categories["open"], "file")
        self.assertEqual(categories["custom"], "custom")

    def test_losses(self):
        """A tracer that is stopped while a flood comes: what it lost is told alike, and /healthz says so."""
        job, out = self.said(), self.path("out.json")
        tracer, url = self.attach(job, out, "--buffer", "64k")
        self.assertEqual(scrape.get(url + "/healthz"), (200, "ok\n"))
        tracer.signal(signal.SIGSTOP)
        job.say("20000")
        self.grows(job.out_path, b"done", timeout=30)
        tracer.signal(signal.SIGCONT)
        job.say("10")
        found = self.until(lambda: (lambda f: f if f["pyaudit_events_delivered_total", ()] + sum(
            scrape.by_label(f, "pyaudit_events_lost_total", "reason").values()) == 20010 else None)(self.scrape(url)),
            "20010 events")
        self.assertGreater(scrape.by_label(found, "pyaudit_events_lost_total", "reason")["ring"], 0)
        self.assertGreater(found["pyaudit_ring_peak_bytes", ()], 60000)
        self.assertEqual(found["pyaudit_ring_size_bytes", ()], 65536)
        self.assertEqual(scrape.get(url + "/healthz"), (503, "events are being lost: ring\n"))
        self.assertEqual(scrape.get(url + "/livez"), (200, "ok\n"))
        self.finish_all(tracer, job)
        self.assert_equals_summary(found, records.load(out)[-1])

    def test_closed_label_sets(self):
        """Whatever names a program makes up, there are no more series than before."""
        job = self.spawn(self.py.path, "-c", "import sys; print('ready', flush=True); sys.stdin.readline()\n" + HOSTILE,
                         stdin=subprocess.PIPE)
        self.grows(job.out_path, b"ready")
        tracer, url = self.attach(job, self.path("out.json"))
        before = self.scrape(url)
        job.say("go")
        self.grows(job.out_path, b"done")
        found = self.settled(url, "pyaudit_events_delivered_total", 302)
        self.assertEqual(set(found), set(before))
        self.assertGreaterEqual(scrape.by_label(found, "pyaudit_events_total", "event")["custom"], 302)
        self.finish_all(tracer, job)

    def test_promtool(self):
        """promtool has nothing to say against the metrics, nor against the rules."""
        if not scrape.promtool():
            self.skipTest("no promtool here (Debian's package prometheus)")
        job = self.said()
        tracer, url = self.attach(job, self.path("out.json"))
        text = scrape.get(url + "/metrics")[1]
        check = subprocess.run([scrape.promtool(), "check", "metrics"], input=text.encode(),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual((check.returncode, check.stdout.decode()), (0, ""))
        check = subprocess.run([scrape.promtool(), "check", "rules", scrape.RULES],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(check.returncode, 0, check.stdout.decode())
        self.finish_all(tracer, job)

    def test_hostile_clients(self):
        """Clients that connect and are silent neither keep others out nor hold up the tracing."""
        job, out = self.said(), self.path("out.json")
        tracer, url = self.attach(job, out)
        port = int(url.rpartition(":")[2])
        silent = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(100)]
        for client in silent:
            client.send(b"GET /metrics HTTP/1.1\r\nHos")
        job.say("1000")
        self.settled(url, "pyaudit_events_delivered_total", 1000)
        for client in silent:
            client.close()
        self.finish_all(tracer, job)
        self.assertEqual(len(records.audits(records.load(out))), 1000)

    def test_bad_addresses(self):
        """A wrong command line, and an address that is taken."""
        for bad in ("", "x", "127.0.0.1:", "1.2.3.4:99999", "::1:80"):
            job = self.run_tool("--metrics", bad, "--", self.py.path, "-c", "")
            self.assert_one_line(job, 2, "--metrics '%s'" % bad, "give PORT")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            taken = "127.0.0.1:%d" % s.getsockname()[1]
            job = self.run_tool("--metrics", taken, "--", self.py.path, "-c", "")
            self.assert_one_line(job, 1, "--metrics '%s'" % taken, "in use", "choose another")


class RealPrometheus(Scraped):
    time_limit = 150

    def setUp(self):
        super().setUp()
        self.traced = self.ticker()

    def test_queries(self):
        """Every query of the dashboard and the rules is taken by a Prometheus that scrapes a live tracer, and
        those of which something is known say it."""
        tracer, url = self.attach(self.traced, self.path("out.json"))
        prometheus = scrape.Prometheus(self, [url[7:]], [scrape.RULES])
        self.until(lambda: prometheus.query("count_over_time(pyaudit_build_info[1m]) >= 3"), "scrapes", 60)
        without_data = []
        for panel, expr in scrape.dashboard_queries(scrape.DASHBOARD):
            if not prometheus.query(expr):
                without_data.append(panel)
        self.assertEqual(without_data, self.EMPTY)
        rules = self.until(lambda: self.evaluated(prometheus), "evaluation of the rules")
        self.assertGreater(len(rules), 5)
        for name, query, health, error in rules:
            self.assertEqual((health, error), ("ok", None), "%s: %s" % (name, query))
        rate = prometheus.query('sum(rate(pyaudit_events_total{event="custom"}[1m]))')
        self.assertGreater(float(rate[0]["value"][1]), 0)
        self.assertEqual(prometheus.query("up")[0]["value"][1], "1")
        self.assertTrue(prometheus.query('pyaudit:events:rate5m{category="custom"} > 0'))
        prometheus.stop()
        tracer.signal(signal.SIGINT)
        self.assertEqual(tracer.wait(), 0)
        self.finish(self.traced)

    # Panels that have nothing to show when all is well.
    EMPTY = []

    @staticmethod
    def evaluated(prometheus):
        rules = list(scrape.rules_in(prometheus.api("rules")[1]))
        return rules if rules and all(health != "unknown" for _, _, health, _ in rules) else None

    def test_alert_fires(self):
        """A loss makes the alert fire."""
        job, out = self.said(), self.path("lost.json")
        tracer, url = self.attach(job, out, "--buffer", "64k")
        prometheus = scrape.Prometheus(self, [url[7:]], [scrape.RULES])
        self.until(lambda: prometheus.query("count_over_time(pyaudit_build_info[1m]) >= 2"), "scrapes", 60)
        tracer.signal(signal.SIGSTOP)
        job.say("20000")
        self.grows(job.out_path, b"done", timeout=30)
        tracer.signal(signal.SIGCONT)

        def firing():
            alerts = prometheus.api("alerts")[1]["data"]["alerts"]
            return [a for a in alerts if a["labels"]["alertname"] == "PyauditEventsLost" and a["state"] == "firing"]
        self.assertEqual(self.until(firing, "alert", 30)[0]["labels"]["reason"], "ring")
        prometheus.stop()
        self.finish_all(tracer, job)
        self.finish(self.traced)

