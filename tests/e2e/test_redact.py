# SPDX-License-Identifier: GPL-2.0-only
"""No secret leaves the tracer, whatever the format; all else does, as it is."""
import json
import re

from lib import records
from lib.case import Case

SECRET = "c0rrect-h0rse"
# Prints what comes to a Unix socket.
RECEIVER = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if sys.argv[2] == 'stream' else socket.SOCK_DGRAM)
s.bind(sys.argv[1])
if sys.argv[2] == 'stream':
    s.listen()
print('ready', flush=True)
c = s.accept()[0] if sys.argv[2] == 'stream' else s
while True:
    data = c.recv(1 << 20)
    os.write(1, data + b'\\n' * (c is s))
    if not data:
        break
"""
TOKEN = re.compile(r"<redacted:[^>]*>")


class Redaction(Case):
    def trace(self, *arguments, **how):
        """What a run wrote, whose contract holds: as text and as plain objects."""
        out = self.path("out%d.json" % len(self.jobs))
        self.run_json(*arguments, timeout=40, **how)
        with open(out, encoding="utf-8") as f:
            text = f.read()
        return text, [json.loads(line) for line in text.splitlines()]

    def run_secrets(self, *options):
        return self.trace("-f", *options, "--", self.py.path, self.program("secrets.py"), "--password", SECRET)

    def test_defaults(self):
        """Environment, command lines, URLs, headers, logins: names stay, the secret is nowhere."""
        text, found = self.run_secrets("-s", "4k")
        for line in text.splitlines():
            self.assertNotIn(SECRET, line)
        tokens = set(TOKEN.findall(text))
        self.assertEqual(tokens, {"<redacted:%s>" % name for name in (
            "env-value", "argv-password", "url-credential", "header", "login")})
        popen, inherited = records.audits(found, "subprocess.Popen")[:2]
        self.assertEqual(popen["args"]["args"], [
            "/bin/true", "--password", "<redacted:argv-password>", "--token=<redacted:argv-password>",
            "https://<redacted:url-credential>@localhost/"])
        self.assertEqual(popen["args"]["env"]["E2E_SECRET"], "<redacted:env-value>")
        self.assertEqual(inherited["args"]["env"]["mapping"]["E2E_SECRET"], "<redacted:env-value>")
        self.assertEqual(set(popen["args"]["env"].values()), {"<redacted:env-value>"})
        spawn = records.audits(found, "os.posix_spawn")[-1]
        self.assertEqual(set(spawn["args"]["env"].values()), {"<redacted:env-value>"})
        system, = records.audits(found, "os.system")
        self.assertEqual(bytes_or_text(system["args"]["command"]),
                         "E2E_PASSWORD=<redacted:argv-password> true --api-key '<redacted:argv-password>'")
        self.assertEqual(found[0]["cmdline"][-2:], ["--password", "<redacted:argv-password>"])

    def test_every_format(self):
        """No format shows it, and all show the tokens."""
        for form in ("text", "json", "ecs", "ocsf"):
            out = self.path("out." + form)
            job = self.run_tool("-f", "-s", "4k", "--format", form, "-o", out, "--", self.py.path,
                                self.program("secrets.py"), "--password", SECRET)
            self.assertEqual(job.status, 0, job.stderr())
            with open(out) as f:
                text = f.read()
            self.assertNotIn(SECRET, text)
            self.assertGreater(text.count("<redacted:env-value>"), 10)

    def test_exporters(self):
        """No exporter shows it either: what goes to sockets and to syslog was redacted before."""
        path, datagrams = self.path("socket"), self.path("datagrams")
        stream = self.spawn("/usr/bin/python3", "-c", RECEIVER, path, "stream")
        log = self.spawn("/usr/bin/python3", "-c", RECEIVER, datagrams, "datagram")
        self.grows(stream.out_path, b"ready")
        self.grows(log.out_path, b"ready")
        job = self.run_tool("-f", "-s", "4k", "-o", "unix:" + path, "--syslog=unix:" + datagrams, "--", self.py.path,
                            self.program("secrets.py"), "--password", SECRET)
        self.assertEqual(job.status, 0, job.stderr())
        for receiver in (stream, log):
            self.grows(receiver.out_path, b'"summary"')
            text = receiver.stdout()
            self.assertNotIn(SECRET, text)
            for token in ("env-value", "argv-password", "url-credential", "header", "login"):
                self.assertIn("<redacted:%s>" % token, text)
            receiver.kill()

    def test_cut(self):
        """A limit that ends in the middle of a secret does not uncover its beginning."""
        for limit in (16, 20, 24, 31):
            text, _ = self.run_secrets("-s", str(limit))
            self.assertNotIn(SECRET[:4], text)

    def test_none(self):
        """--redact none: what an event was called with is what is told."""
        text, found = self.run_secrets("-s", "4k", "--redact", "none")
        self.assertNotIn("<redacted:", text)
        popen = records.audits(found, "subprocess.Popen")[0]
        self.assertEqual(popen["args"]["env"]["E2E_SECRET"], SECRET)
        self.assertEqual(found[0]["cmdline"][-1], SECRET)

    def test_rules(self):
        """Rules by event, argument and pattern; the token says which."""
        code = "import sys\nsys.audit('e2e.x', 'id 4711-23', ['a', {'k': b'id 5-6'}], 7)\nopen('/etc/hostname')"
        _, found = self.trace("-e", "e2e.x,open", "--redact", r"e2e.*:*~id (\d+)", "--redact", "open:mode",
                              "--redact", "process:cmdline~hostname", "--redact", "e2e.x:arg2",
                              "--", self.py.path, "-c", code)
        r, = records.audits(found, "e2e.x")
        self.assertEqual(r["args"], {
            "arg0": "id <redacted:rule-1/*>-23", "arg1": ["a", {"k": {"bytes": "id <redacted:rule-1/*>-6"}}],
            "arg2": "<redacted:rule-4/arg2>"})
        opened = [r["args"] for r in records.audits(found, "open") if r["args"]["path"] == "/etc/hostname"]
        self.assertEqual([a["mode"] for a in opened], ["<redacted:rule-2/mode>"])
        self.assertIn("/etc/<redacted:rule-3/cmdline>", found[0]["cmdline"][-1])

    def test_paths(self):
        """Rules with a path into an argument: what is under a key, elements, and nothing beside them."""
        code = """if True:
            import os, subprocess, sys
            sys.audit('e2e.x', {'user': 'ann', 'Password': 'x1', 'more': [{'id': 'x2'}, {'id': 'x3', 'no': 4}]}, ['a', 'x5'])
            os.environ['E2E_KEY'] = 'x6'
            subprocess.run(['/bin/true', 'x7', 'b'], env=dict(os.environ, E2E_OTHER='c'))
        """
        _, found = self.trace("-e", "e2e.x,subprocess.Popen,_posixsubprocess.fork_exec", "--redact", "none",
                              "--redact", "e2e.x:arg0.password", "--redact", "e2e.x:arg0.more[*].i?", "--redact", "e2e.*:arg1[1]",
                              "--redact", "*:env.E2E_K*", "--redact", "*:args[1]~\\d", "--", self.py.path, "-c", code)
        r, = records.audits(found, "e2e.x")
        hidden = "<redacted:rule-3/arg0.more[*].i?>"
        self.assertEqual(r["args"], {
            "arg0": {"user": "ann", "Password": "<redacted:rule-2/arg0.password>", "more": [{"id": hidden}, {"id": hidden, "no": 4}]},
            "arg1": ["a", "<redacted:rule-4/arg1[1]>"]})
        popen, = records.audits(found, "subprocess.Popen")
        self.assertEqual(popen["args"]["args"], ["/bin/true", "x<redacted:rule-6/args[1]>", "b"])
        self.assertEqual({k: v for k, v in popen["args"]["env"].items() if k.startswith("E2E_")},
                         {"E2E_KEY": "<redacted:rule-5/env.E2E_K*>", "E2E_OTHER": "c"})
        for fork in records.audits(found, "_posixsubprocess.fork_exec"):
            named = [bytes_or_text(v) for v in fork["args"]["env"]]
            self.assertIn("E2E_KEY=<redacted:rule-5/env.E2E_K*>", named)
            self.assertIn("E2E_OTHER=c", named)

    def test_wrong_rules(self):
        """A rule that is none, or names nothing there is, is a usage error with its remedy."""
        for rule, pattern in (("open", "give EVENT:ARG"), ("opne:path", "--list-events"),
                              ("open:pth", "no argument pth"), ("open:path[x]", "give .KEY, "), ("open:path~(", "missing closing parenthesis")):
            self.assert_one_line(self.run_tool("--redact", rule, "true"), 2, "--redact '", pattern)

    def test_no_false_hits(self):
        """Where every event gets arguments of every kind, values of the environment are redacted, and what
        looks like a login where logins are sent; nothing else."""
        env = self.environment(E2E_LOG=self.path("log"))
        command = ["--", self.py.path, self.program("rows_kinds.py")]
        text, found = self.trace("-f", *command, env=env)
        _, plain = self.trace("-f", "--redact", "none", *command, env=env)
        tokens = {(r.get("event"), token) for r in found for token in TOKEN.findall(json.dumps(r))}
        self.assertIn(("os.putenv", "<redacted:env-value>"), tokens)
        self.assertFalse({(name, token) for name, token in tokens if token != "<redacted:env-value>"} -
                         {("imaplib.send", "<redacted:login>"), ("smtplib.send", "<redacted:login>")})
        self.assertEqual(len(records.audits(found)), len(records.audits(plain)))


def bytes_or_text(value):
    return value["bytes"] if isinstance(value, dict) else value
