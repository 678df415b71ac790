"""The Ethernet controllers of emulated PCs, driven by the real hyperkernel: frames go out and come in."""

import json
import re
import socket
import threading
import time

from big_iron import HELLO, BigIronTestCase, complaints, qemu
from cluster.bochs import Bochs
from peer import Peer

ADDRESS = "52:54:00:12:34:01"
FRAMES = 400
SECONDS_TO_WAIT = 60


def qemu_with(device, port=None, place="addr=3", arguments=()):
    """QEMU with a controller on a UDP port, or on none; what it sends goes to the next one."""

    class Machine(qemu("EPYC")):
        def prepare(self, console):
            line = ("user,id=line,restrict=on" if port is None else
                    f"dgram,id=line,local.type=inet,local.host=127.0.0.1,local.port={port},"
                    f"remote.type=inet,remote.host=127.0.0.1,remote.port={port + 1}")
            return [
                *super().prepare(console), *arguments, "-netdev", line, "-device",
                f"{device},id=nic,netdev=line,mac={ADDRESS},romfile=,{place}"
            ]

    return Machine


def bochs_with_controller(port):
    class Machine(Bochs):
        def prepare(self, console):
            command = super().prepare(console)
            with open(command[command.index("-f") + 1], "a") as configuration:
                configuration.write(
                    "pci: enabled=1, chipset=i440fx, slot1=e1000\n"
                    f"e1000: card=0, enabled=1, mac={ADDRESS}, ethmod=socket, ethdev={port}\n")
            return command

    return Machine


class NetworkTestCase(BigIronTestCase):
    def echo(self, make_machine, description, expected_complaints=()):
        """Boots and lets frames of all sizes go round; returns the run and the peer."""
        with Peer(bytes.fromhex(ADDRESS.replace(":", ""))) as peer:
            run = self.boot(
                HELLO, machine=make_machine(peer.machine_port), options=["net=auto", f"debug.echo={FRAMES}"])
        self.assert_powered_off(run)
        self.assertEqual(complaints(run.log), list(expected_complaints))
        name, place, interrupts = description
        self.assertIn(f"NIC: {name} at {place}, {ADDRESS}, link up, 1000 Mb/s, {interrupts}\n", run.log)
        self.assertEqual(peer.problems, [])
        self.assertLessEqual({60, 61, 1513, 1514}, peer.sizes)
        self.assertRegex(run.log, r"NIC: received \d+ frames, \d+ bytes; dropped 0 bad, 0 broken, 0 short, 0 long")
        return run, peer


OLD = ("82540EM (8086:100e)", "0:3.0", "interrupts by line")
EXPRESS = ("82574L (8086:10d3)", "0:3.0", "interrupts by message")


class EchoTests(NetworkTestCase):
    def assert_echoes(self, make_machine, description, expected_complaints=()):
        run, peer = self.echo(make_machine, description, expected_complaints)
        self.assertEqual(peer.answers, FRAMES)
        self.assertRegex(run.log, rf"NIC: sent {FRAMES} frames, \d+ bytes; refused 0 for a full ring, 0 without link")
        self.assertRegex(run.log, rf"NIC: on the line \d+ received, {FRAMES} sent, 0 missed, 0 losses of the link")

    def test_frames_go_round_through_an_82540em_in_qemu(self):
        self.assert_echoes(lambda port: qemu_with("e1000", port), OLD)

    def test_frames_go_round_through_an_82545em_in_qemu(self):
        self.assert_echoes(
            lambda port: qemu_with("e1000-82545em", port), ("82545EM (8086:100f)", "0:3.0", "interrupts by line"))

    def test_frames_go_round_through_an_82574l_in_qemu(self):
        self.assert_echoes(lambda port: qemu_with("e1000e", port), EXPRESS)

    def test_frames_go_round_through_an_82540em_in_bochs(self):
        self.assert_echoes(bochs_with_controller, ("82540EM (8086:100e)", "0:2.0", "interrupts by line"))

    def test_a_controller_behind_a_bridge_is_found(self):
        bridge = ["-machine", "q35", "-device", "pcie-root-port,id=bridge"]
        self.assert_echoes(
            lambda port: qemu_with("e1000e", port, "bus=bridge", bridge),
            ("82574L (8086:10d3)", "1:0.0", "interrupts by message"))

    def test_frames_go_round_without_interrupts(self):
        # Without ACPI nobody tells where the I/O APIC is.
        self.assert_echoes(
            lambda port: qemu_with("e1000", port, arguments=["-machine", "pc,acpi=off"]),
            ("82540EM (8086:100e)", "0:3.0", "polled"),
            ["the firmware's ACPI tables are incomplete: no root pointer (RSDP)"])


class LinkTests(NetworkTestCase):
    def assert_survives_a_pulled_cable(self, device, description):
        pullers = []

        def make_machine(port):
            class Machine(qemu_with(device, port)):
                def prepare(self, console):
                    pullers.append(CablePuller(self.directory / "node0.log"))
                    return [*super().prepare(console), "-qmp", f"tcp:127.0.0.1:{pullers[0].port}"]

            return Machine

        run, peer = self.echo(make_machine, description)
        pullers[0].thread.join()
        self.assertIsNone(pullers[0].problem)
        self.assertEqual(re.findall(r"NIC: (link .*)", run.log), ["link down", "link up, 1000 Mb/s"])
        self.assertRegex(run.log, rf" {FRAMES} sent, 0 missed, 1 losses of the link")
        # Some may have been on their way.
        self.assertGreater(peer.answers, FRAMES * 9 // 10)

    def test_an_82540em_goes_on_after_the_cable_was_pulled(self):
        self.assert_survives_a_pulled_cable("e1000", OLD)

    def test_an_82574l_goes_on_after_the_cable_was_pulled(self):
        self.assert_survives_a_pulled_cable("e1000e", EXPRESS)


class CablePuller:
    """Pulls QEMU's cable once frames go round, and puts it back when that has been noticed."""

    def __init__(self, log):
        self.log = log
        self.problem = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(SECONDS_TO_WAIT)
        self.port = self.listener.getsockname()[1]
        """Where QEMU's monitor is to connect."""
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            with self.listener, self.listener.accept()[0] as monitor, monitor.makefile("rw") as stream:
                _execute(stream, "qmp_capabilities")
                self._wait_for("frames of type 88b5 will be sent back")
                _execute(stream, "set_link", name="nic", up=False)
                self._wait_for("NIC: link down")
                _execute(stream, "set_link", name="nic", up=True)
        except (OSError, TimeoutError, ValueError) as problem:
            self.problem = problem

    def _wait_for(self, words):
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while words not in (self.log.read_text(errors="replace") if self.log.exists() else ""):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the log never said {words!r}")
            time.sleep(0.01)


def _execute(stream, command, **arguments):
    """Gives QEMU's monitor a command and waits until it is done."""
    stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    stream.flush()
    while "return" not in (answer := json.loads(stream.readline())):
        if "error" in answer:
            raise ValueError(answer)


class RefusalTests(NetworkTestCase):
    def test_a_controller_that_is_not_supported_is_named(self):
        run = self.boot(HELLO, machine=qemu_with("rtl8139"), options=["net=auto"])
        self.assert_powered_off(run)
        self.assertEqual(
            complaints(run.log), ["NIC: 10ec:8139 at 0:3.0 is not supported", "NIC: none that can be used"])

    def test_a_machine_without_a_controller_runs_its_guest(self):
        run = self.boot(HELLO, machine=qemu("EPYC"), options=["net=auto"])
        self.assert_powered_off(run)
        self.assertEqual(complaints(run.log), ["NIC: none that can be used"])

    def test_a_controller_that_nobody_asked_for_is_left_alone(self):
        run = self.boot(HELLO, machine=qemu_with("e1000"))
        self.assert_powered_off(run)
        self.assertNotIn("NIC", run.log)
