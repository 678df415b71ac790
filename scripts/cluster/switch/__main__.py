"""Command line of the switch."""

import argparse
import contextlib
import dataclasses
import json
import pathlib
import signal
import socket
import sys

from .capture import Capture
from .commands import Commands
from .control import Control
from .impairments import Impairments
from .line import BochsLine, LineError, QEMULine
from .loop import Loop
from .segment import LONGEST_QUEUE, Segment

_DESCRIPTION = """\
Joins emulated PCs to one Ethernet segment.

The first line of the output tells how each emulator is to be connected: its UDP port, the switch's UDP port, and the
emulator's option (QEMU's for -netdev, and its network card then is netdev=net0; Bochs's for e1000). Then it takes
commands from standard input, each answered by a line, until that ends or Ctrl-C comes:

  cut NODE        pull the node's cable
  join NODE       put it back
  impair OPTION…  let these impairments be all from now on; each as one word, --loss=0.1
  counters        what each port has seen

The last line has the counters.
"""


def main():
    parser = argparse.ArgumentParser(
        prog="python3 -m cluster.switch", description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument(
        "--qemu", dest="nodes", type=_qemu, action="append", default=[], metavar="NODE", help="a port for a QEMU")
    parser.add_argument(
        "--bochs", dest="nodes", type=_bochs, action="append", metavar="NODE[=PORT]",
        help="a port for a Bochs, whose UDP port is PORT; the next number is the switch's (default: any two)")
    parser.add_argument("--pcap", type=pathlib.Path, metavar="FILE", help="capture what all nodes send")
    parser.add_argument(
        "--control", type=pathlib.Path, metavar="SOCKET", help="make a socket that takes the commands, too")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the impairments' chance (default: 0)")
    parser.add_argument(
        "--queue", type=_positive, default=LONGEST_QUEUE, metavar="N",
        help="frames that can be on their way to a node (default: %(default)s)")
    Impairments.add_arguments(parser)
    arguments = parser.parse_args()
    impairments = Impairments.parse(parser, arguments)
    names = [name for name, _ in arguments.nodes]
    if len(set(names)) < len(names):
        parser.error("two nodes have the same name")
    _run(arguments, impairments)


def _run(arguments, impairments):
    with contextlib.ExitStack() as stack, contextlib.suppress(BrokenPipeError):
        try:
            lines = [stack.enter_context(contextlib.closing(make(name))) for name, make in arguments.nodes]
            capture = arguments.pcap and stack.enter_context(contextlib.closing(Capture(arguments.pcap)))
            segment = Segment([line.port for line in lines], impairments, arguments.seed, arguments.queue, capture)
            loop = stack.enter_context(contextlib.closing(Loop(segment, lines, capture)))
            if arguments.control:
                stack.enter_context(contextlib.closing(Control(arguments.control, segment, loop)))
        except (LineError, OSError) as error:
            sys.exit(f"switch: {error}")
        commands = Commands(sys.stdin.fileno(), _say, loop.end, segment, loop)
        loop.watch(sys.stdin, commands.receive)
        _watch_signals(loop)

        _say({"ports": {line.port.name: _attachment(line) for line in lines}})
        loop.run()
        summary = {"seed": arguments.seed, "impairments": dataclasses.asdict(segment.impairments), "ports": loop.summary()}
        if capture:
            summary["pcap"] = {"file": str(arguments.pcap), "error": capture.error}
        # Whoever started the switch may have ended first.
        _say(summary)


def _qemu(text):
    return _name(text), QEMULine


def _bochs(text):
    name, equals, number = text.partition("=")
    if not equals:
        return _name(name), BochsLine
    if not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: must be NODE or NODE=PORT")
    return _name(name), lambda name: BochsLine(name, int(number))


def _name(text):
    if text.split() != [text]:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a name without spaces")
    return text


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _attachment(line):
    return {"emulator": line.emulator, "switch": line.switch, "option": line.option}


def _say(answer):
    print(json.dumps(answer), flush=True)


def _watch_signals(loop):
    """Ends `loop`, between two frames, when the process is asked to end."""
    near, far = socket.socketpair()
    far.setblocking(False)
    signal.set_wakeup_fd(far.detach())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    loop.watch(near, loop.end)


if __name__ == "__main__":
    main()
