"""The stream on a node's serial port (hyperkernel option `console=mux`).

One 16550 carries everything. DLE (0x10) and a letter switch the channel that the bytes after it belong to; DLE DLE is
the byte 0x10 itself. A stream starts on the log, which what firmware and GRUB print then belongs to as well. DLE with
any other byte is no switch: both bytes are data.

The other way, bytes go to the guest's first serial port, with DLE doubled, until DLE and a letter switch to another
channel that reads.
"""

import enum

_DLE = 0x10


class Channel(enum.Enum):
    LOG = ord("L")
    """Log of the hyperkernel, and what came before it."""
    CONSOLE = ord("G")
    """The guest's first serial port."""
    OUTPUT = ord("X")
    """The guest's second serial port."""
    COMMANDS = ord("C")
    """The hyperkernel's own command line: what it prompts, echoes and answers, and what is typed there."""
    REPORT = ord("J")
    """One line of JSON at the end of the run: how it ended, and counters."""


class Demultiplexer:
    """Takes a node's stream apart, in pieces of any length."""

    def __init__(self, channel=Channel.LOG):
        """`channel` is that on which the stream starts."""
        self._channel = channel
        self._after_escape = False

    def feed(self, data):
        """The pieces of `data` as pairs (channel, bytes), none of them empty."""
        pieces = []
        current = bytearray()
        for byte in data:
            if not self._after_escape:
                if byte == _DLE:
                    self._after_escape = True
                else:
                    current.append(byte)
                continue
            self._after_escape = False
            if byte == _DLE:
                current.append(byte)
            elif byte in _CHANNELS:
                if current:
                    pieces.append((self._channel, bytes(current)))
                current = bytearray()
                self._channel = _CHANNELS[byte]
            else:
                current += bytes((_DLE, byte))
        if current:
            pieces.append((self._channel, bytes(current)))
        return pieces


def encode_input(data):
    """What to send so that `data` is read on the channel that is switched to."""
    return data.replace(bytes((_DLE,)), bytes((_DLE, _DLE)))


def encode_switch(channel):
    """What to send to switch to `channel`."""
    return bytes((_DLE, channel.value))


_CHANNELS = {channel.value: channel for channel in Channel}
