#!/usr/bin/env python3
"""Measures Big Iron on Bochs, which counts instructions: the figures are exact, and the same on every host.

  boot    instructions from power-on to the end of a boot: the guest runs `true` and powers off. --baseline boots the
          same kernel and initramfs with nothing under it instead.
  exits   instructions in Big Iron for each kind of exit, from the guest Tests/Guests/exits.asm.
"""

import argparse
import io
import re
import subprocess
import sys

from cluster import BUILD, ROOT, plain
from cluster.bochs import Bochs
from cluster.image import Module
from cluster.machine import Hardware
from cluster.run import Job, run

_DIRECTORY = BUILD / "benchmark"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    boot = commands.add_parser("boot")
    boot.add_argument("--baseline", action="store_true", help="with nothing under the guest")
    boot.add_argument("--cores", type=int, default=1)
    commands.add_parser("exits")
    arguments = parser.parse_args()

    for command in (["scripts/setup.sh"], ["scripts/guest-kernel.sh"], ["make", "--silent", "all", "guests"]):
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=True)
    if arguments.command == "exits":
        measure_exits()
    elif arguments.baseline:
        measure_plain_boot(Hardware(arguments.cores))
    else:
        measure_boot(Hardware(arguments.cores))


def measure_boot(hardware):
    result = run_job(Job(Bochs, hardware, command="true", directory=_DIRECTORY))
    print(f"Big Iron on Bochs: {result.ticks / 1e6:,.0f} M ticks, {result.seconds:.1f} s")


def measure_plain_boot(hardware):
    for name, boot in (("Bochs", plain.run_on_bochs), ("QEMU, interpreted", plain.run_on_qemu)):
        result = boot("true", hardware, _DIRECTORY)
        if result.status != 0:
            sys.exit(f"the guest did not boot; see {_DIRECTORY}")
        ticks = f"{result.ticks / 1e6:,.0f} M ticks, " if result.ticks else ""
        print(f"plain {name}: {ticks}{result.seconds:.1f} s")


def measure_exits():
    guest = Module(BUILD / "guests/exits")
    run_job(Job(Bochs, modules=[guest], directory=_DIRECTORY))
    console = (_DIRECTORY / "guest0.log").read_text()
    lines = re.findall(r"^(\S+) ([0-9A-F]{8}) ([0-9A-F]{8})\r?$", console, re.MULTILINE)
    per_round = {name: int(ticks, 16) / int(rounds, 16) for name, rounds, ticks in lines}
    loop = per_round.pop("nothing")
    for name, ticks in per_round.items():
        print(f"{name:12} {ticks - loop:8.1f} instructions")


def run_job(job):
    result = run(job, io.BytesIO(), sys.stderr.buffer)
    if result.status != 0:
        sys.exit(result.status)
    return result


if __name__ == "__main__":
    main()
