#!/usr/bin/env python3
"""Says where the instructions of one round trip between two nodes are, as `benchmark.py ping` counts them.

Two nodes run on Bochs, and its debugger prints each instruction of one of them. A round of the service loop is from one
RDTSC to the next; what counts is the rounds in which a frame of a ping was taken, those of one round trip after the
other. A function that the compiler has inlined stands under the name of the one that it was inlined into; --lines tells
them apart.
"""

import argparse
import bisect
import collections
import itertools
import json
import pathlib
import re
import subprocess
import sys

from cluster import BUILD, ROOT
from cluster.bochs import Bochs
from cluster.cluster import Cluster, NodeError
from cluster.image import Module
from cluster.run import Job
from symbols import function_symbols

_DIRECTORY = BUILD / "profile"
_INSTRUCTION = re.compile(r"^\(0\)\.\[\d+\] \[0x([0-9a-f]+)\] \w+:[0-9a-f]+ \([^)]*\): (\S+)", re.MULTILINE)
_TAKING = re.compile(r"\bNodeEngine\S*\.receivePing\(")
_WARM_UP = 20
"""Frames that come before the trace begins."""
_BYTES_PER_FRAME = 22 * 64
"""Of a page: docs/wire.md, "Pages"."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", type=int, choices=(0, 1), default=1, help="0 sends the pings, 1 answers (default: 1)")
    parser.add_argument("--size", type=int, default=64, metavar="BYTES", help="of the ping (default: 64)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--calls", action="store_true", help="one call after the other, not a sum for each function")
    form.add_argument("--lines", action="store_true", help="lines of the sources, not functions")
    arguments = parser.parse_args()

    subprocess.run(["make", "--silent", "all", "guests"], cwd=ROOT, stdout=sys.stderr, check=True)
    symbols = function_symbols(BUILD / "bigiron.elf")
    taking = next((address for address, name in symbols if _TAKING.search(name)), None)
    if taking is None:
        sys.exit("the compiler has left no NodeEngine.receivePing to stop at")
    rounds = 1 if arguments.size <= 128 else -(-arguments.size // _BYTES_PER_FRAME)
    trip = [address for addresses in trace(arguments, taking, rounds) for address in addresses]
    places = lines_of(trip) if arguments.lines else functions_of(trip, symbols)
    if arguments.calls:
        counts = [(len(list(group)), place) for place, group in itertools.groupby(places[each] for each in trip)]
    else:
        counts = [(count, place) for place, count in collections.Counter(places[each] for each in trip).most_common()]
    for count, place in counts:
        print(f"{count:6,} {place}")
    print(f"{len(trip):6,} in all")


def functions_of(addresses, symbols):
    starts = [address for address, _ in symbols]
    return {address: symbols[bisect.bisect(starts, address) - 1][1] for address in addresses}


def lines_of(addresses):
    """By address, the place in the sources that the instruction was made from."""
    addresses = sorted(set(addresses))
    answers = subprocess.run(
        ["llvm-symbolizer", f"--obj={BUILD / 'bigiron.elf'}", "--output-style=JSON"], check=True, capture_output=True,
        text=True, input="".join(f"{address:#x}\n" for address in addresses)).stdout.splitlines()
    places = {}
    for address, answer in zip(addresses, answers):
        frames = json.loads(answer)["Symbol"]
        # What the compiler has made up has no line, but its caller may.
        frame = next((frame for frame in frames if frame["Line"]), frames[0])
        places[address] = f"{pathlib.Path(frame['FileName']).name}:{frame['Line']}"
    return places


def trace(arguments, taking, rounds):
    """The addresses of the instructions of `rounds` successive rounds of the service loop that took pings, by round."""

    class Traced(Bochs):
        def debugger_commands(self):
            if self.number != arguments.node:
                return super().debugger_commands()
            # The traced rounds, and before and after them one that may be traced in part.
            warm_up, traced = "continue\n" * _WARM_UP, "continue\n" * (rounds + 1)
            return f"lbreak {taking:#x}\n{warm_up}trace on\n{traced}quit\n"

    job = Job(
        Traced, nodes=2, commands=[], modules=[Module(BUILD / "guests/hello")], directory=_DIRECTORY,
        options=["cluster.suspect=50000", "cluster.failure=60000"])
    with Cluster(job) as cluster:
        cluster.needs_all = True
        try:
            cluster.command(0, f"ping 1 100 {arguments.size}", timeout=100)
        except NodeError:
            pass  # The traced node ends before the command does.
        output = cluster.nodes[arguments.node].machine.output.read_text(errors="replace")
    taken, current = [], None
    for match in _INSTRUCTION.finditer(output):
        if match[2] == "rdtsc":
            if current and taking in current:
                taken.append(current)
            current = []
        # The trace begins in the midst of a round, which does not count.
        if current is not None:
            current.append(int(match[1], 16))
    if len(taken) < rounds:
        sys.exit(f"only {len(taken)} of {rounds} rounds in the trace, see {_DIRECTORY}")
    return taken[:rounds]


if __name__ == "__main__":
    main()
