"""Commands for a switch that runs, one a line: `cut NODE`, `join NODE`, `counters`. Each is answered by a line of JSON."""

import json
import os

_LONGEST_LINE = 1024


class Commands:
    """Reads commands from the descriptor `source`; `answer` takes the lines. The end of `source` ends `loop`."""

    def __init__(self, source, answer, segment, loop):
        self._source = source
        self._answer = answer
        self._segment = segment
        self._loop = loop
        self._rest = b""

    def fileno(self):
        return self._source

    def receive(self):
        data = os.read(self._source, _LONGEST_LINE)
        if not data:
            self._loop.end()
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._answer(json.dumps(self._obey(line.decode(errors="replace").split())))
        if len(self._rest) > _LONGEST_LINE:
            self._rest = b""
            self._answer(json.dumps({"error": "the line is too long"}))

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
        return {"error": "the commands are: cut NODE, join NODE, counters"}
