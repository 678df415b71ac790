#!/usr/bin/env python3
"""Measures Big Iron on Bochs, which counts instructions: the figures are exact, and the same on every host.

  boot    ticks from power-on to the end of a boot, in which the guest runs `true` and powers off: once under Big Iron,
          once the same kernel and initramfs with nothing under them; and how many times as many the first one takes.
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
    boot.add_argument("--cores", type=int, default=1, metavar="N", help="of the machine (default: 1)")
    commands.add_parser("exits")
    arguments = parser.parse_args()

    for command in (["scripts/setup.sh"], ["scripts/guest-kernel.sh"], ["make", "--silent", "all", "guests"]):
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=True)
    if arguments.command == "exits":
        measure_exits()
    else:
        measure_boots(Hardware(arguments.cores))


def measure_boots(hardware):
    under = run_job(Job(Bochs, hardware, command="true", directory=_DIRECTORY))
    alone = plain.run_on_bochs("true", hardware, _DIRECTORY)
    if alone.status != 0:
        sys.exit(f"the guest did not boot; see {_DIRECTORY}")
    for name, result in (("under Big Iron", under), ("alone", alone)):
        print(f"{name:15} {result.ticks / 1e6:8,.1f} M ticks {result.seconds:6.1f} s")
    print(f"{'ratio':15} {under.ticks / alone.ticks:8.3f}")


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
