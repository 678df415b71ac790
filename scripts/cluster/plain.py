"""The same guest with nothing under it, on plain Bochs and plain QEMU, to compare with."""

import dataclasses
import subprocess
import time

from .bochs import Bochs
from .image import GUEST_COMMAND_LINE, GUEST_KERNEL, make_linux_image
from .initramfs import INIT, CommandOutput, make_initramfs
from .qemu import QEMU

_COMMAND_LINE = f"{GUEST_COMMAND_LINE} rdinit={INIT}"


@dataclasses.dataclass
class Result:
    status: int | None
    """The command's exit status; None where it did not come to its end."""
    output: bytes
    seconds: float
    ticks: int | None = None
    """Instructions from power-on to power-off; Bochs only."""


class _PlainBochs(Bochs):
    def serial_ports(self, port):
        return "".join(
            f'com{n}: enabled=1, mode=file, dev="{_serial_port(self.directory, n)}"\n' for n in (1, 2))


def run_on_bochs(command, hardware, directory, timeout=600, files=()):
    """Boots the guest by GRUB, as Big Iron is booted, and runs a shell command in it."""
    output = CommandOutput()
    initrd = _write_initrd(command, output, directory, files)
    machine = _PlainBochs(hardware, directory / "plain.iso", directory)
    make_linux_image(machine.image, GUEST_KERNEL, initrd, _COMMAND_LINE)
    result = _run(machine.prepare(port=None), machine.output, output, directory, timeout)
    result.ticks = machine.ticks()
    return result


def run_on_qemu(command, hardware, directory, timeout=600, files=(), append=""):
    """Boots the guest by QEMU's own loader, interpreted, and runs a shell command in it. The CPU is Big Iron's."""
    output = CommandOutput()
    initrd = _write_initrd(command, output, directory, files)
    serial_ports = [f"file:{_serial_port(directory, n)}" for n in (1, 2)]
    machine = [
        "qemu-system-x86_64", "-display", "none", "-net", "none", "-no-reboot", "-accel", "tcg,thread=multi",
        "-cpu", QEMU.model, "-smp", str(hardware.cores), "-m", str(hardware.memory),
        "-kernel", GUEST_KERNEL, "-initrd", initrd, "-append", f"{_COMMAND_LINE} {append}",
        "-serial", serial_ports[0], "-serial", serial_ports[1],
    ]
    return _run(machine, directory / "machine0.output", output, directory, timeout)


def _serial_port(directory, number):
    return directory / f"com{number}"


def _write_initrd(command, output, directory, files):
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "initrd0"
    path.write_bytes(make_initramfs(command, output.token, files))
    return path


def _run(machine, log, output, directory, timeout):
    began = time.monotonic()
    with open(log, "wb") as file:
        subprocess.run(
            ["setpriv", "--pdeathsig", "KILL", *machine], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            timeout=timeout)
    text = output.feed_output(_serial_port(directory, 2).read_bytes())
    return Result(output.status, text, time.monotonic() - began)
