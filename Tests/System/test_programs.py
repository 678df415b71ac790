"""How the output of programs in a guest is taken apart and judged."""

import unittest

from cluster import programs
from cluster.sections import make_script, split

COUNTED = "cpu 0 on node 0\ncpu 1 on node 1\nadded: 20 of 20\nexchanged: 20 of 20\nguarded: 20 of 20\nown: 10 of 10\n"


class SectionTests(unittest.TestCase):
    def test_each_section_has_its_output(self):
        self.assertEqual(make_script({"a": "x", "b c": "y\nz"}), "echo '== a'; x\necho '== b c'; y\nz")
        self.assertEqual(
            split(b"before\n== a\n1\n2 == 3\n== b c\n== d\n\xff"), {"a": b"1\n2 == 3\n", "b c": b"", "d": b"\xff"})

    def test_a_heading_counts_once_it_is_whole(self):
        self.assertEqual(split(b"== a"), {})
        self.assertEqual(split(b"== a\n"), {"a": b""})


class JudgementTests(unittest.TestCase):
    def assert_problems(self, program, output, *problems):
        self.assertEqual(program.problems(output), [f"{program.name}: {problem}" for problem in problems])

    def test_success_is_all_lines_and_status_0(self):
        self.assert_problems(programs.count(2, 10), COUNTED + "status 0\n")

    def test_a_missing_line_is_named(self):
        self.assert_problems(
            programs.count(2, 10), COUNTED.replace("added: 20 of", "added: 19 of") + "status 0\n",
            "no line 'added: 20 of 20'")

    def test_a_line_has_to_match_as_a_whole(self):
        self.assert_problems(
            programs.count(2, 10), COUNTED.replace("guarded: 20 of 20", "guarded: 20 of 200") + "status 0\n",
            "no line 'guarded: 20 of 20'")

    def test_any_other_end_is_a_problem(self):
        for end in ("status 1", "Killed", "status 137"):
            self.assert_problems(programs.count(2, 10), f"{COUNTED}{end}\n", end)
        self.assert_problems(
            programs.count(2, 10), "", "no line 'added: 20 of 20'", "no line 'exchanged: 20 of 20'",
            "no line 'guarded: 20 of 20'", "no output")

    def test_what_never_may_be_said_is_shown(self):
        program = programs.Program("x", "x", [], ["fine"], "(?i)fail")
        self.assert_problems(program, "fine\nthis Failed\nstatus 0\n", "this Failed")

    def test_something_forbidden_or_threads_that_never_meet_fail_a_litmus(self):
        program = programs.litmus(2, 10)
        lines = [
            f"{name} on {placement}: forbidden 0 of 320, outcomes 00 300, 11 20"
            for name in ("SB", "MP", "LB", "2+2W", "CoRR") for placement in ("two pages", "one page")]
        self.assert_problems(program, "\n".join([*lines, "status 0"]))
        for wrong in (lines[3].replace("forbidden 0", "forbidden 1"), lines[3].replace("00 300, 11 20", "00 320")):
            problems = program.problems("\n".join([*lines[:3], wrong, *lines[4:], "status 0"]))
            self.assertEqual(len(problems), 1, problems)
        self.assertEqual(len(programs.litmus(4, 10).lines), len(program.lines) + 2)

    def test_what_was_filled_is_read_from_the_output(self):
        self.assertEqual(programs.filled("cpu 0\nfilled: 30 of 40 KiB of RAM\n"), (30, 40))
        self.assertEqual(programs.filled("Killed\n"), (0, 0))

    def test_the_kernels_complaints_are_found_among_its_messages(self):
        messages = ["Linux version 6.1", "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:", "all is well",
                    "watchdog: BUG: soft lockup - CPU#1 stuck for 22s!"]
        self.assertEqual(programs.complaints("\n".join(messages)), [messages[1], messages[3]])
