"""One node of a run: its machine, the line to it, and what comes over the line."""

import json
import os
import select
import signal
import socket
import subprocess
import time

from .machine import MachineError
from .multiplex import Channel, Demultiplexer, encode_input

_SECONDS_TO_CONNECT = 30
_SECONDS_TO_END = 5
_PANIC = b"panic:"


class Node:
    """Starts a machine; keeps its log and its guest's console in files, and its report."""

    def __init__(self, machine):
        self.machine = machine
        self.report = None
        """What the hyperkernel reported at its end, as a dictionary."""
        self.panicked = False
        self.log_path = machine.directory / f"node{machine.number}.log"
        self.console_path = machine.directory / f"guest{machine.number}.log"
        self._demultiplexer = Demultiplexer()
        self._report_text = b""
        self._log_line = b""
        self._process = self._line = self._log = self._console = None

    def start(self):
        """Returns when the machine has connected its serial port."""
        self._log = open(self.log_path, "wb", buffering=0)
        self._console = open(self.console_path, "wb", buffering=0)
        with socket.create_server(("127.0.0.1", 0)) as listener, open(self.machine.output, "wb") as output:
            command = self.machine.prepare(listener.getsockname()[1])
            # The machine dies with this process, however that ends, and gets no key strokes of its own.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
            self._line = self._accept(listener)

    def fileno(self):
        """For select: readable when `receive` has something to return."""
        return self._line.fileno()

    def receive(self):
        """What is new as pairs (channel, bytes); None when the machine has ended."""
        try:
            data = self._line.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            return None
        pieces = self._demultiplexer.feed(data)
        for channel, content in pieces:
            if channel is Channel.LOG:
                self._log.write(content)
                self._watch_log(content)
            elif channel is Channel.CONSOLE:
                self._console.write(content)
            elif channel is Channel.REPORT:
                self._take_report(content)
        return pieces

    def send(self, data):
        """Types `data` on the guest's console."""
        try:
            self._line.sendall(encode_input(data))
        except (BrokenPipeError, ConnectionResetError):
            pass  # It has ended; receive() says so.

    def wait(self):
        """Gives the machine time to end by itself, and to write its own log to the end."""
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            pass

    def stop(self):
        """Ends whatever still runs."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for file in (self._line, self._log, self._console):
            if file:
                file.close()

    def _accept(self, listener):
        deadline = time.monotonic() + _SECONDS_TO_CONNECT
        while time.monotonic() < deadline:
            if select.select([listener], [], [], 0.1)[0]:
                connection = listener.accept()[0]
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
            if self._process.poll() is not None:
                break
        raise MachineError(f"the machine did not start; see {self.machine.output}")

    def _watch_log(self, content):
        *lines, self._log_line = (self._log_line + content).split(b"\n")
        self.panicked = self.panicked or any(_PANIC in line for line in lines)

    def _take_report(self, content):
        self._report_text += content
        line, newline, _ = self._report_text.partition(b"\n")
        if newline and self.report is None:
            self.report = _parse(line)


def _parse(line):
    try:
        report = json.loads(line)
    except ValueError:
        report = None
    return report if isinstance(report, dict) else {"end": "unreadable report"}
