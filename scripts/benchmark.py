#!/usr/bin/env python3
"""Measures Big Iron: on Bochs, which counts instructions, so that the figures are exact and the same on every host, and
on QEMU, whose figures are times, good for comparison within one run.

  boot    from power-on to the end of a boot, in which the guest runs `true` and powers off, and how many times as long it
          takes as the same kernel and initramfs with nothing under them. On Bochs once, in ticks, both booted by GRUB
          from CD. On QEMU in seconds, nested and shadow paging and nothing in turn, the median of some rounds; alone,
          the kernel is loaded by QEMU itself, so that firmware and GRUB count against Big Iron. "of it Big Iron" begins
          with Big Iron's first instruction.
  exits   what each kind of exit costs, from the guest Tests/Guests/exits.asm: instructions on Bochs (VT-x with EPT, and
          on shadow tables), nanoseconds on QEMU (AMD-V with nested paging, and on shadow tables). A figure is of one
          round of a loop, less what the empty loop takes, so that the guest's own few instructions are in it; on QEMU
          the least of some runs, since what else the host does can only add to it.
  ping    what a message there and back between two nodes takes: the time in µs of the emulated machines, which on Bochs
          is mostly that of its network card (one frame in an emulated millisecond) and on QEMU mostly the host's; and
          what each side's service loop works on it, on Bochs in instructions.
  cluster what a second PC costs and brings, on QEMU with one core each, one PC and two in turn, the medians of some
          rounds: seconds until the guest's shell runs, and for a program that only computes, two threads of sysbench,
          which share the one PC's CPU and have one each on two; and what a page fault has put on the wire.
"""

import argparse
import io
import re
import shutil
import statistics
import subprocess
import sys
import time

from cluster import BUILD, ROOT, plain
from cluster.bochs import Bochs
from cluster.cluster import Cluster
from cluster.image import Module
from cluster.initramfs import with_libraries
from cluster.machine import Hardware
from cluster.qemu import InterpretingQEMU
from cluster.run import Job, run

_DIRECTORY = BUILD / "benchmark"
_PAGING = ("nested", "shadow")
_RUNS = 5
_EVENTS = 4000
_NODES = (1, 2)
_MACHINES = {"bochs": Bochs, "qemu": InterpretingQEMU}
_COLUMNS = {
    (Bochs, "nested"): ("VT-x, EPT", "instructions"),
    (Bochs, "shadow"): ("VT-x, shadow", "instructions"),
    (InterpretingQEMU, "nested"): ("AMD-V, NPT", "ns"),
    (InterpretingQEMU, "shadow"): ("AMD-V, shadow", "ns"),
}
_LOOPS = {
    "cpuid": "CPUID, leaf 0",
    "port-write": "OUT to a port without device",
    "msr-write": "WRMSR to a register of the local APIC",
    "fresh-page": "the first write to a page of RAM, without paging: a frame is found and zeroed",
    "absent-read": "a read where nothing is, without paging: the instruction is decoded",
    "cr3-load": "MOV to CR3 of the value that it has",
    "new-entry": "a write by an entry of the guest's page table that has not been used; the page has a frame",
    "invlpg": "INVLPG of a page that is not touched again",
    "page-fault": "a page fault that the guest settles by a new entry, and the write once more",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    boot = commands.add_parser("boot")
    boot.add_argument("--machine", choices=_MACHINES, default="bochs")
    boot.add_argument("--cores", type=int, default=1, metavar="N", help="of the machine (default: 1)")
    boot.add_argument("--rounds", type=int, default=5, metavar="N", help="on QEMU (default: 5)")
    exits = commands.add_parser("exits")
    exits.add_argument("--machine", choices=_MACHINES, help="(default: both)")
    ping = commands.add_parser("ping")
    ping.add_argument("--machine", choices=_MACHINES, help="(default: both)")
    ping.add_argument("--count", type=int, default=200, metavar="N", help="round trips (default: 200)")
    cluster = commands.add_parser("cluster")
    cluster.add_argument("--rounds", type=int, default=3, metavar="N", help="(default: 3)")
    cluster.add_argument("--events", type=int, default=_EVENTS, metavar="N", help=f"of sysbench (default: {_EVENTS})")
    arguments = parser.parse_args()

    for command in (["scripts/setup.sh"], ["scripts/guest-kernel.sh"], ["make", "--silent", "all", "guests"]):
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=True)
    if arguments.command == "cluster":
        measure_cluster(arguments.rounds, arguments.events)
        return
    machines = [_MACHINES[arguments.machine]] if arguments.machine else _MACHINES.values()
    if arguments.command == "ping":
        for machine in machines:
            measure_pings(machine, arguments.count)
    elif arguments.command == "exits":
        measure_exits([column for column in _COLUMNS if column[0] in machines])
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


def measure_exits(columns):
    costs = [measure_loops(machine, paging) for machine, paging in columns]
    for line in zip(*(_COLUMNS[column] for column in columns)):
        print(f"{'':12}" + "".join(f"{word:>15}" for word in line))
    for name, what in _LOOPS.items():
        print(f"{name:12}" + "".join(f"{cost[name]:15,.0f}" for cost in costs) + f"   {what}")


def measure_loops(machine, paging):
    """What a round of each loop of the guest takes: instructions on Bochs, else nanoseconds."""
    job = Job(machine, modules=[Module(BUILD / "guests/exits")], options=[f"paging={paging}"], directory=_DIRECTORY)
    costs = []
    for _ in range(1 if machine is Bochs else _RUNS):
        result = run_job(job)
        console = (_DIRECTORY / "guest0.log").read_text()
        lines = re.findall(r"^(\S+) ([0-9A-F]{8}) ([0-9A-F]{8})\r?$", console, re.MULTILINE)
        per_round = {name: int(ticks, 16) / int(rounds, 16) for name, rounds, ticks in lines}
        loop = per_round.pop("nothing")
        ticks_per_unit = 1 if machine is Bochs else result.report["tscFrequency"] / 1e9
        costs.append({name: (ticks - loop) / ticks_per_unit for name, ticks in per_round.items()})
    return {name: min(cost[name] for cost in costs) for name in _LOOPS}


def measure_pings(machine, count):
    unit = "instructions" if machine is Bochs else "TSC ticks"
    job = Job(machine, nodes=2, commands=[], modules=[Module(BUILD / "guests/hello")], directory=_DIRECTORY)
    with Cluster(job) as cluster:
        for size in (64, 4096):
            before = peer_work(cluster)
            answer = cluster.command(0, f"ping 1 {count} {size}", timeout=300)
            times = re.search(r"minimum (\S+) us, median (\S+) us, p99 (\S+) us, (\d+) ticks", answer)
            if not times:
                sys.exit(f"ping failed: {answer}")
            there = (peer_work(cluster) - before) / count
            print(
                f"{machine.name}: {size:4} bytes: minimum {times[1]} µs, median {times[2]} µs, p99 {times[3]} µs; work: "
                f"{times[4]} {unit} here, {there:.0f} there")
        cluster.shut_down()


def peer_work(cluster):
    """Ticks that node 1 has worked on pings so far."""
    return int(re.search(r"(\d+) ticks of work", cluster.command(1, "net"))[1])


def measure_cluster(rounds, events):
    command = f"echo it boots; sysbench cpu --threads=2 --time=0 --events={events} run && echo it ends"
    boots, programs = ({nodes: [] for nodes in _NODES} for _ in range(2))
    for _ in range(rounds):
        for nodes in _NODES:
            job = Job(
                InterpretingQEMU, Hardware(1, 384), nodes=nodes, command=command, directory=_DIRECTORY,
                files=with_libraries(shutil.which("sysbench")))
            times = Times("it boots", "it ends")
            result = run_job(job, times)
            start = time.monotonic() - result.seconds
            boots[nodes].append(times["it boots"] - start)
            programs[nodes].append(times["it ends"] - times["it boots"])
            if nodes > 1:
                faults, wire = faults_and_bytes(result)
                print(f"{nodes} PCs: {faults} faults needed another node, {wire / faults:.0f} bytes on the wire for each")
    for name, seconds in (("boot", boots), ("program", programs)):
        medians = [statistics.median(seconds[nodes]) for nodes in _NODES]
        print(f"{name:8}" + "".join(
            f"{median:8.2f} s {spread(seconds[nodes])}" for nodes, median in zip(_NODES, medians))
            + f"   1 PC : 2 PCs as {medians[0] / medians[1]:.2f} : 1")


class Times(io.BytesIO):
    """A guest's output, and when each of some lines came."""

    def __init__(self, *lines):
        super().__init__()
        self._lines = lines
        self._times = {}

    def write(self, data):
        count = super().write(data)
        said = self.getvalue().decode().splitlines()
        for line in self._lines:
            if line in said:
                self._times.setdefault(line, time.monotonic())
        return count

    def __getitem__(self, line):
        return self._times[line]


def faults_and_bytes(result):
    """How many faults needed another node, and how many bytes all nodes have sent about pages."""
    reports = [node.report for node in result.nodes]
    faults = sum(
        report["pages"]["faults"][kind]["count"] for report in reports for kind in ("read", "write", "upgrade"))
    return faults, sum(report["messages"]["all"]["coherence"]["sentBytes"] for report in reports)


def run_job(job, output=None):
    result = run(job, output or io.BytesIO(), sys.stderr.buffer)
    if result.status != 0:
        sys.exit(result.status)
    return result


if __name__ == "__main__":
    main()
