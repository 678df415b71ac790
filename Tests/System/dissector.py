"""tshark with scripts/bigiron.lua."""

import subprocess

from cluster import ROOT


def dissect(capture, *options):
    """What tshark says of a capture file."""
    command = ["tshark", "-n", "-X", f"lua_script:{ROOT}/scripts/bigiron.lua", "-r", capture, *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
