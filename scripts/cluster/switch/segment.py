"""One Ethernet segment: ports, and a learning switch between them. Knows nothing of sockets; time comes from a clock.

A frame goes to the port behind which its destination was last heard of, else to all others, as groups' frames do.
Every frame is counted, and nothing vanishes uncounted. At a port's side towards its node

    received = runts + giants + bad_sources + cut_in + local + the frames that were offered to other ports

and at its side from the other nodes

    offered + duplicated = cut_out + too_long + lost + queue_full + sent + unsent + waiting
"""

import dataclasses
import heapq
import itertools
import time

from .flow import Flow
from .impairments import Impairments

SHORTEST_FRAME = 14
"""Two addresses and a type. Padding is up to the network cards, and an emulated one may leave it out."""
LARGEST_FRAME = 16_128
"""The longest jumbo frame of Intel's 8254x controllers."""
LONGEST_QUEUE = 1024
"""Frames that may be on their way to one port, where they take time."""
_MOST_ADDRESSES = 1024
_GROUP = 1


@dataclasses.dataclass
class Counters:
    """Frames at one port; the last three are not the segment's own observations but its sockets'."""

    received: int = 0
    """From the node, all of them."""
    runts: int = 0
    giants: int = 0
    bad_sources: int = 0
    """With a group's address as the sender's."""
    cut_in: int = 0
    """Received while the cable was cut."""
    local: int = 0
    """For a destination that is behind the same port."""

    offered: int = 0
    """For the node, from all others."""
    cut_out: int = 0
    too_long: int = 0
    """Longer than the emulator takes, which would cut them off."""
    lost: int = 0
    queue_full: int = 0
    duplicated: int = 0
    corrupted: int = 0
    reordered: int = 0
    """Of those sent, went out behind a later frame of the same two nodes."""
    sent: int = 0
    unsent: int = 0
    """The kernel did not take them."""
    refused: int = 0
    """Of those sent, found no emulator there."""


class Port:
    """Where one node is connected. `transmit` takes a frame for the node and returns whether it could be sent."""

    def __init__(self, name, transmit, largest=LARGEST_FRAME):
        self.name = name
        self.transmit = transmit
        self.largest = largest
        self.is_cut = False
        self.waiting = 0
        """Transits in the queue, with the held ones that have gone out before their time was up."""
        self.counters = Counters()


class Segment:
    def __init__(self, ports, impairments=Impairments(), seed=0, queue=LONGEST_QUEUE, capture=None,
                 clock=time.monotonic_ns):
        self.ports = {port.name: port for port in ports}
        self.impairments = impairments
        """See `impair`."""
        self._seed = seed
        self._longest_queue = queue
        self._capture = capture
        self._clock = clock
        self._places = {}
        """The port behind which each address was heard, the address that was learned first at the front."""
        self._flows = {}
        self._queue = []
        self._order = itertools.count()

    def receive(self, source, frame):
        """Takes a frame from the node at port `source`."""
        counters = source.counters
        counters.received += 1
        if source.is_cut:
            counters.cut_in += 1
        elif len(frame) < SHORTEST_FRAME:
            counters.runts += 1
        elif len(frame) > LARGEST_FRAME:
            counters.giants += 1
        elif frame[6] & _GROUP:
            counters.bad_sources += 1
        else:
            now = self._clock()
            self._learn(frame[6:12], source)
            self._forward(source, frame, now)
            if self._capture:
                self._capture.add(frame, now)

    def cut(self, port):
        """Pulls the port's cable: nothing comes in or goes out, what is on its way is lost."""
        port.is_cut = True
        for transit in self._undone(port):
            transit.is_done = True
            port.counters.cut_out += 1
        self._places = {address: place for address, place in self._places.items() if place is not port}

    def join(self, port):
        port.is_cut = False

    def impair(self, impairments):
        """Frames that come in from now on meet these; what is on its way stays ahead of them."""
        self.impairments = impairments
        for flow in self._flows.values():
            flow.impairments = impairments

    def addresses(self, port):
        """The addresses that are known to be behind `port`."""
        return [address for address, place in self._places.items() if place is port]

    def wait(self):
        """Nanoseconds until something is due; None where nothing is on its way."""
        return max(0, self._queue[0][0] - self._clock()) if self._queue else None

    def deliver(self):
        """Sends all that is due."""
        now = self._clock()
        while self._queue and self._queue[0][0] <= now:
            transit = heapq.heappop(self._queue)[-1]
            transit.flow.destination.waiting -= 1
            for each in (transit, *transit.followers):
                if not each.is_done:
                    each.flow.finish(each)
                    self._send(each.flow.destination, each.frame)

    def waiting(self, port):
        """How many frames are on their way to `port`."""
        return len(self._undone(port))

    def _undone(self, port):
        return [item for *_, item in self._queue if item.flow.destination is port and not item.is_done]

    def _learn(self, address, port):
        place = self._places.get(address)
        if place is None and len(self._places) >= _MOST_ADDRESSES:
            del self._places[next(iter(self._places))]
        if place is not port:
            self._places[address] = port

    def _forward(self, source, frame, now):
        # A group's address is never learned.
        destination = self._places.get(frame[:6])
        if destination is source:
            source.counters.local += 1
        elif destination:
            self._offer(source, destination, frame, now)
        else:
            for port in self.ports.values():
                if port is not source:
                    self._offer(source, port, frame, now)

    def _offer(self, source, destination, frame, now):
        counters = destination.counters
        counters.offered += 1
        if destination.is_cut:
            counters.cut_out += 1
        elif len(frame) > destination.largest:
            counters.too_long += 1
        elif self.impairments or self._flows:
            for transit in self._flow(source, destination).admit(frame, now):
                self._enqueue(transit)
            self.deliver()
        else:
            self._send(destination, frame)

    def _flow(self, source, destination):
        key = (source, destination)
        if key not in self._flows:
            self._flows[key] = Flow(self.impairments, self._seed, source, destination)
        return self._flows[key]

    def _enqueue(self, transit):
        port = transit.flow.destination
        if port.waiting >= self._longest_queue:
            port.counters.queue_full += 1
            transit.is_done = True
            return
        port.waiting += 1
        heapq.heappush(self._queue, (transit.due, next(self._order), transit))

    def _send(self, port, frame):
        if port.transmit(frame):
            port.counters.sent += 1
        else:
            port.counters.unsent += 1
