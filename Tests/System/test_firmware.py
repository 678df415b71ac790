"""The image that `make iso` makes, on a PC without VT-x and AMD-V: from each kind of firmware Big Iron starts, says
that it cannot run guests here, and stops."""

import json
import pathlib
import select
import socket
import tempfile
import time
import unittest

from big_iron import NO_VIRTUALIZATION, complaints, qemu
from cluster import BUILD
from cluster.machine import Hardware
from cluster.node import Node

IMAGE = BUILD / "bigiron.iso"
CORES = 2
REASON = f"cannot run guests: {NO_VIRTUALIZATION}"


class BIOS(qemu("EPYC,-svm")):
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


class UEFI(BIOS):
    uefi = True


class ImageTests(unittest.TestCase):
    def boot(self, kind):
        """Boots the image; what the machine says until its report."""
        # Paths of sockets must be short.
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.machine = kind(Hardware(CORES, memory=256), IMAGE, pathlib.Path(directory.name))
        node = Node(self.machine)
        self.addCleanup(node.stop)
        node.start()
        said = ""
        deadline = time.monotonic() + 120
        while '{"end"' not in said or not said.endswith("\n"):
            self.assertTrue(select.select([node], [], [], max(0, deadline - time.monotonic()))[0], said)
            pieces = node.receive()
            self.assertIsNotNone(pieces, said)
            said += "".join(content.decode(errors="replace") for _, content in pieces)
        return said

    def assert_starts_and_refuses(self, kind):
        said = self.boot(kind)
        lines = [line for line in said.splitlines() if line.startswith("[ ")]
        self.assertRegex(lines[0], r"^\[ +0\.\d{6}\] 0 info  Big Iron \d+\.\d+\.\d+: 2\d\d MiB of RAM, loaded by GRUB ")
        self.assertRegex(lines[2], r" 2 cores, xAPIC$")
        self.assertEqual(complaints(said), [REASON])
        self.assertTrue(lines[-1].endswith(REASON), said)
        self.assertEqual(json.loads(said[said.index("{") :]), {"end": "refused"})

    def test_from_bios(self):
        self.assert_starts_and_refuses(BIOS)

    def test_from_uefi(self):
        self.assert_starts_and_refuses(UEFI)

    def test_no_core_keeps_running(self):
        self.boot(BIOS)
        time.sleep(0.5)
        self.assertEqual(self.machine.halted_cores(), CORES)
