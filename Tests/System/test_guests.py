"""Small guests on the real hyperkernel: what they get from it, and what becomes of those that misbehave."""

import re

from big_iron import (
    BACKENDS, GUESTS, HELLO, SHADOW, SVM, VMX, VMX_SHADOW, BigIronTestCase, bochs, complaints, on_backends, qemu)
from cluster import ROOT
from cluster.image import Module
from cluster.machine import Hardware
from cluster.run import Status

TWO_CORES = Hardware(cores=2, memory=128)


class HelloTestCase(BigIronTestCase):
    def assert_says_hello(self, run):
        self.assert_powered_off(run)
        self.assertEqual(complaints(run.log), [])
        self.assertEqual(run.output, "Hello from a Multiboot guest\n")


@on_backends(*BACKENDS)
class MultibootTests(HelloTestCase):
    def test_a_guest_that_carries_its_addresses_in_its_header_runs(self):
        self.assert_says_hello(self.boot(HELLO))

    def test_a_guest_in_an_elf_file_runs(self):
        self.assert_says_hello(self.boot([Module(GUESTS / "hello.elf")]))

    def test_a_guest_runs_on_two_cores(self):
        run = self.boot(HELLO, hardware=TWO_CORES)
        self.assertIn(f"{self.backend.described}\n", run.log)
        self.assertIn(f"2 cores, {self.backend.apic}\n", run.log)
        self.assert_says_hello(run)

    def test_a_guest_gets_its_command_line_its_modules_and_a_memory_map(self):
        run = self.boot(
            [
                Module(GUESTS / "modules", "quiet 'two words'"),
                Module(self.make_file(b"ABCDEFGH"), "first module"),
                Module(self.make_file(b"xyz\0" * 2000), "second"),
            ], options=["guest.memory=64M"])
        self.assert_powered_off(run)
        self.assertEqual(
            run.output, 'command line: quiet "two words"\n'
            "module: 00000008 44434241 first module\n"
            "module: 00001F40 007A7978 second\n"
            "memory: 0000000000000000 00000000000A0000 00000001\n"
            "memory: 00000000000E0000 0000000000020000 00000002\n"
            "memory: 0000000000100000 0000000003F40000 00000001\n"
            "memory: 00000000FEC00000 0000000000201000 00000002\n")

    def test_options_that_make_no_sense_are_reported_and_ignored(self):
        run = self.boot(HELLO, options=["colour=blue", "log=loud", "guest.vcpus=0", "guest.memory=64M"])
        self.assert_powered_off(run)
        self.assertEqual(
            complaints(run.log), [
                "option ignored: colour=blue: no such option",
                "option ignored: log=loud: the value must be error|warn|info|debug",
                "option ignored: guest.vcpus=0: out of range: the value must be N (1 to 256)",
            ])
        self.assertIn("guest: 64 MiB, 1 vCPU\n", run.log)


class OtherProcessorsTests(HelloTestCase):
    """A back end on a CPU other than its own in BACKENDS."""

    def test_vt_x_without_x2apic(self):
        run = self.boot(HELLO, machine=bochs("corei7_sandy_bridge_2600k"), hardware=TWO_CORES)
        self.assertIn("2 cores, xAPIC\n", run.log)
        self.assert_says_hello(run)

    def test_shadow_tables_where_the_cpu_has_no_second_level(self):
        for machine in (bochs("core2_penryn_t9600"), qemu("EPYC,-npt")):
            with self.subTest(machine.__name__):
                run = self.boot(HELLO, machine=machine)
                self.assertIn(" with shadow paging\n", run.log)
                self.assert_says_hello(run)
                self.assertGreater(run.result.report["vcpus"][0]["shadowFill"], 0)

    def test_amd_v_of_another_emulator(self):
        for paging in ("nested", "shadow"):
            with self.subTest(paging):
                run = self.boot(HELLO, machine=bochs("ryzen"), hardware=TWO_CORES, options=[f"paging={paging}"])
                self.assert_says_hello(run)


@on_backends(SVM, SHADOW)  # Bochs's Haswell has no SMAP
class SupervisorAccessTests(BigIronTestCase):
    def test_a_write_across_two_pages_that_smap_and_wp_let_pass(self):
        run = self.boot([Module(GUESTS / "straddle")])
        self.assert_powered_off(run)
        # 12345678H at offset FFEH, then 1 added to the byte at 1002H.
        self.assertEqual(run.output, "12345678 00011234\n")


class RealModeTests(BigIronTestCase):
    """Not on QEMU, whose CPU has no segment limits."""

    # A CPU without EPT and unrestricted guest, and one that has them.
    in_virtual_8086_mode = ((bochs("core2_penryn_t9600"), []), (VMX_SHADOW.machine, VMX_SHADOW.options))

    def test_real_mode_is_the_same_however_it_runs(self):
        source = (ROOT / "Tests/Guests/real-mode.asm").read_text()
        tried = re.findall(r'^  expect \w+, "(.*)"$', source, re.MULTILINE)
        self.assertGreater(len(tried), 30)
        # Real mode of the CPU's own on three machines, virtual-8086 mode on two.
        ryzen = bochs("ryzen")
        for machine, options in ((VMX.machine, VMX.options), (ryzen, []), (ryzen, ["paging=shadow"]), *self.in_virtual_8086_mode):
            with self.subTest(machine.__name__, options=options):
                run = self.boot([Module(GUESTS / "real-mode")], machine=machine, options=options)
                self.assert_powered_off(run)
                lines = run.output.splitlines()
                self.assertEqual([line for line in lines if line != "REP OUTSB"], tried)
                self.assertEqual(lines.count("REP OUTSB"), 1)

    def test_big_real_mode_works_where_the_cpu_has_real_mode(self):
        run = self.boot([Module(GUESTS / "big-real-mode")])
        self.assert_powered_off(run)
        self.assertEqual(run.output, "Real mode\n!")

    def test_what_virtual_8086_mode_cannot_express_stops_the_guest(self):
        for guest, output, reason in (
            ("big-real-mode", "Real mode\n", "a segment larger than 64 KiB"),
            ("reset-vector", "About to restart\n", "a segment base that is not its selector times 16"),
        ):
            for machine, options in self.in_virtual_8086_mode:
                with self.subTest(guest, machine=machine.__name__):
                    run = self.boot([Module(GUESTS / guest)], machine=machine, options=options)
                    self.assert_ended(run, Status.GUEST_FAILED, "fault")
                    self.assertEqual(run.output, output)
                    self.assertEqual(complaints(run.log)[0], f"guest stopped: vCPU 0: real mode with {reason}")


@on_backends(*BACKENDS)
class MisbehaviourTests(BigIronTestCase):
    def test_a_triple_fault_ends_the_run_with_the_registers_in_the_log(self):
        run = self.boot([Module(GUESTS / "triple-fault")])
        self.assert_ended(run, Status.GUEST_FAILED, "fault")
        self.assertEqual(run.output, "About to fault\n")
        said = complaints(run.log)
        self.assertEqual(said[0], "guest stopped: vCPU 0: triple fault")
        # At INT3, with the magic number of Multiboot still in EAX, in protected mode without paging.
        self.assertRegex(said[1], r"rip 0010:00000000001000[0-9a-f]{2}  rflags 000[0-9a-f]{5}  rsp 0000000000")
        self.assertRegex(said[2], r"rax 000000002badb002  rbx 0000000000002000  rcx [0-9a-f]{16}")
        self.assertRegex(said[4], r"cr0 00000011  cr3 0{16}  cr4 00000000  efer 0000")
        self.assertIn("triple fault", run.errors)

    def test_a_hole_reads_as_ones_and_the_guest_goes_on(self):
        run = self.boot([Module(GUESTS / "hole")])
        self.assert_powered_off(run)
        self.assertEqual(run.output, "D0000000 FFFFFFFF\nFEB00000 FFFFFFFF\n")
        self.assertEqual(run.result.report["vcpus"][0]["hole"], 4)
