"""Commands for a switch that runs, one a line: `cut NODE`, `join NODE`, `impair OPTION…`, `counters`. Each is
answered.
"""

import dataclasses
import os

from .impairments import Impairments

_LONGEST_LINE = 1024


class Commands:
    """Reads commands from the descriptor `source`. `answer` takes a dictionary; `end` is called when no more come."""

    def __init__(self, source, answer, end, segment, loop):
        self._source = source
        self._answer = answer
        self._end = end
        self._segment = segment
        self._loop = loop
        self._rest = b""

    def receive(self):
        """Obeys what has come."""
        try:
            data = os.read(self._source, _LONGEST_LINE)
            self._obey_lines(data)
        except (ConnectionError, BlockingIOError):
            data = b""  # Whoever asked does not take the answers.
        if not data:
            self._end()

    def _obey_lines(self, data):
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._answer(self._obey(line.decode(errors="replace").split()))
        if len(self._rest) > _LONGEST_LINE:
            self._rest = b""
            self._answer({"error": "the line is too long"})

    def _obey(self, words):
        match words:
            case ["counters"]:
                return {"ports": self._loop.summary()}
            case ["cut" | "join", name] if name not in self._segment.ports:
                return {"error": f"there is no node {name}; there are {', '.join(self._segment.ports)}"}
            case ["cut", name]:
                self._segment.cut(self._segment.ports[name])
                return {"cut": name}
            case ["join", name]:
                self._segment.join(self._segment.ports[name])
                return {"join": name}
            case ["impair", *options]:
                return self._impair(options)
        return {"error": "the commands are: cut NODE, join NODE, impair OPTION…, counters"}

    def _impair(self, options):
        try:
            impairments = Impairments.from_arguments(options)
        except ValueError as error:
            return {"error": str(error)}
        self._segment.impair(impairments)
        return {"impair": dataclasses.asdict(impairments)}
