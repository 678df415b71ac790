"""One run: makes the image, starts the machines, relays what they say until they end, and says how it went.

In the run's directory it leaves node0.log (the hyperkernel), guest0.log (the guest's console), summary.json, and the
machine's own configuration and logs.
"""

import contextlib
import dataclasses
import enum
import json
import pathlib
import re
import select
import time

from . import BUILD
from .image import GUEST_COMMAND_LINE, GUEST_KERNEL, KERNEL, ImageError, Module, make_image
from .initramfs import INIT, CommandOutput, make_initramfs
from .machine import Hardware, Machine, MachineError
from .multiplex import Channel
from .node import Node

_SECONDS_AFTER_LAST_WORD = 5
_LINES_TO_SHOW = 12
_MOST_LINES_TO_SHOW = 60
_TERMINAL_CONTROL = re.compile(r"\r|\x1b\[[0-9;?]*[A-Za-z]")
_MARKS_OF_A_CAUSE = ("panic:", "Kernel panic", "Oops", "BUG:")

# What the hyperkernel's report says in "end" where the guest is to blame.
_ENDS_OF_GUEST = ("reset", "fault")


class Status(enum.IntEnum):
    """The exit status where it is not that of the guest's command."""

    DONE = 0
    GUEST_FAILED = 123
    TIMED_OUT = 124
    NODE_FAILED = 125
    INTERRUPTED = 130


@dataclasses.dataclass
class Job:
    """What to run."""

    machine: type[Machine]
    hardware: Hardware = dataclasses.field(default_factory=Hardware)
    kernel: pathlib.Path = GUEST_KERNEL
    initrd: pathlib.Path | None = None
    """Instead of the default one with busybox."""
    append: str = ""
    """More of the guest's command line."""
    options: list[str] = dataclasses.field(default_factory=list)
    """KEY=VALUE for the hyperkernel."""
    command: str | None = None
    """A shell command for the guest, instead of an interactive shell."""
    timeout: float | None = None
    """Seconds"""
    directory: pathlib.Path = BUILD / "run"
    files: list[tuple[pathlib.Path, str]] = dataclasses.field(default_factory=list)
    """Pairs (file, path in the guest) that the initramfs gets besides."""
    modules: list[Module] | None = None
    """All boot modules, instead of the guest that the members above describe."""
    hyperkernel: pathlib.Path = KERNEL


@dataclasses.dataclass
class Result:
    status: int
    """For the process: the command's exit status, or a Status."""
    reason: str
    """Why it ended: what the report says, or "timeout", "quit", "panic", "no report", "not started"."""
    report: dict = dataclasses.field(default_factory=dict)
    """What the hyperkernel reported at its end; empty where it did not."""
    seconds: float = 0
    """From the start of the machine to its end."""
    ticks: int | None = None
    """See Machine.ticks."""


def run(job, output, errors, terminal=None):
    """Runs `job` to its end.

    `output` and `errors` are binary streams. With a command they get its standard output and standard error; without
    one, `output` gets the guest's console, and `terminal` is where its keys come from. `errors` also gets the last
    lines that matter where something failed.
    """
    job.directory.mkdir(parents=True, exist_ok=True)
    summary = job.directory / "summary.json"
    summary.unlink(missing_ok=True)
    image = job.directory / "node0.iso"
    machine = job.machine(job.hardware, image, job.directory)
    command = CommandOutput() if job.command is not None else None
    node = Node(machine)
    try:
        options = " ".join(["console=mux", f"exit={job.machine.name}", *job.options])
        make_image(image, job.hyperkernel, options, _make_modules(job, command))
        began = time.monotonic()
        node.start()
        deadline = began + job.timeout if job.timeout else None
        with terminal or contextlib.nullcontext():
            interruption = _relay(node, command, output, errors, terminal, deadline)
        if interruption is None:
            node.wait()
    except (ImageError, MachineError) as error:
        errors.write(f"{error}\n".encode())
        return Result(Status.NODE_FAILED, "not started")
    finally:
        node.stop()
    status, reason = _judge(node, command, interruption)
    result = Result(status, reason, node.report or {}, time.monotonic() - began, machine.ticks())
    summary.write_text(json.dumps({"machine": job.machine.__name__, **dataclasses.asdict(result)}, indent=2) + "\n")
    if reason not in ("poweroff", "quit") or (command and command.status is None):
        errors.write(_explain(result, node).encode())
        errors.flush()
    return result


def _make_modules(job, command):
    """The boot modules: kernel with command line, initrd."""
    if job.modules is not None:
        return job.modules
    line = [GUEST_COMMAND_LINE]
    initrd = job.directory / "initrd0"
    ours = make_initramfs(job.command, command and command.token, job.files, is_whole=job.initrd is None)
    if job.initrd is None:
        initrd.write_bytes(ours)
    else:
        theirs = job.initrd.read_bytes()
        # Archives follow each other at multiples of four bytes.
        initrd.write_bytes(theirs + bytes(-len(theirs) % 4) + ours if command else theirs)
    if job.initrd is None or command:
        line.append(f"rdinit={INIT}")
    return [Module(job.kernel, " ".join([*line, *job.machine.guest_words(), job.append])), Module(initrd)]


def _relay(node, command, output, errors, terminal, deadline):
    """Passes bytes on until the machine ends, the deadline passes ("timeout") or the user quits ("quit")."""
    sources = [node, terminal] if terminal else [node]
    finished = False
    while True:
        remaining = max(0, deadline - time.monotonic()) if deadline else None
        ready = select.select(sources, [], [], remaining)[0]
        if not ready:
            return None if finished else "timeout"
        if terminal in ready:
            keys, quits = terminal.read()
            if quits:
                return "quit"
            if keys is None:
                sources.remove(terminal)
            else:
                node.send(keys)
        if node in ready:
            pieces = node.receive()
            if pieces is None:
                return None
            for channel, content in pieces:
                _show(channel, content, command, output, errors)
        if not finished and (node.report or node.panicked):
            # Its last word: it leaves the machine by itself, or is stuck.
            finished = True
            deadline = time.monotonic() + _SECONDS_AFTER_LAST_WORD


def _show(channel, content, command, output, errors):
    if channel is Channel.CONSOLE and command:
        errors.write(command.feed_console(content))
        errors.flush()
    elif channel is Channel.CONSOLE:
        output.write(content)
        output.flush()
    elif channel is Channel.OUTPUT and command:
        output.write(command.feed_output(content))
        output.flush()


def _judge(node, command, interruption):
    """The exit status, and the reason for the end."""
    if interruption == "quit":
        return Status.DONE, interruption
    if interruption == "timeout":
        return Status.TIMED_OUT, interruption
    if node.panicked or node.report is None:
        return Status.NODE_FAILED, "panic" if node.panicked else "no report"
    reason = node.report.get("end")
    if reason in _ENDS_OF_GUEST:
        return Status.GUEST_FAILED, reason
    if reason != "poweroff":
        return Status.NODE_FAILED, reason
    if command is None:
        return Status.DONE, reason
    return (Status.GUEST_FAILED if command.status is None else command.status), reason


def _explain(result, node):
    """What a user needs to see of a run that failed."""
    causes = {
        Status.TIMED_OUT: "the time is up",
        Status.GUEST_FAILED: f"the guest ended by {result.reason} before its work was done",
    }
    cause = causes.get(result.status, f"Big Iron ended: {result.reason}")
    text = f"\n{cause} ({result.seconds:.1f} s)\n"
    for path in (node.console_path, node.log_path):
        text += f"--- {path}\n{_last_lines(path)}"
    return text + node.machine.complaint()


def _last_lines(path):
    text = _TERMINAL_CONTROL.sub("", path.read_text(errors="replace"))
    lines = text.splitlines(keepends=True)
    causes = [number for number, line in enumerate(lines) if any(mark in line for mark in _MARKS_OF_A_CAUSE)]
    first = max(0, min(causes[-1:] + [len(lines) - _LINES_TO_SHOW]))
    return "".join(lines[first : first + _MOST_LINES_TO_SHOW])
