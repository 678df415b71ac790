"""The other end of an emulated PC's Ethernet: raw frames in UDP datagrams on loopback, as QEMU and Bochs speak them."""

import random
import select
import socket
import threading
import time

ETHER_TYPE = b"\x88\xb5"
OWN_ADDRESS = bytes.fromhex("525400123499")
BROADCAST = b"\xff" * 6

_MOST_OUTSTANDING = 4
_SECONDS_TO_ANSWER = 0.2


class Peer:
    """Sends numbered frames of all sizes to `address` and checks those that come back."""

    def __init__(self, address):
        self.address = address
        self.socket = _bind()
        self.machine_port = self.socket.getsockname()[1] - 1
        """Where the machine listens; it sends to the next port, as Bochs does."""
        self.answers = 0
        self.sizes = set()
        """Of the frames that came back."""
        self.problems = []
        self._random = random.Random(1)
        self._number = 0
        self._outstanding = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.socket.close()

    def _run(self):
        while not self._stop.is_set():
            now = time.monotonic()
            for number, (_, deadline) in list(self._outstanding.items()):
                if deadline < now:
                    del self._outstanding[number]
            while len(self._outstanding) < _MOST_OUTSTANDING:
                self._send(now + _SECONDS_TO_ANSWER)
            if select.select([self.socket], [], [], 0.05)[0]:
                self._check(self.socket.recv(1 << 16))

    def _send(self, deadline):
        number = self._number
        self._number += 1
        size = (60, 61, 1513, 1514)[number % 4] if number % 8 < 4 else self._random.randrange(60, 1515)
        destination = BROADCAST if number % 3 == 0 else self.address
        body = ETHER_TYPE + number.to_bytes(4, "little") + self._random.randbytes(size - 18)
        self._outstanding[number] = (body, deadline)
        try:
            self.socket.sendto(destination + OWN_ADDRESS + body, ("127.0.0.1", self.machine_port))
        except ConnectionRefusedError:
            pass  # Nobody is there yet.

    def _check(self, frame):
        destination, source, body = frame[:6], frame[6:12], frame[12:]
        if body[:2] != ETHER_TYPE:
            return
        number = int.from_bytes(body[2:6], "little")
        self.answers += 1
        self.sizes.add(len(frame))
        sent = self._outstanding.pop(number, None)
        if (destination, source) != (OWN_ADDRESS, self.address):
            self.problems.append(f"frame {number} came from {source.hex()} for {destination.hex()}")
        if sent and sent[0] != body:
            self.problems.append(f"frame {number} came back changed")


def _bind():
    """A socket on a port before which there is a free one."""
    while True:
        ours, theirs = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        ours.bind(("127.0.0.1", 0))
        try:
            theirs.bind(("127.0.0.1", ours.getsockname()[1] - 1))
            return ours
        except OSError:
            ours.close()
        finally:
            theirs.close()
