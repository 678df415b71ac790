"""Commands for a cluster that runs, through its switch's socket."""

import argparse
import json
import pathlib
import sys

from . import BUILD
from .cluster import control_socket, name_of
from .switch import Impairments
from .switch.control import tell

COMMANDS = {
    "cut": "Pulls the cable of a node of the cluster that runs: it neither hears nor is heard.",
    "join": "Puts the cable of a node back.",
    "impair": "Lets the network of the cluster that runs have these impairments from now on, and no others.",
    "counters": "Shows what each node's port at the switch has seen (docs/switch.md).",
}


def main(command, arguments):
    """Gives the cluster one of COMMANDS; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=f"qemu-cluster.sh {command}", description=COMMANDS[command], allow_abbrev=False)
    if command == "impair":
        Impairments.add_arguments(parser)
    elif command != "counters":
        parser.add_argument("node", type=int, metavar="NODE", help="its number, from 0")
    parser.add_argument(
        "--run-directory", type=pathlib.Path, default=BUILD / "run", metavar="DIRECTORY", help="that of the cluster")
    arguments = parser.parse_args(arguments)
    words = [command]
    if command == "impair":
        words += Impairments.parse(parser, arguments).as_arguments()
    elif command != "counters":
        words.append(name_of(arguments.node))
    try:
        answer = tell(control_socket(arguments.run_directory), words)
    except (FileNotFoundError, ConnectionRefusedError):
        return _complain(f"no cluster runs in {arguments.run_directory}")
    except OSError as error:
        return _complain(f"{control_socket(arguments.run_directory)}: {error}")
    if "error" in answer:
        return _complain(answer["error"])
    if command == "counters":
        print(json.dumps(answer["ports"], indent=2))
    return 0


def _complain(text):
    print(text, file=sys.stderr)
    return 1
