"""Command line of scripts/qemu-cluster.sh."""

import argparse
import os
import pathlib
import signal
import sys

from . import BUILD
from .bochs import Bochs
from .image import GUEST_KERNEL
from .machine import Hardware
from .qemu import QEMU, InterpretingQEMU
from .run import Job, Status, run
from .terminal import Terminal

_DESCRIPTION = """\
Boots Big Iron on an emulated PC, and on it a stock Linux.

Without --exec the guest's console is on the terminal: Ctrl-A X quits, and so does the end of the guest's shell.
With --exec, standard output carries the command's output alone, and the exit status is the command's.
"""

_EPILOG = f"""\
exit status: the command's, or
  {Status.GUEST_FAILED}  the guest crashed, was reset or powered off before its command ended
  {Status.TIMED_OUT}  the time was up
  {Status.NODE_FAILED}  Big Iron or the machine failed or could not start

In the run directory: node0.log (Big Iron), guest0.log (the guest's console), summary.json (counters).
"""


def main():
    parser = argparse.ArgumentParser(
        prog="qemu-cluster.sh", description=_DESCRIPTION, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument(
        "--machine", choices=("auto", "qemu", "bochs"), default="auto",
        help="qemu: with KVM where it lends this computer's VT-x or AMD-V to machines, else a CPU with AMD-V in "
        "software; bochs: a CPU with VT-x in software; auto: qemu")
    parser.add_argument("--no-kvm", action="store_true", help="QEMU never uses KVM and is the same on every computer")
    parser.add_argument("--nodes", type=_positive, default=1, metavar="N", help="1: clusters do not exist yet")
    parser.add_argument("--cores", type=_positive, default=1, metavar="N", help="of the machine (default: 1)")
    parser.add_argument("--memory", type=_positive, default=512, metavar="MIB", help="of the machine (default: 512)")
    parser.add_argument("--kernel", type=_file, default=GUEST_KERNEL, metavar="FILE", help="the guest's")
    parser.add_argument("--initrd", type=_file, metavar="FILE", help="the guest's; must not have /bigiron in it")
    parser.add_argument("--append", default="", metavar="STR", help="more of the guest's command line")
    parser.add_argument(
        "--option", type=_option, action="append", default=[], metavar="KEY=VALUE", help="for Big Iron itself")
    parser.add_argument("--exec", metavar="COMMAND", help="a shell command for the guest")
    parser.add_argument("--timeout", type=_positive, metavar="S", help="seconds (default: 600 with --exec, else none)")
    parser.add_argument("--run-directory", type=pathlib.Path, default=BUILD / "run", metavar="DIRECTORY")
    arguments = parser.parse_args()
    if arguments.nodes != 1:
        parser.error("--nodes: only 1 is possible yet")

    qemu = InterpretingQEMU if arguments.no_kvm else QEMU
    machines = {"auto": qemu, "qemu": qemu, "bochs": Bochs}
    timeout = arguments.timeout or (600 if arguments.exec is not None else None)
    job = Job(
        machine=machines[arguments.machine],
        hardware=Hardware(arguments.cores, arguments.memory),
        kernel=arguments.kernel,
        initrd=arguments.initrd,
        append=arguments.append,
        options=arguments.option,
        command=arguments.exec,
        timeout=timeout,
        directory=arguments.run_directory.resolve(),
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        sys.exit(_run(job))
    except KeyboardInterrupt:
        sys.exit(Status.INTERRUPTED)
    except BrokenPipeError:
        # Nobody reads the output any more. Python would complain once more when it flushes the stream at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)


def _run(job):
    if job.command is not None:
        return run(job, sys.stdout.buffer, sys.stderr.buffer).status
    print(f"Booting on {job.machine.__name__}; Ctrl-A X quits; logs are in {job.directory}", file=sys.stderr)
    return run(job, sys.stdout.buffer, sys.stderr.buffer, Terminal()).status


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


if __name__ == "__main__":
    main()
