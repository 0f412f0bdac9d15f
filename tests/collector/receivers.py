# SPDX-License-Identifier: GPL-2.0-only
"""An OpenTelemetry Collector and VictoriaLogs, as tests/build-receivers made them, on the loopback."""
import http.client
import json
import os
import signal
import subprocess
import time
import urllib.parse
import urllib.request

from lib import otlp
from lib.scrape import free_port

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = os.path.join(otlp.cache_folder(), "receivers")
CONFIG = os.path.join(TOP, "dist", "otelcol.yaml")


class Receiver:
    """A program that answers on a port once it is there; its folder goes with the test."""

    def __init__(self, folder, program):
        self.folder, self.program = folder, os.path.join(PROGRAMS, program)
        self.port, self.process, self.starts = free_port(), None, 0
        os.mkdir(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        with open(self.path("out"), "ab") as out, open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen([self.program, *self.arguments()], stdout=out, stderr=log)
        self.starts += 1
        for _ in range(300):
            try:
                urllib.request.urlopen("http://127.0.0.1:%d/health" % self.port, timeout=5).close()
                return
            except urllib.error.HTTPError:
                return
            except (OSError, http.client.HTTPException):
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        with open(self.path("log"), encoding="utf-8", errors="replace") as log:
            raise SystemExit("collector-test: %s does not start:\n%s" % (self.program, log.read()))

    def stop(self, how=signal.SIGTERM):
        if self.process:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None


class Collector(Receiver):
    """dist/otelcol.yaml on another port, and with a file of what was received: OTLP/JSON, a request a line.
    backend: where it sends logs on to, without a queue. pause: how long it has a request before it answers.
    tls: of otlp.certificates; then it wants a client's too."""

    def __init__(self, folder, backend=None, pause="0s", tls=None):
        super().__init__(folder, "otelcol")
        self.backend, self.pause, self.tls = backend, pause, tls
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", self.port)
        self.start()

    def arguments(self):
        http = {"endpoint": "127.0.0.1:%d" % self.port}
        if self.tls:
            certificate, key = self.tls["server"]
            http["tls"] = {"cert_file": certificate, "key_file": key, "client_ca_file": self.tls["ca"]}
        config = {
            "receivers": {"otlp": {"protocols": {"http": http}}},
            "exporters": {"file": {"path": self.received(self.starts), "pause": self.pause},
                          "debug": {"use_internal_logger": False}},
            "service": {"telemetry": {"metrics": {"level": "none"}},
                        "pipelines": {"logs": {"exporters": ["file", "debug"]}}},
        }
        if self.backend:
            config["exporters"]["otlphttp"] = {
                "endpoint": self.backend, "sending_queue": {"enabled": False}, "retry_on_failure": {"enabled": False}}
            config["service"]["pipelines"]["logs"]["exporters"] = ["otlphttp"]
        with open(self.path("config.json"), "w", encoding="utf-8") as f:
            json.dump(config, f)
        return "--config", CONFIG, "--config", self.path("config.json")

    def received(self, start):
        return self.path("received.%d" % start)

    def requests(self, start):
        """Of each request that it took, from one start to the next, the records. A line without an end is
        of one it was killed in."""
        with open(self.received(start), encoding="utf-8") as f:
            return [list(otlp.decode_json(line)) for line in f if line.endswith("\n")]

    def all_requests(self):
        return [request for start in range(self.starts) for request in self.requests(start)]

    def kill_in_request(self, sender):
        """Kills it when it has written a request and not answered yet, or when the sender has ended."""
        path = self.received(self.starts - 1)
        before = os.stat(path).st_size
        while os.stat(path).st_size == before and sender.poll() is None:
            time.sleep(0.002)
        self.stop(signal.SIGKILL)

    def shown(self):
        with open(self.path("out"), encoding="utf-8") as f:
            return f.read()


class VictoriaLogs(Receiver):
    def __init__(self, folder):
        super().__init__(folder, "victoria-logs")
        self.url = "http://127.0.0.1:%d/insert/opentelemetry" % self.port
        self.start()

    def arguments(self):
        return ("-storageDataPath=" + self.path("data"), "-httpListenAddr=127.0.0.1:%d" % self.port,
                "-inmemoryDataFlushInterval=1s")

    def query(self, text):
        data = urllib.parse.urlencode({"query": text, "start": "1d"}).encode()
        with urllib.request.urlopen("http://127.0.0.1:%d/select/logsql/query" % self.port, data, timeout=60) as answer:
            return [json.loads(line) for line in answer]

    def numbers(self, marker, count):
        """Data is there for queries some seconds after it was taken."""
        text = '"pyaudit.event":="collector.n" "pyaudit.args":%s | fields "pyaudit.args"' % json.dumps(marker)
        for _ in range(60):
            found = self.query(text)
            if len(found) >= count:
                break
            time.sleep(0.5)
        return sorted(json.loads(row["pyaudit.args"])["arg0"] for row in found)
