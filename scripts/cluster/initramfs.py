"""The guest's initramfs, and how a command's output comes back from it.

Everything of ours stands in /bigiron of the guest: `init` (guest-init.sh), its own static `busybox` and, to run a
command, `command` and `token`. The default initramfs has the usual busybox links in /bin besides. To run a command on
top of another initramfs, the same /bigiron follows it as a second archive, and `rdinit=/bigiron/init` starts it; all
that this asks of the other one is that it brings no /bigiron of its own.

`token` holds random hexadecimal digits, new for every run. The command's standard input is empty. Its standard output
goes to the guest's second serial port byte by byte, followed by "<token> <exit status>\\n". Its standard error goes to
the first one, the console, between two lines "<token>\\n"; kernel messages of level err and worse may stand between
its lines. CommandOutput takes both apart again.
"""

import pathlib
import secrets
import subprocess

from .cpio import Archive

INIT = "/bigiron/init"
_BUSYBOX = pathlib.Path("/bin/busybox")


def make_initramfs(links=True, command=None, token=None, files=()):
    """An initramfs as bytes.

    `links` adds the busybox commands in /bin; `files` are pairs (source file, path in the guest).
    """
    archive = Archive()
    init = pathlib.Path(__file__).with_name("guest-init.sh")
    archive.add_file(INIT, init.read_bytes(), 0o755)
    archive.add_file("/bigiron/busybox", _BUSYBOX.read_bytes(), 0o755)
    if command is not None:
        archive.add_file("/bigiron/command", command.encode() + b"\n")
        archive.add_file("/bigiron/token", token.encode() + b"\n")
    if links:
        names = subprocess.run([_BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
        for name in sorted(names):
            archive.add_link(f"/bin/{name}", "/bigiron/busybox")
    for source, destination in files:
        source = pathlib.Path(source)
        archive.add_file(destination, source.read_bytes(), source.stat().st_mode & 0o777)
    return archive.finish()


class CommandOutput:
    """Separates a command's output from what surrounds it on the guest's two serial ports."""

    def __init__(self):
        self.token = secrets.token_hex(16)
        self.status = None
        """The command's exit status; None until it has ended."""
        self._output = b""
        self._console = b""
        self._within_error_output = False

    def feed_output(self, data):
        """What is new on the second serial port; returns the part that is the command's standard output."""
        if self.status is not None:
            return b""
        self._output += data
        mark = self.token.encode()
        end = self._output.find(mark)
        if end < 0:
            return self._release_output(len(self._output) - _overlap(self._output, mark))
        trailer, newline, _ = self._output[end:].partition(b"\n")
        if newline:
            self.status = int(trailer.split()[1])
        return self._release_output(end)

    def feed_console(self, data):
        """What is new on the console; returns the part that is the command's standard error."""
        self._console += data
        released = b""
        mark = f"{self.token}\n".encode()
        while (end := self._console.find(mark)) >= 0:
            if self._within_error_output:
                released += self._console[:end]
            self._console = self._console[end + len(mark):]
            self._within_error_output = not self._within_error_output
        keep = _overlap(self._console, mark)
        if self._within_error_output:
            released += self._console[: len(self._console) - keep]
        self._console = self._console[len(self._console) - keep:]
        return released

    def _release_output(self, count):
        released, self._output = self._output[:count], self._output[count:]
        return released


def _overlap(data, mark):
    """The length of the longest end of `data` that `mark` starts with."""
    for length in range(min(len(data), len(mark) - 1), 0, -1):
        if data.endswith(mark[:length]):
            return length
    return 0
