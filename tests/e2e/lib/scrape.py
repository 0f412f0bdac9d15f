# SPDX-License-Identifier: GPL-2.0-only
"""Reading --metrics: the exposition format, and a real Prometheus."""
import json
import os
import re
import shutil
import socket
import urllib.error
import urllib.parse
import urllib.request

SERIES = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')


def get(url, timeout=10):
    """(status, body) of a GET, never through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def parse(text):
    """{(name, labels in order): value}; an error where a line is not understood or a series is twice."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        m = SERIES.match(line)
        if not m:
            raise ValueError("not a series: %r" % line)
        labels = tuple(sorted(LABEL.findall(m.group(2) or "")))
        if (m.group(1), labels) in found:
            raise ValueError("twice: %r" % line)
        found[m.group(1), labels] = float(m.group(3))
    return found


def by_label(found, name, label):
    """{value of the label: value} of a family."""
    return {dict(labels)[label]: value for (n, labels), value in found.items() if n == name}


def url_of(tracer, case):
    """Where a tracer started with -v --metrics 0 serves."""
    def told():
        return re.search(r"metrics: (http://\S+)/metrics", tracer.stderr())
    return case.until(told, "metrics address").group(1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Prometheus:
    """Debian's prometheus on loopback, with its data in the test's folder."""

    def __init__(self, case, targets, rules=()):
        self.case = case
        self.program = shutil.which("prometheus")
        if not self.program:
            case.skipTest("no prometheus here (Debian's package prometheus)")
        self.url = "http://127.0.0.1:%d" % free_port()
        config = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                  "rule_files": list(rules),
                  "scrape_configs": [{"job_name": "pyaudit-trace", "static_configs": [{"targets": targets}]}]}
        with open(case.path("prometheus.yml"), "w") as f:
            json.dump(config, f)  # JSON is YAML
        self.job = case.spawn(self.program, "--config.file=" + case.path("prometheus.yml"),
                              "--storage.tsdb.path=" + case.path("tsdb"),
                              "--web.listen-address=" + self.url[7:])
        case.until(self.ready, "prometheus", 60)

    def ready(self):
        if not self.job.running():
            raise RuntimeError("prometheus has ended: %s" % self.job.stderr()[-1000:])
        try:
            return get(self.url + "/-/ready")[0] == 200
        except OSError:
            return False

    def api(self, path, **query):
        status, body = get(self.url + "/api/v1/" + path + "?" + urllib.parse.urlencode(query))
        return status, json.loads(body)

    def query(self, expr):
        """The result of an expression; a ValueError with Prometheus' words when it is none."""
        status, answer = self.api("query", query=expr)
        if status != 200 or answer["status"] != "success":
            raise ValueError("%s: %s" % (expr, answer.get("error")))
        return answer["data"]["result"]

    def stop(self):
        self.job.process.terminate()
        self.job.wait()


def promtool():
    return shutil.which("promtool")


def dashboard_queries(path):
    """(panel, expression) of each query, with the variables replaced as Grafana would."""
    with open(path) as f:
        dashboard = json.load(f)
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            expr = target["expr"]
            for variable, value in (("$__rate_interval", "1m"), ("$__range", "1h"), ("$job", ".*"),
                                    ("$instance", ".*")):
                expr = expr.replace(variable, value)
            yield panel["title"], expr


def rules_in(answer):
    """(name, expression, health, last error) of Prometheus' /api/v1/rules."""
    for group in answer["data"]["groups"]:
        for rule in group["rules"]:
            yield rule["name"], rule["query"], rule["health"], rule.get("lastError")


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
DASHBOARD = os.path.join(ROOT, "dist/grafana-dashboard.json")
RULES = os.path.join(ROOT, "dist/prometheus-rules.yml")
