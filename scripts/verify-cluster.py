#!/usr/bin/env python3
"""Verifies one guest on several emulated PCs: boots it, runs programs in it that check their own results, and counts.

  boots     boots again and again. Each boot ends with a workload that is verified: counters of all CPUs, and memory
            that each CPU fills and the others read.
  atomics   counters that all CPUs share are exact, on one page, and across borders of lines and of pages.
  litmus    CPUs of different nodes never see an order of loads and stores that x86 forbids. IRIW needs four CPUs.
  fill      each CPU fills its part of the guest's memory, and each other one reads it back.
  software  stress-ng, memtester, hackbench and sysbench, as Debian has them, end without an error.

The last line says how many of what there was succeeded; the exit status is 1 where one did not. What a run leaves
behind is in the run directory.
"""

import argparse
import dataclasses
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

from cluster import BUILD, ROOT, programs
from cluster.cluster import control_socket
from cluster.machine import Hardware
from cluster.qemu import QEMU, InterpretingQEMU
from cluster.run import Job, Network, run
from cluster.sections import make_script, split
from cluster.switch import Impairments
from cluster.switch.control import tell

_MESSAGES = "messages"
_PAIRS_OF_LITMUS = 100_000


def main():
    arguments = parse(sys.argv[1:])
    for command in (["scripts/setup.sh"], ["scripts/guest-kernel.sh"], ["make", "--silent", "all", "guests"]):
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=True)
    if arguments.command == "boots":
        sys.exit(verify_boots(arguments))
    sys.exit(verify(arguments, COMMANDS[arguments.command](arguments)))


def parse(words):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    options = {name: commands.add_parser(name, allow_abbrev=False) for name in ("boots", *COMMANDS)}
    options["boots"].add_argument("--count", type=positive, default=20, metavar="N", help="(default: %(default)s)")
    options["atomics"].add_argument(
        "--additions", type=positive, default=10_000, metavar="N",
        help="of each CPU to each number, and a tenth of it across borders (default: %(default)s)")
    options["litmus"].add_argument(
        "--rounds", type=positive, default=_PAIRS_OF_LITMUS // programs.LITMUS_PAIRS, metavar="N",
        help=f"of {programs.LITMUS_PAIRS} outcomes for each test (default: %(default)s)")
    amount = options["fill"].add_mutually_exclusive_group()
    amount.add_argument(
        "--percent", type=float, default=91, metavar="P", help="of all RAM that the guest has (default: %(default)s)")
    amount.add_argument("--sample", type=positive, metavar="MIB", help="so much instead")
    Impairments.add_arguments(options["fill"])
    options["software"].add_argument(
        "--seconds", type=positive, default=60, metavar="S",
        help="of the guest's own time for stress-ng and sysbench, all together (default: %(default)s)")
    for name, each in options.items():
        each.add_argument("--nodes", type=positive, default=2, metavar="N", help="(default: %(default)s)")
        each.add_argument("--cores", type=positive, default=1, metavar="N", help="of each node (default: %(default)s)")
        # Linux itself has 100 MB, which has to be less than what of all RAM is not to be filled.
        memory = 768 if name == "fill" else 512
        each.add_argument(
            "--memory", type=positive, default=memory, metavar="MIB", help="of each node (default: %(default)s)")
        each.add_argument(
            "--timeout", type=positive, default=7200, metavar="S", help="seconds for a boot (default: %(default)s)")
        each.add_argument("--no-kvm", action="store_true", help="QEMU never uses KVM and is the same on every computer")
        each.add_argument("--run-directory", type=pathlib.Path, default=BUILD / "verify" / name, metavar="DIRECTORY")
    arguments = parser.parse_args(words)
    is_impaired = arguments.command == "fill"
    arguments.impairments = Impairments.parse(options["fill"], arguments) if is_impaired else Impairments()
    # One core of several serves the node, and the others are the guest's.
    arguments.cpus = arguments.nodes * max(1, arguments.cores - 1)
    if arguments.cpus < 2:
        options[arguments.command].error("one CPU has nothing to show: --nodes 2, or --cores 3, at least")
    return arguments


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def atomics(arguments):
    across = max(1, arguments.additions // 10)
    return [programs.count(arguments.cpus, arguments.additions), programs.straddle_lock(arguments.cpus, across)]


def litmus(arguments):
    return [programs.litmus(arguments.cpus, arguments.rounds)]


def fill(arguments):
    amount = f"{arguments.sample}M" if arguments.sample else arguments.percent
    return [programs.fill(arguments.cpus, amount)]


def software(arguments):
    return programs.debians(arguments.cpus, arguments.seconds)


COMMANDS = {"atomics": atomics, "litmus": litmus, "fill": fill, "software": software}


def verify(arguments, wanted):
    """One boot with the programs `wanted`; returns the exit status."""
    transcript = Transcript(sys.stdout.buffer)
    boot = Boot(arguments, arguments.run_directory, wanted, transcript)
    succeeded = 0
    for program in wanted:
        problems = program.problems(boot.outputs.get(program.name, ""))
        succeeded += not problems
        print(f"{program.name}: {'failed' if problems else 'succeeded'}, {transcript.seconds(program.name):.0f} s")
    for problem in boot.problems:
        print(f"wrong: {problem}")
    if arguments.command == "fill":
        filled, ram = programs.filled(boot.outputs.get("fill", ""))
        print(
            f"filled {filled / 1024:.0f} of the guest's {ram / 1024:.0f} MiB ({filled / max(ram, 1):.1%}), on nodes of "
            f"{arguments.memory} MiB")
        if ram <= arguments.memory * 1024 or not (arguments.sample or filled >= ram * arguments.percent / 100):
            print("wrong: that is too little to show anything")
            succeeded = 0
    print(
        f"{arguments.command}: {succeeded} of {len(wanted)} programs succeeded on {arguments.nodes} nodes with "
        f"{arguments.cpus} CPUs in all, {len(boot.problems)} problems, {boot.result.seconds:.0f} s")
    return int(bool(boot.problems) or succeeded < len(wanted))


def verify_boots(arguments):
    """Boots one after the other; returns the exit status."""
    wanted = [programs.count(arguments.cpus, 2000), programs.fill(arguments.cpus, "16M")]
    seconds, failed = [], 0
    for number in range(1, arguments.count + 1):
        directory = arguments.run_directory / f"{number}"
        boot = Boot(arguments, directory, wanted, Transcript())
        seconds.append(boot.result.seconds)
        print(f"boot {number}: {'failed' if boot.problems else 'succeeded'}, {seconds[-1]:.1f} s", flush=True)
        for problem in boot.problems:
            print(f"wrong: {problem}", flush=True)
        failed += bool(boot.problems)
        if not boot.problems:
            shutil.rmtree(directory)
    print(
        f"boots: {arguments.count - failed} of {arguments.count} succeeded on {arguments.nodes} nodes, "
        f"{statistics.median(seconds):.1f} s each ({min(seconds):.1f} to {max(seconds):.1f})")
    return int(failed > 0)


class Transcript:
    """Takes what a guest's command puts out, shows it where it is to be seen, and notes when each program begins."""

    def __init__(self, stream=None):
        self.text = b""
        self.at_first_section = lambda: None
        self._stream = stream
        self._beginnings = {}

    def write(self, data):
        self.text += data
        sections = split(self.text)
        if sections and not self._beginnings:
            self.at_first_section()
        for name in sections:
            self._beginnings.setdefault(name, time.monotonic())
        # The kernel's messages are for a look at their end only.
        if self._stream and _MESSAGES not in sections:
            self._stream.write(data)

    def seconds(self, name):
        """How long the section took; 0 where it has not ended."""
        beginnings = list(self._beginnings.values())
        index = list(self._beginnings).index(name) if name in self._beginnings else len(beginnings)
        return beginnings[index + 1] - beginnings[index] if index + 1 < len(beginnings) else 0

    def flush(self):
        if self._stream:
            self._stream.flush()


class Boot:
    """One that has ended."""

    def __init__(self, arguments, directory, wanted, transcript):
        directory = directory.resolve()
        late = arguments.impairments
        early = dataclasses.replace(late, delay=0, jitter=0)
        sections = {program.name: program.script for program in wanted} | {_MESSAGES: "dmesg"}
        job = Job(
            InterpretingQEMU if arguments.no_kvm else QEMU, Hardware(arguments.cores, arguments.memory),
            nodes=arguments.nodes, directory=directory, command=make_script(sections), timeout=arguments.timeout,
            files=list(dict.fromkeys(file for program in wanted for file in program.files)),
            network=Network(impairments=early))
        if late != early:
            # With a delay a boot would take an hour or more.
            transcript.at_first_section = lambda: impair(directory, late)
        self.result = run(job, transcript, sys.stderr.buffer)
        self.outputs = {name: text.decode(errors="replace") for name, text in split(transcript.text).items()}
        (directory / "output").write_bytes(transcript.text)
        self.problems = [problem for each in wanted for problem in each.problems(self.outputs.get(each.name, ""))]
        messages = self.outputs.get(_MESSAGES, "")
        self.problems += programs.complaints(messages) if "Linux version" in messages else ["no kernel's messages"]
        if (self.result.status, self.result.reason) != (0, "poweroff"):
            self.problems.append(f"the run ended by {self.result.reason}, status {self.result.status}")


def impair(directory, impairments):
    """Changes the network of the cluster that runs there."""
    answer = tell(control_socket(directory), ["impair", *impairments.as_arguments()])
    if "error" in answer:
        raise RuntimeError(answer["error"])


if __name__ == "__main__":
    main()
