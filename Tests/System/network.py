"""A switch in the test's own process, with plain sockets in place of the emulators."""

import itertools
import socket
import time
import unittest

from cluster.switch.impairments import Impairments
from cluster.switch.line import BochsLine, QEMULine
from cluster.switch.loop import Loop
from cluster.switch.segment import Segment

BROADCAST = b"\xff" * 6
_SECONDS = 10
_BUFFER = 4 << 20
_SO_RCVBUFFORCE = 33


def address(number):
    """The address of the card that has this number."""
    return b"\x02\x00\x00\x00" + number.to_bytes(2, "big")


def frame(destination, source, payload=b""):
    return destination + source + b"\x88\xb5" + payload


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self):
        self.now = 1_000_000_000

    def __call__(self):
        return self.now

    def go_on(self, milliseconds):
        self.now += int(milliseconds * 1_000_000)


class Emulator:
    """Speaks UDP as the emulator of that kind does."""

    def __init__(self, kind, emulator, switch, buffer=_BUFFER):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(_SECONDS)
        if buffer > _BUFFER // 2:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer)
            except PermissionError:
                pass
        else:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        if kind == "qemu":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1" if kind == "qemu" else "", emulator))
        self._switch = ("127.0.0.1", switch)

    def send(self, frame):
        self._socket.sendto(frame, self._switch)

    def receive(self):
        """The next frame; an error where none comes."""
        return self._socket.recv(1 << 16)

    def receive_at_once(self):
        """The next frame; BlockingIOError where it is not there already."""
        self._socket.setblocking(False)
        try:
            return self._socket.recv(1 << 16)
        finally:
            self._socket.settimeout(_SECONDS)

    def close(self):
        self._socket.close()


class Node:
    """One node of a network: its line at the switch, and its emulator."""

    def __init__(self, number, line):
        self.address = address(number)
        self.line = line
        self.port = line.port
        self.counters = line.port.counters
        self.emulator = None
        self.taken = 0

    def start(self, **arguments):
        self.emulator = Emulator(self.line.kind, self.line.emulator, self.line.switch, **arguments)


class NetworkTestCase(unittest.TestCase):
    def connect(self, kinds, impairments=Impairments(), **arguments):
        """A network of nodes with these kinds of emulators, each a "q" or a "b". Returns the nodes."""
        lines = [QEMULine(f"node{i}") if kind == "q" else BochsLine(f"node{i}") for i, kind in enumerate(kinds)]
        self.segment = Segment([line.port for line in lines], impairments, **arguments)
        self.loop = Loop(self.segment, lines, arguments.get("capture"))
        self.addCleanup(self.loop.close)
        for line in lines:
            self.addCleanup(line.close)
        nodes = [Node(number, line) for number, line in enumerate(lines)]
        for node in nodes:
            node.start()
            self.addCleanup(lambda node=node: node.emulator.close())
        return nodes

    def step_until(self, is_so):
        deadline = time.monotonic() + _SECONDS
        while not is_so():
            self.assertLess(time.monotonic(), deadline, "what is waited for does not happen")
            self.loop.step(_SECONDS)

    def send(self, node, *frames):
        """Has `node` send the frames, and the switch handle them."""
        frames = iter(frames)
        while some := list(itertools.islice(frames, 50)):
            expected = node.counters.received + len(some)
            for frame in some:
                node.emulator.send(frame)
            self.step_until(lambda: node.counters.received == expected)

    def take(self, node):
        """What the switch has sent to `node` since the last call."""
        frames = [node.emulator.receive() for _ in range(node.counters.sent - node.taken)]
        node.taken = node.counters.sent
        return frames

    def assert_all_counted(self, nodes):
        """Nothing vanished and nothing came from nowhere."""
        for node in nodes:
            counters = node.counters
            self.assertEqual(
                counters.offered + counters.duplicated,
                counters.cut_out + counters.too_long + counters.lost + counters.queue_full + counters.sent
                + counters.unsent + self.segment.waiting(node.port), counters)
