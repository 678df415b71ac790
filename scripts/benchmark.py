#!/usr/bin/env python3
"""Measures Big Iron: on Bochs, which counts instructions, so that the figures are exact and the same on every host, and
on QEMU, whose figures are times, good for comparison within one run.

  boot    from power-on to the end of a boot, in which the guest runs `true` and powers off, and how many times as long it
          takes as the same kernel and initramfs with nothing under them. On Bochs once, in ticks, both booted by GRUB
          from CD. On QEMU in seconds, nested and shadow paging and nothing in turn, the median of some rounds; alone,
          the kernel is loaded by QEMU itself, so that firmware and GRUB count against Big Iron. "of it Big Iron" begins
          with Big Iron's first instruction.
  exits   what each kind of exit costs, from the guest Tests/Guests/exits.asm: instructions on Bochs (VT-x with EPT, and
          on shadow tables), nanoseconds on QEMU (AMD-V with nested paging, and on shadow tables).
"""

import argparse
import io
import re
import statistics
import subprocess
import sys

from cluster import BUILD, ROOT, plain
from cluster.bochs import Bochs
from cluster.image import Module
from cluster.machine import Hardware
from cluster.qemu import InterpretingQEMU
from cluster.run import Job, run

_DIRECTORY = BUILD / "benchmark"
_PAGING = ("nested", "shadow")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    boot = commands.add_parser("boot")
    boot.add_argument("--machine", choices=("bochs", "qemu"), default="bochs")
    boot.add_argument("--cores", type=int, default=1, metavar="N", help="of the machine (default: 1)")
    boot.add_argument("--rounds", type=int, default=5, metavar="N", help="on QEMU (default: 5)")
    commands.add_parser("exits")
    arguments = parser.parse_args()

    for command in (["scripts/setup.sh"], ["scripts/guest-kernel.sh"], ["make", "--silent", "all", "guests"]):
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=True)
    if arguments.command == "exits":
        measure_exits()
    elif arguments.machine == "bochs":
        measure_boots_in_ticks(Hardware(arguments.cores))
    else:
        measure_boots_in_seconds(Hardware(arguments.cores), arguments.rounds)


def measure_boots_in_ticks(hardware):
    under = run_job(Job(Bochs, hardware, command="true", directory=_DIRECTORY))
    alone = check_alone(plain.run_on_bochs("true", hardware, _DIRECTORY))
    for name, result in (("under Big Iron", under), ("alone", alone)):
        print(f"{name:15} {result.ticks / 1e6:8,.1f} M ticks {result.seconds:6.1f} s")
    print(f"{'ratio':15} {under.ticks / alone.ticks:8.3f}")


def measure_boots_in_seconds(hardware, rounds):
    whole = {paging: [] for paging in _PAGING}
    ours = {paging: [] for paging in _PAGING}
    alone = []
    for _ in range(rounds):
        for paging in _PAGING:
            job = Job(InterpretingQEMU, hardware, options=[f"paging={paging}"], command="true", directory=_DIRECTORY)
            result = run_job(job)
            whole[paging].append(result.seconds)
            ours[paging].append(result.report["microseconds"] / 1e6)
        alone.append(check_alone(plain.run_on_qemu("true", hardware, _DIRECTORY)).seconds)
    base = statistics.median(alone)
    print(f"{'alone':8} {base:6.2f} s   {spread(alone)}")
    for paging in _PAGING:
        seconds = statistics.median(whole[paging])
        print(
            f"{paging:8} {seconds:6.2f} s   {spread(whole[paging])}   ratio {seconds / base:5.2f}   "
            f"of it Big Iron {statistics.median(ours[paging]):6.2f} s")


def spread(seconds):
    return f"({min(seconds):.2f} to {max(seconds):.2f})"


def check_alone(result):
    if result.status != 0:
        sys.exit(f"the guest did not boot; see {_DIRECTORY}")
    return result


def measure_exits():
    columns = [exits(machine, paging) for machine in (Bochs, InterpretingQEMU) for paging in _PAGING]
    print(f"{'':12} {'VT-x, EPT':>12} {'VT-x, shadow':>13} {'AMD-V, NPT':>12} {'AMD-V, shadow':>14}")
    print(f"{'':12} {'instructions':>12} {'instructions':>13} {'ns':>12} {'ns':>14}")
    for name in columns[0]:
        values = [column[name] for column in columns]
        print(f"{name:12} {values[0]:12,.0f} {values[1]:13,.0f} {values[2]:12,.0f} {values[3]:14,.0f}")


def exits(machine, paging):
    """What a round of each loop of the guest takes: instructions on Bochs, else nanoseconds."""
    result = run_job(Job(machine, modules=[Module(BUILD / "guests/exits")], options=[f"paging={paging}"], directory=_DIRECTORY))
    console = (_DIRECTORY / "guest0.log").read_text()
    lines = re.findall(r"^(\S+) ([0-9A-F]{8}) ([0-9A-F]{8})\r?$", console, re.MULTILINE)
    per_round = {name: int(ticks, 16) / int(rounds, 16) for name, rounds, ticks in lines}
    loop = per_round.pop("nothing")
    unit = 1 if machine is Bochs else result.report["tscFrequency"] / 1e9
    return {name: (ticks - loop) / unit for name, ticks in per_round.items()}


def run_job(job):
    result = run(job, io.BytesIO(), sys.stderr.buffer)
    if result.status != 0:
        sys.exit(result.status)
    return result


if __name__ == "__main__":
    main()
