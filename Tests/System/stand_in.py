"""Machines that need no hyperkernel, to test the scripts around it.

Playback says what it is told to. StandIn runs Linux in plain QEMU and speaks for it as a node would: the guest's two
serial ports in one stream, and a report at the end.
"""

import json
import select
import socket
import subprocess
import sys
import tempfile

from cluster.image import GUEST_COMMAND_LINE, GUEST_KERNEL
from cluster.initramfs import INIT
from cluster.machine import Machine

_DLE = b"\x10"


class Playback(Machine):
    """Sends `stream`, then closes the line, or keeps it open where it `hangs`."""

    name = "playback"
    stream = b""
    hangs = False

    def prepare(self, port):
        program = "import socket, sys; s = socket.create_connection(('localhost', int(sys.argv[1]))); "
        program += "s.sendall(bytes.fromhex(sys.argv[2])); "
        program += "s.recv(1 << 16) if sys.argv[3] == 'True' else s.close()"
        return [sys.executable, "-c", program, str(port), self.stream.hex(), str(self.hangs)]


def playback(stream, hangs=False):
    return type("Playback", (Playback,), {"stream": stream, "hangs": hangs})


class StandIn(Machine):
    name = "stand-in"

    def prepare(self, port):
        return [sys.executable, __file__, str(port), str(self.directory / "initrd0"), str(self.hardware.cores)]


def speak(port, initrd, cores):
    node = socket.create_connection(("localhost", port))
    node.sendall(b"a stand-in for the hyperkernel\n")
    with tempfile.TemporaryDirectory() as directory:
        listeners = [socket.create_server(f"{directory}/com{n}", family=socket.AF_UNIX) for n in (1, 2)]
        serial_ports = []
        for n in (1, 2):
            serial_ports += ["-chardev", f"socket,id=com{n},path={directory}/com{n}", "-serial", f"chardev:com{n}"]
        machine = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-display", "none", "-net", "none", "-no-reboot",
             "-m", "512", "-smp", cores,
             "-kernel", GUEST_KERNEL, "-initrd", initrd, "-append", f"{GUEST_COMMAND_LINE} rdinit={INIT}",
             *serial_ports, "-qmp", "stdio"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        machine.stdin.write(b'{"execute": "qmp_capabilities"}\n')
        machine.stdin.flush()
        console, output = [listener.accept()[0] for listener in listeners]
        channels = {console: b"G", output: b"X"}
        sources = [node, console, output]
        while console in sources:
            for source in select.select(sources, [], [])[0]:
                data = source.recv(4096)
                if not data:
                    sources.remove(source)
                elif source is node:
                    console.sendall(data.replace(_DLE + _DLE, _DLE))
                else:
                    node.sendall(_DLE + channels[source] + data.replace(_DLE, _DLE + _DLE))
        events = machine.stdout.read()
        machine.wait()
    report = {"end": "reset" if b"guest-reset" in events or b"guest-panic" in events else "poweroff"}
    node.sendall(_DLE + b"J" + json.dumps(report).encode() + b"\n")


if __name__ == "__main__":
    speak(int(sys.argv[1]), sys.argv[2], sys.argv[3])
