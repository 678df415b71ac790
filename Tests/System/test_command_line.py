import subprocess
import sys
import unittest


class CommandLineTests(unittest.TestCase):
    def assert_refused(self, arguments, words):
        result = subprocess.run([sys.executable, "-m", "cluster", *arguments], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn(words, result.stderr)

    def test_what_does_not_exist_is_not_offered(self):
        self.assert_refused(["--nodes", "2"], "only 1 is possible yet")
        self.assert_refused(["--machine", "vax"], "invalid choice")

    def test_malformed_values_are_refused(self):
        for arguments in (["--cores", "0"], ["--memory", "x"], ["--timeout", "-1"]):
            self.assert_refused(arguments, f"argument {arguments[0]}")
        for option in ("log", "=debug", "a=b c=d"):
            self.assert_refused(["--option", option], "must be KEY=VALUE")

    def test_a_missing_file_is_named(self):
        self.assert_refused(["--kernel", "/absent"], "/absent: no such file")
