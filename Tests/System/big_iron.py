"""Runs of the real hyperkernel, for tests. What each leaves behind stays in build/system-tests, by its test's name.

There are several ways in which the hyperkernel can run a guest, its back ends, and a guest must not see which of them it
is. A test case that is marked `@on_backends(…)` becomes one for each of them: `Tests` turns into `Tests.vmx`, `Tests.svm`
and so on. In others a back end makes no difference, or they name their machines themselves.
"""

import dataclasses
import io
import pathlib
import shutil
import sys
import tempfile
import unittest
from typing import NamedTuple

from cluster import BUILD
from cluster.bochs import Bochs
from cluster.image import Module
from cluster.machine import Hardware, Machine
from cluster.qemu import InterpretingQEMU
from cluster.run import Job, Result, Status, run

GUESTS = BUILD / "guests"
HELLO = [Module(GUESTS / "hello")]
"""Boot modules: a guest that says hello and powers off."""

SMALL = Hardware(memory=128)
"""Enough for guests other than Linux, and soon booted."""

NO_VIRTUALIZATION = (
    "this CPU has neither VT-x nor AMD-V; under an emulator choose a CPU model or an accelerator that offers it")


class Backend(NamedTuple):
    """One way to run a guest, and an emulated PC that shows it, the same wherever the tests run."""

    name: str
    machine: type[Machine]
    vendor: str
    """The CPU's"""
    apic: str
    """The best mode of the local APICs in its PC."""
    options: tuple[str, ...] = ()
    """What makes the hyperkernel take this back end."""
    first_touch: str = "firstTouch"
    """The counter of the report that goes up when the guest touches a page for the first time."""
    additions: int = 20_000_000
    """How many Tests/Guests/threads.c has to do, so that two threads meet: on a busy host QEMU's take turns."""
    pace: float = 1
    """How long its tests take, where those on Bochs take 1."""

    @property
    def described(self):
        """How the hyperkernel's log calls it."""
        extension = {"Intel": "VT-x", "AMD": "AMD-V"}[self.vendor]
        return f"{extension} with {'shadow' if 'paging=shadow' in self.options else 'nested'} paging"

    @property
    def is_exact(self):
        """Whether its time is counted in instructions: how busy the host is makes no difference then."""
        return self.machine is Bochs


VMX = Backend("vmx", Bochs, "Intel", "x2APIC", additions=300_000)
VMX_SHADOW = VMX._replace(name="vmx_shadow", options=("paging=shadow",), first_touch="shadowFill", pace=1.5)
SVM = Backend("svm", InterpretingQEMU, "AMD", "xAPIC", ("paging=nested",), pace=0.15)
SHADOW = Backend("shadow", InterpretingQEMU, "AMD", "xAPIC", ("paging=shadow",), "shadowFill", pace=0.3)
BACKENDS = (VMX, VMX_SHADOW, SVM, SHADOW)
USUAL_BACKENDS = (VMX, SVM, SHADOW)
"""For tests that are long on Bochs: what they show of shadow paging they show on QEMU."""


def on_backends(*backends):
    """Replaces a test case by its subclasses, one for each back end. There is no name for the test case itself."""

    def replace(kind):
        module = sys.modules[kind.__module__]
        for backend in backends:
            members = {
                "__module__": kind.__module__,
                "__qualname__": f"{kind.__qualname__}.{backend.name}",  # as test ids show it
                "backend": backend,
                "seconds": getattr(kind, "seconds", 0) * backend.pace,
            }
            setattr(module, f"{kind.__name__}_{backend.name}", type(backend.name, (kind,), members))

    return replace


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
    """QEMU with another of its CPU models; `qemu-system-x86_64 -cpu help` lists them."""
    return type(model, (InterpretingQEMU,), {"model": model})


class BigIronTestCase(unittest.TestCase):
    backend = VMX

    def boot(self, modules=None, machine=None, hardware=SMALL, timeout=60, options=(), **job):
        """Boots Big Iron and waits for its guest's end. A `machine` of another kind takes no options of a back end."""
        directory = fresh_directory(self.id())
        output, errors = io.BytesIO(), io.BytesIO()
        if machine is None:
            machine, options = self.backend.machine, [*self.backend.options, *options]
        job = Job(machine, hardware, modules=modules, options=options, timeout=timeout, directory=directory, **job)
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
        self.assertRegex(run.log, r" \d info  guest powered off\n\Z")

    def assert_refused(self, run, message, before=()):
        """The run ended because the hyperkernel would not go on, with `message` as its last complaint, and `before` as those
        before it."""
        self.assert_ended(run, Status.NODE_FAILED, "refused")
        self.assertEqual(complaints(run.log), [*before, message])
        self.assertTrue(run.log.endswith(message + "\n"), run.log)
        self.assertIn(message, run.errors)


def complaints(log):
    """The texts of a log's warnings and errors."""
    marks = (" error ", " warn  ")
    return [line.split(mark, 1)[1] for line in log.splitlines() for mark in marks if mark in line]
