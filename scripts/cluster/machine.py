"""The seam between a run and what it runs on: one class per kind of emulated PC."""

import abc
import dataclasses
import pathlib
import socket
from typing import NamedTuple


@dataclasses.dataclass
class Hardware:
    """What every kind of machine can be asked for."""

    cores: int = 1
    memory: int = 512
    """MiB"""


class NetworkCard(NamedTuple):
    """A machine's place in a network."""

    model: str
    """One of the machine's `network_cards`."""
    address: str
    """Its MAC address."""
    connection: str
    """The emulator's option that connects it; see `cluster.switch.Attachment`."""


class MachineError(Exception):
    """The machine cannot be what was asked for; says why."""


class Machine(abc.ABC):
    """One emulated PC that boots an ISO and has one serial port, its console."""

    name: str
    """How the hyperkernel's option `exit` calls it."""
    emulator: str
    """Which kind of line the switch has for it."""
    has_processor_threads = False
    """Whether its processors are threads of their own, so that its main thread does nothing but relay."""
    network_cards: tuple[str, ...] = ()
    """The models that it can have, the usual one first."""
    has_processor_choice = False
    """Whether `with_processor` makes one with another CPU."""

    @classmethod
    def guest_words(cls):
        """Words that a Linux guest's command line needs because of how this machine is emulated."""
        return []

    @classmethod
    def cluster_options(cls):
        """Options that the hyperkernel needs where a guest runs on several such machines."""
        return []

    def __init__(self, hardware, image, directory, number=0, network_card=None):
        """`directory` takes its configuration and logs, `number` tells it from the other machines there."""
        if network_card and network_card.model not in self.network_cards:
            possible = " or ".join(self.network_cards)
            raise MachineError(f"{type(self).__name__} has no network card {network_card.model}, but {possible}")
        self.hardware = hardware
        self.image = image
        self.directory = pathlib.Path(directory)
        self.number = number
        self.network_card = network_card

    @property
    def output(self):
        """What the emulator's process prints."""
        return self.directory / f"machine{self.number}.output"

    def listen(self):
        """A listening socket that its console can connect to, and what to tell `prepare` of it: here a TCP port."""
        listener = socket.create_server(("127.0.0.1", 0))
        return listener, listener.getsockname()[1]

    @abc.abstractmethod
    def prepare(self, port):
        """Writes its configuration; returns the command that starts it. Its console connects to `port`."""

    def ticks(self):
        """Instructions that it has executed when it ended, idle time included; None where it does not count them."""
        return None

    def complaint(self):
        """The emulator's own last words if it failed, as text."""
        return ""
