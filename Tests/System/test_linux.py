"""Debian's kernel on the real hyperkernel. On Bochs a boot takes most of a minute, so each shows as much as it can."""

import re

from big_iron import (
    BACKENDS, GUESTS, USUAL_BACKENDS, VMX, BigIronTestCase, bochs, complaints, fresh_directory, on_backends)
from cluster import BUILD, ROOT, plain
from cluster.image import GUEST_COMMAND_LINE, GUEST_KERNEL
from cluster.initramfs import INIT
from cluster.machine import Hardware
from cluster.run import Status
from main_job import ALL_BYTES, EXIT_STATUS, MARKER, SECONDS_TO_BOOT, main_job

THREADS = (GUESTS / "threads", "/tests/threads")


def release():
    """What `uname -r` says, from the bzImage's own header (Documentation/arch/x86/boot.rst, kernel_version)."""
    image = GUEST_KERNEL.read_bytes()
    start = int.from_bytes(image[0x20E:0x210], "little") + 0x200
    return image[start : start + 200].split()[0].decode()


def parse_threads(output):
    """What Tests/Guests/threads.c printed: (CPUs, sum, plain sum, handoffs per millisecond)."""
    numbers = [int(number) for number in re.findall(r"\d+", output)]
    first, second, total, _, plain, handoffs, microseconds = numbers
    return {first, second}, total, plain, handoffs * 1000 / max(microseconds, 1)


def allowed_messages(cause):
    """Patterns for the warnings that the guest's kernel may print, because of a CPU of that vendor or a busy host."""
    lines = (ROOT / "Tests/System/allowed-dmesg.txt").read_text().splitlines()
    entries = [line.split("\t") for line in lines if not line.startswith("#")]
    return [pattern for of, pattern, _ in entries if of == cause]


def without_times(messages):
    return [re.sub(r"^\[ *[\d.]+\] ", "", line) for line in messages.splitlines()]


class AllowedMessagesTests(BigIronTestCase):
    def test_what_an_amd_cpu_makes_the_kernel_say_it_also_says_with_nothing_under_it(self):
        directory = fresh_directory(self.id())
        result = plain.run_on_qemu("dmesg -l warn,err,crit,alert,emerg", Hardware(cores=2), directory)
        self.assertEqual(result.status, 0)
        messages = without_times(result.output.decode())
        for pattern in allowed_messages("AMD"):
            self.assertTrue(any(re.fullmatch(pattern, text) for text in messages), pattern)

    def test_an_intel_cpu_makes_the_kernel_say_nothing(self):
        self.assertEqual(allowed_messages("Intel"), [])


@on_backends(*BACKENDS)
class MainJobTests(BigIronTestCase):
    seconds = 70

    @classmethod
    def setUpClass(cls):
        cls.job = main_job(cls.backend)

    def output(self, section):
        return self.job.output(section)

    def test_the_guest_has_both_cpus(self):
        self.assertEqual(self.output("cpus"), "2\n")

    def test_the_kernel_is_debians(self):
        self.assertRegex(release(), r"^\d+\.\d+\.\d+-\d+-cloud-amd64$")
        self.assertEqual(self.output("release"), f"{release()}\n")

    def test_the_clock_source_is_the_tsc(self):
        self.assertEqual(self.output("clock source"), "tsc\n")

    def test_the_kernel_has_nothing_to_complain_of(self):
        allowed = allowed_messages(self.backend.vendor)
        if not self.backend.is_exact:
            allowed += allowed_messages("busy")
        messages = without_times(self.output("messages"))
        unexpected = [text for text in messages if not any(re.fullmatch(pattern, text) for pattern in allowed)]
        self.assertEqual(unexpected, [MARKER])

    def test_the_date_is_the_hosts(self):
        date, began, ended = int(self.output("date")), self.job.began, self.job.ended
        self.assertTrue(began - 60 < date < ended + 60, f"{date} while {began} to {ended}")

    def test_a_second_lasts_a_second(self):
        before, after = map(float, self.output("sleep").split())
        self.assertGreaterEqual(after - before, 1)
        # Starting `sleep` takes time too: on shadow tables of a CPU of 50 MHz a third of a second.
        self.assertLess(after - before, 1.2 if self.backend is VMX else 5)

    def test_devices_and_timers_interrupt(self):
        counts = {}
        for line in self.output("interrupts").splitlines()[1:]:
            name, *rest = line.split()
            counts[name if name[0].isalpha() else rest[-1]] = [int(count) for count in rest[:2] if count.isdigit()]
        self.assertGreater(sum(counts["ttyS0"]), 0)
        self.assertGreater(sum(counts["ttyS1"]), 0)
        # Each CPU was busy for seconds, with 250 ticks in each.
        for cpu in range(2):
            self.assertGreater(counts["LOC:"][cpu], 200)
        self.assertGreater(sum(counts["RES:"]) + sum(counts["CAL:"]), 0)
        self.assertEqual(counts["ERR:"], [0])

    def test_two_threads_run_at_the_same_time_and_add_up(self):
        cpus, total, plain, rate = parse_threads(self.output("threads"))
        self.assertEqual(cpus, {0, 1})
        self.assertEqual(total, 2 * self.backend.additions)
        # Without the lock prefix additions are lost: the two CPUs do add at the same time.
        self.assertLess(plain, total)
        # In turns on one core a turn would change hands once in a time slice: see TimeSlicingTests.
        if self.backend.is_exact:
            self.assertGreater(rate, 100)

    def test_the_commands_output_comes_byte_by_byte_and_its_errors_apart(self):
        self.assertEqual(self.job.outputs["bytes"], ALL_BYTES)
        self.assertTrue(self.job.launcher.stderr.endswith(b"to the user\n"), self.job.launcher.stderr)

    def test_the_log_is_short_and_without_complaints(self):
        log = (self.job.directory / "node0.log").read_text()
        self.assertEqual(complaints(log), [])
        self.assertIn(f" 2 cores, {self.backend.apic}\n", log)
        self.assertIn(" 2 vCPUs\n", log)

    def test_the_summary_counts_exits_by_reason(self):
        self.assertEqual(self.job.summary["machine"], self.backend.machine.__name__)
        self.assertEqual(self.job.summary["status"], EXIT_STATUS)
        self.assertEqual((self.job.summary["reason"], self.job.report["end"]), ("poweroff", "poweroff"))
        self.assertEqual(len(self.job.report["vcpus"]), 2)
        for counters in self.job.report["vcpus"]:
            for reason in ("cpuid", "rdmsr", "wrmsr", "port", "mmio", "hlt", "hostInterrupt", self.backend.first_touch):
                self.assertGreater(counters[reason], 0, reason)
            self.assertEqual(counters["unknownMSRWrites"], 0)

    def test_the_summary_shows_two_vcpus_in_the_guest_at_the_same_time(self):
        elapsed = self.job.report["microseconds"] * self.job.report["tscFrequency"] // 1_000_000
        if self.backend.is_exact:
            self.assertLess(elapsed, self.job.summary["ticks"])
        shares = []
        for counters in self.job.report["vcpus"]:
            self.assertGreater(counters["guestTicks"], 0)
            shares.append((counters["guestTicks"] + counters["idleTicks"]) / elapsed)
            self.assertLess(shares[-1], 1)
        # More than one core has time for. A busy host takes too much of it away.
        if self.backend.is_exact:
            self.assertGreater(sum(shares), 1.3)


@on_backends(*USUAL_BACKENDS)
class TimeSlicingTests(BigIronTestCase):
    seconds = 65

    def test_one_core_runs_two_vcpus_in_turn(self):
        run = self.boot(
            hardware=Hardware(cores=1, memory=512), options=["guest.vcpus=2"], files=[THREADS],
            command=f"nproc; /tests/threads {self.backend.additions} 100", timeout=SECONDS_TO_BOOT)
        self.assert_powered_off(run)
        self.assertIn(f" 1 core, {self.backend.apic}\n", run.log)
        count, threads = run.output.split("\n", 1)
        self.assertEqual(count, "2")
        cpus, total, _, rate = parse_threads(threads)
        self.assertEqual((cpus, total), ({0, 1}, 2 * self.backend.additions))
        # Once in a time slice, which may be cut short; MainJobTests has the other side.
        self.assertLess(rate, 5)


@on_backends(*USUAL_BACKENDS)
class MovedPagesTests(BigIronTestCase):
    seconds = 75

    def test_no_core_keeps_a_translation_of_a_page_that_has_moved(self):
        # Copies on both CPUs, while core 0 moves a page a millisecond to another frame.
        run = self.boot(
            hardware=Hardware(cores=2, memory=512), options=["debug.move=1000000"], files=[THREADS],
            command="dd if=/dev/urandom of=/tmp/a bs=1M count=4 2>/dev/null; "
            "for i in 1 2 3 4; do (cp /tmp/a /tmp/b$i; md5sum < /tmp/b$i) & done; wait; md5sum < /tmp/a; "
            f"/tests/threads {self.backend.additions} 20000", timeout=SECONDS_TO_BOOT)
        self.assert_powered_off(run)
        self.assertGreater(run.result.report["movedPages"], 5000 if self.backend.is_exact else 1000)
        *sums, threads = run.output.split("\n", 5)
        self.assertEqual(len(set(sums)), 1, sums)
        cpus, total, _, _ = parse_threads(threads)
        self.assertEqual((cpus, total), ({0, 1}, 2 * self.backend.additions))


@on_backends(*USUAL_BACKENDS)
class PVHTests(BigIronTestCase):
    seconds = 45

    def test_the_kernels_elf_file_boots_by_pvh(self):
        run = self.boot(
            hardware=Hardware(cores=1, memory=512), kernel=BUILD / "guest/vmlinux",
            command="uname -r; cat /proc/sys/kernel/bootloader_type /proc/cmdline", append="marker=1",
            timeout=SECONDS_TO_BOOT)
        self.assert_powered_off(run)
        self.assertEqual(complaints(run.log), [])
        # B0H is what the kernel's own PVH entry sets as its loader (arch/x86/platform/pvh/enlighten.c).
        # An AMD CPU does not tell Linux its TSC's rate: Big Iron does, behind what the user has said.
        rate = "" if self.backend.vendor == "Intel" else r" tsc_early_khz=\d+"
        words = [GUEST_COMMAND_LINE, f"rdinit={INIT}", *self.backend.machine.guest_words(), "marker=1"]
        line = re.escape(" ".join(words))
        self.assertRegex(run.output, rf"\A{re.escape(release())}\n{0xB0}\n{line}{rate}\n\Z")


@on_backends(*USUAL_BACKENDS)
class XAPICTests(BigIronTestCase):
    seconds = 65

    def test_two_vcpus_run_in_xapic_mode_on_cpus_without_x2apic(self):
        machine = bochs("corei7_sandy_bridge_2600k") if self.backend.apic == "x2APIC" else None
        run = self.boot(
            machine=machine, hardware=Hardware(cores=2, memory=512), append="nox2apic", files=[THREADS],
            command="nproc; dmesg | grep -q 'x2apic enabled' && exit 1; "
            f"/tests/threads {self.backend.additions} 20000", timeout=SECONDS_TO_BOOT)
        self.assert_powered_off(run)
        self.assertIn(" 2 cores, xAPIC\n", run.log)
        count, threads = run.output.split("\n", 1)
        self.assertEqual(count, "2")
        cpus, total, plain, _ = parse_threads(threads)
        self.assertEqual((cpus, total), ({0, 1}, 2 * self.backend.additions))
        self.assertLess(plain, total)


class ShadowTests(BigIronTestCase):
    seconds = 90

    def test_two_vcpus_run_on_a_cpu_without_ept(self):
        run = self.boot(
            machine=bochs("core2_penryn_t9600"), hardware=Hardware(cores=2, memory=512), files=[THREADS],
            command=f"nproc; echo '<4>{MARKER}' >/dev/kmsg; dmesg -l warn,err,crit,alert,emerg; echo ==; "
            "/tests/threads 300000 20000", timeout=SECONDS_TO_BOOT)
        self.assert_powered_off(run)
        self.assertEqual(complaints(run.log), [])
        self.assertIn("VT-x with shadow paging\n", run.log)
        first, threads = run.output.split("==\n")
        count, *messages = first.splitlines()
        self.assertEqual(count, "2")
        self.assertEqual(without_times("\n".join(messages)), [MARKER])
        cpus, total, plain, rate = parse_threads(threads)
        self.assertEqual((cpus, total), ({0, 1}, 600000))
        self.assertLess(plain, total)
        self.assertGreater(rate, 100)

    def test_no_core_keeps_a_shadow_of_a_page_that_has_moved_and_the_guest_resets(self):
        # Linux resets the machine from real mode.
        run = self.boot(
            hardware=Hardware(cores=2, memory=512), options=["paging=shadow", "debug.move=1000000"], files=[THREADS],
            command="dd if=/dev/urandom of=/tmp/a bs=1M count=2 2>/dev/null; "
            "for i in 1 2; do (cp /tmp/a /tmp/b$i; md5sum < /tmp/b$i) & done; wait; md5sum < /tmp/a; "
            "/tests/threads 300000 20000; reboot -f", timeout=SECONDS_TO_BOOT)
        self.assert_ended(run, Status.GUEST_FAILED, "reset")
        self.assertGreater(run.result.report["movedPages"], 5000)
        *sums, threads = run.output.split("\n", 3)
        self.assertEqual(len(set(sums)), 1, sums)
        cpus, total, _, _ = parse_threads(threads)
        self.assertEqual((cpus, total), ({0, 1}, 600000))
