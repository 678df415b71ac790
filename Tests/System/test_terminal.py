"""The interactive job as a user meets it: a process on a pseudo-terminal, keys typed one after the other."""

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
import time
import unittest

from big_iron import USUAL_BACKENDS, fresh_directory, on_backends

# The launcher's own main, with Linux in plain QEMU in place of Big Iron on the machine that it chooses by itself.
STAND_IN = """
import cluster.__main__ as launcher, cluster.run, stand_in, pathlib, sys
launcher.QEMU = stand_in.StandIn
cluster.run.Job.hyperkernel = pathlib.Path(stand_in.__file__)
launcher.main()
"""


class TerminalTestCase(unittest.TestCase):
    def launch(self, *arguments):
        """Starts Python with `arguments` on a terminal of its own."""
        self.terminal, self.slave = pty.openpty()
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(os.close, self.slave)
        self.modes = termios.tcgetattr(self.slave)
        self.launcher = subprocess.Popen(
            [sys.executable, *arguments], stdin=self.slave, stdout=self.slave, stderr=self.slave,
            start_new_session=True)
        self.addCleanup(self.launcher.wait)
        self.addCleanup(self.launcher.kill)
        self.seen = b""

    def expect(self, pattern, seconds=60):
        """Reads until `pattern` has come, and forgets everything up to there."""
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.seen, re.DOTALL)):
            if not select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                self.fail(f"no {pattern} in {self.seen[-2000:]!r}; the launcher's status: {self.launcher.poll()}")
            self.seen += os.read(self.terminal, 4096)
        self.seen = self.seen[match.end():]

    def type(self, keys):
        os.write(self.terminal, keys)

    def interrupt_command(self):
        """Runs a command that lasts, and types Ctrl-C when it has the terminal; before, the shell would take the key."""
        self.type(b"sh -c 'echo it runs; sleep 1000'\r")
        self.expect(rb"\r\nit runs\r\n")
        self.type(b"\x03")
        # Linux may flush its own echo of the key with the rest. The prompt tells: nothing else ends the sleep so soon.
        self.expect(rb"# ")

    def assert_ended(self, status):
        self.assertEqual(self.launcher.wait(20), status)
        self.assertEqual(termios.tcgetattr(self.slave), self.modes)


class StandInTests(TerminalTestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.launch("-c", STAND_IN, "--nodes", "1", "--run-directory", self.directory)

    def test_typing_reaches_the_guests_shell_and_its_end_ends_the_run(self):
        self.expect(rb"Ctrl-A X quits")
        self.expect(rb"# ")
        self.type(b"echo $((6 * 7))\r")
        self.expect(rb"\r\n42\r\n.*# ")
        self.type(b"exit\r")
        self.assert_ended(0)

    def test_control_keys_belong_to_the_guest(self):
        self.expect(rb"# ")
        self.interrupt_command()
        self.type(b"echo ab\x01\x01X; cat >/dev/null\r")  # Ctrl-A at a shell: to the line's beginning
        self.expect(rb"# ")
        self.type(b"\x01x")
        self.assert_ended(0)

    def test_ctrl_a_x_quits_at_any_time(self):
        self.expect(rb"Ctrl-A X quits")
        self.expect(rb"Linux version")
        self.type(b"\x01")
        self.type(b"x")
        self.assert_ended(0)

    def test_a_terminated_launcher_leaves_no_machine_and_no_raw_terminal_behind(self):
        self.expect(rb"Linux version")
        self.launcher.terminate()
        self.assert_ended(143)
        machines = subprocess.run(["pgrep", "--full", self.directory], capture_output=True, text=True).stdout
        self.assertEqual(machines, "")


@on_backends(*USUAL_BACKENDS)
class BigIronTests(TerminalTestCase):
    seconds = 50

    def test_typing_reaches_the_guests_shell_until_it_powers_off(self):
        directory = fresh_directory(self.id())
        options = [f"--option={option}" for option in self.backend.options]
        self.launch(
            "-m", "cluster", "--nodes", "1", "--machine", self.backend.machine.name, "--no-kvm", *options,
            "--run-directory", directory)
        self.expect(rb"Linux version .*\r\n.*/ # ", seconds=400)
        self.type(b"echo $((6 * 7)) from $(uname -s)\r")
        self.expect(rb"echo \$\(\(6 \* 7\)\) from \$\(uname -s\)\r\n42 from Linux\r\n.*# ")
        # One key after the other: each takes an interrupt of its own to be echoed.
        for key in b"stty -a | grep -c 'isig'":
            self.type(bytes([key]))
            self.expect(re.escape(bytes([key])))
        self.type(b"\r")
        self.expect(rb"\r\n1\r\n.*# ")
        self.interrupt_command()
        self.type(b"poweroff -f\r")
        self.expect(rb"reboot: Power down")
        self.assert_ended(0)
        self.assertIn("guest powered off\n", (directory / "node0.log").read_text())
