"""The switch as a process: how the launcher starts, commands and ends it, and its command line."""

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from cluster.switch import Impairments, Switch, SwitchError
from cluster.switch.line import BochsLine
from network import BROADCAST, Emulator, address, frame

_SECONDS = 20
_COMMAND = [sys.executable, "-m", "cluster.switch"]
_CONTROL = [sys.executable, "-m", "cluster.switch.control"]

# Starts a switch, says its process's number and waits to be killed.
_LAUNCHER = """
import sys
from cluster.switch import Switch
switch = Switch(sys.argv[1], {"node0": "qemu"})
switch.start()
print(switch._process.pid, flush=True)
sys.stdin.read()
"""


class ProcessTestCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def start(self, nodes, *arguments, **more):
        """A switch, and emulators that are connected to it."""
        switch = Switch(self.directory, nodes, *arguments, **more)
        switch.start()
        self.addCleanup(switch.stop)
        emulators = []
        for name, kind in nodes.items():
            attachment = switch.attachments[name]
            emulators.append(Emulator(kind, attachment.emulator, attachment.switch))
            self.addCleanup(emulators[-1].close)
        return switch, *emulators

    def assert_ends(self, process_descriptor):
        self.assertTrue(select.select([process_descriptor], [], [], _SECONDS)[0], "it goes on")


class SwitchProcessTests(ProcessTestCase):
    def test_frames_pass_between_both_kinds_of_emulators(self):
        switch, a, b = self.start({"node0": "qemu", "node1": "bochs"})
        a.send(frame(BROADCAST, address(0), b"from QEMU"))
        self.assertEqual(b.receive(), frame(BROADCAST, address(0), b"from QEMU"))
        b.send(frame(address(0), address(1), b"from Bochs"))
        self.assertEqual(a.receive(), frame(address(0), address(1), b"from Bochs"))

    def test_the_attachment_is_the_emulators_option(self):
        switch, *_ = self.start({"node0": "qemu", "node1": "bochs"})
        qemu, bochs = switch.attachments.values()
        self.assertEqual(qemu.option, (
            f"dgram,id=net0,local.type=inet,local.host=127.0.0.1,local.port={qemu.emulator},"
            f"remote.type=inet,remote.host=127.0.0.1,remote.port={qemu.switch}"))
        self.assertEqual(bochs.option, f"ethmod=socket, ethdev={bochs.emulator}")
        self.assertEqual(bochs.switch, bochs.emulator + 1)

    def test_a_cable_is_cut_and_joined_while_it_runs(self):
        switch, a, b = self.start({"node0": "qemu", "node1": "qemu"})
        switch.cut("node1")
        a.send(frame(BROADCAST, address(0), b"lost"))
        # The switch may see a command before a frame that was sent before it.
        while not (counters := switch.counters())["node1"]["cut_out"]:
            self.assertTrue(counters["node1"]["is_cut"])
        switch.join("node1")
        a.send(frame(BROADCAST, address(0), b"heard"))
        self.assertEqual(b.receive(), frame(BROADCAST, address(0), b"heard"))
        counters = switch.counters()["node1"]
        self.assertEqual((counters["is_cut"], counters["cut_out"], counters["sent"]), (False, 1, 1))

    def test_a_command_for_an_unknown_node_is_an_error_and_the_switch_goes_on(self):
        switch, a, b = self.start({"node0": "qemu", "node1": "qemu"})
        for name in ("node2", "", "node0 node1", "node0\njoin node1"):
            with self.assertRaises(SwitchError):
                switch.cut(name)
        a.send(frame(BROADCAST, address(0)))
        self.assertEqual(b.receive(), frame(BROADCAST, address(0)))

    def test_impairments_and_seed_arrive_in_the_process(self):
        impairments = Impairments(delay=30, duplicate=1)
        switch, a, b = self.start({"node0": "qemu", "node1": "qemu"}, impairments, seed=7)
        began = time.monotonic()
        a.send(frame(BROADCAST, address(0)))
        self.assertEqual([b.receive(), b.receive()], [frame(BROADCAST, address(0))] * 2)
        self.assertGreaterEqual(time.monotonic() - began, 0.030)
        summary = switch.stop()
        self.assertEqual((summary["seed"], summary["impairments"]), (7, dataclasses.asdict(impairments)))

    def test_impairments_change_while_it_runs(self):
        switch, a, b = self.start({"node0": "qemu", "node1": "qemu"}, Impairments(loss=1))
        switch.impair(Impairments(duplicate=1))
        a.send(frame(BROADCAST, address(0)))
        self.assertEqual([b.receive(), b.receive()], [frame(BROADCAST, address(0))] * 2)
        self.assertEqual(switch.stop()["impairments"], dataclasses.asdict(Impairments(duplicate=1)))

    def test_the_end_brings_counters_and_a_complete_capture(self):
        capture = self.directory / "capture.pcap"
        switch, a, b = self.start({"node0": "qemu", "node1": "qemu"}, capture=capture)
        for _ in range(100):
            a.send(frame(BROADCAST, address(0), bytes(46)))
            b.receive()
        summary = switch.stop()
        self.assertEqual(summary["ports"]["node1"]["sent"], 100)
        self.assertEqual(summary["ports"]["node0"]["addresses"], ["02:00:00:00:00:00"])
        self.assertEqual(summary["pcap"], {"file": str(capture), "error": None})
        self.assertEqual(capture.stat().st_size, 24 + 100 * (16 + 60))
        self.assertIsNone(switch.stop())

    def test_any_process_can_command_it_through_a_socket(self):
        control = self.directory / "control"
        switch, a, b = self.start({"node0": "qemu", "node1": "qemu"}, control=control)

        def tell(*words):
            result = subprocess.run([*_CONTROL, str(control), *words], capture_output=True, text=True)
            self.assertEqual(result.stderr, "")
            return result.returncode, json.loads(result.stdout)

        self.assertEqual(tell("cut", "node1"), (0, {"cut": "node1"}))
        self.assertTrue(switch.counters()["node1"]["is_cut"])
        self.assertEqual(tell("join", "node1"), (0, {"join": "node1"}))
        self.assertEqual(tell("impair", "--delay=0.5"), (0, {"impair": dataclasses.asdict(Impairments(delay=0.5))}))
        status, answer = tell("cut", "node2")
        self.assertEqual((status, list(answer)), (1, ["error"]))
        a.send(frame(BROADCAST, address(0)))
        self.assertEqual(b.receive(), frame(BROADCAST, address(0)))
        self.assertEqual(tell("counters"), (0, {"ports": switch.counters()}))
        switch.stop()
        self.assertFalse(control.exists())
        result = subprocess.run([*_CONTROL, str(control), "counters"], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("No such file or directory", result.stderr)

    def test_bad_company_on_that_socket_is_survived(self):
        control = self.directory / "control"
        with socket.socket(socket.AF_UNIX) as former:
            former.bind(str(control))
        switch, _ = self.start({"node0": "qemu"}, control=control)
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(40)]
            for connection in connections:
                connection.settimeout(_SECONDS)
                connection.connect(str(control))
            # Asks on and on and never takes an answer.
            with self.assertRaises(ConnectionError):
                while True:
                    connections[0].sendall(b"counters\n" * 100)
            connections[1].send(b"counters")  # and hangs up in the midst of it
            # Of more than a few, the last are turned away.
            self.assertEqual(connections[-1].recv(1), b"")
        # Where it has answered twice, it has seen in between that they have left.
        switch.counters(), switch.counters()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(str(control))
            connection.sendall(b"cut node0\n")
            self.assertEqual(connection.makefile().readline(), '{"cut": "node0"}\n')

    def test_a_socket_that_cannot_be_made_is_said(self):
        switch = Switch(self.directory, {"node0": "qemu"}, control=self.directory / "none/control")
        with self.assertRaisesRegex(SwitchError, "No such file or directory"):
            switch.start()

    def test_a_port_that_is_taken_is_said(self):
        taken = BochsLine("node0")
        self.addCleanup(taken.close)
        result = subprocess.run([*_COMMAND, f"--bochs=node0={taken.emulator}"], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertEqual(result.stderr, f"switch: UDP port {taken.switch}: Address already in use\n")

    def test_a_capture_that_cannot_be_written_is_said(self):
        switch = Switch(self.directory, {"node0": "qemu"}, capture=self.directory / "none/capture.pcap")
        with self.assertRaisesRegex(SwitchError, "No such file or directory"):
            switch.start()

    def test_a_switch_that_has_ended_is_readable_and_says_so(self):
        switch, _ = self.start({"node0": "qemu"})
        self.assertEqual(select.select([switch], [], [], 0)[0], [])
        os.kill(switch._process.pid, signal.SIGKILL)
        self.assert_ends(switch)
        with self.assertRaises(SwitchError):
            switch.cut("node0")
        self.assertIsNone(switch.stop())


class EndTests(ProcessTestCase):
    def test_it_dies_with_the_launcher_however_that_ends(self):
        launcher = subprocess.Popen(
            [sys.executable, "-c", _LAUNCHER, str(self.directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(launcher.communicate)
        self.addCleanup(launcher.kill)
        descriptor = os.pidfd_open(int(launcher.stdout.readline()))
        self.addCleanup(os.close, descriptor)
        self.assertEqual(select.select([descriptor], [], [], 0)[0], [])
        launcher.kill()
        self.assert_ends(descriptor)

    def start_command(self):
        process = subprocess.Popen(
            [*_COMMAND, "--qemu=node0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process, json.loads(process.stdout.readline())

    def test_a_signal_ends_it_with_counters(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process, _ = self.start_command()
            process.send_signal(number)
            output, errors = process.communicate(timeout=_SECONDS)
            self.assertEqual((process.returncode, errors), (0, b""))
            self.assertIn("node0", json.loads(output)["ports"])

    def test_the_end_of_its_reader_ends_it_silently(self):
        process, _ = self.start_command()
        process.stdout.close()
        process.stdin.close()
        self.assertEqual((process.wait(_SECONDS), process.stderr.read()), (0, b""))
        process.stdin, process.stdout = None, None

    def test_bad_commands_are_answered_one_by_one(self):
        process, _ = self.start_command()
        commands = [
            b"", b"cut", b"cut node1", b"\xff\xfe\x00", b"join node0 node0", b"impair --loss=2", b"impair -h",
            b"cut node0"]
        output, errors = process.communicate(b"\n".join(commands) + b"\n" + b"x" * 5000, timeout=_SECONDS)
        *answers, summary = [json.loads(line) for line in output.splitlines()]
        self.assertTrue(all("error" in answer for answer in answers[:7]), answers)
        self.assertEqual(answers[7], {"cut": "node0"})
        self.assertEqual({answer["error"] for answer in answers[8:]}, {"the line is too long"})
        self.assertTrue(summary["ports"]["node0"]["is_cut"])
        self.assertEqual(errors, b"")


class CommandLineTests(unittest.TestCase):
    def test_what_makes_no_sense_is_refused(self):
        for arguments, message in (
            (["--loss=1.5"], "argument --loss: must be from 0 to 1"),
            (["--corrupt=nan"], "argument --corrupt: must be from 0 to 1"),
            (["--delay=-1"], "argument --delay: must be a time in milliseconds"),
            (["--delay=inf"], "argument --delay: must be a time in milliseconds"),
            (["--delay=1", "--jitter=2"], "--jitter: must not be more than --delay"),
            (["--queue=0"], "argument --queue: must be at least 1"),
            (["--bochs=a=x"], "argument --bochs: 'a=x': must be NODE or NODE=PORT"),
            (["--qemu=a b"], "argument --qemu: 'a b': must be a name without spaces"),
            (["--qemu=a", "--bochs=a"], "two nodes have the same name"),
        ):
            result = subprocess.run([*_COMMAND, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual((result.returncode, result.stdout), (2, ""), arguments)
            self.assertIn(f"error: {message}\n", result.stderr)

    def test_arguments_make_the_same_impairments_again(self):
        impairments = Impairments(loss=0.1, duplicate=1e-7, corrupt=0.3, reorder=1, delay=12.5, jitter=0.1)
        output = subprocess.run(
            [*_COMMAND, *impairments.as_arguments()], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
        self.assertEqual(json.loads(output.splitlines()[-1])["impairments"], dataclasses.asdict(impairments))
