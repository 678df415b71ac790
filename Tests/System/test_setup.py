import os
import pathlib
import subprocess
import tempfile
import unittest

from cluster import ROOT

SETUP = ROOT / "scripts/setup.sh"


class SetupTests(unittest.TestCase):
    def run_setup(self, **programs):
        """Runs setup.sh with some programs replaced by shell scripts."""
        with tempfile.TemporaryDirectory() as directory:
            for name, text in programs.items():
                program = pathlib.Path(directory, name.replace("_", "-"))
                program.write_text(f"#!/bin/sh\n{text}\n")
                program.chmod(0o755)
            environment = os.environ | {"PATH": f"{directory}:{os.environ['PATH']}"}
            return subprocess.run([SETUP], env=environment, capture_output=True, text=True)

    def test_is_silent_when_nothing_is_missing(self):
        result = self.run_setup()
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_takes_under_50_ms_of_cpu_time_when_nothing_is_missing(self):
        self.run_setup()
        process = subprocess.Popen([SETUP])
        _, _, usage = os.wait4(process.pid, 0)
        self.assertLess(usage.ru_utime + usage.ru_stime, 0.05)

    def test_installs_what_is_missing_and_only_that(self):
        result = self.run_setup(
            dpkg_query="/usr/bin/dpkg-query \"$@\" | grep -v '^nasm '", apt_get='echo "apt-get $*"')
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr, "apt-get install --no-install-recommends --yes nasm\n")

    def test_refreshes_the_package_lists_when_an_installation_fails(self):
        result = self.run_setup(dpkg_query="exit 1", apt_get='echo "$1"; test "$1" = update')
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(result.stderr.split(), ["install", "update", "install"])

    def test_an_old_toolchain_is_refused(self):
        result = self.run_setup(swift='echo "Swift version 6.2.1 (swift-6.2.1-RELEASE)"')
        self.assertEqual(result.returncode, 1)
        self.assertIn("is Swift 6.2.1; Big Iron needs Swift 6.3 or later", result.stderr)
