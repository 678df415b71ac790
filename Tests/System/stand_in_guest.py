"""What stands in for a guest on a cluster of stand_in_node.py: a few words, which are obeyed as its command (--exec) or
as lines typed on its console, and the manners of guest-init.sh around them.

`out TEXT`, `err TEXT`, `exit STATUS` and `hang` do what they say, `reset` and `fault` end the guest badly; between them
stands a semicolon.
"""

import pathlib

from cluster.multiplex import Channel

_HEADER = 110
_NAME_SIZE, _SIZE = slice(94, 102), slice(54, 62)


def read_archive(data):
    """The files of a "newc" archive: their contents by their names."""
    files = {}
    start = 0
    while start < len(data):
        header = data[start : start + _HEADER]
        name_end = start + _HEADER + int(header[_NAME_SIZE], 16) - 1
        name = data[start + _HEADER : name_end].decode()
        contents = name_end + 1 + -(name_end + 1) % 4
        end = contents + int(header[_SIZE], 16)
        if name == "TRAILER!!!":
            break
        files[name] = data[contents:end]
        start = end + -end % 4
    return files


class Guest:
    def __init__(self, initrd, say, end):
        """`say(channel, text)` is its serial ports, `end(reason)` its power switch."""
        files = read_archive(pathlib.Path(initrd).read_bytes())
        self._command = files.get("bigiron/command", b"").decode().strip()
        self._token = files.get("bigiron/token", b"").decode().strip()
        self._say = say
        self._end = end
        self._line = ""

    def start(self):
        self._say(Channel.CONSOLE, "the kernel's messages\n")
        if not self._command:
            self._say(Channel.CONSOLE, "# ")
            return
        self._say(Channel.CONSOLE, f"{self._token}\n")
        self._obey(self._command)

    def take_keys(self, keys):
        """Keys typed on its console."""
        self._say(Channel.CONSOLE, keys.replace("\r", "\r\n"))
        *lines, self._line = (self._line + keys).split("\r")
        for line in lines:
            self._obey(line)
            self._say(Channel.CONSOLE, "# ")

    def _obey(self, command):
        for part in command.split("; "):
            word, _, rest = part.partition(" ")
            if word == "out":
                self._say(Channel.OUTPUT if self._command else Channel.CONSOLE, f"{rest}\n")
            elif word == "err":
                self._say(Channel.CONSOLE, f"{rest}\n")
            elif word == "exit":
                self._say(Channel.CONSOLE, f"{self._token}\nPower down\n")
                self._say(Channel.OUTPUT, f"{self._token} {rest}\n")
                self._end("poweroff")
            elif word in ("reset", "fault", "poweroff"):
                self._say(Channel.CONSOLE, f"its last words before {word}\n")
                self._end(word)
