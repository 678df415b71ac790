"""When processes of a run get a core."""

import os

_PRIORITY = 1


def run_promptly(process):
    """Lets the main thread of a process, which relays between others, have a core whenever it can run.

    Its other threads are not meant, an emulator's processors say: where they take all cores, a frame would wait some
    milliseconds in each program on its way. Only root may do that, as a rule, and not everywhere; else all stays as it is.

    Not while an emulated PC loads from its disk: QEMU's main thread then spins for what a processor's thread holds,
    which would get no core for most of a second.
    """
    try:
        os.sched_setscheduler(process, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(_PRIORITY))
    except OSError:
        pass
