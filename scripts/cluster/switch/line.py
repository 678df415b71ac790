"""A port's socket, and the UDP ports at both ends of it.

An emulator binds one UDP port and sends to another, the switch's. Who picks the numbers depends on the emulator:

- QEMU takes any two, so the kernel picks both. The emulator's is kept from everybody else by a socket that is bound to
  it and connected to itself: it never gets a datagram, and QEMU, which sets SO_REUSEADDR, can still bind the port.
- Bochs is told one, binds it, and sends to the next. The pair is claimed by binding the second of the two. Pairs start
  at even numbers below those that the kernel picks from, so two switches never share one.

The socket is connected: datagrams from anyone but the emulator never get into it. The kernel says "connection refused"
when an earlier datagram found nobody, as while an emulator starts.
"""

import dataclasses
import pathlib
import socket

from .segment import LARGEST_FRAME, Port

_HOST = "127.0.0.1"
_RECEIVE_BUFFER = 4 << 20
_SO_RCVBUFFORCE = 33
_FIRST_PAIR = 20_000
_FRAMES_AT_A_TIME = 64


class LineError(Exception):
    """The line cannot be opened; says why."""


class Line:
    """The way between the switch and one emulator, and the segment's port at its end."""

    kind: str
    """How the command line calls the emulator."""
    largest = LARGEST_FRAME

    def __init__(self, name, near, emulator):
        """`near` is the switch's socket, `emulator` the number of the emulator's port."""
        near.connect((_HOST, emulator))
        near.setblocking(False)
        _enlarge(near)
        self._socket = near
        self.emulator = emulator
        self.switch = near.getsockname()[1]
        self.port = Port(name, self.transmit, self.largest)
        self._overflow_in = self._overflow_out = 0

    @property
    def option(self):
        """The emulator's option that connects it."""
        raise NotImplementedError

    def fileno(self):
        return self._socket.fileno()

    def receive(self, segment):
        """Passes on what has come, up to a bound so that no node starves the others."""
        for _ in range(_FRAMES_AT_A_TIME):
            try:
                frame = self._socket.recv(LARGEST_FRAME + 1)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                self.port.counters.refused += 1
                continue
            segment.receive(self.port, frame)

    def transmit(self, frame):
        """Whether `frame` could be sent."""
        try:
            return self._try_to_transmit(frame) or self._try_to_transmit(frame)
        except OSError:
            return False

    def summary(self):
        """The datagrams that the kernel dropped because one end did not read them fast enough."""
        drops = kernel_drops()
        # An emulator's number is gone when it ends.
        self._overflow_in = max(self._overflow_in, drops.get(self.switch, 0))
        self._overflow_out = max(self._overflow_out, drops.get(self.emulator, 0))
        return {"overflow_in": self._overflow_in, "overflow_out": self._overflow_out}

    def close(self):
        self._socket.close()

    def _try_to_transmit(self, frame):
        try:
            self._socket.send(frame)
        except ConnectionRefusedError:
            # That is the fate of an earlier frame. This one has not been sent.
            self.port.counters.refused += 1
            return False
        return True


class QEMULine(Line):
    kind = "qemu"

    def __init__(self, name):
        self._keeper = _bind(_HOST, 0)
        self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._keeper.connect(self._keeper.getsockname())
        super().__init__(name, _bind(_HOST, 0), self._keeper.getsockname()[1])

    @property
    def option(self):
        ends = {"local": self.emulator, "remote": self.switch}
        inet = [f"{end}.type=inet,{end}.host={_HOST},{end}.port={port}" for end, port in ends.items()]
        return ",".join(["dgram,id=net0", *inet])

    def close(self):
        super().close()
        self._keeper.close()


class BochsLine(Line):
    kind = "bochs"
    largest = 1514

    def __init__(self, name, emulator=None):
        """`emulator` is Bochs's port where that is given; the switch's is the next."""
        near = _claim(emulator) if emulator else _claim_any()
        super().__init__(name, near, near.getsockname()[1] - 1)

    @property
    def option(self):
        return f"ethmod=socket, ethdev={self.emulator}"


def kernel_drops(table=pathlib.Path("/proc/net/udp")):
    """How many datagrams each UDP port here has lost, as the kernel counts."""
    drops = {}
    for line in table.read_text().splitlines()[1:]:
        _, address, *_, dropped = line.split()
        port = int(address.partition(":")[2], 16)
        drops[port] = drops.get(port, 0) + int(dropped)
    return drops


def _bind(host, port):
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        end.bind((host, port))
    except OverflowError:
        end.close()
        raise LineError(f"{port} is not a port") from None
    except OSError as error:
        end.close()
        raise LineError(f"UDP port {port}: {error.strerror}") from None
    return end


def _claim(emulator):
    near = _bind(_HOST, emulator + 1)
    try:
        # As Bochs will bind it.
        _bind("", emulator).close()
    except LineError:
        near.close()
        raise
    return near


def _claim_any():
    end = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for emulator in range(_FIRST_PAIR, end - 1, 2):
        try:
            return _claim(emulator)
        except LineError:
            pass
    raise LineError(f"no two UDP ports are free from {_FIRST_PAIR} to {end}")


def _enlarge(end):
    """Gives the socket room for bursts: by default it holds about a hundred full frames."""
    try:
        end.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    except PermissionError:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
