"""Several shell commands in one run of a guest, and the output of each."""

import re


def make_script(sections):
    """A shell script that runs `sections`, commands by their names, in this order."""
    return "\n".join(f"echo '== {name}'; {command}" for name, command in sections.items())


def split(output):
    """The bytes that each section has put out so far, by its name."""
    pieces = re.split(rb"^== (.*)\n", output, flags=re.MULTILINE)[1:]
    return {name.decode(errors="replace"): text for name, text in zip(pieces[::2], pieces[1::2])}
