"""The user's terminal as the guest's console, or as the nodes' command lines."""

import enum
import os
import sys
import termios
import tty

_PREFIX = b"\x01"  # Ctrl-A


class Wish(enum.Enum):
    """What the user wants of the launcher itself: a key after Ctrl-A."""

    QUIT = b"x"
    NEXT = b"n"
    """The next node."""


class Terminal:
    """Passes keys on as they are typed; Ctrl-A and a key is one of `wishes`, Ctrl-A twice is Ctrl-A.

    Use it in a `with` statement.
    """

    def __init__(self, source=sys.stdin, wishes=(Wish.QUIT,)):
        self._descriptor = source.fileno()
        self._wishes = {wish.value: wish for wish in wishes}
        self._saved = None
        self._after_prefix = False

    def __enter__(self):
        if os.isatty(self._descriptor):
            self._saved = termios.tcgetattr(self._descriptor)
            tty.setraw(self._descriptor)
        return self

    def __exit__(self, *_):
        if self._saved:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._saved)

    def fileno(self):
        return self._descriptor

    def read(self):
        """What has been typed, as keys and wishes in turn; None at the end of the input."""
        data = os.read(self._descriptor, 1024)
        if not data:
            return None
        if not self._saved:
            return [data]
        typed = []
        keys = b""
        for key in (data[i : i + 1] for i in range(len(data))):
            if self._after_prefix and key.lower() in self._wishes:
                typed += [keys, self._wishes[key.lower()]]
                keys = b""
                self._after_prefix = False
                continue
            if key == _PREFIX and not self._after_prefix:
                self._after_prefix = True
                continue
            if self._after_prefix and key != _PREFIX:
                keys += _PREFIX
            keys += key
            self._after_prefix = False
        return [each for each in (*typed, keys) if each]
