"""What scripts/verify-cluster.py makes of a guest's output, where the boots are played."""

import importlib.util
import io
import pathlib
import subprocess
import tempfile
import unittest

from cluster import ROOT
from cluster.programs import Program
from cluster.run import Result
from cluster.switch import Impairments

_SCRIPT = ROOT / "scripts/verify-cluster.py"
_X, _Y = (Program(name, name, [], ["fine"]) for name in "xy")
_GOOD = "== x\nfine\nstatus 0\n== y\nfine\nstatus 0\n== messages\nLinux version 6.1\n"
_FILLED = """\
== fill
filled: {0} of {1} KiB of RAM
cpu 0 on node 0: 9 pages, read by 1 others
cpu 1 on node 1: 9 pages, read by 1 others
mismatches: 0 of 9216 words
status 0
== messages
Linux version 6.1
"""
_COUNTED = "== count\nadded: 4000 of 4000\nexchanged: 4000 of 4000\nguarded: 4000 of 4000\nstatus 0\n"


def load():
    """The script, as a module of its own for each test."""
    specification = importlib.util.spec_from_file_location("verify_cluster", _SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class VerifyClusterTests(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.script = load()
        self.jobs, self.told, self.played, self.printed, self.shown = [], [], [], [], io.BytesIO()
        # Tests of other classes print meanwhile.
        transcript = self.script.Transcript
        self.script.Transcript = lambda stream=None: transcript(self.shown)
        self.script.print = lambda text, **_: self.printed.append(text)
        self.script.run = self.play
        self.script.tell = lambda path, words: self.told.append((path.name, words)) or {}

    def play(self, job, output, errors):
        text, status, reason = self.played.pop(0)
        self.jobs.append(job)
        job.directory.mkdir(parents=True, exist_ok=True)
        for line in text.splitlines(keepends=True):
            output.write(line.encode())
            output.flush()
        return Result(status, reason, 2.0)

    def verify(self, command, text, wanted, status=0, reason="poweroff", words=()):
        """The exit status, and the lines that were printed."""
        arguments = self.script.parse([command, "--run-directory", self.directory.name, *words])
        self.played.append((text, status, reason))
        self.printed.clear()
        result = self.script.verify(arguments, wanted or self.script.COMMANDS[command](arguments))
        return result, self.printed

    def test_all_that_succeed_are_counted(self):
        status, lines = self.verify("atomics", _GOOD, [_X, _Y])
        self.assertEqual(status, 0)
        self.assertEqual(lines[-3:], [
            "x: succeeded, 0 s", "y: succeeded, 0 s",
            "atomics: 2 of 2 programs succeeded on 2 nodes with 2 CPUs in all, 0 problems, 2 s"])
        self.assertEqual(self.shown.getvalue().decode(), _GOOD.partition("== messages")[0])
        self.assertEqual(pathlib.Path(self.directory.name, "output").read_text(), _GOOD)

    def assert_wrong(self, problem, succeeded, *arguments, **more):
        status, lines = self.verify("atomics", *arguments, **more)
        self.assertEqual(status, 1)
        self.assertIn(f"wrong: {problem}", lines)
        self.assertTrue(lines[-1].startswith(f"atomics: {succeeded} of 2 programs succeeded on 2 nodes"), lines[-1])

    def test_a_program_that_fails_fails_the_whole(self):
        self.assert_wrong("y: status 1", 1, _GOOD.replace("== y\nfine\nstatus 0", "== y\nfine\nstatus 1"), [_X, _Y])

    def test_a_program_that_has_not_run_fails_the_whole(self):
        self.assert_wrong("y: no output", 1, _GOOD.partition("== y")[0], [_X, _Y], status=124, reason="timeout")

    def test_a_kernel_that_complains_fails_the_whole(self):
        complaint = "watchdog: BUG: soft lockup - CPU#1 stuck for 22s!"
        self.assert_wrong(complaint, 2, f"{_GOOD}{complaint}\n", [_X, _Y])

    def test_a_guest_that_ends_badly_fails_the_whole(self):
        self.assert_wrong("the run ended by fault, status 123", 2, _GOOD, [_X, _Y], status=123, reason="fault")

    def test_a_guest_has_to_have_more_memory_than_a_node_to_show_anything(self):
        for ram, expected in ((512 * 1024, 1), (512 * 1024 + 4, 0)):
            status, lines = self.verify(
                "fill", _FILLED.format(400_000, ram), None, words=["--percent", "70", "--memory", "512"])
            self.assertEqual((status, lines[-1][:7]), (expected, f"fill: {1 - expected}"))

    def test_less_than_was_asked_for_is_not_enough(self):
        for filled, expected in ((899_999, 1), (900_000, 0)):
            status, _ = self.verify("fill", _FILLED.format(filled, 1_000_000), None, words=["--percent", "90"])
            self.assertEqual(status, expected)

    def test_loss_begins_with_the_boot_and_delay_with_the_programs(self):
        words = ["--sample", "16", "--loss=0.01", "--delay=20"]
        self.verify("fill", _FILLED.format(16_384, 900_000), None, words=words)
        self.assertEqual(self.jobs[0].network.impairments, Impairments(loss=0.01))
        self.assertEqual(self.told, [("control", ["impair", "--loss=0.01", "--delay=20.0"])])
        self.assertIn("/tests/fill 16M;", self.jobs[0].command)

    def test_boots_are_counted_and_what_failed_is_kept(self):
        good = _COUNTED + _FILLED.format(16384, 900_000)
        self.played += [(good, 0, "poweroff"), (_COUNTED, 125, "panic"), (good, 0, "poweroff")]
        arguments = self.script.parse(["boots", "--count", "3", "--run-directory", self.directory.name])
        status, lines = self.script.verify_boots(arguments), self.printed
        self.assertEqual(
            (status, lines[0], lines[-1]),
            (1, "boot 1: succeeded, 2.0 s", "boots: 2 of 3 succeeded on 2 nodes, 2.0 s each (2.0 to 2.0)"))
        self.assertIn("wrong: the run ended by panic, status 125", lines)
        self.assertEqual([path.name for path in pathlib.Path(self.directory.name).iterdir()], ["2"])

    def test_one_cpu_has_nothing_to_show(self):
        for words in (["litmus", "--nodes", "1"], ["boots", "--nodes", "1", "--cores", "2"]):
            result = subprocess.run([_SCRIPT, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("one CPU has nothing to show: --nodes 2, or --cores 3, at least", result.stderr)
