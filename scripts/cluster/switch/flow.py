"""What happens to frames on the way from one port to another, and when they arrive.

Each kind of trouble draws from a random stream of its own, seeded with the two ports' names. So the n-th frame between
two nodes meets the same fate in every run with the same seed, whatever the other nodes send, and it is lost in the
same cases whether frames are also delayed or not. (What a node answers depends on real time, and so does what its n-th
frame is.)

A frame that is to be reordered is held back until some later frames have gone past it, and then follows the last of
them; where too few come, its time is up. Everything else stays in order.
"""

import random

_KINDS = ("loss", "duplicate", "corrupt", "bit", "reorder", "overtakers", "jitter")
_MOST_OVERTAKERS = 3
_LONGEST_HOLD = 10_000_000
_NANOSECONDS_IN_A_MILLISECOND = 1_000_000


class Transit:
    """One copy of a frame on its way to a port."""

    __slots__ = ("flow", "number", "frame", "due", "overtakers", "followers", "is_done")

    def __init__(self, flow, number, frame, due, overtakers=0):
        self.flow = flow
        self.number = number
        """Counts the frames of its flow."""
        self.frame = frame
        self.due = due
        """When it arrives at the latest, in nanoseconds."""
        self.overtakers = overtakers
        """How many later frames it still waits for."""
        self.followers = []
        """Those that this one is the last to overtake."""
        self.is_done = False


class Flow:
    """The way from port `source` to port `destination`."""

    def __init__(self, impairments, seed, source, destination):
        self.destination = destination
        self.impairments = impairments
        self._random = {kind: random.Random(repr((seed, source.name, destination.name, kind))) for kind in _KINDS}
        self._held = []
        self._last_due = 0
        self._admitted = 0
        self._newest_sent = 0

    def admit(self, frame, now):
        """What `frame` becomes: nothing, one transit, or two."""
        self._admitted += 1
        counters = self.destination.counters
        if self._happens("loss"):
            counters.lost += 1
            return []
        if self._happens("duplicate"):
            counters.duplicated += 1
            return [self._make_transit(frame, now), self._make_transit(frame, now)]
        return [self._make_transit(frame, now)]

    def finish(self, transit):
        """Notes that `transit` goes out now."""
        transit.is_done = True
        if transit.number < self._newest_sent:
            self.destination.counters.reordered += 1
        self._newest_sent = max(self._newest_sent, transit.number)

    def _make_transit(self, frame, now):
        if self._happens("corrupt"):
            self.destination.counters.corrupted += 1
            frame = self._flip_a_bit(frame)
        due = max(now + self._delay(), self._last_due)
        self._held = [held for held in self._held if not held.is_done]
        if self._happens("reorder"):
            overtakers = self._random["overtakers"].randint(1, _MOST_OVERTAKERS)
            transit = Transit(self, self._admitted, frame, due + _LONGEST_HOLD, overtakers)
            self._held.append(transit)
            return transit
        self._last_due = due
        transit = Transit(self, self._admitted, frame, due)
        for held in self._held:
            held.overtakers -= 1
        transit.followers = [held for held in self._held if not held.overtakers]
        self._held = [held for held in self._held if held.overtakers]
        return transit

    def _happens(self, kind):
        probability = getattr(self.impairments, kind)
        return probability > 0 and self._random[kind].random() < probability

    def _delay(self):
        jitter = self.impairments.jitter
        delay = self.impairments.delay + (self._random["jitter"].uniform(-jitter, jitter) if jitter else 0)
        return int(delay * _NANOSECONDS_IN_A_MILLISECOND)

    def _flip_a_bit(self, frame):
        bit = self._random["bit"].randrange(len(frame) * 8)
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        return bytes(damaged)
