"""A node without hyperkernel and without emulator, to test how the launcher handles a cluster: a small program at the
node's serial line and at its port of the switch.

It broadcasts its address on and on, says in its log when it hears as many others as it should, when one falls silent
and when it is back, and obeys a command line. Where its image has boot modules it runs a guest (stand_in_guest.py) once
it hears all: then all nodes end when the guest does, or when one of them is missed. Only those of the hyperkernel's
ways are in it that a launcher sees.
"""

import re
import select
import socket
import sys
import time

from cluster.machine import Machine
from cluster.multiplex import Channel, Demultiplexer
from stand_in_guest import Guest

_BROADCAST = b"\xff" * 6
_TYPE = b"\x88\xb5"
_SECONDS_BETWEEN_FRAMES = 0.02
_SECONDS_OF_SILENCE = 0.3
_SECONDS_TO_BE_MISSED = 3
"""More than a busy host keeps a process waiting."""
_GUEST_RUNS = b"the guest runs"
_HEADER = 14


class StandInNode(Machine):
    """On the network as a QEMU."""

    name = "stand-in"
    emulator = "qemu"
    network_cards = ("made-up",)
    manner = "good"
    """One of the things that a node can do wrong, as `main` knows them."""

    def prepare(self, port):
        card = self.network_card
        options, modules = _contents(self.image.read_bytes())
        ends = re.findall(r"(?:\.port|ethdev)=(\d+)", card.connection)
        own, remote = (ends * 2)[:2] if len(ends) == 2 else (ends[0], str(int(ends[0]) + 1))
        return [
            sys.executable, __file__, str(port), own, remote, card.address, str(self.number), str(self.hardware.cores),
            self.manner, options, str(modules), str(self.directory / "initrd0")]


def _contents(image):
    """What an image boots: the hyperkernel's options, and how many modules."""
    options = re.search(rb"\nif multiboot2 '[^']*' ([^;]*);", image)[1].replace(b"'", b"").decode()
    return options, len(set(re.findall(rb"\n(if module2 '[^']*') ", image)))


class StandInBochs(StandInNode):
    """On the network as a Bochs."""

    emulator = "bochs"


def node_that(manner, kind=StandInNode):
    return type("StandInNode", (kind,), {"manner": manner})


class Program:
    def __init__(self, console, own, remote, address, number, count, manner):
        self.console = socket.create_connection(("127.0.0.1", console))
        self.network = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.network.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.network.bind(("127.0.0.1", own))
        self.network.connect(("127.0.0.1", remote))
        self.address = bytes.fromhex(address.replace(":", ""))
        self.number = number
        self.count = count
        """How many nodes there should be."""
        self.manner = manner
        self.guest = None
        self.is_guests = False
        """Whether a guest runs on the cluster."""
        self.news = b""
        """Of the guest, for the other nodes."""
        self.heard = {}
        """When each other address was heard last."""
        self.silent = set()
        self.has_formed = False
        self.input = Demultiplexer(Channel.CONSOLE)
        self.line = b""

    def say(self, channel, text):
        data = text.encode().replace(b"\x10", b"\x10\x10")
        self.console.sendall(b"\x10" + bytes((channel.value,)) + data)

    def log(self, text):
        self.say(Channel.LOG, f"[{time.monotonic():12.6f}] 0 info  {text}\n")

    def prompt(self):
        self.say(Channel.COMMANDS, f"node {self.number if self.has_formed else '?'}> ")

    def run(self):
        self.log(f"this is {self.address.hex(':')}")
        self.prompt()
        next_frame = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= next_frame:
                if not (self.manner == "mute" and self.is_guests):
                    self.send_frame()
                next_frame = now + _SECONDS_BETWEEN_FRAMES
            self.note_silence(now)
            for end in select.select([self.console, self.network], [], [], max(0, next_frame - now))[0]:
                self.receive_frame() if end is self.network else self.receive_keys()

    def send_frame(self):
        try:
            self.network.send(_BROADCAST + self.address + _TYPE + self.news)
        except ConnectionRefusedError:
            pass

    def receive_frame(self):
        try:
            frame = self.network.recv(2048)
        except ConnectionRefusedError:
            return
        address = frame[6:12]
        self.heard[address] = time.monotonic()
        if address in self.silent:
            self.silent.remove(address)
            self.log(f"{address.hex(':')} is back")
        if not self.has_formed and len(self.heard) + 1 == self.count:
            self.has_formed = True
            self.log(f"cluster: {self.count} nodes, epoch 1")
            if self.guest:
                self.is_guests, self.news = True, _GUEST_RUNS
                self.guest.start()
        if news := frame[_HEADER:]:
            self.take_news(news)

    def take_news(self, news):
        """What the guest's node, or one that misses another, says to all."""
        if news == _GUEST_RUNS:
            self.is_guests = True
            if self.manner == "dying":
                self.log("power fails")
                sys.exit()
        elif self.manner != "stuck":
            self.end(news.decode())

    def end_all(self, reason):
        """Ends the guest, on all nodes."""
        self.news = reason.encode()
        self.send_frame()
        self.end(reason)

    def note_silence(self, now):
        for address, heard in self.heard.items():
            if address not in self.silent and now - heard > _SECONDS_OF_SILENCE:
                self.silent.add(address)
                self.log(f"{address.hex(':')} is silent")
            if self.is_guests and self.manner == "good" and now - heard > _SECONDS_TO_BE_MISSED:
                self.end_all("fault")

    def receive_keys(self):
        data = self.console.recv(4096)
        if not data:
            sys.exit()
        for channel, content in self.input.feed(data):
            if channel is Channel.COMMANDS:
                for key in content.decode():
                    self.take_key(key)
            elif channel is Channel.CONSOLE and self.is_guests and self.guest:
                self.guest.take_keys(content.decode())

    def take_key(self, key):
        if key != "\r":
            self.line += key.encode()
            self.say(Channel.COMMANDS, key)
            return
        command, self.line = self.line.decode(), b""
        self.say(Channel.COMMANDS, "\r\n")
        self.obey(command)
        self.prompt()

    def obey(self, command):
        name, _, rest = command.partition(" ")
        if name == "say":
            self.say(Channel.COMMANDS, rest.replace("/", "\r\n") + "\r\n")
        elif name == "count":
            self.say(Channel.COMMANDS, "".join(f"{number}\r\n" for number in range(int(rest))))
        elif name == "shutdown":
            self.end("poweroff")
        elif name == "vanish":
            sys.exit()
        elif name == "panic":
            self.say(Channel.LOG, "error panic: as it was told\n")
            self.end("panic")

    def end(self, reason):
        present = 1 + len(self.heard) - len(self.silent)
        self.say(Channel.REPORT, f'{{"end": "{reason}", "heard": {len(self.heard)}, "nodes": {present}}}\n')
        self.console.close()
        sys.exit()


def main():
    console, own, remote, address, number, count, manner, options, modules, initrd = sys.argv[1:]
    if manner == "absent":
        sys.exit("there is no such machine")
    told = re.search(r"\bnode=(\d+)", options)
    number = told[1] if told else number
    program = Program(int(console), int(own), int(remote), address, int(number), int(count), manner)
    program.log(f"options: {options}; modules: {modules}")
    if int(modules):
        program.guest = Guest(initrd, program.say, program.end_all)
    if manner == "refusing":
        program.log("nothing suits it")
        program.end("refused")
    program.run()


if __name__ == "__main__":
    main()
