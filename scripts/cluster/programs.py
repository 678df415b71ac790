"""Programs that show whether a guest's machine works, and what they have to say where it does.

Those of Tests/Guests (`make guests` builds them) say what went wrong and count it; the others are Debian's.
"""

import re
import shutil
from typing import NamedTuple

from . import BUILD
from .initramfs import with_libraries

LITMUS_PAIRS = 32
"""Outcomes of one round of Tests/Guests/litmus.c."""
STRESSORS = {"cpu": "", "vm": "--vm-bytes 16M", "pthread": "", "futex": "", "mutex": "", "fork": "", "pipe": ""}
"""stress-ng's, and what each is told besides."""

# What Linux says where a CPU or the clock was away for too long, or worse.
_COMPLAINTS = re.compile(
    r"soft lockup|hard LOCKUP|rcu.*stall|blocked for more than|Marking TSC unstable|Marking clocksource"
    r"|BUG:|Oops|WARNING: CPU|Out of memory|invoked oom-killer")


class Program(NamedTuple):
    """Succeeds where its exit status is 0 and it says what it must, and nothing that it must not."""

    name: str
    command: str
    """Of a shell."""
    files: list
    """What the guest's initramfs needs for it: pairs (file, path in the guest)."""
    lines: list[str]
    """Regular expressions, each of which matches a whole line of the output."""
    never: str | None = None
    """One that matches nowhere in it."""

    @property
    def script(self):
        """The shell command whose output is to be judged."""
        return f"{{ {self.command}; }} 2>&1; echo status $?"

    def problems(self, output):
        """What is wrong with the output, as texts; none where it succeeded."""
        lines = output.splitlines()
        missing = [
            f"{self.name}: no line {pattern!r}"
            for pattern in self.lines if not any(re.fullmatch(pattern, line) for line in lines)]
        wrong = [f"{self.name}: {line}" for line in lines if self.never and re.search(self.never, line)]
        if not lines or lines[-1] != "status 0":
            wrong.append(f"{self.name}: {lines[-1] if lines else 'no output'}")
        return missing + wrong


def count(cpus, additions):
    """All CPUs count on one page."""
    total = f"{cpus * additions} of {cpus * additions}"
    return _own("count", f"{additions}", [f"{kind}: {total}" for kind in ("added", "exchanged", "guarded")])


def straddle_lock(cpus, additions):
    """All CPUs count across borders of lines and of pages."""
    total = f"{cpus * additions} of {cpus * additions}"
    return _own("straddle-lock", f"{additions}", [
        line for border in ("lines", "pages") for line in (
            *(f"lock {kind} across {border}: {total}" for kind in ("add", "xadd", "cmpxchg")),
            rf"loads across {border}: forbidden 0 of [1-9]\d*, in pieces \d+")])


def litmus(cpus, rounds):
    """CPUs of different nodes see nothing that x86 forbids; and they do meet: now one is first, now the other."""
    names = ["SB", "MP", "LB", r"2\+2W", "CoRR", *(["IRIW"] if cpus >= 4 else [])]
    return _own("litmus", f"{rounds}", [
        rf"{name} on {placement}: forbidden 0 of {rounds * LITMUS_PAIRS}, outcomes \d+ \d+, .*"
        for name in names for placement in ("two pages", "one page")])


def fill(cpus, amount):
    """Each CPU reads what the others have written, `amount` being a percentage of all RAM or something like "16M"."""
    program = _own("fill", f"{amount}", [
        *(rf"cpu {cpu} on node \d+: [1-9]\d* pages, read by {cpus - 1} others" for cpu in range(cpus)),
        r"filled: [1-9]\d* of [1-9]\d* KiB of RAM", r"mismatches: 0 of [1-9]\d* words"])
    # Because of huge pages Linux keeps back up to 5 % of all memory, and would kill the program for want of it.
    return program._replace(command=f"echo 2048 >/proc/sys/vm/min_free_kbytes; {program.command}")


def debians(cpus, seconds):
    """Programs that Debian has for this purpose. They take about `seconds` of the guest's time, together."""
    each = max(1, round(seconds / (len(STRESSORS) + 2)))
    return [*(_stress_ng(name, cpus, each) for name in STRESSORS), *_memtesters(cpus), _hackbench(cpus),
            *_sysbenches(cpus, each)]


def complaints(messages):
    """The lines of the kernel's log that say that it was not served well."""
    return [line for line in messages.splitlines() if _COMPLAINTS.search(line)]


def filled(output):
    """How many KiB fill.c has filled, and how many there are."""
    match = re.search(r"^filled: (\d+) of (\d+) KiB of RAM$", output, re.MULTILINE)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _own(name, arguments, lines):
    path = f"/tests/{name}"
    return Program(name, f"{path} {arguments}", [(BUILD / "guests" / name, path)], lines)


def _stress_ng(stressor, cpus, seconds):
    command = f"stress-ng --{stressor} {cpus} {STRESSORS[stressor]} --verify --metrics-brief --timeout {seconds}s"
    lines = [rf"stress-ng: metrc: \[\d+\] {stressor} +[1-9]\d* .*", r".*successful run completed.*"]
    return _debians(f"stress-ng {stressor}", command, lines, r"(?i)fail|error|warn")


def _memtesters(cpus):
    """One on each CPU, one after the other."""
    return [
        _debians(f"memtester on CPU {cpu}", f"taskset {1 << cpu:x} memtester 1M 1", [r"Done\."], "FAILURE")
        for cpu in range(cpus)]


def _hackbench(cpus):
    return _debians("hackbench", f"hackbench --groups {cpus} --fds 2 --loops 20", [r"Time: \d+\.\d+"])


def _sysbenches(cpus, seconds):
    lines = [r" +total number of events: +[1-9]\d*"]
    return [
        _debians(f"sysbench {name}", f"sysbench {name} --threads={cpus} --time={seconds} {options} run", lines, "FATAL")
        for name, options in (("threads", ""), ("memory", "--memory-total-size=1T"))]


def _debians(name, command, lines, never=None):
    words = command.split()
    program = words[2] if words[0] == "taskset" else words[0]
    path = shutil.which(program)
    if path is None:
        raise FileNotFoundError(f"{program} is not installed")
    return Program(name, command.replace(program, path, 1), with_libraries(path), lines, never)
