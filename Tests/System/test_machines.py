"""Each kind of machine boots an image: a Multiboot guest stands in for the hyperkernel."""

import pathlib
import tempfile
import time
import unittest

from cluster import BUILD
from cluster.bochs import Bochs
from cluster.image import make_image
from cluster.machine import Hardware, MachineError
from cluster.node import Node
from cluster.qemu import QEMU


class UEFI(QEMU):
    uefi = True


class MachineTests(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def boot(self, kind, kernel, hardware=Hardware(memory=128)):
        """What the machine says until it says hello or ends."""
        image = self.directory / "image.iso"
        make_image(image, kernel, protocol="multiboot")
        node = Node(kind(hardware, image, self.directory))
        self.addCleanup(node.stop)
        node.start()
        said = b""
        deadline = time.monotonic() + 60
        while b"Hello" not in said and time.monotonic() < deadline and (pieces := node.receive()) is not None:
            said += b"".join(data for _, data in pieces)
        return said

    def test_qemu_boots_the_image_from_bios(self):
        self.assertIn(b"Hello", self.boot(QEMU, BUILD / "guests/hello"))

    def test_qemu_boots_the_image_from_uefi(self):
        self.assertIn(b"Hello", self.boot(UEFI, BUILD / "guests/hello"))

    def test_bochs_boots_the_image(self):
        self.assertIn(b"Hello", self.boot(Bochs, BUILD / "guests/hello.elf", Hardware(cores=2, memory=128)))

    def test_an_image_that_cannot_be_loaded_ends_the_machine_with_grubs_complaint(self):
        kernel = self.directory / "kernel"
        kernel.write_bytes(bytes(4096))
        for kind in (QEMU, Bochs):
            self.assertIn(b"error: no multiboot header found", self.boot(kind, kernel))

    def test_what_bochs_cannot_be_is_refused(self):
        for hardware in (Hardware(cores=16), Hardware(memory=2049)):
            with self.assertRaises(MachineError):
                Bochs(hardware, "", self.directory).prepare(1)
