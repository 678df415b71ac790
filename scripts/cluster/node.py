"""One node of a run: its machine, the line to it, and what comes over the line."""

import json
import os
import select
import signal
import socket
import subprocess
import time

from .command_line import CommandLine
from .machine import MachineError
from .multiplex import Channel, Demultiplexer, encode_input, encode_switch
from .scheduling import run_promptly

_SECONDS_TO_CONNECT = 30
_SECONDS_TO_END = 5
_SECONDS_AFTER_LAST_WORD = 5
_PANIC = b"panic:"
_LOADED = b" Big Iron "


class Node:
    """Starts a machine; keeps its log and its guest's console in files, and its report."""

    def __init__(self, machine, is_reboot=False, is_prompt=False):
        """Where it `is_reboot`, the files are continued. If it `is_prompt`, what relays its frames gets a core at once."""
        self.machine = machine
        self.is_running = False
        """Whether it has started and something may still come from it."""
        self.report = None
        """What the hyperkernel reported at its end, as a dictionary."""
        self.panicked = False
        self.command_line = CommandLine()
        self.log_path = machine.directory / f"node{machine.number}.log"
        self.console_path = machine.directory / f"guest{machine.number}.log"
        self._mode = "ab" if is_reboot else "wb"
        self._is_to_be_prompt = is_prompt and machine.has_processor_threads
        self._log_start = 0
        self._last_word = None
        self._has_started = self._was_stopped = False
        self._input_channel = Channel.CONSOLE
        self._demultiplexer = Demultiplexer()
        self._report_text = b""
        self._log_line = b""
        self._process = self._line = self._log = self._console = None

    def start(self):
        """Returns when the machine has connected its serial port."""
        self._log = open(self.log_path, self._mode, buffering=0)
        self._log_start = self._log.tell()
        self._console = open(self.console_path, self._mode, buffering=0)
        listener, port = self.machine.listen()
        with listener, open(self.machine.output, self._mode) as output:
            command = self.machine.prepare(port)
            # The machine dies with this process, however that ends, and gets no key strokes of its own.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
            self._line = self._accept(listener)
        self.is_running = self._has_started = True

    @property
    def has_ended(self):
        return self._has_started and not self.is_running

    @property
    def log(self):
        """The whole lines of its log since it was started."""
        if self._log is None:
            return ""
        with open(self.log_path, "rb") as file:
            file.seek(self._log_start)
            text = file.read()
        return text[: text.rfind(b"\n") + 1].decode(errors="replace")

    @property
    def deadline(self):
        """When it will be taken for stuck, on the clock of `time.monotonic`: some time after its last word, else None.

        Its last word is a report or a panic, whereupon it leaves the machine by itself.
        """
        return self._last_word and self._last_word + _SECONDS_AFTER_LAST_WORD

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
            self.is_running = False
            return None
        pieces = self._demultiplexer.feed(data)
        for channel, content in pieces:
            if channel is Channel.LOG:
                self._log.write(content)
                self._watch_log(content)
                continue
            self._note_loaded()
            if channel is Channel.CONSOLE:
                self._console.write(content)
            elif channel is Channel.COMMANDS:
                self.command_line.feed(content)
            elif channel is Channel.REPORT:
                self._take_report(content)
        if self._last_word is None and (self.report or self.panicked):
            self._last_word = time.monotonic()
        return pieces

    def send(self, data, channel=Channel.CONSOLE):
        """Types `data` on the guest's console, or on the hyperkernel's command line."""
        if not self.is_running:
            return
        encoded = encode_input(data)
        # A switch to the command line is repeated each time: sent before the node listened, it is lost.
        if channel is not self._input_channel or channel is Channel.COMMANDS:
            encoded = encode_switch(channel) + encoded
            self._input_channel = channel
        try:
            self._line.sendall(encoded)
        except (BrokenPipeError, ConnectionResetError):
            pass  # It has ended; receive() says so.

    def send_command(self, text):
        """Types a command on the hyperkernel's command line."""
        self.send(text.encode() + b"\r", Channel.COMMANDS)

    @property
    def reason(self):
        """How it ended; "stopped" where it did not end by itself."""
        if not self._has_started:
            return "not started"
        if self.panicked:
            return "panic"
        if self.report is not None:
            return self.report.get("end")
        return "stopped" if self._was_stopped else "no report"

    def wait(self):
        """Gives the machine time to end by itself, and to write its own log to the end."""
        if not self._has_started:
            return
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            pass

    def stop(self):
        """Ends whatever still runs."""
        self._was_stopped = self._was_stopped or self.is_running
        self.is_running = False
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
                if connection.family == socket.AF_INET:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
            if self._process.poll() is not None:
                break
        raise MachineError(f"the machine did not start; see {self.machine.output}")

    def _watch_log(self, content):
        *lines, self._log_line = (self._log_line + content).split(b"\n")
        self.panicked = self.panicked or any(_PANIC in line for line in lines)
        if any(_LOADED in line for line in lines):
            self._note_loaded()

    def _note_loaded(self):
        """The machine's firmware and loader are done."""
        if self._is_to_be_prompt:
            self._is_to_be_prompt = False
            run_promptly(self._process.pid)

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
