"""A node's own command line, as the launcher sees it: a stream of prompts, echoes and answers.

A node prompts with `node K> ` at the start of a line, K being its number in the cluster, and with `node ?> ` as long as
it belongs to none. It echoes what is typed, and prompts again when a command is done. Answers are lines, and one that begins with `error: ` tells of a failure.
"""

import re

_PROMPT = re.compile(rb"node (\d+|\?)> ")
_ERROR = re.compile(r"^error: ", re.MULTILINE)
_LONGEST_LINE = 1024
LONGEST_COMMAND = 120
"""Characters that the hyperkernel takes."""


def is_command(text):
    """Whether `text` can be typed there as it is, and be echoed."""
    return text.isascii() and text.isprintable() and text.strip() == text and 0 < len(text) <= LONGEST_COMMAND


def is_failure(answer):
    return _ERROR.search(answer) is not None


class CommandLine:
    """What a node says there, and the command that it works on."""

    def __init__(self):
        self._text = b""
        self._echo = None

    def feed(self, data):
        self._text += data
        if self._echo is None:
            # Nobody waits for an answer.
            self._text = self.last_line[-_LONGEST_LINE:]

    @property
    def last_line(self):
        """What stands on the line that is not ended, as bytes."""
        return self._text.rpartition(b"\n")[2].lstrip(b"\r")

    @property
    def prompt(self):
        """The node's number, or "?", where it waits for a command; else None."""
        match = _PROMPT.fullmatch(self.last_line)
        return match[1].decode() if match else None

    def begin(self, command):
        """Notes that `command` is going to be typed at the prompt."""
        self._text = self.last_line
        self._echo = re.compile(_PROMPT.pattern + re.escape(command.encode()) + rb" *\r?\n")

    def take_output(self):
        """What the command has put out, without prompt and echo; None while it is not done."""
        echo = self._echo.search(self._text)
        if not echo or self.prompt is None:
            return None
        lines = self._text[echo.end() : self._text.rfind(b"\n") + 1]
        self._text, self._echo = self.last_line, None
        return lines.decode(errors="replace").replace("\r\n", "\n")
