"""QEMU: with KVM where the host's CPU lends its VT-x or AMD-V to machines, else interpreting a CPU with AMD-V."""

import os
import pathlib
import re
import socket

from .machine import Machine

_UEFI = "/usr/share/OVMF/OVMF_CODE.fd"


class QEMU(Machine):
    name = emulator = "qemu"
    has_processor_threads = True
    network_cards = ("e1000e", "e1000", "e1000-82545em")
    has_processor_choice = True
    model = "EPYC"
    """The CPU where QEMU interprets; `qemu-system-x86_64 -cpu help` lists them. None of them has VT-x then."""
    lent_model = "host"
    """The CPU where KVM lends this computer's."""
    uefi = False
    """Whether the firmware is UEFI (OVMF) instead of BIOS (SeaBIOS)."""
    may_use_kvm = True

    @property
    def processor(self):
        """What runs the machine's instructions, as arguments."""
        if extension := self.lent_extension():
            return ["-accel", "kvm", "-cpu", f"{self.lent_model},+{extension}"]
        return ["-accel", "tcg,thread=multi", "-cpu", self.model]

    @classmethod
    def with_processor(cls, model):
        """This kind of machine with a CPU as QEMU's option -cpu names it."""
        return type(cls.__name__, (cls,), {"model": model, "lent_model": model})

    @classmethod
    def lent_extension(cls):
        """What KVM lends to this machine, as nested_virtualization() has it."""
        return nested_virtualization() if cls.may_use_kvm else None

    @classmethod
    def guest_words(cls):
        # Interpreted, a guest's port read takes some 20 µs. Linux compares the TSC with the PM timer only where three
        # reads take less than 31, and would try for ever instead of making the TSC its clock source.
        return [] if cls.lent_extension() else ["pmtmr=0", "tsc=nowatchdog"]

    @classmethod
    def cluster_options(cls):
        # Interpreted, a page takes half a millisecond from node to node, and each of Linux's 250 ticks a second needs a
        # few. A guest whose time is slower finds the network faster.
        return [] if cls.lent_extension() else ["time.scale=8"]

    @property
    def _drive(self):
        """The image is both a CD's and a disk's. SeaBIOS reads a CD word by word, which takes a second more."""
        return "media=cdrom" if self.uefi else "if=virtio"

    @property
    def _network(self):
        if not (card := self.network_card):
            return []
        device = f"{card.model},netdev=net0,mac={card.address},romfile=,addr=3"
        return ["-netdev", card.connection, "-device", device]

    def listen(self):
        # Not TCP: when QEMU ends, a byte that it has not read would reset the connection, and what is still on its way
        # here would be lost, a report, say. Bound to nothing, the socket gets a name that is no file's (unix(7)).
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("")
        listener.listen(1)
        return listener, listener.getsockname()[1:].decode()

    def prepare(self, port):
        return [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-vga", "std", "-no-reboot",
            *self.processor, "-smp", str(self.hardware.cores), "-m", str(self.hardware.memory),
            *(["-bios", _UEFI] if self.uefi else []),
            "-drive", f"file={self.image},{self._drive},format=raw,readonly=on",
            "-chardev", f"socket,id=console,path={port},abstract=on,tight=on", "-serial", "chardev:console",
            *self._network,
            # The kernel ends the emulation by a write to this port.
            "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
        ]

    def complaint(self):
        lines = self.output.read_text(errors="replace").splitlines(keepends=True)
        return "".join(line for line in lines if ": warning: " not in line)


class InterpretingQEMU(QEMU):
    """QEMU that leaves KVM alone, and so is the same on every host."""

    may_use_kvm = False


def nested_virtualization(root=pathlib.Path("/")):
    """What KVM can lend to a machine, "vmx" or "svm", or None: the device file alone does not tell.

    `root` is where /dev, /proc and /sys are.
    """
    if not os.access(root / "dev/kvm", os.R_OK | os.W_OK):
        return None
    flags = re.search(r"^flags\s*:(.*)", (root / "proc/cpuinfo").read_text(), re.MULTILINE)
    for extension, module in (("vmx", "kvm_intel"), ("svm", "kvm_amd")):
        nested = root / "sys/module" / module / "parameters/nested"
        if flags and extension in flags[1].split() and nested.exists() and nested.read_text().strip() in ("Y", "1"):
            return extension
    return None
