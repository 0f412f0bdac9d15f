# SPDX-License-Identifier: GPL-2.0-only
"""Running services and the whole machine."""
import os
import signal
import socket
import urllib.request

from lib import records
from lib.case import Case

SERVER = """
import http.server, sys
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


class Service(Case):
    per_python = True

    def test_http_server(self):
        """A web server that runs already: a request's socket and the file it asks for show."""
        os.mkdir(self.path("www"))
        with open(self.path("www/hello.txt"), "w") as f:
            f.write("hello")
        server = self.spawn(self.py.path, "-c", SERVER, cwd=self.path("www"))
        port = int(self.until(lambda: server.stdout().endswith("\n") and server.stdout().strip(), "port"))
        out = self.path("out.json")
        tracer = self.tool("--format", "json", "-o", out, "-p", str(server.pid))

        def requested():
            url = "http://127.0.0.1:%d/hello.txt" % port
            with urllib.request.urlopen(url, timeout=5) as answer:
                self.assertEqual(answer.read(), b"hello")
            with open(out, "rb") as f:
                return b'"socket.__new__"' in f.read()
        self.until(lambda: os.path.exists(out) and requested(), "socket.__new__")
        requested()
        self.grows(out, b"hello.txt")
        tracer.signal(signal.SIGINT)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        found = records.load(out)
        self.check_contract(found, tracer)
        opened = [r["args"]["path"] for r in records.audits(found, "open")]
        self.assertIn(self.path("www/hello.txt"), opened)
        made = records.audits(found, "socket.__new__")[-1]
        self.assertEqual(made["args"]["family"], int(socket.AF_INET))
        self.assertEqual(records.of_type(found, "process")[0]["pid"], server.pid)
        self.assertTrue(server.running())


class Everything(Case):
    def test_all(self):
        """-a sees a process that was there before, one that came after, and children of both kinds."""
        before = self.ticker("before")
        out = self.path("out.json")
        tracer = self.tool("--format", "json", "-o", out, "-a", "-e", "e2e.*")
        self.grows(out, b'"before"')
        after = self.ticker("after")
        self.grows(out, b'"after"')
        child = self.spawn("/bin/sh", "-c", '"$0" -c "import sys; sys.audit(\'e2e.child\', 1)"', self.py.path)
        self.assertEqual(child.wait(), 0)
        self.grows(out, b'"e2e.child"')
        tracer.signal(signal.SIGINT)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        found = records.load(out)
        self.check_contract(found, tracer)
        who = {(r["pid"], r["args"]["arg0"]) for r in records.audits(found, "e2e.tick")}
        self.assertLessEqual({(before.pid, "before"), (after.pid, "after")}, who)
        late = [r["args"]["arg1"] for r in records.audits(found, "e2e.tick") if r["pid"] == after.pid]
        self.assertEqual(late, list(range(1, len(late) + 1)), "the first events of a new process are missing")
        self.finish(before)
        self.finish(after)

    def test_all_unknown_interpreter(self):
        """-a sees an interpreter whose file nobody had run before, from soon after it started."""
        import shutil
        copy = self.path("python-copy")
        shutil.copy(self.py.real, copy)
        out = self.path("out.json")
        anchor = self.ticker("anchor")
        tracer = self.tool("--format", "json", "-o", out, "-a", "-e", "e2e.*")
        self.grows(out, b'"anchor"')
        new = self.ticker("new", python=copy)
        self.grows(out, b'"new"')
        self.finish(new)
        tracer.signal(signal.SIGINT)
        self.assertEqual(tracer.wait(), 0, tracer.stderr())
        self.check_contract(records.load(out), tracer)
        self.finish(anchor)


MOUNTS = """
set -e
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir lower u1 w1 m1 u2 w2 m2
cp "$2" lower/python
for i in 1 2; do mount -t overlay overlay -o "lowerdir=lower,upperdir=u$i,workdir=w$i" m$i; done
"""
RAISE = "import sys\nfor i in range(20): sys.audit('e2e.layer', sys.argv[1], i)"


class Layers(Case):
    """What containers of one image look like: one file underneath, seen through several mounts."""

    def test_overlays(self):
        """One file probed through two overlay mounts and as itself: each event is there once."""
        os.mkdir(self.path("mnt"))
        script = MOUNTS + 'for d in m1 m2 lower; do ./$d/python -c "$3" $d; done\n'
        probe = self.spawn("unshare", "-m", "sh", "-c", MOUNTS, "sh", self.path("mnt"), self.py.real)
        if probe.wait():
            self.skipTest("no private overlay mounts here: " + probe.stderr().strip())
        found, _ = self.run_json("-f", "-e", "e2e.*", "--", "unshare", "-m", "sh", "-c", script, "sh",
                                 self.path("mnt"), self.py.real, RAISE)
        raised = [tuple(r["args"].values()) for r in records.audits(found, "e2e.layer")]
        self.assertEqual(raised, [(d, i) for d in ("m1", "m2", "lower") for i in range(20)])


HOST = r"""
#include <dlfcn.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	void *lib = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
	void (*start)(void) = lib ? (void (*)(void))dlsym(lib, "Py_Initialize") : 0;
	int (*run)(const char *, void *) = lib ? (int (*)(const char *, void *))dlsym(lib, "PyRun_SimpleStringFlags") : 0;

	if (!start || !run)
		return 1;
	start();
	return run("import sys, time\nfor i in range(60): sys.audit('e2e.embedded', i); time.sleep(0.15)", 0);
}
"""


class Embedding(Case):
    """A program that is not Python and loads a libpython while it runs."""

    def host(self):
        import glob
        import shutil
        libs = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.1[0-9]*/lib/libpython3.1[0-9].so.1.0")))
        if not shutil.which("cc") or not libs:
            self.skipTest("no C compiler, or no shared libpython below ~/.pyenv")
        with open(self.path("host.c"), "w") as f:
            f.write(HOST)
        cc = self.spawn("cc", "-o", self.path("host"), self.path("host.c"), "-ldl")
        self.assertEqual(cc.wait(), 0, cc.stderr())
        return self.path("host"), libs[0]

    def test_command(self):
        """COMMAND: the library is found soon after it was loaded."""
        host, lib = self.host()
        found, _ = self.run_json("-e", "e2e.*", "--", host, lib,
                                 env=dict(self.environment(), PYTHONHOME=os.path.dirname(os.path.dirname(lib))))
        seen = [r["args"]["arg0"] for r in records.audits(found, "e2e.embedded")]
        self.assertEqual(seen, list(range(60 - len(seen), 60)))
        self.assertGreater(len(seen), 10)
