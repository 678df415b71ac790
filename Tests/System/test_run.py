"""Whole runs, with a machine that plays back a stream or with Linux in plain QEMU in place of the hyperkernel."""

import io
import json
import pathlib
import tempfile
import time
import unittest

from cluster.cpio import Archive
from cluster.run import Job, Status, run
from stand_in import StandIn, playback

REPORT = b'\x10J{"end": "%s", "exits": 3}\n'


class RunTestCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.output, self.errors = io.BytesIO(), io.BytesIO()

    def run_job(self, machine, **arguments):
        hyperkernel = self.directory / "hyperkernel"
        hyperkernel.write_bytes(b"never loaded here")
        job = Job(machine=machine, directory=self.directory, hyperkernel=hyperkernel, **arguments)
        self.result = run(job, self.output, self.errors)
        return self.result.status

    def said(self):
        return self.errors.getvalue().decode()


class EndTests(RunTestCase):
    def test_a_guest_that_powers_off_ends_the_run_well(self):
        stream = b"log line\n\x10Gconsole\x10Lguest powered off\n" + REPORT % b"poweroff"
        self.assertEqual(self.run_job(playback(stream)), Status.DONE)
        self.assertEqual(self.output.getvalue(), b"console")
        self.assertEqual(self.said(), "")
        self.assertEqual((self.directory / "node0.log").read_bytes(), b"log line\nguest powered off\n")
        self.assertEqual((self.directory / "guest0.log").read_bytes(), b"console")
        summary = json.loads((self.directory / "summary.json").read_text())
        self.assertEqual(summary["report"], {"end": "poweroff", "exits": 3})
        self.assertEqual(summary["status"], 0)

    def test_a_guest_that_is_reset_or_faults_is_a_failure_with_its_last_lines(self):
        for end in (b"reset", b"fault"):
            stream = b"\x10G" + b"old\n" * 100 + b"Kernel panic - not syncing\nits trace\n" + REPORT % end
            self.assertEqual(self.run_job(playback(stream)), Status.GUEST_FAILED)
            self.assertIn("Kernel panic - not syncing\nits trace\n", self.said())
            self.assertNotIn("old\n" * 20, self.said())

    def test_a_guest_that_powers_off_before_its_command_ends_is_a_failure(self):
        self.assertEqual(self.run_job(playback(REPORT % b"poweroff"), command="true"), Status.GUEST_FAILED)

    def test_an_end_for_another_reason_is_the_nodes_failure(self):
        stream = b"error: this processor has no VT-x\n" + REPORT % b"unsupported"
        self.assertEqual(self.run_job(playback(stream)), Status.NODE_FAILED)
        self.assertIn("Big Iron ended: unsupported", self.said())
        self.assertIn("this processor has no VT-x", self.said())

    def test_a_panic_is_the_nodes_failure_even_where_the_machine_hangs(self):
        stream = b"panic: page fault\nbacktrace\n"
        self.assertEqual(self.run_job(playback(stream, hangs=True)), Status.NODE_FAILED)
        self.assertIn("panic: page fault\nbacktrace\n", self.said())

    def test_a_machine_that_ends_without_a_report_is_the_nodes_failure(self):
        self.assertEqual(self.run_job(playback(b"starting\n")), Status.NODE_FAILED)
        self.assertIn("no report", self.said())

    def test_a_damaged_report_is_the_nodes_failure(self):
        for report in (b"{", b"[]", b"\xff"):
            self.assertEqual(self.run_job(playback(b"\x10J" + report + b"\n")), Status.NODE_FAILED)

    def test_a_run_ends_when_its_time_is_up(self):
        began = time.monotonic()
        self.assertEqual(self.run_job(playback(b"starting\n", hangs=True), timeout=1), Status.TIMED_OUT)
        self.assertLess(time.monotonic() - began, 5)
        self.assertIn("starting", self.said())

    def test_a_machine_that_does_not_start_is_named(self):
        class Absent(StandIn):
            def prepare(self, port):
                return ["/absent"]

        self.assertEqual(self.run_job(Absent), Status.NODE_FAILED)
        self.assertIn("did not start", self.said())


class GuestTests(RunTestCase):
    def test_a_command_gives_its_output_its_errors_and_its_status(self):
        command = r"printf '\000\377\020\r\n'; uname -s; echo wrong >&2; cat; exit 7"
        self.assertEqual(self.run_job(StandIn, command=command, timeout=60), 7)
        self.assertEqual(self.output.getvalue(), b"\0\xff\x10\r\nLinux\n")
        self.assertEqual(self.said(), "wrong\n")

    def test_much_output_arrives_whole(self):
        numbers = "".join(f"{n}\n" for n in range(1, 10001))
        self.assertEqual(self.run_job(StandIn, command="seq 10000; seq 10000 >&2", timeout=60), 0)
        self.assertEqual(self.output.getvalue().decode(), numbers)
        self.assertEqual(self.said(), numbers)

    def test_kernel_messages_can_be_chosen_by_level(self):
        command = "echo '<3>an error' >/dev/kmsg; echo '<6>a note' >/dev/kmsg; dmesg -l err | grep -c -e error -e note"
        self.assertEqual(self.run_job(StandIn, command=command, timeout=60), 0)
        self.assertEqual(self.output.getvalue(), b"1\n")

    def test_a_file_of_the_host_is_there_in_the_guest(self):
        program = self.directory / "program"
        program.write_text("#!/bin/sh\necho from the host\n")
        program.chmod(0o755)
        self.run_job(StandIn, command="/tests/program", files=[(program, "/tests/program")], timeout=60)
        self.assertEqual(self.output.getvalue(), b"from the host\n")

    def test_a_command_runs_on_top_of_another_initramfs(self):
        archive = Archive()
        archive.add_file("/etc/motd", b"another\n")
        initrd = self.directory / "other"
        initrd.write_bytes(archive.finish())
        self.run_job(StandIn, initrd=initrd, command="/bigiron/busybox cat /etc/motd", timeout=60)
        self.assertEqual(self.output.getvalue(), b"another\n")

    def test_a_kernel_panic_of_the_guest_is_a_failure(self):
        status = self.run_job(StandIn, command="echo c >/proc/sysrq-trigger", timeout=60)
        self.assertEqual(status, Status.GUEST_FAILED)
        self.assertIn("Kernel panic", self.said())
