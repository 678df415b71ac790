"""A socket in the file system through which anyone on this computer commands a switch that runs.

`python3 -m cluster.switch.control SOCKET COMMAND` sends one command and prints the answer, a line of JSON. The exit
status is 1 where that is an error.
"""

import argparse
import contextlib
import json
import os
import pathlib
import socket
import sys

from .commands import Commands

_MOST_CONNECTIONS = 16
_SECONDS_TO_ANSWER = 10


class Control:
    """Listens at `path`; commands come in through each connection."""

    def __init__(self, path, segment, loop):
        self._path = pathlib.Path(path)
        self._segment = segment
        self._loop = loop
        self._connections = set()
        if self._path.is_socket():
            self._path.unlink()  # It is a former run's.
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            with _short_path(self._path) as short:
                self._listener.bind(short)
            self._listener.listen()
        except OSError:
            self._listener.close()
            raise
        loop.watch(self._listener, self._accept)

    def close(self):
        for end in (self._listener, *self._connections):
            end.close()
        self._path.unlink(missing_ok=True)

    def _accept(self):
        connection, _ = self._listener.accept()
        if len(self._connections) == _MOST_CONNECTIONS:
            connection.close()
            return
        self._connections.add(connection)
        connection.setblocking(False)

        def end():
            self._connections.remove(connection)
            self._loop.forget(connection)
            connection.close()

        def answer(answer):
            connection.sendall(json.dumps(answer).encode() + b"\n")

        commands = Commands(connection.fileno(), answer, end, self._segment, self._loop)
        self._loop.watch(connection, commands.receive)


def tell(path, words):
    """Sends the command `words` to the switch whose socket is at `path`; returns its answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_SECONDS_TO_ANSWER)
        with _short_path(pathlib.Path(path)) as short:
            connection.connect(short)
        connection.sendall(" ".join(words).encode() + b"\n")
        with connection.makefile() as answers:
            answer = answers.readline()
    if not answer:
        raise ConnectionResetError("the switch has ended")
    return json.loads(answer)


@contextlib.contextmanager
def _short_path(path):
    """Another path of a file, for as long as the `with` statement: a socket's must not be longer than 107 bytes."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def main():
    parser = argparse.ArgumentParser(
        prog="python3 -m cluster.switch.control", description="Commands a switch that runs.", allow_abbrev=False)
    parser.add_argument("socket", help="that the switch was started with")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="cut NODE, join NODE, impair OPTION… or counters")
    arguments = parser.parse_args()
    try:
        answer = tell(arguments.socket, arguments.command)
    except OSError as error:
        sys.exit(f"{arguments.socket}: {error}")
    print(json.dumps(answer))
    sys.exit("error" in answer)


if __name__ == "__main__":
    main()
