"""The nodes of a run and the switch between them."""

import re
import select
import time

from .command_line import is_command
from .image import ImageError, make_image
from .machine import MachineError, NetworkCard
from .node import Node
from .switch import Switch, SwitchError

ERRORS = (ImageError, MachineError, SwitchError)
"""What can go wrong with what a cluster is made of."""

_FORMED = re.compile(r"cluster: \d+ nodes?, epoch \d+")
_LEFT_BEHIND = re.compile(r"node\d+\.(log|iso)|guest\d+\.log|machine\d+\.(output|log|bochsrc|debugger)")
_SECONDS = 60


class NodeError(Exception):
    """A node did not do what was waited for; says what."""


class NodeTimeout(NodeError):
    """It did not do so in time."""


class Cluster:
    """Starts and commands the nodes of a job, one or several. Use it in a `with` statement, or call `stop`.

    Nodes are counted from 0. Several have ascending MAC addresses, by which they give each other the same numbers.
    What they say is taken in only while a method waits.
    """

    def __init__(self, job, modules=()):
        """`modules` are the boot modules: the guest. Node 0 has them, and all nodes run it."""
        self.job = job
        self.has_guest = bool(modules)
        """Where it has one, all nodes end when one of them does."""
        self.nodes = []
        """What each node's last boot came to."""
        self.switch = None
        self.began = None
        """When the first was started."""
        self.switch_summary = None
        """The switch's last words, once stopped: its counters among them."""
        self.needs_all = False
        """Whether the end of any node ends the waiting for another."""
        self._modules = modules
        self._images = {}
        self._due = {}
        self._first_end = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts all that are not to start later. Those do while a method waits."""
        job = self.job
        job.directory.mkdir(parents=True, exist_ok=True)
        self._forget_former_runs()
        if job.is_cluster:
            names = {name_of(number): machine.emulator for number, machine in enumerate(job.machines)}
            self.switch = Switch(
                job.directory, names, job.network.impairments, job.network.seed, job.network.capture,
                control_socket(job.directory), is_prompt=self._has_distributed_guest)
            self.switch.start()
        self.nodes = [
            Node(self._make_machine(number), is_prompt=self._has_distributed_guest) for number in range(job.nodes)]
        self.began = time.monotonic()
        for number, node in enumerate(self.nodes):
            if number in job.delays:
                self._due[number] = self.began + job.delays[number]
            else:
                node.start()

    @property
    def _has_distributed_guest(self):
        """Whether the machines wait for each other page by page."""
        return self.job.is_cluster and bool(self._modules)

    @property
    def running(self):
        return [node for node in self.nodes if node.is_running]

    @property
    def has_ended(self):
        """Whether nothing runs and nothing will."""
        return not self.running and not self._due

    @property
    def is_ending(self):
        """Whether all have said their last word: they leave by themselves, or are stuck."""
        return not self._due and all(node.deadline is not None for node in self.running)

    @property
    def deadline(self):
        """When those that still run are stuck because others of the guest's nodes have ended long ago; else None."""
        return self._first_end and self._first_end + self.job.patience

    def receive(self, deadline=None, others=()):
        """Waits until a node says something or ends, or one of `others` is readable, or `deadline` has come.

        Returns triples (node's number, channel, bytes), and those of `others` that are readable. `deadline` is on the
        clock of `time.monotonic`.
        """
        sources = [*self.running, *others, *([self.switch] if self.switch else [])]
        deadlines = [deadline, *self._due.values(), *(node.deadline for node in self.running)]
        deadlines = [each for each in deadlines if each is not None]
        wait = max(0, min(deadlines) - time.monotonic()) if deadlines else None
        ready = select.select(sources, [], [], wait)[0]
        if self.switch in ready:
            raise SwitchError(self.switch.complaint())
        said = []
        for number, node in enumerate(self.nodes):
            if node in ready:
                said += [(number, *piece) for piece in node.receive() or ()]
        now = time.monotonic()
        for node in self.running:
            if node.deadline is not None and node.deadline <= now:
                node.stop()
        if self.has_guest and any(node.has_ended or node.deadline is not None for node in self.nodes):
            self._first_end = self._first_end or now
        for number in [number for number, due in self._due.items() if due <= now]:
            del self._due[number]
            self.nodes[number].start()
        return said, [other for other in others if other in ready]

    def wait_until(self, is_so, what, timeout=_SECONDS, number=None):
        """Waits until `is_so()` is true, and returns its value. The end of node `number` ends the waiting as well."""
        deadline = time.monotonic() + timeout
        while not (value := is_so()):
            needed = range(len(self.nodes)) if self.needs_all else [] if number is None else [number]
            for ended in (each for each in needed if self.nodes[each].has_ended):
                raise NodeError(f"node {ended} has ended ({self.nodes[ended].reason}) before {what} came")
            if time.monotonic() >= deadline:
                raise NodeTimeout(f"{what} did not come in {timeout:.0f} s")
            self.receive(deadline)
        return value

    def wait_for_log(self, number, pattern, timeout=_SECONDS, start=0):
        """Waits until a whole line of the log of the node's last boot matches; returns the match.

        `start` is how much of the log does not count: `len(nodes[number].log)` at an earlier time.
        """
        node = self.nodes[number]
        what = f"{pattern!r} in the log of node {number}"
        return self.wait_until(lambda: re.search(pattern, node.log[start:], re.MULTILINE), what, timeout, number)

    def wait_for_formation(self, number, timeout=_SECONDS):
        """Waits until the node is in the cluster and prompts for a command."""
        node, line = self.nodes[number], self.nodes[number].command_line
        what = f"a prompt of node {number} in the cluster"
        deadline = time.monotonic() + timeout

        def formed_prompt():
            return node.is_running and (line.prompt != "?" or _FORMED.search(node.log)) and line.prompt

        if self.wait_until(formed_prompt, what, timeout, number) == "?":
            # It need not prompt anew because of that.
            node.send_command("")
            left = max(0, deadline - time.monotonic())
            self.wait_until(lambda: line.prompt not in (None, "?"), what, left, number)

    def command(self, number, text, timeout=_SECONDS, is_member=True):
        """Has a node obey its command line; returns what that answers, without prompt and echo.

        It waits until the node is in the cluster, or, where it need not be a member, for any prompt.
        """
        if not is_command(text):
            raise ValueError(f"{text!r} cannot be typed as a command")
        began = time.monotonic()
        line = self.nodes[number].command_line
        if is_member:
            self.wait_for_formation(number, timeout)
        else:
            self.wait_until(lambda: line.prompt, f"a prompt of node {number}", timeout, number)
        line.begin(text)
        self.nodes[number].send_command(text)
        outputs = []

        def is_done():
            outputs.append(line.take_output())
            return outputs[-1] is not None

        self.wait_until(is_done, f"the end of {text!r} on node {number}", timeout - (time.monotonic() - began), number)
        return outputs[-1]

    def shut_down(self, timeout=_SECONDS):
        """Shuts down every node by its command line, and waits for the end of all."""
        deadline = time.monotonic() + timeout
        for number, node in enumerate(self.nodes):
            if number in self._due or not node.is_running:
                continue
            left = max(0, deadline - time.monotonic())
            self.wait_until(lambda: node.command_line.prompt, f"a prompt of node {number}", left, number)
            node.send_command("shutdown")
        self._due.clear()
        self.wait_until(lambda: self.has_ended, "the end of all nodes", max(0, deadline - time.monotonic()))

    def kill(self, number):
        """Ends the node's machine as a power cut does."""
        self.nodes[number].stop()

    def restart(self, number):
        """Boots the node's machine: once more, after its end or in its midst, or now where it was not yet due."""
        self.kill(number)
        self._due.pop(number, None)
        self.nodes[number] = Node(
            self._make_machine(number), is_reboot=True, is_prompt=self._has_distributed_guest)
        self.nodes[number].start()

    def cut(self, number):
        """Pulls the cable of the node."""
        self.switch.cut(name_of(number))

    def join(self, number):
        """Puts it back."""
        self.switch.join(name_of(number))

    def wait(self):
        """Gives the machines time to end by themselves."""
        for node in self.nodes:
            node.wait()

    def stop(self):
        """Ends whatever still runs."""
        for node in self.nodes:
            node.stop()
        if self.switch:
            self.switch_summary = self.switch.stop() or self.switch_summary

    def _make_machine(self, number):
        job = self.job
        kind = job.machines[number]
        card = None
        if self.switch:
            card = NetworkCard(
                job.network.card or kind.network_cards[0], address_of(number),
                self.switch.attachments[name_of(number)].option)
        return kind(job.hardware, self._make_image(number, kind), job.directory, number, card)

    def _make_image(self, number, kind):
        """One for all nodes that have the same options."""
        options = ["console=mux", f"exit={kind.name}"]
        if self.job.is_cluster:
            options += ["net=auto", f"nodes={self.job.nodes}"]
            # Its number decides which node has the guest's devices: the machine with the modules must be node 0.
            if self.job.pins_numbers or self.has_guest:
                options.append(f"node={number}")
                options += dict.fromkeys(
                    option for machine in self.job.machines for option in machine.cluster_options())
        options = " ".join([*options, *self.job.options, *self.job.node_options.get(number, [])])
        if options not in self._images:
            self._images[options] = image = self.job.directory / f"node{number}.iso"
            has_modules = number == 0 or self.job.modules_everywhere
            make_image(image, self.job.hyperkernel, options, self._modules if has_modules else ())
        return self._images[options]

    def _forget_former_runs(self):
        for path in self.job.directory.iterdir():
            if _LEFT_BEHIND.fullmatch(path.name):
                path.unlink()


def name_of(number):
    """What the switch calls a node."""
    return f"node{number}"


def address_of(number):
    """The MAC address of a node's network card."""
    return f"52:54:00:12:34:{number + 1:02x}"


def control_socket(directory):
    """Where the switch of a run in that directory takes commands."""
    return directory / "control"
