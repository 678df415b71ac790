"""Bochs, whose CPU has VT-x in software: slow, exact and repeatable. It counts one tick per instruction."""

import re

from .machine import Machine, MachineError

_CONFIGURATION = """\
display_library: rfb, options="timeout=0"
cpu: model={model}, count={cores}, ips={speed}, reset_on_triple_fault=0
memory: guest={memory}, host={memory}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path="{image}", status=inserted
boot: cdrom
{serial_ports}
{network}clock: sync={clock}, time0=utc
sound: driver=dummy
info: action=report
error: action=ignore
panic: action=fatal
log: "{log}"
"""

_NETWORK = """\
pci: enabled=1, chipset=i440fx, slot1={card.model}
{card.model}: card=0, enabled=1, mac={card.address}, {card.connection}
"""


class Bochs(Machine):
    name = emulator = "bochs"
    network_cards = ("e1000",)
    model = "corei7_haswell_4770"
    speed = 50_000_000
    """Instructions per emulated second: the frequency of the TSC."""

    largest_memory = 2048
    most_cores = 15

    @classmethod
    def cluster_options(cls):
        # Its card takes a millisecond for a frame, and a page is three. A guest whose time is slower finds the network
        # faster.
        return ["time.scale=64"]

    @property
    def log(self):
        return self.directory / f"machine{self.number}.log"

    def prepare(self, port):
        if self.hardware.memory > self.largest_memory:
            raise MachineError(f"Bochs takes at most {self.largest_memory} MiB of memory")
        if self.hardware.cores > self.most_cores:
            raise MachineError(f"Bochs takes at most {self.most_cores} cores")
        configuration = self.directory / f"machine{self.number}.bochsrc"
        configuration.write_text(
            _CONFIGURATION.format(
                model=self.model, speed=self.speed, cores=self.hardware.cores, memory=self.hardware.memory,
                image=self.image, serial_ports=self.serial_ports(port), log=self.log,
                network=_NETWORK.format(card=self.network_card) if self.network_card else "",
                # Alone, its time is that of its instructions. Among others it must not run ahead of theirs.
                clock="slowdown" if self.network_card else "none"))
        commands = self.directory / f"machine{self.number}.debugger"
        commands.write_text(self.debugger_commands())
        return ["bochs", "-q", "-f", str(configuration), "-rc", str(commands)]

    def debugger_commands(self):
        """What the emulator's debugger does: it runs the machine, until the kernel writes 'D' to port 0x8900."""
        return "continue\nquit\n"

    def serial_ports(self, port):
        return f"com1: enabled=1, mode=socket-client, dev=localhost:{port}"

    def ticks(self):
        stamps = re.findall(r"^(\d{11,})[a-z]\[", self._log_text(), re.MULTILINE)
        return int(stamps[-1]) if stamps else None

    def complaint(self):
        panics = re.findall(r"^\d+p\[.*", self._log_text(), re.MULTILINE)
        return "\n".join(panics)

    def _log_text(self):
        try:
            return self.log.read_text(errors="replace")
        except FileNotFoundError:
            return ""
