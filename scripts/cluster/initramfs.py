"""The guest's initramfs, and how a command's output comes back from it.

Everything of ours stands in /bigiron of the guest: `init` (guest-init.sh), `profile` (guest-profile.sh), a static
`busybox`, whose shell finds busybox's other commands in itself, and, to run a command, `command` and `token`. To run a
command on top of another initramfs, the same /bigiron follows it as a second archive, and `rdinit=/bigiron/init` starts
it; all that this asks of the other one is that it brings no /bigiron of its own.

`token` holds random hexadecimal digits, new for every run. The command's standard input is empty. Its standard output
goes to the guest's second serial port byte by byte, followed by "<token> <exit status>\\n". Its standard error goes to
the first one, the console, between two lines "<token>\\n"; kernel messages of level err and worse may stand between
its lines. CommandOutput takes both apart again.
"""

import pathlib
import re
import secrets
import subprocess

from .cpio import Archive

INIT = "/bigiron/init"
_BUSYBOX = pathlib.Path("/bin/busybox")


def make_initramfs(command=None, token=None, files=(), is_whole=True):
    """An initramfs as bytes.

    `files` are pairs (source file, path in the guest). `is_whole` is false where it follows another one.
    """
    archive = Archive()
    archive.add_file(INIT, _script("guest-init.sh"), 0o755)
    archive.add_file("/bigiron/profile", _script("guest-profile.sh"))
    archive.add_file("/bigiron/busybox", _BUSYBOX.read_bytes(), 0o755)
    if is_whole:
        archive.add_link("/bin/sh", "/bigiron/busybox")
    if command is not None:
        archive.add_file("/bigiron/command", command.encode() + b"\n")
        archive.add_file("/bigiron/token", token.encode() + b"\n")
    for source, destination in files:
        source = pathlib.Path(source)
        archive.add_file(destination, source.read_bytes(), source.stat().st_mode & 0o777)
    return archive.finish()


def with_libraries(program):
    """A dynamically linked program of the host's, with its loader and libraries, as `files`: each at its own path."""
    listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    if "not found" in listing:
        raise FileNotFoundError(f"{program}: libraries are missing:\n{listing}")
    libraries = re.findall(r"(/\S+) \(0x", listing)
    return [(pathlib.Path(path), path) for path in (str(program), *libraries)]


def _script(name):
    return pathlib.Path(__file__).with_name(name).read_bytes()


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
