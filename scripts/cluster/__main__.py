"""Command line of scripts/qemu-cluster.sh."""

import argparse
import dataclasses
import math
import os
import pathlib
import signal
import sys

from . import BUILD, remote
from .bochs import Bochs
from .command_line import LONGEST_COMMAND, is_command
from .image import GUEST_KERNEL
from .job import Job, Network, Status
from .machine import Hardware
from .qemu import QEMU, InterpretingQEMU
from .run import run
from .switch import Impairments
from .terminal import Terminal, Wish

_DESCRIPTION = """\
Boots Big Iron on two emulated PCs, or as many as you like, and on them together a stock Linux.

Without --exec the guest's console is on the terminal: Ctrl-A X quits, and so does the end of the guest's shell.
With --exec, standard output carries the command's output alone, and the exit status is the command's.

Several PCs, of which --nodes says how many, are on one network and form a cluster: the guest is one, on all of them. With
--nodes 1 there is one PC and no network. From the guest's console, Ctrl-A N goes on to the nodes' own command lines, one
after the other, and around. With --command there is no guest: standard output carries what commands of those command
lines put out, and all nodes shut down after the last.
While a cluster runs, these command its network (each has --help):

""" + "".join(f"  qemu-cluster.sh {name:9} {what}\n" for name, what in remote.COMMANDS.items())

_EPILOG = f"""\
exit status: the command's, or
  {Status.COMMAND_FAILED}    the answer to a --command was an error
  {Status.GUEST_FAILED}  the guest crashed, was reset or powered off before its command ended
  {Status.TIMED_OUT}  the time was up
  {Status.NODE_FAILED}  Big Iron, a machine or the network failed or could not start

In the run directory: nodeK.log (Big Iron on node K), guest0.log (the guest's console), summary.json (counters).
"""

# Of a guest, which there is none of with --command.
_GUEST_OPTIONS = ("kernel", "initrd", "append", "exec")
_CLUSTER_OPTIONS = ("nic", "command", "start_after", "pin_ids", "pcap", "seed")
_USUAL_NODES = 2
_MOST_NODES = 64
_SECONDS_FOR_COMMANDS = 600


def main():
    if sys.argv[1:2] and sys.argv[1] in remote.COMMANDS:
        sys.exit(remote.main(sys.argv[1], sys.argv[2:]))
    job = _parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        sys.exit(_run(job))
    except KeyboardInterrupt:
        sys.exit(Status.INTERRUPTED)
    except BrokenPipeError:
        # Nobody reads the output any more. Python would complain once more when it flushes the stream at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)


def _parse(words):
    """The job that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="qemu-cluster.sh", description=_DESCRIPTION, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument(
        "--machine", default="auto", metavar="KIND",
        help="qemu: with KVM where it lends this computer's VT-x or AMD-V to machines, else a CPU with AMD-V in "
        "software; bochs: a CPU with VT-x in software; auto: qemu. KIND,KIND,…: one for each node")
    parser.add_argument("--no-kvm", action="store_true", help="QEMU never uses KVM and is the same on every computer")
    parser.add_argument(
        "--cpu", type=_processor, action="append", default=[], metavar="[NODE:]MODEL",
        help="of QEMU's machines, as its -cpu has it (default: EPYC, or host with KVM); of all, or of one: "
        "--cpu EPYC --cpu 1:EPYC,-avx2")
    parser.add_argument("--cores", type=_positive, default=1, metavar="N", help="of each machine (default: 1)")
    parser.add_argument("--memory", type=_positive, default=512, metavar="MIB", help="of each machine (default: 512)")
    parser.add_argument("--kernel", type=_file, metavar="FILE", help="the guest's")
    parser.add_argument("--initrd", type=_file, metavar="FILE", help="the guest's; must not have /bigiron in it")
    parser.add_argument("--append", metavar="STR", help="more of the guest's command line")
    parser.add_argument(
        "--option", type=_option, action="append", default=[], metavar="KEY=VALUE", help="for Big Iron itself")
    parser.add_argument("--exec", metavar="COMMAND", help="a shell command for the guest")
    parser.add_argument(
        "--timeout", type=_positive, metavar="S", help="seconds (default: 600 with --exec or --command, else none)")
    parser.add_argument("--run-directory", type=pathlib.Path, default=BUILD / "run", metavar="DIRECTORY")
    cluster = parser.add_argument_group("cluster", "all but --nodes need two or more")
    cluster.add_argument(
        "--nodes", type=_positive, metavar="N", help=f"how many PCs (default: {_USUAL_NODES}, or each KIND one)")
    cluster.add_argument(
        "--nic", metavar="MODEL", help="their network card: e1000 or e1000e (default: e1000e on QEMU, e1000 on Bochs)")
    cluster.add_argument(
        "--command", type=_command, action="append", metavar="[NODE:]COMMAND",
        help="for the command line of a node, of node 0 by default; then there is no guest")
    cluster.add_argument(
        "--start-after", type=_delay, action="append", default=[], metavar="NODE=SECONDS", help="start it later")
    cluster.add_argument(
        "--pin-ids", action="store_true", help="tell each node its number (node=K), as with a guest always")
    cluster.add_argument("--pcap", type=pathlib.Path, metavar="FILE", help="capture what all nodes send")
    cluster.add_argument("--seed", type=int, metavar="N", help="of the impairments' chance (default: 0)")
    Impairments.add_arguments(parser)
    arguments = parser.parse_args(words)
    impairments = Impairments.parse(parser, arguments)
    machines = _machines(parser, arguments)
    is_interactive = arguments.exec is None and arguments.command is None
    _check(parser, arguments, machines)
    return Job(
        machine=machines,
        hardware=Hardware(arguments.cores, arguments.memory),
        kernel=arguments.kernel or GUEST_KERNEL,
        initrd=arguments.initrd,
        append=arguments.append or "",
        options=arguments.option,
        command=arguments.exec,
        timeout=arguments.timeout or (None if is_interactive else _SECONDS_FOR_COMMANDS),
        directory=arguments.run_directory.resolve(),
        nodes=arguments.nodes,
        network=Network(
            arguments.nic, impairments, arguments.seed or 0, arguments.pcap and arguments.pcap.resolve()),
        delays=dict(arguments.start_after),
        pins_numbers=arguments.pin_ids,
        commands=arguments.command,
    )


def _machines(parser, arguments):
    """The kind of each node's machine."""
    qemu = InterpretingQEMU if arguments.no_kvm else QEMU
    machines = {"auto": qemu, "qemu": qemu, "bochs": Bochs}
    kinds = arguments.machine.split(",")
    for kind in kinds:
        if kind not in machines:
            parser.error(f"argument --machine: invalid choice: {kind!r} (choose from {', '.join(machines)})")
    if arguments.nodes is None:
        arguments.nodes = _USUAL_NODES if len(kinds) == 1 else len(kinds)
    if len(kinds) == 1:
        kinds *= arguments.nodes
    if len(kinds) != arguments.nodes:
        nodes = "1 node" if arguments.nodes == 1 else f"{arguments.nodes} nodes"
        parser.error(f"--machine: {len(kinds)} kinds for {nodes}")
    machines = [machines[kind] for kind in kinds]
    _check_numbers(parser, arguments, "cpu", arguments.cpu)
    # What is said of one node counts, whatever is said of all.
    for node, model in sorted(arguments.cpu, key=lambda choice: choice[0] is not None):
        chosen = range(arguments.nodes) if node is None else [node]
        for number in chosen:
            if machines[number].has_processor_choice:
                machines[number] = machines[number].with_processor(model)
            elif node is not None:
                parser.error(f"--cpu: {machines[number].name} has no choice of CPUs")
        if not any(machines[number].has_processor_choice for number in chosen):
            parser.error("--cpu: no machine has a choice of CPUs")
    return machines


def _check(parser, arguments, machines):
    """Refuses what makes no sense together."""
    if arguments.nodes > _MOST_NODES:
        parser.error(f"--nodes: at most {_MOST_NODES}")
    if arguments.nodes == 1:
        names = [*_CLUSTER_OPTIONS, *(field.name for field in dataclasses.fields(Impairments))]
        for name in (name for name in names if getattr(arguments, name)):
            parser.error(f"--{name.replace('_', '-')}: needs --nodes 2 or more")
        return
    for name in _GUEST_OPTIONS if arguments.command else ():
        if getattr(arguments, name) is not None:
            parser.error(f"--{name}: with --command, which is for the nodes' own command lines, there is no guest")
    _check_numbers(parser, arguments, "start-after", arguments.start_after)
    _check_numbers(parser, arguments, "command", arguments.command)
    for machine in machines:
        if arguments.nic and arguments.nic not in machine.network_cards:
            parser.error(f"--nic: {machine.name} has no {arguments.nic}, but {' or '.join(machine.network_cards)}")


def _check_numbers(parser, arguments, name, values):
    """Refuses a value that is for a node that does not exist."""
    for number, _ in values or ():
        if number is not None and number >= arguments.nodes:
            parser.error(f"--{name}: there is no node {number}; the last is {arguments.nodes - 1}")


def _run(job):
    machine = " and ".join(dict.fromkeys(machine.__name__ for machine in job.machines))
    if job.command is not None or job.commands is not None:
        terminal = None
    elif job.is_cluster:
        print(
            f"Booting {job.nodes} nodes on {machine}; Ctrl-A X quits, Ctrl-A N goes on to the nodes' command lines; "
            f"logs are in {job.directory}", file=sys.stderr)
        terminal = Terminal(wishes=(Wish.QUIT, Wish.NEXT))
    else:
        print(f"Booting on {machine}; Ctrl-A X quits; logs are in {job.directory}", file=sys.stderr)
        terminal = Terminal()
    return run(job, sys.stdout.buffer, sys.stderr.buffer, terminal).status


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _file(text):
    path = pathlib.Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text}: no such file")
    return path


def _option(text):
    key, equals, _ = text.partition("=")
    if not key or not equals or text.split() != [text]:
        raise argparse.ArgumentTypeError(f"{text!r}: must be KEY=VALUE without spaces")
    return text


def _processor(text):
    number, colon, model = text.rpartition(":")
    if not model or text.split() != [text] or colon and not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: must be [NODE:]MODEL without spaces")
    return int(number) if colon else None, model


def _command(text):
    number, colon, command = text.partition(":")
    if not colon or not number.isdecimal():
        number, command = "0", text
    command = command.strip()
    if not is_command(command):
        raise argparse.ArgumentTypeError(f"{text!r}: must be [NODE:]COMMAND, of at most {LONGEST_COMMAND} characters")
    return int(number), command


def _delay(text):
    number, equals, seconds = text.partition("=")
    try:
        delay = float(seconds)
    except ValueError:
        delay = -1
    if not number.isdecimal() or not 0 <= delay < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: must be NODE=SECONDS")
    return int(number), delay


if __name__ == "__main__":
    main()
