"""Runs of the real hyperkernel, for tests. What each leaves behind stays in build/system-tests, by its test's name."""

import dataclasses
import io
import pathlib
import shutil
import tempfile
import unittest

from cluster import BUILD
from cluster.bochs import Bochs
from cluster.image import Module
from cluster.machine import Hardware
from cluster.qemu import QEMU
from cluster.run import Job, Result, Status, run

GUESTS = BUILD / "guests"
HELLO = [Module(GUESTS / "hello")]
"""Boot modules: a guest that says hello and powers off."""

SMALL = Hardware(memory=128)
"""Enough for guests other than Linux, and soon booted."""

NO_VIRTUALIZATION = (
    "this CPU has neither VT-x nor AMD-V; under an emulator choose a CPU model or an accelerator that offers it")


@dataclasses.dataclass
class Run:
    """A run that has ended, and what it left behind."""

    result: Result
    output: str
    """The command's standard output, or the guest's console."""
    errors: str
    """What a user sees besides."""
    directory: pathlib.Path

    @property
    def log(self):
        """What the hyperkernel said, after the firmware and GRUB."""
        return (self.directory / "node0.log").read_text(errors="replace")


def fresh_directory(name):
    directory = BUILD / "system-tests" / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def bochs(model):
    """Bochs with another of its CPU models; `bochs -help cpu` lists them."""
    return type(model, (Bochs,), {"model": model})


def qemu(model):
    """QEMU, interpreting, with a CPU model of its own; `qemu-system-x86_64 -cpu help` lists them."""
    return type(model, (QEMU,), {"processor": ["-accel", "tcg,thread=multi", "-cpu", model]})


class BigIronTestCase(unittest.TestCase):
    def boot(self, modules=None, machine=Bochs, hardware=SMALL, timeout=60, **job):
        """Boots Big Iron and waits for its guest's end."""
        directory = fresh_directory(self.id())
        output, errors = io.BytesIO(), io.BytesIO()
        job = Job(machine, hardware, modules=modules, timeout=timeout, directory=directory, **job)
        result = run(job, output, errors)
        (directory / "output").write_bytes(output.getvalue())
        (directory / "node0.iso").unlink(missing_ok=True)
        return Run(result, output.getvalue().decode(errors="replace"), errors.getvalue().decode(), directory)

    def make_file(self, contents):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = pathlib.Path(directory.name, "file")
        path.write_bytes(contents)
        return path

    def assert_ended(self, run, status, reason):
        self.assertEqual((run.result.status, run.result.reason), (status, reason), run.log)

    def assert_powered_off(self, run):
        self.assert_ended(run, Status.DONE, "poweroff")
        self.assertRegex(run.log, r"0 info  guest powered off\n\Z")

    def assert_refused(self, run, message):
        """The run ended because the hyperkernel would not go on, with `message` as its only and last complaint."""
        self.assert_ended(run, Status.NODE_FAILED, "refused")
        self.assertEqual(complaints(run.log), [message])
        self.assertTrue(run.log.endswith(message + "\n"), run.log)
        self.assertIn(message, run.errors)


def complaints(log):
    """The texts of a log's warnings and errors."""
    marks = (" error ", " warn  ")
    return [line.split(mark, 1)[1] for line in log.splitlines() for mark in marks if mark in line]
