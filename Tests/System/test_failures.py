"""Failures of Big Iron itself, made on purpose: what a kernel developer gets to see of them."""

from big_iron import BACKENDS, HELLO, BigIronTestCase, complaints, on_backends
from cluster.machine import Hardware
from cluster.run import Status

TWO_CORES = Hardware(cores=2, memory=128)
REGISTERS = (
    "rax rbx rcx", "rdx rsi rdi", "rbp rsp r8", "r9 r10 r11", "r12 r13 r14", "r15 rip rfl", "cr0 cr2 cr3")


@on_backends(*BACKENDS)
class PanicTests(BigIronTestCase):
    def panic(self, crash):
        """The lines of the report on the panic that `debug.crash` makes on the last of two cores."""
        run = self.boot(HELLO, hardware=TWO_CORES, options=[f"debug.crash={crash}"])
        self.assert_ended(run, Status.NODE_FAILED, "panic")
        self.assertTrue(run.log.endswith(" 1 error all cores of this node are stopped\n"), run.log)
        self.assertIn("error panic: ", run.errors)
        lines = complaints(run.log)
        self.assertEqual(run.log.count(" 1 error "), len(lines))
        for names, line in zip(REGISTERS, lines[1:]):
            self.assertRegex(line, "^" + "  ".join(f"{name:3} [0-9a-f]{{16}}" for name in names.split()) + "$")
        return lines[0], lines[1 : 1 + len(REGISTERS)], lines[1 + len(REGISTERS) : -1]

    def test_an_exception_is_reported_with_registers_and_callers(self):
        title, registers, callers = self.panic("exception")
        self.assertRegex(title, r"^panic: #PF page fault at 0x[0-9a-f]+, error code 0x0$")
        self.assertIn("cr2 0000000000000008", registers[-1])
        self.assertRegex(callers[0], r"^  at [0-9a-f]{8} .*runCore.*\+0x")
        self.assertRegex(callers[1], r"^  at [0-9a-f]{8} coreMain\+0x")

    def test_a_stack_overflow_is_reported_on_a_stack_of_its_own(self):
        title, _, callers = self.panic("stack")
        self.assertRegex(title, r"^panic: #DF double fault at ")
        self.assertGreater(len(callers), 3)
        self.assertLess(len(callers), 50)
        for line in callers:
            self.assertRegex(line, r"^  at [0-9a-f]{8} overrun\(_:\)\+0x")


@on_backends(*BACKENDS)
class GuestStateTests(BigIronTestCase):
    def test_a_state_that_the_cpu_does_not_enter_is_shown_field_by_field(self):
        run = self.boot(HELLO, options=["debug.crash=entry"])
        self.assert_ended(run, Status.GUEST_FAILED, "fault")
        lines = complaints(run.log)
        # Invalid guest state (SDM Vol. 3C, 27.8), and VMEXIT_INVALID (APM Vol. 2, 15.5.1, and appendix C), of which the
        # emulator shows the low half.
        reason = {"Intel": 33, "AMD": 0xFFFF_FFFF}[self.backend.vendor]
        self.assertEqual(lines[0], f"vCPU 0 halted: VM entry refused, exit reason {reason}, qualification 0x0")
        fields = [line.split(" 0x")[0].strip() for line in lines[1:]]
        self.assertLessEqual({"Intel": {"guest RFLAGS", "guest CR0"}, "AMD": {"EFER", "CR0"}}[self.backend.vendor], {*fields})
        self.assertEqual(lines[-1], "guest stopped")

    def test_single_steps_are_logged(self):
        run = self.boot(HELLO, options=["debug.step=3"])
        self.assert_powered_off(run)
        steps = [line for line in run.log.splitlines() if "vCPU 0: next instruction at 0x1000" in line]
        self.assertEqual(len(steps), 3, run.log)
