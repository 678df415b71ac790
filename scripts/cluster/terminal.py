"""The user's terminal as the guest's console."""

import os
import sys
import termios
import tty

_PREFIX = b"\x01"  # Ctrl-A


class Terminal:
    """Passes keys on as they are typed; Ctrl-A X quits, Ctrl-A twice is Ctrl-A. Use it in a `with` statement."""

    def __init__(self, source=sys.stdin):
        self._descriptor = source.fileno()
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
        """Returns (keys for the guest, whether the user quits); None for the keys at the end of the input."""
        data = os.read(self._descriptor, 1024)
        if not data:
            return None, False
        if not self._saved:
            return data, False
        keys = b""
        for key in (data[i : i + 1] for i in range(len(data))):
            if self._after_prefix and key in (b"x", b"X"):
                return keys, True
            if key == _PREFIX and not self._after_prefix:
                self._after_prefix = True
                continue
            if self._after_prefix and key != _PREFIX:
                keys += _PREFIX
            keys += key
            self._after_prefix = False
        return keys, False
