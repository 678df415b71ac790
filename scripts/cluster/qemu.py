"""QEMU: with KVM where the host's CPU lends its VT-x to machines, else interpreting, and then there is no VT-x."""

import os
import pathlib

from .machine import Machine

_UEFI = "/usr/share/OVMF/OVMF_CODE.fd"


class QEMU(Machine):
    name = "qemu"
    uefi = False
    """Whether the firmware is UEFI (OVMF) instead of BIOS (SeaBIOS)."""

    @property
    def processor(self):
        """What runs the machine's instructions, as arguments."""
        if has_nested_virtualization():
            return ["-accel", "kvm", "-cpu", "host"]
        return ["-accel", "tcg,thread=multi", "-cpu", "EPYC"]

    def prepare(self, port):
        return [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-vga", "std", "-no-reboot",
            *self.processor, "-smp", str(self.hardware.cores), "-m", str(self.hardware.memory),
            *(["-bios", _UEFI] if self.uefi else []),
            "-drive", f"file={self.image},media=cdrom,format=raw,readonly=on",
            "-chardev", f"socket,id=console,host=127.0.0.1,port={port}", "-serial", "chardev:console",
            # The kernel ends the emulation by a write to this port.
            "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
        ]

    def complaint(self):
        lines = self.output.read_text(errors="replace").splitlines(keepends=True)
        return "".join(line for line in lines if ": warning: " not in line)


def has_nested_virtualization():
    """Whether KVM can give a machine VT-x: the device file alone does not tell."""
    nested = pathlib.Path("/sys/module/kvm_intel/parameters/nested")
    return (
        os.access("/dev/kvm", os.R_OK | os.W_OK)
        and "vmx" in pathlib.Path("/proc/cpuinfo").read_text().split()
        and nested.exists()
        and nested.read_text().strip() in ("Y", "1"))
