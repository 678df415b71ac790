"""Real emulators on the switch. They run iPXE, the boot ROM that comes with QEMU: it asks for an address on and on, and
answers whoever asks for its own.
"""

import contextlib
import pathlib
import struct
import subprocess
import time
import unittest

from big_iron import fresh_directory
from cluster.switch import Switch
from network import BROADCAST, Emulator, address

_SECONDS = 60
_ROM = pathlib.Path("/usr/lib/ipxe/qemu/pxe-e1000.rom")
_PROBE = address(0xFF)
_IPV6 = b"\x86\xdd"
_ICMPV6 = 58
_NEIGHBOUR_SOLICITATION, _NEIGHBOUR_ADVERTISEMENT = 135, 136

_BOCHS = """\
display_library: rfb, options="timeout=0"
cpu: model=corei7_haswell_4770, ips=50000000
memory: guest=64, host=64
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
boot: network
pci: enabled=1, chipset=i440fx, slot1=e1000
e1000: card=0, enabled=1, mac={mac}, {option}, bootrom={rom}
clock: sync=none, time0=utc
sound: driver=dummy
panic: action=fatal
log: "{directory}/{name}.log"
"""


def card(number):
    return b"\x52\x54\x00\x12\x34" + bytes((number,))


def link_local(mac):
    """The IPv6 address that the card gives itself."""
    return b"\xfe\x80" + bytes(6) + bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]


def neighbour_solicitation(mac):
    """The probe's question to the card `mac`: whose is your address? RFC 4861, 4.3."""
    target, source = link_local(mac), link_local(_PROBE)
    message = struct.pack("!BBHI", _NEIGHBOUR_SOLICITATION, 0, 0, 0) + target + b"\x01\x01" + _PROBE
    covered = source + target + struct.pack("!II", len(message), _ICMPV6) + message
    total = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    message = message[:2] + struct.pack("!H", total ^ 0xFFFF) + message[4:]
    return mac + _PROBE + _IPV6 + struct.pack("!IHBB", 6 << 28, len(message), _ICMPV6, 255) + source + target + message


def is_answer(frame, mac):
    """Whether `frame` is the advertisement that answers such a question."""
    return frame[:14] == _PROBE + mac + _IPV6 and frame[20] == _ICMPV6 and frame[54] == _NEIGHBOUR_ADVERTISEMENT


class MachineTests(unittest.TestCase):
    seconds = 10

    def setUp(self):
        self.directory = fresh_directory(self.id())

    def connect(self, **nodes):
        """Starts a switch, a probe, and the emulators."""
        self.switch = Switch(self.directory, {**nodes, "probe": "qemu"}, capture=self.directory / "capture.pcap")
        self.switch.start()
        self.addCleanup(self.switch.stop)
        end = self.switch.attachments["probe"]
        self.probe = Emulator("qemu", end.emulator, end.switch)
        self.addCleanup(self.probe.close)
        self.macs = {}
        self.dumps = [name for name, kind in nodes.items() if kind == "qemu"]
        for number, (name, kind) in enumerate(nodes.items(), 1):
            self.macs[name] = card(number)
            command = self.qemu if kind == "qemu" else self.bochs
            self.run_emulator(name, command(name, self.macs[name].hex(":"), self.switch.attachments[name].option))

    def run_emulator(self, name, command):
        with open(self.directory / f"{name}.output", "wb") as output:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def qemu(self, name, mac, option):
        return [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg", "-m", "64",
            "-boot", "n", "-netdev", option, "-device", f"e1000,netdev=net0,mac={mac},romfile={_ROM}",
            "-object", f"filter-dump,id=dump,netdev=net0,file={self.directory / name}.pcap"]

    def bochs(self, name, mac, option):
        configuration = self.directory / f"{name}.bochsrc"
        configuration.write_text(
            _BOCHS.format(name=name, mac=mac, option=option, rom=_ROM, directory=self.directory))
        commands = self.directory / f"{name}.debugger"
        commands.write_text("continue\nquit\n")
        return ["bochs", "-q", "-f", str(configuration), "-rc", str(commands)]

    def listen_until(self, is_so):
        """Receives what reaches the probe until `is_so` says so of one frame more."""
        deadline = time.monotonic() + _SECONDS
        with contextlib.suppress(TimeoutError):
            while time.monotonic() < deadline:
                if is_so(self.probe.receive()):
                    return
        self.fail(f"what is waited for does not happen; see {self.directory}")

    def ask(self, mac):
        def note(frame):
            if not is_answer(frame, mac):
                self.probe.send(neighbour_solicitation(mac))
            return is_answer(frame, mac)

        self.probe.send(neighbour_solicitation(mac))
        self.listen_until(note)

    def captured(self, name):
        """What QEMU has on record of its own card, or the switch of all."""
        path = self.directory / f"{name}.pcap"
        return path.read_bytes() if path.exists() else b""

    def assert_all_hear_each_other(self):
        shouts = {name: BROADCAST + mac for name, mac in self.macs.items()}
        heard = set()

        def note(frame):
            heard.update(name for name, shout in shouts.items() if frame.startswith(shout))
            return heard == set(shouts) and all(
                shout in self.captured(dump) for dump in self.dumps for name, shout in shouts.items() if name != dump)

        self.listen_until(note)

    def assert_each_answers_the_probe_alone(self):
        for mac in self.macs.values():
            self.ask(mac)
        for name in self.macs:
            others = [mac for other, mac in self.macs.items() if other != name]
            for mac in others:
                self.assertNotIn(_PROBE + mac, self.captured(name), "a frame for the probe went elsewhere")
                self.assertNotIn(mac + _PROBE, self.captured(name), "a frame of the probe's went elsewhere")

    def assert_all_counted(self):
        ports = self.switch.stop()["ports"]
        # The switch sends a frame on before it writes it down: the capture is complete at the end.
        for mac in self.macs.values():
            self.assertIn(BROADCAST + mac, self.captured("capture"))
        for name, mac in self.macs.items():
            self.assertEqual(ports[name]["addresses"], [mac.hex(":")])
            self.assertGreaterEqual(ports[name]["sent"], 2)
            self.assertEqual(ports[name]["unsent"] + ports[name]["overflow_in"] + ports[name]["runts"], 0)

    def test_two_qemus_hear_each_other(self):
        self.connect(node0="qemu", node1="qemu")
        self.assert_all_hear_each_other()
        self.assert_each_answers_the_probe_alone()
        self.assert_all_counted()

    def test_a_qemu_and_a_bochs_hear_each_other(self):
        self.connect(node0="qemu", node1="bochs")
        self.assert_all_hear_each_other()
        self.assert_each_answers_the_probe_alone()
        self.assert_all_counted()
