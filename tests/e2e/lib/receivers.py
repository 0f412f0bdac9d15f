# SPDX-License-Identifier: GPL-2.0-only
"""Real receivers, started by the tests with their own configuration, on the loopback and in the test's
folder: rsyslog and systemd-journald. A test is skipped, with the reason, where one is not installed."""
import json
import os
import shutil
import signal
import subprocess

from .scrape import free_port

JOURNALD = "/lib/systemd/systemd-journald"

# The mount namespace is journald's own: /run is empty there but for what it needs.
JOURNALD_START = """
mount -t tmpfs tmpfs /run &&
mkdir -p /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d &&
printf '%%s\\n' '[Journal]' Storage=volatile RateLimitIntervalSec=0 ReadKMsg=no Audit=no ForwardToSyslog=no \\
	ForwardToWall=no RuntimeMaxUse=512M >/run/systemd/journald.conf.d/test.conf &&
touch /run/started &&
while :; do %s; [ -e /run/stop ] && exit; while [ -e /run/hold ]; do sleep 0.05; done; done
""" % JOURNALD

OUT = ('template(name="out" type="string" string="%syslogfacility-text%|%syslogseverity-text%|%hostname%|'
       '%app-name%|%procid%|%msgid%|%timestamp:::date-rfc3339%|%$!all-json%\\n")\n')


class Rsyslog:
    """rsyslogd with one input. kind: unix, udp, tcp, tls."""

    def __init__(self, case, kind, tls=None):
        self.case, self.kind = case, kind
        self.program = shutil.which("rsyslogd")
        if not self.program:
            case.skipTest("no rsyslogd here (Debian's package rsyslog)")
        self.port = free_port()
        self.socket = case.path("log.sock")
        self.out = case.path("rsyslog.out")
        self.starts = 0
        with open(case.path("rsyslog.conf"), "w") as f:
            f.write(self.config(tls))
        self.start()

    def config(self, tls):
        # Datagrams that came are read in one go when it is told to end, and nothing is thrown away.
        lines = ['global(workDirectory="%s" maxMessageSize="1m")' % self.case.dir,
                 'main_queue(queue.size="2000000" queue.timeoutshutdown="30000" queue.timeoutenqueue="10000")',
                 'module(load="mmjsonparse")', OUT]
        if self.kind == "unix":
            lines += ['module(load="imuxsock" SysSock.Use="off")',
                      'input(type="imuxsock" Socket="%s" UseSpecialParser="off" ParseHostname="on" '
                      'UseSysTimeStamp="off" IgnoreTimestamp="off")' % self.socket]
        elif self.kind == "udp":
            lines += ['module(load="imudp")', 'input(type="imudp" address="127.0.0.1" port="%d")' % self.port]
        elif self.kind == "tcp":
            lines += ['module(load="imtcp")', 'input(type="imtcp" address="127.0.0.1" port="%d")' % self.port]
        else:
            lines += ['global(defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="%s" '
                      'defaultNetstreamDriverCertFile="%s" defaultNetstreamDriverKeyFile="%s")' % (
                          tls.ca, tls.server[0], tls.server[1]),
                      'module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" '
                      'StreamDriver.AuthMode="x509/name" PermittedPeer="%s")' % tls.CLIENT,
                      'input(type="imtcp" address="127.0.0.1" port="%d")' % self.port]
        return "\n".join(lines + ['action(type="mmjsonparse")',
                                  'action(type="omfile" file="%s" template="out")' % self.out]) + "\n"

    @property
    def address(self):
        return "unix:" + self.socket if self.kind == "unix" else "%s:localhost:%d" % (self.kind, self.port)

    def start(self):
        self.starts += 1
        self.job = self.case.spawn(self.program, "-n", "-f", self.case.path("rsyslog.conf"),
                                   "-i", self.case.path("rsyslog.pid%d" % self.starts))
        self.case.until(self.listens, "rsyslogd", 20)

    def listens(self):
        if not self.job.running():
            raise RuntimeError("rsyslogd has ended: %s" % self.job.stderr()[-1000:])
        table = {"unix": "/proc/net/unix", "udp": "/proc/net/udp"}.get(self.kind, "/proc/net/tcp")
        with open(table) as f:
            text = f.read()
        return self.socket in text if self.kind == "unix" else "0100007F:%04X" % self.port in text

    def stop(self):
        """As a service is stopped: what it has taken is written."""
        self.job.signal(signal.SIGTERM)
        self.job.wait(60)

    def lines(self):
        """What it wrote: (facility, severity, host, app, procid, msgid, time, the JSON)."""
        if not os.path.exists(self.out):
            return []
        with open(self.out, "rb") as f:
            lines = f.read().split(b"\n")[:-1]
        return [line.decode().split("|", 7) for line in lines]

    def count(self, needle):
        """How often needle stands in what it wrote."""
        found, carry = 0, b""
        with open(self.out, "rb") as f:
            while True:
                block = f.read(1 << 22)
                if not block:
                    return found
                block = carry + block
                found += block.count(needle)
                carry = block[-(len(needle) - 1):]

    def records(self):
        return [json.loads(line[7]) for line in self.lines()]


class Certificates:
    """An authority, a server certificate for localhost and one for a client, made with openssl."""
    CLIENT = "tracer.example"

    def __init__(self, case):
        self.case = case
        if not shutil.which("openssl"):
            case.skipTest("no openssl here (Debian's package openssl)")
        if not os.path.exists("/usr/lib/%s/rsyslog/lmnsd_gtls.so" % "x86_64-linux-gnu"):
            case.skipTest("rsyslog without TLS here (Debian's package rsyslog-gnutls)")
        self.ca, key = case.path("ca.pem"), case.path("ca.key")
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", self.ca,
                     "-days", "2", "-subj", "/CN=test authority")
        self.server = self.make("server", "localhost", key)
        self.client = self.make("client", self.CLIENT, key)

    def openssl(self, *args):
        done = subprocess.run(("openssl",) + args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.case.assertEqual(done.returncode, 0, done.stdout.decode())

    def make(self, name, host, ca_key):
        cert, key, request, ext = (self.case.path(name + end) for end in (".pem", ".key", ".csr", ".ext"))
        with open(ext, "w") as f:
            f.write("subjectAltName=DNS:%s\n" % host)
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=" + host)
        self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial",
                     "-out", cert, "-days", "2", "-extfile", ext)
        return cert, key


class Journald:
    """systemd-journald with a /run of its own; what runs through inside() sees it."""

    def __init__(self, case):
        self.case = case
        if not os.path.exists(JOURNALD):
            case.skipTest("no systemd-journald here (Debian's package systemd)")
        if not os.path.exists("/etc/machine-id"):
            case.skipTest("no /etc/machine-id, without which journald does not store anything")
        self.job = case.spawn("unshare", "-m", "--propagation", "private", "sh", "-c", JOURNALD_START)
        case.until(self.ready, "journald", 20)

    def inside(self, *argv):
        return ("nsenter", "-t", str(self.job.pid), "-m", "--wd=" + self.case.dir) + argv

    def run(self, *argv):
        return subprocess.run(self.inside(*argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def pids(self):
        from .case import session_members
        return [pid for pid, line in session_members(self.job.pid).items() if line == JOURNALD]

    def ready(self):
        if not self.job.running():
            raise RuntimeError("journald does not start: %s" % self.job.stderr()[-1000:])
        return self.run("test", "-S", "/run/systemd/journal/socket").returncode == 0 and self.pids()

    def entries(self, *matches):
        done = self.run("journalctl", "-o", "json", "--all", "--no-pager", "-q", *matches)
        self.case.assertEqual(done.returncode, 0, done.stderr.decode())
        return [json.loads(line) for line in done.stdout.splitlines()]

    def restart(self):
        """It ends in order and starts again; its sockets are new ones."""
        old = self.pids()
        for pid in old:
            os.kill(pid, signal.SIGTERM)
        self.case.until(lambda: self.pids() and self.pids() != old and self.ready(), "journald again", 20)

    def stop(self):
        self.run("touch", "/run/stop")
        for pid in self.pids():
            os.kill(pid, signal.SIGTERM)
        self.job.wait()
