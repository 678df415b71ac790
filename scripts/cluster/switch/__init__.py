"""A virtual Ethernet switch that joins emulated PCs to one segment, and can be as bad as a network ever gets.

Each emulator sends and receives raw frames, one in a UDP datagram on the loopback interface: QEMU by `-netdev dgram`,
Bochs by its socket module. For each of them the switch has a port, which is a socket (line.py). Frames go from port to
port as in a learning switch (segment.py). On the way they may be lost, delayed, reordered, duplicated or damaged
(impairments.py, flow.py), and what comes in can be captured (capture.py). One loop does it all, without threads
(loop.py).

The switch is a process of its own, so that a busy launcher delays no frame: the launcher starts and commands it
through `Switch` (process.py), people with `python3 -m cluster.switch` and `…switch.control`. It ends with its standard
input, and so with whoever started it, however that ends.
"""

from .impairments import Impairments
from .process import Attachment, Switch, SwitchError

__all__ = ["Attachment", "Impairments", "Switch", "SwitchError"]
