"""Debian's kernel on the real hyperkernel. A boot takes most of a minute, so each shows as much as it can."""

import json
import os
import re
import subprocess
import time

from big_iron import GUESTS, BigIronTestCase, bochs, complaints, fresh_directory
from cluster import BUILD, ROOT
from cluster.cpio import Archive
from cluster.image import GUEST_COMMAND_LINE, GUEST_KERNEL
from cluster.initramfs import INIT
from cluster.machine import Hardware
from cluster.run import Status

ALLOWED_MESSAGES = ROOT / "Tests/System/allowed-dmesg.txt"
THREADS = (GUESTS / "threads", "/tests/threads")
MARKER = "a warning of our own"
ALL_BYTES = bytes(range(256)) * 16
SECONDS_TO_BOOT = 400
"""On a busy host."""


def release():
    """What `uname -r` says, from the bzImage's own header (Documentation/arch/x86/boot.rst, kernel_version)."""
    image = GUEST_KERNEL.read_bytes()
    start = int.from_bytes(image[0x20E:0x210], "little") + 0x200
    return image[start : start + 200].split()[0].decode()


def parse_threads(output):
    """What Tests/Guests/threads.c printed: (CPUs, sum, its target, plain sum, handoffs per millisecond)."""
    numbers = [int(number) for number in re.findall(r"\d+", output)]
    first, second, total, target, plain, handoffs, microseconds = numbers
    return {first, second}, total, target, plain, handoffs * 1000 / max(microseconds, 1)


def unexpected_messages(output):
    """What `dmesg` shows beyond the messages that are allowed."""
    lines = ALLOWED_MESSAGES.read_text().splitlines()
    allowed = [line.split("\t")[0] for line in lines if not line.startswith("#")]
    messages = [re.sub(r"^\[ *[\d.]+\] ", "", line) for line in output.splitlines()]
    return [text for text in messages if not any(re.fullmatch(pattern, text) for pattern in allowed)]


class MainJobTests(BigIronTestCase):
    """One boot with two cores by the command that users start."""

    seconds = 70
    sections = {
        "cpus": "nproc",
        "release": "uname -r",
        "clock source": "cat /sys/devices/system/clocksource/clocksource0/current_clocksource",
        "messages": f"echo '<4>{MARKER}' >/dev/kmsg; dmesg -l warn,err,crit,alert,emerg",
        "date": "date -u +%s",
        "sleep": "read -r before _ </proc/uptime; sleep 1; read -r after _ </proc/uptime; echo $before $after",
        "threads": "/tests/threads 300000 20000",
        "interrupts": "cat /proc/interrupts",
        "bytes": "cat /tests/bytes; echo to the user >&2; exit 7",
    }

    @classmethod
    def setUpClass(cls):
        cls.directory = fresh_directory(f"{cls.__module__}.{cls.__qualname__}")
        initrd = cls.directory / "tests.cpio"
        archive = Archive()
        archive.add_file("/tests/bytes", ALL_BYTES)
        archive.add_file("/tests/threads", (GUESTS / "threads").read_bytes(), 0o755)
        initrd.write_bytes(archive.finish())
        command = "\n".join(f"echo '== {name}'; {script}" for name, script in cls.sections.items())
        cls.began = time.time()
        # The PC's clock shows UTC, wherever its user is.
        cls.launcher = subprocess.run(
            [ROOT / "scripts/qemu-cluster.sh", "--machine", "bochs", "--cores", "2", "--initrd", initrd,
             "--run-directory", cls.directory, "--timeout", str(SECONDS_TO_BOOT), "--exec", command],
            capture_output=True, stdin=subprocess.DEVNULL, env=os.environ | {"TZ": "Asia/Kolkata"})
        cls.ended = time.time()
        (cls.directory / "output").write_bytes(cls.launcher.stdout)
        if cls.launcher.returncode != 7:
            raise AssertionError(cls.launcher.stderr.decode(errors="replace"))
        pieces = re.split(rb"^== (.*)\n", cls.launcher.stdout, flags=re.MULTILINE)[1:]
        cls.outputs = {name.decode(): output for name, output in zip(pieces[::2], pieces[1::2])}
        cls.summary = json.loads((cls.directory / "summary.json").read_text())
        cls.report = cls.summary["report"]

    def output(self, section):
        return self.outputs[section].decode()

    def test_the_guest_has_both_cpus(self):
        self.assertEqual(self.output("cpus"), "2\n")

    def test_the_kernel_is_debians(self):
        self.assertRegex(release(), r"^\d+\.\d+\.\d+-\d+-cloud-amd64$")
        self.assertEqual(self.output("release"), f"{release()}\n")

    def test_the_clock_source_is_the_tsc(self):
        self.assertEqual(self.output("clock source"), "tsc\n")

    def test_the_kernel_has_nothing_to_complain_of(self):
        self.assertEqual(unexpected_messages(self.output("messages")), [MARKER])

    def test_the_date_is_the_hosts(self):
        date = int(self.output("date"))
        self.assertTrue(self.began - 60 < date < self.ended + 60, f"{date} while {self.began} to {self.ended}")

    def test_a_second_lasts_a_second(self):
        before, after = map(float, self.output("sleep").split())
        self.assertGreaterEqual(after - before, 1)
        self.assertLess(after - before, 1.2)

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
        cpus, total, target, plain, rate = parse_threads(self.output("threads"))
        self.assertEqual(cpus, {0, 1})
        self.assertEqual((total, target), (600000, 600000))
        # Without the lock prefix additions are lost: the two CPUs do add at the same time.
        self.assertLess(plain, target)
        # In turns on one core a turn would change hands once in a time slice: see TimeSlicingTests.
        self.assertGreater(rate, 100)

    def test_the_commands_output_comes_byte_by_byte_and_its_errors_apart(self):
        self.assertEqual(self.outputs["bytes"], ALL_BYTES)
        self.assertTrue(self.launcher.stderr.endswith(b"to the user\n"), self.launcher.stderr)

    def test_the_log_is_short_and_without_complaints(self):
        log = (self.directory / "node0.log").read_text()
        self.assertEqual(complaints(log), [])
        self.assertIn(" 2 cores, x2APIC\n", log)
        self.assertIn(" 2 vCPUs\n", log)

    def test_the_summary_counts_exits_by_reason(self):
        self.assertEqual((self.summary["machine"], self.summary["status"]), ("Bochs", 7))
        self.assertEqual((self.summary["reason"], self.report["end"]), ("poweroff", "poweroff"))
        self.assertEqual(len(self.report["vcpus"]), 2)
        for counters in self.report["vcpus"]:
            for reason in ("cpuid", "rdmsr", "wrmsr", "port", "firstTouch", "mmio", "hlt", "hostInterrupt"):
                self.assertGreater(counters[reason], 0, reason)
            self.assertEqual(counters["unknownMSRWrites"], 0)

    def test_the_summary_shows_two_vcpus_in_the_guest_at_the_same_time(self):
        elapsed = self.report["microseconds"] * self.report["tscFrequency"] // 1_000_000
        self.assertLess(elapsed, self.summary["ticks"])
        shares = []
        for counters in self.report["vcpus"]:
            self.assertGreater(counters["guestTicks"], 0)
            shares.append((counters["guestTicks"] + counters["idleTicks"]) / elapsed)
            self.assertLess(shares[-1], 1)
        # More than one core has time for.
        self.assertGreater(sum(shares), 1.3)


class TimeSlicingTests(BigIronTestCase):
    seconds = 65

    def test_one_core_runs_two_vcpus_in_turn(self):
        run = self.boot(
            hardware=Hardware(cores=1, memory=512), options=["guest.vcpus=2"], files=[THREADS],
            command="nproc; /tests/threads 300000 100", timeout=SECONDS_TO_BOOT)
        self.assert_powered_off(run)
        self.assertIn(" 1 core, x2APIC\n", run.log)
        count, threads = run.output.split("\n", 1)
        self.assertEqual(count, "2")
        cpus, total, target, _, rate = parse_threads(threads)
        self.assertEqual((cpus, total, target), ({0, 1}, 600000, 600000))
        # Once in a time slice, which may be cut short; MainJobTests has the other side.
        self.assertLess(rate, 5)


class MovedPagesTests(BigIronTestCase):
    seconds = 75

    def test_no_core_keeps_a_translation_of_a_page_that_has_moved(self):
        # Copies on both CPUs, while core 0 moves a page a millisecond to another frame.
        run = self.boot(
            hardware=Hardware(cores=2, memory=512), options=["debug.move=1000000"], files=[THREADS],
            command="dd if=/dev/urandom of=/tmp/a bs=1M count=4 2>/dev/null; "
            "for i in 1 2 3 4; do (cp /tmp/a /tmp/b$i; md5sum < /tmp/b$i) & done; wait; md5sum < /tmp/a; "
            "/tests/threads 300000 20000", timeout=SECONDS_TO_BOOT)
        self.assert_powered_off(run)
        self.assertGreater(run.result.report["movedPages"], 5000)
        *sums, threads = run.output.split("\n", 5)
        self.assertEqual(len(set(sums)), 1, sums)
        cpus, total, target, _, _ = parse_threads(threads)
        self.assertEqual((cpus, total, target), ({0, 1}, 600000, 600000))


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
        self.assertEqual(
            run.output, f"{release()}\n{0xB0}\n{GUEST_COMMAND_LINE} rdinit={INIT} marker=1\n")


class XAPICTests(BigIronTestCase):
    seconds = 65

    def test_two_vcpus_run_in_xapic_mode_on_cpus_without_x2apic(self):
        run = self.boot(
            machine=bochs("corei7_sandy_bridge_2600k"), hardware=Hardware(cores=2, memory=512), append="nox2apic",
            files=[THREADS], command="nproc; dmesg | grep -q 'x2apic enabled' && exit 1; /tests/threads 300000 20000",
            timeout=SECONDS_TO_BOOT)
        self.assert_powered_off(run)
        self.assertIn(" 2 cores, xAPIC\n", run.log)
        count, threads = run.output.split("\n", 1)
        self.assertEqual(count, "2")
        cpus, total, target, _, rate = parse_threads(threads)
        self.assertEqual((cpus, total, target), ({0, 1}, 600000, 600000))
        self.assertGreater(rate, 100)


class ShadowTests(BigIronTestCase):
    seconds = 90

    def test_two_vcpus_run_on_a_cpu_without_ept(self):
        run = self.boot(
            machine=bochs("core2_penryn_t9600"), hardware=Hardware(cores=2, memory=512), files=[THREADS],
            command=f"nproc; echo '<4>{MARKER}' >/dev/kmsg; dmesg -l warn,err,crit,alert,emerg; echo ==; "
            "/tests/threads 300000 20000", timeout=SECONDS_TO_BOOT)
        self.assert_powered_off(run)
        self.assertEqual(complaints(run.log), [])
        self.assertIn(" 2 vCPUs on shadow tables\n", run.log)
        first, threads = run.output.split("==\n")
        count, *messages = first.splitlines()
        self.assertEqual(count, "2")
        self.assertEqual(unexpected_messages("\n".join(messages)), [MARKER])
        cpus, total, target, plain, rate = parse_threads(threads)
        self.assertEqual((cpus, total, target), ({0, 1}, 600000, 600000))
        self.assertLess(plain, target)
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
        cpus, total, target, _, _ = parse_threads(threads)
        self.assertEqual((cpus, total, target), ({0, 1}, 600000, 600000))
