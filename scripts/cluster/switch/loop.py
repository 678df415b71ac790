"""Waits for frames, for due times and for whatever else is watched, and has each handled."""

import dataclasses
import selectors

_NANOSECONDS_IN_A_SECOND = 1_000_000_000


class Loop:
    def __init__(self, segment, lines, capture=None):
        self._segment = segment
        self._lines = lines
        self._capture = capture
        self._has_ended = False
        # Its time limits are exact to the microsecond. epoll's and poll's are not: they count milliseconds.
        self._selector = selectors.SelectSelector()
        for line in lines:
            self.watch(line, lambda line=line: line.receive(segment))

    def watch(self, file, handle):
        """Calls `handle` whenever `file` is readable."""
        self._selector.register(file, selectors.EVENT_READ, handle)

    def forget(self, file):
        """Ends that."""
        self._selector.unregister(file)

    def run(self):
        while not self._has_ended:
            self.step()

    def end(self):
        self._has_ended = True

    def step(self, limit=None):
        """Handles what has come and what is due. Waits for that, for `limit` seconds at most."""
        wait = self._segment.wait()
        limits = [limit, None if wait is None else wait / _NANOSECONDS_IN_A_SECOND]
        for key, _ in self._selector.select(min((limit for limit in limits if limit is not None), default=None)):
            key.data()
        self._segment.deliver()
        if self._capture:
            self._capture.flush()

    def summary(self):
        """Each port's state and counters."""
        return {
            line.port.name: {
                "emulator": line.kind,
                "is_cut": line.port.is_cut,
                "addresses": [address.hex(":") for address in self._segment.addresses(line.port)],
                **dataclasses.asdict(line.port.counters),
                "waiting": self._segment.waiting(line.port),
                **line.summary(),
            }
            for line in self._lines
        }

    def close(self):
        self._selector.close()
