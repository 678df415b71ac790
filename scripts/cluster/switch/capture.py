"""Captures frames to a file that Wireshark opens: pcap 2.4 with nanoseconds (draft-ietf-opsawg-pcap).

The file has each frame once, as its sender sent it and when it came in, before anything happens to it on the way.
What is captured is therefore all that the nodes said; what became of it is in the ports' counters.
"""

import struct
import time

_MAGIC_OF_NANOSECONDS = 0xA1B23C4D
_HEADER = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")
_ETHERNET = 1
_SNAPSHOT_LENGTH = 65_535
_NANOSECONDS_IN_A_SECOND = 1_000_000_000


class Capture:
    """Writes whole records only, so the file is readable at any time."""

    def __init__(self, path, clock=time.monotonic_ns):
        """`clock` gives the times that `add` is called with."""
        self._file = open(path, "wb", buffering=0)
        self._offset = time.time_ns() - clock()
        self._new = [_HEADER.pack(_MAGIC_OF_NANOSECONDS, 2, 4, 0, 0, _SNAPSHOT_LENGTH, _ETHERNET)]
        self.error = None
        """Why the capture ended early, as text."""
        self.flush()

    def add(self, frame, now):
        seconds, nanoseconds = divmod(now + self._offset, _NANOSECONDS_IN_A_SECOND)
        self._new.append(_RECORD.pack(seconds, nanoseconds, len(frame), len(frame)) + frame)

    def flush(self):
        """Writes what was added. The network goes on where that fails, the capture does not."""
        if not self._new:
            return
        data = memoryview(b"".join(self._new))
        self._new.clear()
        try:
            while data and not self.error:
                data = data[self._file.write(data):]
        except OSError as error:
            self.error = str(error)

    def close(self):
        self.flush()
        self._file.close()
