"""The image that `make iso` makes, from each kind of firmware: Big Iron brings its guest to a shell; on a PC without VT-x
and AMD-V it says that it cannot run guests here, and stops."""

import json
import pathlib
import re
import select
import socket
import tempfile
import time
import unittest

from big_iron import NO_VIRTUALIZATION, complaints, qemu
from cluster import BUILD
from cluster.machine import Hardware
from cluster.node import Node
from cluster.qemu import InterpretingQEMU

IMAGE = BUILD / "bigiron.iso"
CORES = 2
REPORT = r'\{"end".*\}\r?\n'
REASON = f"cannot run guests: {NO_VIRTUALIZATION}"


class BIOS(InterpretingQEMU):
    pass


class UEFI(InterpretingQEMU):
    uefi = True


class BIOSWithoutVirtualization(qemu("EPYC,-svm")):
    @property
    def monitor(self):
        return self.directory / "monitor"

    def prepare(self, port):
        return super().prepare(port) + ["-monitor", f"unix:{self.monitor},server=on,wait=off"]

    def halted_cores(self):
        """How many cores are in HLT."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self.monitor))
            monitor.sendall(b"info registers -a\nquit\n")
            said = b""
            while data := monitor.recv(1 << 16):
                said += data
        return said.count(b"HLT=1")


class UEFIWithoutVirtualization(BIOSWithoutVirtualization):
    uefi = True


class ImageTestCase(unittest.TestCase):
    def start(self, kind):
        # Paths of sockets must be short.
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.machine = kind(Hardware(CORES, memory=512), IMAGE, pathlib.Path(directory.name))
        self.node = Node(self.machine)
        self.addCleanup(self.node.stop)
        self.node.start()
        self.said = ""
        self.awaited = 0

    def wait_for(self, pattern, seconds=120):
        """Reads until the machine has said that, after what was last waited for; returns all that it has said."""
        deadline = time.monotonic() + seconds
        while not (match := re.compile(pattern).search(self.said, self.awaited)):
            self.assertTrue(select.select([self.node], [], [], max(0, deadline - time.monotonic()))[0], self.said)
            pieces = self.node.receive()
            self.assertIsNotNone(pieces, self.said)
            self.said += "".join(content.decode(errors="replace") for _, content in pieces)
        self.awaited = match.end()
        return self.said


class ShellTests(ImageTestCase):
    seconds = 20

    def assert_a_shell_runs(self, kind):
        self.start(kind)
        self.wait_for("/ # ", seconds=400)
        self.node.send(b"echo $(nproc) on $(uname -s)\r")
        self.wait_for(rf"\n{CORES} on Linux\r\n.*/ # ")
        self.node.send(b"poweroff -f\r")
        report = self.wait_for(REPORT).splitlines()[-1]
        self.assertEqual(json.loads(report)["end"], "poweroff")
        self.assertEqual(complaints(self.said), [])

    def test_from_bios(self):
        self.assert_a_shell_runs(BIOS)

    def test_from_uefi(self):
        self.assert_a_shell_runs(UEFI)


class RefusalTests(ImageTestCase):
    def boot(self, kind):
        self.start(kind)
        return self.wait_for(REPORT)

    def assert_starts_and_refuses(self, kind):
        said = self.boot(kind)
        lines = [line for line in said.splitlines() if line.startswith("[ ")]
        self.assertRegex(lines[0], r"^\[ +0\.\d{6}\] 0 info  Big Iron \d+\.\d+\.\d+: [45]\d\d MiB of RAM, loaded by GRUB ")
        self.assertRegex(lines[2], r" 2 cores, xAPIC$")
        self.assertEqual(complaints(said), [REASON])
        self.assertTrue(lines[-1].endswith(REASON), said)
        self.assertEqual(json.loads(said[said.index("{") :]), {"end": "refused"})

    def test_from_bios(self):
        self.assert_starts_and_refuses(BIOSWithoutVirtualization)

    def test_from_uefi(self):
        self.assert_starts_and_refuses(UEFIWithoutVirtualization)

    def test_no_core_keeps_running(self):
        self.boot(BIOSWithoutVirtualization)
        time.sleep(0.5)
        self.assertEqual(self.machine.halted_cores(), CORES)
