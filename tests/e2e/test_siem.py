# SPDX-License-Identifier: GPL-2.0-only
"""--format ecs and --format ocsf against the rules of the published schemas, over every row of the event
table and every type of record."""
import copy
import json

from lib import siem_rules
from lib.case import Case, Config

MIXED = """
import ctypes, os, socket, subprocess, sys
open('/etc/hostname').close()
os.rename('/tmp/e2e-none', '/tmp/e2e-none2') if os.path.exists('/tmp/e2e-none') else None
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); c = socket.create_connection(s.getsockname()); c.close(); s.close()
try: socket.getaddrinfo('name.invalid', 80)
except OSError: pass
u = socket.socket(socket.AF_UNIX)
try: u.connect('/nowhere/e2e.sock')
except OSError: pass
u.close()
subprocess.run(['/bin/echo', 'a', 'b c'], cwd='/', stdout=subprocess.DEVNULL)
sys.audit('urllib.Request', 'https://example.org:8443/x', None, {}, 'GET')
os.kill(os.getpid(), 0)
eval('1')
ctypes.CDLL(None)
try: open(99)
except OSError: pass
"""


# Each with its outcome: announced, and behind Python's back.
CALLS = """
import ctypes, os, socket, subprocess, sys, tempfile
libc = ctypes.CDLL(None, use_errno=True)
d = tempfile.mkdtemp(dir=sys.argv[1]); a, b = d + '/a', d + '/b'
open(a, 'w').close(); os.rename(a, b); os.remove(b)
try: os.remove(b)
except OSError: pass
s = socket.socket()
try: s.connect(('127.0.0.1', 1))
except OSError: pass
s.close()
subprocess.run(['/bin/true'])
try: subprocess.run(['/nowhere/e2e-none'])
except OSError: pass
p = lambda text: text.encode()
os.close(libc.open(p(a), os.O_CREAT | os.O_RDWR, 0o600)); libc.rename(p(a), p(b)); libc.chmod(p(b), 0o600)
libc.unlink(p(b)); libc.unlink(p(b)); libc.mkdir(p(a), 0o700); libc.rmdir(p(a)); libc.symlink(b'/x', p(b)); libc.unlink(p(b))
s = socket.socket()
address = (2).to_bytes(2, 'little') + (1).to_bytes(2, 'big') + bytes([127, 0, 0, 1]) + bytes(8)
libc.connect(s.fileno(), address, 16)
libc.bind(s.fileno(), address[:2] + bytes(2) + address[4:], 16)
libc.sendto(s.fileno(), b'x', 1, 0, address, 16)
libc.listen(s.fileno(), 1)
libc.kill(os.getpid(), 0)
libc.setuid(os.getuid()); libc.mount(b'none', b'/nowhere/e2e-none', b'e2e-none', 0, None); libc.umount2(b'/nowhere/e2e-none', 0)
libc.syscall(176, b'e2e_no_such_module', 0)
libc.mmap.restype = ctypes.c_void_p
at = libc.mmap(None, 4096, 7, 0x22, -1, 0)
libc.mprotect(ctypes.c_void_p(at), 4096, 7)
libc.execl(b'/bin/true', b'true', b'e2e-arg', None)
"""


class Schemas(Case):
    time_limit = 120

    def trace(self, form, *arguments, **how):
        out = self.path("out%d.%s" % (len(self.jobs), form))
        job = self.run_tool("--format", form, "-o", out, *arguments, timeout=60, **how)
        self.assertEqual(job.status, 0, job.stderr())
        with open(out, encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def check(self, problems_of, found, sequence):
        told = {}
        for number, record in enumerate(found, 1):
            for problem in problems_of(record):
                told.setdefault(problem, json.dumps(record)[:1500])
            self.assertEqual(sequence(record), number)
        self.assertFalse(told, "\n".join("%s\n    in %s" % item for item in list(told.items())[:10]))

    def check_form(self, form, *arguments, **how):
        found = self.trace(form, *arguments, **how)
        if form == "ecs":
            self.check(siem_rules.ecs_problems, found, lambda r: r["event"]["sequence"])
        else:
            self.check(siem_rules.ocsf_problems, found, lambda r: r["metadata"]["sequence"])
        return found

    def all_rows(self, form):
        env = self.environment(E2E_LOG=self.path("log"))
        found = self.check_form(form, "-f", "--redact", "none", "--", self.py.path, self.program("rows_kinds.py"), env=env)
        own = "pyaudit" if form == "ecs" else "unmapped"
        self.assertLessEqual(set(Config.table.rows), {r[own].get("event") for r in found})
        self.assertEqual({r[own]["type"] for r in found}, {"process", "audit", "exit", "summary"})

    def test_ecs_rows(self):
        """Every row with arguments of every kind keeps to ECS."""
        self.all_rows("ecs")

    def test_ocsf_rows(self):
        """Every row with arguments of every kind keeps to OCSF."""
        self.all_rows("ocsf")

    def test_counts(self):
        """-c in both forms."""
        for form in ("ecs", "ocsf"):
            found = self.check_form(form, "-c", "--", self.py.path, "-c", "open('/etc/hostname')")
            own = "pyaudit" if form == "ecs" else "unmapped"
            self.assertEqual({r[own]["type"] for r in found}, {"count", "summary"})

    def by_action(self, found, name, action):
        records = [r for r in found if r[name].get("action", r[name].get("event_code")) == action]
        self.assertTrue(records, action)
        return records

    def test_ecs_meaning(self):
        """Fields hold what the event was called with."""
        found = self.check_form("ecs", "--", self.py.path, "-c", MIXED)
        pid = found[0]["process"]["pid"]
        files = [r["file"]["path"] for r in self.by_action(found, "event", "open") if "file" in r]
        self.assertIn("/etc/hostname", files)
        popen = self.by_action(found, "event", "subprocess.Popen")[0]
        self.assertEqual(popen["event"]["category"], ["process"])
        process = popen["process"]
        self.assertEqual(process["args"], ["/bin/echo", "a", "b c"])
        self.assertEqual((process["executable"], process["name"], process["working_directory"]), ("/bin/echo", "echo", "/"))
        self.assertNotIn("pid", process)
        self.assertEqual(process["parent"]["pid"], pid)
        self.assertEqual(process["parent"]["executable"], self.py.real)
        connects = self.by_action(found, "event", "socket.connect")
        self.assertEqual(connects[0]["destination"]["ip"], "127.0.0.1")
        self.assertEqual(connects[-1]["destination"]["address"], "/nowhere/e2e.sock")
        self.assertEqual(self.by_action(found, "event", "socket.getaddrinfo")[-1]["dns"]["question"]["name"], "name.invalid")
        url = self.by_action(found, "event", "urllib.Request")[-1]["url"]
        self.assertEqual((url["domain"], url["port"], url["scheme"]), ("example.org", 8443, "https"))
        ended = self.by_action(found, "event", "process-exited")[0]
        self.assertEqual((ended["process"]["exit_code"], ended["event"]["type"]), (0, ["end"]))
        self.assertEqual(found[-1]["event"]["kind"], "metric")

    def test_ocsf_meaning(self):
        """Classes and attributes are those of the event; without what a class requires it is a Base Event."""
        found = self.check_form("ocsf", "--", self.py.path, "-c", MIXED)
        pid = found[0]["actor"]["process"]["pid"]
        opened = self.by_action(found, "metadata", "open")
        self.assertIn(("/etc/hostname", 100114), [(r["file"]["path"], r["type_uid"]) for r in opened if "file" in r])
        self.assertEqual([r["class_uid"] for r in opened if r["unmapped"]["args"]["path"] == 99], [0])
        popen = self.by_action(found, "metadata", "subprocess.Popen")[0]
        self.assertEqual((popen["type_uid"], popen["process"]["cmd_line"]), (100701, "/bin/echo a b c"))
        self.assertEqual(popen["actor"]["process"]["pid"], pid)
        connects = self.by_action(found, "metadata", "socket.connect")
        self.assertEqual(connects[0]["dst_endpoint"]["ip"], "127.0.0.1")
        self.assertEqual(connects[-1]["dst_endpoint"], {"name": "/nowhere/e2e.sock"})
        self.assertEqual(self.by_action(found, "metadata", "socket.getaddrinfo")[-1]["type_uid"], 400301)
        self.assertEqual(self.by_action(found, "metadata", "os.kill")[0]["process"]["pid"], pid)
        run = self.by_action(found, "metadata", "cpython.run_command")[0]
        self.assertEqual(run["script"]["script_content"]["untruncated_size"], len(MIXED) + 1)
        self.assertEqual(self.by_action(found, "metadata", "exit")[0]["type_uid"], 100702)

    def test_late_outcome(self):
        """A call that returns after its event went out: the event's outcome is unknown, the call has it."""
        code = """if True:
            import fcntl, sys, threading
            held, wanted = open(sys.argv[1], 'w'), open(sys.argv[1], 'w')
            fcntl.flock(held, fcntl.LOCK_EX)
            threading.Timer(1.5, held.close).start()
            fcntl.flock(wanted, fcntl.LOCK_EX)
        """
        for form, own in (("ecs", "pyaudit"), ("ocsf", "unmapped")):
            found = self.check_form(form, "--syscalls", "--outcome-wait", "50ms", "--", self.py.path, "-c", code, self.path("lock"))
            first, second = [r for r in found if r[own].get("event") == "fcntl.flock"]
            late, = [r for r in found if r[own]["type"] == "syscall" and r[own]["name"] == "flock"]
            self.assertTrue(late[own]["announced"])
            if form == "ecs":
                self.assertEqual([r["event"]["outcome"] for r in (first, second, late)], ["success", "unknown", "success"])
                self.assertEqual(late[own]["after"]["seq"], second["event"]["sequence"])
                self.assertEqual(late["event"]["category"], ["file"])
            else:
                self.assertEqual([r["status_id"] for r in (first, second, late)], [1, 0, 1])
                self.assertEqual(late[own]["after"]["seq"], second["metadata"]["sequence"])
                self.assertEqual((late["class_uid"], late["activity_name"]), (0, "flock"))

    def calls(self, form):
        """(records of events, records of system calls), as (name, record), in order."""
        found = self.check_form(form, "--syscalls=all", "-s", "4096", "--", self.py.path, "-c", CALLS, self.dir)
        own, name = ("pyaudit", lambda r: r["event"]["action"]) if form == "ecs" else \
                    ("unmapped", lambda r: r["metadata"]["event_code"])
        return tuple([(name(r), r) for r in found if r[own]["type"] == kind] for kind in ("audit", "syscall"))

    def test_ecs_outcomes(self):
        """With --syscalls events tell how they ended, and calls nobody announced what they are."""
        events, calls = self.calls("ecs")
        ended = lambda name, of: [(r["event"]["outcome"], r.get("error", {}).get("code")) for n, r in of if n == name]
        mine = [(n, r) for n, r in events if n == "os.remove" and r["file"]["path"].endswith("/b")]
        self.assertEqual(ended("os.remove", mine), [("success", None), ("failure", "ENOENT")])
        self.assertEqual(ended("os.rename", events), [("success", None)])
        self.assertEqual(ended("socket.connect", events), [("failure", "ECONNREFUSED")])
        self.assertEqual(ended("subprocess.Popen", events), [("success", None), ("failure", "ENOENT")])
        popen = [r["process"] for n, r in events if n == "subprocess.Popen"]
        self.assertGreater(popen[0]["pid"], 0)
        self.assertNotIn("pid", popen[1])
        self.assertEqual(ended("compile", events)[0], ("unknown", None))
        told = {n: r for n, r in calls}
        for name, category, types in (("rename", "file", ["change"]), ("chmod", "file", ["change"]), ("mkdir", "file", ["creation"]),
                                      ("rmdir", "file", ["deletion"]), ("symlink", "file", ["creation"]),
                                      ("connect", "network", ["connection", "start"]), ("listen", "network", ["start"]),
                                      ("kill", "process", ["change"]), ("execve", "process", ["start"]),
                                      ("delete_module", "driver", ["end"]), ("mount", "file", ["creation"])):
            self.assertEqual((told[name]["event"]["category"], told[name]["event"]["type"]), ([category], types), name)
            self.assertEqual(told[name]["pyaudit"]["name"], name)
        self.assertEqual(ended("unlink", calls), [("success", None), ("failure", "ENOENT"), ("success", None)])
        self.assertEqual(ended("connect", calls), [("failure", "ECONNREFUSED")])
        self.assertEqual(told["connect"]["destination"], {"address": "127.0.0.1", "ip": "127.0.0.1", "port": 1})
        self.assertEqual(told["execve"]["process"]["args"], ["true", "e2e-arg"])
        self.assertTrue(told["symlink"]["file"]["path"].endswith("/b"))
        self.assertEqual(told["symlink"]["file"]["target_path"], "/x")

    def test_ocsf_outcomes(self):
        """The same as classes, activities and status."""
        events, calls = self.calls("ocsf")
        ended = lambda name, of: [(r["status_id"], r.get("status_code")) for n, r in of if n == name]
        self.assertEqual(ended("socket.connect", events), [(2, "ECONNREFUSED")])
        self.assertEqual(ended("subprocess.Popen", events), [(1, None), (2, "ENOENT")])
        self.assertEqual(ended("compile", events)[0], (0, None))
        told = {n: r for n, r in calls}
        kinds = {"rename": 100105, "chmod": 100106, "mkdir": 100101, "rmdir": 100104, "symlink": 100101, "unlink": 100104,
                 "connect": 400101, "bind": 400199, "sendto": 400106, "listen": 99, "kill": 100799, "execve": 100701,
                 "setuid": 100705, "mount": 100112, "umount2": 100113, "delete_module": 100202, "mmap": 100401, "mprotect": 100402}
        self.assertEqual({n: told[n]["type_uid"] for n in kinds if n in told}, kinds)
        self.assertEqual(ended("unlink", calls), [(1, None), (2, "ENOENT"), (1, None)])
        self.assertEqual(told["sendto"]["dst_endpoint"], {"ip": "127.0.0.1", "port": 1})
        self.assertEqual(told["execve"]["process"]["cmd_line"], "true e2e-arg")
        self.assertEqual(told["delete_module"]["driver"]["file"]["name"], "e2e_no_such_module")
        self.assertEqual(told["mprotect"]["requested_permissions"], 7)

    def test_losses(self):
        """Losses stay visible: a record where the hole is, and the sum at the end."""
        flood = "import os, signal, sys\nos.kill(os.getppid(), signal.SIGSTOP)\n" \
                "for i in range(2000): sys.audit('e2e.x', 'x' * 500)\nos.kill(os.getppid(), signal.SIGCONT)"
        for form, own, name in (("ecs", "pyaudit", "event"), ("ocsf", "unmapped", "metadata")):
            found = self.check_form(form, "--buffer", "64k", "--", self.py.path, "-c", flood)
            lost = [r for r in found if r[own]["type"] == "lost"]
            self.assertTrue(lost, "nothing was lost: the test tests nothing")
            summary = found[-1][own]
            self.assertEqual(sum(r[own]["count"] for r in lost), sum(summary["lost"].values()))
            if form == "ecs":
                self.assertEqual({r["event"]["kind"] for r in lost}, {"pipeline_error"})
            else:
                self.assertEqual({r["severity_id"] for r in lost}, {3})


class Rules(Case):
    """The rules say no to what the schemas do not allow."""
    needs_tool = False

    def changed(self, record, path, value):
        record = copy.deepcopy(record)
        at = record
        for key in path[:-1]:
            at = at[key]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value
        return record

    def test_ecs(self):
        good = {"@timestamp": "2026-11-22T06:10:24.123456789Z", "ecs": {"version": "8.17.0"},
                "event": {"kind": "event", "category": ["file"], "type": ["access"]}, "file": {"path": "/x"}}
        self.assertEqual(list(siem_rules.ecs_problems(good)), [])
        for path, value in ((["@timestamp"], "today"), (["ecs"], None), (["event", "kind"], "thing"),
                            (["event", "category"], ["files"]), (["event", "type"], ["installation"]),
                            (["event", "type"], "access"), (["event", "type"], None), (["file", "path"], 3),
                            (["file", "fd"], 3), (["source"], {"ip": "name"})):
            self.assertTrue(list(siem_rules.ecs_problems(self.changed(good, path, value))), (path, value))

    def test_ocsf(self):
        good = {"class_uid": 1001, "class_name": "File System Activity", "category_uid": 1, "activity_id": 14,
                "activity_name": "Open", "type_uid": 100114, "severity_id": 1, "time": 1,
                "metadata": {"version": "1.8.0", "product": {"name": "x"}, "profiles": ["host"]},
                "device": {"hostname": "h", "type_id": 0}, "actor": {"user": {"uid": "0"}},
                "file": {"name": "x", "type_id": 0}}
        self.assertEqual(list(siem_rules.ocsf_problems(good)), [])
        for path, value in ((["class_uid"], 7), (["category_uid"], 4), (["activity_id"], 1), (["type_uid"], 100101),
                            (["severity_id"], 9), (["time"], None), (["metadata", "product"], {}), (["device"], None),
                            (["actor"], {}), (["file"], None), (["file", "name"], 5), (["file", "color"], "red"),
                            (["file", "type_id"], 99), (["actor", "process"], {"name": "x"}),
                            (["actor", "process"], {"pid": 1, "container": {"uid": "x"}})):
            self.assertTrue(list(siem_rules.ocsf_problems(self.changed(good, path, value))), (path, value))
