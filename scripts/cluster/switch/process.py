"""The switch as the launcher sees it: a process that it starts, commands and ends."""

import json
import os
import pathlib
import select
import subprocess
import sys
import time
import typing

from ..scheduling import run_promptly
from .impairments import Impairments

_SECONDS_TO_ANSWER = 10
_MODULES = pathlib.Path(__file__).resolve().parents[2]


class SwitchError(Exception):
    """The switch did not do what it was told; says why."""


class Attachment(typing.NamedTuple):
    """How an emulator is connected."""

    emulator: int
    """The UDP port that it binds."""
    switch: int
    """The UDP port that it sends to."""
    option: str
    """For QEMU after `-netdev`, where the network card then has `netdev=net0`; for Bochs after `e1000: …, `."""


class Switch:
    """Use it in a `with` statement, or call `stop`. Dies with this process, however that ends.

    `nodes` has each node's name and its kind of emulator, "qemu" or "bochs". `directory` takes what the process prints
    besides its answers; `capture` is a file, `control` a socket that is made for other processes (see control.py). If it
    `is_prompt`, it gets a core at once, where that can be had (see cluster.scheduling).
    """

    def __init__(self, directory, nodes, impairments=Impairments(), seed=0, capture=None, control=None, is_prompt=False):
        self.attachments = {}
        """For each node's name, once started."""
        self.output = pathlib.Path(directory) / "switch.output"
        self._command = [
            sys.executable, "-m", "cluster.switch",
            *(f"--{kind}={name}" for name, kind in nodes.items()), *impairments.as_arguments(), f"--seed={seed}",
            *([f"--pcap={capture}"] if capture else []), *([f"--control={control}"] if control else [])]
        self._is_prompt = is_prompt
        self._process = None
        self._answers = b""

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Returns when the emulators can be started."""
        with open(self.output, "wb") as output:
            # A Ctrl-C at the terminal is the launcher's. The end of the pipe to it ends the switch.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, bufsize=0,
                start_new_session=True, env=os.environ | {"PYTHONPATH": str(_MODULES)})
        if self._is_prompt:
            run_promptly(self._process.pid)
        try:
            ports = self._await_answer()["ports"]
        except SwitchError:
            self.stop()
            raise
        self.attachments = {name: Attachment(**port) for name, port in ports.items()}

    def fileno(self):
        """For select: readable when the switch has ended, which it should not do by itself."""
        return self._process.stdout.fileno()

    def cut(self, node):
        """Pulls the node's cable."""
        self._tell_of("cut", node)

    def join(self, node):
        """Puts the node's cable back."""
        self._tell_of("join", node)

    def impair(self, impairments):
        """Lets these impairments be all from now on."""
        self._tell(" ".join(["impair", *impairments.as_arguments()]))

    def counters(self):
        """Each port's counters; see `Counters`. The emulators' own losses are in it only while they run."""
        return self._tell("counters")["ports"]

    def cpu_time(self):
        """Seconds that it has used so far, exact to a hundredth."""
        fields = pathlib.Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """Ends the switch, completes its capture, and returns its last counters; None where it has failed before."""
        process, self._process = self._process, None
        if process is None:
            return None
        try:
            output, _ = process.communicate(timeout=_SECONDS_TO_ANSWER)
            return json.loads((self._answers + output).splitlines()[-1])
        except (subprocess.TimeoutExpired, ValueError, IndexError):
            return None
        finally:
            process.kill()
            process.wait()

    def _tell_of(self, command, node):
        if node not in self.attachments:
            raise SwitchError(f"there is no {node}; there are {', '.join(self.attachments)}")
        self._tell(f"{command} {node}")

    def _tell(self, command):
        try:
            self._process.stdin.write(command.encode() + b"\n")
        except BrokenPipeError:
            raise SwitchError(self.complaint()) from None
        answer = self._await_answer()
        if "error" in answer:
            raise SwitchError(answer["error"])
        return answer

    def _await_answer(self):
        deadline = time.monotonic() + _SECONDS_TO_ANSWER
        while b"\n" not in self._answers:
            if not select.select([self], [], [], max(0, deadline - time.monotonic()))[0]:
                raise SwitchError("the switch does not answer")
            data = os.read(self.fileno(), 1 << 16)
            if not data:
                raise SwitchError(self.complaint())
            self._answers += data
        line, _, self._answers = self._answers.partition(b"\n")
        return json.loads(line)

    def complaint(self):
        """Why it has ended."""
        return self.output.read_text(errors="replace").strip() or "the switch has ended"
