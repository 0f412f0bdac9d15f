# SPDX-License-Identifier: GPL-2.0-only
"""SIGHUP with a configuration file that asks for other events than before."""
import itertools
import signal
import subprocess
import time

from lib import records
from test_service import Service


class Filter(Service):
    """The filter changes while events come; each is judged by the one or the other, and counted once."""

    def rounds(self, who="who"):
        job = self.spawn(self.py.path, self.program("rounds.py"), who, stdin=subprocess.PIPE)
        self.grows(job.out_path, b"ready")
        return job

    def reload(self, job, text, *told, times=1):
        """SIGHUP; until it has said each of these so often. Returns when the old filter was in force last, and
        from when on the new one is for sure: an event has its time a moment after it was judged."""
        self.config(text)
        before = time.time()
        job.signal(signal.SIGHUP)
        self.until(lambda: all(job.stderr().count(line) >= times for line in told), "%r on stderr" % (told,))
        return before, time.time() + 0.5

    def follow(self, text, program, *options):
        """The tracer of a program that waits for a line, and lets it go; (tracer, its output)."""
        out = self.path("out")
        job = self.tool("-v", "--config", self.config(text), "--format", "json", "-o", out, "-p", str(program.pid),
                        *options)
        self.grows(job.err_path, b"system calls are")
        program.say("")
        self.until(lambda: records.audits(records.load(out, whole=False)), "event")
        return job, out

    def check_rounds(self, found, rounds, changes):
        """Of each round the events that one filter lets pass or those that the other does; but not so often
        as the filter has changed."""
        whole = {frozenset(("e2e.a", "open")), frozenset(("e2e.b",))}
        events = records.audits(found)
        self.assertEqual(len({(r["event"], r["args"].get("arg1", r["seq"])) for r in events}), len(events))
        # An open has no number of its own: it comes between its round's other two.
        number, seen = 1, {n: set() for n in range(1, rounds + 1)}
        for record in events:
            number = record["args"].get("arg1", number)
            seen[number].add(record["event"])
        mixed = [n for n, names in seen.items() if frozenset(names) not in whole]
        self.assertLessEqual(len(mixed), 2 * changes, mixed)
        runs = [names for names, _ in itertools.groupby(seen[n] for n in range(1, rounds + 1) if n not in mixed)]
        self.assertEqual(len(runs), changes + 1)

    def test_events(self):
        """-e, to and fro: what passes changes with it, nothing is lost or comes twice, all is counted."""
        one, other = "event: [e2e.a, open]\n", "event: [e2e.b]\n"
        program = self.rounds()
        job, out = self.follow(one, program)
        changes = 7
        for n in range(changes):
            before = len(records.audits(records.load(out, whole=False)))
            self.reload(job, one if n % 2 else other, "in effect now: 'event'", times=n + 1)
            self.until(lambda: len(records.audits(records.load(out, whole=False))) > before + 100, "more events")
        self.finish_rounds(program)
        self.stop(job)
        rounds = int(program.stdout().split("\n")[1].split()[0])
        found = records.load(out)
        self.check_contract(found, job)
        self.check_rounds(found, rounds, changes)
        total = found[-1]
        self.assertEqual(total["seen"], 3 * rounds)
        self.assertEqual(total["delivered"], len(records.audits(found)))
        self.assertEqual((total["filtered"], records.total_lost(total)), (3 * rounds - total["delivered"], 0))

    def finish_rounds(self, program):
        program.process.stdin.close()
        self.assertEqual(program.wait(), 0)

    def test_arguments_and_rate(self):
        """--arg, decided in the kernel and here, and --rate."""
        program = self.rounds("some-one")
        job, out = self.follow("event: [e2e.a]\narg: arg0~some*\n", program)
        # For user space alone to decide: a star in the middle.
        _, none = self.reload(job, "event: [e2e.a]\narg: arg0~s*o*two\n", "in effect now: 'arg'")
        time.sleep(1)
        until, other = self.reload(job, "event: [e2e.b]\narg: [arg0~*-one, arg0~some*]\n",
                                   "in effect now: 'event', 'arg'")
        time.sleep(1)
        limited, _ = self.reload(job, "rate: 5\n", "in effect now: 'event', 'arg', 'rate'")
        self.grows(out, b'"open"')
        self.finish_rounds(program)
        self.stop(job)
        found = records.load(out)
        self.check_contract(found, job)
        events = [(records.seconds(r), r["event"]) for r in records.audits(found)]
        self.assertEqual([e for e in events if none < e[0] < until], [])
        self.assertEqual({e[1] for e in events if other < e[0] < limited}, {"e2e.b"})
        total, lost = found[-1], records.total_lost(found[-1])
        self.assertGreater(lost, 0)
        self.assertEqual(total["seen"], total["delivered"] + total["filtered"] + lost)

    def test_syscalls(self):
        """Events that wait for their system calls, too."""
        program = self.rounds()
        job, out = self.follow("event: [open]\n", program, "--syscalls")
        for n in range(3):
            self.reload(job, "event: [open]\narg: path~/dev/n%s\n" % ("u*" if n % 2 else "*l"), "in effect now: 'arg'",
                        times=n + 1)
        self.finish_rounds(program)
        self.stop(job)
        rounds = int(program.stdout().split("\n")[1].split()[0])
        found = records.load(out)
        self.assertEqual([r["event"] for r in records.audits(found)], ["open"] * rounds)
        self.assertEqual({r["syscalls"][0]["name"] for r in records.audits(found)}, {"openat"})

    def test_redact(self):
        """--redact: what may be told, from the next record on; the old rules stay if the new ones are wrong."""
        ticker, out = self.ticker("the secret"), self.path("out")
        always = "event: [e2e.tick]\nformat: json\noutput: %s\n" % out
        job = self.tool("--config", self.config(always), "-p", str(ticker.pid))
        steps = (("", None, "the secret"),
                 ("redact: [e2e.tick:arg0~secret]\n", "in effect now: 'redact'", "the <redacted:rule-1/arg0>"),
                 ("redact: ['e2e.tick:arg0~(']\n", "config.yaml: --redact 'e2e.tick:arg0~(': ", "the <redacted:rule-1/arg0>"),
                 ("redact: [e2e.tick:arg0]\nevent: [e2e.*]\n", "in effect now: 'event', 'redact'", "<redacted:rule-1/arg0>"))
        self.grows(out, b"e2e.tick")
        for option, told, wanted in steps:
            since = self.reload(job, always.replace("event: [e2e.tick]\n", "") + option if "event" in option else always + option,
                                told)[1] if told else 0

            def later():
                return {r["args"]["arg0"] for r in records.audits(records.load(out, whole=False))
                        if records.seconds(r) > since}
            self.until(later, "events")
            self.assertEqual(later(), {wanted})
        self.stop(job)
        self.finish(ticker)

    def test_narrowing(self):
        """-u, --comm and --cgroup of -a; control groups are looked for as confined as the tracer is."""
        as_other = ["/usr/bin/setpriv", "--reuid", "65534", "--clear-groups"]
        python = "/usr/bin/python3"
        ours = self.ticker("ours", python=python)
        theirs = self.spawn(*as_other, python, self.program("ticker.py"), "theirs", stdin=subprocess.PIPE)
        out = self.path("out")
        all_ = "all: true\nevent: [e2e.tick]\nformat: json\noutput: %s\n" % out
        job = self.tool("--config", self.config(all_ + "uid: root\n"))
        self.grows(out, b'"ours"')
        steps = (("uid: nobody\n", "'uid'", {"theirs"}),
                 ("comm: nosuch*\n", "'uid', 'comm'", set()),
                 ("comm: pyth*\n", "'comm'", {"ours", "theirs"}),
                 ("uid: 0\n", "'uid', 'comm'", {"ours"}))
        for option, told, wanted in steps:
            with self.subTest(option):
                _, since = self.reload(job, all_ + option, "in effect now: " + told)

                def later():
                    return {r["args"]["arg0"] for r in records.audits(records.load(out, whole=False))
                            if r["pid"] in (ours.pid, theirs.pid) and records.seconds(r) > since}
                self.until(lambda: wanted <= later() if wanted else time.time() > since + 1, "events of %s" % wanted)
                self.assertEqual(later(), wanted)
        self.stop(job)
        self.finish(ours)

    def test_refused(self):
        """What is wrong keeps the filter, and all else of the file; one line says why."""
        ticker, out = self.ticker(), self.path("out")
        good = "all: true\nevent: [e2e.tick]\nformat: json\noutput: %s\n" % out
        job = self.tool("--config", self.config(good))
        self.grows(out, b"e2e.tick")
        bad = (("event: [e2e.tick, nosuch]\n", r"config\.yaml:2: --event nosuch: matches no event"),
               ("event: [e2e.tick]\narg: nosuch~1\n", r"config\.yaml:3: --arg 'nosuch': no event has an argument"),
               ("cgroup: /no/such\n", r"config\.yaml: --cgroup '/no/such': no such control group"),
               ("uid: no-such-user\n", r"config\.yaml:2: --uid 'no-such-user': no such user"),
               ("event: [%s]\n" % ", ".join("e2e.n%d" % n for n in range(65)), r"more than 64 patterns"))
        for n, (text, why) in enumerate(bad, 1):
            before = job.stderr()
            self.reload(job, "all: true\n%soutput: %s\n" % (text, self.path("never")),
                        "not taken over; going on as before", times=n)
            lines = job.stderr()[len(before):].splitlines()
            self.assertEqual(len(lines), 2, lines)
            self.assertRegex(lines[0], why)
        since = time.time()
        self.until(lambda: any(r["pid"] == ticker.pid and records.seconds(r) > since
                               for r in records.audits(records.load(out, whole=False))), "events")
        self.stop(job)
        self.assertNotIn("in effect", job.stderr())
        self.assertEqual({r["event"] for r in records.audits(records.load(out))}, {"e2e.tick"})

    def test_not_live(self):
        """What would take other programs, or arguments that are not captured, is named."""
        ticker, out = self.ticker(), self.path("out")
        job = self.tool("-o", out, "--config", self.config("event: [e2e.tick]\nno-args: true\n"), "-p", str(ticker.pid))
        self.grows(out, b"e2e.tick")
        self.reload(job, "event: [e2e.*]\nprobe: usdt\nbuffer: 1M\nstack: 3\narg: arg0~x\n",
                    *("'%s' has changed; it takes effect with a restart" % name
                      for name in ("probe", "buffer", "stack", "arg", "no-args")), "in effect now: 'event'")
        self.stop(job)
