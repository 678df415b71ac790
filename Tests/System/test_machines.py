"""Each kind of machine boots an image: a Multiboot guest stands in for the hyperkernel."""

import pathlib
import tempfile
import time
import unittest
from unittest import mock

from cluster import BUILD, qemu
from cluster.bochs import Bochs
from cluster.image import make_image
from cluster.machine import Hardware, MachineError
from cluster.node import Node
from cluster.qemu import QEMU, InterpretingQEMU, nested_virtualization


class UEFI(InterpretingQEMU):
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
        self.assertIn(b"Hello", self.boot(InterpretingQEMU, BUILD / "guests/hello"))

    def test_qemu_boots_the_image_from_uefi(self):
        self.assertIn(b"Hello", self.boot(UEFI, BUILD / "guests/hello"))

    def test_bochs_boots_the_image(self):
        self.assertIn(b"Hello", self.boot(Bochs, BUILD / "guests/hello.elf", Hardware(cores=2, memory=128)))

    def test_an_image_that_cannot_be_loaded_ends_the_machine_with_grubs_complaint(self):
        kernel = self.directory / "kernel"
        kernel.write_bytes(bytes(4096))
        for kind in (InterpretingQEMU, Bochs):
            self.assertIn(b"error: no multiboot header found", self.boot(kind, kernel))

    def test_what_bochs_cannot_be_is_refused(self):
        for hardware in (Hardware(cores=16), Hardware(memory=2049)):
            with self.assertRaises(MachineError):
                Bochs(hardware, "", self.directory).prepare(1)


class AccelerationTests(unittest.TestCase):
    """What QEMU makes of the computer that it runs on; its /dev, /proc and /sys are made up."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)

    def make_host(self, flags, device=True, **nested):
        """`nested` has the parameter of that name for each module of KVM's."""
        files = {"proc/cpuinfo": f"processor\t: 0\nmodel name\t: vmx svm\nflags\t\t: {flags}\nbugs\t\t:\n\n"}
        files |= {f"sys/module/{module}/parameters/nested": f"{value}\n" for module, value in nested.items()}
        if device:
            files["dev/kvm"] = ""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def assert_lent(self, extension):
        self.assertEqual(nested_virtualization(self.root), extension)

    def test_intels_extension_is_lent_where_nesting_is_on(self):
        for value in ("Y", "1"):
            self.make_host("fpu vmx ssse3", kvm_intel=value)
            self.assert_lent("vmx")

    def test_amds_extension_is_lent_where_nesting_is_on(self):
        self.make_host("fpu svm svm_lock", kvm_amd="1")
        self.assert_lent("svm")

    def test_nothing_is_lent_where_nesting_is_off(self):
        self.make_host("fpu vmx", kvm_intel="N")
        self.assert_lent(None)
        self.make_host("fpu svm", kvm_amd="0")
        self.assert_lent(None)

    def test_nothing_is_lent_that_the_cpu_does_not_have(self):
        self.make_host("fpu svm_lock", kvm_intel="Y", kvm_amd="1")
        self.assert_lent(None)

    def test_nothing_is_lent_by_another_vendors_module_or_by_none(self):
        self.make_host("fpu vmx")
        self.assert_lent(None)
        self.make_host("fpu vmx", kvm_amd="1")
        self.assert_lent(None)

    def test_nothing_is_lent_without_the_device(self):
        self.make_host("fpu vmx", device=False, kvm_intel="Y")
        self.assert_lent(None)

    def processor(self, kind, lent):
        with mock.patch.object(qemu, "nested_virtualization", lambda: lent):
            return " ".join(kind(Hardware(), "", self.root).processor)

    def test_a_machine_with_kvm_has_what_is_lent(self):
        self.assertEqual(self.processor(QEMU, "vmx"), "-accel kvm -cpu host,+vmx")
        self.assertEqual(self.processor(QEMU, "svm"), "-accel kvm -cpu host,+svm")

    def test_a_machine_has_the_cpu_that_is_asked_for(self):
        model = "EPYC-Rome,-avx2"
        self.assertEqual(self.processor(QEMU.with_processor(model), "svm"), f"-accel kvm -cpu {model},+svm")
        interpreting = InterpretingQEMU.with_processor(model)
        self.assertEqual(self.processor(interpreting, None), f"-accel tcg,thread=multi -cpu {model}")
        self.assertEqual(interpreting.__name__, "InterpretingQEMU")
        self.assertNotIn(model, self.processor(InterpretingQEMU, None))

    def test_a_machine_without_kvm_interprets_a_cpu_of_amds(self):
        interpreted = "-accel tcg,thread=multi -cpu EPYC"
        self.assertEqual(self.processor(QEMU, None), interpreted)
        self.assertEqual(self.processor(InterpretingQEMU, "svm"), interpreted)
