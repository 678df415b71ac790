"""When processes of a run get a core."""

import functools
import shutil
import subprocess

_PROMPT = ["chrt", "--reset-on-fork", "--fifo", "1"]


@functools.cache
def promptly():
    """What to start a program by whose main thread relays between others, and should not wait until those pause.

    An emulator's processors, which are threads of their own, are not meant: where they take all cores, a frame would wait
    some milliseconds in each program on its way. Only root may do that, as a rule; others get nothing.
    """
    if not shutil.which("chrt") or subprocess.run([*_PROMPT, "true"], capture_output=True).returncode != 0:
        return []
    return _PROMPT
