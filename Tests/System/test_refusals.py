"""What the hyperkernel cannot work with: it says what is wrong, and ends the run."""

import re
import struct

from big_iron import GUESTS, HELLO, NO_VIRTUALIZATION, BigIronTestCase, bochs, qemu
from cluster.image import GUEST_KERNEL, Module
from cluster.run import Status


class ProcessorTests(BigIronTestCase):
    def test_neither_vt_x_nor_amd_v(self):
        run = self.boot(HELLO, machine=qemu("EPYC,-svm"))
        self.assert_refused(run, f"cannot run guests: {NO_VIRTUALIZATION}")

    def test_no_second_level_where_nothing_else_will_do(self):
        for machine, lack in (
            (bochs("core2_penryn_t9600"), "VT-x without EPT"),
            (qemu("EPYC,-npt"), "AMD-V without nested paging"),
        ):
            with self.subTest(machine.__name__):
                run = self.boot(HELLO, machine=machine, options=["paging=nested"])
                reason = f"paging=nested: this CPU has {lack}; leave the option out"
                self.assert_refused(run, f"cannot run guests: {reason}")

    def test_no_xsave(self):
        # A CPU with VT-x but without unrestricted guest, one without VT-x, and another emulator.
        for machine in (bochs("corei5_lynnfield_750"), bochs("p4_prescott_celeron_336"), qemu("qemu64,-svm")):
            with self.subTest(machine.__name__):
                self.assert_refused(
                    self.boot(HELLO, machine=machine),
                    "this CPU has no XSAVE; one from Sandy Bridge (2011) or Bulldozer (2011) on is needed")

    def test_no_long_mode(self):
        # It can neither report nor leave the emulator: that it stands still is for the launcher to find out.
        run = self.boot(HELLO, machine=bochs("core_duo_t2400_yonah"), timeout=8)
        self.assert_ended(run, Status.TIMED_OUT, "timeout")
        self.assertTrue(run.log.endswith("Big Iron needs a 64-bit x86 CPU with NX\n"), run.log)


class ClusterTests(BigIronTestCase):
    def test_no_sse_4_2(self):
        run = self.boot(HELLO, machine=bochs("core2_penryn_t9600"), options=["nodes=2"])
        self.assert_refused(
            run, "nodes=2 needs a CPU with SSE 4.2, whose CRC32 instruction checks the frames",
            before=["NIC: none that can be used"])

    def test_no_controller(self):
        run = self.boot(HELLO, machine=qemu("EPYC"), options=["nodes=2"])
        self.assert_refused(
            run, "nodes=2 needs an Ethernet controller, and there is none that can be used",
            before=["NIC: none that can be used"])

    def test_a_number_that_no_node_has(self):
        run = self.boot(HELLO, machine=qemu("EPYC"), options=["nodes=2", "node=2"])
        self.assert_refused(
            run, "node=2: numbers of 2 nodes are 0 to 1", before=["NIC: none that can be used"])


class KernelTests(BigIronTestCase):
    def assert_kernel_refused(self, contents, reason, **arguments):
        run = self.boot([Module(self.make_file(contents))], **arguments)
        self.assert_refused(run, f"guest kernel: {reason}")

    def test_no_modules(self):
        run = self.boot([])
        self.assert_refused(run, "no guest: give its kernel as the first boot module, its initrd as the second")

    def test_a_file_that_is_no_kernel(self):
        reason = "neither a bzImage, an ELF file nor a Multiboot image"
        for contents in (b"", bytes(range(256)) * 100):
            with self.subTest(size=len(contents)):
                self.assert_kernel_refused(contents, reason)

    def test_a_truncated_bzimage(self):
        image = GUEST_KERNEL.read_bytes()
        setup = (image[0x1F1] + 1) * 512
        size = setup + 16 * struct.unpack_from("<I", image, 0x1F4)[0]
        for available, needed in ((0x10000, size), (0x210, 0x238)):
            with self.subTest(available=available):
                reason = f"truncated: it has {available} bytes, but its headers speak of {needed}"
                self.assert_kernel_refused(image[:available], reason)

    def test_elf_segments_that_are_out_of_range(self):
        # Each is a change of the first segment to load: (address, size in memory).
        for change, reason in (
            ((0x8000_0000, 0xD4), "a segment lies outside RAM, at 0x80000000"),
            ((0x10_0000, 0x4000_0000), "a segment lies outside RAM, at 0x4040000"),
            ((0xFFFF_F000, 0x2000), "a segment lies outside RAM, at 0xfffff000"),
        ):
            with self.subTest(change):
                self.assert_kernel_refused(move_first_segment(*change), reason, options=["guest.memory=64M"])

    def test_an_elf_segment_that_the_file_does_not_hold(self):
        image = (GUESTS / "hello.elf").read_bytes()
        self.assert_kernel_refused(
            image[:0x150], "truncated: it has 336 bytes, but its headers speak of 377")

    def test_an_elf_file_for_another_machine(self):
        image = bytearray((GUESTS / "hello.elf").read_bytes())
        struct.pack_into("<H", image, 18, 40)
        self.assert_kernel_refused(
            image, "malformed: its ELF header is not for x86, or its program headers are too small")


def move_first_segment(address, size):
    """The guest `hello` as an ELF file, its first segment to load elsewhere or of another size."""
    image = bytearray((GUESTS / "hello.elf").read_bytes())
    table, = struct.unpack_from("<I", image, 28)
    size_of_header, count = struct.unpack_from("<HH", image, 42)
    headers = [table + number * size_of_header for number in range(count)]
    header = next(header for header in headers if struct.unpack_from("<I", image, header)[0] == 1)
    struct.pack_into("<I", image, header + 12, address)
    struct.pack_into("<I", image, header + 20, size)
    return image


class MemoryTests(BigIronTestCase):
    def test_a_kernel_that_does_not_fit(self):
        run = self.boot([Module(GUEST_KERNEL)], options=["guest.memory=2M"])
        needed = end_of_kernel() - start_of_kernel()
        self.assert_refused(run, f"guest kernel: it needs {needed >> 10} KiB of RAM where 0 KiB are")

    def test_an_initrd_that_does_not_fit(self):
        initrd = self.make_file(bytes(20 << 20))
        run = self.boot([Module(GUEST_KERNEL), Module(initrd)], options=["guest.memory=72M"])
        left = (72 << 20) + LEGACY_HOLE - end_of_kernel()
        self.assert_refused(run, f"guest module 1: it needs 20480 KiB of RAM, but {left >> 10} KiB are left")

    def test_more_memory_for_the_guest_than_there_is(self):
        run = self.boot(HELLO, options=["guest.memory=1G"])
        available = re.search(r"but (\d+) MiB", run.log)
        self.assertTrue(available and 100 < int(available[1]) < 128, run.log)
        self.assert_refused(run, f"guest.memory asks for 1024 MiB, but {available[1]} MiB are available")

    def test_a_reserve_that_leaves_nothing(self):
        run = self.boot(HELLO, options=["reserve=200M"])
        self.assert_refused(run, "too little memory for a guest: 0 MiB are available")


LEGACY_HOLE = 256 << 10
"""Bytes of address space without RAM below 1 MiB."""


def start_of_kernel():
    """Where Debian's kernel wants to be loaded (Documentation/arch/x86/boot.rst, pref_address)."""
    return struct.unpack_from("<Q", GUEST_KERNEL.read_bytes(), 0x258)[0]


def end_of_kernel():
    """Where what it needs from there on ends (init_size)."""
    return start_of_kernel() + struct.unpack_from("<I", GUEST_KERNEL.read_bytes(), 0x260)[0]
