"""What a run is to do, and what came of it."""

import dataclasses
import enum
import pathlib

from . import BUILD
from .image import GUEST_KERNEL, KERNEL, Module
from .machine import Hardware, Machine
from .switch import Impairments


class Status(enum.IntEnum):
    """The exit status where it is not that of the guest's command."""

    DONE = 0
    COMMAND_FAILED = 1
    GUEST_FAILED = 123
    TIMED_OUT = 124
    NODE_FAILED = 125
    INTERRUPTED = 130


@dataclasses.dataclass
class Network:
    """What is between several nodes."""

    card: str | None = None
    """A model that all machines have; None: each its usual one."""
    impairments: Impairments = Impairments()
    seed: int = 0
    """Of the impairments' chance."""
    capture: pathlib.Path | None = None
    """Takes what all nodes send, for Wireshark."""


@dataclasses.dataclass
class Job:
    """What to run."""

    machine: type[Machine] | list[type[Machine]]
    """One kind for all nodes, or a list with one for each."""
    hardware: Hardware = dataclasses.field(default_factory=Hardware)
    """Of each node"""
    kernel: pathlib.Path = GUEST_KERNEL
    initrd: pathlib.Path | None = None
    """Instead of the default one with busybox."""
    append: str = ""
    """More of the guest's command line."""
    options: list[str] = dataclasses.field(default_factory=list)
    """KEY=VALUE for the hyperkernel."""
    command: str | None = None
    """A shell command for the guest, instead of an interactive shell."""
    timeout: float | None = None
    """Seconds; `commands` need it."""
    directory: pathlib.Path = BUILD / "run"
    files: list[tuple[pathlib.Path, str]] = dataclasses.field(default_factory=list)
    """Pairs (file, path in the guest) that the initramfs gets besides."""
    modules: list[Module] | None = None
    """All boot modules, instead of the guest that the members above describe."""
    modules_everywhere: bool = False
    """Whether all nodes have them, like PCs that boot copies of one stick. Node 0 loads the guest in any case."""
    hyperkernel: pathlib.Path = KERNEL

    nodes: int = 1
    """Several are a cluster, and the guest is one on all of them. It comes with node 0."""
    network: Network = dataclasses.field(default_factory=Network)
    patience: float = 30
    """Seconds that a guest's nodes have to notice that one of them has ended, and to end as well."""
    delays: dict[int, float] = dataclasses.field(default_factory=dict)
    """Seconds by which these nodes start later than the others."""
    pins_numbers: bool = False
    """Whether each node is told which one it is, instead of finding out. With a guest it is in any case."""
    node_options: dict[int, list[str]] = dataclasses.field(default_factory=dict)
    """More KEY=VALUE for the hyperkernel of these nodes."""
    commands: list[tuple[int, str]] | None = None
    """Pairs (node, command for its own command line), after which all nodes shut down; instead of a terminal and of a
    guest."""

    @property
    def machines(self):
        """The kind of each node's machine."""
        return self.machine if isinstance(self.machine, list) else [self.machine] * self.nodes

    @property
    def is_cluster(self):
        return self.nodes > 1


@dataclasses.dataclass
class NodeResult:
    """How one node ended."""

    machine: str
    """The kind of it."""
    address: str | None
    """Of its network card, where it has one."""
    reason: str
    """What its report says, or "panic", "no report", "not started", "stopped": it still ran."""
    report: dict
    """What the hyperkernel reported at its end; empty where it did not."""
    ticks: int | None
    """See Machine.ticks."""


@dataclasses.dataclass
class Result:
    status: int
    """For the process: the command's exit status, or a Status."""
    reason: str
    """Why it ended: what the report says, or "timeout", "quit", "panic", "no report", "not started". Of several nodes it
    is that of the first that failed by itself, or "error" where a command did, or "no switch", or "stuck" where some
    nodes did not end with the guest."""
    seconds: float = 0
    """From the start of the machines to their end."""
    nodes: list[NodeResult] = dataclasses.field(default_factory=list)
    switch: dict | None = None
    """The switch's counters for each node."""

    @property
    def report(self):
        """The first node's."""
        return self.nodes[0].report if self.nodes else {}

    @property
    def ticks(self):
        """The first node's."""
        return self.nodes[0].ticks if self.nodes else None

    def summary(self):
        """As summary.json has it: with several nodes a list of them, with one its own members."""
        whole = dataclasses.asdict(self)
        if len(self.nodes) != 1:
            return whole
        node = whole["nodes"][0]
        return {
            "machine": node["machine"], "status": self.status, "reason": self.reason, "report": node["report"],
            "seconds": self.seconds, "ticks": node["ticks"]}
